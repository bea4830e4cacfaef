//! What rules ask about a run: processes with their lineage, flows with who opened them, files with their
//! history, and everything else that was noted, each with its place in time.

mod build;
mod files;
mod flows;
mod processes;

pub use build::Bounds;
pub use files::{FileHistory, FileStep};
pub use flows::{Flow, FlowStep};
pub use processes::{Life, NamedExec, ProcessRecord};

use events::{Content, HostAct, KernelCall, LostWhy, NetAct, Process};
use std::collections::BTreeMap;

/// When something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The event's place in the record: what came first.
    pub number: u64,
    /// Nanoseconds of the host's clock since the run began.
    pub real: u64,
    /// Nanoseconds of the guest's clock since the run began.
    pub guest: u64,
}

/// Something with its place in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted<T> {
    /// When.
    pub at: At,
    /// What.
    pub what: T,
}

/// One run, taken in.
#[derive(Debug, Default)]
pub struct Record {
    processes: BTreeMap<Process, ProcessRecord>,
    flows: BTreeMap<u64, Flow>,
    files: BTreeMap<Vec<u8>, FileHistory>,
    contents: BTreeMap<[u8; 32], Content>,
    calls: Vec<Noted<KernelCall>>,
    sockets: Vec<Noted<NetAct>>,
    host: Vec<Noted<HostAct>>,
    lost: BTreeMap<String, u64>,
    end: At,
}

impl Record {
    /// Takes a record in, in order. What is beyond the bounds is counted as lost.
    pub fn of(events: impl IntoIterator<Item = events::Event>) -> Self {
        build::build(events, Bounds::default())
    }

    /// As [`Record::of`] with other bounds.
    pub fn within(events: impl IntoIterator<Item = events::Event>, bounds: Bounds) -> Self {
        build::build(events, bounds)
    }

    /// A process.
    pub fn process(&self, process: Process) -> Option<&ProcessRecord> {
        self.processes.get(&process)
    }

    /// All processes, in the order of their births.
    pub fn processes(&self) -> impl Iterator<Item = &ProcessRecord> {
        self.processes.values()
    }

    /// A process and whom it descends from, itself first.
    pub fn lineage(&self, process: Process) -> impl Iterator<Item = &ProcessRecord> {
        let mut next = self.processes.get(&process);
        // A parent is born before its child and has a smaller number, so this ends whatever a record says.
        std::iter::from_fn(move || {
            let this = next?;
            next = self.processes.get(&this.parent).filter(|parent| parent.process < this.process);
            Some(this)
        })
    }

    /// Whether a process is another or descends from it.
    pub fn descends(&self, process: Process, from: Process) -> bool {
        self.lineage(process).any(|ancestor| ancestor.process == from)
    }

    /// The process that a thread belongs to.
    pub fn leader(&self, process: Process) -> Process {
        self.processes.get(&process).map_or(process, |record| record.leader)
    }

    /// All programs that were started, in order.
    pub fn execs(&self) -> Vec<NamedExec<'_>> {
        let mut all: Vec<NamedExec<'_>> = self
            .processes
            .values()
            .flat_map(|record| {
                record.execs.iter().map(move |exec| NamedExec { process: record.process, exec })
            })
            .collect();
        all.sort_by_key(|named| named.exec.at);
        all
    }

    /// The programs that the image started: all but what the sandbox put beside it to be found and attacked.
    pub fn execs_of_image(&self) -> Vec<NamedExec<'_>> {
        let is_decoy = |named: &NamedExec<'_>| {
            let by_sandbox = self.processes.get(&named.process).is_some_and(|process| process.parent.0 == 0);
            by_sandbox && named.exec.what.origin == events::Origin::Planted
        };
        self.execs().into_iter().filter(|named| !is_decoy(named)).collect()
    }

    /// The program that a process runs at a time, also where it was started by whom it descends from.
    pub fn program(&self, process: Process, at: At) -> Option<&Noted<events::Exec>> {
        self.lineage(process)
            .find_map(|record| record.execs.iter().rev().find(|exec| exec.at <= at && exec.what.result == 0))
    }

    /// All flows, in the order in which they were opened.
    pub fn flows(&self) -> impl Iterator<Item = &Flow> {
        self.flows.values()
    }

    /// The flows that a process or one of its threads opened.
    pub fn flows_of(&self, process: Process) -> impl Iterator<Item = &Flow> {
        let leader = self.leader(process);
        self.flows.values().filter(move |flow| flow.process.is_some_and(|of| self.leader(of) == leader))
    }

    /// Every host that was asked for by name or spoken to, in lower case.
    pub fn hosts(&self) -> Vec<String> {
        let asked = self.flows.values().flat_map(|flow| &flow.steps).filter_map(|step| match &step.what {
            events::WireKind::Dns(dns) => Some(String::from_utf8_lossy(&dns.name).to_lowercase()),
            _ => None,
        });
        let spoken = self.flows.values().map(|flow| flow.host().to_lowercase());
        let all: std::collections::BTreeSet<String> = asked.chain(spoken).collect();
        all.into_iter().collect()
    }

    /// A file's history, by its path.
    pub fn file(&self, path: &[u8]) -> Option<&FileHistory> {
        self.files.get(path)
    }

    /// All files that were written, moved, removed or looked at where it matters, by path.
    pub fn files(&self) -> impl Iterator<Item = (&[u8], &FileHistory)> {
        self.files.iter().map(|(path, history)| (path.as_slice(), history))
    }

    /// Content that was kept, by its digest.
    pub fn contents(&self) -> impl Iterator<Item = &Content> {
        self.contents.values()
    }

    /// Calls to the kernel that have no form of their own, in order.
    pub fn calls(&self) -> &[Noted<KernelCall>] {
        &self.calls
    }

    /// What was done with sockets, in order.
    pub fn sockets(&self) -> &[Noted<NetAct>] {
        &self.sockets
    }

    /// What the host did and saw, in order.
    pub fn host(&self) -> &[Noted<HostAct>] {
        &self.host
    }

    /// What was lost, by why, with how many.
    pub fn lost(&self) -> impl Iterator<Item = (&str, u64)> {
        self.lost.iter().map(|(why, count)| (why.as_str(), *count))
    }

    /// When the last event happened.
    pub fn end(&self) -> At {
        self.end
    }

    /// The command line of a process at a time as one line, escaped, for people.
    pub fn told(&self, process: Process, at: At) -> String {
        // What was seen before its start has no other name than that of what it became.
        let first = || {
            self.lineage(process).find_map(|record| record.execs.iter().find(|exec| exec.what.result == 0))
        };
        let Some(exec) = self.program(process, at).or_else(first) else {
            return format!("process {}", process.0);
        };
        let words: Vec<String> =
            exec.what.arguments.iter().take(12).map(|word| model::escape_bytes(word)).collect();
        let line = if words.is_empty() { model::escape_bytes(&exec.what.program) } else { words.join(" ") };
        line.chars().take(200).collect()
    }

    fn lose(&mut self, why: &LostWhy, count: u64) {
        let why = match why {
            LostWhy::TooMany => "more events than a run may have".to_owned(),
            LostWhy::Unreadable => "memory of a process could not be read".to_owned(),
            LostWhy::Untraced => "a process ran untraced".to_owned(),
            LostWhy::Wire => "packets that could not be taken apart".to_owned(),
            LostWhy::Content => "content that was not kept".to_owned(),
            LostWhy::Engine(text) => model::escape_text(text),
        };
        let lost = self.lost.entry(why).or_default();
        *lost = lost.saturating_add(count.max(1));
    }
}
