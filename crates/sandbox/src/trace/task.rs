use super::exec::Attempt;
use super::kernel::{self, Go};
use super::timers::TimerCall;
use super::{Tracer, arch};
use crate::time::Layout;
use events::{Act, Bytes, Ended, FileAct, HostAct, KernelCall, LostWhy, NetAct, Process, ProcessAct, Source};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::process::Pid;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A thread of the guest, as the kernel schedules it.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) process: Process,
    /// Its number as the guest sees it.
    pub(super) pid: u32,
    /// Its thread group's leader, as a pid of the host.
    pub(super) group: i32,
    /// What is to be told when the call that it is in returns.
    pub(super) later: Option<Box<Later>>,
    /// Stopped by job control.
    pub(super) listening: bool,
    /// Has made a child that runs in its memory, and no call since.
    pub(super) vforking: bool,
    /// Still the launcher's: its first program has not begun.
    pub(super) fresh: bool,
    exited: bool,
    /// Its call is to be made again.
    pub(super) again: bool,
    /// How many of its calls are marked to be traced and have not come yet.
    pub(super) marked: u32,
    /// A traced call was broken off, and none was begun since.
    pub(super) broken_off: bool,
}

/// A process: threads that share descriptors, timers and an end.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) leader: Process,
    /// Its pid as the guest sees it.
    pub(super) pid: u32,
    threads: u32,
    /// Descriptors that files are open at for writing, with their paths.
    pub(super) writing: BTreeMap<i32, Vec<u8>>,
    /// What it has read of the program that it is given through a pipe, while it is.
    pub(super) given: Option<Vec<u8>>,
    /// Whether it may search every directory of the guest, as the tracer may.
    pub(super) searches: bool,
    /// Whether it asked to be traced by its parent.
    pub(super) traceme: bool,
    /// Whether it was told to be hidden.
    pub(super) hidden: bool,
}

/// What is to be told or done when a call returns.
#[derive(Debug)]
pub(super) enum Later {
    Exec(Box<Attempt>),
    File(FileAct),
    Net(NetAct),
    Kernel(KernelCall),
    Duplicate(u8),
    Given { address: u64 },
    Identity(KernelCall),
    Renamed(Bytes),
    Stamps { address: u64, layout: Layout },
    Uptime { address: u64 },
    Ticks,
    Register { which: usize, value: u64, then: Option<Box<Later>> },
    Timer(TimerCall),
    Processors { address: u64 },
}

/// Hashes pids, which the kernel gives out one after the other and which each stop asks for several times.
#[derive(Debug, Default)]
struct PidHasher(u64);

impl Hasher for PidHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_i32(i32::from(*byte));
        }
    }

    fn write_i32(&mut self, pid: i32) {
        // The table takes its place from the lowest bits and its tag from the highest: both are to differ.
        self.0 = (self.0.rotate_left(5) ^ u64::from(pid.cast_unsigned())).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

type ByPid<T> = HashMap<i32, T, BuildHasherDefault<PidHasher>>;

/// All threads and processes that live.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    tasks: ByPid<Task>,
    groups: ByPid<Group>,
    early: HashSet<i32>,
    born: u32,
}

impl Tasks {
    pub(super) fn knows(&self, tid: i32) -> bool {
        self.tasks.contains_key(&tid)
    }

    pub(super) fn early(&mut self, tid: i32) {
        self.early.insert(tid);
    }

    pub(super) fn get(&self, tid: i32) -> Option<&Task> {
        self.tasks.get(&tid)
    }

    pub(super) fn get_mut(&mut self, tid: i32) -> Option<&mut Task> {
        self.tasks.get_mut(&tid)
    }

    pub(super) fn group_of(&self, tid: i32) -> i32 {
        self.tasks.get(&tid).map_or(tid, |task| task.group)
    }

    pub(super) fn group(&self, group: i32) -> Option<&Group> {
        self.groups.get(&group)
    }

    pub(super) fn group_mut(&mut self, group: i32) -> Option<&mut Group> {
        self.groups.get_mut(&group)
    }

