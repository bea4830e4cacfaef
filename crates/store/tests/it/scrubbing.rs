use crate::house::*;
use std::time::{Duration, Instant};

#[test]
fn a_blob_that_changed_on_the_disk_is_set_aside_and_released_no_more() {
    run(async {
        let (directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        store.release(&app, &image.root, decision()).await.unwrap();
        assert!(is_given(&store, &app, &image.root).await);
        let whole = store.scrub(100, u64::MAX).await.unwrap();
        assert_eq!((whole.blobs, whole.lost.len()), (3, 0));
        let path = directory.path().join("blobs/sha256").join(image.layers[0].hex());
        std::fs::write(&path, "lAyer").unwrap();
        let scrubbed = store.scrub(100, u64::MAX).await.unwrap();
        assert_eq!(scrubbed.lost, [image.layers[0]]);
        for digest in [&image.root, &image.layers[0], &image.config] {
            assert!(!is_given(&store, &app, digest).await);
        }
        assert!(!path.exists());
        assert_eq!(std::fs::read_dir(directory.path().join("lost")).unwrap().count(), 1);
        assert_eq!(store.journal(0, 100).await.unwrap().last().unwrap().kind, "lost");
        assert!(store.blob(&app, &image.layers[0]).await.unwrap().is_none());
        // It is not looked at again, and heals by being pushed.
        assert_eq!(store.scrub(100, u64::MAX).await.unwrap().blobs, 2);
        push_blob(&store, &app, b"layer").await;
        assert_eq!(store.scrub(100, u64::MAX).await.unwrap().blobs, 3);
        store.release(&app, &image.root, decision()).await.unwrap();
        assert!(is_given(&store, &app, &image.layers[0]).await);
    });
}

#[test]
fn a_scrub_keeps_its_rate() {
    run(async {
        let (_directory, store, app) = open().await;
        push_blob(&store, &app, &vec![1; 400_000]).await;
        let start = Instant::now();
        let scrubbed = store.scrub(10, 2_000_000).await.unwrap();
        assert_eq!((scrubbed.blobs, scrubbed.bytes), (1, 400_000));
        assert!(start.elapsed() >= Duration::from_millis(200));
    });
}

#[test]
fn what_was_looked_at_not_long_ago_is_left_alone() {
    run(async {
        let (_directory, store, app) = open().await;
        push_blob(&store, &app, b"young").await;
        let hour = Duration::from_secs(3600);
        assert_eq!(store.scrub_aged(hour, 10, u64::MAX).await.unwrap().blobs, 0);
        assert_eq!(store.scrub_aged(Duration::ZERO, 10, u64::MAX).await.unwrap().blobs, 1);
    });
}
