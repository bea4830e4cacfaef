use crate::{BlobInfo, Error, Store};
use bytes::Bytes;
use model::{Algorithm, Digest, RepositoryName};
use std::io;

/// Content that is being written, for blocking code: an [`io::Write`] that hashes. Removed where it is dropped unsealed.
#[derive(Debug)]
pub struct Incoming {}

/// Content that is being written, for asynchronous code. Removed where it is dropped unsealed.
#[derive(Debug)]
pub struct Receiving {}

/// Content that is whole, verified and on the disk, and part of no repository yet. Removed where it is dropped.
#[derive(Debug)]
pub struct Sealed {}

impl Incoming {
    /// Checks the digest and brings the bytes to the disk. Blocks.
    pub fn seal(self, expected: &Digest) -> Result<Sealed, Error> {
        let _ = expected;
        todo!()
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        todo!()
    }
}

impl io::Write for Incoming {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let _ = buffer;
        todo!()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Receiving {
    /// Takes the next bytes. Hashing and writing happen off the asynchronous threads, in large pieces.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let _ = bytes;
        todo!()
    }

    /// Checks the digest and brings the bytes to the disk.
    pub async fn seal(self, expected: &Digest) -> Result<Sealed, Error> {
        let _ = expected;
        todo!()
    }
}

impl Sealed {
    /// Its digest.
    pub fn digest(&self) -> &Digest {
        todo!()
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        todo!()
    }
}

impl Store {
    /// Begins content that blocking code writes, of at most `limit` bytes, for a digest of this algorithm.
    pub fn incoming(&self, algorithm: Algorithm, limit: u64) -> Result<Incoming, Error> {
        let _ = (algorithm, limit);
        todo!()
    }

    /// Begins content that comes in one request, without a row: the monolithic upload.
    pub async fn receive(&self, algorithm: Algorithm) -> Result<Receiving, Error> {
        let _ = algorithm;
        todo!()
    }

    /// Makes sealed content part of a repository. When this returns it would survive a power loss.
    pub async fn admit(
        &self,
        repository: &RepositoryName,
        sealed: Sealed,
        by: &str,
    ) -> Result<BlobInfo, Error> {
        let _ = (repository, sealed, by);
        todo!()
    }
}
