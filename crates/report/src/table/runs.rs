use super::{Ink, Page, Texts};
use crate::runs::{self, time};
use model::{Report, thousands};
use std::io;

/// What running the image showed: each run in a line, the processes as a tree, whom they spoke to, and what was not
/// run.
pub(super) fn write(page: &mut Page<'_>, report: &Report, text: Texts) -> io::Result<()> {
    let Some(detonation) = &report.detonation else { return Ok(()) };
    page.heading(Ink::Strong, "What it did in the sandbox")?;
    let shown = runs::shown(detonation);
    for (at, run) in detonation.runs.iter().enumerate() {
        let line = format!("{}: {}", text.of(&run.name), text.of(&runs::sentence(run)));
        page.hanging("  ", "  ", Ink::Plain, &line)?;
        if !shown.contains(&at) {
            continue;
        }
        let tree = runs::tree(detonation, at);
        let most = text.shown(tree.len());
        for (depth, process) in tree.iter().take(most) {
            let indent = "  ".repeat((*depth).min(8));
            let mark = if *depth == 0 { "" } else { "└ " };
            let origin = match process.origin.as_str() {
                "image" | "unknown" => String::new(),
                other => format!("  [{}]", text.of(other)),
            };
            let line = format!("{}{origin}", text.of(&process.command));
            let rest = " ".repeat(mark.chars().count());
            page.hanging(&format!("    {indent}{mark}"), &format!("    {indent}{rest}"), Ink::Plain, &line)?;
        }
        if most < tree.len() {
            let rest = thousands((tree.len() - most) as u64);
            page.hanging("    ", "    ", Ink::Faint, &format!("… and {rest} more processes"))?;
        }
        let flows = runs::flows(detonation, at);
        let most = text.shown(flows.len());
        for flow in flows.iter().take(most) {
            let said =
                if flow.said.is_empty() { String::new() } else { format!(": {}", text.of(&flow.said)) };
            let who = runs::program(detonation, flow);
            let line = format!(
                "after {}{} to {}:{} {} ({} bytes out, {} in){said}",
                time(flow.milliseconds),
                who.map(|who| format!(" {}", text.of(who))).unwrap_or_default(),
                text.of(&flow.host),
                flow.port,
                text.of(&flow.protocol),
                thousands(flow.sent),
                thousands(flow.received)
            );
            page.hanging("    → ", "      ", Ink::Plain, &line)?;
        }
        if most < flows.len() {
            let rest = thousands((flows.len() - most) as u64);
            page.hanging("    ", "    ", Ink::Faint, &format!("… and {rest} more connections"))?;
        }
    }
    for sentence in detonation.not_exercised.iter().take(text.shown(detonation.not_exercised.len())) {
        page.hanging("  ◌ ", "    ", Ink::Faint, &format!("not exercised: {}", text.of(sentence)))?;
    }
    for sentence in &detonation.limitations {
        page.hanging("  ◌ ", "    ", Ink::Faint, &format!("not possible here: {}", text.of(sentence)))?;
    }
    Ok(())
}
