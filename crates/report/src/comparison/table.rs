use super::{baseline_warnings, beside, counts, package, sign, states, subject, totals};
use crate::Style;
use crate::phrase::{self, SEVERITIES, safe, shortened};
use crate::table::page::{Ink, Page};
use crate::table::{mark, without_commands};
use model::{Change, ChangeKind, Comparison, LayerRef, Severity, Side};
use std::io;

/// Writes the comparison for people: the sum first, then what came in, the most dangerous first and by the layer
/// that brought it, then packages in a line each.
pub(super) fn render(comparison: &Comparison, style: Style, out: &mut dyn io::Write) -> io::Result<()> {
    let mut page = Page::new(out, style.color, style.width);
    let text = Texts { verbose: style.verbose };
    let (mark, word) = sign(comparison);
    let ink = match comparison.worst() {
        Some(severity) => Ink::of_severity(severity),
        None if !comparison.gaps.is_empty() => Ink::Unknown,
        None => Ink::Good,
    };
    page.title(ink, &format!("{mark} {}", word.to_uppercase()), &text.of(&comparison.new.reference), "")?;
    page.gap()?;
    page.hanging("  ", "  ", Ink::Plain, &text.of(&comparison.summary))?;
    page.gap()?;
    side(&mut page, "old", &comparison.old, text)?;
    side(&mut page, "new", &comparison.new, text)?;
    for platform in &comparison.platforms {
        page.row(2, "files", Ink::Faint, &text.of(&totals(platform)))?;
    }
    changes(&mut page, comparison, text)?;
    packages(&mut page, comparison, text)?;
    gaps(&mut page, comparison, text)?;
    baseline(&mut page, comparison, text)
}

/// How many of one kind are shown unless all are asked for.
const SHOWN: usize = 20;

#[derive(Clone, Copy)]
struct Texts {
    verbose: bool,
}

impl Texts {
    fn of(self, text: &str) -> String {
        let text = without_commands(&safe(text));
        if self.verbose { text } else { shortened(&text, 300).into_owned() }
    }

    fn shown(self, count: usize) -> usize {
        if self.verbose { count } else { count.min(SHOWN) }
    }

    fn more(self, page: &mut Page<'_>, count: usize) -> io::Result<()> {
        let shown = self.shown(count);
        if shown == count {
            return Ok(());
        }
        let rest = model::thousands((count - shown) as u64);
        page.hanging("    ", "    ", Ink::Faint, &format!("… and {rest} more (--verbose shows all)"))
    }
}

fn side(page: &mut Page<'_>, name: &str, side: &Side, text: Texts) -> io::Result<()> {
    let digest = side.digest.map(|digest| format!(" ({})", digest.short())).unwrap_or_default();
    let signed = match side.signed {
        Some(true) => ", signed",
        Some(false) => ", not signed",
        None => "",
    };
    let line = format!("{}{digest}: {}{signed}", text.of(&side.reference), side.verdict.name());
    page.row(2, name, Ink::Plain, &line)
}

fn changes(page: &mut Page<'_>, comparison: &Comparison, text: Texts) -> io::Result<()> {
    if comparison.worst().is_none() {
        return Ok(());
    }
    page.heading(Ink::Strong, &format!("What changed: {}", counts(comparison)))?;
    let several = comparison.platforms.len() > 1;
    for severity in SEVERITIES {
        let all: Vec<&Change> = comparison.counting().filter(|change| change.severity == severity).collect();
        if severity == Severity::Low && !text.verbose {
            return low(page, &all);
        }
        let mut layer: Option<Option<&LayerRef>> = None;
        for change in all.iter().take(text.shown(all.len())) {
            if layer != Some(change.layer.as_ref()) {
                layer = Some(change.layer.as_ref());
                page.gap()?;
                heading(page, change.layer.as_ref(), text)?;
            }
            self::change(page, change, several, text)?;
        }
        text.more(page, all.len())?;
    }
    Ok(())
}

fn heading(page: &mut Page<'_>, layer: Option<&LayerRef>, text: Texts) -> io::Result<()> {
    let line = match layer {
        Some(layer) if layer.created_by.is_empty() => {
            format!("layer {} ({})", layer.index, layer.digest.short())
        }
        Some(layer) => {
            format!("layer {} ({}) {}", layer.index, layer.digest.short(), text.of(&layer.created_by))
        }
        None => "the image as a whole".to_owned(),
    };
    page.hanging("  ", "  ", Ink::Faint, &line)
}

