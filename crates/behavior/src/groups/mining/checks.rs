use super::detections::{AFFINITY, CONTROL, CPU, DUTY, POOLDNS, PROXYTLS, RXMEM, STRATUM, SUBMIT, TUNE};
use crate::Outcome;
use crate::groups::Run;
use crate::record::{At, Flow, ProcessRecord};
use events::{FileOp, Pool, WireKind};
use model::{Axis, Finding};
use std::collections::BTreeSet;

const SECOND: u64 = 1_000_000_000;
/// How long all processors must be busy.
const BUSY: u64 = 60 * SECOND;
/// Sizes that RandomX works on (RandomX specification, section 2 and `randomx.h`): its cache, and its dataset
/// with the extra items behind it.
const CACHE: u64 = 256 << 20;
const DATASET: u64 = 2_147_483_648 + 33_554_368;
/// A scratchpad for each thread.
const SCRATCHPAD: u64 = 2 << 20;
/// `SCHED_IDLE`.
const IDLE_CLASS: u64 = 5;

/// What one run shows of mining.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    for flow in run.record.flows() {
        talk(run, flow, out);
        listed(run, flow, out);
        control(run, flow, out);
    }
    for process in run.record.processes().filter(|process| process.process == process.leader) {
        let busy = busy(process, run.image.processors);
        if let Some((from, until)) = busy {
            let unasked = !was_asked(run, from, until);
            if unasked && until.real.saturating_sub(from.real) >= BUSY {
                let told = run.record.told(process.process, from);
                let share = (until.real.saturating_sub(from.real)) / SECOND;
                out.findings.push(
                    run.finding(
                        &CPU,
                        format!("all processors were busy for {share} seconds and nobody asked for anything"),
                    )
                    .with_evidence("command", &told, None),
                );
            }
            private_proxy(run, process, from, until, out);
        }
        stops_when_watched(run, process, out);
    }
    memory(run, out);
    super::resources::judge(run, out);
    pinned(run, out);
    tuned(run, out);
}

/// What was said to a pool, one finding for a login and one for a share, whatever the number of either.
fn talk(run: &Run<'_>, flow: &Flow, out: &mut Outcome) {
    let steps = || {
        flow.steps.iter().filter_map(|step| match &step.what {
            WireKind::Pool(pool) => Some((step.at, pool.as_ref())),
            _ => None,
        })
    };
    let login = steps().find(|(_, pool)| matches!(pool.step.as_str(), "login" | "subscribe" | "authorize"));
    if let Some((at, pool)) = login {
        let words = format!("logged in at {} as a miner does ({})", end(flow), coin(pool));
        // A subscription names nobody; the account comes with what follows it.
        let named = steps().map(|(_, pool)| pool).find(|pool| !pool.account.is_empty()).unwrap_or(pool);
        out.findings.push(declared(run, with_pool(run.finding(&STRATUM, words), run, flow, at, named)));
    }
    let share = steps().find(|(_, pool)| pool.step == "submit" && pool.valid == Some(true));
    if let Some((at, pool)) = share {
        let words = format!("submitted a share for the job that {} handed out ({})", end(flow), coin(pool));
        let named = steps().map(|(_, pool)| pool).find(|pool| !pool.account.is_empty()).unwrap_or(pool);
        out.findings.push(declared(run, with_pool(run.finding(&SUBMIT, words), run, flow, at, named)));
    }
}

/// G5: an image that openly says that it mines stands on the axis of declared purposes as well. It is worth what
/// it was worth: the declaration is a text that an attacker can write.
fn declared(run: &Run<'_>, mut finding: Finding) -> Finding {
    if run.declares(&["miner"]) {
        finding.axis = Some(Axis::Pua);
        finding = finding.with_evidence(
            model::CONTROL,
            "G5 declared purpose: the image says that it is a miner",
            None,
        );
    }
    finding
}

