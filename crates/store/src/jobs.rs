use crate::error::{Error, database};
use crate::repositories::parsed_json;
use crate::store::{Connection, Store, now};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OnceCell, watch};

/// How often a worker that waits looks for jobs that have become due.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A job to be done once, however many ask for it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// What kind of work.
    pub kind: String,
    /// What it is about: unique among the open jobs of its kind.
    pub key: String,
    /// What the worker needs to know.
    pub payload: Value,
}

/// A job that a worker has claimed.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// What kind of work.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// What the worker needs to know.
    pub payload: Value,
    /// How many times it was claimed, this time included.
    pub attempts: u32,
    /// Who claimed it.
    pub worker: String,
}

/// How a job is.
#[derive(Debug, Clone, PartialEq)]
pub enum JobState {
    /// Nobody has claimed it, or it is to be tried again.
    Waiting,
    /// A worker is at it, with what it says of itself.
    Running {
        /// What the worker last said.
        progress: Option<Value>,
    },
    /// It is done, with its result.
    Done(Value),
    /// It failed for good, with the reason.
    Failed(String),
}

/// What tells those who wait for a job how it is.
#[derive(Debug, Clone)]
pub struct JobWatch {
    id: i64,
    state: watch::Receiver<JobState>,
}

impl JobState {
    /// Whether nothing more will happen.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_))
    }
}

impl JobWatch {
    /// The job's number.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// How the job is now.
    pub fn state(&self) -> JobState {
        self.state.borrow().clone()
    }

    /// Waits until the job is done or has failed, at most for `limit`; gives how it is then.
    pub async fn wait(&mut self, limit: Duration) -> JobState {
        // That the time is over, or that the store was closed, is seen by the state.
        let _ = tokio::time::timeout(limit, self.state.wait_for(JobState::is_final)).await;
        self.state()
    }

    /// Waits for the next change; gives how the job is then. At once where nothing more will happen.
    pub async fn changed(&mut self) -> JobState {
        if !self.state().is_final() {
            let _ = self.state.changed().await;
        }
        self.state()
    }
}

impl Store {
    /// Puts a job on the board, or finds the open one of the same kind and key. Five hundred that ask at once get one job.
    /// It goes on when whoever asked goes away.
    pub async fn enqueue(&self, job: NewJob) -> Result<JobWatch, Error> {
        let key = (job.kind.clone(), job.key.clone());
        loop {
            let entry = self.inner.jobs.entry(&key);
            let posted = entry.get_or_try_init(|| self.post(job.clone())).await;
            match posted {
                Ok(posted) if posted.sender.borrow().is_final() => self.inner.jobs.forget(&key, &entry),
                Ok(posted) => return Ok(posted.watch()),
                Err(error) => return Err(error),
            }
        }
    }

    async fn post(&self, job: NewJob) -> Result<Posted, Error> {
        let (id, state) = self.write("put a job on the board", move |db| Box::pin(insert(db, job))).await?;
        self.inner.jobs.bell.notify_one();
        Ok(Posted { id, sender: watch::Sender::new(state) })
    }

    /// The open job of a kind and key.
    pub async fn open_job(&self, kind: &str, key: &str) -> Result<Option<JobWatch>, Error> {
        let entry = self.inner.jobs.find(&(kind.to_owned(), key.to_owned()));
        Ok(entry.and_then(|entry| {
            entry.get().filter(|posted| !posted.sender.borrow().is_final()).map(Posted::watch)
        }))
    }

    /// Claims the job of these kinds that is due for longest, for as long as the lease. `None` where there is none.
    pub async fn claim(&self, kinds: &[&str], worker: &str, lease: Duration) -> Result<Option<Job>, Error> {
        if !self.is_due(kinds).await? {
            return Ok(None);
        }
        let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let worker = worker.to_owned();
        let job = self.write("claim a job", move |db| Box::pin(claim(db, kinds, worker, lease))).await?;
        if let Some(job) = &job {
            self.inner.jobs.tell(job, JobState::Running { progress: None });
        }
        Ok(job)
    }

