use super::detections::{
    ANONEXEC, ARGV0, BINDPROC, COVERAGE, CROSSVIEW, DAEMON, DELEXEC, DIVERGE, KILLSEC, LOGHIST, MEMFDEXEC,
    PRELOADCHILD, PROBE, SELFDEL, TIMEGATE, UTIMES,
};
use crate::Outcome;
use crate::groups::{
    Run, base_name, is_compiler_at_run_time, is_interpreter, is_shell, is_under, written_by,
};
use crate::record::{At, FileStep, NamedExec, Noted};
use events::{Ended, FileOp, HostAct, Origin, Process};
use model::{Detection, Finding, Role};
use std::collections::BTreeSet;

const SECOND: u64 = 1_000_000_000;
const DAY: i64 = 86_400;
const AGENTS: [&[u8]; 18] = [
    b"falco",
    b"auditd",
    b"osqueryd",
    b"aegis",
    b"AliYunDun",
    b"AliYunDunMonitor",
    b"YDService",
    b"YDLive",
    b"cloudmonitor",
    b"wazuh-agentd",
    b"ossec-agentd",
    b"sysdig",
    b"tetragon",
    b"falcon-sensor",
    b"mdatp",
    b"clamd",
    b"barad_agent",
    b"aliyun-service",
];
/// Names of threads of the kernel, as they appear between brackets, and of the system's own services.
const SYSTEM_NAMES: [&[u8]; 15] = [
    b"kworker",
    b"kthreadd",
    b"ksoftirqd",
    b"kswapd0",
    b"migration",
    b"rcu_sched",
    b"watchdog",
    b"systemd",
    b"sshd",
    b"crond",
    b"dbus-daemon",
    b"udevd",
    b"rsyslogd",
    b"init",
    b"jbd2",
];
/// What tells a sandbox from a machine.
const TELLS: [&[u8]; 8] = [
    b"/sys/class/dmi/",
    b"/sys/devices/virtual/dmi/",
    b"/proc/cpuinfo",
    b"/proc/1/cgroup",
    b"/proc/self/cgroup",
    b"/.dockerenv",
    b"/sys/class/net/",
    b"/proc/scsi/",
];
const UNPACKERS: [&[u8]; 9] = [b"tar", b"unzip", b"rsync", b"cp", b"pip", b"pip3", b"npm", b"dpkg", b"apk"];

/// What one run shows of hiding.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    for named in run.record.execs() {
        if named.exec.what.result == 0 {
            started(run, named, out);
        }
    }
    let execs = run.record.execs();
    let programs: BTreeSet<&[u8]> = execs.iter().map(|named| named.exec.what.program.as_slice()).collect();
    for (path, history) in run.record.files() {
        for step in &history.steps {
            touched(run, &programs, path, step, out);
        }
    }
    named(run, out);
    hidden(run, out);
    stopped(run, out);
    memory(run, out);
    probed(run, out);
    detached(run, out);
}

/// One finding of a kind is enough: the first.
fn add(run: &Run<'_>, out: &mut Outcome, detection: &Detection, words: String, process: Process, at: At) {
    if !out.findings.iter().any(|finding: &Finding| finding.id == detection.id) {
        let told = run.record.told(process, at);
        out.findings.push(run.finding(detection, words).with_evidence("command", &told, None));
    }
}

fn started(run: &Run<'_>, named: NamedExec<'_>, out: &mut Outcome) {
    let exec = &named.exec.what;
    let (process, at) = (named.process, named.exec.at);
    let shown = model::escape_bytes(&exec.program);
    // G8: a runtime copies itself into memory before the first program of the image runs; here nothing does.
    if exec.origin == Origin::Memory {
        let before = out.findings.len();
        add(run, out, &MEMFDEXEC, format!("{shown} was run and is in memory only"), process, at);
        if let (Some(content), Some(finding)) = (&exec.content, out.findings.get_mut(before)) {
            finding.content = Some(model::Digest::sha256(content.sha256));
        }
    }
    if exec.origin == Origin::Deleted {
        add(run, out, &DELEXEC, format!("{shown} was run and its file is gone"), process, at);
    }
    let forced = exec.environment.iter().find_map(|variable| variable.strip_prefix(b"LD_PRELOAD="));
    for library in forced
        .unwrap_or_default()
        .split(|byte| matches!(byte, b':' | b' '))
        .filter(|library| !library.is_empty())
    {
        let written = run.record.file(library).and_then(written_by).is_some_and(|(_, when)| when < at);
        let from_memory = library.starts_with(b"/proc/") || library.starts_with(b"/dev/shm/");
        if written || from_memory {
            let words = format!("{shown} was started with {} forced into it", model::escape_bytes(library));
            add(run, out, &PRELOADCHILD, words, process, at);
        }
    }
    // The name under which it is listed, against what it is.
    if let Some(first) = exec.arguments.first() {
        pretends(run, process, at, first, &exec.program, out);
    }
}

