//! A known miner, hidden in the ways in which scanners were passed by.

use crate::room::{Room, base, feed_of, image, known, payload, says, verdict};
use serde_json::Value;
use test_support::{
    Compression, DockerArchive, FakeRegistry, ImageBuilder, IndexBuilder, Layer, LayerBuilder,
    skippable_frame, standin,
};

fn scan(image: ImageBuilder) -> Value {
    let room = Room::new();
    let (code, report) = room.report(&room.layout("image", &image.build()), &["--fail-on", "suspicious"]);
    assert_eq!(code, 1, "{report:#}");
    report
}

/// The image is malicious for a file of this path.
fn check(image: ImageBuilder, path: &str) {
    let report = scan(image);
    assert_eq!(verdict(&report), "malicious", "{path}: {report:#}");
    assert!(known(&report).contains(&(path.to_owned(), false)), "{path}: {report:#}");
}

/// The file ships and no runtime shows it: suspicious, and named.
fn check_residue(image: ImageBuilder, path: &str) {
    let report = scan(image);
    assert_eq!(verdict(&report), "suspicious", "{path}: {report:#}");
    assert_eq!(known(&report), [(path.to_owned(), true)], "{path}: {report:#}");
}

fn with_payload() -> LayerBuilder {
    LayerBuilder::new().dir("opt", 0o755).file("opt/x", 0o755, payload())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    Compression::Gzip.apply(bytes)
}

#[test]
fn history_cannot_declare_the_payload_part_of_a_trusted_base() {
    check(
        image()
            .layer(Layer::from(with_payload()).created_by("/bin/sh -c #(nop) ADD file:debian in / "))
            .history("/bin/sh -c #(nop)  CMD [\"bash\"]")
            .layer(base())
            .history("CMD [\"/usr/bin/app\"]"),
        "/opt/x",
    );
}

#[test]
fn what_apk_promised_is_compared_whatever_the_history_says() {
    let name = |number: usize| format!("usr/bin/tool{number}");
    let program = |number: usize| standin::program(&format!("tool {number}"));
    let database: String = (0..12)
        .map(|number| format!("R:tool{number}\nZ:X1{}\n", test_support::sha1_hex(&program(number))))
        .collect();
    let tools = (0..12).fold(base(), |layer, number| layer.file(name(number), 0o755, program(number))).file(
        "lib/apk/db/installed",
        0o644,
        format!("P:tools\nV:1\nF:usr/bin\n{database}\n"),
    );
    for instruction in ["COPY files /", "RUN apk add tools"] {
        let altered = LayerBuilder::new().file(name(7), 0o755, standin::program("something else"));
        let built = image()
            .layer(Layer::from(tools.clone()).created_by(instruction))
            .layer(Layer::from(altered).created_by("COPY tool /"))
            .build();
        let room = Room::new();
        let (_, report) = room.report(&room.layout("image", &built), &[]);
        let altered: Vec<_> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["id"] == "S-EVA-PKGTAMPER")
            .map(|finding| finding["path"].as_str().unwrap())
            .collect();
        assert_eq!(altered, ["/usr/bin/tool7"], "{report:#}");
    }
}

#[test]
fn history_that_is_missing_or_miscounted_hides_no_layer() {
    let lost = |config: &mut Value| config["history"] = Value::Array(Vec::new());
    check(image().layer(base()).layer(with_payload()).patch_config(lost), "/opt/x");
    let emptied = |config: &mut Value| {
        for entry in config["history"].as_array_mut().unwrap() {
            entry["empty_layer"] = Value::Bool(true);
        }
    };
    check(image().layer(base()).layer(with_payload()).patch_config(emptied), "/opt/x");
}

#[test]
fn a_whiteout_with_content_is_read_like_any_file() {
    let report = scan(image().layer(base()).layer(LayerBuilder::new().file("opt/.wh.x", 0o755, payload())));
    assert_eq!(known(&report).len(), 1, "{report:#}");
    assert!(known(&report)[0].0.contains(".wh.x"), "{report:#}");
    assert!(says(&report, "whiteout-content"), "{report:#}");
}

#[test]
fn what_a_later_layer_removes_still_ships() {
    let hidden = || image().layer(base()).layer(with_payload());
    check_residue(hidden().layer(LayerBuilder::new().whiteout("opt/x")), "/opt/x");
    check_residue(hidden().layer(LayerBuilder::new().whiteout("opt")), "/opt/x");
    check_residue(hidden().layer(LayerBuilder::new().opaque("opt")), "/opt/x");
    check_residue(hidden().layer(LayerBuilder::new().file("opt/x", 0o644, b"nothing")), "/opt/x");
    check_residue(hidden().layer(LayerBuilder::new().file("opt", 0o644, b"nothing")), "/opt/x");
}

