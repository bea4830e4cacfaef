//! What happened in a run, kind by kind: connections last, everything else is an instant on the track of who did it.

use super::trace::{Phase, Trace};
use super::{Run, SANDBOX, list, seconds, short, shown};
use behavior::{FileHistory, Flow, Noted};
use events::{Content, FileOp, HostAct, Process, WireKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// A slice for each connection, from its first packet to its last.
pub(super) fn connections<W: Write>(run: &Run<'_>, trace: &mut Trace<'_, W>) -> io::Result<()> {
    for flow in run.record.flows() {
        let name = format!("{} {}:{}", protocol(flow), short(&flow.host()), flow.to.port());
        let number = flow.connection.0;
        let track = flow.process.map_or(SANDBOX, |process| run.track(process));
        let args = json!({
            "connection": number,
            "process": flow.process.map(|process| run.record.leader(process).0),
            "from": flow.from.to_string(),
            "to": flow.to.to_string(),
            "bytes sent": flow.sent,
            "bytes received": flow.received,
            "closed": flow.closed.is_some(),
        });
        let begin = run.event(Phase::Begin, track, &name, "connection", flow.opened);
        trace.put(&begin.numbered(number).with(args))?;
        let last = flow.steps.last().map_or(flow.opened, |step| step.at);
        let end = run.event(Phase::End, track, &name, "connection", flow.closed.unwrap_or(last));
        trace.put(&end.numbered(number))?;
    }
    Ok(())
}

fn protocol(flow: &Flow) -> String {
    flow.protocol.as_deref().map_or_else(|| "connection".to_owned(), shown)
}

/// The programs that were started.
pub(super) fn execs<W: Write>(run: &Run<'_>, trace: &mut Trace<'_, W>) -> io::Result<()> {
    for process in run.record.processes() {
        for Noted { at, what: exec } in &process.execs {
            let failed = if exec.result < 0 { "failed: " } else { "" };
            let name = format!("{failed}exec {}", shown(&exec.program));
            let args = json!({
                "arguments": list(&exec.arguments),
                "directory": shown(&exec.directory),
                "effective user": exec.euid,
                "interpreter": exec.interpreter.as_ref().map(shown),
                "from": format!("{:?}", exec.origin).to_lowercase(),
                "sha256": exec.content.as_ref().map(sha256),
                "result": exec.result,
            });
            let event = run.event(Phase::Instant, run.track(process.process), &name, "exec", *at);
            trace.put(&event.with(args))?;
        }
    }
    Ok(())
}

/// What was asked of the network and said to it, and the canaries that left.
pub(super) fn network<W: Write>(run: &Run<'_>, trace: &mut Trace<'_, W>) -> io::Result<()> {
    for flow in run.record.flows() {
        let track = flow.process.map_or(SANDBOX, |process| run.track(process));
        for Noted { at, what } in &flow.steps {
            let Some((kind, name, args)) = said(flow, what) else { continue };
            trace.put(&run.event(Phase::Instant, track, &name, kind, *at).with(args))?;
        }
    }
    Ok(())
}

/// A step of a connection that is worth an instant, by its kind.
fn said(flow: &Flow, step: &WireKind) -> Option<(&'static str, String, Value)> {
    let number = flow.connection.0;
    Some(match step {
        WireKind::Dns(dns) => (
            "request",
            format!("DNS {}", shown(&dns.name)),
            json!({ "connection": number, "type": dns.kind, "answers": list(&dns.answers), "over": short(&dns.over) }),
        ),
        WireKind::Http(http) => (
            "request",
            format!("HTTP {} {}{}", shown(&http.method), shown(&http.host), shown(&http.target)),
            json!({
                "connection": number, "agent": shown(&http.agent), "TLS": http.tls, "status": http.status,
                "served": short(&http.served), "sha256 served": http.content.as_ref().map(sha256),
                "sha256 of the body": http.body.as_ref().map(sha256),
            }),
        ),
        WireKind::Tls(tls) => (
            "request",
            format!("TLS {}", tls.name.as_ref().map(shown).unwrap_or_default()),
            json!({
                "connection": number, "took our certificate": tls.accepted, "protocols": list(&tls.protocols),
                "fingerprint": shown(&tls.fingerprint),
            }),
        ),
        WireKind::Pool(pool) => (
            "request",
            format!("pool {} {}", shown(&pool.step), shown(&pool.account)),
            json!({
                "connection": number, "coin": format!("{:?}", pool.coin).to_lowercase(), "agent": shown(&pool.agent),
                "worker": shown(&pool.worker), "algorithms": list(&pool.algorithms), "valid": pool.valid,
            }),
        ),
        WireKind::Step { protocol, what } => {
            ("request", format!("{} {}", shown(protocol), shown(what)), json!({ "connection": number }))
        }
        WireKind::Packets { what, count, payload } => (
            "request",
            format!("packets {}", shown(what)),
            json!({ "connection": number, "count": count, "first payload": shown(payload) }),
        ),
        WireKind::Canary(seen) => (
            "canary",
            format!("canary {} left for {}", shown(&seen.canary), short(&flow.host())),
            json!({ "connection": number, "coding": format!("{:?}", seen.coding).to_lowercase(), "offset": seen.offset }),
        ),
        WireKind::Opened { .. } | WireKind::Protocol(_) | WireKind::Said(_) | WireKind::Closed { .. } => {
            return None;
        }
    })
}

/// What the sandbox did and saw, and how far the guest's clock is ahead of the host's.
pub(super) fn sandbox<W: Write>(run: &Run<'_>, trace: &mut Trace<'_, W>) -> io::Result<()> {
    for Noted { at, what } in run.record.host() {
        if let HostAct::Skipped { .. } = what {
            let ahead = at.guest.saturating_sub(at.real);
            let counter = run.event(Phase::Counter, SANDBOX, "guest's clock ahead, s", "clock", *at);
            trace.put(&counter.with(json!({ "seconds": seconds(ahead) })))?;
        }
        let Some((kind, name, args)) = seen(what) else { continue };
        trace.put(&run.event(Phase::Instant, SANDBOX, &name, kind, *at).with(args))?;
    }
    Ok(())
}

fn seen(act: &HostAct) -> Option<(&'static str, String, Value)> {
    let by = |process: &Process| json!({ "process": process.0 });
    Some(match act {
        HostAct::Began { .. } => ("run", "the run began".to_owned(), json!({})),
        HostAct::Probe { name, process } => ("run", format!("started: {}", shown(name)), by(process)),
        HostAct::Skipped { nanoseconds } => {
            ("clock", format!("waiting skipped: {:.3} s", seconds(*nanoseconds)), json!({}))
        }
        HostAct::Hidden { process, asked } => {
            ("run", format!("hidden from the guest's own view: {}", short(asked)), by(process))
        }
        HostAct::Limit { what } => ("run", format!("a limit was met: {}", shown(what)), json!({})),
        HostAct::Captured { content, path, .. } => (
            "file",
            format!("kept: {}", path.as_ref().map_or_else(|| "a text in no file".to_owned(), shown)),
            json!({ "sha256": sha256(content), "bytes": content.length }),
        ),
        HostAct::Finished { why } => ("run", format!("the run ended: {}", shown(why)), json!({})),
        // What changed is told by who changed it, samples are no deeds, and losses are told together.
        HostAct::Changed { .. } | HostAct::Used { .. } | HostAct::Lost { .. } => return None,
    })
}

/// What was written, moved, removed and changed. A file keeps its history under its new name; each step is told once, by the
/// name that the file had then.
pub(super) fn files<W: Write>(run: &Run<'_>, trace: &mut Trace<'_, W>) -> io::Result<()> {
    let renamed = |history: &FileHistory| {
        let to = history.steps.iter().filter_map(|step| match &step.what.op {
            FileOp::Rename(to) | FileOp::Link(to) if step.what.done => Some(to.to_vec()),
            _ => None,
        });
        to.collect::<Vec<_>>()
    };
    let new_names: BTreeSet<Vec<u8>> = run.record.files().flat_map(|(_, history)| renamed(history)).collect();
    let mut told = BTreeSet::new();
    for of_new_names in [false, true] {
        for (path, history) in
            run.record.files().filter(|(path, _)| new_names.contains(*path) == of_new_names)
        {
            for step in &history.steps {
                let Some(deed) = deed(&step.what.op) else { continue };
                if trace.is_full() {
                    trace.leave_out(1);
                    continue;
                }
                if !told.insert(step.at.number) {
                    continue;
                }
                let failed = if step.what.done { "" } else { "failed: " };
                let name = format!("{failed}{deed} {}", shown(path));
                let args = json!({
                    "process": step.what.process.0,
                    "from": format!("{:?}", step.what.origin).to_lowercase(),
                    "what": what(&step.what.op),
                });
                let track = run.track(step.what.process);
                trace.put(&run.event(Phase::Instant, track, &name, "file", step.at).with(args))?;
            }
        }
    }
    Ok(())
}

/// What is done to a file, where it changes something.
fn deed(op: &FileOp) -> Option<&'static str> {
    Some(match op {
        FileOp::Wrote { .. } => "write",
        FileOp::Rename(_) => "rename",
        FileOp::Link(_) => "link",
        FileOp::Symlink(_) => "symlink",
        FileOp::Unlink => "remove",
        FileOp::RemoveDirectory => "remove directory",
        FileOp::MakeNode(_) => "make node",
        FileOp::Mode(_) => "change mode of",
        FileOp::Owner(..) => "change owner of",
        FileOp::Truncate(_) => "truncate",
        FileOp::Times(_) => "set times of",
        FileOp::Attribute(_) => "set attribute of",
        FileOp::Mount { .. } => "mount",
        FileOp::Unmount => "unmount",
        FileOp::Root => "make root",
        FileOp::Open { .. }
        | FileOp::MapExecutable
        | FileOp::MakeDirectory
        | FileOp::Look
        | FileOp::Replaced => return None,
    })
}

fn what(op: &FileOp) -> String {
    match op {
        FileOp::Wrote { bytes } => format!("{bytes} bytes"),
        FileOp::Rename(to) | FileOp::Link(to) | FileOp::Symlink(to) => format!("to {}", shown(to)),
        FileOp::MakeNode(mode) | FileOp::Mode(mode) => format!("{mode:o}"),
        FileOp::Owner(user, group) => format!("{user}:{group}"),
        FileOp::Truncate(length) => format!("to {length} bytes"),
        FileOp::Times(seconds) => format!("{seconds} s since 1970"),
        FileOp::Attribute(name) => shown(name),
        FileOp::Mount { kind, source, .. } => format!("{} from {}", shown(kind), shown(source)),
        _ => String::new(),
    }
}

fn sha256(content: &Content) -> String {
    content.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}