fn change(page: &mut Page<'_>, change: &Change, several: bool, text: Texts) -> io::Result<()> {
    const INDENT: usize = 6;
    let severity = change.severity;
    let lead = format!("    {} {}", mark(severity), severity.name().to_uppercase());
    let title = match beside(change) {
        Some(name) => format!("{}  {}  {}", change.kind.name(), text.of(name), text.of(subject(change))),
        None => format!("{}  {}", change.kind.name(), text.of(subject(change))),
    };
    let note = if several { text.of(&change.platform) } else { String::new() };
    page.title(Ink::of_severity(severity), &lead, &title, &note)?;
    page.row(INDENT, "what", Ink::Plain, &text.of(&change.what))?;
    if let Some(from) = &change.moved_from {
        page.row(INDENT, "from", Ink::Plain, &text.of(from))?;
    }
    if let Some(reached) = &change.reached {
        page.row(INDENT, "reached", Ink::Strong, &text.of(reached))?;
    }
    for (name, value) in states(change) {
        page.row(INDENT, name, Ink::Faint, &text.of(&value))?;
    }
    Ok(())
}

/// What is hardly worth a look is counted by kind.
fn low(page: &mut Page<'_>, all: &[&Change]) -> io::Result<()> {
    let counts: Vec<String> = ChangeKind::ALL
        .into_iter()
        .map(|kind| (kind, all.iter().filter(|change| change.kind == kind).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{} {}", model::thousands(count as u64), kind.name()))
        .collect();
    if counts.is_empty() {
        return Ok(());
    }
    page.gap()?;
    let line = format!("{} (--verbose shows them)", counts.join(", "));
    page.hanging("    ○ LOW  ", "           ", Ink::Plain, &line)
}

fn packages(page: &mut Page<'_>, comparison: &Comparison, text: Texts) -> io::Result<()> {
    let all = &comparison.packages;
    if all.is_empty() {
        return Ok(());
    }
    page.heading(Ink::Strong, &format!("Packages: {}", phrase::counted(all.len() as u64, "change")))?;
    for change in all.iter().take(text.shown(all.len())) {
        page.hanging("    ", "    ", Ink::Plain, &text.of(&package(change)))?;
    }
    text.more(page, all.len())
}

fn gaps(page: &mut Page<'_>, comparison: &Comparison, text: Texts) -> io::Result<()> {
    let all = &comparison.gaps;
    if all.is_empty() {
        return Ok(());
    }
    page.heading(Ink::Strong, &format!("Not compared: {}", phrase::counted(all.len() as u64, "gap")))?;
    for gap in all.iter().take(text.shown(all.len())) {
        page.hanging("  ◌ ", "    ", Ink::Plain, &format!("{}: {}", text.of(&gap.what), text.of(&gap.why)))?;
    }
    text.more(page, all.len())
}

fn baseline(page: &mut Page<'_>, comparison: &Comparison, text: Texts) -> io::Result<()> {
    if comparison.baseline.is_empty() {
        return Ok(());
    }
    let warnings = baseline_warnings(comparison);
    let accepted = comparison.changes.len() - comparison.counting().count();
    let counted = phrase::counted(accepted as u64, "change");
    page.heading(Ink::Strong, &format!("Baseline: {counted} accepted"))?;
    for warning in warnings.iter().take(text.shown(warnings.len())) {
        page.hanging("  ○ ", "    ", Ink::Plain, &text.of(warning))?;
    }
    text.more(page, warnings.len())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn text(comparison: &Comparison, style: Style) -> String {
        let mut out = Vec::new();
        render(comparison, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_came_in_is_told_by_danger_and_by_layer() {
        insta::assert_snapshot!(text(&sample::changes(), Style::default()));
    }

    #[test]
    fn nothing_new_is_short() {
        insta::assert_snapshot!(text(&sample::nothing(), Style::default()));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for comparison in [sample::changes(), sample::hostile()] {
            for width in [40, 60, 80, 200] {
                for line in text(&comparison, Style { width, verbose: true, color: false }).lines() {
                    let columns = unicode_width::UnicodeWidthStr::width(line);
                    assert!(columns <= width, "{columns} > {width}: {line}");
                }
            }
        }
    }

    #[test]
    fn what_is_low_is_shown_on_request() {
        let shown =
            |verbose| text(&sample::changes(), Style { verbose, ..Style::default() }).contains("/opt/app");
        assert!(!shown(false) && shown(true));
    }
}