fn with_pool(finding: Finding, run: &Run<'_>, flow: &Flow, at: At, pool: &Pool) -> Finding {
    let mut finding = finding.with_evidence("host", &end(flow), None);
    for (kind, value) in [("account", &pool.account), ("worker", &pool.worker), ("agent", &pool.agent)] {
        if !value.is_empty() {
            finding = finding.with_evidence(kind, &String::from_utf8_lossy(value), None);
        }
    }
    match flow.process {
        Some(process) => finding.with_evidence("command", &run.record.told(process, at), None),
        None => finding,
    }
}

fn coin(pool: &Pool) -> &'static str {
    match pool.coin {
        events::Coin::Monero => "Monero's protocol",
        events::Coin::Bitcoin => "Bitcoin's protocol",
        events::Coin::Ethereum => "Ethereum's protocol",
    }
}

fn end(flow: &Flow) -> String {
    format!("{}:{}", flow.host(), flow.to.port())
}

fn listed(run: &Run<'_>, flow: &Flow, out: &mut Outcome) {
    let asked = flow.steps.iter().filter_map(|step| match &step.what {
        WireKind::Dns(dns) => Some(String::from_utf8_lossy(&dns.name).to_lowercase()),
        _ => None,
    });
    let hosts: BTreeSet<String> = asked
        .chain([flow.host().to_lowercase()])
        .filter(|host| run.image.pool_hosts.contains(host))
        .collect();
    for host in hosts {
        let known = out.findings.iter().any(|finding| {
            finding.id == POOLDNS.id
                && finding.evidence.iter().any(|piece| piece.kind == "host" && piece.value == host)
        });
        if !known {
            let words = format!("asked for {}, a known mining pool", model::escape_text(&host));
            out.findings.push(run.finding(&POOLDNS, words).with_evidence("host", &host, None));
        }
    }
}

/// The status that xmrigCC and its like send: a client's id beside a miner's hash rates, or a request for orders
/// to the paths that such servers have.
fn control(run: &Run<'_>, flow: &Flow, out: &mut Outcome) {
    let report = flow.steps.iter().find_map(|step| {
        let WireKind::Http(http) = &step.what else { return None };
        let has = |text: &[u8]| contains(&http.body_start, text);
        let status = has(b"client_status") && has(b"hashrate_");
        let orders = http.target.starts_with(b"/client/") && contains(&http.target, b"clientId=");
        (status || (orders && has(b"control_command"))).then_some((step.at, http))
    });
    if let Some((at, http)) = report {
        let words = format!("sent a miner's status to {}", end(flow));
        let mut finding = run.finding(&CONTROL, words).with_evidence("host", &end(flow), None).with_evidence(
            "request",
            &String::from_utf8_lossy(&http.target),
            None,
        );
        if let Some(process) = flow.process {
            finding = finding.with_evidence("command", &run.record.told(process, at), None);
        }
        out.findings.push(finding);
    }
}

/// The longest stretch in which a process used nine tenths of what all processors can give.
fn busy(process: &ProcessRecord, processors: u32) -> Option<(At, At)> {
    let mut best: Option<(At, At)> = None;
    let mut open: Option<At> = None;
    for pair in process.used.windows(2) {
        let [before, after] = pair else { continue };
        let wall = after.at.real.saturating_sub(before.at.real);
        let sum = |used: (u64, u64, u32, u64)| used.0.saturating_add(used.1);
        let spent = sum(after.what).saturating_sub(sum(before.what));
        // Nine tenths.
        let all = wall.saturating_mul(u64::from(processors.max(1)));
        let full = wall > 0 && spent.saturating_mul(10) >= all.saturating_mul(9);
        if full {
            let from = *open.get_or_insert(before.at);
            if best.is_none_or(|(start, end)| {
                after.at.real.saturating_sub(from.real) > end.real.saturating_sub(start.real)
            }) {
                best = Some((from, after.at));
            }
        } else {
            open = None;
        }
    }
    best
}

