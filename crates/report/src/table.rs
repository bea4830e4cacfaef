pub(crate) mod page;
mod runs;

use crate::exception::{self, exception_warnings};
use crate::phrase::{self, SEVERITIES, safe, shortened};
use crate::{Catalogue, Style};
use model::{Finding, Report, Severity};
use page::{Ink, Page};
use std::io;

/// Writes the table for people: the verdict first, then how the harm comes about, then what was found, what
/// was not looked at, and how much was.
pub(crate) fn render(
    report: &Report,
    style: Style,
    catalogue: Catalogue<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut page = Page::new(out, style.color, style.width);
    let text = Texts { verbose: style.verbose };
    head(&mut page, report, text)?;
    chain(&mut page, report, text)?;
    findings(&mut page, report, text, catalogue)?;
    runs::write(&mut page, report, text)?;
    gaps(&mut page, report, text)?;
    exceptions(&mut page, report, text)?;
    beside(&mut page, report, text)?;
    page.gap()?;
    page.hanging("", "", Ink::Faint, &format!("{}.", phrase::coverage(report)))
}

/// How many findings of one severity are shown unless all are asked for.
const SHOWN: usize = 20;

/// Makes the report's texts fit for a page: safe, and of bearable length unless all of it is asked for.
#[derive(Clone, Copy)]
struct Texts {
    verbose: bool,
}

impl Texts {
    fn of(self, text: &str) -> String {
        let text = without_commands(&safe(text));
        if self.verbose { text } else { shortened(&text, 400).into_owned() }
    }

    fn shown(self, count: usize) -> usize {
        if self.verbose { count } else { count.min(SHOWN) }
    }
}

/// A build server reads what its steps print: Azure Pipelines and GitHub obey `##vso[…]` and `##[…]` wherever
/// they stand in a line. A file name must not set a pipeline's variables.
pub(crate) fn without_commands(text: &str) -> String {
    text.replace("##", "#\\u{23}")
}

fn head(page: &mut Page<'_>, report: &Report, text: Texts) -> io::Result<()> {
    let mark = format!("{} {}", phrase::sign(report.verdict), report.verdict.name().to_uppercase());
    page.title(Ink::of_verdict(report.verdict), &mark, &text.of(&report.image.reference), "")?;
    page.gap()?;
    page.hanging("  ", "  ", Ink::Plain, &text.of(&report.summary))?;
    page.gap()?;
    if let Some(digest) = &report.image.digest {
        page.row(2, "digest", Ink::Faint, &digest.to_string())?;
    }
    if !report.image.platforms.is_empty() {
        page.row(2, "platforms", Ink::Faint, &text.of(&report.image.platforms.join(", ")))?;
    }
    Ok(())
}

fn chain(page: &mut Page<'_>, report: &Report, text: Texts) -> io::Result<()> {
    if report.chain.is_empty() {
        return Ok(());
    }
    page.heading(Ink::Strong, "How it comes about")?;
    for (depth, step) in report.chain.iter().enumerate() {
        let mut what = text.of(&step.what);
        if let Some(finding) = &step.finding {
            what = format!("{what}  [{}]", text.of(finding));
        }
        // A long chain stops moving to the right before it runs out of page.
        let indent = "   ".repeat(depth.saturating_sub(1).min(7));
        let (first, rest) = if depth == 0 {
            ("  ".to_owned(), "  ".to_owned())
        } else {
            (format!("  {indent}└─ "), format!("  {indent}   "))
        };
        page.hanging(&first, &rest, Ink::Plain, &what)?;
    }
    Ok(())
}

fn findings(page: &mut Page<'_>, report: &Report, text: Texts, catalogue: Catalogue<'_>) -> io::Result<()> {
    if report.findings.is_empty() {
        return Ok(());
    }
    let of = |severity| report.findings.iter().filter(move |finding| finding.severity == severity);
    let counts: Vec<_> = SEVERITIES
        .into_iter()
        .map(|severity| (severity, of(severity).count()))
        .filter(|&(_, count)| count > 0)
        .collect();
    let sum =
        counts.iter().map(|(severity, count)| format!("{count} {}", severity.name())).collect::<Vec<_>>();
    page.heading(Ink::Strong, &format!("Findings: {}", sum.join(", ")))?;
    let several = report.image.platforms.len() > 1;
    for (severity, count) in counts {
        let shown = text.shown(count);
        for finding in of(severity).take(shown) {
            page.gap()?;
            self::finding(page, finding, several, text, catalogue)?;
        }
        if shown < count {
            page.gap()?;
            let rest =
                format!("… and {} more (--format json shows all)", model::thousands((count - shown) as u64));
            page.hanging("  ", "  ", Ink::Faint, &rest)?;
        }
    }
    Ok(())
}

