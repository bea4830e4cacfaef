use super::detections::{
    BPF, CGROUP, EXPLOIT, KERNEL_HOOK, MODULE, MOUNT, NAMESPACE, PROC_ONE, PTRACE, RUNTIME, SETUID, SOCKET,
};
use crate::Outcome;
use crate::groups::{Run, base_name, is_under};
use crate::record::{At, FileStep, Noted};
use events::{FileOp, KernelCall, NetOp, Origin, Peer, Process, WireKind};
use model::{Detection, Finding, Role};
use std::collections::{BTreeMap, BTreeSet};

/// What makes namespaces to protect.
const SANDBOXES: [&[u8]; 13] = [
    b"chrome",
    b"chromium",
    b"chrome_sandbox",
    b"firefox",
    b"bwrap",
    b"buildkitd",
    b"rootlesskit",
    b"podman",
    b"dockerd",
    b"runc",
    b"crun",
    b"systemd",
    b"vsftpd",
];
const DEBUGGERS: [&[u8]; 8] =
    [b"gdb", b"gdbserver", b"strace", b"ltrace", b"lldb", b"lldb-server", b"rr", b"py-spy"];
/// Where the kernel looks up programs that it runs.
const KERNEL_HOOKS: [&[u8]; 7] = [
    b"/proc/sys/kernel/core_pattern",
    b"/proc/sys/kernel/modprobe",
    b"/proc/sys/kernel/hotplug",
    b"/proc/sys/fs/binfmt_misc/",
    b"/sys/kernel/uevent_helper",
    b"/proc/sysrq-trigger",
    b"/proc/sys/kernel/poweroff_cmd",
];
const ENGINE_SOCKETS: [&[u8]; 8] = [
    b"docker.sock",
    b"containerd.sock",
    b"crio.sock",
    b"podman.sock",
    b"cri-dockerd.sock",
    b"dockershim.sock",
    b"buildkitd.sock",
    b"k3s.sock",
];
/// Ways into the rest of the machine, by the beginning of their path.
const DISKS: [&[u8]; 7] =
    [b"/dev/sd", b"/dev/vd", b"/dev/nvme", b"/dev/xvd", b"/dev/dm-", b"/dev/mapper/", b"/dev/loop"];

/// What lists and checks disks by trade.
const DISK_TOOLS: [&[u8]; 9] =
    [b"blkid", b"lsblk", b"findmnt", b"e2scrub", b"e2scrub_all", b"lvs", b"lvm", b"smartctl", b"mdadm"];

const CLONE_NAMESPACES: u64 = 0x7e02_0000 | 0x80;

/// What one run shows of getting out.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    for (path, history) in run.record.files() {
        for step in &history.steps {
            touched(run, path, step, out);
        }
    }
    let mut odd: BTreeMap<Process, BTreeSet<&[u8]>> = BTreeMap::new();
    for call in run.record.calls() {
        called(run, call, out);
        if EXPLOIT_CALLS.contains(&call.what.name.as_slice()) {
            odd.entry(run.record.leader(call.what.process)).or_default().insert(call.what.name.as_slice());
        }
    }
    for (process, calls) in odd {
        let unshares = run.record.calls().iter().any(|call| {
            run.record.leader(call.what.process) == process && call.what.name.as_slice() == b"unshare"
        });
        if calls.len() + usize::from(unshares) >= 3 {
            let list: Vec<String> = calls.iter().map(|name| model::escape_bytes(name)).collect();
            let at = run.record.process(process).map_or(At::default(), |record| record.life.born);
            add(run, out, &EXPLOIT, format!("called {} together", list.join(", ")), process, at);
        }
    }
    engines(run, out);
    gained(run, out);
}

const EXPLOIT_CALLS: [&[u8]; 7] =
    [b"userfaultfd", b"add_key", b"keyctl", b"io_uring_setup", b"vmsplice", b"modify_ldt", b"msgsnd"];

/// One finding of a kind is enough: the first.
fn add(run: &Run<'_>, out: &mut Outcome, detection: &Detection, words: String, process: Process, at: At) {
    if !out.findings.iter().any(|finding: &Finding| finding.id == detection.id) {
        let told = run.record.told(process, at);
        out.findings.push(run.finding(detection, words).with_evidence("command", &told, None));
    }
}

