//! One analysis, from the content in the store to the decision in the journal.
use super::documents::{self, Document, Unread};
use super::{panicked, signature, start};
use crate::core::{Core, Judging, Task, Which};
use crate::decide::{self, Effect, Facts, Record};
use crate::events::EventKind;
use crate::sign::{self, Release};
use crate::upstream::{self, Patience};
use aws_lc_rs::digest::{SHA256, digest};
use model::{Digest, ImageRef, Report};
use pipeline::Watch;
use serde_json::{Value, json};
use source::{Locator, Vouched};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::{Decision, Manifest, ManifestKind, Standing, State, analysis};

/// Why an analysis came to nothing. Its content is held.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The store.
    #[error("{}", model::error_chain(.0.as_ref()))]
    Store(Box<store::Error>),
    /// The image cannot be opened.
    #[error("{}", opened(.0))]
    Scan(Box<pipeline::Error>),
    /// The disk that layouts are made on.
    #[error("cannot make a folder for the analysis: {0}")]
    Scratch(std::io::Error),
    /// A panic, or the end of the server.
    #[error("{0}")]
    Lost(String),
    /// Signing.
    #[error("cannot sign the release: {}", model::error_chain(.0))]
    Sign(#[from] attest::Error),
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<pipeline::Error> for Trouble {
    fn from(error: pipeline::Error) -> Self {
        Self::Scan(Box::new(error))
    }
}

/// Why an image could not be opened, without the place where it lies for the while: clients read this.
fn opened(error: &pipeline::Error) -> String {
    match error {
        pipeline::Error::Open { source, .. } => format!("the image cannot be opened: {}", source.chain()),
        error => model::error_chain(error),
    }
}

/// What is going on, for those who wait.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    scan: Mutex<Option<(Arc<Watch>, u64)>>,
}

impl Watched {
    pub(crate) fn say(&self) -> Option<Value> {
        let scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        let (watch, layers) = scan.as_ref()?;
        let (bytes, files) = (&watch.progress.bytes, &watch.progress.files);
        Some(json!({
            "stage": watch.stage(), "layers": layers,
            "bytes": bytes.load(Ordering::Relaxed), "total": watch.expected.load(Ordering::Relaxed),
            "files": files.load(Ordering::Relaxed),
        }))
    }
}

/// Content as it was read.
struct Read {
    report: Option<Report>,
    documents: BTreeMap<Digest, Document>,
    unread: Vec<Unread>,
    /// Whether there is nothing in it at all.
    empty: bool,
}

