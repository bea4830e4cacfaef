//! What is pushed here: images, what no runtime runs, and what only says that it is such.
use super::{Bench, clean, policy, tells};
use access::{Action, Permit};
use bytes::Bytes;
use model::{Digest, RepositoryName};
use registry::{Pushed, Quarantine as _, Standing};
use serde_json::{Value, json};
use std::io::Write as _;
use store::{Manifest, PutManifest, State};
use test_support::{Image, LayerBuilder, standin};

const HOME: &str = "team/app";

/// Blobs of an artifact with the types they claim, and what its pull is told.
type Case<'a> = (&'a [(&'a str, &'a [u8])], &'a [&'a str]);

/// Pushes blobs and a manifest that names them, and tells how the manifest then stands.
async fn push(bench: &Bench, blobs: &[&[u8]], manifest: &Value) -> (Digest, Standing) {
    let repository: RepositoryName = HOME.parse().unwrap();
    bench.store.create_repository(&repository, &store::Origin::Hosted).await.unwrap();
    for bytes in blobs {
        let digest = test_support::sha256_digest(bytes).parse().unwrap();
        let mut incoming = bench.store.incoming(model::Algorithm::Sha256, 1 << 30).unwrap();
        incoming.write_all(bytes).unwrap();
        let sealed = incoming.seal(&digest).unwrap();
        bench.store.admit(&repository, sealed, "user:dev").await.unwrap();
    }
    let bytes = Bytes::from(serde_json::to_vec(manifest).unwrap());
    put(bench, bytes).await
}

async fn put(bench: &Bench, bytes: Bytes) -> (Digest, Standing) {
    let repository: RepositoryName = HOME.parse().unwrap();
    let put = PutManifest {
        repository: repository.clone(),
        manifest: Manifest::parse(bytes, None).unwrap(),
        digest: None,
        tags: Vec::new(),
        by: "user:dev".to_owned(),
    };
    let stored = bench.store.put_manifest(put).await.unwrap();
    let permit = Permit::for_tests("user:dev", &repository, Action::Push);
    bench.core.arrived(Pushed { permit: &permit, stored: &stored, tags: &[] }).await;
    let standing = bench.pull(HOME, &stored.digest.to_string()).await;
    (stored.digest, standing)
}

async fn bench(folder: &std::path::Path) -> Bench {
    Bench::open(folder, "http://127.0.0.1:9", |_| ()).await
}

fn blob(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": test_support::sha256_digest(bytes), "size": bytes.len()})
}

const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const SBOM: &str = "application/spdx+json";

fn artifact(layers: &[(&str, &[u8])]) -> Value {
    let layers: Vec<Value> = layers.iter().map(|(kind, bytes)| blob(kind, bytes)).collect();
    json!({
        "schemaVersion": 2, "mediaType": test_support::media_type::OCI_MANIFEST,
        "artifactType": "application/vnd.example.sbom", "config": blob(EMPTY, b"{}"), "layers": layers,
    })
}