fn named(run: &Run<'_>, out: &mut Outcome) {
    for process in run.record.processes() {
        for name in &process.names {
            if let Some(exec) = run.record.program(process.process, name.at) {
                let program = exec.what.program.clone();
                pretends(run, process.process, name.at, &name.what, &program, out);
            }
        }
    }
}

/// `[kworker/0:1]`, or the name of a service of the system, over a program that is something else.
fn pretends(run: &Run<'_>, process: Process, at: At, name: &[u8], program: &[u8], out: &mut Outcome) {
    let bare = name.strip_prefix(b"-").unwrap_or(name);
    let bracketed = bare.first() == Some(&b'[');
    let inner: &[u8] = base_name(bare.strip_prefix(b"[").unwrap_or(bare));
    let end =
        inner.iter().position(|byte| matches!(byte, b'/' | b']' | b':' | b' ' | b'-')).unwrap_or(inner.len());
    let stem = inner.get(..end).unwrap_or_default();
    let is = base_name(program);
    let kernel = bracketed && bare.len() > 2;
    let system = SYSTEM_NAMES.contains(&stem) && !is.starts_with(stem) && !stem.starts_with(is);
    // A box of applets is called by the applet's name.
    let applets = matches!(is, b"busybox" | b"toybox" | b"coreutils");
    if (kernel || system) && !applets {
        let words = format!("{} calls itself {}", model::escape_bytes(program), model::escape_bytes(name));
        add(run, out, &ARGV0, words, process, at);
    }
}

fn touched(
    run: &Run<'_>,
    programs: &BTreeSet<&[u8]>,
    path: &[u8],
    step: &Noted<FileStep>,
    out: &mut Outcome,
) {
    let (process, at) = (step.what.process, step.at);
    let shown = model::escape_bytes(path);
    match &step.what.op {
        FileOp::Mount { .. } if is_process_directory(path) => {
            add(run, out, &BINDPROC, format!("tried to mount over {shown}"), process, at);
        }
        FileOp::Unlink if step.what.done => {
            let runs_it = run.record.lineage(process).any(|ancestor| {
                ancestor.execs.iter().any(|exec| {
                    let script = exec.what.arguments.iter().take(3).any(|word| word.as_slice() == path);
                    let interpreted = is_interpreter(base_name(&exec.what.program)) && script;
                    exec.at < at
                        && exec.what.result == 0
                        && (exec.what.program.as_slice() == path || interpreted)
                })
            });
            if runs_it && step.what.origin == Origin::Image {
                add(run, out, &SELFDEL, format!("{shown} removed itself"), process, at);
            }
            if is_log(path) && step.what.origin == Origin::Image {
                add(run, out, &LOGHIST, format!("{shown} was removed"), process, at);
            }
        }
        FileOp::Truncate(0) if step.what.done && is_log(path) => {
            let rotates = run
                .record
                .program(process, at)
                .is_some_and(|exec| base_name(&exec.what.program) == b"logrotate");
            if !rotates {
                add(run, out, &LOGHIST, format!("{shown} was emptied"), process, at);
            }
        }
        FileOp::Symlink(to) if is_history(path) && to.as_slice() == b"/dev/null" => {
            add(run, out, &LOGHIST, format!("{shown} was made to lead nowhere"), process, at);
        }
        FileOp::Times(seconds) if step.what.done => {
            let program = programs.contains(path)
                || [b"/bin/".as_slice(), b"/usr/bin/", b"/usr/sbin/", b"/sbin/", b"/usr/lib/"]
                    .iter()
                    .any(|place| is_under(path, place));
            let unpacks = run.record.lineage(process).any(|ancestor| {
                ancestor.execs.iter().any(|exec| UNPACKERS.contains(&base_name(&exec.what.program)))
            });
            let old = *seconds < run.image.began - 30 * DAY;
            if step.what.origin == Origin::Written && program && old && !unpacks {
                add(run, out, &UTIMES, format!("{shown} was written now and dated back"), process, at);
            }
        }
        FileOp::Open { write: true, .. } if path == b"/sys/fs/selinux/enforce" => {
            add(run, out, &KILLSEC, "tried to switch off mandatory access control".to_owned(), process, at);
        }
        _ => {}
    }
}

