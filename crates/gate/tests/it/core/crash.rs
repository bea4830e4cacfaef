//! The server ends in the middle of something.
use super::{Bench, clean, digest, tells, url};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::Store;
use test_support::FakeRegistry;

const APP: &str = "up.example/team/app";

/// Opens the folder as soon as the process that is ending has let go of it.
async fn reopened(folder: &std::path::Path) {
    for _ in 0..500 {
        match Store::open(store::Options::new(folder)).await {
            Ok((store, _)) => return store.close().await,
            Err(store::Error::Locked { .. }) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the folder is still locked");
}

#[test]
fn a_job_goes_on_at_the_next_start() {
    let image = clean("one");
    let slow = Arc::new(AtomicBool::new(true));
    let is_slow = Arc::clone(&slow);
    let config = test_support::sha256_hex(image.config());
    let registry = FakeRegistry::new()
        .image("team/app", "1", &image)
        .intercept(move |request| {
            let layer = request.path.contains("/blobs/") && !request.path.ends_with(&config);
            if layer && is_slow.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_secs(2));
            }
            None
        })
        .start();
    let folder = tempfile::tempdir().unwrap();
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let bench = Bench::open(folder.path(), &url(&registry), |settings| {
            settings.wait = Duration::from_millis(500)
        })
        .await;
        tells(&bench.pull(APP, "1").await, &["held"]);
        // Nothing is ended in good order.
    });
    first.shutdown_background();
    slow.store(false, Ordering::SeqCst);
    let second = runtime();
    second.block_on(async {
        reopened(folder.path()).await;
        let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
        // Nobody asks again.
        super::until(async || bench.gives(APP, &digest(&image)).await, Duration::from_secs(60)).await;
        bench.close().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_that_panics_holds() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let calm = Arc::new(AtomicBool::new(false));
    let is_calm = Arc::clone(&calm);
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        let scan = Arc::clone(&settings.judging.scan);
        settings.judging.scan = Arc::new(move || {
            // The look for newer rules asks as well, and must survive it.
            assert!(is_calm.load(Ordering::SeqCst), "the analyzer is broken");
            scan()
        });
    })
    .await;
    tells(
        &bench.pull(APP, "1").await,
        &["held", "the analysis failed", "it panicked", "the analyzer is broken"],
    );
    assert!(!bench.gives(APP, &digest(&image)).await);
    // It is tried again by itself.
    calm.store(true, Ordering::SeqCst);
    super::until(async || bench.gives(APP, &digest(&image)).await, Duration::from_secs(60)).await;
    bench.close().await;
}

/// A disk has lost a layer, and the upstream still has it.
#[tokio::test(flavor = "multi_thread")]
async fn what_broke_on_the_disk_is_fetched_again() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    let largest = image.blobs().iter().max_by_key(|(_, blob)| blob.bytes.len()).unwrap();
    for content in [largest.0.as_str(), image.digest()] {
        let path = folder.path().join("blobs/sha256").join(content.trim_start_matches("sha256:"));
        std::fs::write(&path, "broken").unwrap();
        let scrubbed = bench.store.scrub(1000, u64::MAX).await.unwrap();
        assert_eq!(scrubbed.lost, [content.parse().unwrap()]);
        assert!(!bench.gives(APP, &digest(&image)).await);
        tells(&bench.pull(APP, "1").await, &["released"]);
        assert!(bench.gives(APP, &content.parse().unwrap()).await, "{content}");
        assert_eq!(bench.store.scrub(1000, u64::MAX).await.unwrap().lost, []);
    }
    bench.close().await;
}
