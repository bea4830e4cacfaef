use crate::{Error, Released, Store};
use bytes::Bytes;
use futures_util::Stream;
use model::{Digest, RepositoryName};
use std::fs::File;
use std::ops::Range;

/// What is known of a blob of a repository, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// The open file of released content.
#[derive(Debug)]
pub struct BlobFile {
    file: File,
    size: u64,
}

impl BlobFile {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a range, in chunks. Read from the page cache at once, and off the asynchronous threads where they are
    /// not there. A range that ends beyond the file is cut.
    pub fn stream(self, range: Range<u64>) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let _ = (self.file, range);
        futures_util::stream::empty()
    }
}

impl Store {
    /// Opens released content, a blob or a manifest.
    pub async fn open_released(&self, released: &Released) -> Result<BlobFile, Error> {
        let _ = released;
        todo!()
    }

    /// What is known of a blob of a repository. It gives no content. Keeps the collector from it for the grace period.
    pub async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<BlobInfo>, Error> {
        let _ = (repository, digest);
        todo!()
    }

    /// Makes a blob of one repository part of another. `None` where the first does not hold it, and the client uploads it.
    /// The caller has looked whether the principal may read the blob in the first (CVE-2024-39897): with
    /// [`Store::released`] or [`Store::read_back`].
    pub async fn mount(
        &self,
        from: &Released,
        to: &RepositoryName,
        by: &str,
    ) -> Result<Option<BlobInfo>, Error> {
        let _ = (from, to, by);
        todo!()
    }

    /// Removes a blob from a repository. Whether it was there.
    pub async fn delete_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
    ) -> Result<bool, Error> {
        let _ = (repository, digest, by);
        todo!()
    }
}

pub(crate) struct Directory;
