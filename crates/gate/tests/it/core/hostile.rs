//! Upstreams that lie, stall and redirect. Each ends with an error that names the upstream, and none with a release.
use super::{Bench, clean, digest, tells, url};
use registry::Standing;
use std::time::Duration;
use test_support::{Compression, FakeRegistry, Image, ImageBuilder, Layer, LayerBuilder, Request, Response};

const APP: &str = "up.example/team/app";

/// What a pull of this image is told, from a registry that answers so.
async fn check(
    image: &Image,
    answer: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static,
    expect: &[&str],
) {
    let registry = FakeRegistry::new().image("team/app", "1", image).intercept(answer).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.wait = Duration::from_secs(25);
        settings.resolve_time = Duration::from_secs(2);
        settings.ingest.idle = Duration::from_millis(300);
        settings.ingest.time = Duration::from_secs(8);
    })
    .await;
    for reference in ["1", image.digest()] {
        let standing = bench.pull(APP, reference).await;
        assert!(!matches!(standing, Standing::Released(..)), "{standing:?}");
        if reference == "1" {
            tells(&standing, expect);
        }
    }
    assert!(!bench.gives(APP, &digest(image)).await);
    for content in image.blobs().keys() {
        assert!(!bench.gives(APP, &content.parse().unwrap()).await);
    }
    let journal = bench.store.journal(0, 1000).await.unwrap();
    assert!(journal.iter().all(|entry| entry.kind != "release"));
    bench.close().await;
}

fn is_layer(image: &Image) -> impl Fn(&Request) -> bool + Send + Sync + 'static {
    let config = test_support::sha256_hex(image.config());
    move |request| request.path.contains("/blobs/") && !request.path.ends_with(&config)
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_than_the_digest_says() {
    let image = clean("x");
    let by_digest =
        |request: &Request| request.path.contains("/manifests/sha256:") && request.method == "GET";
    check(
        &image,
        move |request| {
            by_digest(request).then(|| {
                Response::new(200).header("Content-Type", test_support::media_type::OCI_MANIFEST).body("{}")
            })
        },
        &["denied", "up.example", "hashes to"],
    )
    .await;
    // Too short: the rest is asked for until patience ends.
    let layer = is_layer(&image);
    check(
        &image,
        move |request| layer(request).then(|| Response::new(200).body(vec![7; 40])),
        &["unavailable", "up.example", "broke"],
    )
    .await;
    // As long as it should be, so that only the digest tells.
    let sizes: std::collections::BTreeMap<String, usize> =
        image.blobs().iter().map(|(digest, blob)| (digest.clone(), blob.bytes.len())).collect();
    let layer = is_layer(&image);
    let lie = move |request: &Request| {
        let size = sizes.get(request.path.rsplit('/').next()?)?;
        layer(request).then(|| Response::new(200).body(vec![7; *size]))
    };
    check(&image, lie, &["denied", "up.example", "are others", "has the digest"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sizes_than_the_manifest_says() {
    let tar = LayerBuilder::new().file("app", 0o755, "x").build();
    let honest = Layer::new(tar.clone()).compression(Compression::None);
    check(&ImageBuilder::new().layer(honest.clone().size(10)).build(), |_| None, &["denied", "up.example"])
        .await;
    check(
        &ImageBuilder::new().layer(honest.size(1 << 50)).build(),
        |_| None,
        &["denied", "up.example", "bytes"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_types_than_the_manifest_says() {
    let image = clean("x");
    let bytes = image.manifest().to_vec();
    let lie = move |request: &Request| {
        (request.path.contains("/manifests/sha256:") && request.method == "GET").then(|| {
            Response::new(200).header("Content-Type", test_support::media_type::OCI_INDEX).body(&bytes)
        })
    };
    check(&image, lie, &["denied", "up.example"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn circles_foreign_realms_and_addresses_inside() {
    let image = clean("x");
    check(
        &image,
        |request| Some(Response::new(307).header("Location", &request.path)),
        &["up.example", "redirects more than"],
    )
    .await;
    let realm = "Bearer realm=\"https://evil.example/token\",service=\"x\"";
    check(
        &image,
        move |_| Some(Response::new(401).header("WWW-Authenticate", realm)),
        &["up.example", "evil.example"],
    )
    .await;
    let layer = is_layer(&image);
    check(
        &image,
        move |request| {
            layer(request).then(|| Response::new(307).header("Location", "http://169.254.169.254/x"))
        },
        &["denied", "up.example"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_that_lie_elsewhere_are_not_fetched_from_there() {
    let elsewhere = FakeRegistry::new().start();
    let tar = LayerBuilder::new().file("app", 0o755, "x").build();
    let address = format!("http://{}/layer", elsewhere.host());
    let layer = Layer::new(tar).urls(&[&address]).absent();
    check(&ImageBuilder::new().layer(layer).build(), |_| None, &["up.example"]).await;
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stalls_ends() {
    let image = clean("x");
    let layer = is_layer(&image);
    let stalls = move |request: &Request| {
        if layer(request) {
            std::thread::sleep(Duration::from_secs(3));
        }
        None
    };
    check(&image, stalls, &["up.example"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_is_out_of_order_is_told_of() {
    check(&clean("x"), |_| Some(Response::new(500)), &["unavailable", "up.example"]).await;
}
