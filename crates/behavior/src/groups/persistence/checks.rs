use super::detections::{ACCOUNT, CRON, HOOKFIRE, HOSTCRON, KEYS, PRELOAD, REPLACED, STARTUP, UNIT};
use crate::Outcome;
use crate::groups::{Run, base_name, is_under, is_unpacking, written_by};
use crate::record::{At, FileHistory};
use events::{FileOp, Origin, Process};
use model::{Detection, Finding};
use std::collections::BTreeSet;

/// What manages packages, and what such managers run, may replace what packages own.
const INSTALLERS: [&[u8]; 12] = [
    b"dpkg",
    b"dpkg-deb",
    b"apt-get",
    b"apt",
    b"rpm",
    b"dnf",
    b"yum",
    b"microdnf",
    b"apk",
    b"update-alternatives",
    b"busybox",
    b"ldconfig",
];
/// Programs of the system that keep the list of accounts.
const ACCOUNT_TOOLS: [&[u8]; 10] = [
    b"useradd",
    b"usermod",
    b"userdel",
    b"groupadd",
    b"groupmod",
    b"adduser",
    b"addgroup",
    b"chpasswd",
    b"passwd",
    b"vipw",
];
/// Names of programs and libraries that an attacker replaces.
const GUARDS: [&[u8]; 24] = [
    b"sshd",
    b"ssh",
    b"su",
    b"sudo",
    b"login",
    b"passwd",
    b"ps",
    b"ls",
    b"top",
    b"netstat",
    b"ss",
    b"lsof",
    b"find",
    b"ld.so",
    b"bash",
    b"sh",
    b"dash",
    b"crond",
    b"cron",
    b"pam_unix.so",
    b"libpam.so.0",
    b"libc.so.6",
    b"curl",
    b"systemctl",
];
const PROGRAM_PLACES: [&[u8]; 9] = [
    b"/bin/",
    b"/sbin/",
    b"/usr/bin/",
    b"/usr/sbin/",
    b"/lib/",
    b"/lib64/",
    b"/usr/lib/",
    b"/usr/local/bin/",
    b"/usr/lib64/",
];
const TABLES: [&[u8]; 6] = [
    b"/etc/cron",
    b"/var/spool/cron/",
    b"/etc/anacrontab",
    b"/var/spool/at/",
    b"/var/spool/anacron/",
    b"/etc/crontabs/",
];
const SERVICES: [&[u8]; 9] = [
    b"/etc/systemd/",
    b"/lib/systemd/system/",
    b"/usr/lib/systemd/system/",
    b"/etc/init.d/",
    b"/etc/rc",
    b"/etc/profile",
    b"/etc/bash.bashrc",
    b"/etc/zsh/",
    b"/etc/environment",
];
/// Where hosts are mounted into containers.
const HOST_MOUNTS: [&[u8]; 8] = [
    b"/host/",
    b"/mnt/",
    b"/hostfs/",
    b"/rootfs/",
    b"/media/",
    b"/host-root/",
    b"/var/tmp/mnt/",
    b"/tmp/mnt/",
];

/// What one run shows of staying.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    for (path, history) in run.record.files() {
        if let Some((process, at)) = written_by(history) {
            written(run, path, history, process, at, out);
        }
    }
    if run.run.neutral {
        fires(run, out);
    }
}

fn written(run: &Run<'_>, path: &[u8], history: &FileHistory, process: Process, at: At, out: &mut Outcome) {
    let name = base_name(path);
    let installs = runs(run, process, at, &INSTALLERS);
    let mut add = |detection: &Detection, words: &str| {
        if !out.findings.iter().any(|finding: &Finding| finding.id == detection.id) {
            let shown = model::escape_bytes(path);
            let finding = run
                .finding(detection, format!("{shown} {words}"))
                .at_path(path.strip_prefix(b"/").unwrap_or(path))
                .with_evidence("written_by", &run.record.told(process, at), None);
            out.findings.push(finding);
        }
    };
    if path == b"/etc/ld.so.preload" {
        add(&PRELOAD, "was written while the image ran");
    }
    let host = HOST_MOUNTS.iter().find_map(|mount| path.strip_prefix(*mount));
    if let Some(rest) = host {
        // The mount may stand for the host's root or lie a directory deeper.
        let inner =
            rest.iter().position(|&byte| byte == b'/').and_then(|at| rest.get(at..)).unwrap_or_default();
        let whole = [b"/", rest].concat();
        if TABLES.iter().any(|table| whole.starts_with(table) || inner.starts_with(table)) {
            add(&HOSTCRON, "was written, a table of timed commands of the host");
        }
    }
    if installs {
        return;
    }
    if TABLES.iter().any(|table| path.starts_with(table)) && !run.declares(&["backup", "cron"]) {
        add(&CRON, "was written while the image ran");
    }
    let home_profile = (is_under(path, b"/root/") || is_under(path, b"/home/"))
        && matches!(name, b".bashrc" | b".profile" | b".bash_profile" | b".zshrc" | b".bash_login");
    if SERVICES.iter().any(|place| path.starts_with(place)) || home_profile {
        add(&UNIT, "was written while the image ran");
    }
    if name == b"authorized_keys" || name == b"authorized_keys2" {
        add(&KEYS, "was written while the image ran");
    }
    let accounts = matches!(path, b"/etc/passwd" | b"/etc/shadow" | b"/etc/sudoers")
        || is_under(path, b"/etc/sudoers.d/");
    // Whoever may write the list of accounts without being root only gives its own number a name.
    let own_name = path == b"/etc/passwd" && user(run, process, at) != 0;
    if accounts && !own_name && !runs(run, process, at, &ACCOUNT_TOOLS) {
        add(&ACCOUNT, "was written by no tool for accounts");
    }
    // The first that is known of it says whether it was there before.
    let first = history.steps.iter().find(|step| {
        step.what.done
            && matches!(step.what.op, FileOp::Replaced | FileOp::Open { write: true, .. } | FileOp::Unlink)
    });
    let was_there = history
        .steps
        .iter()
        .any(|step| step.what.origin == Origin::Image || step.what.op == FileOp::Replaced)
        || first.is_some_and(|step| !creates(&step.what.op));
    let linker = name.starts_with(b"ld-linux") || name.starts_with(b"ld-musl");
    if (GUARDS.contains(&name) || linker)
        && PROGRAM_PLACES.iter().any(|place| is_under(path, place))
        && was_there
    {
        add(&REPLACED, "of the system was overwritten while the image ran");
    }
}

