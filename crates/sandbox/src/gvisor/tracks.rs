//! Who lives in the guest and what they did, out of what gVisor's messages say.

mod files;
mod programs;

use super::points::{Fields, Packet, kind};
use super::tree::Tree;
use crate::report::Reporter;
use crate::spec::Start;
use crate::trace::{join, peer};
use events::{
    Act, Bytes, Content, Descriptor, Ended, HostAct, LostWhy, NetAct, NetOp, Peer, Process, ProcessAct,
    STANDARD, Source, bounded,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most threads that are remembered, and the most of what each has.
const MOST_THREADS: usize = 65_536;
const MOST_WRITING: usize = 1024;
const MOST_SOCKETS: usize = 65_536;
const MOST_KNOWN: usize = 50_000;

pub(super) struct Tracks {
    report: Reporter,
    pub(super) tree: Tree,
    threads: HashMap<i32, Thread>,
    groups: HashMap<i32, Group>,
    /// The other ends of sockets, by the names that gVisor gives to sockets.
    sockets: HashMap<Vec<u8>, Peer>,
    /// Files that were written and were not there when their content was to be kept: moved, or gone.
    missing: HashSet<Vec<u8>>,
    /// What was kept of files, by their paths: a program may be gone when it is seen to run.
    known: HashMap<Vec<u8>, Content>,
    /// Processes that no other was seen to make, and that no start in the container was told to be.
    unclaimed: HashSet<i32>,
    born: u32,
    dropped: u32,
    lost: [(LostWhy, u64); 4],
    /// The container has begun.
    pub(super) began: bool,
    /// How the first process ended.
    pub(super) first: Option<Ended>,
    /// Why the run must end.
    pub(super) over: Option<String>,
}

/// A thread, as gVisor schedules it.
struct Thread {
    process: Process,
    group: i32,
    began: u64,
    name: Vec<u8>,
    /// The program that it has asked for and not yet become.
    asked: Vec<u8>,
    /// The log may still have something to say of it.
    ended: bool,
}

/// A process: threads that share descriptors and an end.
struct Group {
    leader: Process,
    threads: u32,
    cwd: Vec<u8>,
    identity: (u32, u32, u32),
    standard: [Descriptor; STANDARD],
    writing: BTreeMap<i32, Vec<u8>>,
}

/// What is lost, by its place in [`Tracks::lost`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Loss {
    Unclear,
    Untraced,
    Content,
    Dropped,
}

impl Tracks {
    pub(super) fn new(report: Reporter, tree: Tree) -> Self {
        let engine = LostWhy::Engine("trace points that gVisor could not deliver".to_owned());
        Self {
            report,
            tree,
            threads: HashMap::new(),
            groups: HashMap::new(),
            sockets: HashMap::new(),
            missing: HashSet::new(),
            known: HashMap::new(),
            unclaimed: HashSet::new(),
            born: 0,
            dropped: 0,
            lost: [(LostWhy::Unreadable, 0), (LostWhy::Untraced, 0), (LostWhy::Content, 0), (engine, 0)],
            began: false,
            first: None,
            over: None,
        }
    }

    /// Takes a message in.
    pub(super) fn take(&mut self, packet: &Packet<'_>, probe: &str, start: &Start) {
        // The number goes round; what it grew by is what was dropped since the last message.
        let dropped = packet.dropped.wrapping_sub(self.dropped);
        self.dropped = packet.dropped;
        self.lose(Loss::Dropped, dropped.into());
        let Some(context) = packet.body.inside(1) else { return self.lose(Loss::Unclear, 1) };
        let Some(thread) = self.who(&context) else { return };
        let body = &packet.body;
        match packet.kind {
            kind::CONTAINER_START => self.started(thread, probe, start),
            kind::CLONE => self.cloned(thread, body),
            kind::EXEC => self.became(thread, body),
            kind::TASK_EXIT => self.ended(thread, body.int(2)),
            kind::EXECVE => self.asked(thread, body),
            kind::OPEN => self.opened(thread, body),
            kind::CLOSE => self.reopened(thread, body.int(4), Descriptor::Closed, None),
            kind::DUP => self.duplicated(thread, body),
            kind::SOCKET | kind::CONNECT | kind::BIND | kind::ACCEPT => {
                self.network(thread, packet.kind, body)
            }
            _ => {}
        }
    }