#[test]
fn an_opaque_marker_hides_lower_layers_and_not_its_own() {
    check(image().layer(base()).layer(with_payload().opaque("opt")), "/opt/x");
    check(
        image().layer(base()).layer(LayerBuilder::new().opaque("opt").dir("opt", 0o755).file(
            "opt/x",
            0o755,
            payload(),
        )),
        "/opt/x",
    );
}

#[test]
fn what_was_removed_and_comes_back_counts_in_full() {
    check(
        image()
            .layer(base())
            .layer(with_payload())
            .layer(LayerBuilder::new().whiteout("opt/x"))
            .layer(with_payload()),
        "/opt/x",
    );
}

#[test]
fn every_gzip_member_and_every_zstd_frame_is_read() {
    let tar = base().file("opt/x", 0o755, payload()).build();
    let at = tar.len() - 1024 - 512 - payload().len().next_multiple_of(512);
    let members = [gzip(&tar[..at]), gzip(&tar[at..])].concat();
    check(image().layer(Layer::new(tar.clone()).stored(members)), "/opt/x");
    for compression in [Compression::GzipMembers(300), Compression::ZstdFrames(300), Compression::None] {
        check(image().layer(Layer::new(tar.clone()).compression(compression)), "/opt/x");
    }
}

#[test]
fn a_skippable_frame_is_named() {
    let tar = with_payload().build();
    let stored = [Compression::Zstd.apply(&tar), skippable_frame(b"anything at all")].concat();
    let zstd = Layer::new(tar).compression(Compression::Zstd).stored(stored);
    let report = scan(image().layer(base()).layer(zstd));
    assert!(says(&report, "skippable-frame"), "{report:#}");
}

#[test]
fn bytes_that_no_decompressor_shows_are_never_passed_over() {
    let clean = base().build();
    for stored in [
        [gzip(&clean), payload()].concat(),
        [gzip(&clean), gzip(&payload())].concat(),
        [gzip(&clean), skippable_frame(&payload())].concat(),
    ] {
        let room = Room::new();
        let image = image().layer(Layer::new(clean.clone()).stored(stored)).build();
        let (code, report) = room.report(&room.layout("image", &image), &[]);
        assert_eq!(code, 3, "{report:#}");
    }
}

#[test]
fn a_second_archive_behind_the_first_is_a_gap() {
    let room = Room::new();
    let image = image().layer(base().trailing(with_payload().build())).build();
    let (code, report) = room.report(&room.layout("image", &image), &[]);
    assert_eq!(code, 3, "{report:#}");
    assert!(says(&report, "trailing-data"), "{report:#}");
}

#[test]
fn files_are_hashed_whole_however_long_they_are() {
    for megabytes in [5, 33] {
        let padded = standin::program_with(&["padded"], megabytes << 20);
        let room = Room::new();
        std::fs::write(room.feed(), feed_of(&padded)).unwrap();
        let image = image().layer(base().file("opt/x", 0o755, &padded)).build();
        let (code, report) = room.report(&room.layout("image", &image), &[]);
        assert_eq!((code, known(&report)), (1, vec![("/opt/x".to_owned(), false)]), "{report:#}");
    }
}

#[test]
fn no_folder_and_no_ending_is_exempt() {
    for path in [
        "dev/x",
        "proc/x",
        "sys/x",
        "srv/.git/objects/x",
        "usr/lib/libx.so.1",
        "usr/share/doc/x.txt",
        "var/lib/dpkg/info/x.md5sums",
        "tmp/.X11-unix/x",
        "x.png",
        "node_modules/x/.bin/x",
        "test/fixtures/x",
        "lost+found/x",
        "...",
        " ",
        "opt/x.wh.",
        "opt/.whx",
    ] {
        check(
            image().layer(base()).layer(LayerBuilder::new().file(path, 0o644, payload())),
            &format!("/{path}"),
        );
    }
}

