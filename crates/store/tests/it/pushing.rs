use crate::house::*;
use access::{Action, Permit};
use model::{Algorithm, Digest};
use serde_json::json;
use store::{Error, Origin, State};

#[test]
fn nothing_that_is_pushed_is_given_before_it_is_released() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["one", "two"], &["latest"]).await;
        for digest in [&image.root, &image.config, &image.layers[0], &image.layers[1]] {
            assert!(!is_given(&store, &app, digest).await);
            assert!(given(&store, &read_back(&app), digest).await.is_some());
            // Another principal with the same action did not bring it.
            let other = Permit::for_tests("other", &app, Action::QuarantineRead);
            assert!(given(&store, &other, digest).await.is_none());
            // No other action gives content.
            for action in [Action::Push, Action::Delete, Action::Overwrite] {
                let permit = Permit::for_tests("pusher", &app, action);
                assert!(store.released(&permit, digest).await.unwrap().is_none());
                assert!(store.read_back(&permit, digest).await.unwrap().is_none());
            }
        }
        let outcome = store.release(&app, &image.root, decision()).await.unwrap();
        assert_eq!((outcome.released, outcome.missing.len()), (4, 0));
        assert_eq!(given(&store, &pull(&app), &image.layers[1]).await.unwrap(), b"two");
        assert_eq!(given(&store, &pull(&app), &image.root).await.unwrap(), image.text.as_bytes());
        // In this repository and in no other.
        let other = name("team/other");
        store.create_repository(&other, &Origin::Hosted).await.unwrap();
        assert!(!is_given(&store, &other, &image.root).await);
        assert!(!is_given(&store, &name("team/none"), &image.root).await);
    });
}

#[test]
fn a_manifest_needs_what_it_names() {
    run(async {
        let (_directory, store, app) = open().await;
        let config = push_blob(&store, &app, b"config").await;
        let absent = sha256(b"absent");
        let text = image_text((config, 6), &[(absent, 6)]);
        match put(&store, &app, &text, &["latest"]).await {
            Err(Error::Missing(missing)) => assert_eq!(missing, [absent]),
            other => panic!("{other:?}"),
        }
        assert_eq!(store.tag(&app, &tag("latest")).await.unwrap(), None);
        // A size that is not the blob's.
        let text = image_text((config, 7), &[]);
        assert!(matches!(put(&store, &app, &text, &[]).await, Err(Error::Manifest(_))));
        // Content of another repository is not this one's (CVE-2024-39897).
        let other = name("team/other");
        store.create_repository(&other, &Origin::Hosted).await.unwrap();
        let text = image_text((config, 6), &[]);
        assert!(matches!(put(&store, &other, &text, &[]).await, Err(Error::Missing(_))));
        // The children of an index may be missing.
        let sparse = index_text(&[(absent, 6)]);
        let stored = put(&store, &app, &sparse, &["sparse"]).await.unwrap();
        assert_eq!((stored.new, stored.state), (true, State::Quarantined));
        let outcome = store.release(&app, &stored.digest, decision()).await.unwrap();
        assert_eq!(outcome.missing, [absent]);
        // The digest that was promised is compared.
        let wrong = put_as(&store, &app, &sparse, &[], Some(absent)).await;
        assert!(matches!(wrong, Err(Error::Digest { .. })));
    });
}

#[test]
fn content_is_reached_by_the_digest_that_the_manifest_named() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &[]).await;
        let alias = push_blob_as(&store, &app, Algorithm::Sha512, b"layer").await.unwrap();
        store.release(&app, &image.root, decision()).await.unwrap();
        assert!(is_given(&store, &app, &image.layers[0]).await);
        assert!(!is_given(&store, &app, &alias).await, "nobody decided on an image that names it so");
        // An image under its SHA-512 name stands for itself, and what is denied under one name is under the other.
        let long = hashed(Algorithm::Sha512, image.text.as_bytes());
        put_as(&store, &app, &image.text, &["long"], Some(long)).await.unwrap();
        assert!(!is_given(&store, &app, &long).await);
        store.deny(&app, &long, decision()).await.unwrap();
        assert!(!is_given(&store, &app, &image.root).await);
        match store.release(&app, &image.root, decision()).await {
            Err(Error::Blocked { digest, .. }) => assert_eq!(digest, image.root),
            other => panic!("{other:?}"),
        }
        assert!(given(&store, &read_back(&app), &image.layers[0]).await.is_none());
    });
}

#[test]
fn a_manifest_that_was_released_as_a_layer_is_no_released_manifest() {
    run(async {
        let (_directory, store, app) = open().await;
        // Two honest images, and one that is made of parts of both and was never decided.
        let one = push(&store, &app, "config one", &["shell"], &[]).await;
        let evil = json!({
            "schemaVersion": 2, "mediaType": store::media_type::OCI_MANIFEST, "annotations": {"x": "y"},
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": one.config, "size": 10},
            "layers": [],
        })
        .to_string();
        store.release(&app, &one.root, decision()).await.unwrap();
        let carrier = push(&store, &app, "config two", &[&evil], &[]).await;
        store.release(&app, &carrier.root, decision()).await.unwrap();
        let hidden = put(&store, &app, &evil, &["hidden"]).await.unwrap().digest;
        let token = store.released(&pull(&app), &hidden).await.unwrap().unwrap();
        assert_eq!(
            *token.kind(),
            store::ReleasedKind::Blob,
            "as a blob it was decided, as an image it was not"
        );
        let tag = store.approved_tag(&pull(&app), &tag("hidden")).await.unwrap().unwrap();
        assert!(tag.released.is_none());
    });
}

