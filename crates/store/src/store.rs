use crate::error::{self, Error};
use crate::repositories::{self, Repo};
use crate::{Recovered, blobs, jobs, recover, release, schema, uploads};
use futures_util::future::BoxFuture;
use rustix::fs::FlockOperation;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A connection within a transaction. The one place that names the engine; the SQL of each noun stands in its module.
pub(crate) type Connection = sqlx::SqliteConnection;

/// Reads a row into a struct by the names of its columns; the derive macro would build the engine a second time.
macro_rules! from_row {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &'r sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?),+ })
            }
        }
    };
}
pub(crate) use from_row;

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
    pub(crate) repositories: repositories::Known,
    pub(crate) blobs: blobs::Directory,
    pub(crate) releases: release::Checks,
    pub(crate) uploads: uploads::Open,
    pub(crate) jobs: jobs::Board,
    /// Held for as long as the store is open: two processes with caches of their own would not hear of each other's
    /// revocations.
    lock: Mutex<Option<File>>,
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
        let root = options.directory.clone();
        let lock = tokio::task::spawn_blocking(move || prepare(&root)).await.map_err(joined)??;
        let database = options.directory.join(DATABASE);
        let connect = SqliteConnectOptions::new()
            .filename(&database)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .statement_cache_capacity(256);
        let pool = |connections| {
            SqlitePoolOptions::new()
                .max_connections(connections)
                .min_connections(1)
                .acquire_timeout(Duration::from_secs(60))
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let opening = || error::database("open the database");
        let writer = pool(1).connect_with(connect.clone()).await.map_err(opening())?;
        schema::migrate(&writer).await?;
        owner_only(&database)?;
        let readers = pool(options.readers.max(1))
            .connect_with(connect.pragma("query_only", "on"))
            .await
            .map_err(opening())?;
        let store = Self {
            inner: Arc::new(Inner {
                repositories: repositories::Known::default(),
                blobs: blobs::Directory::new(options.directory.clone()),
                releases: release::Checks::new(&options),
                uploads: uploads::Open::default(),
                jobs: jobs::Board::default(),
                readers,
                writer,
                options,
                lock: Mutex::new(Some(lock)),
            }),
        };
        let recovered = recover::recover(&store).await?;
        Ok((store, recovered))
    }

    /// Waits for what is being written, closes the database and lets go of the directory.
    pub async fn close(&self) {
        self.inner.writer.close().await;
        self.inner.readers.close().await;
        self.inner.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether the database answers and takes writes: for the readiness probe.
    pub async fn ready(&self) -> Result<(), Error> {
        self.write("answer", |db| {
            Box::pin(async move {
                sqlx::query("UPDATE settings SET value = value WHERE name = $1")
                    .bind("ready")
                    .execute(db)
                    .await
                    .map_err(error::database("take writes"))?;
                Ok(())
            })
        })
        .await
    }

    /// Writes rows by hand, for tests of other crates that need more of them than can be pushed.
    #[cfg(feature = "testing")]
    pub async fn fill_for_tests(&self, sql: &'static str) -> Result<(), Error> {
        self.write("fill the tables", move |db| {
            Box::pin(async move {
                let done = sqlx::raw_sql(sql).execute(db).await;
                done.map_err(error::database("fill the tables")).map(drop)
            })
        })
        .await
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.inner.options.directory
    }

    /// Where reads go.
    pub(crate) fn read(&self) -> &SqlitePool {
        &self.inner.readers
    }

    /// Runs one transaction, to its end even where whoever asked for it goes away: a client that disconnects must not leave
    /// it open whether something holds.
    pub(crate) async fn write<T, W>(&self, doing: &'static str, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let writer = self.inner.writer.clone();
        tokio::spawn(async move { transact(&writer, doing, work).await }).await.map_err(joined)?
    }

    /// As [`Store::write`], for what changes membership or releases of a repository: no check that was made before is
    /// believed afterwards. The epoch rises whether the commit is known to have succeeded or not.
    pub(crate) async fn write_in<T, W>(
        &self,
        repo: &Arc<Repo>,
        doing: &'static str,
        work: W,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, Error>> + Send + 'static,
    {
        let (writer, store, repo) = (self.inner.writer.clone(), self.clone(), Arc::clone(repo));
        let work = async move {
            let result = transact(&writer, doing, work).await;
            repo.raise_epoch(&store.inner.repositories);
            result
        };
        tokio::spawn(work).await.map_err(joined)?
    }
}

async fn transact<T, W>(writer: &SqlitePool, doing: &'static str, work: W) -> Result<T, Error>
where
    W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, Error>>,
{
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(error::database(doing))?;
    match work(&mut transaction).await {
        Ok(value) => {
            transaction.commit().await.map_err(error::database(doing))?;
            Ok(value)
        }
        Err(error) => {
            if let Err(second) = transaction.rollback().await {
                tracing::warn!(doing, error = model::error_chain(&second), "rolling back failed");
            }
            Err(error)
        }
    }
}

/// Makes the folders and takes the lock.
fn prepare(root: &Path) -> Result<File, Error> {
    for folder in ["", "blobs", "blobs/sha256", "blobs/sha512", "uploads", "evidence", "lost", "keys"]
        .map(|name| root.join(name))
    {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
        made.map_err(error::io("make the folder", &folder))?;
    }
    let layout = root.join("oci-layout");
    if !layout.exists() {
        std::fs::write(&layout, r#"{"imageLayoutVersion":"1.0.0"}"#).map_err(error::io("write", &layout))?;
    }
    blobs::sync_folder(&root.join("blobs"))?;
    blobs::sync_folder(root)?;
    let path = root.join("lock");
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(error::io("open", &path))?;
    rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| Error::Locked { path: root.to_owned() })?;
    Ok(file)
}

/// SQLite makes its files as the umask says; those that come later (`-wal`, `-shm`) take the mode of the first.
fn owner_only(database: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    for ending in ["", "-wal", "-shm"] {
        let mut path = database.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        if path.exists() {
            let mode = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, mode).map_err(error::io("protect", &path))?;
        }
    }
    Ok(())
}

/// For `map_err`: a task that panicked or was given up as the runtime ends.
pub(crate) fn joined(error: tokio::task::JoinError) -> Error {
    if error.is_panic() {
        Error::Database { doing: "finish", source: Box::new(error) }
    } else {
        Error::Closed
    }
}
