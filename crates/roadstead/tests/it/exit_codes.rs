use crate::room::{Ran, Room, base, image, payload, says, verdict};
use serde_json::{Value, json};
use test_support::{
    Compression, ImageBuilder, Layer, LayerBuilder, RawHeader, gnu_long_name, pax_header, sha256_digest,
};

fn check_refused(args: &[&str], expect: &str) {
    let room = Room::new();
    let ran = room.run(args);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}: {ran:?}");
    assert!(ran.err.starts_with("error: "), "{args:?}: {ran:?}");
    assert!(ran.err.contains(expect), "{args:?}: {ran:?}");
    assert!(!ran.err.contains("panicked"), "{args:?}: {ran:?}");
}

#[test]
fn a_clean_image_leaves_with_0_and_a_known_miner_with_1() {
    let room = Room::new();
    let clean = room.layout("clean", &image().layer(base()).build());
    let (code, report) = room.report(&clean, &[]);
    assert_eq!((code, verdict(&report)), (0, "clean"), "{report:#}");
    let harmful = room.layout(
        "harmful",
        &image().layer(base()).layer(LayerBuilder::new().file("opt/x", 0o755, payload())).build(),
    );
    let (code, report) = room.report(&harmful, &[]);
    assert_eq!((code, verdict(&report)), (1, "malicious"), "{report:#}");
    let without_list =
        Ran::of(room.command().args(["scan", "--no-cache", "--format", "json"]).arg(&harmful)).json();
    assert!(crate::room::known(&without_list).is_empty(), "the list alone knows the file");
}

#[test]
fn fail_on_moves_the_bar_and_nothing_else() {
    let room = Room::new();
    let layer = LayerBuilder::new().file("opt/x", 0o755, payload());
    let residue = room.layout(
        "residue",
        &image().layer(base()).layer(layer).layer(LayerBuilder::new().whiteout("opt/x")).build(),
    );
    let (code, default) = room.report(&residue, &[]);
    assert_eq!((code, verdict(&default)), (0, "suspicious"), "{default:#}");
    let (code, strict) = room.report(&residue, &["--fail-on", "suspicious"]);
    assert_eq!((code, verdict(&strict)), (1, "suspicious"));
    assert_eq!(default["findings"], strict["findings"]);
}

#[test]
fn what_cannot_be_opened_leaves_with_2_and_one_clear_message() {
    check_refused(&["scan", "oci:/nowhere/at/all"], "because: ");
    check_refused(&["scan", "docker-archive:/nowhere.tar"], "/nowhere.tar");
    check_refused(&["scan", "oci-archive:/nowhere.tar"], "/nowhere.tar");
    check_refused(&["scan", "dir:/nowhere"], "/nowhere");
    check_refused(&["scan", "./nowhere"], "there is no such file");
    check_refused(&["scan", "oci:"], "nothing follows oci:");
    check_refused(&["scan", "UPPER/case"], "UPPER/case");
    check_refused(&["scan", ""], "error: ");
    check_refused(&["scan", "feed.txt"], "neither an OCI layout");
    check_refused(&["scan", "docker-archive:feed.txt"], "feed.txt");
    check_refused(&["files", "oci:/nowhere"], "because: ");
    check_refused(&["scan", "--known-hashes", "/nowhere.txt", "."], "hash list /nowhere.txt");
    check_refused(&["scan", "--mirror", "nonsense", "debian"], "--mirror");
    check_refused(&["explain", "S-NO-SUCH"], "S-NO-SUCH");
    check_refused(&["explain", "feed.txt"], "no report");
}

#[test]
fn wrong_usage_leaves_with_2_and_says_what_is_right() {
    check_refused(&["scan"], "IMAGE");
    check_refused(&["scan", "--format", "xml", "debian"], "sarif");
    check_refused(&["scan", "--fail-on", "clean", "debian"], "suspicious");
    check_refused(&["scan", "--jobs", "many", "debian"], "--jobs");
    check_refused(&["scan", "--platform", "///", "debian"], "--platform");
    check_refused(&["scan", "--bogus", "debian"], "--bogus");
    check_refused(&["polish"], "polish");
}

#[test]
fn a_registry_that_does_not_answer_leaves_with_2() {
    // Nothing listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let reference = format!("docker://127.0.0.1:{port}/a/b:1");
    check_refused(&["scan", "--plain-http", &format!("127.0.0.1:{port}"), &reference], "because: ");
}