    /// Asked of the readers, so that idle workers do not keep the writer busy.
    async fn is_due(&self, kinds: &[&str]) -> Result<bool, Error> {
        let mut query = sqlx::QueryBuilder::<sqlx::Sqlite>::new("SELECT 1 FROM jobs WHERE ");
        due(&mut query, kinds);
        query.push(" LIMIT 1");
        let row: Option<(i64,)> =
            query.build_query_as().fetch_optional(self.read()).await.map_err(database("look for a job"))?;
        Ok(row.is_some())
    }

    /// As [`Store::claim`], and waits until there is one.
    pub async fn next_job(&self, kinds: &[&str], worker: &str, lease: Duration) -> Result<Job, Error> {
        loop {
            let bell = self.inner.jobs.bell.notified();
            if let Some(job) = self.claim(kinds, worker, lease).await? {
                // There may be more: the bell wakes one at a time.
                self.inner.jobs.bell.notify_one();
                return Ok(job);
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, bell).await;
        }
    }

    /// Extends the lease. [`Error::Lease`] where it is another's by now.
    pub async fn renew(&self, job: &Job, lease: Duration) -> Result<(), Error> {
        let until = now().saturating_add(millis(lease));
        self.update(job, Change { lease_until: Some(until), ..Change::running() }).await
    }

    /// Says how far the job is, to all who wait. Kept in memory and in the row.
    pub async fn progress(&self, job: &Job, progress: Value) -> Result<(), Error> {
        self.update(job, Change { progress: Some(progress.to_string()), ..Change::running() }).await?;
        self.inner.jobs.tell(job, JobState::Running { progress: Some(progress) });
        Ok(())
    }

    /// The job is done.
    pub async fn finish_job(&self, job: &Job, result: Value) -> Result<(), Error> {
        self.update(
            job,
            Change { state: "done", open: None, result: Some(result.to_string()), ..Change::running() },
        )
        .await?;
        self.inner.jobs.end(job, JobState::Done(result));
        Ok(())
    }

    /// The job failed. With `retry` it is tried again after that time, else it failed for good.
    pub async fn fail_job(&self, job: &Job, reason: &str, retry: Option<Duration>) -> Result<(), Error> {
        let result = Some(Value::String(reason.to_owned()).to_string());
        match retry {
            Some(after) => {
                let due = Some(now().saturating_add(millis(after)));
                self.update(job, Change { state: "waiting", due, result, ..Change::running() }).await?;
                self.inner.jobs.tell(job, JobState::Waiting);
            }
            None => {
                self.update(job, Change { state: "failed", open: None, result, ..Change::running() }).await?;
                self.inner.jobs.end(job, JobState::Failed(reason.to_owned()));
            }
        }
        Ok(())
    }

    async fn update(&self, job: &Job, change: Change) -> Result<(), Error> {
        let (id, worker, attempts) = (job.id, job.worker.clone(), job.attempts);
        let done =
            self.write("change a job", move |db| Box::pin(update(db, id, worker, attempts, change))).await?;
        if done { Ok(()) } else { Err(Error::Lease(job.id)) }
    }

    /// How a job is, or how it ended, until it is forgotten.
    pub async fn job_state(&self, id: i64) -> Result<Option<JobState>, Error> {
        let row: Option<(String, Option<String>, Option<String>)> =
            sqlx::query_as("SELECT state, progress, result FROM jobs WHERE id = $1")
                .bind(id)
                .fetch_optional(self.read())
                .await
                .map_err(database("find a job"))?;
        row.map(|(state, progress, result)| read_state(&state, progress, result)).transpose()
    }

    /// How many jobs of each kind are waiting, and how many running: for metrics.
    pub async fn job_counts(&self) -> Result<Vec<(String, u64, u64)>, Error> {
        let rows: Vec<(String, i64, i64)> = sqlx::query_as(
            "SELECT kind, SUM(CASE state WHEN 'waiting' THEN 1 ELSE 0 END), SUM(CASE state WHEN 'running' THEN 1 ELSE 0 END)
             FROM jobs WHERE open = 1 GROUP BY kind ORDER BY kind",
        )
        .fetch_all(self.read())
        .await
        .map_err(database("count jobs"))?;
        let count = crate::blobs::unsigned;
        Ok(rows.into_iter().map(|(kind, waiting, running)| (kind, count(waiting), count(running))).collect())
    }

