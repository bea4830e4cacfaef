use crate::BlobInfo;
use crate::blobs::{random_name, remove};
use crate::error::{self, Error, database};
use crate::incoming::{Hashing, Pump, Sink, Written, rehash};
use crate::repositories::Repo;
use crate::store::{Connection, Store, joined, now};
use bytes::Bytes;
use model::{Algorithm, Digest, RepositoryName};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::OwnedMutexGuard;

/// How long a request waits for another that writes to the same upload: a client that lost its connection comes back
/// before the server has noticed.
const PATIENCE: Duration = Duration::from_secs(5);

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
pub struct Append {
    /// Gone when the chunk has ended.
    chunk: Option<Chunk>,
}

#[derive(Debug)]
struct Chunk {
    pump: Pump,
    slot: OwnedMutexGuard<Slot>,
}

impl Chunk {
    /// Puts the state back where the next request finds it.
    async fn end(mut self) -> Result<u64, Error> {
        let result = self.pump.end().await;
        let failed = match result {
            Ok(sink) => {
                self.slot.written = Some(sink.state.clone());
                return Ok(sink.state.size);
            }
            Err(failed) => failed,
        };
        // What came before the failure stays, if its thread gave it back; else the file is hashed anew.
        self.slot.written = self.pump.end_with_what_is_there().await.map(|sink| sink.state.clone());
        Err(failed)
    }
}

impl Append {
    /// Takes the next bytes of the chunk.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        let chunk = self.chunk.as_mut().ok_or(Error::Closed)?;
        chunk.pump.write(bytes).await
    }

    /// Ends the chunk; gives the size of the upload.
    pub async fn finish(mut self) -> Result<u64, Error> {
        let chunk = self.chunk.take().ok_or(Error::Closed)?;
        tokio::spawn(chunk.end()).await.map_err(joined)?
    }
}