async fn push_image(bench: &Bench, image: &Image) -> (Digest, Standing) {
    let manifest = image.manifest();
    let blobs: Vec<&[u8]> =
        image.blobs().values().map(|blob| blob.bytes.as_slice()).filter(|bytes| *bytes != manifest).collect();
    push(bench, &blobs, &serde_json::from_slice(manifest).unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_pushed_is_read_and_released() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path()).await;
    let (digest, standing) = push_image(&bench, &clean("pushed")).await;
    assert_eq!(standing, Standing::Released(digest, None));
    let miner = test_support::story::five_images().remove(0).image;
    let (_, standing) = push_image(&bench, &miner).await;
    tells(&standing, &["denied", "malicious"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_released_and_nothing_that_only_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path()).await;
    let program = standin::program("x");
    let tar = LayerBuilder::new().file("app", 0o755, program.clone()).build();
    let gzip =
        clean("x").blobs().values().find(|blob| blob.bytes.starts_with(b"\x1f\x8b")).unwrap().bytes.clone();
    let list: &[u8] = br#"{"spdxVersion": "SPDX-2.3"}"#;
    let cases: [Case<'_>; 7] = [
        // The control: an honest list of packages passes.
        (&[(SBOM, list)], &["released"]),
        (&[], &["released"]),
        (&[(SBOM, &program)], &["held", "unread", "a program"]),
        (&[(SBOM, &tar)], &["held", "unread", "a tar archive"]),
        (&[(SBOM, list), (SBOM, &gzip)], &["held", "unread", "a gzip stream"]),
        (&[(SBOM, b"#!/bin/sh\nexit")], &["held", "unread", "a script"]),
        (&[(SBOM, b"\xff\xfe\0\0")], &["held", "unread", "binary data"]),
    ];
    for (layers, expect) in cases {
        let mut blobs: Vec<&[u8]> = layers.iter().map(|(_, bytes)| *bytes).collect();
        blobs.push(b"{}");
        let (digest, standing) = push(&bench, &blobs, &artifact(layers)).await;
        tells(&standing, expect);
        let released = matches!(standing, Standing::Released(..));
        assert_eq!(bench.gives(HOME, &digest).await, released);
        // Nothing that is no image is signed as one.
        let tag = attest::signature_tag(&digest).parse().unwrap();
        assert!(bench.store.tag(&HOME.parse().unwrap(), &tag).await.unwrap().is_none());
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decoys_beside_and_inside_images_do_not_slip_through() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path()).await;
    let image = clean("decoy");
    let miner = test_support::story::five_images().remove(0).image;
    // An image whose layers call themselves documents is read as what it is.
    let mut manifest: Value = serde_json::from_slice(miner.manifest()).unwrap();
    for layer in manifest["layers"].as_array_mut().unwrap() {
        layer["mediaType"] = "application/vnd.in-toto+json".into();
    }
    let blobs: Vec<&[u8]> = miner.blobs().values().map(|blob| blob.bytes.as_slice()).collect();
    let (digest, standing) = push(&bench, &blobs, &manifest).await;
    assert!(!matches!(standing, Standing::Released(..)), "{standing:?}");
    assert!(!bench.gives(HOME, &digest).await);
    // A document among the layers of an image that is clean otherwise.
    let mut manifest: Value = serde_json::from_slice(image.manifest()).unwrap();
    let program = standin::program("decoy");
    manifest["layers"].as_array_mut().unwrap().push(blob("application/vnd.in-toto+json", &program));
    let mut blobs: Vec<&[u8]> = image.blobs().values().map(|blob| blob.bytes.as_slice()).collect();
    blobs.push(&program);
    let (_, standing) = push(&bench, &blobs, &manifest).await;
    assert!(!matches!(standing, Standing::Released(..)), "{standing:?}");
    // An index of nothing is nothing that anybody could have read.
    let index =
        json!({"schemaVersion": 2, "mediaType": test_support::media_type::OCI_INDEX, "manifests": []});
    let (_, standing) = push(&bench, &[], &index).await;
    tells(&standing, &["held", "rule empty"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_reading_is_not_released() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path()).await;
    let (good, bad) = (clean("good"), test_support::story::five_images().remove(0).image);
    let index =
        test_support::IndexBuilder::new().image(good.clone()).image_as("linux", "arm64", bad.clone()).build();
    push_image(&bench, &good).await;
    let (root, standing) = put(&bench, Bytes::copy_from_slice(index.manifest())).await;
    assert_eq!(standing, Standing::Released(root, None));
    // The child that was missing comes: it is not part of what was released.
    let (child, standing) = push_image(&bench, &bad).await;
    tells(&standing, &["denied"]);
    assert!(!bench.gives(HOME, &child).await);
    let name = HOME.parse().unwrap();
    // Nor can it become so between reading and release.
    let decision = || store::Decision { body: json!({}), by: "policy".to_owned(), ..Default::default() };
    let (other, _) = push_image(&bench, &clean("other")).await;
    let read = [other].into();
    let refused = bench.store.release_read(&name, &other, decision(), read, Vec::new()).await;
    assert!(matches!(refused, Err(store::Error::Unread { .. })), "{refused:?}");
    let standing = bench.store.standing(&name, &other).await.unwrap().unwrap();
    assert_eq!(standing.state, State::Released, "what stood before stands still");
    let _ = policy("");
    bench.close().await;
}
