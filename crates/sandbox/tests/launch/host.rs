//! What a guest could change of the host, read before and after.

use crate::hostile::orphaned_groups;
use crate::network::children;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Files of the kernel through which a host was taken over or disturbed.
const SETTINGS: &[&str] = &[
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/core_uses_pid",
    "/proc/sys/kernel/domainname",
    "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/kptr_restrict",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/perf_event_paranoid",
    "/proc/sys/kernel/poweroff_cmd",
    "/proc/sys/kernel/printk",
    "/proc/sys/kernel/randomize_va_space",
    "/proc/sys/kernel/sysrq",
    "/proc/sys/kernel/unprivileged_bpf_disabled",
    "/proc/sys/fs/suid_dumpable",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/vm/mmap_min_addr",
    "/proc/sys/vm/overcommit_memory",
    "/proc/swaps",
    "/sys/fs/cgroup/cgroup.subtree_control",
    "/sys/fs/cgroup/memory/release_agent",
    "/sys/fs/cgroup/pids/release_agent",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/uevent_helper",
];

/// Runs guests, and sees that the host is afterwards as it was: the same mounts, settings and routes, the program
/// that makes sandboxes the same, and nothing that runs or is kept of the guest.
#[track_caller]
pub(crate) fn untouched(guests: impl Fn()) {
    let mut changed = Vec::new();
    // Others on this machine mount and unmount too; a guest that changes something does so each time.
    for _ in 0..3 {
        let before = state();
        guests();
        let after = state();
        let names = before.keys().chain(after.keys());
        changed = names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect();
        if changed.is_empty() {
            return;
        }
    }
    panic!("the host has changed: {changed:?}");
}

fn state() -> BTreeMap<String, String> {
    let read = |path: &&str| (path.to_string(), fs::read_to_string(path).unwrap_or_default());
    let mut state: BTreeMap<String, String> = SETTINGS.iter().map(read).collect();
    for line in fs::read_to_string("/proc/self/mountinfo").unwrap().lines() {
        // Numbers of mounts go on; where, what and how is what counts.
        let words: Vec<&str> = line.split(' ').skip(2).collect();
        state.insert(format!("mount {}", words.join(" ")), String::new());
    }
    for line in fs::read_to_string("/proc/net/route").unwrap_or_default().lines() {
        state.insert(format!("route {line}"), String::new());
    }
    for group in orphaned_groups() {
        state.insert(format!("group {}", group.display()), String::new());
    }
    for child in children(std::process::id()) {
        state.insert(format!("process {child}"), String::new());
    }
    for program in [std::env::current_exe().unwrap().as_path(), Path::new("/bin/busybox")] {
        let found = fs::metadata(program).unwrap();
        let told = (found.ino(), found.len(), found.mode(), found.uid(), found.mtime(), found.mtime_nsec());
        state.insert(program.display().to_string(), format!("{told:?}"));
    }
    state
}