fn check_incomplete(image: ImageBuilder, expect: &str) {
    let room = Room::new();
    let locator = room.layout("image", &image.build());
    let (code, report) = room.report(&locator, &[]);
    assert_eq!(code, 3, "{expect}: {report:#}");
    assert!(!report["gaps"].as_array().unwrap().is_empty(), "{expect}: {report:#}");
    assert!(says(&report, expect), "{expect}: {report:#}");
    let again = room.report(&locator, &[]);
    assert_eq!((again.0, &again.1["gaps"]), (3, &report["gaps"]), "a second scan forgets the gap: {expect}");
}

fn tar() -> Vec<u8> {
    base().build()
}

#[test]
fn a_layer_that_is_not_wholly_read_leaves_with_3() {
    let whole = Compression::Gzip.apply(&tar());
    let cut = whole[..whole.len() / 2].to_vec();
    check_incomplete(image().layer(Layer::new(tar()).stored(cut)), "truncated");
    let short = tar()[..700].to_vec();
    check_incomplete(image().layer(Layer::new(short)), "truncated");
    check_incomplete(image().layer(base().trailing(payload())), "trailing-data");
    check_incomplete(
        image().layer(Layer::new(tar()).stored([whole.as_slice(), b"more"].concat())),
        "trailing-compressed",
    );
    check_incomplete(image().layer(Layer::new(tar()).stored(b"\xfd7zXZ\0rest".to_vec())), "xz");
    check_incomplete(image().layer(Layer::new(tar()).stored(b"BZh91AY&SYrest".to_vec())), "bzip2");
    let bad = base().raw(RawHeader::ustar("opt/x", b'0', 3).wrong_checksum(1).entry(b"abc"));
    check_incomplete(image().layer(bad), "bad-checksum");
    check_incomplete(image().layer(Layer::new(tar()).stored(Vec::new())), "layer 0");
}

#[test]
fn headers_that_two_readers_take_for_two_files_leave_with_3() {
    let file = || RawHeader::ustar("opt/x", b'0', 3).entry(b"abc");
    let with = |raw: Vec<u8>| image().layer(base().raw(raw).raw(file()));
    let pax = |body: &[u8]| RawHeader::ustar("pax", b'x', body.len() as u64).entry(body);
    check_incomplete(with(pax(b"99 path=opt/y\n")), "bad-extended-header");
    check_incomplete(with(pax(b"nonsense")), "bad-extended-header");
    check_incomplete(with(pax_header(&[(b"path", b"a"), (b"path", b"b")])), "conflicting-headers");
    check_incomplete(with(pax_header(&[(b"size", b"-1")])), "bad-number");
    check_incomplete(
        with([gnu_long_name("a"), pax_header(&[(b"path", b"b")])].concat()),
        "conflicting-headers",
    );
    check_incomplete(
        with(RawHeader::ustar("a", b'0', 0).set(124, "99999999999\0").build().to_vec()),
        "bad-number",
    );
}

#[test]
fn a_layer_that_is_not_the_declared_one_leaves_with_3() {
    let other = sha256_digest(b"other");
    check_incomplete(image().layer(Layer::new(tar()).digest(&other)), "digest-mismatch");
    check_incomplete(image().layer(Layer::new(tar()).diff_id(&other)), "diff-id-mismatch");
    check_incomplete(image().layer(Layer::new(tar()).size(3)), "more than the declared 3 bytes");
    check_incomplete(image().layer(Layer::new(tar()).size(1 << 20)), "1048576");
}

