//! What a pull of content that is not released is told: [`registry::Quarantine`]. It names digests and gives no content.
mod resolve;
mod words;

pub(crate) use resolve::Known;

use crate::core::{Core, Task};
use crate::decide::Record;
use crate::events::EventKind;
use crate::sign;
use crate::upstream::Far;
use crate::work::{ANALYSE, INGEST};
use access::Permit;
use futures_util::future::BoxFuture;
use model::{Digest, RepositoryName, Tag};
use registry::{Arrival, Place, Pushed, Quarantine, Reference, Standing};
use resolve::Resolved;
use serde_json::Value;
use std::time::Duration;
use store::{JobState, JobWatch, State};
use tokio::time::Instant;

/// How long a failed analysis is left alone before a pull has it tried again.
const LEFT_ALONE: i64 = 5 * 60 * 1000;
/// How long what was found clean, and is held all the same, is left alone.
const LOOKED_AT_AGAIN: i64 = 60 * 60 * 1000;
/// `Retry-After` of what a person has to look at.
const FOR_A_PERSON: u64 = 300;

impl Quarantine for Core {
    fn place(&self, name: &RepositoryName, namespace: Option<&str>) -> Place {
        self.inner.settings.upstreams.place(name, namespace)
    }

    fn arrive<'a>(&'a self, arrival: Arrival<'a>) -> BoxFuture<'a, Standing> {
        Box::pin(async move {
            let found = match arrival.reference {
                Reference::Tag(tag) => self.by_tag(arrival.permit, tag).await,
                Reference::Digest(digest) => self.by_digest(arrival.permit, digest).await,
            };
            found.unwrap_or_else(|error| {
                tracing::error!(error = model::error_chain(&error), "a pull cannot be answered");
                unavailable("the gate's store does not answer", 10)
            })
        })
    }

    fn arrived<'a>(&'a self, pushed: Pushed<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let repository = pushed.permit.repository().clone();
            // What stands for no registry that is known must never be served.
            if repository.as_str() == crate::upstream::NOWHERE || pushed.stored.state != State::Quarantined {
                return;
            }
            let task = Task { tags: pushed.tags.to_vec(), ..Task::new(repository, pushed.stored.digest) };
            if let Err(error) = self.inner.store.enqueue(task.analysis()).await {
                // It stays in quarantine, and the first pull asks again.
                tracing::error!(
                    key = task.key(),
                    error = model::error_chain(&error),
                    "a push could not be queued"
                );
            }
            if pushed.stored.new {
                self.tell(EventKind::Quarantined, &task, "it was pushed");
            }
        })
    }
}

