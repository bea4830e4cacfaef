mod chain;
mod detonation;
mod stack;

use crate::Catalogue;
use crate::exception::{self, exception_warnings};
use crate::phrase::{self, SEVERITIES, counted, safe, shortened};
use askama::Template as _;
use base64::Engine as _;
use chain::Chain;
use detonation::RunView;
use model::{Finding, Report, thousands};
use sha2::{Digest as _, Sha256};
use stack::Stack;
use std::io;

/// Writes one HTML file that needs nothing else: no script, no font, no picture from anywhere. Its policy
/// allows a single style sheet, by hash, so that even a text which slipped past the escaping could neither
/// load nor run anything.
pub(crate) fn render(report: &Report, catalogue: Catalogue<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let sorted: Vec<&Finding> = SEVERITIES
        .into_iter()
        .flat_map(|severity| report.findings.iter().filter(move |finding| finding.severity == severity))
        .take(MOST)
        .collect();
    let page = Page {
        css: CSS,
        css_hash: base64::engine::general_purpose::STANDARD.encode(Sha256::digest(CSS)),
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
        version: text(&report.tool.version),
        rules: text(&report.tool.rules),
        feeds: report.tool.feeds.iter().map(|feed| text(feed)).collect(),
    };
    page.write_into(out).map_err(io::Error::other)?;
    writeln!(out)
}

/// Findings, and gaps, that one page shows; browsers carry no more with ease.
const MOST: usize = 2_000;

const CSS: &str = include_str!("../templates/report.css");

#[derive(askama::Template)]
#[template(path = "report.html")]
struct Page {
    css: &'static str,
    css_hash: String,
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
    version: String,
    rules: String,
    feeds: Vec<String>,
}

struct Row {
    severity: &'static str,
    worth: &'static str,
    id: String,
    title: String,
    facts: Vec<(String, String)>,
    explanation: String,
    advice: Option<&'static str>,
}

fn text(raw: &str) -> String {
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
    for piece in &finding.evidence {
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

fn more(count: usize) -> Option<String> {
    let rest = count.checked_sub(MOST).filter(|&rest| rest > 0)?;
    Some(format!("… and {} more, which the JSON report holds.", thousands(rest as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    fn html(report: &Report) -> String {
        let mut out = Vec::new();
        render(report, &sample::catalogue, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The elements of a page with the names of their attributes, in order.
    fn structure(page: &str) -> Vec<(String, Vec<String>)> {
        let mut reader = Reader::from_str(page);
        reader.config_mut().check_end_names = false;
        let mut elements = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) | Event::Empty(start) => {
                    let attributes = start.html_attributes().map(|attribute| attribute.unwrap());
                    let names = attributes.map(|attribute| attribute.key.as_ref().to_owned()).collect();
                    elements.push((start.name().as_ref().to_owned(), names));
                }
                Event::Comment(_) | Event::CData(_) | Event::PI(_) => panic!("injected"),
                Event::Eof => return elements,
                _ => {}
            }
        }
    }

    #[test]
    fn the_miner_in_html() {
        let page = html(&sample::miner());
        insta::assert_snapshot!(page.replace(CSS, "…"));
    }

    #[test]
    fn exceptions_stand_at_their_finding_and_below() {
        let page = html(&sample::excepted());
        for told in
            ["under an exception", "accepted by platform team until 2027-01-31", "is unused", "expired on"]
        {
            assert!(page.contains(told), "{told}");
        }
    }

    #[test]
    fn texts_are_texts_and_nothing_else() {
        let mut elements = structure(&html(&sample::miner()));
        elements.extend(structure(&html(&sample::detonated())));
        let allowed: std::collections::HashSet<_> = elements.iter().collect();
        for element in structure(&html(&sample::hostile())) {
            assert!(allowed.contains(&element), "{element:?}");
        }
        let page = html(&sample::hostile());
        assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
        assert!(!page.chars().any(|character| character != '\n' && model::is_hidden(character)));
    }

    #[test]
    fn the_page_needs_nothing_from_outside() {
        assert!(!CSS.contains("url(") && !CSS.contains("@import"));
        for report in [sample::miner(), sample::clean(), sample::hostile()] {
            let elements = structure(&html(&report));
            assert!(elements.len() > 20);
            for (element, attributes) in elements {
                assert!(
                    !["script", "link", "iframe", "object", "img", "base"].contains(&element.as_str()),
                    "{element}"
                );
                for name in attributes {
                    assert!(
                        !["src", "style", "srcset", "action"].contains(&name.as_str()),
                        "{name} of {element}"
                    );
                    assert!(!name.starts_with("on"), "{name} of {element}");
                }
            }
        }
    }

    #[test]
    fn the_policy_names_the_style_sheet_that_stands_there() {
        let page = html(&sample::miner());
        let (_, rest) = page.split_once("<style>").unwrap();
        let (sheet, _) = rest.split_once("</style>").unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(sheet));
        assert!(page.contains(&format!("style-src 'sha256-{hash}'; base-uri 'none'")));
    }

    #[test]
    fn a_link_leads_to_a_finding_that_is_there() {
        let page = html(&sample::miner());
        let links: Vec<_> =
            page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(links.len(), 3);
        for link in links {
            assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
        }
    }

    #[test]
    fn long_reports_are_cut_and_counted() {
        let page = html(&sample::many(3_000));
        assert!(page.contains("and 1,004 more, which the JSON report holds"));
        assert_eq!(page.matches("<tr id=\"finding-").count(), MOST);
    }
}
