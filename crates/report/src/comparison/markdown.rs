use super::{baseline_warnings, beside, counts, package, sign, states, subject, totals};
use crate::markdown::{SHOWN, code, more, prose};
use crate::phrase::{safe, shortened};
use model::{Change, Comparison, Severity};
use std::io;

/// Writes Markdown for a comment on a pull request. No text of an image begins a line, so none can begin a block.
/// What is low is folded away.
pub(super) fn render(comparison: &Comparison, out: &mut dyn io::Write) -> io::Result<()> {
    let (sign, word) = sign(comparison);
    writeln!(out, "### {sign} {word}: {}\n", code(&short(&comparison.new.reference)))?;
    writeln!(out, "{}\n", prose(&short(&comparison.summary)))?;
    for (name, side) in [("Old", &comparison.old), ("New", &comparison.new)] {
        let digest = side.digest.map(|digest| format!(" {}", code(&digest.to_string()))).unwrap_or_default();
        let signed = match side.signed {
            Some(true) => ", signed",
            Some(false) => ", not signed",
            None => "",
        };
        let reference = code(&short(&side.reference));
        writeln!(out, "**{name}.** {reference}{digest}: {}{signed}\\", side.verdict.name())?;
    }
    writeln!(
        out,
        "**Changes.** {}\n",
        if comparison.worst().is_none() { "none".to_owned() } else { counts(comparison) }
    )?;
    let (low, rest): (Vec<&Change>, Vec<&Change>) =
        comparison.counting().partition(|change| change.severity == Severity::Low);
    table(&rest, out)?;
    if !low.is_empty() {
        folded(&format!("{} of low severity", model::thousands(low.len() as u64)), out)?;
        table(&low, out)?;
        writeln!(out, "</details>\n")?;
    }
    if !comparison.packages.is_empty() {
        folded(&format!("{} packages changed", model::thousands(comparison.packages.len() as u64)), out)?;
        for change in comparison.packages.iter().take(SHOWN) {
            writeln!(out, "- {}", prose(&short(&package(change))))?;
        }
        more(comparison.packages.len(), "- ", out)?;
        writeln!(out, "\n</details>\n")?;
    }
    list("Not compared", comparison.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)), "◌", out)?;
    list("Baseline entries to remove", baseline_warnings(comparison).into_iter(), "○", out)?;
    for platform in comparison.platforms.iter().take(SHOWN) {
        writeln!(out, "*{}.*\\", prose(&short(&totals(platform))))?;
    }
    let accepted = comparison.changes.len() - comparison.counting().count();
    writeln!(out, "*{} accepted by the baseline.*", model::thousands(accepted as u64))
}

fn short(text: &str) -> String {
    shortened(&safe(text), 200).into_owned()
}

fn table(changes: &[&Change], out: &mut dyn io::Write) -> io::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    writeln!(out, "| Severity | Change | Where | What |")?;
    writeln!(out, "|:--|:--|:--|:--|")?;
    for change in changes.iter().take(SHOWN) {
        let name = beside(change).map(|name| format!("<br>{}", code(&short(name)))).unwrap_or_default();
        writeln!(
            out,
            "| **{}** | {}{name} | {} | {} |",
            change.severity.name(),
            change.kind.name(),
            place(change),
            what(change)
        )?;
    }
    writeln!(out)?;
    more(changes.len(), "", out)
}

fn place(change: &Change) -> String {
    let mut parts = vec![code(&short(subject(change)))];
    if let Some(from) = &change.moved_from {
        parts.push(format!("from {}", code(&short(from))));
    }
    if let Some(layer) = &change.layer {
        let created_by = short(&layer.created_by);
        let made = if created_by.is_empty() { String::new() } else { format!(": {}", code(&created_by)) };
        parts.push(format!("layer {}{made}", layer.index));
    }
    if !change.platform.is_empty() {
        parts.push(prose(&short(&change.platform)));
    }
    parts.join("<br>")
}

fn what(change: &Change) -> String {
    let mut parts = vec![prose(&short(&change.what))];
    if let Some(reached) = &change.reached {
        parts.push(format!("reached: {}", prose(&short(reached))));
    }
    parts.extend(states(change).into_iter().map(|(name, value)| format!("{name} {}", code(&short(&value)))));
    parts.join("<br>")
}

fn folded(title: &str, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<details><summary>{title}</summary>\n")
}

fn list(
    title: &str,
    items: impl ExactSizeIterator<Item = String>,
    mark: &str,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let count = items.len();
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "#### {title}\n")?;
    for item in items.take(SHOWN) {
        writeln!(out, "- {mark} {}", prose(&short(&item)))?;
    }
    more(count, "- ", out)?;
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn text(comparison: &Comparison) -> String {
        let mut out = Vec::new();
        render(comparison, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn changes_in_markdown() {
        insta::assert_snapshot!(text(&sample::changes()));
    }

    #[test]
    fn the_attacker_adds_no_line_no_cell_and_no_block() {
        let hostile = text(&sample::hostile());
        for line in hostile.lines().filter(|line| line.starts_with('|')) {
            assert_eq!(line.matches('|').count(), 5, "{line}");
        }
        assert!(!hostile.contains("<script") && !hostile.contains("](") && !hostile.contains("```"));
    }

    #[test]
    fn a_comment_stays_short() {
        let mut many = sample::hostile();
        let (change, package) = (many.changes[1].clone(), many.packages[0].clone());
        many.changes.extend(vec![change; 1000]);
        many.packages.extend(vec![package; 1000]);
        assert!(text(&many).len() < 200_000, "{}", text(&many).len());
        let mut many = sample::changes();
        let change = many.changes[1].clone();
        many.changes.extend(vec![change; 1000]);
        assert!(text(&many).len() < 65_536);
    }
}