/// Reads content, decides, and carries the decision out.
pub(crate) async fn run(
    core: &Core,
    task: &Task,
    standing: &Standing,
    cancelled: Arc<AtomicBool>,
    watched: Arc<Watched>,
) -> Result<Record, Trouble> {
    let store = &core.inner.store;
    let judging = core.judging();
    let reference = reference(core, task, standing);
    let scratch = tempfile::Builder::new()
        .prefix("analysis-")
        .tempdir_in(&core.inner.settings.scratch)
        .map_err(Trouble::Scratch)?;
    let folder = scratch.path().join("layout");
    analysis::layout(store, &task.repository, &task.digest, &folder).await?;
    let content = Content::of(core, task, &folder).await?;
    let reach: BTreeSet<Digest> = content.blobs.iter().chain(&content.manifests).copied().collect();
    let far = core.inner.settings.upstreams.far(&task.repository);
    let signature =
        match far.as_ref().and_then(|far| Some((core.inner.settings.upstreams.get(&far.upstream)?, far))) {
            Some((upstream, far)) => {
                let patience = Patience {
                    quick: None,
                    idle: Some(core.inner.settings.ingest.idle),
                    cancelled: Arc::clone(&cancelled),
                };
                signature::of_upstream(upstream, far, &task.digest, patience).await
            }
            None => policy::Signature::Unchecked,
        };
    let settings = {
        let judging = Arc::clone(&judging);
        let (name, runs) = (reference.clone(), core.inner.settings.scratch.clone());
        let (repository, is_far) = (task.repository.clone(), far.is_some());
        move || {
            let mut settings = (judging.scan)();
            settings.source.vouched = Some(Vouched { name, sparse: true });
            settings.source.platform = None;
            settings.source.cancelled = cancelled;
            settings.detonate = judging
                .detonate
                .as_ref()
                .filter(|(_, which)| {
                    *which == Which::All || is_far || judging.policy.detonates(&repository, is_far)
                })
                .map(|(how, _)| pipeline::Detonate { scratch: Some(runs), ..how.clone() });
            settings
        }
    };
    let reading = tokio::task::spawn_blocking(move || {
        let settings = settings();
        let known = knowledge_of(&judging, &settings);
        let (rules, feeds) = (pipeline::rules_digest(&settings.rules), settings.indicators.feeds());
        let today = settings.today;
        let read = read(&content, &folder, settings, &watched)?;
        // Kept to here: its links are what was read.
        drop(scratch);
        Ok::<_, Trouble>((read, content, Known { known, rules, feeds, today, judging }))
    });
    let (read, content, by) = reading.await.map_err(|lost| Trouble::Lost(panicked(lost)))??;
    let info = store.manifest(&task.repository, &task.digest).await?;
    let approvals = store.approvals(&task.repository, &task.digest).await?;
    let exceptions = decide::exceptions(store.exceptions(Some(store::now())).await?);
    let facts = Facts {
        repository: &task.repository,
        report: read.report.as_ref(),
        unread: &read.unread,
        empty: read.empty,
        digest: task.digest,
        upstream: far.as_ref().map(|far| &far.upstream),
        signature,
        tags: &task.tags,
        first_seen_hours: u64::try_from(store::now().saturating_sub(standing.first_seen) / 3_600_000)
            .unwrap_or(0),
        pushed_by: info.as_ref().map_or("", |info| &info.pushed_by),
        starts: content.starts,
    };
    let mut ruling = decide::decide(&facts, &by.judging.policy, &exceptions, by.today);
    let young = too_young(core, task, standing);
    let until = young.filter(|_| ruling.effect == Effect::Allow);
    if until.is_some() {
        ruling = decide::too_young(ruling, &task.repository);
    }
    let ground = decide::ground(&facts, &ruling);
    let evidence = match &read.report {
        Some(report) => serde_json::to_vec(report),
        None => serde_json::to_vec(&json!({
            "schema": "roadstead.documents/v1", "reference": reference.to_string(), "digest": task.digest,
            "documents": read.documents, "unread": read.unread,
        })),
    };
    let evidence =
        evidence.map_err(|error| Trouble::Lost(format!("the report cannot be written: {error}")))?;
    let evidence = store.put_evidence(evidence.into()).await?;
    let before = standing.decision.as_ref().and_then(Record::read);
    let since = before.filter(|before| before.ground == Some(ground)).and_then(|before| before.since);
    let mut record = Record {
        effect: ruling.effect,
        rule: String::new(),
        message: String::new(),
        reference: reference.to_string(),
        verdict: read.report.as_ref().map(|report| report.verdict),
        findings: read.report.as_ref().map(decide::headline).unwrap_or_default(),
        report: Some(evidence),
        rules: by.rules,
        feeds: by.feeds,
        policy: decide::digest_of(&by.judging.policy).to_string(),
        until,
        dry_run: std::mem::take(&mut ruling.dry_run),
        companions: Vec::new(),
        ground: Some(ground),
        since: Some(since.unwrap_or_else(store::now)),
        approvals: Vec::new(),
        barred: ruling.barred,
        failed: false,
    };
    record.approvals = record.counting(&approvals);
    let needed = core.inner.settings.approvals;
    let ruling = decide::approved(ruling, &task.repository, &record.approvals, needed, young.is_some());
    if ruling.effect == Effect::Allow {
        record.until = None;
    }
    (record.effect, record.rule, record.message) = (ruling.effect, ruling.rule, ruling.message);
    // What people lifted is looked at again whenever it is looked whether rules have changed: their word has an end.
    let known = (!ruling.lifted).then_some(by.known);
    let carry = Carry {
        known,
        knowledge: by.known,
        read: &read,
        content: &content,
        reach: &reach,
        reference: &reference,
    };
    carry_out(core, task, standing, record, carry).await
}

/// By what content was read.
struct Known {
    known: Digest,
    rules: String,
    feeds: Vec<String>,
    today: model::Date,
    judging: Arc<Judging>,
}

/// The name by which a repository is pulled from here.
fn pulled_as(core: &Core, repository: &model::RepositoryName) -> Option<String> {
    let (_, host) = core.inner.settings.base_url.split_once("://")?;
    Some(format!("{}/{repository}", host.trim_end_matches('/')))
}

/// What carrying a decision out takes besides.
struct Carry<'a> {
    known: Option<Digest>,
    knowledge: Digest,
    read: &'a Read,
    content: &'a Content,
    reach: &'a BTreeSet<Digest>,
    reference: &'a ImageRef,
}

