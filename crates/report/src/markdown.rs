mod escape;

use crate::Catalogue;
use crate::exception::{self, exception_warnings};
use crate::phrase::{self, SEVERITIES, safe, shortened};
use crate::runs;
pub(crate) use escape::{code, prose};
use model::{Finding, Report};
use std::io;

/// Writes Markdown for a comment on a pull request, short enough for GitHub's limit of 65,536 characters in
/// all but the most hostile cases. No text of the image begins a line, so none can begin a block.
pub(crate) fn render(report: &Report, catalogue: Catalogue<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let sign = phrase::sign(report.verdict);
    let verdict = report.verdict.name();
    writeln!(out, "### {sign} {verdict}: {}\n", code(&short(&report.image.reference)))?;
    writeln!(out, "**Verdict.** {}\n", prose(&short(&report.summary)))?;
    if let Some(digest) = &report.image.digest {
        writeln!(out, "**Digest.** {}\\", code(&digest.to_string()))?;
    }
    let platforms = if report.image.platforms.is_empty() {
        "none named".to_owned()
    } else {
        prose(&short(&report.image.platforms.join(", ")))
    };
    writeln!(out, "**Platforms.** {platforms}\n")?;
    chain(report, out)?;
    findings(report, catalogue, out)?;
    runs(report, out)?;
    gaps(report, out)?;
    exceptions(report, out)?;
    writeln!(out, "*Coverage: {}.*", prose(&phrase::coverage(report)))
}

/// Rows and list items of one kind that a comment shows.
pub(crate) const SHOWN: usize = 40;

fn short(text: &str) -> String {
    shortened(&safe(text), 240).into_owned()
}

fn chain(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    if report.chain.is_empty() {
        return Ok(());
    }
    writeln!(out, "#### How it comes about\n")?;
    for (at, step) in report.chain.iter().take(SHOWN).enumerate() {
        let finding =
            step.finding.as_deref().map(|id| format!(" ({})", code(&short(id)))).unwrap_or_default();
        writeln!(out, "{}. *{}:* {}{finding}", at + 1, step.stage.name(), prose(&short(&step.what)))?;
    }
    more(report.chain.len(), "- ", out)?;
    writeln!(out)
}

fn findings(report: &Report, catalogue: Catalogue<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    if report.findings.is_empty() {
        return Ok(());
    }
    writeln!(out, "#### Findings\n")?;
    writeln!(out, "| Severity | Finding | Where | Why, and what to do |")?;
    writeln!(out, "|:--|:--|:--|:--|")?;
    let sorted = SEVERITIES
        .into_iter()
        .flat_map(|severity| report.findings.iter().filter(move |finding| finding.severity == severity));
    for finding in sorted.take(SHOWN) {
        let advice =
            catalogue(&finding.id).map(|detection| detection.advice).filter(|advice| !advice.is_empty());
        writeln!(
            out,
            "| **{}**<br>{} | {}<br>{} | {} | {}{}{} |",
            finding.severity.name(),
            phrase::worth(finding),
            code(&short(&finding.id)),
            prose(&short(&finding.title)),
            place(finding),
            prose(&short(&finding.explanation)),
            exception::in_force(finding)
                .map(|told| format!("<br>{}", prose(&short(&told))))
                .unwrap_or_default(),
            advice.map(|advice| format!("<br>*{}*", prose(advice))).unwrap_or_default(),
        )?;
    }
    writeln!(out)?;
    more(report.findings.len(), "", out)
}

fn place(finding: &Finding) -> String {
    let mut parts = Vec::new();
    if let Some(path) = &finding.path {
        parts.push(code(&short(path)));
    }
    if let Some(layer) = &finding.layer {
        let created_by = short(&layer.created_by);
        let made = if created_by.is_empty() { String::new() } else { format!(": {}", code(&created_by)) };
        parts.push(format!("layer {}{made}", layer.index));
    }
    if !finding.platform.is_empty() {
        parts.push(prose(&short(&finding.platform)));
    }
    for piece in finding.evidence.iter().take(5) {
        parts.push(format!("{} {}", prose(&short(&piece.kind)), code(&short(&piece.value))));
    }
    if parts.is_empty() { "the image as a whole".to_owned() } else { parts.join("<br>") }
}

