use crate::house::*;
use model::Digest;
use std::time::Duration;
use store::{Error, analysis};

#[test]
fn a_layout_stays_whole_whatever_is_collected() {
    run(async {
        let (directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &[]).await;
        let other = sha256(b"never pushed");
        let text = index_text(&[(image.root, image.text.len()), (other, 5)]);
        let root = put(&store, &app, &text, &[]).await.unwrap().digest;
        let to = directory.path().join("layout");
        let layout = analysis::layout(&store, &app, &root, &to).await.unwrap();
        assert_eq!((layout.blobs, layout.missing), (4, vec![other]));
        for digest in [&root, &image.root] {
            store.delete_manifest(&app, digest, "pusher").await.unwrap();
        }
        store.collect(Duration::ZERO).await.unwrap();
        let blob = |digest: &Digest| std::fs::read(to.join("blobs/sha256").join(digest.hex())).unwrap();
        assert_eq!(blob(&image.layers[0]), b"layer");
        assert_eq!(blob(&image.root), image.text.as_bytes());
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(to.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["manifests"][0]["digest"], root.to_string());
        assert!(to.join("oci-layout").exists());
        let gone = analysis::layout(&store, &app, &root, &directory.path().join("second")).await;
        assert!(matches!(gone, Err(Error::NoManifest { .. })));
    });
}

#[test]
fn manifests_and_configurations_are_read_whatever_their_standing() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &[]).await;
        store.deny(&app, &image.root, decision()).await.unwrap();
        let manifest = analysis::manifest(&store, &app, &image.root).await.unwrap();
        assert_eq!(manifest.layers()[0].digest, image.layers[0]);
        assert_eq!(analysis::blob(&store, &app, &image.config, 100).await.unwrap(), "config");
        let small = analysis::blob(&store, &app, &image.config, 3).await;
        assert!(matches!(small, Err(Error::TooLarge { limit: 3 })));
        let none = analysis::blob(&store, &app, &sha256(b"none"), 3).await;
        assert!(matches!(none, Err(Error::Missing(_))));
    });
}
