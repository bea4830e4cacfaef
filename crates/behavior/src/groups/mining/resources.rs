//! What miners use beside the processor: memory for programs that they write, graphics processors, the connection.

use super::detections::{DEPIN, GPU, RXJIT};
use crate::Outcome;
use crate::groups::{Run, base_name, is_compiler_at_run_time, is_site};
use events::Process;
use std::collections::{BTreeMap, BTreeSet};

/// How often a stretch of memory is made runnable by a thread, and the longest stretch: RandomX's program and its
/// code around fit into it.
const REMADE: usize = 32;
const LONGEST: u64 = 256 << 10;
/// Threads that do so.
const THREADS: usize = 2;

/// Services that pay for connections, machines or "points".
const SERVICES: [&str; 18] = [
    "getgrass.io",
    "grassfoundation.io",
    "nodepay.ai",
    "honeygain.com",
    "packetstream.io",
    "traffmonetizer.com",
    "earnapp.com",
    "pawns.app",
    "peer2profit.com",
    "peer2profit.io",
    "repocket.co",
    "proxyrack.com",
    "bitping.com",
    "proxylite.ru",
    "gradient.network",
    "blockmesh.xyz",
    "dawninternet.com",
    "teneo.pro",
];

pub(super) fn judge(run: &Run<'_>, out: &mut Outcome) {
    remade(run, out);
    graphics(run, out);
    sold(run, out);
}

fn remade(run: &Run<'_>, out: &mut Outcome) {
    let mut made: BTreeMap<(Process, u64), usize> = BTreeMap::new();
    for call in run.record.calls() {
        let [address, length, rights, ..] = call.what.arguments;
        // Memory to run that is no longer to be written.
        let runs = matches!(call.what.name.as_slice(), b"mprotect" | b"pkey_mprotect") && rights & 6 == 4;
        if runs && length <= LONGEST {
            *made.entry((call.what.process, address)).or_default() += 1;
        }
    }
    let mut threads: BTreeMap<Process, BTreeSet<Process>> = BTreeMap::new();
    for ((thread, _), _) in made.iter().filter(|(_, count)| **count >= REMADE) {
        threads.entry(run.record.leader(*thread)).or_default().insert(*thread);
    }
    for (process, threads) in threads.into_iter().filter(|(_, threads)| threads.len() >= THREADS) {
        let program = run.record.program(process, run.record.end());
        if program.is_none_or(|exec| is_compiler_at_run_time(base_name(&exec.what.program))) {
            continue;
        }
        let words = format!("{} threads made the same small memory runnable again and again", threads.len());
        let told = run.record.told(process, run.record.end());
        out.findings.push(run.finding(&RXJIT, words).with_evidence("command", &told, None));
        return;
    }
}

fn graphics(run: &Run<'_>, out: &mut Outcome) {
    if run.declares(&["gpu", "ml", "graphics", "miner"]) {
        return;
    }
    let asked = run.record.files().find_map(|(path, history)| {
        let device = [b"/dev/nvidia".as_slice(), b"/dev/dri/", b"/dev/kfd"]
            .iter()
            .any(|start| path.starts_with(start));
        // Attempts count: the sandbox has none.
        let step = history.steps.iter().find(|step| matches!(step.what.op, events::FileOp::Open { .. }))?;
        device.then_some((path, step.what.process, step.at))
    });
    if let Some((path, process, at)) = asked {
        let words = format!("tried to open {}", model::escape_bytes(path));
        let told = run.record.told(process, at);
        out.findings.push(run.finding(&GPU, words).with_evidence("command", &told, None));
    }
}

fn sold(run: &Run<'_>, out: &mut Outcome) {
    if run.declares(&["bandwidth"]) {
        return;
    }
    let host = run.record.hosts().into_iter().find(|host| SERVICES.iter().any(|site| is_site(host, site)));
    if let Some(host) = host {
        let words = format!("spoke to {}, which pays for connections", model::escape_text(&host));
        out.findings.push(run.finding(&DEPIN, words).with_evidence("host", &host, None));
    }
}
