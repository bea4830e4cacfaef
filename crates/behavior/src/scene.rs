//! Builds records for tests: a scene in which processes are born, run programs and speak to hosts.

use crate::{Context, Outcome, Record, RunContext, judge};
use events::{
    Act, Bytes, ConnectionId, Descriptor, Dns, Ended, Event, Exec, FileAct, FileOp, HostAct, KernelCall,
    NetAct, NetOp, Origin, Peer, Process, ProcessAct, Source, WireAct, WireKind,
};
use std::net::SocketAddr;

/// The first process of every scene.
pub(crate) const FIRST: Process = Process(1);

pub(crate) struct Scene {
    events: Vec<Event>,
    clock: u64,
    processes: u32,
    flows: u64,
    ends: Vec<(SocketAddr, SocketAddr)>,
    pub(crate) run: RunContext,
    pub(crate) image: Context,
}

impl Scene {
    /// A scene with one process that runs this command line from the image, past the first seconds of its start.
    pub(crate) fn of(words: &[&str]) -> Self {
        let mut scene = Self::starting(words);
        scene.wait(10);
        scene
    }

    /// The same in its very first moment.
    pub(crate) fn starting(words: &[&str]) -> Self {
        let run = RunContext { name: "as configured".into(), ..RunContext::default() };
        let image = Context { platform: "linux/amd64".into(), processors: 4, ..Context::default() };
        let mut scene =
            Self { events: Vec::new(), clock: 0, processes: 0, flows: 0, ends: Vec::new(), run, image };
        scene.born(Process(0));
        scene.exec(FIRST, words, Origin::Image);
        scene
    }

    /// A scene that begins with what the sandbox put beside the image.
    pub(crate) fn beside(decoy: &str) -> Self {
        let mut scene = Self::starting(&[decoy]);
        if let Some(Act::Process(ProcessAct::Exec(exec))) =
            scene.events.last_mut().map(|event| &mut event.act)
        {
            exec.origin = Origin::Planted;
        }
        scene
    }

    pub(crate) fn note(&mut self, source: Source, act: Act) {
        self.clock += 1_000_000;
        let number = self.events.len() as u64;
        self.events.push(Event { number, real: self.clock, guest: self.clock, source, act });
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.clock += seconds * 1_000_000_000;
    }

    pub(crate) fn born(&mut self, parent: Process) -> Process {
        self.processes += 1;
        let process = Process(self.processes);
        let born = ProcessAct::Born { process, parent, pid: self.processes, thread: false, leader: process };
        self.note(Source::Call, Act::Process(born));
        process
    }

    /// A thread of a process is born.
    pub(crate) fn thread(&mut self, leader: Process) -> Process {
        self.processes += 1;
        let process = Process(self.processes);
        let born = ProcessAct::Born { process, parent: leader, pid: self.processes, thread: true, leader };
        self.note(Source::Call, Act::Process(born));
        process
    }

    /// A process becomes a program; the first word is its path.
    pub(crate) fn exec(&mut self, process: Process, words: &[&str], origin: Origin) {
        self.exec_at(process, words, origin, [Descriptor::Null, Descriptor::Null, Descriptor::Null]);
    }

    /// As [`Scene::exec`], with these variables that matter.
    pub(crate) fn exec_with(&mut self, process: Process, words: &[&str], environment: &[&str]) {
        self.exec(process, words, Origin::Image);
        if let Some(Act::Process(ProcessAct::Exec(exec))) = self.events.last_mut().map(|event| &mut event.act)
        {
            exec.environment = environment.iter().map(|variable| text(variable)).collect();
        }
    }

    /// A process gives itself another name.
    pub(crate) fn rename(&mut self, process: Process, name: &str) {
        self.note(Source::Call, Act::Process(ProcessAct::Renamed { process, name: text(name) }));
    }

    /// As [`Scene::exec`], with what came back.
    pub(crate) fn exec_with_result(&mut self, process: Process, words: &[&str], origin: Origin, result: i64) {
        self.exec(process, words, origin);
        if let Some(Act::Process(ProcessAct::Exec(exec))) = self.events.last_mut().map(|event| &mut event.act)
        {
            exec.result = result;
        }
    }

    /// As [`Scene::exec`], as this user.
    pub(crate) fn exec_as(&mut self, process: Process, words: &[&str], origin: Origin, user: u32) {
        self.exec(process, words, origin);
        if let Some(Act::Process(ProcessAct::Exec(exec))) = self.events.last_mut().map(|event| &mut event.act)
        {
            exec.euid = user;
        }
    }