fn finding(
    page: &mut Page<'_>,
    finding: &Finding,
    several: bool,
    text: Texts,
    catalogue: Catalogue<'_>,
) -> io::Result<()> {
    const INDENT: usize = 4;
    let mark = format!("  {} {}", mark(finding.severity), finding.severity.name().to_uppercase());
    let note = format!("{} · {}", phrase::worth(finding), finding.class.name());
    let title = format!("{}  {}", text.of(&finding.id), text.of(&finding.title));
    page.title(Ink::of_severity(finding.severity), &mark, &title, &note)?;
    if let Some(path) = &finding.path {
        page.row(INDENT, "path", Ink::Strong, &text.of(path))?;
    }
    if let Some(layer) = &finding.layer {
        let platform = if several { format!(" of {}", text.of(&finding.platform)) } else { String::new() };
        page.row(
            INDENT,
            "layer",
            Ink::Plain,
            &format!("{}{platform} ({})", layer.index, layer.digest.short()),
        )?;
        if !layer.created_by.is_empty() {
            page.row(INDENT, "made by", Ink::Faint, &text.of(&layer.created_by))?;
        }
    } else if several && !finding.platform.is_empty() {
        page.row(INDENT, "platform", Ink::Plain, &text.of(&finding.platform))?;
    }
    if let Some(reach) = phrase::reach(finding) {
        page.row(INDENT, "reach", Ink::Plain, reach)?;
    }
    for (at, piece) in finding.evidence.iter().enumerate() {
        let offset =
            piece.offset.map(|offset| format!(" at byte {}", model::thousands(offset))).unwrap_or_default();
        let name = if at == 0 { "evidence" } else { "" };
        page.row(
            INDENT,
            name,
            Ink::Plain,
            &format!("{} {}{offset}", text.of(&piece.kind), text.of(&piece.value)),
        )?;
    }
    if text.verbose
        && let Some(content) = phrase::content(finding)
    {
        page.row(INDENT, "content", Ink::Faint, &content)?;
    }
    if let Some(axis) = finding.axis {
        page.row(INDENT, "axis", Ink::Plain, axis.name())?;
    }
    if let Some(exception) = exception::in_force(finding) {
        page.row(INDENT, "exception", Ink::Strong, &text.of(&exception))?;
    }
    if !finding.explanation.is_empty() {
        page.row(INDENT, "why", Ink::Plain, &text.of(&finding.explanation))?;
    }
    match catalogue(&finding.id) {
        Some(detection) if !detection.advice.is_empty() => {
            page.row(INDENT, "advice", Ink::Plain, detection.advice)
        }
        _ => Ok(()),
    }
}

pub(crate) fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "✖",
        Severity::High => "▲",
        Severity::Medium => "●",
        Severity::Low => "○",
    }
}

fn gaps(page: &mut Page<'_>, report: &Report, text: Texts) -> io::Result<()> {
    if report.gaps.is_empty() {
        return Ok(());
    }
    page.heading(
        Ink::Strong,
        &format!("Not looked at: {}", phrase::counted(report.gaps.len() as u64, "gap")),
    )?;
    let shown = text.shown(report.gaps.len());
    for gap in report.gaps.iter().take(shown) {
        page.hanging("  ◌ ", "    ", Ink::Plain, &format!("{}: {}", text.of(&gap.what), text.of(&gap.why)))?;
    }
    if shown < report.gaps.len() {
        let rest = model::thousands((report.gaps.len() - shown) as u64);
        page.hanging("    ", "    ", Ink::Faint, &format!("… and {rest} more (--format json shows all)"))?;
    }
    Ok(())
}

