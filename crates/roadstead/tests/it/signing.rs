//! Keys, signatures and their verification, as people use them, in layouts and in a registry; and whether cosign and
//! skopeo take what is signed here, and we what cosign signs.

use crate::room::{Ran, Room, base, image};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use test_support::{Distribution, FakeRegistry, Image, LayerBuilder, Request, Response, peer, sha256_digest};

fn clean() -> Image {
    image().layer(base()).build()
}

fn other() -> Image {
    image().layer(base()).layer(LayerBuilder::new().file("opt/x", 0o755, b"other")).build()
}

/// The program with a password.
fn run(room: &Room, args: &[&str]) -> Ran {
    Ran::of(room.command().env("ROADSTEAD_PASSWORD", "secret").args(args))
}

fn keygen(room: &Room, name: &str) {
    let ran = run(room, &["keygen", "--output-key-prefix", name]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
}

/// The exit code of verifying, and what was said.
fn verify(room: &Room, image: &str, more: &[&str]) -> (i32, Value) {
    let ran = room.run(&[&["verify", "--format", "json"], more, &[image]].concat());
    assert!(ran.code != 1 || ran.err.is_empty(), "not verified means that everything was looked at: {ran:?}");
    (ran.code, serde_json::from_str(&ran.out).unwrap_or_else(|_| json!(ran.err)))
}

fn check(room: &Room, image: &str, more: &[&str], expect: (i32, &str)) {
    let (code, said) = verify(room, image, more);
    assert!(code == expect.0 && said.to_string().contains(expect.1), "{expect:?}: {code} {said:#}");
    if code != 2 {
        assert_eq!(said["verified"], code == 0, "{said:#}");
    }
}

#[test]
fn keys_are_made_private_and_never_written_over() {
    let room = Room::new();
    let ran = run(&room, &["keygen", "--output-key-prefix", "k"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let mode = |name: &str| room.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("k.key"), mode("k.pub")), (0o600, 0o644));
    let before = std::fs::read(room.path("k.key")).unwrap();
    assert!(before.starts_with(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    for gone in ["k.pub", "k.key"] {
        let again = run(&room, &["keygen", "--output-key-prefix", "k"]);
        assert!(again.code == 2 && again.err.contains("is there already"), "{again:?}");
        assert_eq!(std::fs::read(room.path("k.key")).unwrap(), before);
        if gone == "k.pub" {
            std::fs::remove_file(room.path(gone)).unwrap();
        }
    }
    // The public half was removed: taking the private one over makes it again, byte for byte.
    let imported = run(&room, &["keygen", "--import", "k.key", "--output-key-prefix", "j"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    let fingerprint = |ran: &Ran| ran.out.rsplit("sha256:").next().unwrap().to_owned();
    assert_eq!(fingerprint(&imported), fingerprint(&ran));
    let without = room.run(&["keygen", "--output-key-prefix", "l"]);
    let expect = "ROADSTEAD_PASSWORD";
    assert!(without.code == 2 && without.err.contains(expect), "there is no terminal: {without:?}");
    assert!(!room.path("l.key").exists());
}

#[test]
fn a_layout_is_signed_and_verified_without_a_network() {
    let room = Room::new();
    let layout = room.layout("image", &clean());
    keygen(&room, "release");
    keygen(&room, "other");
    let sign = |key: &str| run(&room, &["sign", "--key", key, "--identity", "r.example/app", &layout]);
    check(&room, &layout, &["--key", "release.pub"], (1, "\"held\":[]"));
    let ran = sign("release.key");
    assert!(
        ran.code == 0 && ran.out.contains(clean().digest()) && ran.err.contains(clean().digest()),
        "{ran:?}"
    );
    let (code, said) = verify(&room, &layout, &["--key", "other.pub", "--key", "release.pub"]);
    assert_eq!(
        (code, said["held"].as_array().unwrap().len(), &said["refused"]),
        (0, 2, &json!([])),
        "{said:#}"
    );
    assert_eq!(
        (&said["digest"], &said["schema"]),
        (&json!(clean().digest()), &json!("roadstead.verification/v1"))
    );
    assert!(said["held"].as_array().unwrap().iter().all(|held| held["signer"] == "release.pub"), "{said:#}");
    check(&room, &layout, &["--key", "other.pub"], (1, "no trusted key made it"));
    check(&room, &layout, &["--key", "release.pub", "--identity", "r.example/app"], (0, "r.example/app"));
    check(
        &room,
        &layout,
        &["--key", "release.pub", "--identity", "r.example/b"],
        (0, "made for r.example/app"),
    );
    check(&room, &layout, &["--key", "release.pub", "--type", "release"], (1, "svr/v0.2 was asked for"));
    check(&room, &layout, &["--key", "release.pub", "--type", "nonsense"], (2, "neither a known name"));
    check(&room, &layout, &["--key", "release.key"], (2, "it is a private key"));
    check(&room, "oci:missing", &["--key", "release.pub"], (2, "cannot read"));
    // Signing again adds no signature, and somebody else's stands beside it.
    assert_eq!(sign("release.key").code, 0);
    assert_eq!(sign("other.key").code, 0);
    let signatures = |said: &Value| {
        said["held"].as_array().unwrap().iter().filter(|held| held["kind"] == "signature").count()
    };
    let (_, said) = verify(&room, &layout, &["--key", "release.pub", "--key", "other.pub"]);
    assert_eq!(signatures(&said), 2, "{said:#}");
    // It is still an image, for every other command.
    assert_eq!(room.scan(&layout, &[]).code, 0);
    let table = room.run(&["verify", "--key", "release.pub", &layout]);
    assert!(
        table.code == 0 && table.out.starts_with("verified: ") && table.out.contains("refused"),
        "{table:?}"
    );
    let wrong = Ran::of(room.command().env("COSIGN_PASSWORD", "wrong").args([
        "sign",
        "--key",
        "release.key",
        &layout,
    ]));
    assert!(wrong.code == 2 && wrong.err.contains("password"), "{wrong:?}");
    let nameless = run(&room, &["sign", "--key", "release.key", &layout]);
    assert!(nameless.code == 2 && nameless.err.contains("--identity"), "{nameless:?}");
}

/// A registry of before OCI 1.1.
fn without_referrers(request: &Request) -> Option<Response> {
    request.path.contains("/referrers/").then(|| Response::new(404))
}

/// All files of a layout's blobs.
fn blobs(room: &Room) -> Vec<PathBuf> {
    crate::room::files_below(&room.path("image/blobs"))
}

#[test]
fn what_was_changed_is_not_verified() {
    let room = Room::new();
    let layout = room.layout("image", &clean());
    keygen(&room, "release");
    let before = blobs(&room);
    let ran = run(&room, &["sign", "--key", "release.key", "--identity", "r.example/app", &layout]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut held = Vec::new();
    for path in blobs(&room).iter().filter(|path| !before.contains(path)) {
        let bytes = std::fs::read(path).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        std::fs::write(path, &changed).unwrap();
        let (code, said) = verify(&room, &layout, &["--key", "release.pub"]);
        assert_eq!(code, 0, "the other signature holds all the same: {}: {said:#}", path.display());
        held.push(said["held"].as_array().unwrap().len());
        std::fs::write(path, bytes).unwrap();
    }
    // Two manifests, a payload and a bundle; and two configurations, which mean nothing and nobody reads.
    held.sort_unstable();
    assert_eq!(held, [1, 1, 1, 1, 2, 2]);
    // Another image takes the place of the signed one, and its signatures come along.
    let index = std::fs::read_to_string(room.path("image/index.json")).unwrap();
    other().write_oci_layout(&room.path("image"), None).unwrap();
    let swapped: Value = {
        let mut index: Value = serde_json::from_str(&index).unwrap();
        index["manifests"][0]["digest"] = json!(other().digest());
        index["manifests"][0]["size"] = json!(other().manifest().len());
        let text = index.to_string().replace(&clean().digest()[7..], &other().digest()[7..]);
        serde_json::from_str(&text).unwrap()
    };
    room.write("image/index.json", swapped.to_string());
    check(&room, &layout, &["--key", "release.pub"], (1, "another image"));
}

#[test]
fn a_registry_that_serves_another_digest_ends_the_command() {
    let (asked, served) = (clean(), other());
    let path = format!("/v2/a/b/manifests/{}", asked.digest());
    let (manifest, media_type) = (served.manifest().to_vec(), served.media_type().to_owned());
    let registry = FakeRegistry::new()
        .image("a/b", "1", &served)
        .intercept(move |request| {
            let lie = || Response::new(200).header("Content-Type", &media_type).body(&manifest);
            (request.path == path).then(lie).or_else(|| without_referrers(request))
        })
        .start();
    let room = Room::new();
    keygen(&room, "release");
    let reference = format!("{}@{}", registry.reference("a/b"), asked.digest());
    let more = ["--key", "release.pub", "--plain-http", &registry.host()];
    check(&room, &reference, &more, (2, "hashes to"));
    // A tag is asked for once.
    let tagged = registry.reference("a/b:1");
    check(&room, &tagged, &more, (1, served.digest()));
    let asked = registry.requests().iter().filter(|request| request.path.ends_with("/manifests/1")).count();
    assert_eq!(asked, 1);
    // A manifest that is two things is none to sign.
    let ran = run(&room, &["sign", "--key", "release.key", "--plain-http", &registry.host(), &reference]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn what_cannot_be_fetched_is_no_verdict() {
    let image = clean();
    let tag = format!("{}.sig", image.digest().replace(':', "-"));
    let path = format!("/v2/a/b/manifests/{tag}");
    let registry = FakeRegistry::new()
        .image("a/b", "1", &image)
        .intercept(move |request| (request.path == path).then(|| Response::new(403)))
        .intercept(without_referrers)
        .start();
    let room = Room::new();
    keygen(&room, "release");
    let more = ["--key", "release.pub", "--plain-http", &registry.host()];
    check(&room, &registry.reference("a/b:1"), &more, (2, "the manifest of signatures"));
}

/// A registry with one image at `a/b:1`.
fn registry(room: &Room) -> Option<(Distribution, String)> {
    let skopeo = peer("skopeo")?;
    let running = Distribution::start(&room.path(""))?;
    let reference = format!("{}/a/b:1", running.host);
    push(&skopeo, room, &clean(), &reference);
    Some((running, reference))
}

fn push(skopeo: &Path, room: &Room, image: &Image, reference: &str) {
    let layout = room.layout(&format!("pushed-{}", &image.digest()[7..15]), image);
    let to = format!("docker://{reference}");
    let ran = Ran::of(Command::new(skopeo).args([
        "--insecure-policy",
        "copy",
        "--preserve-digests",
        "--dest-tls-verify=false",
        &layout,
        &to,
    ]));
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_registry_keeps_what_is_signed_and_its_tags_move() {
    let room = Room::new();
    let Some((running, reference)) = registry(&room) else { return };
    keygen(&room, "release");
    let plain = ["--plain-http", running.host.as_str()];
    let ran = run(&room, &[&["sign", "--key", "release.key"], &plain[..], &[&reference]].concat());
    assert!(
        ran.code == 0 && ran.out.contains(clean().digest()) && ran.err.contains(clean().digest()),
        "{ran:?}"
    );
    let trusted = [&["--key", "release.pub"], &plain[..]].concat();
    let (code, said) = verify(&room, &reference, &trusted);
    assert_eq!((code, said["held"].as_array().unwrap().len()), (0, 2), "{said:#}");
    // Again, by digest: the signature is there already, and the bundle is one more.
    let pinned = format!("{}/a/b@{}", running.host, clean().digest());
    let again = run(&room, &[&["sign", "--key", "release.key"], &plain[..], &[&pinned]].concat());
    assert_eq!((again.code, again.err.as_str()), (0, ""), "{again:?}");
    // The tag moves to an image that nobody signed.
    push(&peer("skopeo").unwrap(), &room, &other(), &reference);
    check(&room, &reference, &trusted, (1, other().digest()));
    check(&room, &pinned, &trusted, (0, clean().digest()));
    let missing = format!("{}/a/b:2", running.host);
    check(&room, &missing, &trusted, (2, "is not there"));
}

/// A program that Debian 12 does not have. Where the checks could not fetch it they say so by `NO_SIGNERS`.
fn signer(program: &str) -> Option<PathBuf> {
    if std::env::var_os("NO_SIGNERS").is_some() {
        println!("SKIPPED: {program} cannot be had, so nothing was compared with it");
        return None;
    }
    peer(program)
}

#[test]
fn cosign_takes_ours_and_we_take_cosigns() {
    let room = Room::new();
    let Some(program) = signer("cosign") else { return };
    let Some((running, reference)) = registry(&room) else { return };
    let cosign = |args: &[&str]| {
        Ran::of(
            Command::new(&program)
                .args(args)
                .env_clear()
                .env("HOME", room.path("home"))
                .env("COSIGN_PASSWORD", "secret")
                .current_dir(room.path("")),
        )
    };
    keygen(&room, "ours");
    let made = cosign(&["generate-key-pair", "--output-key-prefix", "theirs"]);
    assert_eq!(made.code, 0, "{made:?}");
    let plain = ["--plain-http", running.host.as_str()];
    let pinned = format!("{}/a/b@{}", running.host, clean().digest());
    let accepts = |key: &str| {
        cosign(&["verify", "--insecure-ignore-tlog", "--allow-http-registry", "--key", key, &reference]).code
            == 0
    };
    assert!(!accepts("ours.pub"), "nothing is signed");
    for key in ["ours.key", "theirs.key"] {
        let ran = run(&room, &[&["sign", "--key", key], &plain[..], &[&reference]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    keygen(&room, "unused");
    assert!(accepts("ours.pub") && accepts("theirs.pub") && !accepts("unused.pub"));
    // And what cosign signs with a key of ours, beside what is there.
    let ran = cosign(&[
        "sign",
        "--tlog-upload=false",
        "--allow-http-registry",
        "-y",
        "--key",
        "unused.key",
        &pinned,
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let attested = room.write("predicate.json", r#"{"x":1}"#);
    let kind = "https://example.org/p/v1";
    let ran = cosign(&[
        "attest",
        "--new-bundle-format",
        "--tlog-upload=false",
        "--allow-http-registry",
        "-y",
        "--key",
        "unused.key",
        "--type",
        kind,
        "--predicate",
        attested.to_str().unwrap(),
        &pinned,
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for key in ["ours.pub", "theirs.pub", "unused.pub"] {
        check(&room, &reference, &[&["--key", key], &plain[..]].concat(), (0, "\"signature\""));
    }
    let (code, said) =
        verify(&room, &reference, &[&["--key", "unused.pub", "--type", kind], &plain[..]].concat());
    assert_eq!((code, &said["held"][0]["predicate"]), (0, &json!({"x": 1})), "{said:#}");
}

/// A policy of containers/image that takes from a registry what a key signed, and nothing from elsewhere; and what tells
/// that the signatures lie beside the images.
fn policy(room: &Room, host: &str, key: &str, identity: &Value) -> PathBuf {
    let rule = json!([{ "type": "sigstoreSigned", "keyPath": room.path(key), "signedIdentity": identity }]);
    let policy = json!({ "default": [{ "type": "reject" }], "transports": { "docker": { host: rule } } });
    let attachments = format!("docker:\n  {host}:\n    use-sigstore-attachments: true\n");
    // Where podman looks for it below the home of whoever runs it; skopeo is told.
    room.write(".config/containers/registries.d/attachments.yaml", attachments);
    room.write("policy.json", policy.to_string())
}

#[test]
fn skopeo_takes_ours_under_a_policy_and_refuses_another_key() {
    let room = Room::new();
    let Some((running, reference)) = registry(&room) else { return };
    let Some(skopeo) = signer("skopeo-13").or_else(|| peer("skopeo")) else { return };
    keygen(&room, "release");
    keygen(&room, "other");
    let ran = run(&room, &["sign", "--key", "release.key", "--plain-http", &running.host, &reference]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for (key, identity, expect) in [
        ("release.pub", json!({"type": "matchRepository"}), true),
        ("other.pub", json!({"type": "matchRepository"}), false),
        (
            "release.pub",
            json!({"type": "exactRepository", "dockerRepository": format!("{}/c/d", running.host)}),
            false,
        ),
    ] {
        let policy = policy(&room, &running.host, key, &identity);
        let ran = Ran::of(
            Command::new(&skopeo)
                .arg("--policy")
                .arg(policy)
                .arg("--registries.d")
                .arg(room.path(".config/containers/registries.d"))
                .args(["copy", "--src-tls-verify=false", &format!("docker://{reference}")])
                .arg(format!("dir:{}", room.path(&format!("copied-{expect}")).display())),
        );
        if ran.err.contains("sigstore disabled") {
            eprintln!("SKIPPED: this skopeo was built without sigstore, so nothing was compared with it");
            return;
        }
        assert_eq!(ran.code == 0, expect, "{key}: {ran:?}");
    }
    let copied = std::fs::read(room.path("copied-true/manifest.json")).unwrap();
    assert_eq!(sha256_digest(&copied), clean().digest());
}

#[test]
fn podman_takes_ours_under_a_policy_and_refuses_another_key() {
    let room = Room::new();
    let Some((running, reference)) = registry(&room) else { return };
    let Some(podman) = signer("podman-13") else { return };
    keygen(&room, "release");
    keygen(&room, "other");
    let ran = run(&room, &["sign", "--key", "release.key", "--plain-http", &running.host, &reference]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // A pull makes no network, and asks for what would make one all the same.
    std::fs::create_dir_all(room.path("helpers")).unwrap();
    std::os::unix::fs::symlink("/bin/true", room.path("helpers/netavark")).unwrap();
    let helpers = format!("[engine]\nhelper_binaries_dir = [{:?}]\n", room.path("helpers"));
    let settings = room.write("containers.conf", helpers);
    let storage = tempfile::tempdir_in("/tmp").unwrap();
    for (key, expect) in [("other.pub", false), ("release.pub", true)] {
        let policy = policy(&room, &running.host, key, &json!({ "type": "matchRepository" }));
        let ran = Ran::of(
            Command::new(&podman)
                .env("HOME", room.path(""))
                .env("CONTAINERS_CONF", &settings)
                .env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1")
                .arg("--root")
                .arg(storage.path().join("s"))
                .arg("--runroot")
                .arg(storage.path().join("r"))
                .args(["--storage-driver", "vfs", "pull", "--quiet", "--tls-verify=false"])
                .arg("--signature-policy")
                .arg(policy)
                .arg(&reference),
        );
        assert_eq!(ran.code == 0, expect, "{key}: {ran:?}");
        assert_eq!(ran.err.contains("signature verification failed"), !expect, "{key}: {ran:?}");
    }
}
