//! The workers: jobs from the store's board, with leases, so that what one was at when everything ended goes on at the next
//! start. A job that fails or panics holds its content with the reason; it never releases any.
mod analyse;
mod documents;
mod signature;
mod start;

pub(crate) use analyse::knowledge;
pub(crate) use documents::Unread;

use crate::core::{Core, Task};
use crate::decide::Record;
use crate::events::EventKind;
use crate::ingest::{self, Ingest, IngestError};
use crate::upstream::Patience;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{Decision, Job, NewJob, State};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// Fetches content of an upstream.
pub(crate) const INGEST: &str = "ingest";
/// Reads content, runs it where that is asked for, decides and signs.
pub(crate) const ANALYSE: &str = "analyse";
/// The same for what is released, where the rules have changed.
pub(crate) const RESCAN: &str = "rescan";

/// How often progress is written for those who wait.
const TICK: Duration = Duration::from_millis(500);

impl Task {
    pub(crate) fn payload(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Asks for content to be analyzed.
    pub(crate) fn analysis(&self) -> NewJob {
        NewJob { kind: ANALYSE.to_owned(), key: self.key(), payload: self.payload() }
    }

    /// Asks for content to be fetched.
    pub(crate) fn ingestion(&self) -> NewJob {
        NewJob { kind: INGEST.to_owned(), key: self.key(), payload: self.payload() }
    }
}

/// Makes the folder for work in progress, and removes what an earlier process left in it.
pub(crate) fn clear(scratch: &Path) -> Result<(), crate::Error> {
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).map_err(|source| crate::Error::file("clear", scratch, source))?;
    }
    crate::keep::directory(scratch)
}

/// One worker that fetches.
pub(crate) async fn fetch_forever(core: Core, number: usize) {
    let name = format!("fetcher {number}");
    while let Some(job) = next(&core, &[INGEST], &name).await {
        let ended = fetch(&core, &job).await;
        report(&job, ended);
    }
}

/// One worker that analyzes. What was never looked at comes before what is looked at again; of several workers one never
/// does the latter, so that a change of rules keeps nobody waiting.
pub(crate) async fn analyse_forever(core: Core, number: usize) {
    let name = format!("analyst {number}");
    let lease = core.inner.settings.lease;
    let kinds: &[&str] =
        if number == 0 && core.inner.settings.workers > 1 { &[ANALYSE] } else { &[ANALYSE, RESCAN] };
    loop {
        let job = match core.inner.store.claim(&[ANALYSE], &name, lease).await {
            Ok(Some(job)) => job,
            Ok(None) => match next(&core, kinds, &name).await {
                Some(job) => job,
                None => return,
            },
            Err(error) => {
                if !pause(&error).await {
                    return;
                }
                continue;
            }
        };
        let ended = analyse(&core, &job).await;
        report(&job, ended);
    }
}

/// The next job; none where the store is closed.
async fn next(core: &Core, kinds: &[&str], name: &str) -> Option<Job> {
    loop {
        match core.inner.store.next_job(kinds, name, core.inner.settings.lease).await {
            Ok(job) => return Some(job),
            Err(error) => {
                if !pause(&error).await {
                    return None;
                }
            }
        }
    }
}

/// Waits before the store is asked again; false where that is in vain.
async fn pause(error: &store::Error) -> bool {
    if matches!(error, store::Error::Closed) {
        return false;
    }
    tracing::warn!(error = model::error_chain(error), "the queue does not answer");
    tokio::time::sleep(Duration::from_secs(1)).await;
    true
}

fn report(job: &Job, ended: Result<(), store::Error>) {
    match ended {
        Ok(()) | Err(store::Error::Closed) => {}
        Err(store::Error::Lease(_)) => {
            tracing::info!(job = job.id, key = job.key, "another worker has taken the job")
        }
        Err(error) => {
            // The lease ends, and the job is tried again.
            tracing::warn!(
                job = job.id,
                key = job.key,
                error = model::error_chain(&error),
                "the job could not be ended"
            );
        }
    }
}

