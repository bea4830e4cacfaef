use crate::error::{self, Error};
use crate::{Recovered, blobs, release, uploads};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The database's file in the data directory.
pub(crate) const DATABASE: &str = "roadstead.db";
/// Most entries of one page of a list: what is asked for beyond is cut (CVE-2023-2253).
pub const MAX_PAGE: usize = 1000;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory; made where it is not there.
    pub directory: PathBuf,
    /// Connections that read at the same time.
    pub readers: u32,
    /// Bytes of manifests that are kept in memory.
    pub manifest_cache: u64,
    /// Release checks that are kept in memory.
    pub check_cache: usize,
    /// Largest blob that is taken.
    pub largest_blob: u64,
}

impl Options {
    /// What suits a single machine.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            readers: 4,
            manifest_cache: 32 << 20,
            check_cache: 100_000,
            largest_blob: 64 << 30,
        }
    }
}

/// Rows and blobs of one data directory. A clone is the same store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) readers: SqlitePool,
    pub(crate) writer: SqlitePool,
    pub(crate) blobs: blobs::Directory,
    pub(crate) releases: release::Checks,
    pub(crate) uploads: uploads::Open,
    pub(crate) jobs: crate::jobs::Board,
    /// Held for as long as the store is open: two processes with caches of their own would not hear of each other's
    /// revocations.
    _lock: File,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Store")
            .field("directory", &self.inner.options.directory)
            .finish_non_exhaustive()
    }
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Store {
    /// Opens a data directory, makes it where it is not there, and puts right what a crash left.
    pub async fn open(options: Options) -> Result<(Self, Recovered), Error> {
        let _ = options;
        todo!()
    }

    /// Waits for what is being written, and closes the database.
    pub async fn close(&self) {
        todo!()
    }

    /// Whether the database answers and takes writes: for the readiness probe.
    pub async fn ready(&self) -> Result<(), Error> {
        todo!()
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.inner.options.directory
    }
}
