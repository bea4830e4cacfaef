use crate::house::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use store::{Collected, Error, Origin};

fn blob_files(directory: &std::path::Path) -> usize {
    std::fs::read_dir(directory.join("blobs/sha256")).unwrap().count()
}

#[test]
fn what_nobody_names_is_removed_after_its_grace() {
    run(async {
        let (directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        let loose = push_blob(&store, &app, b"loose").await;
        let stray = directory.path().join("blobs/sha256").join("0".repeat(64));
        std::fs::write(&stray, "stray").unwrap();
        assert_eq!(store.collect(Duration::from_secs(60)).await.unwrap(), Collected::default());
        let collected = store.collect(Duration::ZERO).await.unwrap();
        assert_eq!(collected, Collected { unlinked: 1, blobs: 1, bytes: 5, strays: 1 });
        assert!(store.blob(&app, &loose).await.unwrap().is_none());
        assert!(store.blob(&app, &image.layers[0]).await.unwrap().is_some());
        assert_eq!(blob_files(directory.path()), 3);
        // What another repository holds stays.
        let other = name("team/other");
        store.create_repository(&other, &Origin::Hosted).await.unwrap();
        push(&store, &other, "config", &["layer"], &[]).await;
        store.delete_manifest(&app, &image.root, "pusher").await.unwrap();
        let collected = store.collect(Duration::ZERO).await.unwrap();
        assert_eq!((collected.unlinked, collected.blobs), (2, 0));
        store.delete_manifest(&other, &image.root, "pusher").await.unwrap();
        assert_eq!(store.collect(Duration::ZERO).await.unwrap().blobs, 3);
        assert_eq!(blob_files(directory.path()), 0);
    });
}

#[test]
fn a_layer_whose_manifest_left_is_not_given_from_memory() {
    run(async {
        let (_directory, store, app) = open().await;
        let child = push(&store, &app, "config", &["layer"], &[]).await;
        let index =
            put(&store, &app, &index_text(&[(child.root, child.text.len())]), &[]).await.unwrap().digest;
        store.release(&app, &index, decision()).await.unwrap();
        assert!(is_given(&store, &app, &child.layers[0]).await);
        store.delete_manifest(&app, &child.root, "pusher").await.unwrap();
        assert!(!is_given(&store, &app, &child.root).await);
        store.collect(Duration::ZERO).await.unwrap();
        assert!(!is_given(&store, &app, &child.layers[0]).await);
    });
}

/// With no grace at all a push may find its blobs gone and has to bring them again; what was acknowledged is whole.
#[test]
fn a_push_or_a_mount_of_what_is_being_removed_wins() {
    run(async {
        let (_directory, store, app) = open().await;
        let other = name("team/other");
        store.create_repository(&other, &Origin::Hosted).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let removed = Arc::new(AtomicU64::new(0));
        let collector = {
            let (store, stop, removed) = (store.clone(), Arc::clone(&stop), Arc::clone(&removed));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let collected = store.collect(Duration::ZERO).await.unwrap();
                    removed.fetch_add(collected.blobs, Ordering::Relaxed);
                }
            })
        };
        let pushers: Vec<_> = (0..4)
            .map(|n| {
                let (store, app, other) = (store.clone(), app.clone(), other.clone());
                tokio::spawn(async move {
                    let mut pushed = 0;
                    let deadline = std::time::Instant::now() + Duration::from_secs(4);
                    while std::time::Instant::now() < deadline || pushed == 0 {
                        // All push the same two layers and a configuration of their own.
                        let own = format!("config {n}");
                        let config = push_blob(&store, &app, own.as_bytes()).await;
                        let layer = push_blob(&store, &app, b"shared layer").await;
                        let text = image_text((config, own.len()), &[(layer, 12)]);
                        let root = match put(&store, &app, &text, &[]).await {
                            Ok(stored) => stored.digest,
                            Err(Error::Missing(_)) => continue,
                            Err(error) => panic!("{error}"),
                        };
                        for digest in [&config, &layer, &root] {
                            assert!(given(&store, &read_back(&app), digest).await.is_some(), "{digest}");
                        }
                        let token = store.read_back(&read_back(&app), &layer).await.unwrap().unwrap();
                        if store.mount(&token, &other, "pusher").await.unwrap().is_some() {
                            let config = push_blob(&store, &other, own.as_bytes()).await;
                            assert_eq!(
                                store.blob(&app, &config).await.unwrap().unwrap().size,
                                own.len() as u64
                            );
                            if let Ok(stored) = put(&store, &other, &text, &[]).await {
                                assert!(given(&store, &read_back(&other), &layer).await.is_some());
                                store.delete_manifest(&other, &stored.digest, "pusher").await.unwrap();
                            }
                        }
                        pushed += 1;
                        store.delete_manifest(&app, &root, "pusher").await.unwrap();
                    }
                    pushed
                })
            })
            .collect();
        let mut pushed = 0;
        for pusher in pushers {
            pushed += pusher.await.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        collector.await.unwrap();
        assert!(pushed > 4 && removed.load(Ordering::Relaxed) > 0, "{pushed} pushes, {removed:?} removed");
    });
}