fn creates(op: &FileOp) -> bool {
    matches!(op, FileOp::Open { create: true, .. })
}

fn user(run: &Run<'_>, process: Process, at: At) -> u32 {
    let named = run.record.lineage(process).find_map(|record| {
        let user = record.users.iter().rev().find(|user| user.at <= at).map(|user| (user.at, user.what));
        let exec = record.execs.iter().rev().find(|exec| exec.at <= at).map(|exec| (exec.at, exec.what.euid));
        user.max(exec)
    });
    named.map_or(0, |(_, user)| user)
}

fn runs(run: &Run<'_>, process: Process, at: At, names: &[&[u8]]) -> bool {
    run.record.lineage(process).any(|ancestor| {
        ancestor
            .execs
            .iter()
            .filter(|exec| exec.at <= at && exec.what.result == 0 && exec.what.origin == Origin::Image)
            .any(|exec| names.contains(&base_name(&exec.what.program)))
    })
}

/// Places that interpreters write to by themselves.
const CACHES: [&[u8]; 7] = [
    b"/tmp/hsperfdata_",
    b"/dev/",
    b"/proc/",
    b"/home/",
    b"/tmp/jdk-",
    b"/root/.bash_history",
    b"/root/.npm/",
];

/// What an interpreter does that was started to do nothing.
fn fires(run: &Run<'_>, out: &mut Outcome) {
    let flow = run.record.flows().find(|flow| !flow.to.ip().is_loopback());
    let first = run.record.execs().first().map(|named| named.process);
    let started = run.record.execs().into_iter().find(|named| {
        let shell_of_probe = Some(named.process) == first;
        let usual = PROFILE_TOOLS.contains(&base_name(&named.exec.what.program));
        !shell_of_probe && named.exec.what.result == 0 && !usual
    });
    let wrote = run.record.files().find(|(path, history)| {
        let cache = [b"/__pycache__/".as_slice(), b"/.cache/"]
            .iter()
            .any(|part| path.windows(part.len()).any(|window| window == *part))
            || CACHES.iter().any(|place| path.starts_with(place));
        !cache && written_by(history).is_some()
    });
    let words = match (&flow, &started, &wrote) {
        (Some(flow), _, _) => format!("doing nothing, it spoke to {}:{}", flow.host(), flow.to.port()),
        // A profile may well start small tools, so what starts must be no program of the image's own or must
        // bring more with it.
        (None, Some(named), _) if named.exec.what.origin != Origin::Image => {
            format!("doing nothing, it started {}", model::escape_bytes(&named.exec.what.program))
        }
        (None, _, Some((path, _))) => format!("doing nothing, it wrote {}", model::escape_bytes(path)),
        _ => return,
    };
    let mut finding = run.finding(&HOOKFIRE, words);
    if let Some(flow) = flow {
        finding = finding.with_evidence("host", &format!("{}:{}", flow.host(), flow.to.port()), None);
        if let Some(process) = flow.process {
            finding = finding.with_evidence("command", &run.record.told(process, flow.opened), None);
        }
    }
    out.findings.push(finding);
}

/// What honest shell profiles run.
const PROFILE_TOOLS: [&[u8]; 14] = [
    b"id",
    b"tty",
    b"dircolors",
    b"lesspipe",
    b"locale",
    b"uname",
    b"hostname",
    b"tput",
    b"ls",
    b"cat",
    b"grep",
    b"sed",
    b"mesg",
    b"basename",
];

/// What a second start runs that the first one wrote.
pub(in crate::groups) fn compare(runs: &[Run<'_>], out: &mut Outcome) {
    let first = runs.iter().find(|run| run.run.name == crate::AS_CONFIGURED);
    let again = runs.iter().find(|run| run.run.name == crate::SECOND_START);
    let (Some(first), Some(again)) = (first, again) else { return };
    let programs = |run: &Run<'_>| -> BTreeSet<Vec<u8>> {
        run.record.execs().iter().map(|named| named.exec.what.program.to_vec()).collect()
    };
    let before = programs(first);
    let new = again.record.execs().into_iter().find(|named| {
        let path = named.exec.what.program.as_slice();
        let writer = first.record.file(path).and_then(written_by);
        !before.contains(path) && writer.is_some_and(|(writer, at)| !is_unpacking(first, writer, at))
    });
    if let Some(named) = new {
        let shown = model::escape_bytes(&named.exec.what.program);
        out.findings.push(
            again
                .finding(&STARTUP, format!("{shown} ran in the second start; the first one had written it"))
                .with_evidence("command", &again.record.told(named.process, named.exec.at), None),
        );
    }
}
