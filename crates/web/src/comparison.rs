use crate::frame::{Frame, Place};
use crate::{State, paths, text};
use model::{Report, Verdict};
use std::collections::HashMap;

/// Two images, by what was found in each.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What it was.
    pub old: Compared,
    /// What it is.
    pub new: Compared,
}

/// One of the two.
#[derive(Debug, Clone)]
pub struct Compared {
    /// Its repository.
    pub repository: String,
    /// Its digest, whole.
    pub digest: String,
    /// How it stands.
    pub state: State,
    /// The report that it was decided by.
    pub report: Report,
}

/// Draws the comparison.
pub fn comparison(frame: &Frame, comparison: &Comparison) -> String {
    let (old, new) = (&comparison.old.report, &comparison.new.report);
    let findings = changes(
        old.findings.iter().map(|finding| (finding_key(finding), Told::finding(finding))),
        new.findings.iter().map(|finding| (finding_key(finding), Told::finding(finding))),
    );
    let layers = changes(
        old.image.layers.iter().map(|layer| ((&layer.platform, layer.digest), Told::layer(layer))),
        new.image.layers.iter().map(|layer| ((&layer.platform, layer.digest), Told::layer(layer))),
    );
    let chain = changes(
        old.chain.iter().map(|step| ((&step.what, &step.finding), Told::step(step))),
        new.chain.iter().map(|step| ((&step.what, &step.finding), Told::step(step))),
    );
    let gaps = changes(
        old.gaps.iter().map(|gap| (gap, Told::gap(gap))),
        new.gaps.iter().map(|gap| (gap, Told::gap(gap))),
    );
    let summary = summary(old.verdict, new.verdict, &findings);
    let sections = vec![
        Part::new("findings", "Findings", findings),
        Part::new("chain", "How it comes about", chain),
        Part::new("layers", "Layers", layers),
        Part::new("gaps", "Not looked at", gaps),
    ];
    text::drawn(&Page { frame, here: Place::Queue, comparison, summary, sections })
}

#[derive(askama::Template)]
#[template(path = "comparison.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    comparison: &'a Comparison,
    summary: String,
    sections: Vec<Part<'a>>,
}

struct Part<'a> {
    id: &'static str,
    heading: &'static str,
    told: String,
    lines: Vec<Line<'a>>,
    more: Option<String>,
}

struct Line<'a> {
    change: Change,
    told: Told<'a>,
}

/// What became of something, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    New,
    Gone,
    Same,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Gone => "gone",
            Self::Same => "same",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::New => "+",
            Self::Gone => "−",
            Self::Same => "=",
        }
    }
}

/// A line in words.
#[derive(Debug, Clone, Copy)]
struct Told<'a> {
    severity: Option<&'static str>,
    name: &'a str,
    code: &'a str,
    place: &'a str,
}

impl<'a> Told<'a> {
    fn finding(finding: &'a model::Finding) -> Self {
        let place = finding.path.as_deref().unwrap_or_default();
        Self { severity: Some(finding.severity.name()), name: &finding.title, code: &finding.id, place }
    }

    fn layer(layer: &'a model::LayerSummary) -> Self {
        Self { severity: None, name: "", code: &layer.created_by, place: &layer.platform }
    }

    fn step(step: &'a model::ChainStep) -> Self {
        Self {
            severity: None,
            name: &step.what,
            code: step.finding.as_deref().unwrap_or_default(),
            place: "",
        }
    }

    fn gap(gap: &'a model::Gap) -> Self {
        Self { severity: None, name: &gap.why, code: "", place: &gap.what }
    }
}

impl<'a> Part<'a> {
    fn new(id: &'static str, heading: &'static str, mut lines: Vec<Line<'a>>) -> Self {
        let count = |change| lines.iter().filter(|line| line.change == change).count() as u64;
        let told = [Change::New, Change::Gone, Change::Same]
            .map(|change| format!("{} {}", model::thousands(count(change)), change.name()))
            .join(", ");
        let more = text::more(&lines);
        lines.truncate(text::MOST);
        Self { id, heading, told, lines, more }
    }
}

/// The same finding in two images: what it says, and where, whatever layer brought it.
fn finding_key(finding: &model::Finding) -> (&str, &str, Option<&str>) {
    (&finding.id, &finding.platform, finding.path.as_deref())
}

/// What is new, gone, and the same. What is there twice counts as often as it is there.
fn changes<'a, K: Eq + std::hash::Hash>(
    old: impl Iterator<Item = (K, Told<'a>)>,
    new: impl Iterator<Item = (K, Told<'a>)>,
) -> Vec<Line<'a>> {
    let mut before: HashMap<K, Vec<(usize, Told<'a>)>> = HashMap::new();
    for (at, (key, told)) in old.enumerate() {
        before.entry(key).or_default().push((at, told));
    }
    let mut lines = Vec::new();
    for (key, told) in new {
        let was_there = before.get_mut(&key).and_then(Vec::pop).is_some();
        lines.push(Line { change: if was_there { Change::Same } else { Change::New }, told });
    }
    let mut gone: Vec<(usize, Told<'a>)> = before.into_values().flatten().collect();
    gone.sort_by_key(|(at, _)| *at);
    lines.extend(gone.into_iter().map(|(_, told)| Line { change: Change::Gone, told }));
    lines.sort_by_key(|line| line.change);
    lines
}

fn summary(old: Verdict, new: Verdict, findings: &[Line<'_>]) -> String {
    let added = findings.iter().filter(|line| line.change == Change::New).count() as u64;
    let verdict = if old == new { format!("Both are {new}") } else { format!("It was {old} and is {new}") };
    format!("{verdict}; the new image has {} that the old one had not.", text::counted(added, "finding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(old: &[&'static str], new: &[&'static str], expect: &[(&str, &str)]) {
        let told = |name: &'static str| (name, Told { severity: None, name, code: "", place: "" });
        let lines = changes(old.iter().copied().map(told), new.iter().copied().map(told));
        let found: Vec<_> = lines.iter().map(|line| (line.change.sign(), line.told.name)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn what_came_stands_first() {
        check(&[], &[], &[]);
        check(&["a", "b"], &["b", "c"], &[("+", "c"), ("−", "a"), ("=", "b")]);
        check(&["a"], &["a", "a"], &[("+", "a"), ("=", "a")]);
        check(&["z", "a", "a"], &[], &[("−", "z"), ("−", "a"), ("−", "a")]);
    }
}
