//! The door of the gate's worker to content that is not released. `registry` must not use it.
use crate::blobs::unsigned;
use crate::error::{self, Error, database};
use crate::manifest::Manifest;
use crate::manifests;
use crate::store::{Store, joined};
use bytes::Bytes;
use model::{Digest, RepositoryName};
use serde_json::json;
use std::io;
use std::path::{Path, PathBuf};

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
    let repo = store.repo(repository).await?;
    let manifest = manifest(store, repository, root).await?;
    let rows: Vec<(String, i64, bool, Option<i64>)> = sqlx::query_as(REACH)
        .bind(repo.id)
        .bind(root.to_string())
        .fetch_all(store.read())
        .await
        .map_err(database("find what a manifest reaches"))?;
    let mut layout = Layout::default();
    let mut files = Vec::new();
    for (text, _, held, size) in rows {
        let digest: Digest = crate::repositories::parsed("links", &text)?;
        match size {
            Some(size) if held => {
                layout.blobs += 1;
                layout.bytes += unsigned(size);
                files.push((digest, store.inner.blobs.path(&digest)));
            }
            _ => layout.missing.push(digest),
        }
    }
    // One digest may be reached as a manifest and as a layer.
    files.sort_unstable();
    files.dedup();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": crate::media_type::OCI_INDEX,
        "manifests": [{
            "mediaType": manifest.media_type(), "digest": root, "size": manifest.bytes().len(),
        }],
    });
    let directory = directory.to_owned();
    let build = move || build(&directory, files, index.to_string());
    tokio::task::spawn_blocking(build).await.map_err(joined)??;
    Ok(layout)
}

/// A manifest of a repository, whatever its standing.
pub async fn manifest(
    store: &Store,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Manifest, Error> {
    let info = store.manifest(repository, digest).await?;
    let none = || Error::NoManifest { repository: repository.clone(), digest: *digest };
    let info = info.ok_or_else(none)?;
    let bytes = store.small_file(*digest, info.size).await?;
    Ok(Manifest::parse(bytes, Some(&info.media_type))?)
}

/// The bytes of a blob of a repository of at most `limit` bytes (4 MiB at most), whatever its standing: configurations.
pub async fn blob(
    store: &Store,
    repository: &RepositoryName,
    digest: &Digest,
    limit: u64,
) -> Result<Bytes, Error> {
    let repo = store.repo(repository).await?;
    let mut connection = store.read().acquire().await.map_err(database("find a blob"))?;
    let size = manifests::blob_size(&mut connection, repo.id, digest).await?;
    drop(connection);
    match size.ok_or_else(|| Error::Missing(vec![*digest]))? {
        size if size > limit => Err(Error::TooLarge { limit }),
        size => store.small_file(*digest, size).await,
    }
}

/// As the release reaches it, so that what is analysed is what would be released.
const REACH: &str = "
    WITH RECURSIVE reach (digest, manifest) AS (
        SELECT CAST($2 AS TEXT), 1
        UNION
        SELECT l.child, CASE l.kind WHEN 'manifest' THEN 1 ELSE 0 END
        FROM reach r JOIN links l ON l.parent = r.digest WHERE l.repository = $1 AND r.manifest = 1)
    SELECT r.digest, r.manifest,
        CASE r.manifest
            WHEN 1 THEN EXISTS (SELECT 1 FROM manifests m WHERE m.repository = $1 AND m.digest = r.digest)
            ELSE EXISTS (SELECT 1 FROM repository_blobs h WHERE h.repository = $1 AND h.digest = r.digest) END,
        (SELECT b.size FROM blobs b WHERE b.digest = r.digest AND b.lost = 0)
    FROM reach r";

fn build(directory: &Path, files: Vec<(Digest, PathBuf)>, index: String) -> Result<(), Error> {
    let blobs = directory.join("blobs");
    for folder in [directory.to_owned(), blobs.join("sha256"), blobs.join("sha512")] {
        std::fs::create_dir_all(&folder).map_err(error::io("make the folder", &folder))?;
    }
    for (digest, from) in files {
        let to = blobs.join(digest.algorithm().name()).join(digest.hex());
        match std::fs::hard_link(&from, &to) {
            Ok(()) => {}
            Err(failed) if failed.kind() == io::ErrorKind::CrossesDevices => {
                std::fs::copy(&from, &to).map_err(error::io("copy", &from))?;
            }
            Err(failed) if failed.kind() == io::ErrorKind::NotFound => return Err(Error::Damaged(digest)),
            Err(failed) => return Err(error::io("link", &to)(failed)),
        }
    }
    for (name, text) in [("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#), ("index.json", &index)] {
        let path = directory.join(name);
        std::fs::write(&path, text).map_err(error::io("write", &path))?;
    }
    Ok(())
}
