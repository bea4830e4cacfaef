//! The heart of the gate: what comes in is fetched, held, read, decided and signed. Comes in: requests for content and what
//! was pushed, by [`registry::Quarantine`]. Goes out: standings, and in the store releases with a journal entry each. Never:
//! a byte of content to anybody; a release that no report stands behind.

use crate::events::{Event, EventKind};
use crate::quarantine::Known;
use crate::sign::Keys;
use crate::upstream::Upstreams;
use crate::{ingest, work};
use model::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use store::Store;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

/// What the heart is told. The command line fills it from the configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Registries that are pulled through.
    pub upstreams: Upstreams,
    /// The address by which clients reach this server, for the pages that messages point to.
    pub base_url: String,
    /// How long a pull waits for the decision. Less than the thirty seconds that containerd waits for headers.
    pub wait: Duration,
    /// The least that `Retry-After` says.
    pub retry_after: Duration,
    /// How long the digest of an upstream's tag is believed before it is asked again.
    pub tag_life: Duration,
    /// How long the answer to that question may take, until what was approved before is served instead.
    pub resolve_time: Duration,
    /// How long content of upstreams must have been known here before it is released.
    pub minimum_age: Duration,
    /// Bounds on what is fetched.
    pub ingest: ingest::Limits,
    /// What is read and how it is decided.
    pub judging: Judging,
    /// Images that are fetched at once.
    pub fetchers: usize,
    /// Images that are analyzed at once.
    pub workers: usize,
    /// How long the analysis of one image may take.
    pub scan_time: Duration,
    /// How long a job belongs to a worker that says nothing.
    pub lease: Duration,
    /// How many people have to approve of what is held, for it to be released.
    pub approvals: usize,
    /// How often an analysis that failed for reasons of the moment is tried before a person has to look.
    pub attempts: u32,
    /// How often released content is held against newer rules.
    pub rescan_every: Duration,
    /// What releases are signed with; none where they are not signed.
    pub keys: Option<Keys>,
    /// Where layouts and runs lie for the while; below the data directory, so that links will do.
    pub scratch: PathBuf,
}

/// Everything that decides over an image. It is exchanged as a whole when rules, feeds or the policy change.
#[derive(Clone)]
pub struct Judging {
    /// Makes the settings of one scan: rules, feeds, exceptions, cache, budget. Opening, naming and running are set by the
    /// worker.
    pub scan: Arc<dyn Fn() -> pipeline::Settings + Send + Sync>,
    /// How images are run, and which besides those that the policy names; none where nothing can be run.
    pub detonate: Option<(pipeline::Detonate, Which)>,
    /// The policy.
    pub policy: Arc<policy::Policy>,
}

/// Which images are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that come from an upstream.
    Pulled,
    /// All.
    All,
}

impl fmt::Debug for Judging {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Judging").field("detonate", &self.detonate).finish_non_exhaustive()
    }
}

impl Settings {
    /// What suits a single machine, without upstreams and without keys.
    pub fn new(store: &Store, judging: Judging) -> Self {
        Self {
            upstreams: Upstreams::default(),
            base_url: String::new(),
            wait: Duration::from_secs(20),
            retry_after: Duration::from_secs(5),
            tag_life: Duration::from_mins(5),
            resolve_time: Duration::from_secs(10),
            minimum_age: Duration::ZERO,
            ingest: ingest::Limits::default(),
            judging,
            fetchers: 4,
            workers: 2,
            scan_time: Duration::from_mins(30),
            lease: Duration::from_mins(1),
            approvals: 1,
            attempts: 3,
            rescan_every: Duration::from_hours(1),
            keys: None,
            scratch: store.directory().join("scratch"),
        }
    }
}

/// The heart of the gate. A clone is the same.
#[derive(Clone)]
pub struct Core {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) judging: RwLock<Arc<Judging>>,
    pub(crate) known: Known,
    pub(crate) events: broadcast::Sender<Event>,
    /// Wakes whoever looks for released content that newer rules have not seen.
    pub(crate) changed: tokio::sync::Notify,
}

impl fmt::Debug for Core {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Core").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

/// The workers. They end where this is dropped; what they were at goes on at the next start.
#[derive(Debug)]
pub struct Workers {
    tasks: JoinSet<()>,
}

impl Workers {
    /// How many are alive: a worker ends by itself only where it panicked.
    pub(crate) fn alive(&mut self) -> usize {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.len()
    }

    /// Gives up what the workers are at, and waits until they have.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Content that work is about: what a job carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) repository: RepositoryName,
    pub(crate) digest: Digest,
    /// Tags that somebody asked by, or that it was pushed under.
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
    /// Whether a person asks for a new decision over what is decided.
    #[serde(default)]
    pub(crate) again: bool,
}

impl Task {
    pub(crate) fn new(repository: RepositoryName, digest: Digest) -> Self {
        Self { repository, digest, tags: Vec::new(), again: false }
    }

    pub(crate) fn key(&self) -> String {
        format!("{}@{}", self.repository, self.digest)
    }
}

impl Core {
    /// Puts the parts together. Nothing is done before [`Core::start`], but for what is asked.
    ///
    /// # Errors
    /// Where the folder for work in progress cannot be made, or left-overs in it cannot be removed.
    pub fn new(store: Store, settings: Settings) -> Result<Self, crate::Error> {
        work::clear(&settings.scratch)?;
        let judging = RwLock::new(Arc::new(settings.judging.clone()));
        let (events, _) = broadcast::channel(1024);
        let known = Known::default();
        let changed = tokio::sync::Notify::new();
        Ok(Self { inner: Arc::new(Inner { store, settings, judging, known, events, changed }) })
    }

    /// Starts the workers in the runtime that calls this.
    pub fn start(&self) -> Workers {
        let mut tasks = JoinSet::new();
        for number in 0..self.inner.settings.fetchers.max(1) {
            tasks.spawn(work::fetch_forever(self.clone(), number));
        }
        for number in 0..self.inner.settings.workers.max(1) {
            tasks.spawn(work::analyse_forever(self.clone(), number));
        }
        tasks.spawn(crate::rescan::forever(self.clone()));
        Workers { tasks }
    }

    /// What is told to webhooks. Whoever reads too slowly misses some and is told so.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }

    /// Judges by these from now on, and everything that is released again, with what is held before.
    pub fn judge_by(&self, judging: Judging) {
        *self.inner.judging.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(judging);
        self.inner.changed.notify_one();
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn judging(&self) -> Arc<Judging> {
        Arc::clone(&self.inner.judging.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn tell(&self, kind: EventKind, task: &Task, why: &str) {
        // Nobody listens where nobody wants to be told.
        let _ = self.inner.events.send(Event {
            kind,
            repository: task.repository.clone(),
            digest: task.digest,
            tags: task.tags.clone(),
            why: why.to_owned(),
            time: store::now(),
        });
    }

    /// The page that tells how content stands.
    pub(crate) fn page(&self, repository: &RepositoryName, digest: &Digest) -> Option<String> {
        let base = self.inner.settings.base_url.trim_end_matches('/');
        (!base.is_empty()).then(|| format!("{base}/q/{repository}@{digest}"))
    }
}