/// What running the image showed: each run, and whom it spoke to.
fn runs(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(detonation) = &report.detonation else { return Ok(()) };
    writeln!(out, "#### What it did in the sandbox\n")?;
    for run in detonation.runs.iter().take(SHOWN) {
        writeln!(out, "- *{}:* {}", prose(&short(&run.name)), prose(&short(&runs::sentence(run))))?;
    }
    writeln!(out)?;
    if !detonation.network.is_empty() {
        writeln!(out, "| Run | When | Spoke to | Protocol | Out | In | Said |")?;
        writeln!(out, "|:--|--:|:--|:--|--:|--:|:--|")?;
        for flow in detonation.network.iter().take(SHOWN) {
            let name = detonation.runs.get(flow.run).map_or("", |run| run.name.as_str());
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                prose(&short(name)),
                runs::time(flow.milliseconds),
                code(&short(&format!("{}:{}", flow.host, flow.port))),
                prose(&short(&flow.protocol)),
                model::thousands(flow.sent),
                model::thousands(flow.received),
                code(&short(&flow.said))
            )?;
        }
        writeln!(out)?;
    }
    let not = detonation.not_exercised.iter().chain(&detonation.limitations);
    for sentence in not.take(SHOWN) {
        writeln!(out, "- not exercised: {}", prose(&short(sentence)))?;
    }
    writeln!(out)
}

fn gaps(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    if report.gaps.is_empty() {
        return Ok(());
    }
    writeln!(out, "#### Not looked at\n")?;
    for gap in report.gaps.iter().take(SHOWN) {
        writeln!(out, "- ◌ {}: {}", code(&short(&gap.what)), prose(&short(&gap.why)))?;
    }
    more(report.gaps.len(), "- ", out)?;
    writeln!(out)
}

fn exceptions(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let warnings = exception_warnings(report);
    if warnings.is_empty() {
        return Ok(());
    }
    writeln!(out, "#### Exceptions to look after\n")?;
    for warning in warnings.iter().take(SHOWN) {
        writeln!(out, "- ○ {}", prose(&short(warning)))?;
    }
    more(warnings.len(), "- ", out)?;
    writeln!(out)
}

/// Says how many rows or items beyond [`SHOWN`] there are.
pub(crate) fn more(count: usize, lead: &str, out: &mut dyn io::Write) -> io::Result<()> {
    if count > SHOWN {
        let rest = model::thousands((count - SHOWN) as u64);
        writeln!(out, "{lead}… and {rest} more (`--format json` shows all)")?;
        if lead.is_empty() {
            writeln!(out)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        render(report, &sample::catalogue, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_miner_in_markdown() {
        insta::assert_snapshot!(text(&sample::miner()));
    }

    #[test]
    fn the_attacker_adds_no_line_no_cell_and_no_block() {
        let hostile = text(&sample::hostile());
        let mut harmless = sample::excepted();
        harmless.detonation = sample::detonated().detonation;
        if let Some(detonation) = &mut harmless.detonation {
            detonation.limitations.push("the other list".to_owned());
        }
        let harmless = text(&harmless);
        assert_eq!(hostile.lines().count(), harmless.lines().count());
        for (line, model) in hostile.lines().zip(harmless.lines()).filter(|(line, _)| line.starts_with('|')) {
            assert_eq!(line.matches('|').count(), model.matches('|').count(), "{line}");
        }
        let ours =
            ["#", "**", "*Coverage", "|", "- ◌", "- ○", "1. *", "2. *", "3. *", "- *", "- not exercised: "];
        for line in hostile.lines().filter(|line| !line.is_empty()) {
            assert!(ours.iter().any(|start| line.starts_with(start)), "{line}");
        }
    }

    #[test]
    fn exceptions_in_markdown() {
        insta::assert_snapshot!(text(&sample::excepted()));
    }

    #[test]
    fn a_comment_stays_short() {
        assert!(text(&sample::many(100_000)).len() < 65_536);
        assert!(text(&sample::many(100)).contains("… and 64 more"));
    }
}
