use crate::blobs::{random_name, remove};
use crate::error::{self, Error};
use crate::repositories::Repo;
use crate::store::{Store, joined};
use crate::{BlobInfo, blobs};
use aws_lc_rs::digest as hash;
use bytes::Bytes;
use model::{Algorithm, Digest, RepositoryName};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Bytes that are hashed and written in one piece. Two pieces are all that an upload holds in memory.
const PIECE: usize = 512 << 10;
/// Bytes after which the disk is set to work, so that it is not idle until the end and asked for all at once then.
const EARLY_SYNC: u64 = 32 << 20;

/// Content that is being written, for blocking code: an [`io::Write`] that hashes. Removed where it is dropped unsealed.
#[derive(Debug)]
pub struct Incoming {
    sink: Sink,
}

/// Content that is being written, for asynchronous code. Removed where it is dropped unsealed.
#[derive(Debug)]
pub struct Receiving {
    pump: Pump,
}

/// Content that is whole, verified and on the disk, and part of no repository yet. Removed where it is dropped.
#[derive(Debug)]
pub struct Sealed {
    pub(crate) file: Temporary,
    digest: Digest,
    /// SHA-256 of the same bytes.
    pub(crate) content: Digest,
    size: u64,
}

impl Incoming {
    /// Checks the digest and brings the bytes to the disk. Blocks.
    pub fn seal(self, expected: &Digest) -> Result<Sealed, Error> {
        self.sink.seal(expected)
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.sink.state.size
    }
}

impl io::Write for Incoming {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.sink.write(buffer).map_err(|error| match error {
            Error::Io { source, .. } => source,
            Error::Full { .. } => io::Error::new(io::ErrorKind::StorageFull, error),
            Error::TooLarge { .. } => io::Error::new(io::ErrorKind::FileTooLarge, error),
            other => io::Error::other(other),
        })?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Receiving {
    /// Takes the next bytes. Hashing and writing happen off the asynchronous threads, in large pieces.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.pump.write(bytes).await
    }

    /// Checks the digest and brings the bytes to the disk.
    pub async fn seal(mut self, expected: &Digest) -> Result<Sealed, Error> {
        let sink = self.pump.end().await?;
        let expected = *expected;
        tokio::task::spawn_blocking(move || sink.seal(&expected)).await.map_err(joined)?
    }
}

impl Sealed {
    /// Its digest.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Store {
    /// Begins content that blocking code writes, of at most `limit` bytes, for a digest of this algorithm.
    pub fn incoming(&self, algorithm: Algorithm, limit: u64) -> Result<Incoming, Error> {
        let path = self.inner.blobs.uploads().join(format!(".{}", random_name()?));
        let limit = limit.min(self.inner.options.largest_blob);
        Ok(Incoming { sink: Sink::create(path, algorithm, limit)? })
    }

    /// Begins content that comes in one request, without a row: the monolithic upload.
    pub async fn receive(&self, algorithm: Algorithm) -> Result<Receiving, Error> {
        let store = self.clone();
        let incoming = tokio::task::spawn_blocking(move || store.incoming(algorithm, u64::MAX));
        Ok(Receiving { pump: Pump::new(incoming.await.map_err(joined)??.sink) })
    }

    /// Makes sealed content part of a repository. When this returns it would survive a power loss.
    pub async fn admit(
        &self,
        repository: &RepositoryName,
        sealed: Sealed,
        by: &str,
    ) -> Result<BlobInfo, Error> {
        let repo = self.repo(repository).await?;
        self.admit_to(repo, sealed, by, None).await
    }

    /// As [`Store::admit`]; the row of the upload goes in the same transaction. To its end even where whoever asked goes.
    pub(crate) async fn admit_to(
        &self,
        repo: Arc<Repo>,
        sealed: Sealed,
        by: &str,
        upload: Option<String>,
    ) -> Result<BlobInfo, Error> {
        let (store, by) = (self.clone(), by.to_owned());
        let admit = async move {
            let (digest, content, size) = (sealed.digest, sealed.content, sealed.size);
            // Held from before the file is there until its row is: the collector removes neither in between.
            let _lock = store.inner.blobs.lock(&digest).await;
            store.inner.blobs.place(sealed).await?;
            let id = repo.id;
            let write = store.write_in(&repo, "admit a blob", move |db| {
                Box::pin(async move {
                    blobs::insert(db, &digest, &content, size).await?;
                    blobs::join(db, id, &digest, &by).await?;
                    match upload {
                        Some(upload) => crate::uploads::forget(db, &upload).await,
                        None => Ok(()),
                    }
                })
            });
            write.await?;
            Ok(BlobInfo { digest, size })
        };
        tokio::spawn(admit).await.map_err(joined)?
    }
}