    /// The thread that a message is about, and what the message says of it besides.
    fn who(&mut self, context: &Fields<'_>) -> Option<i32> {
        let (thread, began, group) = (context.int(2), context.number(3), context.int(4));
        match self.threads.get_mut(&thread) {
            Some(known) if known.began == began => {}
            // Its number was told before it did anything.
            Some(known) if known.began == 0 => known.began = began,
            _ => {
                self.born(Process(0), (thread, began), group)?;
                self.unclaimed.insert(group);
            }
        }
        let (name, cwd) = (context.bytes(9), context.bytes(8));
        let rights = context.inside(7).unwrap_or_default();
        let identity = (rights.number(1) as u32, rights.number(2) as u32, rights.number(5) as u32);
        let known = self.threads.get_mut(&thread)?;
        let process = known.process;
        let renamed = !known.name.is_empty() && !name.is_empty() && known.name != name;
        if renamed || known.name.is_empty() {
            known.name = name.to_vec();
        }
        let leader = self.groups.get_mut(&group)?;
        if !cwd.is_empty() && leader.cwd != cwd {
            leader.cwd = cwd.to_vec();
        }
        let changed = std::mem::replace(&mut leader.identity, identity) != identity;
        if renamed {
            self.tell(Act::Process(ProcessAct::Renamed { process, name: bounded(name) }));
        }
        if changed {
            let (uid, euid, egid) = identity;
            self.tell(Act::Process(ProcessAct::Identity { process, uid, euid, egid }));
        }
        Some(thread)
    }

    /// A thread that was not known begins.
    fn born(&mut self, parent: Process, (thread, began): (i32, u64), group: i32) -> Option<Process> {
        if self.threads.len() >= MOST_THREADS {
            self.threads.retain(|_, known| !known.ended);
            self.groups.retain(|_, known| known.threads > 0);
        }
        if self.threads.len() >= MOST_THREADS {
            self.lose(Loss::Untraced, 1);
            return None;
        }
        // A number that is used again belongs to somebody else now.
        if self.groups.get(&group).is_some_and(|known| known.threads == 0) {
            self.groups.remove(&group);
        }
        self.born = self.born.saturating_add(1);
        let process = Process(self.born);
        let known = self.groups.entry(group).or_insert_with(|| Group {
            leader: process,
            threads: 0,
            cwd: b"/".to_vec(),
            identity: (0, 0, 0),
            standard: [const { Descriptor::Closed }; STANDARD],
            writing: BTreeMap::new(),
        });
        known.threads = known.threads.saturating_add(1);
        let leader = known.leader;
        let fresh = Thread { process, group, began, name: Vec::new(), asked: Vec::new(), ended: false };
        self.threads.insert(thread, fresh);
        let (pid, thread) = (thread.unsigned_abs(), leader != process);
        self.tell(Act::Process(ProcessAct::Born { process, parent, pid, thread, leader }));
        Some(process)
    }

    /// The first process of the container, or one that was started in it later, is there.
    pub(super) fn started(&mut self, thread: i32, probe: &str, start: &Start) {
        let Some(process) = self.threads.get(&thread).map(|known| known.process) else { return };
        self.began = true;
        self.unclaimed.remove(&thread);
        self.tell_host(HostAct::Probe { name: probe.to_owned(), process });
        if let Some(group) = self.groups.get_mut(&thread) {
            // The streams of a container are pipes of ours.
            let pipe = Descriptor::Pipe(0);
            group.standard = [Descriptor::Null, pipe.clone(), pipe];
        }
        let words: Vec<&[u8]> = start.argv.iter().map(Vec::as_slice).collect();
        let environment: Vec<&[u8]> = start.env.iter().map(Vec::as_slice).collect();
        let asked = self.program(words.first().copied().unwrap_or_default(), &environment, thread);
        self.exec(thread, &asked, &asked, &words, &environment, 0);
    }

