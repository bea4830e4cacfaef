use crate::decode::Step;
use crate::{Fact, LayerFacts, Signs, StageFacts};
use layers::{Entry, Place, Tree};
use model::{Detection, Digest, Finding, Gap, ImageConfig, ImageRef, LayerRef, Platform};
use packages::Ownership;

/// Reads single files. Every file is read once and shown to all file analyzers; what they learn is kept by
/// layer and analyzer version, so it may depend on nothing but the entry and its bytes.
pub trait FileAnalyzer: Sync {
    /// Stable name, part of the cache key.
    fn name(&self) -> &'static str;

    /// Raised whenever the same bytes would give other facts.
    fn version(&self) -> u32;

    /// The gate: cheap, without allocation or regular expressions. `head` holds the first bytes of the file,
    /// up to 4 KiB.
    fn wants(&self, entry: &Entry, head: &[u8]) -> Want;

    /// Whether it also reads what is decoded out of files. Who asks what a file is because of its place, as
    /// with a package database, must not: whoever can write a text there could write another file into it.
    fn reads_stages(&self) -> bool {
        true
    }

    /// How it searches a file that is too large to be held, where a part of it says something without the rest. Then
    /// [`FileAnalyzer::analyze`] is not asked about that file. `head` is what the gate sees.
    fn search(&self, entry: &Entry, head: &[u8]) -> Option<Box<dyn Search>> {
        let _ = (entry, head);
        None
    }

    /// Learns from one file.
    ///
    /// # Errors
    /// A sentence saying why the file could not be read; it becomes a gap with path and layer.
    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String>;
}

/// How much of a file an analyzer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing.
    Nothing,
    /// As much as is at hand: all of an ordinary file, the first 64 KiB of a large one.
    AtHand,
    /// All of it, up to this many bytes; a larger file is a gap.
    Whole(u64),
}

/// Searches one large file while it passes.
pub trait Search {
    /// Looks at the next part.
    fn look(&mut self, part: &Part<'_>);

    /// Notes what was found. `head` is the beginning of the file, all that is still at hand.
    ///
    /// # Errors
    /// A sentence saying what a search cannot tell of such a file; it becomes a gap.
    fn finish(self: Box<Self>, head: &FileView<'_>, facts: &mut FactSink) -> Result<(), String>;
}

/// A part of a file.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Line on which it begins, the first is 1.
    pub line: u32,
    /// Whether it is the end of one part and the beginning of the next, shown for what lies across.
    pub seam: bool,
}

/// One file in an analyzer's hands.
#[derive(Debug, Clone, Copy)]
pub struct FileView<'a> {
    /// Its entry.
    pub entry: &'a Entry,
    /// Its bytes from the start.
    pub bytes: &'a [u8],
    /// Whether `bytes` is all of it.
    pub whole: bool,
    /// How `bytes` were decoded out of the file, first step first; empty for the file itself. The entry is
    /// always that of the file, its size included.
    pub stages: &'a [Step],
    /// Which of the words that analyzers look for are in `bytes`; any of them where it is no text.
    pub signs: Signs,
}

/// Collects the facts about one file, or about one stage that was decoded out of it.
#[derive(Debug, Default)]
pub struct FactSink {
    facts: Vec<Fact>,
    stage: Option<u16>,
}

impl FactSink {
    /// A sink for the facts about a stage, told apart by its number.
    pub fn of_stage(number: u16) -> Self {
        Self { facts: Vec::new(), stage: Some(number) }
    }

    /// Notes a fact.
    pub fn push(&mut self, fact: Fact) {
        self.facts.push(match self.stage {
            Some(stage) => Fact::Staged { stage, fact: Box::new(fact) },
            None => fact,
        });
    }

    /// What was noted.
    pub fn into_facts(self) -> Vec<Fact> {
        self.facts
    }
}

/// Judges the image as a whole, from facts. Cheap and pure: it runs again whenever a rule, a feed, the name or
/// one layer changes, while files are read only once.
pub trait ImageAnalyzer: Sync {
    /// Stable name.
    fn name(&self) -> &'static str;

    /// Raised whenever the same image would give other findings.
    fn version(&self) -> u32;

    /// Every finding it can make.
    fn detections(&self) -> &'static [Detection];

    /// Adds findings, gaps and chain steps.
    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome);
}

/// What image analyzers conclude.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What was found.
    pub findings: Vec<Finding>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// What the start of the image runs, in order: the raw paths with what to say of each. Only the `start`
    /// analyzer writes it; `reached` is asked by the others, which run after it.
    pub chain: Vec<Reached>,
    /// Whether an analyzer failed, so that what it says is not worth keeping.
    pub failed: bool,
}

impl Outcome {
    /// Whether the start of the image certainly leads to the content at a place. What hangs on a daemon that
    /// nothing was seen to start is not meant: see [`Outcome::way_to`].
    pub fn reaches(&self, image: &ImageView<'_>, place: Place) -> bool {
        self.way_to(image, place).is_some_and(|reached| reached.certain)
    }

