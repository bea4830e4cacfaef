use crate::{Error, Store};
use serde_json::Value;
use std::time::Duration;

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
}

impl JobWatch {
    /// The job's number.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// How the job is now.
    pub fn state(&self) -> JobState {
        todo!()
    }

    /// Waits until the job is done or has failed, at most for `limit`; gives how it is then.
    pub async fn wait(&mut self, limit: Duration) -> JobState {
        let _ = limit;
        todo!()
    }

    /// Waits for the next change; gives how the job is then.
    pub async fn changed(&mut self) -> JobState {
        todo!()
    }
}

impl Store {
    /// Puts a job on the board, or finds the open one of the same kind and key. Five hundred that ask at once get one job.
    /// It goes on when whoever asked goes away.
    pub async fn enqueue(&self, job: NewJob) -> Result<JobWatch, Error> {
        let _ = job;
        todo!()
    }

    /// The open job of a kind and key.
    pub async fn open_job(&self, kind: &str, key: &str) -> Result<Option<JobWatch>, Error> {
        let _ = (kind, key);
        todo!()
    }

    /// Claims the job of these kinds that is due for longest, for as long as the lease. `None` where there is none.
    pub async fn claim(&self, kinds: &[&str], worker: &str, lease: Duration) -> Result<Option<Job>, Error> {
        let _ = (kinds, worker, lease);
        todo!()
    }

    /// As [`Store::claim`], and waits until there is one.
    pub async fn next_job(&self, kinds: &[&str], worker: &str, lease: Duration) -> Result<Job, Error> {
        let _ = (kinds, worker, lease);
        todo!()
    }

    /// Extends the lease. [`Error::Lease`] where it is another's by now.
    pub async fn renew(&self, job: &Job, lease: Duration) -> Result<(), Error> {
        let _ = (job, lease);
        todo!()
    }

    /// Says how far the job is, to all who wait. Kept in memory and in the row.
    pub async fn progress(&self, job: &Job, progress: Value) -> Result<(), Error> {
        let _ = (job, progress);
        todo!()
    }

    /// The job is done.
    pub async fn finish_job(&self, job: &Job, result: Value) -> Result<(), Error> {
        let _ = (job, result);
        todo!()
    }

    /// The job failed. With `retry` it is tried again after that time, else it failed for good.
    pub async fn fail_job(&self, job: &Job, reason: &str, retry: Option<Duration>) -> Result<(), Error> {
        let _ = (job, reason, retry);
        todo!()
    }

    /// How many jobs of each kind are waiting, and how many running: for metrics.
    pub async fn job_counts(&self) -> Result<Vec<(String, u64, u64)>, Error> {
        todo!()
    }

    /// Forgets jobs that ended longer ago than this; how many.
    pub async fn forget_jobs(&self, older: Duration) -> Result<u64, Error> {
        let _ = older;
        todo!()
    }
}

pub(crate) struct Board;

/// How long to wait before the next attempt: doubling from a second, ten minutes at most.
pub fn back_off(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(9)).min(Duration::from_secs(600))
}