/// Attempts count as deeds: the sandbox lets none of them through.
fn touched(run: &Run<'_>, path: &[u8], step: &Noted<FileStep>, out: &mut Outcome) {
    let (process, at) = (step.what.process, step.at);
    let shown = model::escape_bytes(path);
    let writes = matches!(step.what.op, FileOp::Open { write: true, .. } | FileOp::Wrote { .. });
    match &step.what.op {
        FileOp::Mount { kind, .. } if kind.as_slice() != b"" || !step.what.done => {
            let program = run.record.program(process, at).map(|exec| base_name(&exec.what.program));
            let trade =
                program.is_some_and(|name| SANDBOXES.contains(&name)) || run.declares(&["dind", "systemd"]);
            if !trade && !is_under(path, b"/proc/") {
                add(run, out, &MOUNT, format!("tried to mount at {shown}"), process, at);
            }
        }
        // Servers change their root to lock themselves in; whoever gets out makes the host's his own.
        FileOp::Root
            if [b"/proc/".as_slice(), b"/host", b"/mnt"].iter().any(|place| path.starts_with(place)) =>
        {
            add(run, out, &MOUNT, format!("tried to make {shown} its root"), process, at);
        }
        _ => {}
    }
    let name = base_name(path);
    if writes
        && (name == b"release_agent" || (name == b"notify_on_release" && step.what.origin == Origin::Kernel))
    {
        add(run, out, &CGROUP, format!("tried to write {shown}"), process, at);
    }
    if writes && KERNEL_HOOKS.iter().any(|hook| path.starts_with(hook)) && !run.declares(&["binfmt"]) {
        add(run, out, &KERNEL_HOOK, format!("tried to write {shown}"), process, at);
    }
    let opens = matches!(step.what.op, FileOp::Open { .. } | FileOp::MakeNode(_));
    let outside = path == b"/dev/mem"
        || path == b"/dev/kmem"
        || path == b"/proc/kcore"
        || (path == b"/dev/kmsg" && writes)
        || path.starts_with(b"/proc/1/root/")
        || DISKS.iter().any(|disk| path.starts_with(disk)) && !path.ends_with(b"/") && name != b"control";
    let keeps_disks = || {
        run.record.program(process, at).is_some_and(|exec| {
            exec.what.origin == Origin::Image && DISK_TOOLS.contains(&base_name(&exec.what.program))
        })
    };
    if opens && outside && !run.declares(&["agent", "dind"]) && !keeps_disks() {
        add(run, out, &PROC_ONE, format!("tried to open {shown}"), process, at);
    }
    let runtime = path == b"/proc/self/exe"
        || (path.starts_with(b"/proc/") && path.ends_with(b"/exe") && !path.starts_with(b"/proc/self/fd/"));
    let left_open = path.starts_with(b"/proc/self/fd/") && path.windows(3).any(|window| window == b"/..");
    if (writes && runtime) || (opens && left_open) {
        add(run, out, &RUNTIME, format!("tried to open {shown}"), process, at);
    }
    if let FileOp::Mode(mode) = step.what.op
        && mode & 0o4000 != 0
        && step.what.origin == Origin::Written
        && step.what.done
    {
        let installs = run.record.lineage(process).any(|ancestor| {
            ancestor
                .execs
                .iter()
                .any(|exec| matches!(base_name(&exec.what.program), b"dpkg" | b"rpm" | b"apk"))
        });
        if !installs {
            add(run, out, &SETUID, format!("gave {shown} the rights of its owner"), process, at);
        }
    }
}