    /// Forgets jobs that ended longer ago than this; how many.
    pub async fn forget_jobs(&self, older: Duration) -> Result<u64, Error> {
        let before = now().saturating_sub(millis(older));
        self.write("forget jobs", move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM jobs WHERE open IS NULL AND updated < $1")
                    .bind(before)
                    .execute(db)
                    .await
                    .map_err(database("forget jobs"))?;
                Ok(done.rows_affected())
            })
        })
        .await
    }

    /// At the start no worker lives: what they had claimed waits again. How many.
    pub(crate) async fn recover_jobs(&self) -> Result<u64, Error> {
        let recovered = self.write("recover jobs", |db| {
            Box::pin(async move {
                let done = sqlx::query(
                    "UPDATE jobs SET state = 'waiting', worker = NULL, lease_until = NULL, due = $1, updated = $1
                     WHERE open = 1 AND state = 'running'",
                )
                .bind(now())
                .execute(db)
                .await
                .map_err(database("recover jobs"))?;
                Ok(done.rows_affected())
            })
        });
        let count = recovered.await?;
        let open: Vec<(i64, String, String)> =
            sqlx::query_as("SELECT id, kind, key FROM jobs WHERE open = 1")
                .fetch_all(self.read())
                .await
                .map_err(database("recover jobs"))?;
        for (id, kind, key) in open {
            let posted = Posted { id, sender: watch::Sender::new(JobState::Waiting) };
            let _ = self.inner.jobs.entry(&(kind, key)).set(posted);
        }
        Ok(count)
    }
}

/// What is open, by kind and key: the one place where those who ask meet.
#[derive(Debug, Default)]
pub(crate) struct Board {
    open: Mutex<HashMap<Key, Entry>>,
    /// Rings when there is something to claim.
    bell: Notify,
}

#[derive(Debug)]
struct Posted {
    id: i64,
    sender: watch::Sender<JobState>,
}

impl Posted {
    fn watch(&self) -> JobWatch {
        JobWatch { id: self.id, state: self.sender.subscribe() }
    }
}

type Key = (String, String);
type Entry = Arc<OnceCell<Posted>>;

impl Board {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, key: &Key) -> Entry {
        Arc::clone(self.map().entry(key.clone()).or_default())
    }

    fn find(&self, key: &Key) -> Option<Entry> {
        self.map().get(key).cloned()
    }

    /// Forgets an entry, if it is still this one.
    fn forget(&self, key: &Key, entry: &Entry) {
        let mut map = self.map();
        if map.get(key).is_some_and(|found| Arc::ptr_eq(found, entry)) {
            map.remove(key);
        }
    }

    fn tell(&self, job: &Job, state: JobState) {
        if let Some(entry) = self.find(&(job.kind.clone(), job.key.clone()))
            && let Some(posted) = entry.get().filter(|posted| posted.id == job.id)
        {
            posted.sender.send_replace(state);
        }
    }

    fn end(&self, job: &Job, state: JobState) {
        self.tell(job, state);
        let key = (job.kind.clone(), job.key.clone());
        if let Some(entry) = self.find(&key)
            && entry.get().is_some_and(|posted| posted.id == job.id)
        {
            self.forget(&key, &entry);
        }
    }
}

/// How long to wait before the next attempt: doubling from a second, ten minutes at most.
pub fn back_off(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(10)).min(Duration::from_secs(600))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The condition that a job can be claimed: it waits and is due, or its worker has let the lease end.
fn due<K: AsRef<str>>(query: &mut sqlx::QueryBuilder<sqlx::Sqlite>, kinds: &[K]) {
    let now = now();
    query.push("open = 1 AND ((state = 'waiting' AND due <= ").push_bind(now);
    query.push(") OR (state = 'running' AND lease_until < ").push_bind(now).push(")) AND kind IN (");
    let mut list = query.separated(", ");
    for kind in kinds {
        list.push_bind(kind.as_ref().to_owned());
    }
    query.push(")");
}

