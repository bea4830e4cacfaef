use crate::run::RunSummary;
use behavior::{At, Record, RunContext};
use events::{HostAct, Origin, WireKind};
use model::{Detonation, FlowLine, ProcessLine, RunLine};

/// Processes and connections of one run that a report tells of.
const MOST: usize = 500;

/// The runs as a report shows them.
pub(crate) fn summary(
    runs: &[(RunContext, Record)],
    told: &[RunSummary],
    engine: &str,
    not_exercised: Vec<String>,
) -> Detonation {
    let mut detonation = Detonation { engine: engine.to_owned(), not_exercised, ..Detonation::default() };
    for (at, (context, record)) in runs.iter().enumerate() {
        let Some(summary) = told.iter().find(|summary| summary.name == context.name) else { continue };
        detonation.runs.push(RunLine {
            name: model::escape_text(&context.name),
            platform: context.platform.clone(),
            ended: model::escape_text(&summary.ended),
            events: summary.events,
            milliseconds: summary.milliseconds,
            skipped_seconds: summary.skipped,
        });
        for limitation in &summary.limitations {
            if !detonation.limitations.contains(limitation) {
                detonation.limitations.push(limitation.clone());
            }
        }
        let ours = record.host().iter().find_map(|act| match &act.what {
            HostAct::Probe { name, process } if name == crate::decoys::NAME => Some(*process),
            _ => None,
        });
        let processes = record.processes().filter(|process| {
            process.process == process.leader && ours.is_none_or(|ours| process.process != ours)
        });
        detonation.processes.extend(processes.take(MOST).map(|process| {
            let last = process.life.ended.map_or(record.end(), |(at, _)| at);
            ProcessLine {
                run: at,
                number: process.process.0,
                parent: record.leader(process.parent).0,
                milliseconds: milliseconds(process.life.born),
                command: record.told(process.process, last),
                origin: origin(process.program().map_or(Origin::Image, |exec| exec.origin)).to_owned(),
            }
        }));
        detonation.network.extend(record.flows().take(MOST).map(|flow| FlowLine {
            run: at,
            process: flow.process.map(|process| record.leader(process).0),
            milliseconds: milliseconds(flow.opened),
            closed: flow.closed.map(milliseconds),
            host: flow.host(),
            port: flow.to.port(),
            protocol: flow.protocol.as_deref().map_or_else(|| "unknown".to_owned(), model::escape_text),
            sent: flow.sent,
            received: flow.received,
            said: flow.steps.iter().find_map(|step| said(&step.what)).unwrap_or_default(),
        }));
    }
    detonation
}

fn milliseconds(at: At) -> u64 {
    at.guest / 1_000_000
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Image => "image",
        Origin::Written => "written",
        Origin::Memory => "memory",
        Origin::Deleted => "deleted",
        Origin::Planted => "planted",
        Origin::Kernel => "kernel",
        Origin::Unknown => "unknown",
    }
}

/// What of a flow is worth a line: a name that was asked for, a request, a step of a talk.
fn said(kind: &WireKind) -> Option<String> {
    let told = match kind {
        WireKind::Dns(dns) => {
            let answers = if dns.answers.is_empty() { "denied".to_owned() } else { dns.answers.join(" ") };
            format!("{} → {answers}", model::escape_bytes(&dns.name))
        }
        WireKind::Http(http) => format!(
            "{} {} → {} {}",
            model::escape_bytes(&http.method),
            model::escape_bytes(&http.target),
            http.status,
            http.served
        ),
        WireKind::Pool(pool) => format!("{} {}", pool.step, model::escape_bytes(&pool.account)),
        WireKind::Step { what, .. } => model::escape_bytes(what),
        WireKind::Tls(tls) if !tls.accepted => "refused our certificate".to_owned(),
        _ => return None,
    };
    Some(told.chars().take(200).collect())
}
