use cache::Cache;
use feeds::Indicators;
use inspect::analyzers::endpoints::Endpoints;
use inspect::analyzers::indicators::{Listed, Patterns};
use inspect::{FileAnalyzer, Progress, Sums};
use model::{Detection, Digest};
use sha2::{Digest as _, Sha256};
use source::{Image, Opened};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use yara::RuleSet;

/// What to judge an image with, and within which means.
#[derive(Debug)]
pub struct Settings {
    /// How images are opened; its flag for cancelling ends every stage.
    pub source: source::Options,
    /// The budget of one layer.
    pub limits: layers::Limits,
    /// Layers that are read at once, and threads that hash and analyze.
    pub jobs: usize,
    /// Where facts and verdicts are kept; none for a scan that keeps nothing and believes nothing kept.
    pub cache: Option<Cache>,
    /// What images are compared with: built-in hashes and imported feeds.
    pub indicators: Indicators,
    /// The content rules that files are held against.
    pub rules: RuleSet,
    /// What a person has looked at and accepts.
    pub exceptions: verdict::Exceptions,
    /// The day on which exceptions are looked at. It comes from outside, so that a report stays a function of what
    /// it is made from.
    pub today: model::Date,
    /// Whether the hosts that programs and scripts name are read, which only a comparison asks for.
    pub endpoints: bool,
    /// How images are run; none for a scan that only reads.
    pub detonate: Option<crate::Detonate>,
    /// What is going on, for whoever shows it.
    pub watch: Arc<Watch>,
}

impl Settings {
    pub(crate) fn cancelled(&self) -> &AtomicBool {
        &self.source.cancelled
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.source.cancelled.load(Ordering::Relaxed)
    }

    /// The hashes of files that the feeds ask for.
    pub(crate) fn sums(&self) -> Sums {
        Sums { every_md5: self.indicators.needs_md5(), sha1: self.indicators.needs_sha1() }
    }

    /// Everything that reads single files, with the patterns of [`Settings::patterns`]. Who reads layers reads them with
    /// these and no others: facts are kept under a key that says so, and the next reader believes it.
    pub(crate) fn file_analyzers<'a>(
        &'a self,
        patterns: Option<&'a Patterns<'_>>,
    ) -> Vec<&'a dyn FileAnalyzer> {
        let mut analyzers: Vec<&dyn FileAnalyzer> = inspect::file_analyzers().to_vec();
        analyzers.extend(self.rules.file_analyzers());
        analyzers.extend(self.mentions());
        analyzers.extend(self.endpoints());
        analyzers.extend(patterns.map(|patterns| patterns as &dyn FileAnalyzer));
        analyzers
    }

    /// What reads the names in texts, where a feed asks for any: reading them costs, and nobody else needs them.
    pub(crate) fn mentions(&self) -> Option<&'static dyn FileAnalyzer> {
        self.indicators.has_texts().then_some(&Listed)
    }

    /// What reads the hosts that programs and scripts name, where they are asked for.
    pub(crate) fn endpoints(&self) -> Option<&'static dyn FileAnalyzer> {
        self.endpoints.then_some(&Endpoints)
    }

    /// What looks for the byte patterns of feeds, where there are any. It stands beside the other file analyzers,
    /// as it comes and goes with the feeds.
    pub(crate) fn patterns(&self) -> Option<Patterns<'_>> {
        self.indicators.patterns().map(Patterns)
    }
}

/// What is going on. Written by the flow, read by whoever shows progress.
#[derive(Debug, Default)]
pub struct Watch {
    /// What has been read.
    pub progress: Progress,
    /// Bytes of layers that are to be read, as declared.
    pub expected: AtomicU64,
    stage: Mutex<&'static str>,
}

impl Watch {
    /// The stage in a few words.
    pub fn stage(&self) -> &'static str {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn say(&self, stage: &'static str) {
        *self.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    pub(crate) fn expect(&self, opened: &Opened) {
        let declared =
            opened.images.iter().flat_map(|image| &image.layers).filter_map(|layer| layer.size).sum();
        self.expected.store(declared, Ordering::Relaxed);
    }

    /// The layers of one image are read once more.
    pub(crate) fn expect_again(&self, image: &Image) {
        let declared = image.layers.iter().filter_map(|layer| layer.size).sum();
        self.expected.fetch_add(declared, Ordering::Relaxed);
    }
}

/// Every finding that any stage can make.
pub fn known_detections() -> Vec<&'static Detection> {
    let mut all = inspect::detections();
    all.extend(yara::detections());
    all.extend(crate::transport::DETECTIONS);
    all.extend(detonate::detections());
    all
}

/// Digest over everything that decides what is found, but for feeds: analyzers, their versions, the detections, and
/// content rules, brought ones among them. Kept facts and verdicts are good only as long as it stays.
pub fn rules_digest(rules: &RuleSet) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(env!("CARGO_PKG_VERSION"));
    add(&file_analyzers_id(rules));
    for analyzer in inspect::image_analyzers() {
        add(&format!("{}@{}", analyzer.name(), analyzer.version()));
    }
    add(&format!("controls@{}", inspect::controls::VERSION));
    for detection in known_detections() {
        add(&format!("{detection:?}"));
    }
    Digest::sha256(hash.finalize().into()).to_string()
}

/// The file analyzers with their versions, and the content rules: what the facts of a layer depend on besides its bytes
/// and patterns.
pub(crate) fn file_analyzers_id(rules: &RuleSet) -> String {
    let names = inspect::file_analyzers().iter().map(|analyzer| id(*analyzer));
    names.chain([rules.identity()]).collect::<Vec<_>>().join(" ")
}

/// What facts depend on besides, because feeds or a comparison ask for it; empty where none does.
pub(crate) fn feeds_id(settings: &Settings) -> String {
    let patterns = settings.patterns().map(|patterns| format!("{} {}", id(&patterns), patterns.0.digest()));
    settings
        .mentions()
        .map(id)
        .into_iter()
        .chain(settings.endpoints().map(id))
        .chain(patterns)
        .collect::<Vec<_>>()
        .join(" ")
}

fn id(analyzer: &dyn FileAnalyzer) -> String {
    format!("{}@{}", analyzer.name(), analyzer.version())
}