async fn carry_out(
    core: &Core,
    task: &Task,
    standing: &Standing,
    mut record: Record,
    carry: Carry<'_>,
) -> Result<Record, Trouble> {
    let store = &core.inner.store;
    let decision = |record: &Record| Decision {
        body: record.body(),
        evidence: record.report,
        rules: carry.known,
        by: "policy".to_owned(),
        terms: carry.read.report.as_ref().map(crate::terms::of_report),
        ..Decision::default()
    };
    let beside_it = |record: &Record| Decision {
        companion: true,
        terms: None,
        ..decision(&sign::beside(record, &task.digest))
    };
    let (repository, digest) = (&task.repository, &task.digest);
    let before =
        standing.decision.as_ref().and_then(Record::read).map(|record| record.companions).unwrap_or_default();
    match record.effect {
        Effect::Allow => {
            // What is looked at again was signed when it was released.
            let first = standing.state != State::Released;
            let companions = match (&core.inner.settings.keys, &carry.read.report) {
                (Some(keys), Some(report)) if first => sign::companions(
                    keys,
                    &Release {
                        image: *digest,
                        media_type: &carry.content.media_type,
                        size: carry.content.size,
                        reference: carry.reference,
                        pulled_as: pulled_as(core, repository),
                        report,
                        record: &record,
                        now: store::now(),
                        knowledge: carry.knowledge,
                    },
                    existing_signatures(core, task).await?.as_deref(),
                )?,
                _ => Vec::new(),
            };
            record.companions = if first { sign::put(store, repository, &companions).await? } else { before };
            let made = record.companions.iter().filter(|_| first);
            let beside = made.map(|companion| (*companion, beside_it(&record))).collect();
            store.release_read(repository, digest, decision(&record), carry.reach.clone(), beside).await?;
            if standing.state != State::Released {
                core.tell(EventKind::Released, task, &record.message);
            }
        }
        Effect::Hold if standing.state == State::Released => {
            // It was released by rules that were in force; what newer ones are unsure of, a person looks at.
            let kept = Record {
                effect: Effect::Allow,
                rule: "kept".to_owned(),
                message: format!("newer rules would hold it ({}): {}", record.rule, record.message),
                companions: before,
                ..record.clone()
            };
            tracing::warn!(key = task.key(), why = record.message, "newer rules would hold what is released");
            store.release_read(repository, digest, decision(&kept), carry.reach.clone(), Vec::new()).await?;
        }
        Effect::Hold => {
            store.hold(repository, digest, decision(&record)).await?;
            core.tell(EventKind::Quarantined, task, &record.message);
        }
        Effect::Deny if standing.state == State::Released => {
            store.revoke(repository, digest, decision(&record)).await?;
            // Nobody is told any more that it is good.
            for companion in before {
                store.revoke(repository, &companion, beside_it(&record)).await?;
            }
            core.tell(EventKind::Revoked, task, &record.message);
        }
        Effect::Deny => {
            store.deny(repository, digest, decision(&record)).await?;
            core.tell(EventKind::Denied, task, &record.message);
        }
    }
    Ok(record)
}

/// What a root reaches: what was read, and what a release would give out.
struct Content {
    media_type: String,
    size: u64,
    manifests: BTreeSet<Digest>,
    blobs: BTreeSet<Digest>,
    /// Whether an image may be among it, by what the manifests say.
    image: bool,
    /// Whether an image among it names a program to start.
    starts: bool,
}

impl Content {
    /// Follows the manifests of a layout, with the parser by which they were taken in.
    async fn of(core: &Core, task: &Task, folder: &Path) -> Result<Self, Trouble> {
        let store = &core.inner.store;
        let root = analysis::manifest(store, &task.repository, &task.digest).await?;
        let mut content = Self {
            media_type: root.media_type().to_owned(),
            size: root.bytes().len() as u64,
            manifests: BTreeSet::from([task.digest]),
            blobs: BTreeSet::new(),
            image: false,
            starts: false,
        };
        let mut queue: Vec<Manifest> = vec![root];
        while let Some(manifest) = queue.pop() {
            content.image |= manifest.kind() == ManifestKind::Image && manifest.layers().is_empty();
            if let Some(config) = manifest.config() {
                content.starts |= start::is_named(&file(folder, &config.digest));
            }
            for link in manifest.links() {
                if !file(folder, &link.digest).exists() {
                    continue;
                }
                if link.kind != store::LinkKind::Manifest {
                    content.blobs.insert(link.digest);
                } else if content.manifests.insert(link.digest) {
                    queue.push(analysis::manifest(store, &task.repository, &link.digest).await?);
                }
            }
        }
        Ok(content)
    }
}

