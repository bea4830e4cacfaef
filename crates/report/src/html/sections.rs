use super::chain::Chain;
use super::detonation::RunView;
use super::evidence::Exhibits;
use super::stack::Stack;
use crate::Catalogue;
use crate::exception::{self, exception_warnings};
use crate::phrase::{self, SEVERITIES, counted, safe, shortened};
use model::{Finding, Report, thousands};

/// Everything that a page says of a report, from the verdict down.
#[derive(askama::Template)]
#[template(path = "sections.html")]
pub(super) struct Sections {
    /// The level of the heading with the verdict, 1 or 2; those below are of the second.
    level: u8,
    verdict: &'static str,
    sign: &'static str,
    reference: String,
    summary: String,
    facts: Vec<(&'static str, String)>,
    chain: Option<Chain>,
    counts: String,
    findings: Vec<Row>,
    more_findings: Option<String>,
    gap_count: String,
    gaps: Vec<(String, String)>,
    more_gaps: Option<String>,
    exceptions: Vec<String>,
    exception_count: String,
    runs: Vec<RunView>,
    not_exercised: Vec<String>,
    stacks: Vec<Stack>,
    coverage: Vec<(&'static str, String)>,
}

/// Its template escapes what it prints.
impl askama::filters::HtmlSafe for Sections {}

/// Findings, and gaps, that one page shows; browsers carry no more with ease.
pub(super) const MOST: usize = 2_000;
/// Pieces of evidence of one finding.
const EVIDENCE: usize = 100;

impl Sections {
    pub(super) fn of(report: &Report, catalogue: Catalogue<'_>, level: u8) -> Self {
        let sorted: Vec<&Finding> = SEVERITIES
            .into_iter()
            .flat_map(|severity| report.findings.iter().filter(move |finding| finding.severity == severity))
            .take(MOST)
            .collect();
        Self {
            level,
            verdict: report.verdict.name(),
            sign: phrase::sign(report.verdict),
            reference: text(&report.image.reference),
            summary: text(&report.summary),
            facts: facts(report),
            chain: Chain::of(report),
            counts: counts(report),
            findings: sorted.iter().map(|finding| row(finding, catalogue)).collect(),
            more_findings: more(report.findings.len()),
            gap_count: counted(report.gaps.len() as u64, "gap"),
            gaps: report.gaps.iter().take(MOST).map(|gap| (text(&gap.what), text(&gap.why))).collect(),
            more_gaps: more(report.gaps.len()),
            exceptions: exception_warnings(report).iter().take(MOST).map(|warning| text(warning)).collect(),
            exception_count: counted(report.exceptions.len() as u64, "exception"),
            runs: RunView::all(report),
            not_exercised: RunView::not_exercised(report),
            stacks: Stack::all(report, &sorted),
            coverage: coverage(report),
        }
    }
}

struct Row {
    severity: &'static str,
    worth: &'static str,
    id: String,
    title: String,
    facts: Vec<(String, String)>,
    exhibits: Exhibits,
    explanation: String,
    advice: Option<&'static str>,
}

pub(super) fn text(raw: &str) -> String {
    shortened(&safe(raw), 2_000).into_owned()
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let axes = &report.axes;
    let mut facts = Vec::new();
    if let Some(digest) = &report.image.digest {
        facts.push(("Digest", digest.to_string()));
    }
    let vulnerable = &axes.vulnerable;
    let known = match (vulnerable.critical, vulnerable.high) {
        (0, 0) => String::new(),
        (critical, high) => format!("{} critical, {} high", thousands(critical), thousands(high)),
    };
    for (name, value) in [
        ("Platforms", report.image.platforms.join(", ")),
        ("Declared purpose", axes.pua.join(", ")),
        ("Hygiene", axes.hygiene.join(", ")),
        ("Vulnerabilities", known),
    ] {
        if !value.is_empty() {
            facts.push((name, text(&value)));
        }
    }
    facts
}

fn counts(report: &Report) -> String {
    let of = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = SEVERITIES.map(|severity| (severity, of(severity)));
    let counts = counts.iter().filter(|(_, count)| *count > 0);
    counts
        .map(|(severity, count)| format!("{} {}", thousands(*count as u64), severity.name()))
        .collect::<Vec<_>>()
        .join(", ")
}

fn row(finding: &Finding, catalogue: Catalogue<'_>) -> Row {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((name.to_owned(), value));
    if let Some(path) = &finding.path {
        fact("path", text(path));
    }
    if let Some(layer) = &finding.layer {
        fact("layer", format!("{} ({})", layer.index, layer.digest.short()));
        if !layer.created_by.is_empty() {
            fact("made by", shortened(&safe(&layer.created_by), 300).into_owned());
        }
    }
    if !finding.platform.is_empty() {
        fact("platform", text(&finding.platform));
    }
    if let Some(reach) = phrase::reach(finding) {
        fact("reach", reach.to_owned());
    }
    let exhibits = Exhibits::of(finding);
    for piece in finding.evidence.iter().filter(|piece| !exhibits.shows(&piece.kind)).take(EVIDENCE) {
        let offset = piece.offset.map(|offset| format!(" at byte {}", thousands(offset))).unwrap_or_default();
        fact(&text(&piece.kind), format!("{}{offset}", text(&piece.value)));
    }
    if let Some(content) = phrase::content(finding) {
        fact("content", content);
    }
    if let Some(axis) = finding.axis {
        fact("axis", axis.name().to_owned());
    }
    if let Some(told) = exception::in_force(finding) {
        fact("exception", text(&told));
    }
    if !finding.techniques.is_empty() {
        fact("ATT&CK", text(&finding.techniques.join(", ")));
    }
    Row {
        severity: finding.severity.name(),
        worth: phrase::worth(finding),
        id: text(&finding.id),
        title: text(&finding.title),
        facts,
        exhibits,
        explanation: text(&finding.explanation),
        advice: catalogue(&finding.id).map(|detection| detection.advice).filter(|advice| !advice.is_empty()),
    }
}

fn coverage(report: &Report) -> Vec<(&'static str, String)> {
    let coverage = &report.coverage;
    let read = if coverage.bytes_read == coverage.bytes {
        format!("all {} bytes ({})", thousands(coverage.bytes), phrase::size(coverage.bytes))
    } else {
        format!("{} of {} bytes", thousands(coverage.bytes_read), thousands(coverage.bytes))
    };
    let timing = &report.timing_ms;
    let mut rows = vec![
        ("Read", read),
        ("Layers", thousands(coverage.layers)),
        ("Files", thousands(coverage.files)),
        ("Time", phrase::duration(timing.total)),
    ];
    if coverage.runs > 0 {
        rows.push(("Runs in the sandbox", thousands(coverage.runs)));
        rows.push(("Events lost", thousands(coverage.events_dropped)));
    }
    rows
}

pub(super) fn more(count: usize) -> Option<String> {
    let rest = count.checked_sub(MOST).filter(|&rest| rest > 0)?;
    Some(format!("… and {} more, which the JSON report holds.", thousands(rest as u64)))
}