fn sha512(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let hash = sha2::Sha512::digest(bytes);
    format!("sha512:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

#[test]
fn a_layer_declared_by_sha512_is_held_to_it() {
    let right = sha512(&Compression::Gzip.apply(&tar()));
    let (other, right_diff) = (sha512(b"other"), sha512(&tar()));
    check_incomplete(image().layer(Layer::new(tar()).digest(&other)), "digest-mismatch");
    check_incomplete(image().layer(Layer::new(tar()).diff_id(&other)), "diff-id-mismatch");
    let room = Room::new();
    // What is kept of the same bytes, declared by SHA-256, does not vouch for another sum.
    let plain = room.layout("plain", &image().layer(base()).build());
    assert_eq!(room.report(&plain, &[]).0, 0);
    let honest =
        room.layout("honest", &image().layer(Layer::new(tar()).digest(&right).diff_id(&right_diff)).build());
    let lying = room.layout("lying", &image().layer(Layer::new(tar()).digest(&other)).build());
    for _ in 0..2 {
        let (code, report) = room.report(&honest, &[]);
        assert_eq!((code, verdict(&report)), (0, "clean"), "{report:#}");
        assert_eq!(room.report(&lying, &[]).0, 3);
    }
}

#[test]
fn a_layer_that_is_not_there_leaves_with_3() {
    let other = || LayerBuilder::new().file("opt/other", 0o644, b"other").build();
    check_incomplete(image().layer(base()).layer(Layer::new(other()).absent()), "layer 1");
    let foreign = Layer::new(other()).urls(&["http://127.0.0.1:1/layer"]).absent();
    check_incomplete(image().layer(base()).layer(foreign), "foreign-layer");
}

#[test]
fn an_address_in_a_layer_is_never_fetched() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}/layer", listener.local_addr().unwrap());
    let room = Room::new();
    let foreign = Layer::new(tar())
        .urls(&[&address])
        .media_type("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
        .absent();
    let (code, _) = room.report(&room.layout("image", &image().layer(foreign).build()), &[]);
    assert_eq!(code, 3);
    assert!(listener.accept().is_err(), "the layer was fetched from where the manifest says");
}

/// Whatever a document holds, the program ends in an orderly way, and never with a clean bill.
fn check_not_clean(image: ImageBuilder, expect: &str) {
    let room = Room::new();
    let ran = room.scan(&room.layout("image", &image.build()), &["--format", "json"]);
    assert!([2, 3].contains(&ran.code), "{expect}: {ran:?}");
    assert!(ran.out.contains(expect) || ran.err.contains(expect), "{expect}: {ran:?}");
    assert!(!ran.err.contains("panicked"), "{ran:?}");
    assert_eq!(ran.code == 2, ran.out.is_empty(), "{ran:?}");
}

#[test]
fn documents_that_cannot_be_read_are_never_clean() {
    let schema1 = json!({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": []});
    check_not_clean(image().manifest_bytes(schema1.to_string()), "schema");
    check_not_clean(image().manifest_bytes("{"), "because: ");
    check_not_clean(image().manifest_bytes("[".repeat(100_000)), "because: ");
    check_not_clean(image().manifest_bytes("{\"a\":".repeat(100_000)), "because: ");
    check_not_clean(image().layer(base()).config_bytes("not json"), "config");
    check_not_clean(image().layer(base()).config_bytes("[".repeat(100_000)), "config");
    let huge = |manifest: &mut Value| manifest["annotations"] = json!({"a": "x".repeat(5 << 20)});
    check_not_clean(image().layer(base()).patch_manifest(huge), "longer than the limit of 4194304 bytes");
    let traversal = |manifest: &mut Value| manifest["layers"][0]["digest"] = json!("sha256:../../etc/passwd");
    check_not_clean(image().layer(base()).patch_manifest(traversal), "digest");
    let unknown = |manifest: &mut Value| manifest["layers"][0]["digest"] = json!("md5:00");
    check_not_clean(image().layer(base()).patch_manifest(unknown), "digest");
}

#[test]
fn documents_that_readers_would_take_differently_are_never_clean() {
    let both = |manifest: &mut Value| manifest["manifests"] = json!([]);
    check_not_clean(image().layer(base()).patch_manifest(both), "both as an index and as an image");
    let honest = image().layer(base()).build();
    let text = String::from_utf8(honest.manifest().to_vec()).unwrap();
    let twice = text.replacen('{', "{\"layers\":[],", 1);
    check_not_clean(image().layer(base()).manifest_bytes(twice), "duplicate-key");
}

#[test]
fn a_configuration_that_counts_other_layers_than_the_manifest_leaves_with_3() {
    let drop_one = |config: &mut Value| drop(config["rootfs"]["diff_ids"].as_array_mut().unwrap().pop());
    let add_one = |config: &mut Value| {
        config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(sha256_digest(b"more")));
    };
    for image in [image().layer(base()).patch_config(drop_one), image().layer(base()).patch_config(add_one)] {
        check_incomplete(image, "diff-id-count");
    }
}
