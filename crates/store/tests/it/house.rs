//! A store in a directory of its own, and short ways to push to it.
use access::{Action, Permit};
use bytes::Bytes;
use model::{Algorithm, Digest, RepositoryName, Tag};
use serde_json::json;
use std::future::Future;
use std::path::Path;
use store::{Decision, Error, Manifest, Options, Origin, PutManifest, Recovered, Store, Stored};
use tempfile::TempDir;

/// Runs asynchronous code on a few threads.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap().block_on(work)
}

pub(crate) async fn open_at(path: &Path) -> (Store, Recovered) {
    Store::open(Options::new(path)).await.unwrap()
}

/// A store with the hosted repository `team/app`.
pub(crate) async fn open() -> (TempDir, Store, RepositoryName) {
    let directory = tempfile::tempdir().unwrap();
    let (store, recovered) = open_at(directory.path()).await;
    assert_eq!(recovered, Recovered::default());
    let name = name("team/app");
    store.create_repository(&name, &Origin::Hosted).await.unwrap();
    (directory, store, name)
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(crate) fn pull(name: &RepositoryName) -> Permit {
    Permit::for_tests("reader", name, Action::Pull)
}

pub(crate) fn read_back(name: &RepositoryName) -> Permit {
    Permit::for_tests("pusher", name, Action::QuarantineRead)
}

pub(crate) fn decision() -> Decision {
    Decision {
        body: json!({"effect": "allow", "rule": "test"}),
        by: "policy".to_owned(),
        ..Decision::default()
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    hashed(Algorithm::Sha256, bytes)
}

pub(crate) fn hashed(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    match algorithm {
        Algorithm::Sha256 => Digest::sha256(sha2::Sha256::digest(bytes).into()),
        Algorithm::Sha512 => Digest::sha512(sha2::Sha512::digest(bytes).into()),
    }
}

pub(crate) async fn push_blob_as(
    store: &Store,
    name: &RepositoryName,
    algorithm: Algorithm,
    bytes: &[u8],
) -> Result<Digest, Error> {
    let digest = hashed(algorithm, bytes);
    let mut receiving = store.receive(algorithm).await?;
    receiving.write(Bytes::copy_from_slice(bytes)).await?;
    let sealed = receiving.seal(&digest).await?;
    let info = store.admit(name, sealed, "pusher").await?;
    assert_eq!((info.digest, info.size), (digest, bytes.len() as u64));
    Ok(digest)
}

pub(crate) async fn push_blob(store: &Store, name: &RepositoryName, bytes: &[u8]) -> Digest {
    push_blob_as(store, name, Algorithm::Sha256, bytes).await.unwrap()
}

/// The text of an image of these blobs.
pub(crate) fn image_text(config: (Digest, usize), layers: &[(Digest, usize)]) -> String {
    let layers: Vec<_> = layers
        .iter()
        .map(|(digest, size)| {
            json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size})
        })
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": store::media_type::OCI_MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.0, "size": config.1,
        },
        "layers": layers,
    })
    .to_string()
}

/// The text of an index of these manifests.
pub(crate) fn index_text(children: &[(Digest, usize)]) -> String {
    let manifests: Vec<_> = children
        .iter()
        .map(|(digest, size)| json!({"mediaType": store::media_type::OCI_MANIFEST, "digest": digest, "size": size}))
        .collect();
    json!({"schemaVersion": 2, "mediaType": store::media_type::OCI_INDEX, "manifests": manifests}).to_string()
}

pub(crate) async fn put(
    store: &Store,
    name: &RepositoryName,
    text: &str,
    tags: &[&str],
) -> Result<Stored, Error> {
    put_as(store, name, text, tags, None).await
}

pub(crate) async fn put_as(
    store: &Store,
    name: &RepositoryName,
    text: &str,
    tags: &[&str],
    digest: Option<Digest>,
) -> Result<Stored, Error> {
    let manifest = Manifest::parse(Bytes::copy_from_slice(text.as_bytes()), None)?;
    let tags = tags.iter().map(|text| tag(text)).collect();
    store
        .put_manifest(PutManifest {
            repository: name.clone(),
            manifest,
            digest,
            tags,
            by: "pusher".to_owned(),
        })
        .await
}

/// An image that was pushed.
pub(crate) struct Image {
    pub(crate) root: Digest,
    pub(crate) text: String,
    pub(crate) config: Digest,
    pub(crate) layers: Vec<Digest>,
}

/// Pushes an image with its blobs.
pub(crate) async fn push(
    store: &Store,
    name: &RepositoryName,
    config: &str,
    layers: &[&str],
    tags: &[&str],
) -> Image {
    let config_digest = push_blob(store, name, config.as_bytes()).await;
    let mut pushed = Vec::new();
    for layer in layers {
        pushed.push((push_blob(store, name, layer.as_bytes()).await, layer.len()));
    }
    let text = image_text((config_digest, config.len()), &pushed);
    let stored = put(store, name, &text, tags).await.unwrap();
    assert_eq!(stored.digest, sha256(text.as_bytes()));
    let layers = pushed.into_iter().map(|(digest, _)| digest).collect();
    Image { root: stored.digest, text, config: config_digest, layers }
}

/// All bytes that a token gives; `None` where there is no token.
pub(crate) async fn given(store: &Store, permit: &Permit, digest: &Digest) -> Option<Vec<u8>> {
    use futures_util::TryStreamExt as _;
    let released = match permit.action() {
        Action::QuarantineRead => store.read_back(permit, digest).await.unwrap()?,
        _ => store.released(permit, digest).await.unwrap()?,
    };
    let file = store.open_released(&released).await.unwrap();
    let size = file.size();
    let bytes: Vec<Bytes> = file.stream(0..u64::MAX).try_collect().await.unwrap();
    let bytes = bytes.concat();
    assert_eq!(bytes.len() as u64, size);
    assert_eq!(hashed(digest.algorithm(), &bytes), *digest);
    Some(bytes)
}

pub(crate) async fn is_given(store: &Store, name: &RepositoryName, digest: &Digest) -> bool {
    given(store, &pull(name), digest).await.is_some()
}