    /// As [`Scene::exec`], with these at its standard descriptors.
    pub(crate) fn exec_at(
        &mut self,
        process: Process,
        words: &[&str],
        origin: Origin,
        standard: [Descriptor; 3],
    ) {
        let program = text(words.first().copied().unwrap_or_default());
        let exec = Exec {
            process,
            asked: program.clone(),
            program,
            origin,
            content: None,
            interpreter: None,
            arguments: words.iter().map(|word| text(word)).collect(),
            arguments_length: words.iter().map(|word| word.len() as u64 + 1).sum(),
            environment: Vec::new(),
            directory: text("/"),
            euid: 0,
            standard,
            result: 0,
        };
        self.note(Source::Call, Act::Process(ProcessAct::Exec(Box::new(exec))));
    }

    pub(crate) fn exit(&mut self, process: Process) {
        self.note(Source::Call, Act::Process(ProcessAct::Exit { process, ended: Ended::Code(0) }));
    }

    pub(crate) fn file(&mut self, process: Process, op: FileOp, path: &str, origin: Origin) {
        let act = FileAct { process, op, path: text(path), origin, result: 0 };
        self.note(Source::Call, Act::File(act));
    }

    /// A process makes and writes a file.
    pub(crate) fn write(&mut self, process: Process, path: &str) {
        let open = FileOp::Open { read: false, write: true, create: true };
        self.file(process, open, path, Origin::Written);
        self.file(process, FileOp::Wrote { bytes: 100 }, path, Origin::Written);
    }

    /// A process reads a file that lies in the image or was planted.
    pub(crate) fn read(&mut self, process: Process, path: &str, origin: Origin) {
        self.file(process, FileOp::Open { read: true, write: false, create: false }, path, origin);
    }

    pub(crate) fn call(&mut self, process: Process, name: &str, arguments: [u64; 6], about: Option<&str>) {
        let call = KernelCall {
            process,
            name: text(name),
            arguments,
            text: about.map(text),
            target: None,
            result: Some(0),
            refused: false,
        };
        self.note(Source::Call, Act::Kernel(call));
    }

    pub(crate) fn kill(&mut self, process: Process, target: Process) {
        let call = KernelCall {
            process,
            name: text("kill"),
            arguments: [u64::from(target.0), 9, 0, 0, 0, 0],
            text: None,
            target: Some(target),
            result: Some(0),
            refused: false,
        };
        self.note(Source::Call, Act::Kernel(call));
    }

    pub(crate) fn host(&mut self, act: HostAct) {
        self.note(Source::Host, Act::Host(act));
    }

    pub(crate) fn net(&mut self, process: Process, op: NetOp) {
        self.note(Source::Call, Act::Net(NetAct { process, op, descriptor: 3, result: 0 }));
    }

    /// A process connects, to a name that it asks for first or to a bare address; gives the flow's number.
    pub(crate) fn connect(&mut self, process: Process, name: Option<&str>, to: &str) -> u64 {
        let to: SocketAddr = to.parse().expect("an address and port");
        if let Some(name) = name {
            let dns =
                Dns { name: text(name), kind: 1, answers: vec![to.ip().to_string()], over: "udp".into() };
            let flow = self.open("198.18.0.53:53".parse().expect("an address"));
            self.wire(flow, WireKind::Dns(dns));
        }
        let flow = self.flows + 1;
        let from = SocketAddr::new([10, 77, 0, 2].into(), 40_000 + flow as u16);
        self.net(process, NetOp::Connect { to: Peer::Inet(to), from: Some(Peer::Inet(from)) });
        self.open(to)
    }

    fn open(&mut self, to: SocketAddr) -> u64 {
        self.flows += 1;
        let from = SocketAddr::new([10, 77, 0, 2].into(), 40_000 + self.flows as u16);
        self.ends.push((from, to));
        self.wire(self.flows, WireKind::Opened { datagram: to.port() == 53 });
        self.flows
    }

    pub(crate) fn wire(&mut self, flow: u64, kind: WireKind) {
        let (from, to) = self.ends[flow as usize - 1];
        let act = WireAct { connection: ConnectionId(flow), from, to, kind };
        self.note(Source::Wire, Act::Wire(act));
    }

    /// A sample of the processor time of a process: seconds in all so far.
    pub(crate) fn used(&mut self, process: Process, seconds: u64, threads: u32, resident: u64) {
        let user = seconds * 1_000_000_000;
        self.host(HostAct::Used { process, user, system: 0, threads, resident });
    }

    pub(crate) fn record(&self) -> Record {
        Record::of(self.events.clone())
    }

    pub(crate) fn outcome(&self) -> Outcome {
        judge(&[(self.run.clone(), self.record())], &self.image)
    }

    /// The ids and roles of what this scene is accused of, sorted: `D-MIN-STRATUM convicts`.
    pub(crate) fn accused(&self) -> Vec<String> {
        let findings = self.outcome().findings;
        let mut told: Vec<String> =
            findings.iter().map(|finding| format!("{} {}", finding.id, finding.role.name())).collect();
        told.sort();
        told.dedup();
        told
    }
}

pub(crate) fn text(text: &str) -> Bytes {
    Bytes::from(text.as_bytes().to_vec())
}
