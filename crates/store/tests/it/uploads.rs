use crate::house::*;
use bytes::Bytes;
use model::Algorithm;
use std::time::Duration;
use store::{Error, Origin, UploadId};

#[test]
fn an_upload_goes_on_where_it_ended_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let app = name("team/app");
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for said in [None, Some(algorithm)] {
            let id = run(async {
                let (store, _) = open_at(directory.path()).await;
                store.create_repository(&app, &Origin::Hosted).await.unwrap();
                let upload = store.begin_upload(&app, said, "pusher").await.unwrap();
                let mut append = store.append(&app, &upload.id, Some(0)).await.unwrap();
                for piece in bytes[..1_000_000].chunks(70_000) {
                    append.write(Bytes::copy_from_slice(piece)).await.unwrap();
                }
                assert_eq!(append.finish().await.unwrap(), 1_000_000);
                let wrong = store.append(&app, &upload.id, Some(999_999)).await;
                assert!(matches!(wrong, Err(Error::Offset { end: 1_000_000, given: 999_999 })));
                store.close().await;
                upload.id
            });
            run(async {
                let (store, recovered) = open_at(directory.path()).await;
                assert_eq!((recovered.uploads, recovered.upload_rows), (0, 0));
                let status = store.upload(&app, &id).await.unwrap();
                assert_eq!((status.size, status.by.as_str()), (1_000_000, "pusher"));
                let mut append = store.append(&app, &id, None).await.unwrap();
                append.write(Bytes::copy_from_slice(&bytes[1_000_000..])).await.unwrap();
                append.finish().await.unwrap();
                let digest = hashed(algorithm, &bytes);
                let info = store.finish_upload(&app, &id, &digest, "pusher").await.unwrap();
                assert_eq!(info.size, 3_000_000);
                assert_eq!(given(&store, &read_back(&app), &digest).await.unwrap(), bytes);
                assert!(matches!(store.upload(&app, &id).await, Err(Error::NoUpload(_))));
                store.close().await;
            });
        }
    }
}

#[test]
fn an_upload_belongs_to_its_repository_and_ends_once() {
    run(async {
        let (directory, store, app) = open().await;
        let other = name("team/other");
        store.create_repository(&other, &Origin::Hosted).await.unwrap();
        let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        assert!(matches!(store.upload(&other, &id).await, Err(Error::NoUpload(_))));
        assert!(matches!(store.append(&other, &id, None).await, Err(Error::NoUpload(_))));
        assert!(matches!(store.cancel_upload(&other, &id).await, Err(Error::NoUpload(_))));
        store.cancel_upload(&app, &id).await.unwrap();
        assert!(matches!(store.upload(&app, &id).await, Err(Error::NoUpload(_))));
        // A digest that does not hold ends the upload.
        let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        let finished = store.finish_upload(&app, &id, &sha256(b"other"), "pusher").await;
        assert!(matches!(finished, Err(Error::Digest { .. })));
        assert!(matches!(store.upload(&app, &id).await, Err(Error::NoUpload(_))));
        // An upload without a byte is the empty blob.
        let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        store.finish_upload(&app, &id, &sha256(b""), "pusher").await.unwrap();
        // What nobody writes to expires.
        let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        assert_eq!(store.expire_uploads(Duration::from_secs(60)).await.unwrap(), 0);
        assert_eq!(store.expire_uploads(Duration::ZERO).await.unwrap(), 1);
        assert!(matches!(store.upload(&app, &id).await, Err(Error::NoUpload(_))));
        assert_eq!(std::fs::read_dir(directory.path().join("uploads")).unwrap().count(), 0);
    });
}

#[test]
fn names_of_uploads_are_no_paths() {
    for text in ["", "../roadstead.db", "..", "A0000000000000000000000000000000", "x", &"0".repeat(33)] {
        assert!(text.parse::<UploadId>().is_err(), "{text}");
    }
    assert!("0".repeat(32).parse::<UploadId>().is_ok());
}

#[test]
fn what_came_before_a_client_went_away_stays() {
    run(async {
        let (_directory, store, app) = open().await;
        let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        let mut append = store.append(&app, &id, None).await.unwrap();
        append.write(Bytes::from(vec![7; 2_000_000])).await.unwrap();
        append.write(Bytes::from(vec![8; 10])).await.unwrap();
        drop(append);
        // The next request waits until the first has let go.
        let size = store.upload(&app, &id).await.unwrap().size;
        assert_eq!(size, 2_000_010);
        // Two at once: the second is told after a while that it must wait.
        let first = store.append(&app, &id, None).await.unwrap();
        let second = store.append(&app, &id, None).await;
        assert!(matches!(second, Err(Error::Busy(_))));
        first.finish().await.unwrap();
        let mut bytes = vec![7; 2_000_000];
        bytes.extend([8; 10]);
        store.finish_upload(&app, &id, &sha256(&bytes), "pusher").await.unwrap();
    });
}

#[test]
fn many_upload_at_once() {
    run(async {
        let (_directory, store, app) = open().await;
        let tasks: Vec<_> = (0..40u32)
            .map(|n| {
                let (store, app) = (store.clone(), app.clone());
                tokio::spawn(async move {
                    // Half of them the same content.
                    let bytes = vec![(n / 2) as u8; 700_000];
                    let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
                    let mut append = store.append(&app, &id, Some(0)).await.unwrap();
                    for piece in bytes.chunks(50_000) {
                        append.write(Bytes::copy_from_slice(piece)).await.unwrap();
                    }
                    append.finish().await.unwrap();
                    let digest = sha256(&bytes);
                    store.finish_upload(&app, &id, &digest, "pusher").await.unwrap();
                    assert_eq!(given(&store, &read_back(&app), &digest).await.unwrap(), bytes);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}
