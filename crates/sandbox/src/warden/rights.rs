//! What the guest's processes may: the rights that Docker gives by default, and fences behind them.

use crate::calls;
use crate::error::{Failure, Step};
use crate::filter;
use crate::message;
use crate::spec::{Limits, User};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, Gid, Uid};

/// Docker's default set.
const DEFAULT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::MKNOD)
    .union(CapabilitySet::NET_RAW)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETFCAP)
    .union(CapabilitySet::SETPCAP)
    .union(CapabilitySet::NET_BIND_SERVICE)
    .union(CapabilitySet::SYS_CHROOT)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::AUDIT_WRITE);

/// The highest number that a capability may have; there are 41 today.
const HIGHEST: u32 = 63;

/// Open files, as Docker sets it.
const FILES: u64 = 1_048_576;

/// Gives up what the guest is not to have. After this the process has a filter and is that of `user`.
/// Through `door` goes what the tracer answers calls by.
pub(super) fn give_up(
    user: &User,
    limits: &Limits,
    limited: &[&str],
    one_user: bool,
    door: Option<BorrowedFd<'_>>,
) -> Result<(), Failure> {
    bound(limits, limited);
    fence()?;
    let step = "give up capabilities";
    for number in 0..=HIGHEST {
        let one = CapabilitySet::from_bits_retain(1 << number);
        if !DEFAULT.contains(one) && rustix::thread::capability_is_in_bounding_set(one).unwrap_or(false) {
            rustix::thread::remove_capability_from_bounding_set(one).step(step)?;
        }
    }
    // Without `no_new_privs`, which would break setuid programs, only who has this right in the user namespace may
    // set a filter: it is kept until that is done.
    rustix::thread::set_keep_capabilities(true).step(step)?;
    if !one_user {
        become_user(user)?;
    }
    let filtering = CapabilitySet::SYS_ADMIN.union(DEFAULT);
    hold(filtering, CapabilitySet::empty()).step(step)?;
    // Who is not root would have each of its calls be handed back, which costs more than to trace it.
    set_filter(door.filter(|_| user.uid == 0))?;
    rustix::thread::set_keep_capabilities(false).step(step)?;
    let kept = if user.uid == 0 { DEFAULT } else { CapabilitySet::empty() };
    hold(kept, CapabilitySet::empty()).step(step)
}

/// A kernel that does not have all that it takes to answer calls has all of them be traced.
fn set_filter(door: Option<BorrowedFd<'_>>) -> Result<(), Failure> {
    if let Some(door) = door
        && let Ok(Some(listener)) = calls::set_filter(&filter::answered(), filter::LISTENING)
    {
        return message::send(door, &true, &[listener.as_fd()]).step("have calls be answered");
    }
    calls::set_filter(&filter::program(), 0).step("set the filter for system calls").map(drop)
}

fn hold(effective: CapabilitySet, inheritable: CapabilitySet) -> rustix::io::Result<()> {
    rustix::thread::set_capabilities(None, CapabilitySets { effective, permitted: effective, inheritable })
}

fn become_user(user: &User) -> Result<(), Failure> {
    let step = format!("become user {}:{} of the image", user.uid, user.gid);
    if user.uid >= super::identity::COUNT || user.gid >= super::identity::COUNT {
        return Err(Failure::new(format!("{step}, which the guest does not have"), rustix::io::Errno::INVAL));
    }
    let groups: Vec<Gid> =
        user.groups.iter().filter(|id| **id < super::identity::COUNT).map(|id| Gid::from_raw(*id)).collect();
    rustix::thread::set_thread_groups(&groups).step(&step)?;
    let gid = Gid::from_raw(user.gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid).step(&step)?;
    let uid = Uid::from_raw(user.uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid).step(&step)
}

/// Limits of each process. They are asked for as Docker has them and are as high as may be had.
fn bound(limits: &Limits, limited: &[&str]) {
    let lower = |resource: Resource, to: u64| {
        let most = getrlimit(resource).maximum.map_or(to, |most| most.min(to));
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    lower(Resource::Nofile, FILES);
    lower(Resource::Fsize, limits.disk);
    // At 1 a core goes neither into a file nor into a program that the host runs for cores, as its root.
    lower(Resource::Core, 1);
    if !limited.contains(&"pids") {
        lower(Resource::Nproc, limits.processes.into());
    }
    if !limited.contains(&"memory") {
        lower(Resource::Data, limits.memory);
        // Whoever fills the host's memory is the first to be killed for it.
        let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    }
    rustix::process::umask(Mode::from(0o022));
}

/// A second fence around the tree: should a mount be left or a directory leak, nothing outside of the root can be
/// touched. Inside of it everything is allowed; a kernel without Landlock has no fence, which `probe_host` tells.
fn fence() -> Result<(), Failure> {
    let step = "fence the guest in with Landlock";
    let Ok(version) = calls::landlock_version() else { return Ok(()) };
    let rights = match version {
        // Before the second version every move between directories would be refused.
        0 | 1 => return Ok(()),
        2 => (1 << 14) - 1,
        3 | 4 => (1 << 15) - 1,
        _ => (1_u64 << 16) - 1,
    };
    let root = rustix::fs::open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).step(step)?;
    let rules = calls::landlock_rules(rights).step(step)?;
    calls::landlock_allow(rules.as_fd(), rights, root.as_fd()).step(step)?;
    calls::landlock_enter(rules.as_fd()).step(step)
}