/// How many exceptions were given, and those that need somebody's hand.
fn exceptions(page: &mut Page<'_>, report: &Report, text: Texts) -> io::Result<()> {
    if report.exceptions.is_empty() {
        return Ok(());
    }
    let count = report.exceptions.len();
    let warnings = exception_warnings(report);
    let used = model::thousands((count - warnings.len()) as u64);
    page.heading(Ink::Strong, &format!("Exceptions: {used} of {} used", model::thousands(count as u64)))?;
    let shown = text.shown(warnings.len());
    for warning in warnings.iter().take(shown) {
        page.hanging("  ○ ", "    ", Ink::Plain, &text.of(warning))?;
    }
    if shown < warnings.len() {
        let rest = model::thousands((warnings.len() - shown) as u64);
        page.hanging("    ", "    ", Ink::Faint, &format!("… and {rest} more (--format json shows all)"))?;
    }
    Ok(())
}

/// What stands beside the verdict, where anything does.
fn beside(page: &mut Page<'_>, report: &Report, text: Texts) -> io::Result<()> {
    let axes = &report.axes;
    let vulnerable = &axes.vulnerable;
    let rows = [
        ("declared", axes.pua.join(", ")),
        ("hygiene", axes.hygiene.join(", ")),
        (
            "vulnerable",
            match (vulnerable.critical, vulnerable.high) {
                (0, 0) => String::new(),
                (critical, high) => {
                    format!("{} critical, {} high", model::thousands(critical), model::thousands(high))
                }
            },
        ),
    ];
    if rows.iter().all(|(_, value)| value.is_empty()) {
        return Ok(());
    }
    page.heading(Ink::Strong, "Beside the verdict")?;
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        page.row(2, name, Ink::Plain, &text.of(value))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    pub(crate) fn text(report: &Report, style: Style) -> String {
        let mut out = Vec::new();
        render(report, style, &sample::catalogue, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_miner_is_told_from_the_verdict_down() {
        insta::assert_snapshot!(text(&sample::miner(), Style::default()));
    }

    #[test]
    fn exceptions_are_shown_where_they_hold_and_warned_of_where_they_do_not() {
        insta::assert_snapshot!(text(&sample::excepted(), Style { verbose: true, ..Style::default() }));
    }

    #[test]
    fn runs_are_shown_with_their_processes_and_connections() {
        insta::assert_snapshot!(text(&sample::detonated(), Style::default()));
    }

    #[test]
    fn a_clean_image_is_four_lines() {
        insta::assert_snapshot!(text(&sample::clean(), Style::default()));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for report in
            [sample::miner(), sample::excepted(), sample::detonated(), sample::hostile(), sample::many(30)]
        {
            for width in [40, 60, 80, 200] {
                for line in text(&report, Style { width, verbose: true, color: false }).lines() {
                    let columns = unicode_width::UnicodeWidthStr::width(line);
                    assert!(columns <= width, "{columns} > {width}: {line}");
                }
            }
        }
    }

    #[test]
    fn nothing_raw_reaches_the_terminal() {
        let plain = text(&sample::hostile(), Style { verbose: true, ..Style::default() });
        assert!(!plain.chars().any(|character| character != '\n' && model::is_hidden(character)));
        assert!(plain.contains("\\u{1b}[2J") && plain.contains("gnp.\\u{202e}cod"));
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let colored = text(&sample::hostile(), Style { color: true, ..Style::default() });
        let mut plain = String::new();
        for (at, piece) in colored.split("\u{1b}[").enumerate() {
            plain += if at == 0 { piece } else { piece.split_once('m').unwrap().1 };
        }
        assert_eq!(plain, text(&sample::hostile(), Style::default()));
        assert_ne!(plain, colored);
    }

    #[test]
    fn long_lists_are_cut_and_counted_and_told_whole_on_request() {
        let report = sample::many(29);
        let short = text(&report, Style::default());
        assert!(short.contains("… and 11 more (--format json shows all)"), "{short}");
        assert!(!short.contains("tool00028"));
        assert!(text(&report, Style { verbose: true, ..Style::default() }).contains("tool00028"));
    }
}