/// Whether somebody spoke to a port of the image in the later half of it: then the work may be for him. Every port
/// is spoken to once by us, soon after it opens.
fn was_asked(run: &Run<'_>, from: At, until: At) -> bool {
    run.record.sockets().iter().any(|act| {
        matches!(act.what.op, events::NetOp::Accept(_))
            && act.at.real >= from.real.midpoint(until.real)
            && act.at.real <= until.real
    })
}

fn private_proxy(run: &Run<'_>, process: &ProcessRecord, from: At, until: At, out: &mut Outcome) {
    let found = run.record.flows_of(process.process).find(|flow| {
        let small = flow.steps.iter().filter(|step| {
            matches!(&step.what, WireKind::Said(said) if said.length <= 1024)
                && step.at.real >= from.real
                && step.at.real <= until.real
        });
        let open_for = flow.closed.unwrap_or(until).real.saturating_sub(flow.opened.real);
        flow.is_bare() && open_for >= 30 * SECOND && small.count() >= 4
    });
    if let Some(flow) = found {
        let words = format!("speaks to {} in small messages while all processors work", end(flow));
        out.findings.push(
            run.finding(&PROXYTLS, words).with_evidence("host", &end(flow), None).with_evidence(
                "command",
                &run.record.told(process.process, from),
                None,
            ),
        );
    }
}

/// Programs that show processes to people.
const WATCHERS: [&[u8]; 6] = [b"top", b"htop", b"atop", b"ps", b"btop", b"glances"];

/// Full work before a program that shows processes, next to none while it runs, full work after it.
fn stops_when_watched(run: &Run<'_>, process: &ProcessRecord, out: &mut Outcome) {
    let rates: Vec<(At, At, u64)> = process
        .used
        .windows(2)
        .filter_map(|pair| {
            let [before, after] = pair else { return None };
            let wall = after.at.real.saturating_sub(before.at.real).max(1);
            let spent = (after.what.0 + after.what.1).saturating_sub(before.what.0 + before.what.1);
            Some((before.at, after.at, spent.saturating_mul(100) / wall))
        })
        .collect();
    // Few processes ever work that hard, and looking at all programs for each of thousands would take for ever.
    if !rates.iter().any(|rate| rate.2 >= 80) {
        return;
    }
    for watcher in run.record.execs() {
        let name = watcher.exec.what.program.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        let Some(life) = run.record.process(watcher.process).map(|record| record.life) else { continue };
        let (start, end) =
            (watcher.exec.at.real, life.ended.map_or(run.record.end().real, |(at, _)| at.real));
        let own = run.record.descends(watcher.process, process.process);
        if !WATCHERS.contains(&name) || own || end.saturating_sub(start) < 2 * SECOND {
            continue;
        }
        let rate = |choose: &dyn Fn(&(At, At, u64)) -> bool| {
            let chosen: Vec<u64> = rates.iter().filter(|rate| choose(rate)).map(|rate| rate.2).collect();
            (!chosen.is_empty()).then(|| chosen.iter().sum::<u64>() / chosen.len() as u64)
        };
        let before =
            rate(&|(_, until, _)| until.real <= start && start.saturating_sub(until.real) <= 10 * SECOND);
        let during = rate(&|(from, until, _)| from.real >= start + SECOND / 2 && until.real <= end);
        let after = rate(&|(from, _, _)| from.real >= end && from.real.saturating_sub(end) <= 20 * SECOND);
        if let (Some(before), Some(during), Some(after)) = (before, during, after)
            && before >= 80
            && during <= 10
            && after >= 80
        {
            let words =
                format!("worked before and after {} ran and not meanwhile", model::escape_bytes(name));
            out.findings.push(run.finding(&DUTY, words).with_evidence(
                "command",
                &run.record.told(process.process, watcher.exec.at),
                None,
            ));
            return;
        }
    }
}

