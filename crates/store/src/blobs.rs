use crate::error::{self, Error, database};
use crate::incoming::Sealed;
use crate::journal;
use crate::release::Released;
use crate::store::{Connection, Store, joined, now};
use bytes::Bytes;
use futures_util::Stream;
use model::{Algorithm, Digest, RepositoryName};
use rustix::io::ReadWriteFlags;
use serde_json::json;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// Bytes of one chunk that is given out: what a pull holds in memory.
const CHUNK: usize = 128 << 10;
/// Locks for all digests: which one is a digest's is told by its first byte.
const STRIPES: usize = 64;
/// How often a blob that is asked for again and again is noted as touched.
const TOUCH_EVERY: Duration = Duration::from_secs(300);

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
    file: Arc<File>,
    size: u64,
}

impl BlobFile {
    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of a range, in chunks. Read from the page cache at once, and off the asynchronous threads where they are
    /// not there. A range that ends beyond the file is cut.
    pub fn stream(self, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let end = range.end.min(self.size);
        let start = range.start.min(end);
        if end - start > CHUNK as u64 {
            // The system reads further ahead, so that disk and network are not idle by turns. Where it cannot, the disk is
            // slow, which is no error. (Asking for the next pieces by name is slower: they come in single pages.)
            let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::Sequential);
        }
        futures_util::stream::try_unfold((self.file, start), move |(file, at)| async move {
            let left = end - at;
            if left == 0 {
                return Ok(None);
            }
            let length = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let bytes = match cached(&file, at, length)? {
                Some(bytes) => bytes,
                None => {
                    let file = Arc::clone(&file);
                    let read = move || read_exact(&file, at, length);
                    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??
                }
            };
            let next = at + bytes.len() as u64;
            Ok(Some((bytes, (file, next))))
        })
    }
}

/// Bytes that are in the page cache; `None` where the disk would have to be waited for.
fn cached(file: &File, at: u64, length: usize) -> io::Result<Option<Bytes>> {
    let mut buffer = vec![0; length];
    match rustix::io::preadv2(file, &mut [IoSliceMut::new(&mut buffer)], at, ReadWriteFlags::NOWAIT) {
        Ok(0) => Err(cut()),
        Ok(n) => {
            buffer.truncate(n);
            Ok(Some(buffer.into()))
        }
        // Not in the cache, or a file system that cannot say.
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn read_exact(file: &File, at: u64, length: usize) -> io::Result<Bytes> {
    let mut buffer = vec![0; length];
    file.read_exact_at(&mut buffer, at)?;
    Ok(buffer.into())
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file of the blob is shorter than it was")
}

impl Store {
    /// Opens released content, a blob or a manifest.
    pub async fn open_released(&self, released: &Released) -> Result<BlobFile, Error> {
        let (path, digest, size) =
            (self.inner.blobs.path(released.digest()), *released.digest(), released.size());
        let open = move || {
            let file = File::open(&path).map_err(|failed| damaged(&digest, &path, failed))?;
            let found = file.metadata().map_err(error::io("look at", &path))?.len();
            if found != size {
                return Err(Error::Damaged(digest));
            }
            Ok(BlobFile { file: Arc::new(file), size })
        };
        // A name that is looked up often is in the kernel's memory: no thread is worth the two microseconds.
        open()
    }

    /// What is known of a blob of a repository. It gives no content. Keeps the collector from it for the grace period.
    pub async fn blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<BlobInfo>, Error> {
        let repo = self.repo(repository).await?;
        let row: Option<(i64, i64)> = sqlx::query_as(
            "SELECT b.size, r.touched FROM repository_blobs r JOIN blobs b ON b.digest = r.digest
             WHERE r.repository = $1 AND r.digest = $2 AND b.lost = 0",
        )
        .bind(repo.id)
        .bind(digest.to_string())
        .fetch_optional(self.read())
        .await
        .map_err(database("find a blob"))?;
        let Some((size, touched)) = row else { return Ok(None) };
        if now() - touched > i64::try_from(TOUCH_EVERY.as_millis()).unwrap_or(i64::MAX)
            && !self.touch(repo.id, digest).await?
        {
            return Ok(None);
        }
        Ok(Some(BlobInfo { digest: *digest, size: unsigned(size) }))
    }

    /// Whether it is still there to be touched.
    async fn touch(&self, repository: i64, digest: &Digest) -> Result<bool, Error> {
        let digest = *digest;
        self.write("touch a blob", move |db| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE repository_blobs SET touched = $1 WHERE repository = $2 AND digest = $3",
                )
                .bind(now())
                .bind(repository)
                .bind(digest.to_string())
                .execute(db)
                .await
                .map_err(database("touch a blob"))?;
                Ok(done.rows_affected() > 0)
            })
        })
        .await
    }

    /// Makes a blob of one repository part of another. `None` where the first does not hold it any more, and the client
    /// uploads it. The token shows that the principal may read the blob in the first (CVE-2024-39897).
    pub async fn mount(
        &self,
        from: &Released,
        to: &RepositoryName,
        by: &str,
    ) -> Result<Option<BlobInfo>, Error> {
        let repo = self.repo(to).await?;
        let (digest, size, source, target, by) =
            (*from.digest(), from.size(), from.repo().id, repo.id, by.to_owned());
        let mounted = self.write_in(&repo, "mount a blob", move |db| {
            Box::pin(async move {
                let held: Option<(i64,)> = sqlx::query_as(
                    "SELECT 1 FROM repository_blobs r JOIN blobs b ON b.digest = r.digest
                     WHERE r.repository = $1 AND r.digest = $2 AND b.lost = 0",
                )
                .bind(source)
                .bind(digest.to_string())
                .fetch_optional(&mut *db)
                .await
                .map_err(database("mount a blob"))?;
                if held.is_none() {
                    return Ok(false);
                }
                join(db, target, &digest, &by).await?;
                Ok(true)
            })
        });
        Ok(mounted.await?.then_some(BlobInfo { digest, size }))
    }

    /// Removes a blob from a repository. Whether it was there.
    pub async fn delete_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
    ) -> Result<bool, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, digest, by) = (repo.id, repository.clone(), *digest, by.to_owned());
        self.write_in(&repo, "delete a blob", move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM repository_blobs WHERE repository = $1 AND digest = $2")
                    .bind(id)
                    .bind(digest.to_string())
                    .execute(&mut *db)
                    .await
                    .map_err(database("delete a blob"))?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                unbrought(db, id, &digest).await?;
                journal::append(db, "delete", &json!({"repository": name, "blob": digest, "by": by})).await?;
                Ok(true)
            })
        })
        .await
    }
}

