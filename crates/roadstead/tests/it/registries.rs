//! Registries that lie, break off or ask for more than they should get.

use crate::room::{Room, base, image, known, payload, verdict};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use test_support::{FakeRegistry, Image, LayerBuilder, Response, RunningRegistry};

fn clean() -> Image {
    image().layer(base()).layer(LayerBuilder::new().file("opt/x", 0o755, b"nothing")).build()
}

fn harmful() -> Image {
    image().layer(base()).layer(LayerBuilder::new().file("opt/x", 0o755, payload())).build()
}

/// The digest of the upper layer.
fn upper(image: &Image) -> String {
    let manifest: serde_json::Value = serde_json::from_slice(image.manifest()).unwrap();
    manifest["layers"][1]["digest"].as_str().unwrap().to_owned()
}

fn scan(room: &Room, registry: &RunningRegistry, name: &str) -> (i32, serde_json::Value) {
    room.report(&format!("docker://{}", registry.reference(name)), &["--plain-http", &registry.host()])
}

#[test]
fn a_digest_that_was_asked_for_is_the_one_that_is_judged() {
    let (asked, served) = (clean(), harmful());
    let manifest = served.manifest().to_vec();
    let media_type = served.media_type().to_owned();
    let path = format!("/v2/a/b/manifests/{}", asked.digest());
    let registry = FakeRegistry::new()
        .image("a/b", "1", &served)
        .intercept(move |request| {
            let answer = || Response::new(200).header("Content-Type", &media_type).body(&manifest);
            (request.path == path).then(answer)
        })
        .start();
    let room = Room::new();
    let reference = format!("docker://{}@{}", registry.reference("a/b"), asked.digest());
    let ran = room.scan(&reference, &["--plain-http", &registry.host(), "--format", "json"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.contains("because: ") && ran.err.contains("hashes to"), "{ran:?}");
}

#[test]
fn a_lying_registry_does_not_poison_what_is_kept() {
    let honest = clean();
    let digest = upper(&honest);
    let path = format!("/v2/a/b/blobs/{digest}");
    // The bytes of a harmful layer under the digest of an honest one; then the honest ones.
    let (lies, lying) = (harmful(), Arc::new(AtomicBool::new(true)));
    let other = lies.blobs()[&upper(&lies)].bytes.clone();
    let flag = Arc::clone(&lying);
    let registry = FakeRegistry::new()
        .image("a/b", "1", &honest)
        .intercept(move |request| {
            let lie = flag.load(Ordering::Relaxed) && request.path == path;
            lie.then(|| Response::new(200).body(&other))
        })
        .start();
    let room = Room::new();
    let (code, report) = scan(&room, &registry, "a/b:1");
    assert_ne!(code, 0, "{report:#}");
    lying.store(false, Ordering::Relaxed);
    let (code, report) = scan(&room, &registry, "a/b:1");
    assert_eq!((code, known(&report).len()), (0, 0), "{report:#}");
    // And the other way: what was once right is not believed of other bytes.
    lying.store(true, Ordering::Relaxed);
    let fresh = room.report(
        &format!("docker://{}", registry.reference("a/b:1")),
        &["--plain-http", &registry.host(), "--no-cache"],
    );
    assert_ne!(fresh.0, 0, "{:#}", fresh.1);
}

#[test]
fn a_broken_connection_is_mended_and_a_dead_one_is_a_gap() {
    let image = harmful();
    let path = format!("/v2/a/b/blobs/{}", upper(&image));
    let bytes = image.blobs()[&upper(&image)].bytes.clone();
    for mends in [true, false] {
        let (path, bytes) = (path.clone(), bytes.clone());
        let registry = FakeRegistry::new()
            .image("a/b", "1", &image)
            .intercept(move |request| match (request.path == path, mends && request.earlier > 0) {
                (true, false) if request.earlier == 0 => {
                    Some(Response::new(200).body(&bytes).cut(bytes.len() / 2))
                }
                (true, false) => Some(Response::new(403)),
                _ => None,
            })
            .start();
        let room = Room::new();
        let (code, report) = scan(&room, &registry, "a/b:1");
        if mends {
            assert_eq!((code, verdict(&report)), (1, "malicious"), "{report:#}");
        } else {
            assert_eq!((code, verdict(&report)), (3, "incomplete"), "an outage is no evidence: {report:#}");
            assert!(report["gaps"].to_string().contains("layer 1"), "{report:#}");
        }
    }
}

#[test]
fn credentials_are_not_read_unasked() {
    let registry = FakeRegistry::new().image("a/b", "1", &clean()).start();
    let room = Room::new();
    let auth = serde_json::json!({"auths": {registry.host(): {"auth": "dXNlcjpwYXNzd29yZA=="}}}).to_string();
    room.write("home/.docker/config.json", &auth);
    assert_eq!(scan(&room, &registry, "a/b:1").0, 0);
    assert!(registry.requests().iter().all(|request| request.header("authorization").is_empty()));
    assert!(registry.requests().iter().all(|request| ["GET", "HEAD"].contains(&request.method.as_str())));
}

#[test]
fn plain_http_is_spoken_only_where_it_was_asked_for() {
    let registry = FakeRegistry::new().image("a/b", "1", &clean()).start();
    let room = Room::new();
    let ran = room.scan(&format!("docker://{}", registry.reference("a/b:1")), &[]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(
        registry.requests().iter().all(|request| !request.path.starts_with("/v2")),
        "it was asked without TLS"
    );
}
