use super::detections::{KEYREUSE, SERVICES, SPRAY, SWEEP};
use crate::Outcome;
use crate::groups::{Run, works_for};
use crate::record::{At, Flow};
use events::{NetOp, Peer, Process, WireKind};
use model::{Detection, Finding};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
/// Hosts or ports that make a walk.
const MANY: usize = 50;
const LOGINS: usize = 5;
const LOGIN_HOSTS: usize = 3;

/// What one run shows of moving on.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    walks(run, out);
    services(run, out);
    logins(run, out);
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

/// Knocks by when they came, by whom they came, and at whom.
fn walks(run: &Run<'_>, out: &mut Outcome) {
    if run.declares(&["scanner", "p2p"]) {
        return;
    }
    let named: BTreeSet<IpAddr> =
        run.record.flows().filter(|flow| !flow.is_bare()).map(|flow| flow.to.ip()).collect();
    let mut knocks: BTreeMap<Process, Vec<(At, IpAddr, u16)>> = BTreeMap::new();
    for act in run.record.sockets() {
        let to = match &act.what.op {
            NetOp::Connect { to: Peer::Inet(to), .. } | NetOp::SendTo { to: Peer::Inet(to), .. } => *to,
            _ => continue,
        };
        let skip =
            to.ip().is_loopback() || to.ip().is_multicast() || to.port() == 53 || named.contains(&to.ip());
        if !skip {
            knocks.entry(works_for(run, act.what.process)).or_default().push((act.at, to.ip(), to.port()));
        }
    }
    for (process, knocks) in knocks {
        let Some((at, what)) = walk(&knocks) else { continue };
        add(run, out, &SWEEP, what, Some(process), at);
    }
}

/// The first minute in which more than [`MANY`] hosts were tried at one port, or as many ports of one host.
fn walk(knocks: &[(At, IpAddr, u16)]) -> Option<(At, String)> {
    let mut by_port: BTreeMap<u16, Vec<(At, IpAddr)>> = BTreeMap::new();
    let mut by_host: BTreeMap<IpAddr, Vec<(At, u16)>> = BTreeMap::new();
    for &(at, host, port) in knocks {
        by_port.entry(port).or_default().push((at, host));
        by_host.entry(host).or_default().push((at, port));
    }
    let hosts = by_port.iter().find_map(|(port, tried)| {
        many_within(tried)
            .map(|at| (at, format!("tried more than {MANY} hosts at port {port} within a minute")))
    });
    hosts.or_else(|| {
        by_host.iter().find_map(|(host, tried)| {
            many_within(tried)
                .map(|at| (at, format!("tried more than {MANY} ports of {host} within a minute")))
        })
    })
}

/// The start of the first minute with more than [`MANY`] different values. Linear: a window slides over them.
fn many_within<T: Ord + Copy>(tried: &[(At, T)]) -> Option<At> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    let mut start = 0;
    for &(at, value) in tried {
        *counts.entry(value).or_default() += 1;
        while let Some(&(first, old)) = tried.get(start)
            && at.real.saturating_sub(first.real) > MINUTE
        {
            if let Some(count) = counts.get_mut(&old) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&old);
                }
            }
            start += 1;
        }
        if counts.len() > MANY {
            return tried.get(start).map(|(at, _)| *at);
        }
    }
    None
}

/// Orders that hand over a machine, by the protocol in which they are given.
const ORDERS: [(&str, &[&[u8]]); 6] = [
    ("docker", &[b"create", b"exec", b"start"]),
    ("redis", &[b"CONFIG SET", b"SLAVEOF", b"REPLICAOF", b"MODULE LOAD", b"EVAL"]),
    ("kubelet", &[b"run", b"exec"]),
    ("etcd", &[b"put", b"range"]),
    ("postgres", &[b"COPY", b"PROGRAM"]),
    ("hadoop", &[b"new-application"]),
];

fn services(run: &Run<'_>, out: &mut Outcome) {
    for flow in run.record.flows() {
        if flow.to.ip().is_loopback() || is_told_of(run, flow) {
            continue;
        }
        for step in &flow.steps {
            let WireKind::Step { protocol, what } = &step.what else { continue };
            let order = ORDERS.iter().find(|(name, _)| name == protocol).is_some_and(|(_, orders)| {
                orders
                    .iter()
                    .any(|order| what.windows(order.len()).any(|window| window.eq_ignore_ascii_case(order)))
            });
            if order {
                let shown: String = model::escape_bytes(what).chars().take(120).collect();
                let words = format!(
                    "gave {}:{} an order in the language of {protocol}: {shown}",
                    flow.host(),
                    flow.to.port()
                );
                add(run, out, &SERVICES, words, flow.process, step.at);
            }
        }
    }
}

/// Whether the image's configuration names the host: then it is a neighbour that it is meant to speak to.
fn is_told_of(run: &Run<'_>, flow: &Flow) -> bool {
    run.image.configured_hosts.contains(&flow.host().to_lowercase())
}

fn logins(run: &Run<'_>, out: &mut Outcome) {
    let mut tries = 0;
    let mut hosts = BTreeSet::new();
    let mut last = None;
    for flow in run.record.flows().filter(|flow| !is_told_of(run, flow)) {
        for step in &flow.steps {
            match &step.what {
                WireKind::Step { protocol, what } if matches!(protocol.as_str(), "ssh" | "telnet") => {
                    let tries_password = what.starts_with(b"password")
                        || what.starts_with(b"publickey")
                        || what.starts_with(b"login");
                    if tries_password {
                        tries += 1;
                        hosts.insert(flow.to.ip());
                        last = Some((flow.process, step.at));
                    }
                }
                WireKind::Canary(seen)
                    if seen.canary.contains("ssh") && flow.protocol.as_deref() == Some("ssh") =>
                {
                    let words = format!("used the planted key at {}:{}", flow.host(), flow.to.port());
                    add(run, out, &KEYREUSE, words, flow.process, step.at);
                }
                _ => {}
            }
        }
    }
    if let Some((process, at)) = last
        && (tries >= LOGINS || hosts.len() >= LOGIN_HOSTS)
    {
        let words = format!("tried {tries} logins at {} hosts", hosts.len());
        add(run, out, &SPRAY, words, process, at);
    }
}
