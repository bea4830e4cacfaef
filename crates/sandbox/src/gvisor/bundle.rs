//! What `runsc` is told: the bundle of the runtime specification, and the session of trace points.

use crate::error::{Failure, Step};
use crate::spec::{Limits, Start};
use rustix::io::Errno;
use serde_json::{Value, json};
use std::path::Path;

/// Docker's default set, as for the native engine.
const CAPABILITIES: &[&str] = &[
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// Open files, as Docker sets it.
const FILES: u64 = 1_048_576;

/// What each message says of who acted.
const CONTEXT: &[&str] = &[
    "time",
    "thread_id",
    "task_start_time",
    "group_id",
    "thread_group_start_time",
    "credentials",
    "cwd",
    "process_name",
];

/// Trace points, with whether they take a path for the descriptor.
const POINTS: &[(&str, bool)] = &[
    ("container/start", false),
    ("sentry/clone", false),
    ("sentry/execve", false),
    ("sentry/task_exit", false),
    ("syscall/execve/enter", false),
    ("syscall/execve/exit", false),
    ("syscall/execveat/enter", true),
    ("syscall/execveat/exit", true),
    ("syscall/open/exit", false),
    ("syscall/openat/exit", true),
    ("syscall/creat/exit", false),
    ("syscall/close/enter", false),
    ("syscall/dup2/exit", true),
    ("syscall/dup3/exit", true),
    ("syscall/socket/exit", false),
    ("syscall/connect/exit", true),
    ("syscall/bind/exit", true),
    ("syscall/accept/exit", true),
    ("syscall/accept4/exit", true),
];

/// The file that `runsc` reads the container from.
pub(super) fn container(
    root: &Path,
    hostname: &str,
    start: &Start,
    limits: &Limits,
) -> Result<Value, Failure> {
    let root = text(root.as_os_str().as_encoded_bytes())?;
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs"}),
        json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}),
    ];
    // Over an empty /tmp gVisor would lay memory of its own, and what a dropper drops would be out of our sight. A
    // link of the image's is left alone: it leads into the tree, where gVisor lays nothing.
    let temporary = Path::new(root).join("tmp");
    if std::fs::symlink_metadata(&temporary).is_ok_and(|found| found.is_dir()) {
        mounts.push(
            json!({"destination": "/tmp", "type": "bind", "source": temporary, "options": ["bind", "rw"]}),
        );
    }
    let kinds = ["pid", "ipc", "uts", "mount"].map(|kind| json!({"type": kind}));
    let mut spaces = kinds.to_vec();
    spaces.push(json!({"type": "network", "path": "/proc/self/ns/net"}));
    Ok(json!({
        "ociVersion": "1.0.0",
        "process": process(start, limits)?,
        "root": {"path": root, "readonly": false},
        "hostname": hostname,
        "mounts": mounts,
        "linux": {"namespaces": spaces},
    }))
}

/// A process of the guest.
pub(super) fn process(start: &Start, limits: &Limits) -> Result<Value, Failure> {
    let words = |words: &[Vec<u8>]| {
        words.iter().map(|word| text(word).map(str::to_owned)).collect::<Result<Vec<_>, _>>()
    };
    let cwd = start.cwd.as_os_str().as_encoded_bytes();
    let cwd = if cwd.is_empty() { "/" } else { text(cwd)? };
    // Without a user that is root, no capability is to be had but through a program that gives it.
    let held: &[&str] = if start.user.uid == 0 { CAPABILITIES } else { &[] };
    Ok(json!({
        "user": {"uid": start.user.uid, "gid": start.user.gid, "additionalGids": start.user.groups},
        "args": words(&start.argv)?,
        "env": words(&start.env)?,
        "cwd": cwd,
        "capabilities": {"bounding": CAPABILITIES, "effective": held, "permitted": held},
        "rlimits": [
            {"type": "RLIMIT_NOFILE", "hard": FILES, "soft": FILES},
            {"type": "RLIMIT_FSIZE", "hard": limits.disk, "soft": limits.disk},
        ],
    }))
}

/// The session of trace points, which end at a socket. `runsc` tries again where we are slow and holds the guest back
/// meanwhile; what it cannot deliver after that it counts.
pub(super) fn session(socket: &Path) -> Value {
    let points: Vec<Value> = POINTS
        .iter()
        .map(|(name, path)| {
            let optional: &[&str] = if *path { &["fd_path"] } else { &[] };
            json!({"name": name, "optional_fields": optional, "context_fields": CONTEXT})
        })
        .collect();
    let sink = json!({"endpoint": socket, "retries": 5000, "backoff": "1ms", "backoff_max": "20ms"});
    json!({"trace_session": {
        "name": "Default",
        "points": points,
        "ignore_missing": true,
        "sinks": [{"name": "remote", "config": sink}],
    }})
}

/// JSON holds text only. What is not text cannot be handed over as it is, and nothing else is run in its place.
fn text(bytes: &[u8]) -> Result<&str, Failure> {
    std::str::from_utf8(bytes).map_err(|_| {
        Failure::new(
            "tell gVisor of a word that is not UTF-8, which only the native engine runs",
            Errno::ILSEQ,
        )
    })
}

/// Writes one of them.
pub(super) fn write(to: &Path, value: &Value) -> Result<(), Failure> {
    std::fs::write(to, value.to_string()).step("write what gVisor is told")
}
