//! The door of the gate's worker to content that is not released. `registry` must not use it.
use crate::{Error, Manifest, Store};
use bytes::Bytes;
use model::{Digest, RepositoryName};
use std::path::Path;

/// What a layout holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// Blobs and manifests that are there.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What the root names and the repository does not hold.
    pub missing: Vec<Digest>,
}

/// Makes `directory` an OCI image layout that holds a root manifest and all that it reaches, by hard links (copies where
/// the disk is another): whatever is deleted or collected meanwhile, the layout stays whole. The directory must be empty or
/// absent.
pub async fn layout(
    store: &Store,
    repository: &RepositoryName,
    root: &Digest,
    directory: &Path,
) -> Result<Layout, Error> {
    let _ = (store, repository, root, directory);
    todo!()
}

/// A manifest of a repository, whatever its standing.
pub async fn manifest(
    store: &Store,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Manifest, Error> {
    let _ = (store, repository, digest);
    todo!()
}

/// The bytes of a blob of a repository of at most `limit` bytes, whatever its standing: configurations.
pub async fn blob(
    store: &Store,
    repository: &RepositoryName,
    digest: &Digest,
    limit: u64,
) -> Result<Bytes, Error> {
    let _ = (store, repository, digest, limit);
    todo!()
}