/// The digest of bytes in memory.
pub(crate) fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let mut context = Hashing::new(algorithm);
    context.update(bytes);
    context.finish(algorithm)
}

/// What was hashed so far: SHA-256 always, as it is what content is known by; SHA-512 where it was asked for.
#[derive(Clone)]
pub(crate) struct Hashing {
    sha256: hash::Context,
    sha512: Option<hash::Context>,
}

impl std::fmt::Debug for Hashing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Hashing")
    }
}

impl Hashing {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let sha512 = (algorithm == Algorithm::Sha512).then(|| hash::Context::new(&hash::SHA512));
        Self { sha256: hash::Context::new(&hash::SHA256), sha512 }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(context) = &mut self.sha512 {
            context.update(bytes);
        }
    }

    pub(crate) fn has(&self, algorithm: Algorithm) -> bool {
        algorithm == Algorithm::Sha256 || self.sha512.is_some()
    }

    /// The digest so far. Zeros where SHA-512 was not asked for, which no content has.
    pub(crate) fn finish(&self, algorithm: Algorithm) -> Digest {
        match algorithm {
            Algorithm::Sha256 => {
                let mut bytes = [0; 32];
                bytes.copy_from_slice(self.sha256.clone().finish().as_ref());
                Digest::sha256(bytes)
            }
            Algorithm::Sha512 => {
                let mut bytes = [0; 64];
                if let Some(context) = &self.sha512 {
                    bytes.copy_from_slice(context.clone().finish().as_ref());
                }
                Digest::sha512(bytes)
            }
        }
    }
}

/// A file that is removed when this is dropped, unless it was renamed before.
#[derive(Debug)]
pub(crate) struct Temporary {
    pub(crate) path: PathBuf,
    pub(crate) armed: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.armed {
            remove(&self.path);
        }
    }
}

/// How far a file is that is being written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) hashing: Hashing,
    pub(crate) size: u64,
}

/// A file that grows and is hashed while it does.
#[derive(Debug)]
pub(crate) struct Sink {
    file: File,
    pub(crate) temporary: Temporary,
    pub(crate) state: Written,
    limit: u64,
    unsynced: u64,
}

impl Sink {
    fn create(path: PathBuf, algorithm: Algorithm, limit: u64) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        let open = options.create_new(true).read(true).write(true).mode(0o600).open(&path);
        let file = open.map_err(error::io("create", &path))?;
        let state = Written { hashing: Hashing::new(algorithm), size: 0 };
        Ok(Self { file, temporary: Temporary { path, armed: true }, state, limit, unsynced: 0 })
    }

    /// Goes on with a file that holds what `state` says, and maybe a cut piece after it.
    pub(crate) fn reopen(path: PathBuf, state: Written, limit: u64) -> Result<Self, Error> {
        let file =
            OpenOptions::new().read(true).append(true).open(&path).map_err(error::io("open", &path))?;
        file.set_len(state.size).map_err(error::io("cut", &path))?;
        Ok(Self { file, temporary: Temporary { path, armed: false }, state, limit, unsynced: 0 })
    }

    /// Writes all of it or nothing of it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let size = self.state.size.saturating_add(bytes.len() as u64);
        if size > self.limit {
            return Err(Error::TooLarge { limit: self.limit });
        }
        if let Err(failed) = self.file.write_all(bytes) {
            // What a full disk took of the piece is cut off again, so that file and hash stay one.
            let _ = self.file.set_len(self.state.size);
            let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.state.size));
            return Err(error::io("write", &self.temporary.path)(failed));
        }
        self.state.hashing.update(bytes);
        self.state.size = size;
        self.unsynced += bytes.len() as u64;
        Ok(())
    }

    /// A second handle of the file, where enough was written for the disk to begin.
    fn due(&mut self) -> Option<File> {
        if self.unsynced < EARLY_SYNC {
            return None;
        }
        self.unsynced = 0;
        self.file.try_clone().ok()
    }

    pub(crate) fn seal(mut self, expected: &Digest) -> Result<Sealed, Error> {
        if !self.state.hashing.has(expected.algorithm()) {
            let (hashing, _) = rehash(&self.temporary.path, expected.algorithm())?;
            self.state.hashing = hashing;
        }
        let computed = self.state.hashing.finish(expected.algorithm());
        if computed != *expected {
            return Err(Error::Digest { expected: *expected, computed });
        }
        self.file.sync_all().map_err(error::io("bring to the disk", &self.temporary.path))?;
        let content = self.state.hashing.finish(Algorithm::Sha256);
        self.temporary.armed = true;
        Ok(Sealed { file: self.temporary, digest: computed, content, size: self.state.size })
    }
}