#[test]
fn every_platform_of_an_index_is_read() {
    let clean = image().layer(base()).build();
    let harmful =
        image().config(|config| config.platform("linux", "arm64")).layer(base()).layer(with_payload());
    let index = IndexBuilder::new().image(clean).image(harmful.build()).build();
    let room = Room::new();
    let layout = room.layout("index", &index);
    let (code, report) = room.report(&layout, &[]);
    assert_eq!((code, verdict(&report)), (1, "malicious"));
    assert_eq!(report["findings"][0]["platform"], "linux/arm64", "{report:#}");
    assert_eq!(report["image"]["platforms"].as_array().unwrap().len(), 2);
    assert_eq!(room.report(&layout, &["--platform", "linux/amd64"]).0, 0, "one platform was asked for");
    let absent = room.scan(&layout, &["--platform", "linux/s390x"]);
    assert_eq!((absent.code, absent.out.as_str()), (2, ""), "{absent:?}");
}

#[test]
fn an_entry_that_calls_itself_an_attestation_is_read_as_the_image_that_it_is() {
    let mut entry = Value::Null;
    let harmful = image().layer(base()).layer(with_payload()).build();
    entry["platform"] = serde_json::json!({"os": "unknown", "architecture": "unknown"});
    let index = IndexBuilder::new()
        .image(image().layer(base()).build())
        .image_as("unknown", "unknown", harmful)
        .patch(|index| {
            index["manifests"][1]["annotations"] =
                serde_json::json!({"vnd.docker.reference.type": "attestation-manifest"});
        })
        .build();
    let room = Room::new();
    let (code, report) = room.report(&room.layout("index", &index), &[]);
    assert_eq!((code, verdict(&report)), (1, "malicious"), "{report:#}");
}

#[test]
fn a_declared_compression_that_is_not_the_real_one_is_named_and_seen_through() {
    use test_support::media_type as types;
    for (media_type, compression) in [
        (format!("{}+gzip", types::OCI_LAYER), Compression::Zstd),
        (format!("{}+gzip", types::OCI_LAYER), Compression::None),
        (format!("{}+zstd", types::OCI_LAYER), Compression::Gzip),
        (types::OCI_LAYER.to_owned(), Compression::Gzip),
        (types::DOCKER_LAYER_GZIP.to_owned(), Compression::Zstd),
        ("application/octet-stream".to_owned(), Compression::Gzip),
    ] {
        let lying = Layer::from(with_payload()).compression(compression).media_type(&media_type);
        let report = scan(image().layer(base()).layer(lying));
        assert_eq!(known(&report), [("/opt/x".to_owned(), false)], "{media_type}: {report:#}");
        assert!(says(&report, "media-type"), "{media_type}: {report:#}");
    }
}

#[test]
fn a_gap_elsewhere_does_not_hide_what_was_found() {
    let cut = gzip(&base().build())[..40].to_vec();
    check(image().layer(with_payload()).layer(Layer::new(base().build()).stored(cut)), "/opt/x");
}

#[test]
fn every_transport_finds_it() {
    let room = Room::new();
    let image = image().layer(base()).layer(with_payload()).build();
    let expect = vec![("/opt/x".to_owned(), false)];
    let check = |locator: &str, more: &[&str]| {
        let (code, report) = room.report(locator, more);
        assert_eq!((code, known(&report)), (1, expect.clone()), "{locator}: {report:#}");
    };
    let layout = room.layout("layout", &image);
    check(&layout, &[]);
    check(&room.path("layout").display().to_string(), &[]);
    let old = room.write("old.tar", image.docker_archive(&["a/b:1"]));
    check(&format!("docker-archive:{}", old.display()), &[]);
    check(&format!("docker-archive:{}:a/b:1", old.display()), &[]);
    check(&old.display().to_string(), &[]);
    let new = room.write("new.tar", DockerArchive::new().with_layout().image(&["a/b:1"], &image).build());
    check(&format!("docker-archive:{}", new.display()), &[]);
    let oci = room.write("oci.tar", image.oci_archive(Some("1")));
    check(&format!("oci-archive:{}:1", oci.display()), &[]);
    let packed = room.write("oci.tar.gz", gzip(&image.oci_archive(Some("1"))));
    check(&format!("oci-archive:{}", packed.display()), &[]);
    room.write("rootfs/opt/x", payload());
    check(&format!("dir:{}", room.path("rootfs").display()), &[]);
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let reference = registry.reference("team/app:1");
    check(&format!("docker://{reference}"), &["--plain-http", &registry.host()]);
    check(&reference, &["--plain-http", &registry.host()]);
    let by_digest = registry.reference(&format!("team/app@{}", image.digest()));
    check(&by_digest, &["--plain-http", &registry.host()]);
}