fn called(run: &Run<'_>, call: &Noted<KernelCall>, out: &mut Outcome) {
    let (process, at) = (call.what.process, call.at);
    let program =
        run.record.program(process, at).map(|exec| base_name(&exec.what.program)).unwrap_or_default();
    let arguments = call.what.arguments;
    match call.what.name.as_slice() {
        b"init_module" | b"finit_module" if !run.declares(&["driver"]) => {
            add(run, out, &MODULE, "tried to load a kernel module".to_owned(), process, at);
        }
        // BPF_PROG_LOAD
        b"bpf" if arguments[0] == 5 && !run.declares(&["agent"]) => {
            add(run, out, &BPF, "tried to load a program into the kernel".to_owned(), process, at);
        }
        b"setns" if !SANDBOXES.contains(&program) => {
            add(run, out, &NAMESPACE, "tried to enter a namespace".to_owned(), process, at);
        }
        b"unshare" | b"clone" | b"clone3" => {
            let made = arguments[0] & CLONE_NAMESPACES != 0;
            let sandboxes = SANDBOXES.contains(&program) || run.declares(&["dind", "browser"]);
            if made && !sandboxes {
                add(run, out, &NAMESPACE, "made namespaces of its own".to_owned(), process, at);
            }
        }
        b"process_vm_writev"
            if call.what.target.is_some_and(|target| target != process) && !DEBUGGERS.contains(&program) =>
        {
            add(run, out, &PTRACE, "wrote into the memory of another process".to_owned(), process, at);
        }
        // PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_POKETEXT, PTRACE_POKEDATA
        b"ptrace" if matches!(arguments[0], 16 | 0x4206 | 4 | 5) => {
            let own = call.what.target.is_some_and(|target| {
                run.record.process(target).is_some_and(|record| record.parent == process)
            });
            if !own && !DEBUGGERS.contains(&program) {
                add(run, out, &PTRACE, "took hold of another process".to_owned(), process, at);
            }
        }
        _ => {}
    }
}

fn engines(run: &Run<'_>, out: &mut Outcome) {
    let spoke = run.record.sockets().iter().find(|act| match &act.what.op {
        NetOp::Connect { to: Peer::Unix(path), .. } => ENGINE_SOCKETS.contains(&base_name(path)),
        _ => false,
    });
    let over_wire = run.record.flows().find_map(|flow| {
        flow.steps.iter().find_map(|step| match &step.what {
            WireKind::Step { protocol, what } if protocol == "docker" => Some((flow, step.at, what)),
            _ => None,
        })
    });
    let asked = run.record.flows().flat_map(|flow| &flow.steps).find_map(|step| match &step.what {
        WireKind::Step { protocol, what } if protocol == "docker" && takes_host(what) => Some(what),
        _ => None,
    });
    let (process, at) = match (spoke, over_wire) {
        (Some(act), _) => (Some(act.what.process), act.at),
        (None, Some((flow, at, _))) => (flow.process, at),
        (None, None) => return,
    };
    let words = match asked {
        Some(what) => format!(
            "asked a container engine for a container with the host's rights: {}",
            model::escape_bytes(what)
        ),
        None => "spoke to a container engine".to_owned(),
    };
    let mut finding = run.finding(&SOCKET, words.chars().take(300).collect::<String>());
    if asked.is_some() {
        finding.role = Role::Convicts;
    } else if run.declares(&["proxy", "agent"]) {
        finding.role = Role::Context;
    }
    if let Some(process) = process {
        finding = finding.with_evidence("command", &run.record.told(process, at), None);
    }
    out.findings.push(finding);
}

/// A request for a container that has the host's rights, or a directory of the host in it.
fn takes_host(what: &[u8]) -> bool {
    let has = |text: &[u8]| what.windows(text.len()).any(|window| window == text);
    has(b"privileged") || has(b"bind /:") || has(b"pid=host") || has(b"bind /etc:") || has(b"bind /root:")
}

/// Who was nobody and is the administrator, through a program that no layer brought.
fn gained(run: &Run<'_>, out: &mut Outcome) {
    for process in run.record.processes() {
        let mut user = None;
        for exec in process.execs.iter().filter(|exec| exec.what.result == 0) {
            let before = user.replace(exec.what.euid);
            let rose = before.is_some_and(|before| before != 0) && exec.what.euid == 0;
            if rose && exec.what.origin != Origin::Image {
                let words =
                    format!("became the administrator through {}", model::escape_bytes(&exec.what.program));
                add(run, out, &SETUID, words, process.process, exec.at);
            }
        }
    }
}
