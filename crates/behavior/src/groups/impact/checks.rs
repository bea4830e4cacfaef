use super::detections::{ENCRYPT, FLOOD, FORK, RIVALKILL, WIPE};
use crate::Outcome;
use crate::groups::Run;
use crate::record::At;
use events::{FileOp, HostAct, NetOp, Origin, Peer, Process};
use model::{Detection, Finding};
use std::collections::BTreeMap;
use std::net::IpAddr;

const SECOND: u64 = 1_000_000_000;
/// Packets or connections in a second to one host.
const FLOODED: usize = 1_000;

/// What one run shows of harm.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    baits(run, out);
    flood(run, out);
    limits(run, out);
    rivals(run, out);
}

fn add(
    run: &Run<'_>,
    out: &mut Outcome,
    detection: &Detection,
    words: String,
    process: Option<Process>,
    at: At,
) {
    if !out.findings.iter().any(|finding: &Finding| finding.id == detection.id) {
        let mut finding = run.finding(detection, words);
        if let Some(process) = process {
            finding = finding.with_evidence("command", &run.record.told(process, at), None);
        }
        out.findings.push(finding);
    }
}

/// Documents that the plan planted for this: how many were taken away, and how many written over or renamed.
fn baits(run: &Run<'_>, out: &mut Outcome) {
    let mut removed = Vec::new();
    let mut changed = Vec::new();
    for path in &run.image.baits {
        let Some(history) = run.record.file(path) else { continue };
        let gone =
            history.removers().next().or_else(|| history.removed.then_some((Process(0), run.record.end())));
        let moved =
            history.steps.iter().find(|step| step.what.done && matches!(step.what.op, FileOp::Rename(_)));
        let over = history.writers().next().or(moved.map(|step| (step.what.process, step.at)));
        // An encrypter writes a copy under another name and removes the original.
        let copied = gone.and_then(|(process, at)| {
            let written = run.record.files().find(|(other, history)| {
                other.len() > path.len() && other.starts_with(path) && history.writers().next().is_some()
            });
            written.map(|_| (process, at))
        });
        if let Some(deed) = over.or(copied) {
            changed.push(deed);
        } else if let Some(deed) = gone {
            removed.push(deed);
        }
    }
    let most = |count: usize| count >= 3 && count * 2 > run.image.baits.len();
    for (deeds, detection, what) in
        [(changed, &ENCRYPT, "written over or renamed"), (removed, &WIPE, "removed")]
    {
        if most(deeds.len()) {
            let words = format!("{} of {} planted documents were {what}", deeds.len(), run.image.baits.len());
            let (process, at) = deeds[0];
            add(run, out, detection, words, Some(process).filter(|process| process.0 > 0), at);
        }
    }
}

/// More than [`FLOODED`] sends or connections within one second to one host.
fn flood(run: &Run<'_>, out: &mut Outcome) {
    // That somebody connected excuses nobody: every port is spoken to once, and no answer takes that many.
    if run.declares(&["load-tester"]) {
        return;
    }
    let mut sent: BTreeMap<IpAddr, Vec<(At, Process)>> = BTreeMap::new();
    for act in run.record.sockets() {
        let (NetOp::Connect { to: Peer::Inet(to), .. } | NetOp::SendTo { to: Peer::Inet(to), .. }) =
            &act.what.op
        else {
            continue;
        };
        if !to.ip().is_loopback() && to.port() != 53 {
            sent.entry(to.ip()).or_default().push((act.at, act.what.process));
        }
    }
    for (host, acts) in sent {
        let named = run.record.flows().find(|flow| flow.to.ip() == host).and_then(|flow| flow.name.clone());
        if named.is_some_and(|name| run.image.configured_hosts.contains(&name.to_lowercase())) {
            continue;
        }
        let burst = acts.windows(FLOODED).find(|window| match (window.first(), window.last()) {
            (Some((first, _)), Some((last, _))) => last.real.saturating_sub(first.real) <= SECOND,
            _ => false,
        });
        if let Some((at, process)) = burst.and_then(|window| window.first()) {
            let words = format!("sent more than {FLOODED} packets or connections within a second to {host}");
            add(run, out, &FLOOD, words, Some(*process), *at);
        }
    }
}

fn limits(run: &Run<'_>, out: &mut Outcome) {
    if run.declares(&["load-tester"]) {
        return;
    }
    for act in run.record.host() {
        if let HostAct::Limit { what } = &act.what
            && matches!(what.as_str(), "processes" | "disk")
        {
            add(run, out, &FORK, format!("reached the limit of {}", model::escape_text(what)), None, act.at);
        }
    }
}

/// The decoy under a miner's name, killed by a process of the image.
fn rivals(run: &Run<'_>, out: &mut Outcome) {
    let decoys: Vec<Process> = run
        .record
        .execs()
        .iter()
        .filter(|named| named.exec.what.origin == Origin::Planted)
        .map(|named| run.record.leader(named.process))
        .collect();
    for call in run.record.calls() {
        let kills =
            matches!(call.what.name.as_slice(), b"kill" | b"tgkill" | b"tkill" | b"pidfd_send_signal");
        let decoy = call.what.target.is_some_and(|target| decoys.contains(&run.record.leader(target)));
        let by_image = !decoys.contains(&run.record.leader(call.what.process));
        if kills && decoy && by_image {
            add(
                run,
                out,
                &RIVALKILL,
                "killed the decoy that looks like a miner".to_owned(),
                Some(call.what.process),
                call.at,
            );
        }
    }
}