fn memory(run: &Run<'_>, out: &mut Outcome) {
    for process in run.record.processes().filter(|process| process.process == process.leader) {
        let sizes: Vec<u64> = run
            .record
            .calls()
            .iter()
            .filter(|call| call.what.name.as_ref() == b"mmap")
            .filter(|call| run.record.leader(call.what.process) == process.process)
            .filter_map(|call| call.what.arguments.get(1).copied())
            .collect();
        // Huge pages round sizes up to two MiB.
        let near = |size: u64, wanted: u64| size >= wanted && size - wanted < (2 << 20);
        let cache = sizes.iter().any(|&size| near(size, CACHE));
        let dataset = sizes.iter().any(|&size| near(size, DATASET));
        let pads = sizes.iter().filter(|&&size| size == SCRATCHPAD).count();
        if cache && (dataset || pads >= 2) {
            let words =
                "asked for memory in the sizes of RandomX's cache, dataset and scratchpads".to_owned();
            let at = process.life.born;
            out.findings.push(
                run.finding(&RXMEM, words)
                    .with_evidence("command", &run.record.told(process.process, run.record.end()), None)
                    .with_evidence("since", &format!("{} s", at.real / SECOND), None),
            );
        }
    }
}

fn pinned(run: &Run<'_>, out: &mut Outcome) {
    for process in run.record.processes().filter(|process| process.process == process.leader) {
        let of = |name: &'static [u8]| {
            run.record
                .calls()
                .iter()
                .filter(move |call| call.what.name.as_ref() == name)
                .filter(move |call| run.record.leader(call.what.process) == process.process)
        };
        let threads: BTreeSet<_> =
            of(b"sched_setaffinity").map(|call| (call.what.process, call.what.arguments[0])).collect();
        let idle = of(b"sched_setscheduler").any(|call| call.what.arguments[1] & 0xff == IDLE_CLASS)
            || of(b"setpriority").any(|call| call.what.arguments[2] as i32 >= 19);
        if threads.len() >= run.image.processors.max(2) as usize && idle {
            let words = format!(
                "pinned {} threads to a processor each and gave them the lowest priority",
                threads.len()
            );
            out.findings.push(run.finding(&AFFINITY, words).with_evidence(
                "command",
                &run.record.told(process.process, run.record.end()),
                None,
            ));
        }
    }
}

/// What miners set before they start.
const TUNED: [&[u8]; 5] = [
    b"/proc/sys/vm/nr_hugepages",
    b"/proc/sys/kernel/nmi_watchdog",
    b"/sys/kernel/mm/hugepages/",
    b"/sys/devices/system/node/",
    b"/dev/cpu/",
];

fn tuned(run: &Run<'_>, out: &mut Outcome) {
    let mut tried = BTreeSet::new();
    let mut who = None;
    for (path, history) in run.record.files() {
        let registers = path.starts_with(b"/dev/cpu/") && path.ends_with(b"/msr");
        let place = registers
            || (TUNED.iter().any(|place| path.starts_with(place)) && !path.starts_with(b"/dev/cpu/"))
            || (path.starts_with(b"/sys/devices/system/cpu/") && path.ends_with(b"/scaling_governor"));
        // Refused attempts count: no container may do this, and the sandbox lets none.
        let wrote =
            history.steps.iter().find(|step| matches!(step.what.op, FileOp::Open { write: true, .. }));
        if let (true, Some(step)) = (place, wrote) {
            tried.insert(model::escape_bytes(path));
            who.get_or_insert((step.what.process, step.at));
        }
    }
    if let Some((process, at)) = who {
        let list: Vec<String> = tried.into_iter().take(5).collect();
        let words = format!("wrote to {}", list.join(", "));
        out.findings.push(run.finding(&TUNE, words).with_evidence(
            "command",
            &run.record.told(process, at),
            None,
        ));
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
