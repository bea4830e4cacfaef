use crate::manifest::ManifestError;
use model::{Digest, RepositoryName};
use std::io;
use std::path::{Path, PathBuf};

/// Why the store did not do what it was asked for. Nothing of what was asked is left half done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, or a quota is used up.
    #[error("the disk that holds {path} is full: free space there, nothing was kept of this request")]
    Full {
        /// Which file or folder could not grow.
        path: PathBuf,
    },
    /// The disk does not take writes.
    #[error("{path} is on a read-only disk: make it writable, nothing was kept of this request")]
    ReadOnly {
        /// Which file or folder could not be written.
        path: PathBuf,
    },
    /// Another process has the directory open.
    #[error("{path} is in use by another process: stop it, or name another data directory")]
    Locked {
        /// The data directory.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {doing} {path}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The database did not answer as it should.
    #[error("the database cannot {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database is of a later version.
    #[error(
        "the database was written by a later version (schema {found}, known is {known}): run that version"
    )]
    Schema {
        /// What the database says.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// A row holds what no version of the store writes.
    #[error("a row of {table} cannot be read: {why}")]
    Row {
        /// Which table.
        table: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such repository.
    #[error("there is no repository {0}")]
    NoRepository(RepositoryName),
    /// The repository exists with another origin, and an origin never changes.
    #[error("repository {0} exists with another origin: content of one origin never stands for another")]
    OriginDiffers(RepositoryName),
    /// The repository has no such manifest.
    #[error("repository {repository} has no manifest {digest}")]
    NoManifest {
        /// Where.
        repository: RepositoryName,
        /// Which.
        digest: Digest,
    },
    /// A manifest names content that its repository does not hold.
    #[error("the manifest names content that the repository does not hold: {}", list(.0))]
    Missing(Vec<Digest>),
    /// The manifest is refused.
    #[error("the manifest is refused: {0}")]
    Manifest(#[from] ManifestError),
    /// There is no such upload, or no more.
    #[error("there is no upload {0}: it was finished, cancelled or has expired")]
    NoUpload(String),
    /// Another request writes to the upload.
    #[error("upload {0} is being written to by another request")]
    Busy(String),
    /// A chunk does not begin where the upload ends.
    #[error("the chunk begins at {given}, the upload ends at {end}")]
    Offset {
        /// Where the upload ends.
        end: u64,
        /// Where the chunk began.
        given: u64,
    },
    /// The content is not what its digest says.
    #[error("the content has the digest {computed}, not {expected}")]
    Digest {
        /// What was promised.
        expected: Digest,
        /// What came.
        computed: Digest,
    },
    /// More bytes than allowed.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// A root cannot be released while something that it reaches is denied or revoked.
    #[error("{root} cannot be released: it reaches {digest}, which is {state}", state = .state.name())]
    Blocked {
        /// What was to be released.
        root: Digest,
        /// What it reaches.
        digest: Digest,
        /// Its state.
        state: crate::State,
    },
    /// The file of a blob is gone or has another size than its row says.
    #[error("the file of {0} is damaged or gone: run a scrub")]
    Damaged(Digest),
    /// A root would give out content that came after it was read.
    #[error("{root} is not released: it would give out {digest}, which came after it was read")]
    Unread {
        /// What was to be released.
        root: Digest,
        /// What nobody read.
        digest: Digest,
    },
    /// The permit does not allow this.
    #[error("the permit is for {given:?}, this needs {needed:?}")]
    Permit {
        /// What the permit allows.
        given: access::Action,
        /// What is needed.
        needed: access::Action,
    },
    /// A job's lease went to another worker, or the job is done.
    #[error("job {0} is no longer this worker's: its lease ended")]
    Lease(i64),
    /// What was to be made is there already.
    #[error("there is already {0}")]
    Exists(String),
    /// The store is being closed.
    #[error("the store is closed")]
    Closed,
}

fn list(digests: &[Digest]) -> String {
    digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// For `map_err`: an error of a file, with full and read-only disks told apart.
pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full { path },
        io::ErrorKind::ReadOnlyFilesystem => Error::ReadOnly { path },
        _ => Error::Io { doing, path, source },
    }
}

/// For `map_err`: an error of the database, with full and read-only disks told apart.
pub(crate) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| {
        // SQLite's primary codes stand in the low byte: 13 SQLITE_FULL, 8 SQLITE_READONLY.
        let code = source
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<u32>().ok())
            .map(|code| code & 0xff);
        match code {
            Some(13) => Error::Full { path: PathBuf::from(crate::store::DATABASE) },
            Some(8) => Error::ReadOnly { path: PathBuf::from(crate::store::DATABASE) },
            _ => match source {
                sqlx::Error::PoolClosed => Error::Closed,
                source => Error::Database { doing, source: Box::new(source) },
            },
        }
    }
}