    pub(super) fn process(&self, tid: i32) -> Process {
        self.tasks.get(&tid).map_or(Process(0), |task| task.process)
    }

    /// Whether it is of the first process of the guest's pid namespace.
    pub(super) fn is_first(&self, tid: i32) -> bool {
        self.groups.get(&self.group_of(tid)).is_some_and(|group| group.pid == 1)
    }

    /// Whether it is the first thread of a process that has others.
    pub(super) fn outlived(&self, tid: i32) -> bool {
        self.tasks.iter().any(|(other, task)| task.group == tid && *other != tid)
    }

    /// The processes that live, by the host's pids.
    pub(super) fn groups(&self) -> Vec<i32> {
        self.groups.keys().copied().collect()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (i32, &Task)> {
        self.tasks.iter().map(|(&tid, task)| (tid, task))
    }

    /// Who has this pid in the guest.
    pub(super) fn by_guest_pid(&self, pid: u32) -> Option<Process> {
        self.groups.values().find(|group| group.pid == pid).map(|group| group.leader)
    }
}

/// How long the end of killed processes is waited for: one that hangs in the kernel ends with its namespace.
const LONGEST_END: std::time::Duration = std::time::Duration::from_secs(5);

/// What pids and users are called in the guest.
#[derive(Debug)]
pub(super) struct Names {
    namespace: Option<OwnedFd>,
    users: String,
    groups: String,
}

impl Names {
    fn of(tid: i32) -> Self {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let map = |name: &str| std::fs::read_to_string(format!("/proc/{tid}/{name}")).unwrap_or_default();
        Self {
            namespace: rustix::fs::open(format!("/proc/{tid}/ns/pid"), flags, Mode::empty()).ok(),
            users: map("uid_map"),
            groups: map("gid_map"),
        }
    }

    fn pid(&self, tid: i32) -> Option<u32> {
        if let Some(pid) =
            self.namespace.as_ref().and_then(|namespace| kernel::pid_in(namespace.as_fd(), tid))
        {
            return Some(pid);
        }
        let status = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        line.split_whitespace().last()?.parse().ok()
    }

    pub(super) fn user(&self, id: u32) -> u32 {
        super::rights::inside(&self.users, id)
    }

    pub(super) fn group(&self, id: u32) -> u32 {
        super::rights::inside(&self.groups, id)
    }
}

impl Tracer {
    /// Begins to trace a process that waits before its first program.
    pub(super) fn follow(&mut self, process: Pid, probe: String) {
        let tid = process.as_raw_nonzero().get();
        if !kernel::seize(tid) {
            self.lost(LostWhy::Untraced);
            kernel::kill(tid);
            return self.context.release(process);
        }
        self.beside.join(process);
        self.born(tid, Process(0), tid, false, true);
        let process_number = self.tasks.process(tid);
        self.tell(Source::Host, Act::Host(HostAct::Probe { name: probe, process: process_number }));
        self.context.release(process);
    }

    fn born(&mut self, tid: i32, parent: Process, group: i32, thread: bool, fresh: bool) {
        let searches = self.tasks.groups.get(&group).is_none_or(|group| group.searches);
        let group = if thread { group } else { tid };
        let names = self.names.get_or_insert_with(|| Names::of(tid));
        // What ended already has no pid in the guest any more.
        let pid = names.pid(tid).unwrap_or(0);
        self.tasks.born = self.tasks.born.saturating_add(1);
        let process = Process(self.tasks.born);
        let leader = self.tasks.groups.get(&group).map_or(process, |group| group.leader);
        let entry = self.tasks.groups.entry(group).or_insert_with(|| Group {
            leader: process,
            pid,
            threads: 0,
            writing: BTreeMap::new(),
            given: None,
            searches,
            traceme: false,
            hidden: false,
        });
        entry.threads += 1;
        let task = Task {
            process,
            pid,
            group,
            later: None,
            listening: false,
            vforking: false,
            fresh,
            exited: false,
            again: false,
            marked: 0,
            broken_off: false,
        };
        self.tasks.tasks.insert(tid, task);
        self.tell(Source::Call, Act::Process(ProcessAct::Born { process, parent, pid, thread, leader }));
    }

