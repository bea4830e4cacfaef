//! The half that keeps its rights. It hears nothing of the guest: it makes what needs those rights, waits for the
//! end, and cleans up.

use super::groups::Groups;
use super::{Handed, Ids, identity, refuse, tracing};
use crate::calls::{self, Fork};
use crate::error::{Failure, Step};
use crate::message;
use crate::spec::{Engine, Owners, Scratch, Spec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Exit codes, which the parent reads.
const CLEAN: u8 = 0;
const REMAINS: u8 = 3;

/// How much longer than its time a run may take: for making the sandbox, and for what is asked at the end.
const GRACE: Duration = Duration::from_secs(120);

/// How long what was killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// What the warden proper asks when it stands in a new user namespace. A message without a byte would be the end.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Entered {
    Mine,
}

/// What it is given, with the trees as descriptors: the lower ones first, then the scratch directory, captures, and
/// gVisor's program where it runs the guest.
pub(super) type Mapped = Result<(), Failure>;

/// Begins the run, waits for its end, and leaves nothing.
pub(super) fn run(control: OwnedFd, handed: Handed) -> Result<u8, Failure> {
    let spec = handed.spec.clone();
    let ids = Ids::here();
    rustix::process::umask(rustix::fs::Mode::from(0o022));
    let groups = Groups::make(&spec.limits);
    let _ = rustix::process::setsid();
    let started = start(&control, handed, ids, &groups);
    let (warden, lifeline, line) = match started {
        Ok(started) => started,
        Err(failure) => {
            refuse(&control, failure);
            return Ok(if groups.remove(GONE_WITHIN).is_ok() { CLEAN } else { REMAINS });
        }
    };
    drop(control);
    attend(&spec, ids, warden, &lifeline, &line);
    groups.kill();
    let gone = reap(&groups);
    Ok(if groups.remove(GONE_WITHIN).is_ok() && gone { CLEAN } else { REMAINS })
}

/// Splits off the warden proper.
fn start(
    control: &OwnedFd,
    handed: Handed,
    ids: Ids,
    groups: &Groups,
) -> Result<(Pid, OwnedFd, OwnedFd), Failure> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .step("make a pair of sockets")?;
    // Whatever the warden leaves behind when it dies becomes our child, so that we see the end of it.
    let own = Some(rustix::process::getpid());
    rustix::process::set_child_subreaper(own).step("adopt what a dead warden leaves")?;
    match calls::fork().step("split off the warden")? {
        Fork::Parent(warden) => Ok((warden, handed.lifeline, ours)),
        Fork::Child => {
            let Handed { spec, clock, events, ending, output, errors, lifeline, further } = handed;
            drop((ours, lifeline));
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            if rustix::process::getppid() != own {
                calls::leave(1);
            }
            let streams = tracing::Streams { control, clock, events, ending, output, errors, further };
            calls::leave(match tracing::run(spec, ids, &theirs, streams, groups) {
                Ok(()) => 0,
                Err(failure) => {
                    refuse(control, failure);
                    1
                }
            })
        }
    }
}

/// Does what the warden asks, until it ends. It is killed when the parent is gone.
fn attend(spec: &Spec, ids: Ids, warden: Pid, lifeline: &OwnedFd, line: &OwnedFd) {
    let Ok(alive) = pidfd_open(warden, PidfdFlags::empty()) else {
        let _ = rustix::process::kill_process(warden, Signal::KILL);
        return;
    };
    let (mut asked, mut handed_over) = (true, false);
    // The tracer ends the run when its time is over. Should it hang, this does.
    let last = Instant::now() + spec.limits.wall + GRACE;
    loop {
        let left = last.saturating_duration_since(Instant::now());
        let left = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        let mut watched = vec![
            PollFd::new(&alive, PollFlags::IN),
            PollFd::new(lifeline, PollFlags::IN),
            PollFd::new(line, PollFlags::IN),
        ];
        watched.truncate(if asked { 3 } else { 2 });
        if !matches!(poll(&mut watched, Some(&left)), Ok(1..) | Err(Errno::INTR)) {
            let _ = pidfd_send_signal(&alive, Signal::KILL);
            return;
        }
        let told: Vec<bool> = watched.iter().map(|watched| !watched.revents().is_empty()).collect();
        if told.get(2) == Some(&true) {
            asked = answer(spec, ids, warden, line);
            if !asked && !handed_over {
                let _ = pidfd_send_signal(&alive, Signal::KILL);
            }
            handed_over = true;
        }
        if told.get(1) == Some(&true) {
            let _ = pidfd_send_signal(&alive, Signal::KILL);
        }
        if told.first() == Some(&true) || told.get(1) == Some(&true) {
            return;
        }
    }
}