#[test]
fn mounting_gives_membership_and_no_release() {
    run(async {
        let (_directory, store, app) = open().await;
        let other = name("team/other");
        store.create_repository(&other, &Origin::Hosted).await.unwrap();
        let image = push(&store, &app, "config", &["layer"], &[]).await;
        store.release(&app, &image.root, decision()).await.unwrap();
        let token = store.released(&pull(&app), &image.layers[0]).await.unwrap().unwrap();
        assert_eq!(store.mount(&token, &other, "pusher").await.unwrap().unwrap().size, 5);
        assert!(!is_given(&store, &other, &image.layers[0]).await);
        assert!(given(&store, &read_back(&other), &image.layers[0]).await.is_some());
        // A token that was made before the blob was deleted mounts nothing.
        store.delete_blob(&app, &image.layers[0], "pusher").await.unwrap();
        let third = name("team/third");
        store.create_repository(&third, &Origin::Hosted).await.unwrap();
        assert!(store.mount(&token, &third, "pusher").await.unwrap().is_none());
    });
}

#[test]
fn what_is_deleted_is_gone_though_others_hold_it() {
    run(async {
        let (_directory, store, app) = open().await;
        let other = name("team/other");
        store.create_repository(&other, &Origin::Hosted).await.unwrap();
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        let same = push(&store, &other, "config", &["layer"], &["latest"]).await;
        assert_eq!(image.root, same.root);
        for repository in [&app, &other] {
            store.release(repository, &image.root, decision()).await.unwrap();
            assert!(is_given(&store, repository, &image.layers[0]).await);
        }
        // CVE-2026-35172: neither by a cache nor by the file that another repository keeps.
        assert!(store.delete_blob(&app, &image.layers[0], "pusher").await.unwrap());
        assert!(!store.delete_blob(&app, &image.layers[0], "pusher").await.unwrap());
        assert!(!is_given(&store, &app, &image.layers[0]).await);
        assert!(is_given(&store, &other, &image.layers[0]).await);
        assert!(store.delete_manifest(&app, &image.root, "pusher").await.unwrap());
        assert!(!is_given(&store, &app, &image.root).await);
        assert!(!is_given(&store, &app, &image.config).await);
        assert_eq!(store.tag(&app, &tag("latest")).await.unwrap(), None);
        assert!(is_given(&store, &other, &image.root).await);
        // Pushed again it waits to be decided again.
        let again = push(&store, &app, "config", &["layer"], &["latest"]).await;
        assert!(!is_given(&store, &app, &again.root).await);
    });
}

#[test]
fn an_upstream_gives_nothing_to_a_permit_without_it() {
    run(async {
        let (_directory, store, _) = open().await;
        let hub = name("docker.io/library/x");
        let origin = Origin::Upstream { upstream: "docker.io".to_owned(), remote: "library/x".to_owned() };
        store.create_repository(&hub, &origin).await.unwrap();
        assert!(matches!(store.create_repository(&hub, &Origin::Hosted).await, Err(Error::OriginDiffers(_))));
        let image = push(&store, &hub, "config", &["layer"], &["latest"]).await;
        store.release(&hub, &image.root, decision()).await.unwrap();
        assert!(store.released(&pull(&hub), &image.root).await.unwrap().is_none());
        let other = pull(&hub).with_upstream_for_tests(&"ghcr".parse().unwrap());
        assert!(store.released(&other, &image.root).await.unwrap().is_none());
        let permit = pull(&hub).with_upstream_for_tests(&"docker.io".parse().unwrap());
        assert!(store.released(&permit, &image.root).await.unwrap().is_some());
        assert!(store.approved_tag(&permit, &tag("latest")).await.unwrap().unwrap().released.is_some());
        assert!(store.approved_tag(&pull(&hub), &tag("latest")).await.unwrap().is_none());
    });
}

#[test]
fn content_that_is_not_what_was_promised_leaves_nothing() {
    run(async {
        let (directory, store, app) = open().await;
        let mut receiving = store.receive(Algorithm::Sha256).await.unwrap();
        receiving.write("other".into()).await.unwrap();
        let sealed = receiving.seal(&sha256(b"promised")).await;
        assert!(matches!(sealed, Err(Error::Digest { .. })));
        let incoming = store.incoming(Algorithm::Sha256, 4).unwrap();
        let written = std::io::Write::write_all(&mut { incoming }, b"12345");
        assert_eq!(written.unwrap_err().kind(), std::io::ErrorKind::FileTooLarge);
        let mut incoming = store.incoming(Algorithm::Sha512, 100).unwrap();
        std::io::Write::write_all(&mut incoming, b"fine").unwrap();
        assert_eq!(incoming.size(), 4);
        let sealed = incoming.seal(&hashed(Algorithm::Sha512, b"fine")).unwrap();
        let digest: Digest = *sealed.digest();
        drop(sealed);
        assert!(store.blob(&app, &digest).await.unwrap().is_none());
        let left = std::fs::read_dir(directory.path().join("uploads")).unwrap().count();
        assert_eq!(left, 0);
    });
}