impl Drop for Append {
    fn drop(&mut self) {
        if let Some(chunk) = self.chunk.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(chunk.end());
        }
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
        let repo = self.repo(repository).await?;
        let algorithm = algorithm.unwrap_or(Algorithm::Sha256);
        let id = UploadId(random_name()?);
        let path = self.inner.blobs.uploads().join(&id.0);
        create(path).await?;
        let (row, number, who) = (id.0.clone(), repo.id, by.to_owned());
        self.write("begin an upload", move |db| Box::pin(insert(db, row, number, algorithm, who))).await?;
        let slot = Slot {
            repository: repo.id,
            by: by.to_owned(),
            algorithm,
            written: Some(Written { hashing: Hashing::new(algorithm), size: 0 }),
            gone: false,
        };
        self.inner.uploads.keep(&id, slot);
        Ok(UploadStatus { id, size: 0, by: by.to_owned() })
    }

    /// How far an upload of this repository is.
    pub async fn upload(&self, repository: &RepositoryName, id: &UploadId) -> Result<UploadStatus, Error> {
        let repo = self.repo(repository).await?;
        let mut slot = self.lock_upload(&repo, id).await?;
        let written = self.written(&mut slot, id).await?;
        Ok(UploadStatus { id: id.clone(), size: written.size, by: slot.by.clone() })
    }

    /// Locks an upload for a chunk that begins at `offset`, or at its end where none is given. [`Error::Offset`] where the
    /// chunk does not fit, [`Error::Busy`] where another request writes.
    pub async fn append(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        offset: Option<u64>,
    ) -> Result<Append, Error> {
        let repo = self.repo(repository).await?;
        let mut slot = self.lock_upload(&repo, id).await?;
        let written = self.written(&mut slot, id).await?;
        if let Some(given) = offset
            && given != written.size
        {
            return Err(Error::Offset { end: written.size, given });
        }
        let sink = self.sink(id, written).await?;
        Ok(Append { chunk: Some(Chunk { pump: Pump::new(sink), slot }) })
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
        let repo = self.repo(repository).await?;
        let mut slot = self.lock_upload(&repo, id).await?;
        let written = self.written(&mut slot, id).await?;
        let sink = self.sink(id, written).await?;
        let expected = *expected;
        let sealed = tokio::task::spawn_blocking(move || sink.seal(&expected)).await.map_err(joined)?;
        let sealed = match sealed {
            Err(error @ Error::Digest { .. }) => {
                self.remove_upload(&mut slot, id).await?;
                return Err(error);
            }
            other => other?,
        };
        let admitted = self.admit_to(repo, sealed, by, Some(id.0.clone())).await;
        // Its file has been renamed or removed, whatever became of the row.
        slot.gone = true;
        self.inner.uploads.forget(id);
        admitted
    }

    /// Removes an upload.
    pub async fn cancel_upload(&self, repository: &RepositoryName, id: &UploadId) -> Result<(), Error> {
        let repo = self.repo(repository).await?;
        let mut slot = self.lock_upload(&repo, id).await?;
        self.remove_upload(&mut slot, id).await
    }

    /// Removes uploads that nobody wrote to for as long; how many.
    pub async fn expire_uploads(&self, idle: Duration) -> Result<usize, Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as("SELECT id, repository FROM uploads")
            .fetch_all(self.read())
            .await
            .map_err(database("list uploads"))?;
        let mut count = 0;
        for (id, repository) in rows {
            let id: UploadId = id.parse()?;
            let path = self.inner.blobs.uploads().join(&id.0);
            let written = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
            let age = written.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
            if age.is_ok_and(|age| age < idle) {
                continue;
            }
            let repo = self.repo_by_id(repository).await?;
            match self.lock_upload(&repo, &id).await {
                Ok(mut slot) => {
                    self.remove_upload(&mut slot, &id).await?;
                    count += 1;
                }
                Err(Error::Busy(_) | Error::NoUpload(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    /// An upload is found in its own repository alone.
    async fn lock_upload(&self, repo: &Arc<Repo>, id: &UploadId) -> Result<OwnedMutexGuard<Slot>, Error> {
        let slot = match self.inner.uploads.get(id) {
            Some(slot) => slot,
            None => {
                let row: Option<(i64, String, String)> =
                    sqlx::query_as("SELECT repository, algorithm, pushed_by FROM uploads WHERE id = $1")
                        .bind(&id.0)
                        .fetch_optional(self.read())
                        .await
                        .map_err(database("find an upload"))?;
                let (repository, algorithm, by) = row.ok_or_else(|| Error::NoUpload(id.0.clone()))?;
                let algorithm =
                    if algorithm == Algorithm::Sha512.name() { Algorithm::Sha512 } else { Algorithm::Sha256 };
                self.inner.uploads.keep(id, Slot { repository, by, algorithm, written: None, gone: false })
            }
        };
        let guard =
            tokio::time::timeout(PATIENCE, slot.lock_owned()).await.map_err(|_| Error::Busy(id.0.clone()))?;
        if guard.gone || guard.repository != repo.id {
            return Err(Error::NoUpload(id.0.clone()));
        }
        Ok(guard)
    }

    /// How far the upload is: as it is remembered, or as its file says after a restart.
    async fn written(&self, slot: &mut Slot, id: &UploadId) -> Result<Written, Error> {
        if let Some(written) = &slot.written {
            return Ok(written.clone());
        }
        let (path, algorithm) = (self.inner.blobs.uploads().join(&id.0), slot.algorithm);
        let hash = tokio::task::spawn_blocking(move || rehash(&path, algorithm));
        let (hashing, size) = hash.await.map_err(joined)??;
        Ok(slot.written.insert(Written { hashing, size }).clone())
    }

    async fn sink(&self, id: &UploadId, written: Written) -> Result<Sink, Error> {
        let (path, limit) = (self.inner.blobs.uploads().join(&id.0), self.inner.options.largest_blob);
        tokio::task::spawn_blocking(move || Sink::reopen(path, written, limit)).await.map_err(joined)?
    }

    async fn remove_upload(&self, slot: &mut Slot, id: &UploadId) -> Result<(), Error> {
        remove(&self.inner.blobs.uploads().join(&id.0));
        let row = id.0.clone();
        self.write("remove an upload", move |db| Box::pin(async move { forget(db, &row).await })).await?;
        slot.gone = true;
        self.inner.uploads.forget(id);
        Ok(())
    }
}

async fn create(path: PathBuf) -> Result<(), Error> {
    let create = move || {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut options = std::fs::OpenOptions::new();
        options.create_new(true).write(true).mode(0o600).open(&path).map_err(error::io("create", &path))
    };
    tokio::task::spawn_blocking(create).await.map_err(joined)??;
    Ok(())
}

async fn insert(
    db: &mut Connection,
    id: String,
    repository: i64,
    algorithm: Algorithm,
    by: String,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO uploads (id, repository, algorithm, pushed_by, started) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(repository)
    .bind(algorithm.name())
    .bind(by)
    .bind(now())
    .execute(db)
    .await
    .map_err(database("begin an upload"))?;
    Ok(())
}

/// Removes the row of an upload.
pub(crate) async fn forget(db: &mut Connection, id: &str) -> Result<(), Error> {
    let done = sqlx::query("DELETE FROM uploads WHERE id = $1").bind(id).execute(db).await;
    done.map_err(database("remove an upload")).map(drop)
}

/// What is known in memory of an upload.
#[derive(Debug)]
pub(crate) struct Slot {
    repository: i64,
    by: String,
    algorithm: Algorithm,
    /// `None` after a restart, or where a piece got lost: the file is hashed anew.
    written: Option<Written>,
    gone: bool,
}

/// The uploads that somebody asked for since the start.
#[derive(Debug, Default)]
pub(crate) struct Open {
    slots: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>,
}

impl Open {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<tokio::sync::Mutex<Slot>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, id: &UploadId) -> Option<Arc<tokio::sync::Mutex<Slot>>> {
        self.map().get(&id.0).cloned()
    }

    fn keep(&self, id: &UploadId, slot: Slot) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut map = self.map();
        Arc::clone(map.entry(id.0.clone()).or_insert_with(|| Arc::new(tokio::sync::Mutex::new(slot))))
    }

    fn forget(&self, id: &UploadId) {
        self.map().remove(&id.0);
    }
}