impl Core {
    /// Asks for a new decision over content that was refused or held, as a person wants who has changed what it is decided
    /// by. What is released is looked at again, too.
    ///
    /// # Errors
    /// Where the store cannot take the job.
    pub async fn reconsider(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<JobWatch, store::Error> {
        let task = Task { again: true, ..Task::new(repository.clone(), *digest) };
        self.inner.store.enqueue(task.analysis()).await
    }

    async fn by_digest(&self, permit: &Permit, digest: &Digest) -> Result<Standing, store::Error> {
        let far = match self.far(permit) {
            Ok(far) => far,
            Err(refused) => return Ok(refused),
        };
        let task = Task::new(permit.repository().clone(), *digest);
        self.settle(&task, far.as_ref(), Instant::now() + self.inner.settings.wait).await
    }

    async fn by_tag(&self, permit: &Permit, tag: &Tag) -> Result<Standing, store::Error> {
        let repository = permit.repository();
        let store = &self.inner.store;
        let far = match self.far(permit) {
            Ok(far) => far,
            Err(refused) => return Ok(refused),
        };
        let deadline = Instant::now() + self.inner.settings.wait;
        let Some(far) = far else {
            // Hosted here: the store has served what is approved; this tag has nothing approved.
            let Some(row) = store.tag(repository, tag).await? else { return Ok(Standing::Unknown) };
            let task = Task { tags: vec![tag.clone()], ..Task::new(repository.clone(), row.digest) };
            return self.settle(&task, None, deadline).await;
        };
        // Where cosign looks for signatures lie those of the gate, with the upstream's own where it had any: what the upstream
        // has there by itself must not take their place.
        if sign::is_signature_tag(tag)
            && let Some(approved) = self.approved(permit, tag).await?
        {
            return Ok(Standing::Released(approved, None));
        }
        let newest = match self.resolve(&far, repository, tag).await {
            Resolved::Digest(digest) => digest,
            Resolved::Unknown => {
                return self
                    .last_approved(permit, tag, "the upstream does not have it any more", Standing::Unknown)
                    .await;
            }
            Resolved::Unavailable(why) => {
                let otherwise = unavailable(&why, self.inner.settings.retry_after.as_secs().max(1));
                return self.last_approved(permit, tag, &why, otherwise).await;
            }
        };
        let task = Task { tags: vec![tag.clone()], ..Task::new(repository.clone(), newest) };
        if store.released(permit, &newest).await?.is_some() {
            self.point(&task, tag).await?;
            return Ok(Standing::Released(newest, None));
        }
        // Something older may serve meanwhile: then nobody waits.
        let approved = self.approved(permit, tag).await?;
        let deadline = if approved.is_some() { Instant::now() } else { deadline };
        let standing = self.settle(&task, Some(&far), deadline).await?;
        if let Standing::Released(..) = standing {
            self.point(&task, tag).await?;
        }
        let (Some(approved), Some(why)) = (approved, words::why_not(&standing)) else { return Ok(standing) };
        let warning =
            format!("roadstead: {tag} of the upstream is {newest} now, {why}; this is the last approved one");
        Ok(Standing::Released(approved, Some(warning)))
    }

    /// The upstream's repository behind a permit; a refusal where it may not be pulled from.
    fn far(&self, permit: &Permit) -> Result<Option<Far>, Standing> {
        let Some(far) = self.inner.settings.upstreams.far(permit.repository()) else { return Ok(None) };
        // Whoever may not use the upstream learns nothing of what it has.
        let Some(upstream) = self
            .inner
            .settings
            .upstreams
            .get(&far.upstream)
            .filter(|_| permit.upstream() == Some(&far.upstream))
        else {
            return Err(Standing::Unknown);
        };
        match upstream.refusal(&far) {
            Some(why) => Err(words::not_listed(&why)),
            None => Ok(Some(far)),
        }
    }

    async fn approved(&self, permit: &Permit, tag: &Tag) -> Result<Option<Digest>, store::Error> {
        let row = self.inner.store.approved_tag(permit, tag).await?;
        Ok(row.and_then(|row| row.released).map(|released| *released.digest()))
    }

    /// What was approved before, with a warning, where there is any.
    async fn last_approved(
        &self,
        permit: &Permit,
        tag: &Tag,
        why: &str,
        otherwise: Standing,
    ) -> Result<Standing, store::Error> {
        Ok(match self.approved(permit, tag).await? {
            Some(digest) => {
                let warning =
                    format!("roadstead: {tag} may be out of date, {why}; this is the last approved one");
                Standing::Released(digest, Some(warning))
            }
            None => otherwise,
        })
    }

    /// Lets a tag point to what the upstream's points to.
    async fn point(&self, task: &Task, tag: &Tag) -> Result<(), store::Error> {
        let store = &self.inner.store;
        let row = store.tag(&task.repository, tag).await?;
        if row.is_some_and(|row| row.digest == task.digest && row.approved == Some(task.digest)) {
            return Ok(());
        }
        store.put_tag(&task.repository, tag, &task.digest, crate::ingest::GATE).await
    }

    /// How content stands, once it is decided; until then a job is at it, which whoever asks first begins and nobody who
    /// goes away ends.
    async fn settle(
        &self,
        task: &Task,
        far: Option<&Far>,
        deadline: Instant,
    ) -> Result<Standing, store::Error> {
        let store = &self.inner.store;
        let mut last = None;
        // Each turn waits for the end of a job; more than fetching, analyzing and a second try there never are.
        for _ in 0..6 {
            let standing = store.standing(&task.repository, &task.digest).await?;
            let is_broken = match &standing {
                Some(standing) if far.is_some() && standing.state == State::Quarantined => {
                    store.is_broken(&task.repository, &task.digest).await?
                }
                _ => false,
            };
            if let Some(standing) = &standing
                && !is_broken
                && let Some(answer) = self.answer(task, standing)
            {
                return Ok(answer);
            }
            let mut watch = match (standing, far) {
                (None, None) => return Ok(Standing::Unknown),
                (None, Some(_)) => self.job(INGEST, task.ingestion()).await?,
                // What broke on the disk is fetched again.
                (Some(_), Some(_)) if is_broken => self.job(INGEST, task.ingestion()).await?,
                (Some(_), _) => {
                    for tag in &task.tags {
                        self.note(task, tag).await?;
                    }
                    self.job(ANALYSE, task.analysis()).await?
                }
            };
            let state = ended(&mut watch, deadline).await;
            match &state {
                JobState::Done(result) => {
                    if let Some(answer) = words::fetched(result) {
                        return Ok(answer);
                    }
                }
                JobState::Failed(why) if far.is_some() && last.is_none() => {
                    // An analysis that failed has left a standing that says so; fetching has not.
                    if is_broken || store.standing(&task.repository, &task.digest).await?.is_none() {
                        return Ok(unavailable(why, self.inner.settings.retry_after.as_secs().max(1)));
                    }
                }
                JobState::Failed(_) => {}
                JobState::Waiting if Instant::now() < deadline => {}
                JobState::Waiting | JobState::Running { .. } => return Ok(self.held(task, &state)),
            }
            last = Some(state);
        }
        Ok(self.held(task, &last.unwrap_or(JobState::Waiting)))
    }

    /// The open job, or a new one.
    async fn job(&self, kind: &str, new: store::NewJob) -> Result<JobWatch, store::Error> {
        match self.inner.store.open_job(kind, &new.key).await? {
            Some(watch) => Ok(watch),
            None => self.inner.store.enqueue(new).await,
        }
    }

    /// Points a tag of an upstream at what is held, so that its release approves it for the tag.
    async fn note(&self, task: &Task, tag: &Tag) -> Result<(), store::Error> {
        if self.inner.settings.upstreams.far(&task.repository).is_none() {
            return Ok(());
        }
        let row = self.inner.store.tag(&task.repository, tag).await?;
        if row.is_some_and(|row| row.digest == task.digest) {
            return Ok(());
        }
        self.inner.store.put_tag(&task.repository, tag, &task.digest, crate::ingest::GATE).await
    }

    /// What a decided standing says; none where it has to be decided, or decided anew.
    fn answer(&self, task: &Task, standing: &store::Standing) -> Option<Standing> {
        let record = standing.decision.as_ref().and_then(Record::read);
        match standing.state {
            State::Released => Some(Standing::Released(task.digest, None)),
            State::Denied | State::Revoked => {
                let what = if standing.state == State::Denied { "denied" } else { "revoked" };
                let message = record
                    .as_ref()
                    .map_or_else(|| format!("roadstead: {} is {what}", task.key()), Record::refusal);
                let page = self.page(&task.repository, &task.digest);
                let message = words::see(message, page.as_deref());
                let detail = words::detail(standing.state.name(), record.as_ref(), page);
                Some(Standing::Denied { message, detail })
            }
            State::Quarantined => {
                // A release that ended, as another content of it was refused, has a decision that let it in.
                let record = record.filter(|record| record.effect == crate::decide::Effect::Hold)?;
                let now = store::now();
                if record.until.is_some_and(|until| until <= now) {
                    return None;
                }
                let since = now.saturating_sub(standing.decided.unwrap_or(0));
                if record.failed && since > LEFT_ALONE {
                    return None;
                }
                // Held by something that time changes, such as its age.
                if record.verdict == Some(model::Verdict::Clean)
                    && record.rule != "unread"
                    && since > LOOKED_AT_AGAIN
                {
                    return None;
                }
                let seconds = match record.until {
                    Some(until) => {
                        u64::try_from(until.saturating_sub(now) / 1000).unwrap_or(0).clamp(1, 3600)
                    }
                    None if record.failed => 60,
                    None => FOR_A_PERSON,
                };
                let page = self.page(&task.repository, &task.digest);
                Some(Standing::Held {
                    message: words::see(record.waiting(), page.as_deref()),
                    retry_after: seconds,
                    page,
                })
            }
        }
    }

    /// What is told while a job is at it.
    fn held(&self, task: &Task, state: &JobState) -> Standing {
        let progress = match state {
            JobState::Running { progress } => progress.as_ref(),
            _ => None,
        };
        let least = self.inner.settings.retry_after;
        let page = self.page(&task.repository, &task.digest);
        let (doing, wait) = words::progress(progress, self.runs());
        Standing::Held {
            message: words::see(format!("roadstead: {doing}"), page.as_deref()),
            retry_after: wait.max(least).as_secs().max(1),
            page,
        }
    }

    /// How long running an image may take, where images are run.
    fn runs(&self) -> Option<Duration> {
        self.judging().detonate.as_ref().map(|(how, _)| how.duration)
    }
}

/// Waits for the end of a job, or of one try at it.
async fn ended(watch: &mut JobWatch, deadline: Instant) -> JobState {
    while Instant::now() < deadline {
        match tokio::time::timeout_at(deadline, watch.changed()).await {
            Ok(JobState::Running { .. }) => {}
            Ok(state) => return state,
            Err(_) => break,
        }
    }
    watch.state()
}

fn unavailable(message: &str, retry_after: u64) -> Standing {
    Standing::Unavailable { message: format!("roadstead: {message}"), retry_after }
}

/// The last thing that a job said, as a number.
fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}
