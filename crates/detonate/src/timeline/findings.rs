//! What was found, at the moment that its evidence points to.

use super::trace::{Phase, Trace};
use super::{FINDINGS, Run, short};
use behavior::At;
use model::Finding;
use serde_json::json;
use std::io::{self, Write};

/// Findings that are looked for in a run; more, and the worst come first, nobody reads.
const MOST: usize = 500;
/// Programs whose command lines a finding is held against.
const MOST_COMMANDS: usize = 20_000;

/// Puts each finding of a run beside what it was found by. A finding has no time of its own: it stands where the connection,
/// the command or the file is that its evidence names, which the event says, and else at the end.
pub(super) fn write<W: Write>(
    run: &Run<'_>,
    findings: &[Finding],
    trace: &mut Trace<'_, W>,
) -> io::Result<()> {
    let of_run = |finding: &&Finding| {
        let mut runs = finding.evidence.iter().filter(|piece| piece.kind == "run");
        runs.any(|piece| {
            piece.value == run.context.name || piece.value == model::escape_text(&run.context.name)
        })
    };
    let of_run: Vec<&Finding> = findings.iter().filter(of_run).take(MOST).collect();
    if of_run.is_empty() {
        return Ok(());
    }
    let commands: Vec<(String, At)> = run
        .record
        .execs()
        .into_iter()
        .take(MOST_COMMANDS)
        .map(|named| (run.record.told(named.process, named.exec.at), named.exec.at))
        .collect();
    for finding in of_run {
        let (at, placed) = place(run, finding, &commands);
        let name = short(&format!("{} {}", finding.id, finding.title));
        let args = json!({
            "severity": finding.severity.name(),
            "role": format!("{:?}", finding.role).to_lowercase(),
            "class": finding.class.name(),
            "path": finding.path.as_deref().map(short),
            "why": short(&finding.explanation),
            "placed": placed,
        });
        trace.put(&run.event(Phase::Instant, FINDINGS, &name, "finding", at).with(args))?;
    }
    Ok(())
}

fn place(run: &Run<'_>, finding: &Finding, commands: &[(String, At)]) -> (At, &'static str) {
    let names = |kind: &str, value: &str| {
        finding.evidence.iter().any(|piece| piece.kind == kind && piece.value == value)
    };
    let to_host = run.record.flows().find(|flow| {
        let (host, end) = (flow.host(), format!("{}:{}", flow.host(), flow.to.port()));
        names("host", &host) || names("host", &end)
    });
    if let Some(flow) = to_host {
        return (flow.opened, "where the first connection begins to the host that it names");
    }
    if let Some((_, at)) = commands.iter().find(|(told, _)| names("command", told)) {
        return (*at, "where the command begins that it names");
    }
    let written = finding.path.as_ref().and_then(|path| {
        let (_, history) = run.record.files().find(|(name, _)| model::escape_bytes(name) == *path)?;
        history.steps.first().map(|step| step.at)
    });
    match written {
        Some(at) => (at, "where the file is first touched that it names"),
        None => (run.record.end(), "at the end of the run, as it names no moment"),
    }
}
