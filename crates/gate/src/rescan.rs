//! Looks again at what was released, where rules, feeds or the policy have changed since. What is released stays pullable
//! meanwhile, and a new verdict against it takes the release back.
use crate::core::{Core, Task};
use crate::decide::Record;
use crate::work::{self, RESCAN};
use std::time::Duration;
use store::{NewJob, StandingFilter, State};

/// Rescans that wait at most; more are queued as these end.
const QUEUED: u64 = 200;
/// How long the row of a job stays that has ended.
const FORGOTTEN: Duration = Duration::from_hours(24);
const PAGE: usize = 100;

pub(crate) async fn forever(core: Core) {
    let mut asked = false;
    loop {
        let looked = match look(&core, State::Released, false).await {
            Ok(()) => look(&core, State::Quarantined, asked).await,
            failed => failed,
        };
        if let Err(error) = looked {
            tracing::warn!(
                error = model::error_chain(&error),
                "looking for what newer rules have not seen failed"
            );
        }
        // Those who waited for them have long been answered.
        if let Err(error) = core.inner.store.forget_jobs(FORGOTTEN).await {
            tracing::warn!(error = model::error_chain(&error), "old jobs cannot be forgotten");
        }
        let wait = core.inner.settings.rescan_every.max(Duration::from_secs(1));
        asked = tokio::time::timeout(wait, core.inner.changed.notified()).await.is_ok();
    }
}

/// Queues what stands so and was decided by other rules than those in force, or `all` of it.
async fn look(core: &Core, state: State, all: bool) -> Result<(), store::Error> {
    let judging = core.judging();
    let Ok(knowledge) = tokio::task::spawn_blocking(move || work::knowledge(&judging)).await else {
        return Ok(());
    };
    let store = &core.inner.store;
    let mut last = None;
    loop {
        let waiting = store.job_counts().await?.into_iter().find(|(kind, ..)| kind == RESCAN);
        if state == State::Released && waiting.is_some_and(|(_, waiting, _)| waiting >= QUEUED) {
            return Ok(());
        }
        let filter = StandingFilter {
            state: Some(state),
            rules_other_than: (!all).then_some(knowledge),
            last: last.take(),
            n: PAGE,
            ..StandingFilter::default()
        };
        let page = store.standings(&filter).await?;
        let Some((repository, standing)) = page.last() else { return Ok(()) };
        last = Some((repository.clone(), standing.digest));
        for (repository, standing) in page {
            let decision = standing.decision.as_ref().and_then(Record::read);
            let task = Task::new(repository, standing.digest);
            let job = match (state, decision) {
                // What we signed ourselves stands and falls with its image.
                (_, Some(record)) if record.rule == Record::SIGNATURE => continue,
                (State::Released, _) => NewJob { kind: RESCAN.to_owned(), ..task.analysis() },
                // What failed is tried again by whoever asks for it, and what nobody asked for waits for the first who does.
                (_, Some(record)) if !record.failed => task.analysis(),
                _ => continue,
            };
            store.enqueue(job).await?;
        }
    }
}