/// Maps the warden's ids and hands it the trees; whether more can be asked.
fn answer(spec: &Spec, ids: Ids, warden: Pid, line: &OwnedFd) -> bool {
    let Ok(Some((Entered::Mine, _))) = message::receive(line, RecvFlags::empty()) else { return false };
    let made = enter(spec, ids, warden);
    let (said, trees): (Mapped, _) = match made {
        Ok(trees) => (Ok(()), trees),
        Err(failure) => (Err(failure), Vec::new()),
    };
    let trees: Vec<_> = trees.iter().map(AsFd::as_fd).collect();
    message::send(line, &said, &trees).is_ok()
}

fn enter(spec: &Spec, ids: Ids, warden: Pid) -> Result<Vec<OwnedFd>, Failure> {
    let process = PathBuf::from(format!("/proc/{}", warden.as_raw_nonzero()));
    identity::map(&process, ids, (0, 0)).step("map the ids of the user namespace")?;
    let namespace = std::fs::File::open(process.join("ns/user")).step("open the user namespace")?;
    let Ids::Range(base) = ids else { return Ok(Vec::new()) };
    let mut trees = Vec::new();
    for lower in &spec.root.lower {
        let tree = clone_tree(lower)?;
        if spec.root.owners == Owners::Guest {
            let step = format!("make an idmapped mount of {}", lower.display());
            calls::map_owners(tree.as_fd(), namespace.as_fd()).step(&step)?;
        }
        trees.push(tree);
    }
    if let Scratch::Directory(scratch) = &spec.root.scratch {
        give(scratch, base)?;
        trees.push(clone_tree(scratch)?);
    }
    if let Some(captures) = &spec.captures {
        give(captures, base)?;
        trees.push(clone_tree(captures)?);
    }
    if let Engine::Gvisor(runsc) = &spec.engine {
        let step = format!("open {}", runsc.program.display());
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        trees.push(rustix::fs::open(&runsc.program, flags, rustix::fs::Mode::empty()).step(&step)?);
    }
    Ok(trees)
}

/// Has the guest's root own an empty directory of the caller's, so that the warden can write there.
fn give(directory: &Path, base: u32) -> Result<(), Failure> {
    let step = format!("own {}", directory.display());
    let (uid, gid) = (rustix::fs::Uid::from_raw(base), rustix::fs::Gid::from_raw(base));
    rustix::fs::chown(directory, Some(uid), Some(gid)).step(&step)
}

/// A tree as it is now, mounted nowhere.
pub(super) fn clone_tree(directory: &Path) -> Result<OwnedFd, Failure> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    open_tree(rustix::fs::CWD, directory, flags).step(&format!("take {} as a tree", directory.display()))
}

/// Waits until all that was below us is gone; false where something is not.
fn reap(groups: &Groups) -> bool {
    let began = Instant::now();
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Err(Errno::CHILD) => return true,
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(_) => {
                if began.elapsed() > GONE_WITHIN {
                    return false;
                }
                groups.kill();
                let nap = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                let _ = poll(&mut [], Some(&nap));
            }
        }
    }
}