    /// A process that was started in the container is there, under this number.
    pub(super) fn joined(&mut self, number: i32, start: &Start) {
        if !self.threads.contains_key(&number) && self.born(Process(0), (number, 0), number).is_none() {
            return;
        }
        if let Some(group) = self.groups.get_mut(&number) {
            group.cwd = start.cwd.as_os_str().as_encoded_bytes().to_vec();
        }
        self.started(number, &start.probe, start);
    }

    fn cloned(&mut self, parent: i32, body: &Fields<'_>) {
        const SHARED_GROUP: u64 = libc::CLONE_THREAD as u64;
        let Some(known) = self.threads.get(&parent) else { return };
        let (process, name, group) = (known.process, known.name.clone(), known.group);
        let (thread, new) = (body.int(3), body.int(4));
        if body.number(6) & SHARED_GROUP == 0 {
            self.groups.remove(&new);
        }
        self.unclaimed.remove(&new);
        self.born(process, (thread, body.number(5)), new);
        if let Some(child) = self.threads.get_mut(&thread) {
            child.name = name;
        }
        if group == new {
            return;
        }
        let inherited = self
            .groups
            .get(&group)
            .map(|group| (group.cwd.clone(), group.identity, group.standard.clone(), group.writing.clone()));
        if let (Some((cwd, identity, standard, writing)), Some(child)) =
            (inherited, self.groups.get_mut(&new))
        {
            (child.cwd, child.identity, child.standard, child.writing) = (cwd, identity, standard, writing);
        }
    }

    fn ended(&mut self, thread: i32, status: i32) {
        let Some(known) = self.threads.get_mut(&thread).filter(|known| !known.ended) else { return };
        known.ended = true;
        let (process, group) = (known.process, known.group);
        let ended = match status & 0x7f {
            0 => Ended::Code(status >> 8 & 0xff),
            signal => Ended::Signal(signal),
        };
        let last = self.groups.get_mut(&group).is_none_or(|group| {
            group.threads = group.threads.saturating_sub(1);
            group.threads == 0
        });
        if last {
            self.close_all(group, 0);
        }
        if thread == 1 {
            self.first = Some(ended);
        }
        self.tell(Act::Process(ProcessAct::Exit { process, ended }));
    }

    fn duplicated(&mut self, thread: i32, body: &Fields<'_>) {
        if result(body).is_some_and(|result| result < 0) {
            return;
        }
        let (old, new, name) = (body.int(4), body.int(5), body.bytes(6));
        let descriptor = match self.sockets.get(name) {
            Some(peer) => Descriptor::Socket(Some(peer.clone())),
            None if name.starts_with(b"socket:") => Descriptor::Socket(None),
            None => described(name),
        };
        let path = self.group(thread).and_then(|group| group.writing.get(&old).cloned());
        self.reopened(thread, new, descriptor, path);
    }

    fn network(&mut self, thread: i32, what: u16, body: &Fields<'_>) {
        let Some(process) = self.threads.get(&thread).map(|known| known.process) else { return };
        let result = result(body).unwrap_or(0);
        let (mut descriptor, name) = (body.int(4), body.bytes(5));
        let address = Some(body.bytes(6)).filter(|address| address.len() >= 2).map(peer);
        let op = match what {
            kind::SOCKET => {
                descriptor = result as i32;
                if result >= 0 {
                    self.reopened(thread, descriptor, Descriptor::Socket(None), None);
                }
                let kind = body.int(5) & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
                NetOp::Make { family: body.int(4), kind, protocol: body.int(6) }
            }
            kind::ACCEPT => {
                if result >= 0 {
                    self.reopened(thread, result as i32, Descriptor::Socket(address.clone()), None);
                }
                NetOp::Accept(address)
            }
            kind::BIND => NetOp::Bind(address.unwrap_or_else(|| Peer::Other(Bytes::default()))),
            _ => {
                let to = address.unwrap_or_else(|| Peer::Other(Bytes::default()));
                let made = result == 0 || result == i64::from(-libc::EINPROGRESS);
                if made && name.starts_with(b"socket:") && self.sockets.len() < MOST_SOCKETS {
                    self.sockets.insert(name.to_vec(), to.clone());
                }
                if let Some(place) =
                    self.group(thread).and_then(|group| group.standard.get_mut(descriptor as usize))
                {
                    *place = Descriptor::Socket(Some(to.clone()));
                }
                NetOp::Connect { to, from: None }
            }
        };
        self.tell(Act::Net(NetAct { process, op, descriptor, result }));
    }

