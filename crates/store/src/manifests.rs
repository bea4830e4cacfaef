use crate::{Error, Manifest, ManifestKind, Store};
use access::Permit;
use model::{Digest, RepositoryName, Tag};
use std::collections::BTreeMap;

/// A manifest to be put into a repository.
#[derive(Debug, Clone)]
pub struct PutManifest {
    /// Into which repository. It must exist.
    pub repository: RepositoryName,
    /// The manifest.
    pub manifest: Manifest,
    /// Under which digest; checked against the bytes. `None`: SHA-256.
    pub digest: Option<Digest>,
    /// Tags that point to it from now on.
    pub tags: Vec<Tag>,
    /// Who pushes.
    pub by: String,
}

/// What became of a manifest that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its digest.
    pub digest: Digest,
    /// What it is about, for `OCI-Subject`.
    pub subject: Option<Digest>,
    /// Whether the repository did not have it before.
    pub new: bool,
    /// Its standing now: a manifest that was denied before stays denied.
    pub state: crate::State,
}

/// What is known of a manifest, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestInfo {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub kind: ManifestKind,
    /// Its Content-Type.
    pub media_type: String,
    /// Its artifact type, or the type of its configuration.
    pub artifact_type: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// What it is about.
    pub subject: Option<Digest>,
    /// Its configuration.
    pub config: Option<Digest>,
    /// When it was first put here.
    pub created: i64,
    /// By whom.
    pub pushed_by: String,
}

/// A manifest that is about another, as the list of referrers shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its Content-Type.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Store {
    /// Puts a manifest, its links and its tags into a repository; its standing begins as quarantined.
    /// [`Error::Missing`] where it names a blob that the repository does not hold; the children of an index may be missing.
    pub async fn put_manifest(&self, put: PutManifest) -> Result<Stored, Error> {
        let _ = put;
        todo!()
    }

    /// What is known of a manifest of a repository. It gives no content.
    pub async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<ManifestInfo>, Error> {
        let _ = (repository, digest);
        todo!()
    }

    /// The manifests of a repository that come after `last`, at most `n`, by digest.
    pub async fn manifests(
        &self,
        repository: &RepositoryName,
        last: Option<&Digest>,
        n: usize,
    ) -> Result<Vec<ManifestInfo>, Error> {
        let _ = (repository, last, n);
        todo!()
    }

    /// Removes a manifest and the tags that point to it. Its release ends; that it was denied is remembered. Whether there
    /// was one.
    pub async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
    ) -> Result<bool, Error> {
        let _ = (repository, digest, by);
        todo!()
    }

    /// The manifests that are about `subject`, by digest, after `last`, at most `n`. A permit to pull sees the released
    /// ones; a permit to read the quarantine sees all that are not denied.
    pub async fn referrers(
        &self,
        permit: &Permit,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: Option<&Digest>,
        n: usize,
    ) -> Result<Vec<Referrer>, Error> {
        let _ = (permit, subject, artifact_type, last, n);
        todo!()
    }
}
