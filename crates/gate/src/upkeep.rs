//! What the store needs done from time to time, whoever asks for what meanwhile: content that nobody names is removed, uploads
//! that were given up too, and what lies on the disk is held against its digest. It ends as soon as the server is asked to
//! stop, in the middle of whatever it is at: the store leaves nothing half, and goes on with what was looked at longest ago.

use crate::config::Upkeep;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::Store;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long after the start it is done for the first time, at most: a server that is restarted often gets it done as well.
const FIRST: Duration = Duration::from_mins(1);
/// How often is looked, at least, for what has come of age.
const LOOK: Duration = Duration::from_hours(1);
/// Blobs that are read until what was found is counted.
const BATCH: usize = 100;

/// What was done since the start.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    collected: Counter,
    collected_bytes: Counter,
    expired: Counter,
    scrubbed: Counter,
    scrubbed_bytes: Counter,
    broken: Counter,
    last: Last,
}

/// When each was done last, in milliseconds since 1970; 0 where it was not since the start.
#[derive(Clone, Default)]
struct Last(Arc<[AtomicI64; 3]>);

const COLLECTING: usize = 0;
const EXPIRING: usize = 1;
const SCRUBBING: usize = 2;

impl Last {
    fn done(&self, what: usize) {
        if let Some(last) = self.0.get(what) {
            last.store(store::now(), Ordering::Relaxed);
        }
    }

    fn of(&self, what: usize) -> Option<web::Moment> {
        let last = self.0.get(what)?.load(Ordering::Relaxed);
        (last > 0).then_some(web::Moment(last))
    }
}

impl Counts {
    /// What was done since the start, for people.
    pub(crate) fn told(&self) -> Vec<web::Upkeep> {
        let told = |what: usize, name: &str, result: String| web::Upkeep {
            what: name.to_owned(),
            last: self.last.of(what),
            result,
        };
        let (collected, bytes) = (self.collected.get(), self.collected_bytes.get());
        let (scrubbed, broken) = (self.scrubbed.get(), self.broken.get());
        vec![
            told(
                COLLECTING,
                "remove what nobody names",
                format!("{collected} blobs of {bytes} bytes since the start"),
            ),
            told(
                EXPIRING,
                "remove uploads that were given up",
                format!("{} since the start", self.expired.get()),
            ),
            told(
                SCRUBBING,
                "hold what lies on the disk against its digests",
                format!("{scrubbed} blobs since the start, {broken} of them broken"),
            ),
        ]
    }

    /// Registers everything.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let counts = Self::default();
        let mut register = |name, help, counter: &Counter| registry.register(name, help, counter.clone());
        register("collected_blobs", "Blobs removed that nothing named", &counts.collected);
        register("collected_bytes", "Their bytes", &counts.collected_bytes);
        register("expired_uploads", "Uploads removed that nobody went on with", &counts.expired);
        register("scrubbed_blobs", "Blobs read and held against their digest", &counts.scrubbed);
        register("scrubbed_bytes", "Their bytes", &counts.scrubbed_bytes);
        register("broken_blobs", "Blobs found broken, and given out no more", &counts.broken);
        counts
    }
}

/// Starts everything that is switched on. The tasks end once `stop` says so.
pub(crate) fn start(
    store: &Store,
    upkeep: &Upkeep,
    counts: &Counts,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let ours = || (store.clone(), counts.clone());
    let ((store, counts), grace) = (ours(), upkeep.collect_grace.0);
    tasks.spawn(every(upkeep.collect_every.0, stop.clone(), async move || {
        told("removing what nobody names", collect(&store, &counts, grace).await);
    }));
    let ((store, counts), life) = (ours(), upkeep.upload_life.0);
    tasks.spawn(every(life.min(LOOK), stop.clone(), async move || {
        told("removing uploads that were given up", expire(&store, &counts, life).await);
    }));
    let ((store, counts), age, rate) = (ours(), upkeep.scrub_every.0, upkeep.scrub_rate.0);
    tasks.spawn(every(age.min(LOOK), stop.clone(), async move || {
        told("reading what lies on the disk", scrub(&store, &counts, age, rate).await);
    }));
    tasks
}