    /// How the content at a place is reached, from the surest root that leads to it, certain or not.
    pub fn way_to(&self, image: &ImageView<'_>, place: Place) -> Option<&Reached> {
        let content = image.tree.content(place);
        let mut ways = self.chain.iter().filter(|reached| image.tree.content(reached.place) == content);
        let first = ways.next()?;
        if first.certain { Some(first) } else { ways.find(|reached| reached.certain).or(Some(first)) }
    }

    /// The files to which the start of the image certainly leads.
    pub fn certain(&self) -> impl Iterator<Item = &Reached> {
        self.chain.iter().filter(|reached| reached.certain)
    }
}

/// One file that the start of the image, or something that starts by itself in it, leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Where it lies in the merged tree, in normal form, links resolved.
    pub path: Vec<u8>,
    /// Its place.
    pub place: Place,
    /// How it is reached, for people: `ENTRYPOINT python3 /dao.py`, `line 12 of /dao.py runs it`.
    pub how: String,
    /// Index in the chain of what leads to it; none for the start itself.
    pub from: Option<usize>,
    /// Whether it is left running behind what starts it.
    pub background: bool,
    /// What starts the way to it.
    pub root: crate::Root,
    /// Whether that root is seen to start: always for the configuration of the image, for cron only where the
    /// start leads to a cron daemon.
    pub certain: bool,
}

/// One platform of an image, as image analyzers see it.
#[derive(Debug)]
pub struct ImageView<'a> {
    /// The name it was asked for by, where it has one.
    pub name: Option<&'a ImageRef>,
    /// Its platform, as the index or configuration says.
    pub platform: &'a Platform,
    /// Its configuration.
    pub config: &'a ImageConfig,
    /// Its layers, bottom first.
    pub layers: &'a [LayerView<'a>],
    /// The merged tree over these layers.
    pub tree: &'a Tree<'a>,
    /// What is odd about the merge, as (layer, anomaly).
    pub merge_anomalies: &'a [(usize, layers::Anomaly)],
    /// Which package owns which path.
    pub ownership: &'a Ownership,
    /// What it is compared with: built-in hashes and the feeds that a person chose.
    pub indicators: &'a feeds::Indicators,
    /// Digests under which it can be asked for: of its index, manifest and configuration.
    pub digests: &'a [Digest],
}

/// One layer, as image analyzers see it.
#[derive(Debug, Clone)]
pub struct LayerView<'a> {
    /// What its bytes hash to as transported, computed here.
    pub digest: Digest,
    /// The instruction that made it, as the history claims; raw.
    pub created_by: &'a str,
    /// What was learned from it.
    pub facts: &'a LayerFacts,
    /// Where its manifest or configuration says something else than its bytes.
    pub declared: &'a [layers::Anomaly],
}

impl<'a> ImageView<'a> {
    /// The facts about the file at a place, its hard link's target included: first those about the file itself,
    /// then those about what was decoded out of it.
    pub fn facts(&self, place: Place) -> impl Iterator<Item = &'a Fact> + use<'a> {
        let place = self.tree.content(place);
        let layer = self.layers.get(place.layer as usize).map(|layer| layer.facts);
        layer.into_iter().flat_map(move |facts| facts.of(place.entry))
    }

    /// The same facts, each with the stage that it is about; none for the file itself.
    pub fn staged_facts(
        &self,
        place: Place,
    ) -> impl Iterator<Item = (Option<&'a StageFacts>, &'a Fact)> + use<'a> {
        let place = self.tree.content(place);
        let layer = self.layers.get(place.layer as usize).map(|layer| layer.facts);
        layer.into_iter().flat_map(move |facts| facts.staged(place.entry))
    }

    /// A finding about a fact of [`ImageView::staged_facts`]: where it is about a stage, its evidence says how
    /// to get there.
    pub fn finding_in(
        &self,
        detection: &Detection,
        explanation: impl Into<String>,
        place: Place,
        stage: Option<&StageFacts>,
    ) -> Finding {
        let finding = self.finding_at(detection, explanation, place);
        match stage {
            Some(stage) => finding.with_evidence("decoded", &stage.to_string(), None),
            None => finding,
        }
    }

    /// A finding about the image as a whole.
    pub fn finding(&self, detection: &Detection, explanation: impl Into<String>) -> Finding {
        let mut finding = Finding::of(detection, explanation);
        finding.platform = self.platform.to_string();
        finding
    }

    /// A finding about the entry at a place, with its layer and path.
    pub fn finding_at(&self, detection: &Detection, explanation: impl Into<String>, place: Place) -> Finding {
        let mut finding = self.finding(detection, explanation);
        finding.layer = self.layer_ref(place.layer as usize);
        let hashes = self.tree.entry(self.tree.content(place)).and_then(|entry| entry.hashes);
        finding.content = hashes.map(|hashes| Digest::sha256(hashes.sha256));
        match self.tree.entry(place) {
            Some(entry) => finding.at_path(entry.path),
            None => finding,
        }
    }

    /// How findings point to a layer.
    pub fn layer_ref(&self, index: usize) -> Option<LayerRef> {
        let layer = self.layers.get(index)?;
        Some(LayerRef { index, digest: layer.digest, created_by: model::escape_text(layer.created_by) })
    }
}