/// Hashes a file from its beginning; also its size.
pub(crate) fn rehash(path: &Path, algorithm: Algorithm) -> Result<(Hashing, u64), Error> {
    let mut file = File::open(path).map_err(error::io("open", path))?;
    let mut hashing = Hashing::new(algorithm);
    let mut buffer = vec![0; PIECE];
    let mut size = 0;
    loop {
        match io::Read::read(&mut file, &mut buffer).map_err(error::io("read", path))? {
            0 => return Ok((hashing, size)),
            n => {
                hashing.update(&buffer[..n]);
                size += n as u64;
            }
        }
    }
}

/// Writes bytes that are in memory to a new file that is on the disk when this returns. Blocks.
pub(crate) fn write_durably(path: PathBuf, digest: &Digest, bytes: &[u8]) -> Result<Sealed, Error> {
    let mut sink = Sink::create(path, digest.algorithm(), u64::MAX)?;
    sink.write(bytes)?;
    sink.seal(digest)
}

/// Brings bytes from an asynchronous thread to a [`Sink`] on a blocking one: while one piece is hashed, the next is
/// gathered. No thread waits for a slow client.
#[derive(Debug)]
pub(crate) struct Pump {
    sink: Option<Sink>,
    running: Option<JoinHandle<(Sink, Result<(), Error>)>>,
    syncing: Option<JoinHandle<()>>,
    gathered: Vec<Bytes>,
    length: usize,
}

impl Pump {
    pub(crate) fn new(sink: Sink) -> Self {
        Self { sink: Some(sink), running: None, syncing: None, gathered: Vec::new(), length: 0 }
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.length += bytes.len();
        self.gathered.push(bytes);
        // Many tiny pieces cost more than their bytes.
        if self.length >= PIECE || self.gathered.len() >= 256 {
            self.push().await?;
        }
        Ok(())
    }

    /// Waits for all that was given; gives the sink back.
    pub(crate) async fn end(&mut self) -> Result<Sink, Error> {
        if !self.gathered.is_empty() {
            self.push().await?;
        }
        self.settle().await?;
        self.sink.take().ok_or(Error::Closed)
    }

    /// The sink, with whatever came before something went wrong. `None` where its thread panicked.
    pub(crate) async fn end_with_what_is_there(&mut self) -> Option<Sink> {
        if let Ok(sink) = self.end().await {
            return Some(sink);
        }
        self.sink.take()
    }

    async fn settle(&mut self) -> Result<(), Error> {
        // Taken only when it is done: whoever is cancelled while waiting leaves it to the next.
        if let Some(running) = &mut self.running {
            let done = running.await;
            self.running = None;
            let (sink, result) = done.map_err(joined)?;
            self.sink = Some(sink);
            result?;
        }
        Ok(())
    }

    async fn push(&mut self) -> Result<(), Error> {
        self.settle().await?;
        let mut sink = self.sink.take().ok_or(Error::Closed)?;
        if let Some(file) = sink.due()
            && self.syncing.as_ref().is_none_or(JoinHandle::is_finished)
        {
            // Whether it worked is asked of the sync at the end.
            self.syncing = Some(tokio::task::spawn_blocking(move || {
                let _ = file.sync_data();
            }));
        }
        let gathered = std::mem::take(&mut self.gathered);
        self.length = 0;
        self.running = Some(tokio::task::spawn_blocking(move || {
            let result = gathered.iter().try_for_each(|bytes| sink.write(bytes));
            (sink, result)
        }));
        Ok(())
    }
}