fn is_process_directory(path: &[u8]) -> bool {
    let rest = path.strip_prefix(b"/proc/").unwrap_or_default();
    !rest.is_empty() && rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'/')
}

fn is_history(path: &[u8]) -> bool {
    matches!(base_name(path), b".bash_history" | b".ash_history" | b".zsh_history" | b".python_history")
}

fn is_log(path: &[u8]) -> bool {
    is_history(path)
        || matches!(
            path,
            b"/var/log/wtmp"
                | b"/var/log/btmp"
                | b"/var/log/lastlog"
                | b"/var/log/auth.log"
                | b"/var/log/secure"
                | b"/var/log/syslog"
                | b"/var/log/messages"
                | b"/var/log/audit/audit.log"
                | b"/var/run/utmp"
        )
}

fn hidden(run: &Run<'_>, out: &mut Outcome) {
    // One look can come between a birth and the listing, so it takes three.
    let mut looks: std::collections::BTreeMap<Process, usize> = std::collections::BTreeMap::new();
    for act in run.record.host() {
        if let HostAct::Hidden { process, asked } = &act.what {
            let count = looks.entry(*process).or_default();
            *count += 1;
            if *count == 3 {
                let words = format!("a process runs that {} does not show", model::escape_text(asked));
                add(run, out, &CROSSVIEW, words, *process, act.at);
            }
        }
    }
}

/// Agents stopped, firewall emptied, mandatory access control switched off.
fn stopped(run: &Run<'_>, out: &mut Outcome) {
    for named in run.record.execs() {
        let words: Vec<&[u8]> = named.exec.what.arguments.iter().map(|word| word.as_slice()).collect();
        let name = base_name(words.first().copied().unwrap_or_default());
        let has = |word: &[u8]| words.contains(&word);
        let stops = match name {
            b"setenforce" => has(b"0"),
            b"iptables" | b"ip6tables" => (has(b"-F") || has(b"--flush")) && !run.declares(&["vpn"]),
            b"ufw" => has(b"disable"),
            b"nft" => has(b"flush") && has(b"ruleset") && !run.declares(&["vpn"]),
            b"pkill" | b"killall" => words.iter().skip(1).any(|word| AGENTS.contains(word)),
            b"systemctl" | b"service" => {
                (has(b"stop") || has(b"disable"))
                    && words
                        .iter()
                        .any(|word| AGENTS.contains(&word.strip_suffix(b".service").unwrap_or(word)))
            }
            _ => false,
        };
        if stops {
            let shown = run.record.told(named.process, named.exec.at);
            add(run, out, &KILLSEC, format!("ran {shown}"), named.process, named.exec.at);
        }
    }
}

fn memory(run: &Run<'_>, out: &mut Outcome) {
    const WRITE_AND_RUN: u64 = 2 | 4;
    for call in run.record.calls() {
        let asks = matches!(call.what.name.as_slice(), b"mmap" | b"mprotect")
            && call.what.arguments[2] & WRITE_AND_RUN == WRITE_AND_RUN;
        if !asks {
            continue;
        }
        let Some(exec) = run.record.program(call.what.process, call.at) else { continue };
        let name = base_name(&exec.what.program);
        if !(is_compiler_at_run_time(name) && exec.what.origin == Origin::Image) {
            let words =
                format!("{} asked for memory to write and run", model::escape_bytes(&exec.what.program));
            add(run, out, &ANONEXEC, words, call.what.process, call.at);
        }
    }
}

