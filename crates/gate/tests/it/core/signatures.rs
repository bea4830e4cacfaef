//! Upstreams that sign their images.
use super::{Bench, UPSTREAM, clean, digest, tells, url};
use attest::{ReleaseKey, TrustedKey};
use test_support::{FakeRegistry, Image, Response, RunningRegistry};

const APP: &str = "up.example/team/app";

/// A registry with an image, which is signed by these keys.
fn signed(image: &Image, keys: &[&ReleaseKey]) -> RunningRegistry {
    let registry = FakeRegistry::new().image("team/app", "1", image);
    let mut artifact = None::<attest::Artifact>;
    for key in keys {
        let existing = artifact.as_ref().map(|artifact| artifact.manifest.as_slice());
        let made = attest::signature_artifact(key, APP, &digest(image), existing).unwrap();
        let blobs = artifact.map(|artifact| artifact.blobs).unwrap_or_default();
        artifact = Some(attest::Artifact { blobs: [blobs, made.blobs.clone()].concat(), ..made });
    }
    match artifact {
        Some(artifact) => beside(registry, image, artifact),
        None => registry.start(),
    }
}

/// The same registry, with signatures where those of the image are looked for.
fn beside(registry: FakeRegistry, image: &Image, artifact: attest::Artifact) -> RunningRegistry {
    let tag = attest::signature_tag(&digest(image));
    let signatures = registry.intercept(move |request| {
        let name = request.path.rsplit('/').next().unwrap_or_default();
        if name == tag {
            let found = Response::new(200).header("Content-Type", attest::IMAGE_MANIFEST);
            return Some(found.body(&artifact.manifest));
        }
        let blob = artifact.blobs.iter().find(|blob| blob.digest.to_string() == name)?;
        Some(Response::new(200).body(&blob.bytes))
    });
    signatures.start()
}

/// Pulls an image from a registry, of which this key is trusted, and compares what is told.
async fn check(registry: &RunningRegistry, trusted: &ReleaseKey, expect: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let address = url(registry);
    let bench = Bench::open(folder.path(), &address, |settings| {
        let upstream = gate::Upstream {
            urls: vec![address.clone()],
            signature_keys: vec![TrustedKey::new("vendor.pub", trusted.public())],
            ..Default::default()
        };
        settings.upstreams = gate::Upstreams::new([(UPSTREAM.parse().unwrap(), upstream)].into(), Vec::new());
    })
    .await;
    tells(&bench.pull(APP, "1").await, expect);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_an_upstream_that_signs_are_its_own() {
    let (vendor, other) = (ReleaseKey::generate(), ReleaseKey::generate());
    let image = clean("signed");
    check(&signed(&image, &[&vendor]), &vendor, &["released"]).await;
    // Anybody may sign beside it, before and after.
    check(&signed(&image, &[&other, &vendor]), &vendor, &["released"]).await;
    check(&signed(&image, &[&other]), &vendor, &["denied", "bad-signature"]).await;
    check(&signed(&image, &[]), &vendor, &["held", "unsigned"]).await;
    // A signature of another image is none of this one.
    let elsewhere = clean("elsewhere");
    let moved = attest::signature_artifact(&vendor, APP, &digest(&elsewhere), None).unwrap();
    let registry = FakeRegistry::new().image("team/app", "1", &image);
    check(&beside(registry, &image, moved), &vendor, &["denied", "bad-signature"]).await;
    // Who does not answer about signatures vouches for nothing.
    let tag = attest::signature_tag(&digest(&image));
    let broken = FakeRegistry::new()
        .image("team/app", "1", &image)
        .intercept(move |request| request.path.ends_with(&tag).then(|| Response::new(500)));
    check(&broken.start(), &vendor, &["held", "unsigned"]).await;
}
