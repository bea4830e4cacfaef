use crate::Catalogue;
use crate::phrase::{self, safe, shortened};
use model::{Finding, Report, Role, Verdict};
use std::fmt::Write as _;
use std::io;

/// Writes JUnit XML as CI systems read it: the verdict is the first case and passes only where it is clean;
/// findings that count against the image are failures, gaps are errors, and what only explains passes with a
/// note. A clean image has no failure, whatever was found in it that does not count.
pub(crate) fn render(report: &Report, catalogue: Catalogue<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let counts = |finding: &Finding| {
        report.verdict != Verdict::Clean && finding.role != Role::Context && finding.exception.is_none()
    };
    let name = xml(&report.image.reference);
    let tests = 1 + report.findings.len() + report.gaps.len();
    let of_verdict = |verdicts: &[Verdict]| usize::from(verdicts.contains(&report.verdict));
    let failures = report.findings.iter().filter(|finding| counts(finding)).count()
        + of_verdict(&[Verdict::Suspicious, Verdict::Malicious]);
    let errors = report.gaps.len() + of_verdict(&[Verdict::Incomplete]);
    let time = report.timing_ms.total as f64 / 1000.0;
    let totals = format!(r#"tests="{tests}" failures="{failures}" errors="{errors}" time="{time:.3}""#);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="roadstead" {totals}>"#)?;
    writeln!(out, r#"  <testsuite name="{name}" {totals}>"#)?;
    writeln!(out, "    <properties>")?;
    for (key, value) in [
        ("verdict", report.verdict.name().to_owned()),
        ("digest", report.image.digest.map(|digest| digest.to_string()).unwrap_or_default()),
        ("platforms", report.image.platforms.join(", ")),
        ("version", report.tool.version.clone()),
    ] {
        writeln!(out, r#"      <property name="{key}" value="{}"/>"#, xml(&value))?;
    }
    writeln!(out, "    </properties>")?;
    let summary = xml(&report.summary);
    let verdict = match report.verdict {
        Verdict::Clean => Outcome::Passed { note: summary },
        Verdict::Incomplete => Outcome::Error { kind: "incomplete", text: summary },
        Verdict::Suspicious => Outcome::Failure { kind: "suspicious", message: String::new(), text: summary },
        Verdict::Malicious => Outcome::Failure { kind: "malicious", message: String::new(), text: summary },
    };
    case(out, "roadstead.verdict", "the verdict is clean", &verdict)?;
    for finding in &report.findings {
        let place = finding.path.as_deref().map(|path| format!(" at {}", shortened(&safe(path), 300)));
        let title = xml(&format!("{} {}{}", finding.id, finding.title, place.unwrap_or_default()));
        let message = xml(&finding.explanation);
        let text = details(finding, catalogue);
        let outcome = if counts(finding) {
            Outcome::Failure { kind: finding.severity.name(), message, text }
        } else {
            Outcome::Passed { note: format!("{message}\n{text}") }
        };
        let class = format!("roadstead.{}.{}", finding.stage.name(), finding.class.name().to_lowercase());
        case(out, &class, &title, &outcome)?;
    }
    for gap in &report.gaps {
        let name = xml(&format!("{} was looked at", gap.what));
        case(out, "roadstead.coverage", &name, &Outcome::Error { kind: "gap", text: xml(&gap.why) })?;
    }
    writeln!(out, "    <system-out>{}.</system-out>", xml(&phrase::coverage(report)))?;
    writeln!(out, "  </testsuite>")?;
    writeln!(out, "</testsuites>")
}

/// How a case went; texts are XML already.
enum Outcome {
    Passed { note: String },
    Failure { kind: &'static str, message: String, text: String },
    Error { kind: &'static str, text: String },
}

fn case(out: &mut dyn io::Write, class: &str, name: &str, outcome: &Outcome) -> io::Result<()> {
    writeln!(out, r#"    <testcase classname="{class}" name="{name}">"#)?;
    match outcome {
        Outcome::Passed { note } => writeln!(out, "      <system-out>{note}</system-out>")?,
        Outcome::Failure { kind, message, text } => {
            let message = if message.is_empty() { text } else { message };
            writeln!(out, r#"      <failure type="{kind}" message="{message}">{text}</failure>"#)?;
        }
        Outcome::Error { kind, text } => {
            writeln!(out, r#"      <error type="{kind}" message="{text}">{text}</error>"#)?;
        }
    }
    writeln!(out, "    </testcase>")
}

fn details(finding: &Finding, catalogue: Catalogue<'_>) -> String {
    let mut text = format!("{}, {}", finding.severity.name(), phrase::worth(finding));
    if !finding.platform.is_empty() {
        let _ = write!(text, "\nplatform: {}", xml(&finding.platform));
    }
    if let Some(layer) = &finding.layer {
        let created_by = xml(&shortened(&safe(&layer.created_by), 300));
        let _ = write!(text, "\nlayer: {} ({}) {created_by}", layer.index, layer.digest);
    }
    if let Some(reach) = phrase::reach(finding) {
        let _ = write!(text, "\nreach: {reach}");
    }
    if let Some(told) = crate::exception::in_force(finding) {
        let _ = write!(text, "\nexception: {}", xml(&told));
    }
    for piece in &finding.evidence {
        let _ = write!(text, "\n{}: {}", xml(&piece.kind), xml(&shortened(&safe(&piece.value), 300)));
    }
    if let Some(detection) = catalogue(&finding.id).filter(|detection| !detection.advice.is_empty()) {
        let _ = write!(text, "\nadvice: {}", xml(detection.advice));
    }
    text
}

/// A text as XML content or attribute value. What XML 1.0 forbids even as a character reference becomes a
/// visible escape: one such character makes a strict reader drop the whole report.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in safe(text).chars() {
        match character {
            // Two in a row begin a command to some build servers, should the report be printed.
            '#' if out.ends_with('#') => out.push_str("&#35;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use quick_xml::events::Event;
    use quick_xml::{Reader, XmlVersion};

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        render(report, &sample::catalogue, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// Reads the whole document with a strict reader and counts its elements.
    fn count(document: &str, name: &str) -> usize {
        let mut reader = Reader::from_str(document);
        reader.config_mut().enable_all_checks(true);
        let mut found = 0;
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    found += usize::from(start.name().as_ref() == name);
                    for attribute in start.attributes() {
                        attribute.unwrap().normalized_value(XmlVersion::Explicit1_0).unwrap();
                    }
                }
                Event::Comment(_) | Event::CData(_) | Event::DocType(_) | Event::PI(_) => panic!("injected"),
                Event::Eof => return found,
                _ => {}
            }
        }
    }

    fn check(report: &Report, cases: usize, failures: usize, errors: usize) {
        let document = text(report);
        let found = ["testcase", "failure", "error"].map(|name| count(&document, name));
        assert_eq!(found, [cases, failures, errors]);
        assert!(document.contains(&format!(r#"tests="{cases}" failures="{failures}" errors="{errors}""#)));
    }

    #[test]
    fn the_counts_are_true() {
        check(&sample::clean(), 1, 0, 0);
        check(&sample::miner(), 6, 3, 1);
        check(&sample::hostile(), 6, 3, 1);
        let mut excepted = sample::miner();
        excepted.findings[0].exception = sample::excepted().findings[3].exception.clone();
        check(&excepted, 6, 2, 1);
        let incomplete =
            Report { verdict: Verdict::Incomplete, gaps: sample::miner().gaps, ..sample::clean() };
        check(&incomplete, 2, 0, 2);
        let slight = Report { verdict: Verdict::Clean, gaps: Vec::new(), ..sample::miner() };
        check(&slight, 5, 0, 0);
    }

    #[test]
    fn nothing_that_xml_forbids_gets_in() {
        let document = text(&sample::hostile());
        let forbidden = |character: char| {
            character != '\n' && (model::is_hidden(character) || matches!(character, '\u{fffe}' | '\u{ffff}'))
        };
        assert!(!document.chars().any(forbidden));
        assert!(!document.contains("]]>") && document.contains("]]&gt;") && document.contains("\\u{fffe}"));
    }

    #[test]
    fn the_miner_in_junit() {
        insta::assert_snapshot!(text(&sample::miner()));
    }
}
