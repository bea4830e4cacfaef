use crate::{BlobInfo, Error, Store};
use bytes::Bytes;
use model::{Algorithm, Digest, RepositoryName};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The name of an upload: 32 lower-case hexadecimal digits, unguessable.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UploadId(String);

impl fmt::Display for UploadId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for UploadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 32 && text.bytes().all(digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::NoUpload(model::escape_text(&text.chars().take(64).collect::<String>())))
    }
}

/// How far an upload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its name.
    pub id: UploadId,
    /// Bytes that are there: where the next chunk begins.
    pub size: u64,
    /// Who began it.
    pub by: String,
}

/// One chunk that is being written to an upload, which is locked meanwhile. Dropped: what came so far stays.
#[derive(Debug)]
pub struct Append {}

impl Append {
    /// Takes the next bytes of the chunk.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let _ = bytes;
        todo!()
    }

    /// Ends the chunk; gives the size of the upload.
    pub async fn finish(self) -> Result<u64, Error> {
        todo!()
    }
}

impl Store {
    /// Begins an upload. `algorithm` is what the client says it will name the content by; without, SHA-256 is taken.
    pub async fn begin_upload(
        &self,
        repository: &RepositoryName,
        algorithm: Option<Algorithm>,
        by: &str,
    ) -> Result<UploadStatus, Error> {
        let _ = (repository, algorithm, by);
        todo!()
    }

    /// How far an upload of this repository is.
    pub async fn upload(&self, repository: &RepositoryName, id: &UploadId) -> Result<UploadStatus, Error> {
        let _ = (repository, id);
        todo!()
    }

    /// Locks an upload for a chunk that begins at `offset`, or at its end where none is given. [`Error::Offset`] where the
    /// chunk does not fit, [`Error::Busy`] where another request writes.
    pub async fn append(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        offset: Option<u64>,
    ) -> Result<Append, Error> {
        let _ = (repository, id, offset);
        todo!()
    }

    /// Ends an upload: its content is what `expected` says, and part of the repository when this returns. With another
    /// digest the upload is removed.
    pub async fn finish_upload(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        expected: &Digest,
        by: &str,
    ) -> Result<BlobInfo, Error> {
        let _ = (repository, id, expected, by);
        todo!()
    }

    /// Removes an upload.
    pub async fn cancel_upload(&self, repository: &RepositoryName, id: &UploadId) -> Result<(), Error> {
        let _ = (repository, id);
        todo!()
    }

    /// Removes uploads that nobody wrote to for as long; how many.
    pub async fn expire_uploads(&self, idle: Duration) -> Result<usize, Error> {
        let _ = idle;
        todo!()
    }
}

pub(crate) struct Open;
