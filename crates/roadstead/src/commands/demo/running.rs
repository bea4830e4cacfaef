use super::{Row, WIDTH, archive, counting, cut};
use crate::settings::cannot_run;
use crate::terminal;
use model::{Finding, Report};
use pipeline::{Detonate, Settings};
use source::Locator;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Runs the images, and shows for each what it is convicted of by what it does, whatever it looks like. A machine on
/// which nothing can be run is told so, and the rest of the story is not affected.
pub(super) fn run_all(
    rows: &mut [Row],
    dir: &Path,
    mut settings: Settings,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    if let Some(lack) = cannot_run() {
        writeln!(out, "{}", cut(&format!("Not run: {lack}")))?;
        terminal::note("images cannot be run on this machine; `roadstead doctor` says more");
        return Ok(());
    }
    settings.detonate = Some(Detonate {
        scratch: None,
        keep: None,
        duration: LONGEST,
        thorough: false,
        pcap: None,
        alone: true,
        engine: sandbox::Engine::Native,
    });
    writeln!(out, "{INTRODUCTION}\n")?;
    let width = rows.iter().map(|row| row.story.reference.chars().count()).max().unwrap_or(0);
    writeln!(out, "{:<width$}  in the sandbox", "image")?;
    writeln!(out, "{}", "─".repeat(WIDTH))?;
    for row in rows {
        let locator = Locator::DockerArchive { path: archive(&row.story, dir), reference: None };
        let report = pipeline::scan(&locator, &settings)?;
        let line = format!("{:<width$}  {}", row.story.reference, told(&report));
        writeln!(out, "{}", cut(&line))?;
        // A person who waits sees each line as it comes.
        out.flush()?;
        row.ran = Some(report);
    }
    Ok(())
}

const INTRODUCTION: &str = "\
Run in a sandbox whose network is answered and leads nowhere, and judged by their deeds alone:";

/// Eight images within a minute.
const LONGEST: Duration = Duration::from_secs(7);

/// The verdict with what stands behind it.
fn told(report: &Report) -> String {
    let mut told = report.verdict.to_string();
    let ids: Vec<&str> = counting(report).map(|finding| finding.id.as_str()).collect();
    if !ids.is_empty() {
        told += &format!(": {}", ids.join(", "));
    }
    let deeds: Vec<String> = counting(report).filter_map(deed).collect();
    if !deeds.is_empty() {
        told += &format!(" ({})", deeds.join(", "));
    }
    if let Some(gap) = report.gaps.first() {
        told += &format!("; not seen: {}: {}", gap.what, gap.why);
    }
    told
}

/// What it did, in the fewest words.
fn deed(finding: &Finding) -> Option<String> {
    match finding.id.as_str() {
        "D-MIN-STRATUM" => {
            let account = finding.evidence.iter().find(|evidence| evidence.kind == "account")?;
            let begin: String = account.value.chars().take(8).collect();
            Some(format!("login {begin}…"))
        }
        "D-MIN-SUBMIT" => Some("share".to_owned()),
        _ => None,
    }
}