/// Reads every blob: as a layer, or as a document. What neither reader took is unread.
fn read(
    content: &Content,
    folder: &Path,
    settings: pipeline::Settings,
    watched: &Watched,
) -> Result<Read, Trouble> {
    let empty = content.blobs.is_empty();
    let mut documents = BTreeMap::new();
    let mut others = BTreeMap::new();
    for blob in &content.blobs {
        match documents::read(&file(folder, blob)) {
            Ok(document) => drop(documents.insert(*blob, document)),
            Err(what) => drop(others.insert(*blob, what)),
        }
    }
    if others.is_empty() && !content.image && !empty {
        return Ok(Read { report: None, documents, unread: Vec::new(), empty });
    }
    *watched.scan.lock().unwrap_or_else(PoisonError::into_inner) =
        Some((Arc::clone(&settings.watch), others.len() as u64));
    let locator = Locator::Oci { dir: folder.to_owned(), tag: None };
    let report = match pipeline::scan(&locator, &settings) {
        Ok(report) => Some(report),
        // Nothing in it calls itself an image. What is no document in it stays unread.
        Err(pipeline::Error::Open { source: source::Error::NotAnImage { .. }, .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let layers: BTreeSet<Digest> =
        report.iter().flat_map(|report| &report.image.layers).map(|layer| layer.digest).collect();
    let unread = others
        .into_iter()
        .filter(|(blob, _)| !layers.contains(blob))
        .map(|(blob, what)| Unread { blob, what })
        .collect();
    Ok(Read { report, documents, unread, empty })
}

fn file(folder: &Path, digest: &Digest) -> std::path::PathBuf {
    folder.join("blobs").join(digest.algorithm().name()).join(digest.hex())
}

/// The name that an image is judged by: that under which it was asked for, or was judged before.
pub(crate) fn reference(core: &Core, task: &Task, standing: &Standing) -> ImageRef {
    let settings = &core.inner.settings;
    let before = standing.decision.as_ref().and_then(Record::read);
    let before = before.and_then(|record| record.reference.parse::<ImageRef>().ok());
    if let Some(before) = before.filter(|_| task.tags.is_empty()) {
        return before;
    }
    let far = settings.upstreams.far(&task.repository);
    upstream::reference(&task.repository, far.as_ref(), &settings.base_url, task.tags.first(), &task.digest)
}

/// The moment from which content of an upstream is old enough, where that is yet to come.
fn too_young(core: &Core, task: &Task, standing: &Standing) -> Option<i64> {
    let settings = &core.inner.settings;
    let far = settings.upstreams.far(&task.repository)?;
    let age = settings.upstreams.get(&far.upstream)?.minimum_age.unwrap_or(settings.minimum_age);
    let until = standing.first_seen.saturating_add(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    (until > store::now() && standing.state != State::Released).then_some(until)
}

/// The manifest with signatures that lies beside an image already.
async fn existing_signatures(core: &Core, task: &Task) -> Result<Option<Vec<u8>>, Trouble> {
    let store = &core.inner.store;
    let Ok(tag) = attest::signature_tag(&task.digest).parse() else { return Ok(None) };
    let Some(row) = store.tag(&task.repository, &tag).await? else { return Ok(None) };
    // Only our own: somebody else's under this tag is not carried into what we release.
    let released = store.standing(&task.repository, &row.digest).await?;
    if released.is_none_or(|standing| standing.state != State::Released) {
        return Ok(None);
    }
    Ok(Some(analysis::manifest(store, &task.repository, &row.digest).await?.bytes().to_vec()))
}

/// Digest of all that decides: analyzers, rules, feeds, exceptions, the policy, and whether images are run.
pub(crate) fn knowledge(judging: &Judging) -> Digest {
    knowledge_of(judging, &(judging.scan)())
}

fn knowledge_of(judging: &Judging, settings: &pipeline::Settings) -> Digest {
    let runs = judging.detonate.as_ref().map(|(how, which)| (which, how.duration));
    let text = format!(
        "{}\n{}\n{}\n{}\n{runs:?}",
        pipeline::rules_digest(&settings.rules),
        settings.indicators.key(),
        settings.exceptions.identity(settings.today),
        judging.policy.identity(),
    );
    let hash = digest(&SHA256, text.as_bytes());
    Digest::sha256(<[u8; 32]>::try_from(hash.as_ref()).unwrap_or_default())
}