/// The first process looked around and ended within seconds without having done anything else.
fn probed(run: &Run<'_>, out: &mut Outcome) {
    let tells: BTreeSet<&[u8]> = run
        .record
        .files()
        .filter(|(_, history)| history.readers().next().is_some())
        .filter_map(|(path, _)| TELLS.iter().copied().find(|tell| path.starts_with(tell)))
        .collect();
    let Some(first) = run.record.processes().next() else { return };
    let Some((ended, Ended::Code(_))) = first.life.ended else { return };
    let alone = run.record.flows().next().is_none()
        && run.record.execs().len() <= 2
        && run.record.files().all(|(_, history)| written_by(history).is_none());
    if tells.len() >= 4 && alone && ended.real < 10 * SECOND && !run.run.neutral {
        let list: Vec<String> = tells.iter().map(|tell| model::escape_bytes(tell)).collect();
        let words = format!("read {} and ended", list.join(", "));
        add(run, out, &PROBE, words, first.process, ended);
    }
}

fn detached(run: &Run<'_>, out: &mut Outcome) {
    for call in run.record.calls().iter().filter(|call| call.what.name.as_slice() == b"setsid") {
        let Some(record) = run.record.process(call.what.process) else { continue };
        let parent = run.record.process(record.parent);
        let shell = run
            .record
            .program(call.what.process, call.at)
            .is_some_and(|exec| is_shell(base_name(&exec.what.program)));
        let left = parent.is_some_and(|parent| {
            parent.life.ended.is_some_and(|(at, _)| record.life.ended.is_none_or(|(own, _)| own > at))
        });
        if left && !shell {
            add(run, out, &DAEMON, "left its parent and its session".to_owned(), call.what.process, call.at);
        }
    }
}

/// What does harm in one run and not in another that differs from it in one thing.
pub(in crate::groups) fn compare(runs: &[Run<'_>], out: &mut Outcome) {
    let of = |name: &str| -> Vec<Finding> {
        let convicts = |finding: &&Finding| {
            finding.role == Role::Convicts
                && finding.evidence.iter().any(|piece| piece.kind == "run" && piece.value == name)
        };
        out.findings.iter().filter(convicts).cloned().collect()
    };
    let mut found = Vec::new();
    for run in runs {
        let harm = of(&run.run.name);
        let Some(worst) = harm.first() else { continue };
        // The run that differs from this one in the named thing alone.
        let against = |suffix: &str| {
            let plain = run.run.name.strip_suffix(suffix)?;
            runs.iter().find(|other| other.run.name == plain)
        };
        for (suffix, detection) in [(crate::HIDDEN_PROFILE, &DIVERGE), (crate::LATER, &TIMEGATE)] {
            if let Some(plain) = against(suffix)
                && of(&plain.run.name).is_empty()
            {
                let words = format!(
                    "{} held in the run `{}` and not in `{}`",
                    worst.id, run.run.name, plain.run.name
                );
                found.push(run.finding(detection, words).with_evidence("finding", &worst.id, None));
            }
        }
    }
    out.findings.append(&mut found);
    unreached(runs, out);
}

/// Programs that the image brings and that no run started.
fn unreached(runs: &[Run<'_>], out: &mut Outcome) {
    let Some(first) = runs.first() else { return };
    let started: BTreeSet<Vec<u8>> = runs
        .iter()
        .flat_map(|run| run.record.execs())
        .filter(|named| named.exec.what.result == 0)
        .map(|named| named.exec.what.program.to_vec())
        .collect();
    let missed: Vec<String> = first
        .image
        .unowned
        .iter()
        .filter(|path| !started.contains(*path))
        .map(|path| model::escape_bytes(path))
        .collect();
    if missed.is_empty() {
        return;
    }
    let words = format!(
        "{} of {} programs that no package owns were started in no run",
        missed.len(),
        first.image.unowned.len()
    );
    let some: Vec<String> = missed.into_iter().take(10).collect();
    out.findings.push(first.finding(&COVERAGE, words).with_evidence("programs", &some.join(", "), None));
}