    /// The process that a thread of the log is, the directory that it is in, and who has a number.
    pub(super) fn process(&self, thread: i32) -> Option<Process> {
        self.threads.get(&thread).map(|known| known.process)
    }

    pub(super) fn leader(&self, group: i32) -> Option<Process> {
        self.groups.get(&group).map(|group| group.leader)
    }

    pub(super) fn absolute(&self, thread: i32, path: &[u8]) -> Vec<u8> {
        self.below(thread, b"", path)
    }

    /// A path below a directory, or below the one that the thread is in.
    pub(super) fn below(&self, thread: i32, directory: &[u8], path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"/") {
            return join(b"/", path);
        }
        let cwd = self
            .threads
            .get(&thread)
            .and_then(|known| self.groups.get(&known.group))
            .map(|group| &group.cwd[..]);
        let base = if directory.starts_with(b"/") { directory } else { cwd.unwrap_or(b"/") };
        join(base, path)
    }

    fn group(&mut self, thread: i32) -> Option<&mut Group> {
        self.groups.get_mut(&self.threads.get(&thread)?.group)
    }

    pub(super) fn tell(&mut self, act: Act) {
        if !self.report.act(Source::Call, act) && self.over.is_none() {
            self.over = Some("too many events".to_owned());
        }
    }

    pub(super) fn tell_host(&mut self, act: HostAct) {
        self.report.act(Source::Host, Act::Host(act));
    }

    pub(super) fn lose(&mut self, loss: Loss, count: u64) {
        if let Some((_, lost)) = self.lost.get_mut(loss as usize) {
            *lost = lost.saturating_add(count);
        }
    }

    pub(super) fn flush(&mut self) {
        self.report.flush();
    }

    /// Tells what was lost, at the end, when `untold` starts in the container were not told of. Of those, whoever
    /// ran is among the unclaimed; the others came too late for the container, as they can with any engine.
    pub(super) fn finish(&mut self, untold: usize) {
        self.lose(Loss::Untraced, untold.min(self.unclaimed.len()) as u64);
        self.lose(Loss::Content, self.missing.len() as u64);
        for (why, count) in self.lost.clone() {
            if count > 0 {
                // Said whatever the limit of events is: a loss that is not told would be silence.
                self.report.say(HostAct::Lost { why, count });
            }
        }
        self.report.flush();
    }
}

/// What a call returned; none at a point before it returns.
fn result(body: &Fields<'_>) -> Option<i64> {
    let exit = body.inside(2)?;
    let error = exit.number(2).cast_signed();
    Some(if error == 0 { exit.number(1).cast_signed() } else { error.saturating_neg() })
}

/// What a path at a descriptor is.
fn described(path: &[u8]) -> Descriptor {
    match path {
        b"/dev/null" => Descriptor::Null,
        b"/dev/tty" | b"/dev/console" => Descriptor::Terminal,
        path if path.starts_with(b"/dev/pts/") => Descriptor::Terminal,
        path if path.starts_with(b"/") => Descriptor::File(bounded(path)),
        path if path.starts_with(b"pipe:") || path.starts_with(b"host:") => Descriptor::Pipe(numbered(path)),
        path => Descriptor::Other(bounded(path)),
    }
}

fn numbered(path: &[u8]) -> u64 {
    let digits =
        path.iter().skip_while(|byte| !byte.is_ascii_digit()).take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}
