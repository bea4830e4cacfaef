use super::{At, FileStep, Flow, Life, Noted, ProcessRecord, Record};
use events::{
    Act, Event, FileAct, FileOp, HostAct, LostWhy, NetAct, NetOp, Origin, Peer, Process, ProcessAct, WireAct,
    WireKind,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// How much of a run is taken in. A guest can make events without end; what is beyond is counted as lost.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Processes and threads.
    pub processes: usize,
    /// Flows.
    pub flows: usize,
    /// Paths.
    pub files: usize,
    /// Steps of a single path or flow, names of a process and the like.
    pub steps: usize,
    /// Calls, socket acts and acts of the host, each.
    pub notes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { processes: 100_000, flows: 50_000, files: 200_000, steps: 2_000, notes: 500_000 }
    }
}

/// Takes events in, in order.
pub(super) fn build(events: impl IntoIterator<Item = Event>, bounds: Bounds) -> Record {
    let mut builder = Builder {
        record: Record::default(),
        bounds,
        ports: BTreeMap::new(),
        asked: BTreeMap::new(),
        names: BTreeMap::new(),
    };
    for event in events {
        builder.take(event);
    }
    builder.record
}

/// What a connection that is being made gives back.
const IN_PROGRESS: i64 = -115;

struct Builder {
    record: Record,
    bounds: Bounds,
    /// Who last used an own address to connect or send from.
    ports: BTreeMap<SocketAddr, Process>,
    /// Who last connected to whom, where the own address is not told.
    asked: BTreeMap<SocketAddr, Process>,
    /// The names that our answers gave to addresses.
    names: BTreeMap<IpAddr, String>,
}

impl Builder {
    fn take(&mut self, event: Event) {
        let at = At { number: event.number, real: event.real, guest: event.guest };
        self.record.end = at;
        match event.act {
            Act::Process(act) => self.process(at, act),
            Act::File(act) => self.file(at, act),
            Act::Net(act) => self.net(at, act),
            Act::Kernel(call) => {
                if self.record.calls.len() < self.bounds.notes {
                    self.record.calls.push(Noted { at, what: call });
                } else {
                    self.record.lose(&LostWhy::TooMany, 1);
                }
            }
            Act::Wire(act) => self.wire(at, act),
            Act::Host(act) => self.host(at, act),
        }
    }

    fn process(&mut self, at: At, act: ProcessAct) {
        let steps = self.bounds.steps;
        match act {
            ProcessAct::Born { process, parent, pid, leader, .. } => {
                if self.record.processes.len() >= self.bounds.processes {
                    self.record.lose(&LostWhy::TooMany, 1);
                    return;
                }
                let life = Life { born: at, ended: None };
                let born = ProcessRecord {
                    process,
                    parent,
                    leader,
                    pid,
                    life,
                    execs: Vec::new(),
                    names: Vec::new(),
                    users: Vec::new(),
                    standard: Vec::new(),
                    used: Vec::new(),
                };
                self.record.processes.entry(process).or_insert(born);
            }
            ProcessAct::Exec(exec) => {
                if let Some(content) = &exec.content {
                    self.record.contents.insert(content.sha256, content.clone());
                }
                let record = self.record.processes.get_mut(&exec.process);
                let kept = record.map(|record| push(&mut record.execs, steps, at, *exec));
                self.must(kept);
            }
            ProcessAct::Renamed { process, name } => {
                let record = self.record.processes.get_mut(&process);
                let kept = record.map(|record| push(&mut record.names, steps, at, name));
                self.must(kept);
            }
            ProcessAct::Identity { process, euid, .. } => {
                let record = self.record.processes.get_mut(&process);
                let kept = record.map(|record| push(&mut record.users, steps, at, euid));
                self.must(kept);
            }
            ProcessAct::Standard { process, number, descriptor } => {
                let record = self.record.processes.get_mut(&process);
                let kept = record.map(|record| push(&mut record.standard, steps, at, (number, descriptor)));
                self.must(kept);
            }
            ProcessAct::Exit { process, ended } => {
                if let Some(record) = self.record.processes.get_mut(&process) {
                    record.life.ended.get_or_insert((at, ended));
                }
            }
        }
    }

    /// What belongs to a process that is not known, or is one too many, is lost.
    fn must(&mut self, kept: Option<bool>) {
        match kept {
            Some(true) => {}
            Some(false) => self.record.lose(&LostWhy::TooMany, 1),
            None => self.record.lose(&LostWhy::Untraced, 1),
        }
    }

    fn file(&mut self, at: At, act: FileAct) {
        if is_idle(&act) {
            return;
        }
        let step = FileStep { process: act.process, op: act.op, origin: act.origin, done: act.result >= 0 };
        // A file keeps its history under its new name as well, so that who writes, renames and runs is seen.
        if let (FileOp::Rename(to) | FileOp::Link(to), true) = (&step.op, step.done) {
            let earlier = self.record.files.get(act.path.as_slice()).cloned().unwrap_or_default();
            let to = to.to_vec();
            if self.room(&to) {
                let history = self.record.files.entry(to).or_default();
                history.steps.extend(earlier.steps);
                history.steps.truncate(self.bounds.steps);
                history.contents.extend(earlier.contents);
            }
        }
        if self.room(&act.path) {
            let steps = self.bounds.steps;
            let history = self.record.files.entry(act.path.into_vec()).or_default();
            let kept = push(&mut history.steps, steps, at, step);
            self.must(Some(kept));
        }
    }