async fn insert(db: &mut Connection, job: NewJob) -> Result<(i64, JobState), Error> {
    let doing = "put a job on the board";
    sqlx::query(
        "INSERT INTO jobs (kind, key, open, payload, state, due, created, updated)
         VALUES ($1, $2, 1, $3, 'waiting', $4, $4, $4) ON CONFLICT DO NOTHING",
    )
    .bind(&job.kind)
    .bind(&job.key)
    .bind(job.payload.to_string())
    .bind(now())
    .execute(&mut *db)
    .await
    .map_err(database(doing))?;
    let (id, state, progress): (i64, String, Option<String>) =
        sqlx::query_as("SELECT id, state, progress FROM jobs WHERE kind = $1 AND key = $2 AND open = 1")
            .bind(&job.kind)
            .bind(&job.key)
            .fetch_one(db)
            .await
            .map_err(database(doing))?;
    Ok((id, read_state(&state, progress, None)?))
}

async fn claim(
    db: &mut Connection,
    kinds: Vec<String>,
    worker: String,
    lease: Duration,
) -> Result<Option<Job>, Error> {
    let now = now();
    let mut query = sqlx::QueryBuilder::<sqlx::Sqlite>::new(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, progress = NULL, updated = ",
    );
    query.push_bind(now).push(", worker = ").push_bind(worker.clone());
    query.push(", lease_until = ").push_bind(now.saturating_add(millis(lease)));
    query.push(" WHERE id = (SELECT id FROM jobs WHERE ");
    due(&mut query, &kinds);
    query.push(" ORDER BY due, id LIMIT 1) RETURNING id, kind, key, payload, attempts");
    let row: Option<(i64, String, String, String, i64)> =
        query.build_query_as().fetch_optional(db).await.map_err(database("claim a job"))?;
    row.map(|(id, kind, key, payload, attempts)| {
        let payload = parsed_json("jobs", &payload)?;
        Ok(Job { id, kind, key, payload, attempts: u32::try_from(attempts).unwrap_or(u32::MAX), worker })
    })
    .transpose()
}

/// What changes in the row of a job that a worker holds; what is `None` stays.
struct Change {
    state: &'static str,
    open: Option<i64>,
    lease_until: Option<i64>,
    due: Option<i64>,
    progress: Option<String>,
    result: Option<String>,
}

impl Change {
    fn running() -> Self {
        Self { state: "running", open: Some(1), lease_until: None, due: None, progress: None, result: None }
    }
}

/// Whether the job was still this worker's.
async fn update(
    db: &mut Connection,
    id: i64,
    worker: String,
    attempts: u32,
    change: Change,
) -> Result<bool, Error> {
    let done = sqlx::query(
        "UPDATE jobs SET state = $1, open = $2, lease_until = COALESCE($3, lease_until), due = COALESCE($4, due),
             progress = COALESCE($5, progress), result = COALESCE($6, result), updated = $7
         WHERE id = $8 AND worker = $9 AND attempts = $10 AND state = 'running'",
    )
    .bind(change.state)
    .bind(change.open)
    .bind(change.lease_until)
    .bind(change.due)
    .bind(change.progress)
    .bind(change.result)
    .bind(now())
    .bind(id)
    .bind(worker)
    .bind(i64::from(attempts))
    .execute(db)
    .await
    .map_err(database("change a job"))?;
    Ok(done.rows_affected() > 0)
}

pub(crate) fn read_state(
    state: &str,
    progress: Option<String>,
    result: Option<String>,
) -> Result<JobState, Error> {
    let json = |text: Option<String>| text.map(|text| parsed_json::<Value>("jobs", &text)).transpose();
    match state {
        "running" => Ok(JobState::Running { progress: json(progress)? }),
        "done" => Ok(JobState::Done(json(result)?.unwrap_or_default())),
        "failed" => {
            let reason = json(result)?.and_then(|value| value.as_str().map(str::to_owned));
            Ok(JobState::Failed(reason.unwrap_or_default()))
        }
        _ => Ok(JobState::Waiting),
    }
}
