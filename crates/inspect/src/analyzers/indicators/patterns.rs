use super::checks::{Removed, Told, is_executed};
use super::{LISTED_PATTERN, as_context, capped};
use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageView, Outcome, Want};
use feeds::PatternSet;
use layers::{Entry, Kind, Place};
use model::{Gap, Severity};
use serde::{Deserialize, Serialize};

/// Largest file in which patterns are looked for; a larger one is a gap.
const MAX_FILE: u64 = 128 << 20;

/// Byte patterns that a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternFacts {
    /// Feed and name of each with a line feed between, and where it is.
    pub found: Vec<(String, u64)>,
    /// Whether looking was given up before the end.
    pub cut: bool,
}

/// Looks for the byte patterns of imported feeds. Unlike all other file analyzers it depends on what was
/// imported, so whoever keeps its facts keeps them by the digest of the set too.
#[derive(Debug)]
pub struct Patterns<'s>(pub &'s PatternSet);

impl FileAnalyzer for Patterns<'_> {
    fn name(&self) -> &'static str {
        "patterns"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        if entry.kind == Kind::File && !head.is_empty() && self.0.wants(head) {
            Want::Whole(MAX_FILE)
        } else {
            Want::Nothing
        }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let mut found = Vec::new();
        let cut = self.0.find(file.bytes, &mut found).is_err();
        if cut || !found.is_empty() {
            facts.push(Fact::Patterns(PatternFacts { found, cut }));
        }
        Ok(())
    }
}

/// One finding for each file that holds patterns.
pub(super) fn found_in_files(image: &ImageView<'_>, out: &mut Outcome) {
    let removed = Removed::of(image);
    let mut told = Told::default();
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, _, fact) in layer.facts.all() {
            let Fact::Patterns(facts) = fact else { continue };
            let place = Place { layer: number, entry };
            if facts.cut {
                out.gaps.push(gap(image, place));
            }
            if facts.found.is_empty() {
                continue;
            }
            let names =
                || facts.found.iter().map(|(name, at)| (name.split_once('\n').unwrap_or(("", name)), *at));
            let shown: Vec<&str> = names().map(|((_, name), _)| name).collect();
            let feed = names().map(|((feed, _), _)| feed).next().unwrap_or_default();
            let explanation = format!("It holds what {feed} recognises as {}.", shown.join(", "));
            let mut finding = image.finding_at(&LISTED_PATTERN, explanation, place);
            for ((feed, name), at) in names() {
                finding = finding.with_evidence("pattern", &format!("{name} ({feed})"), Some(at));
            }
            // The gravest feed among those that recognise something decides.
            let severity = names().filter_map(|((feed, _), _)| image.indicators.severity_of(feed)).max();
            finding = capped(finding, severity.unwrap_or(Severity::Low));
            if out.reaches(image, place) {
                finding.reachable = Some(true);
            } else if !is_executed(image, place) || !image.tree.is_live(place) {
                finding = as_context(finding);
            }
            told.tell(removed.mark(image, finding, place), out);
        }
    }
}

fn gap(image: &ImageView<'_>, place: Place) -> Gap {
    let path = image.tree.entry(place).map(|entry| model::escape_bytes(entry.path)).unwrap_or_default();
    Gap::new(
        format!("{}, layer {}, /{path}", image.platform, place.layer),
        "patterns: it holds so many beginnings of listed patterns that looking at each was given up",
    )
}