    fn room(&mut self, path: &[u8]) -> bool {
        let room = self.record.files.len() < self.bounds.files || self.record.files.contains_key(path);
        if !room {
            self.record.lose(&LostWhy::TooMany, 1);
        }
        room
    }

    fn net(&mut self, at: At, act: NetAct) {
        if let NetOp::Connect { from: Some(Peer::Inet(from)), .. } = &act.op {
            self.ports.insert(*from, act.process);
            // The wire may have seen the connection before the call came back.
            for flow in self.record.flows.values_mut().rev().take(64) {
                if flow.from == *from && flow.process.is_none() {
                    flow.process = Some(act.process);
                }
            }
        }
        let made = act.result == 0 || act.result == IN_PROGRESS;
        if let (NetOp::Connect { to: Peer::Inet(to), from: None }, true) = (&act.op, made) {
            if self.asked.len() < self.bounds.flows {
                self.asked.insert(*to, act.process);
            }
            for flow in self.record.flows.values_mut().rev().take(64) {
                if flow.to == *to && flow.process.is_none() {
                    flow.process = Some(act.process);
                }
            }
        }
        if self.record.sockets.len() < self.bounds.notes {
            self.record.sockets.push(Noted { at, what: act });
        } else {
            self.record.lose(&LostWhy::TooMany, 1);
        }
    }

    fn wire(&mut self, at: At, act: WireAct) {
        if let WireKind::Dns(dns) = &act.kind {
            for answer in &dns.answers {
                if let Ok(address) = answer.parse::<IpAddr>() {
                    let name = String::from_utf8_lossy(&dns.name).into_owned();
                    self.names.insert(address, name);
                }
            }
        }
        let number = act.connection.0;
        if !self.record.flows.contains_key(&number) {
            if self.record.flows.len() >= self.bounds.flows {
                self.record.lose(&LostWhy::TooMany, 1);
                return;
            }
            let flow = Flow {
                connection: act.connection,
                from: act.from,
                to: act.to,
                opened: at,
                process: self.ports.get(&act.from).or_else(|| self.asked.get(&act.to)).copied(),
                name: self.names.get(&act.to.ip()).cloned(),
                protocol: None,
                steps: Vec::new(),
                sent: 0,
                received: 0,
                closed: None,
            };
            self.record.flows.insert(number, flow);
        }
        let Some(flow) = self.record.flows.get_mut(&number) else { return };
        match &act.kind {
            WireKind::Protocol(name) => flow.protocol = Some(name.clone()),
            WireKind::Closed { sent, received } => {
                flow.sent = flow.sent.max(*sent);
                flow.received = flow.received.max(*received);
                flow.closed.get_or_insert(at);
            }
            WireKind::Said(said) => {
                let end = said.offset.saturating_add(said.length);
                let side = if said.guest { &mut flow.sent } else { &mut flow.received };
                *side = (*side).max(end);
            }
            _ => {}
        }
        let kept = push(&mut flow.steps, self.bounds.steps, at, act.kind);
        self.must(Some(kept));
    }

    fn host(&mut self, at: At, act: HostAct) {
        match &act {
            HostAct::Lost { why, count } => self.record.lose(why, *count),
            HostAct::Captured { content, path, .. } => {
                self.record.contents.insert(content.sha256, content.clone());
                if let Some(path) = path.as_ref().filter(|path| self.room(path)) {
                    let history = self.record.files.entry(path.to_vec()).or_default();
                    history.contents.push(content.clone());
                }
            }
            HostAct::Changed { path, removed, content } if self.room(path) => {
                let history = self.record.files.entry(path.to_vec()).or_default();
                history.changed = true;
                history.removed = *removed;
                history.contents.extend(content.clone());
            }
            HostAct::Used { process, user, system, threads, resident } => {
                let steps = self.bounds.steps;
                let used = (*user, *system, *threads, *resident);
                if let Some(record) = self.record.processes.get_mut(process) {
                    // Samples beyond the bound replace the last: the sums are what counts.
                    if !push(&mut record.used, steps, at, used)
                        && let Some(last) = record.used.last_mut()
                    {
                        *last = Noted { at, what: used };
                    }
                }
                return;
            }
            _ => {}
        }
        if self.record.host.len() < self.bounds.notes {
            self.record.host.push(Noted { at, what: act });
        } else {
            self.record.lose(&LostWhy::TooMany, 1);
        }
    }
}

fn push<T>(list: &mut Vec<Noted<T>>, bound: usize, at: At, what: T) -> bool {
    let room = list.len() < bound;
    if room {
        list.push(Noted { at, what });
    }
    room
}

/// Opening, mapping or asking about a file that the image has and nobody changed is what every program does all
/// the time. Files whose reading means something are asked for by where they lie.
fn is_idle(act: &FileAct) -> bool {
    let looks = matches!(
        act.op,
        FileOp::Look | FileOp::MapExecutable | FileOp::Open { write: false, create: false, .. }
    );
    looks && matches!(act.origin, Origin::Image | Origin::Unknown) && !is_telling(&act.path)
}

/// Places of the image whose being read is itself an act: passwords, keys, what says whether this is a sandbox.
fn is_telling(path: &[u8]) -> bool {
    const PLACES: [&[u8]; 12] = [
        b"/etc/shadow",
        b"/etc/gshadow",
        b"/root/",
        b"/home/",
        b"/run/secrets",
        b"/var/run/",
        b"/run/",
        b"/.dockerenv",
        b"/etc/kubernetes",
        b"/etc/machine-id",
        b"/etc/localtime",
        b"/etc/timezone",
    ];
    PLACES.iter().any(|place| path.starts_with(place))
}