    /// A task has made another one, which is traced from its first step.
    pub(super) fn forked(&mut self, tid: i32, event: i32) {
        let Some(child) = kernel::message(tid).and_then(|child| i32::try_from(child).ok()) else { return };
        let thread = arch::clone_flags(tid).is_some_and(|flags| flags & libc::CLONE_THREAD as u64 != 0);
        let (parent, fresh) = match self.tasks.get_mut(tid) {
            Some(task) => {
                task.vforking |= event == libc::PTRACE_EVENT_VFORK;
                (task.process, task.fresh)
            }
            None => (Process(0), false),
        };
        if self.tasks.knows(child) {
            return;
        }
        self.born(child, parent, self.tasks.group_of(tid), thread, fresh);
        if self.tasks.early.remove(&child) {
            self.resume(child, 0);
        }
    }

    /// A program begins in another thread than the first: it takes over the first one's pid, all others are gone.
    pub(super) fn merge_threads(&mut self, tid: i32) {
        let Some(former) = kernel::message(tid).and_then(|former| i32::try_from(former).ok()) else { return };
        let group = self.tasks.group_of(tid);
        let others: Vec<i32> = self
            .tasks
            .all()
            .filter(|(other, task)| task.group == group && *other != former && *other != tid)
            .map(|(other, _)| other)
            .collect();
        for other in others {
            self.end(other, Ended::Code(0));
            self.tasks.tasks.remove(&other);
        }
        if former != tid {
            let later = self.tasks.get_mut(former).and_then(|task| task.later.take());
            self.end(former, Ended::Code(0));
            self.tasks.tasks.remove(&former);
            if let Some(task) = self.tasks.get_mut(tid) {
                task.later = later;
                task.exited = false;
            }
        }
        self.time.forget(tid);
        self.time.became(group);
        if let Some(group) = self.tasks.groups.get_mut(&group) {
            group.threads = 1;
        }
    }

    fn end(&mut self, tid: i32, how: Ended) {
        self.time.forget(tid);
        let Some(task) = self.tasks.tasks.get_mut(&tid) else { return };
        task.later = None;
        if std::mem::replace(&mut task.exited, true) {
            return;
        }
        let (process, group) = (task.process, task.group);
        if let Some(threads) = self.tasks.groups.get_mut(&group).map(|group| &mut group.threads) {
            *threads = threads.saturating_sub(1);
            if *threads == 0 {
                self.close_all(tid);
            }
        }
        self.tell(Source::Call, Act::Process(ProcessAct::Exit { process, ended: how }));
    }

    pub(super) fn gone(&mut self, tid: i32, status: i32) {
        self.tasks.early.remove(&tid);
        if tid == self.first {
            self.ended = Some(ended(status));
        }
        self.end(tid, ended(status));
        self.tasks.tasks.remove(&tid);
        if self.tasks.groups.get(&tid).is_some_and(|group| group.threads == 0) {
            self.tasks.groups.remove(&tid);
            self.time.forget_group(tid);
        }
    }

    /// Kills what is left and waits until it is gone.
    pub(super) fn kill_all(&mut self) {
        for group in self.tasks.groups() {
            kernel::kill(group);
        }
        let began = std::time::Instant::now();
        while began.elapsed() < LONGEST_END {
            match kernel::wait(true) {
                kernel::Waited::NoneLeft => return,
                kernel::Waited::Gone { tid, status } => self.gone(tid, status),
                kernel::Waited::Stopped { tid, .. } => {
                    kernel::kill(tid);
                    kernel::go(tid, Go::On, 0);
                }
                kernel::Waited::Nothing => {}
            }
        }
    }
}

fn ended(status: i32) -> Ended {
    if libc::WIFSIGNALED(status) {
        Ended::Signal(libc::WTERMSIG(status))
    } else {
        Ended::Code(libc::WEXITSTATUS(status))
    }
}