/// Does something again and again. What is being done when the server is asked to stop is given up.
async fn every(span: Duration, mut stop: watch::Receiver<bool>, chore: impl AsyncFn()) {
    let chores = async {
        for wait in waits(span) {
            tokio::time::sleep(wait).await;
            chore().await;
        }
    };
    tokio::select! {
        () = chores => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// How long is waited each time: not for long after the start, and then for as long as was asked; never where that is no time
/// at all.
fn waits(span: Duration) -> impl Iterator<Item = Duration> {
    let all = std::iter::once(span.min(FIRST)).chain(std::iter::repeat(span));
    all.take_while(|wait| !wait.is_zero())
}

fn told(doing: &'static str, done: Result<(), store::Error>) {
    match done {
        Ok(()) | Err(store::Error::Closed) => {}
        // It is tried again the next time.
        Err(error) => tracing::warn!(error = model::error_chain(&error), "{doing} failed"),
    }
}

async fn collect(store: &Store, counts: &Counts, grace: Duration) -> Result<(), store::Error> {
    let collected = store.collect(grace).await?;
    counts.last.done(COLLECTING);
    counts.collected.inc_by(collected.blobs);
    counts.collected_bytes.inc_by(collected.bytes);
    if collected != store::Collected::default() {
        let store::Collected { unlinked, blobs, bytes, strays } = collected;
        tracing::info!(unlinked, blobs, bytes, strays, "removed what nobody names");
    }
    Ok(())
}

async fn expire(store: &Store, counts: &Counts, life: Duration) -> Result<(), store::Error> {
    let uploads = store.expire_uploads(life).await?;
    counts.last.done(EXPIRING);
    counts.expired.inc_by(uploads as u64);
    if uploads > 0 {
        tracing::info!(uploads, "removed uploads that nobody went on with");
    }
    Ok(())
}

/// Reads all that nobody has read for as long. What is broken stands in the journal and in the log by then: the store writes
/// both as it sets it aside.
async fn scrub(store: &Store, counts: &Counts, age: Duration, rate: u64) -> Result<(), store::Error> {
    let (mut blobs, mut bytes, mut broken) = (0, 0, 0);
    loop {
        let scrubbed = store.scrub_aged(age, BATCH, rate).await?;
        counts.scrubbed.inc_by(scrubbed.blobs);
        counts.scrubbed_bytes.inc_by(scrubbed.bytes);
        counts.broken.inc_by(scrubbed.lost.len() as u64);
        blobs += scrubbed.blobs;
        bytes += scrubbed.bytes;
        broken += scrubbed.lost.len();
        if scrubbed.blobs < BATCH as u64 {
            break;
        }
    }
    counts.last.done(SCRUBBING);
    if blobs > 0 {
        tracing::info!(blobs, bytes, broken, "held what lies on the disk against its digests");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::Notify;

    fn check(span: Duration, within: Duration, expect: usize) {
        let mut since = Duration::ZERO;
        let done = waits(span).take_while(|wait| {
            since += *wait;
            since <= within
        });
        assert_eq!(done.count(), expect, "every {span:?} within {within:?}");
    }

    #[test]
    fn it_is_done_soon_and_then_as_often_as_was_asked() {
        let hours = Duration::from_hours;
        check(hours(1), Duration::from_secs(59), 0);
        check(hours(1), Duration::from_secs(60), 1);
        check(hours(1), hours(1) + Duration::from_secs(60), 2);
        check(hours(1), hours(24), 24);
        check(Duration::from_secs(10), Duration::from_secs(60), 6);
        check(Duration::ZERO, hours(24), 0);
    }

    #[test]
    fn what_takes_long_is_given_up_once_the_server_stops() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (stopping, stop) = watch::channel(false);
            let begun = Arc::new(Notify::new());
            let tell = Arc::clone(&begun);
            let task = tokio::spawn(every(Duration::from_millis(1), stop, async move || {
                tell.notify_one();
                std::future::pending::<()>().await;
            }));
            begun.notified().await;
            assert!(!task.is_finished());
            stopping.send_replace(true);
            task.await.unwrap();
        });
    }

    #[test]
    fn what_is_switched_off_is_not_waited_for() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (_stopping, stop) = watch::channel(false);
        runtime.block_on(every(Duration::ZERO, stop, async || panic!("it is switched off")));
    }
}