/// Fetches the content of one job.
async fn fetch(core: &Core, job: &Job) -> Result<(), store::Error> {
    let Some(task) = task_of(core, job).await? else { return Ok(()) };
    let inner = &core.inner;
    let far = inner.settings.upstreams.far(&task.repository);
    let Some((far, upstream)) = far
        .and_then(|far| inner.settings.upstreams.get(&far.upstream).cloned().map(|upstream| (far, upstream)))
    else {
        return inner.store.fail_job(job, "its upstream is not configured any more", None).await;
    };
    // It may have left the list since it was queued.
    if let Some(why) = upstream.refusal(&far) {
        return inner.store.finish_job(job, json!({"outcome": "refused", "message": why})).await;
    }
    let cancelled = Arc::new(AtomicBool::new(false));
    let (say, said) = watch::channel(None);
    let work = {
        let (core, task, cancelled) = (core.clone(), task.clone(), Arc::clone(&cancelled));
        let runtime = tokio::runtime::Handle::current();
        move || {
            let settings = &core.inner.settings;
            ingest::fetch(
                &Ingest {
                    store: &core.inner.store,
                    runtime: &runtime,
                    upstream: &upstream,
                    far: &far,
                    repository: &task.repository,
                    limits: &settings.ingest,
                    patience: Patience { quick: None, idle: Some(settings.ingest.idle), cancelled },
                    progress: &|value| {
                        say.send_replace(Some(value));
                    },
                },
                &task.digest,
                &task.tags,
            )
        }
    };
    let limit = inner.settings.ingest.time;
    let fetched =
        tended(core, job, &cancelled, limit, || said.borrow().clone(), tokio::task::spawn_blocking(work))
            .await;
    let end = |outcome: &str, message: String| {
        inner.store.finish_job(job, json!({"outcome": outcome, "message": message}))
    };
    match fetched {
        Ok(Ok(())) => {
            // Queued before this job ends, so that whoever waits always finds one of the two.
            inner.store.enqueue(task.analysis()).await?;
            core.tell(EventKind::Quarantined, &task, "it was fetched");
            inner.store.finish_job(job, json!({"outcome": "fetched"})).await
        }
        Ok(Err(IngestError::Missing(why))) => end("missing", why).await,
        Ok(Err(IngestError::Refused(why))) => {
            tracing::warn!(key = job.key, why, "an upstream's content is refused");
            let body = json!({"repository": task.repository, "digest": task.digest, "reason": why});
            inner.store.record("refuse", body).await?;
            end("refused", why).await
        }
        Ok(Err(IngestError::Passing(why))) => {
            tracing::warn!(key = job.key, why, "an upstream does not answer");
            inner.store.fail_job(job, &why, None).await
        }
        Ok(Err(error @ IngestError::Store { .. })) => {
            let why = model::error_chain(&error);
            tracing::error!(key = job.key, why, "content of an upstream cannot be kept");
            inner.store.fail_job(job, &why, None).await
        }
        Err(lost) => {
            let why = panicked(lost);
            tracing::error!(key = job.key, why, "fetching failed");
            inner.store.fail_job(job, &why, None).await
        }
    }
}

/// Analyzes and decides over the content of one job.
async fn analyse(core: &Core, job: &Job) -> Result<(), store::Error> {
    let Some(task) = task_of(core, job).await? else { return Ok(()) };
    let store = &core.inner.store;
    let Some(standing) = store.standing(&task.repository, &task.digest).await? else {
        return store.finish_job(job, json!({"outcome": "gone"})).await;
    };
    // What was refused stays so: only a person changes it, by asking for a new decision.
    let decided = matches!(standing.state, State::Denied | State::Revoked)
        || (standing.state == State::Released) != (job.kind == RESCAN);
    if decided && !task.again {
        return store.finish_job(job, json!({"outcome": "decided"})).await;
    }
    let cancelled = Arc::new(AtomicBool::new(false));
    let watched = Arc::new(analyse::Watched::default());
    let limit = core.inner.settings.scan_time;
    let work = analyse::run(core, &task, &standing, Arc::clone(&cancelled), Arc::clone(&watched));
    match tended(core, job, &cancelled, limit, || watched.say(), work).await {
        Ok(record) => store.finish_job(job, record.body()).await,
        Err(trouble) => failed(core, job, &task, &standing, trouble).await,
    }
}