/// Notes content whose file is in its place.
pub(crate) async fn insert(
    db: &mut Connection,
    digest: &Digest,
    content: &Digest,
    size: u64,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO blobs (digest, content, size, created, checked, lost) VALUES ($1, $2, $3, $4, $4, 0)
         ON CONFLICT (digest) DO UPDATE SET size = excluded.size, checked = excluded.checked, lost = 0",
    )
    .bind(digest.to_string())
    .bind(content.to_string())
    .bind(signed(size))
    .bind(now())
    .execute(db)
    .await
    .map_err(database("note a blob"))?;
    Ok(())
}

/// Makes a blob part of a repository.
pub(crate) async fn join(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
    by: &str,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO repository_blobs (repository, digest, pushed_by, created, touched) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (repository, digest) DO UPDATE SET touched = excluded.touched",
    )
    .bind(repository)
    .bind(digest.to_string())
    .bind(by)
    .bind(now())
    .execute(&mut *db)
    .await
    .map_err(database("note a blob"))?;
    brought(db, repository, digest, by).await
}

/// Notes who brought content.
pub(crate) async fn brought(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
    by: &str,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO brought (repository, digest, principal) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(repository)
    .bind(digest.to_string())
    .bind(by)
    .execute(db)
    .await
    .map_err(database("note who brought a blob"))
    .map(drop)
}

/// Forgets who brought what a repository holds no more.
pub(crate) async fn unbrought(db: &mut Connection, repository: i64, digest: &Digest) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM brought WHERE repository = $1 AND digest = $2
           AND NOT EXISTS (SELECT 1 FROM repository_blobs r WHERE r.repository = $1 AND r.digest = $2)
           AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository = $1 AND m.digest = $2)",
    )
    .bind(repository)
    .bind(digest.to_string())
    .execute(db)
    .await
    .map_err(database("forget who brought a blob"))
    .map(drop)
}

/// The files of blobs.
#[derive(Debug)]
pub(crate) struct Directory {
    root: PathBuf,
    stripes: Vec<Mutex<()>>,
}

impl Directory {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root, stripes: (0..STRIPES).map(|_| Mutex::new(())).collect() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path is made of a typed digest and of nothing else (CVE-2024-3727).
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.folder(digest.algorithm()).join(digest.hex())
    }

    pub(crate) fn folder(&self, algorithm: Algorithm) -> PathBuf {
        self.root.join("blobs").join(algorithm.name())
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads")
    }

    pub(crate) fn lost(&self) -> PathBuf {
        self.root.join("lost")
    }

    pub(crate) fn evidence(&self, digest: &Digest) -> PathBuf {
        self.root.join("evidence").join(digest.hex())
    }

    /// Which lock is the digest's.
    pub(crate) fn stripe(digest: &Digest) -> usize {
        digest.bytes().first().map_or(0, |byte| usize::from(*byte) % STRIPES)
    }

    /// Keeps others from placing or removing the file of a digest. Taken before the writer, never after.
    pub(crate) async fn lock(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        self.stripes[Self::stripe(digest)].lock().await
    }

    /// Brings sealed content to its place. A file that is there already is replaced: the new one was just verified.
    pub(crate) async fn place(&self, mut sealed: Sealed) -> Result<(), Error> {
        let (to, folder) = (self.path(sealed.digest()), self.folder(sealed.digest().algorithm()));
        let place = move || {
            std::fs::rename(&sealed.file.path, &to).map_err(error::io("rename to", &to))?;
            sealed.file.armed = false;
            sync_folder(&folder)
        };
        tokio::task::spawn_blocking(place).await.map_err(joined)?
    }
}

/// Brings the names in a folder to the disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    let doing = "bring to the disk";
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(error::io(doing, folder))
}

/// Removes a file that nobody needs; that it stays behind is told, and no error.
pub(crate) fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file could not be removed");
        }
        _ => {}
    }
}

/// 32 hexadecimal digits that nobody guesses.
pub(crate) fn random_name() -> Result<String, Error> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        error::io("get randomness for", Path::new("a name"))(io::Error::other("the system gave none"))
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn damaged(digest: &Digest, path: &Path, failed: io::Error) -> Error {
    match failed.kind() {
        io::ErrorKind::NotFound => Error::Damaged(*digest),
        _ => error::io("open", path)(failed),
    }
}

/// A number of a row.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A number for a row.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