/// Holds content with the reason why nobody could say more, and tries again later.
async fn failed(
    core: &Core,
    job: &Job,
    task: &Task,
    standing: &store::Standing,
    trouble: analyse::Trouble,
) -> Result<(), store::Error> {
    let store = &core.inner.store;
    let why = trouble.to_string();
    tracing::warn!(key = job.key, attempt = job.attempts, why, "an analysis failed");
    if job.kind == RESCAN || standing.state != State::Quarantined {
        // It was released by a report, and that a second look failed is none against it; nor is it one for what was refused.
        return store.fail_job(job, &why, None).await;
    }
    let reference = analyse::reference(core, task, standing).to_string();
    let before = standing.decision.as_ref().and_then(Record::read);
    // What people approved of is what they knew, and a failure adds nothing to that.
    let (ground, since) = before.map_or((None, None), |before| (before.ground, before.since));
    let record = Record { ground, since, ..Record::failed(reference, &why) };
    let decision = Decision { body: record.body(), by: "gate".to_owned(), ..Decision::default() };
    store.hold(&task.repository, &task.digest, decision).await?;
    let again = job.attempts < core.inner.settings.attempts;
    store.fail_job(job, &why, again.then(|| store::back_off(job.attempts))).await
}

/// What a job is about. One that cannot be read ends.
async fn task_of(core: &Core, job: &Job) -> Result<Option<Task>, store::Error> {
    match serde_json::from_value(job.payload.clone()) {
        Ok(task) => Ok(Some(task)),
        Err(error) => {
            core.inner.store.fail_job(job, &format!("it cannot be read: {error}"), None).await?;
            Ok(None)
        }
    }
}

/// Does work, and meanwhile keeps the lease, tells how far it is, and cancels where it takes too long or is another's.
async fn tended<T>(
    core: &Core,
    job: &Job,
    cancelled: &Arc<AtomicBool>,
    limit: Duration,
    say: impl Fn() -> Option<Value>,
    work: impl Future<Output = T>,
) -> T {
    // Where this is dropped, the thread that works must end by itself.
    let _cancel = Cancel(Arc::clone(cancelled));
    let (store, lease) = (&core.inner.store, core.inner.settings.lease);
    let mut work = std::pin::pin!(work);
    let mut tick = tokio::time::interval(TICK.min(lease / 4));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (start, mut renewed, mut told) = (Instant::now(), Instant::now(), None);
    loop {
        tokio::select! {
            done = &mut work => return done,
            _ = tick.tick() => {}
        }
        if start.elapsed() > limit {
            cancelled.store(true, Ordering::Relaxed);
        }
        let said = say();
        let kept = if said != told && said.is_some() {
            told.clone_from(&said);
            store.progress(job, said.unwrap_or_default()).await
        } else {
            Ok(())
        };
        let renew = renewed.elapsed() > lease / 3;
        let kept = if kept.is_ok() && renew {
            renewed = Instant::now();
            store.renew(job, lease).await
        } else {
            kept
        };
        match kept {
            Ok(()) => {}
            Err(store::Error::Lease(_) | store::Error::Closed) => cancelled.store(true, Ordering::Relaxed),
            Err(error) => tracing::warn!(
                job = job.id,
                error = model::error_chain(&error),
                "the lease could not be renewed"
            ),
        }
    }
}

struct Cancel(Arc<AtomicBool>);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a thread that did not come back says.
fn panicked(lost: tokio::task::JoinError) -> String {
    match lost.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            format!("it panicked: {}", model::escape_text(&text.chars().take(300).collect::<String>()))
        }
        Err(_) => "the server ends".to_owned(),
    }
}
