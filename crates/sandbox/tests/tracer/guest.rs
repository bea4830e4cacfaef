//! Small programs of our own as guests of the tracer, and what is told of them as lines.

use events::{Act, Descriptor, Event, FileOp, HostAct, NetOp, Origin, Peer, ProcessAct};
use sandbox::trace::alone::{Alone, Told};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A program.
pub(crate) enum Program<'a> {
    /// In C; `main` and all includes are its own.
    C(&'a str),
    Shell(&'a str),
    Python(&'a str),
}

/// A program on an overlay of this machine's tree, in namespaces.
pub(crate) struct Guest {
    pub(crate) alone: Alone,
    pub(crate) captures: TempDir,
    _overlay: TempDir,
    _binary: Option<TempDir>,
}

impl Guest {
    pub(crate) fn new(program: &Program<'_>) -> Self {
        let (argv, binary): (Vec<Vec<u8>>, _) = match program {
            Program::C(source) => {
                let (directory, path) = compile(source);
                (vec![path.into_os_string().into_encoded_bytes()], Some(directory))
            }
            Program::Shell(script) => (words(&["/bin/sh", "-c", script]), None),
            Program::Python(script) => (words(&["/usr/bin/python3", "-c", script]), None),
        };
        let overlay = tempfile::tempdir_in("/dev/shm").unwrap();
        let captures = tempfile::tempdir().unwrap();
        let mut alone = Alone::new(&argv);
        alone.overlay = Some(overlay.path().to_path_buf());
        alone.captures = Some(captures.path().to_path_buf());
        alone.limits.wall = std::time::Duration::from_secs(60);
        Self { alone, captures, _overlay: overlay, _binary: binary }
    }

    pub(crate) fn run(&self) -> Told {
        self.alone.run(|_| true).expect("a guest starts")
    }
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

pub(crate) fn compile(source: &str) -> (TempDir, PathBuf) {
    let place = if is_root() { "/tmp" } else { "/dev/shm" };
    let directory = tempfile::tempdir_in(place).unwrap();
    let (input, output) = (directory.path().join("guest.c"), directory.path().join("guest"));
    std::fs::write(&input, source).unwrap();
    let status = Command::new("cc").args(["-O1", "-w", "-pthread", "-o"]).arg(&output).arg(&input).status();
    assert!(status.expect("cc is there").success(), "{source}");
    (directory, output)
}

pub(crate) fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Image => "image",
        Origin::Written => "written",
        Origin::Memory => "memory",
        Origin::Deleted => "deleted",
        Origin::Planted => "planted",
        Origin::Kernel => "kernel",
        Origin::Unknown => "unknown",
    }
}

fn peer(peer: &Peer) -> String {
    match peer {
        Peer::Inet(address) => address.to_string(),
        Peer::Unix(path) => format!("unix {}", text(path)),
        Peer::Other(bytes) => format!("other {}", text(bytes)),
    }
}

fn descriptor(descriptor: &Descriptor) -> String {
    match descriptor {
        Descriptor::Closed => "closed".into(),
        Descriptor::Terminal => "terminal".into(),
        Descriptor::Null => "null".into(),
        Descriptor::Pipe(_) => "pipe".into(),
        Descriptor::Socket(None) => "socket".into(),
        Descriptor::Socket(Some(to)) => format!("socket {}", peer(to)),
        Descriptor::File(path) => format!("file {}", text(path)),
        Descriptor::Other(name) => format!("other {}", text(name)),
    }
}

/// An event as one line.
pub(crate) fn line(event: &Event) -> String {
    match &event.act {
        Act::Process(act) => match act {
            ProcessAct::Born { process, parent, pid, thread, leader } => {
                let thread = if *thread { format!(" thread of {}", leader.0) } else { String::new() };
                format!("born {} of {} pid {pid}{thread}", process.0, parent.0)
            }
            ProcessAct::Exec(exec) => {
                let mut line = format!(
                    "exec {} {} {} = {}",
                    exec.process.0,
                    text(&exec.program),
                    origin(exec.origin),
                    exec.result
                );
                if let Some(interpreter) = &exec.interpreter {
                    line += &format!(" by {}", text(interpreter));
                }
                let arguments: Vec<_> = exec.arguments.iter().map(|word| text(word)).collect();
                line += &format!(" [{}]", arguments.join(" "));
                let standard: Vec<_> = exec.standard.iter().map(descriptor).collect();
                line + &format!(" {}", standard.join(","))
            }
            ProcessAct::Renamed { process, name } => format!("renamed {} {}", process.0, text(name)),
            ProcessAct::Identity { process, uid, euid, egid } => {
                format!("identity {} {uid} {euid} {egid}", process.0)
            }
            ProcessAct::Standard { process, number, descriptor: at } => {
                format!("standard {} {number} {}", process.0, descriptor(at))
            }
            ProcessAct::Exit { process, ended } => format!("exit {} {ended:?}", process.0),
        },
        Act::File(act) => {
            let op = match &act.op {
                FileOp::Open { read, write, create } => {
                    let flags = [(*read, "r"), (*write, "w"), (*create, "c")];
                    let flags: String = flags.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
                    format!("open {flags}")
                }
                FileOp::Wrote { bytes } => format!("wrote {bytes}"),
                FileOp::Rename(to) => format!("rename to {}", text(to)),
                FileOp::Link(to) => format!("link to {}", text(to)),
                FileOp::Symlink(to) => format!("symlink to {}", text(to)),
                FileOp::Attribute(name) => format!("attribute {}", text(name)),
                FileOp::Mount { kind, source, .. } => format!("mount {} {}", text(kind), text(source)),
                other => format!("{other:?}").to_lowercase(),
            };
            format!("{op} {} {} = {}", text(&act.path), origin(act.origin), act.result.min(0))
        }
        Act::Net(act) => {
            let op = match &act.op {
                NetOp::Make { family, kind, protocol } => format!("socket {family} {kind} {protocol}"),
                NetOp::Connect { to, from } => {
                    let own = if from.is_some() { " from us" } else { "" };
                    format!("connect {}{own}", peer(to))
                }
                NetOp::Bind(to) => format!("bind {}", peer(to)),
                NetOp::Listen => "listen".into(),
                NetOp::Accept(None) => "accept".into(),
                NetOp::Accept(Some(Peer::Inet(from))) => format!("accept {}", from.ip()),
                NetOp::Accept(Some(from)) => format!("accept {}", peer(from)),
                NetOp::SendTo { to, bytes } => format!("send {bytes} to {}", peer(to)),
                NetOp::Option { level, name } => format!("option {level} {name}"),
            };
            format!("{op} = {}", act.result.min(0))
        }
        Act::Kernel(call) => {
            let mut line = format!("{} {:#x}", text(&call.name), call.arguments[0]);
            if let Some(told) = &call.text {
                line += &format!(" {}", text(told));
            }
            if let Some(target) = &call.target {
                line += &format!(" at {}", target.0);
            }
            line += &format!(" = {}", call.result.map_or("none".into(), |result| result.min(0).to_string()));
            if call.refused { line + " refused" } else { line }
        }
        Act::Host(HostAct::Captured { content, .. }) => format!("captured {}", content.length),
        Act::Host(HostAct::Used { .. }) => "used".into(),
        Act::Host(act) => format!("{act:?}").to_lowercase(),
        Act::Wire(_) => "wire".into(),
    }
}

/// Runs a program and looks for lines: each of `expect` begins one, in any order; one with `!` before it begins
/// none. Gives what the program said.
#[track_caller]
pub(crate) fn check(program: Program<'_>, expect: &[&str]) -> String {
    let guest = Guest::new(&program);
    let told = guest.run();
    look(&told, expect)
}

#[track_caller]
pub(crate) fn look(told: &Told, expect: &[&str]) -> String {
    let lines: Vec<String> = told.events.iter().map(line).collect();
    let said = String::from_utf8_lossy(&told.said).into_owned();
    for expect in expect {
        let (wanted, expect) = match expect.strip_prefix('!') {
            Some(rest) => (false, rest),
            None => (true, *expect),
        };
        // A star stands for anything between two parts.
        let fits = |line: &String| {
            let mut rest = line.as_str();
            expect.split('*').enumerate().all(|(index, part)| match rest.find(part) {
                Some(at) if index > 0 || at == 0 => {
                    rest = &rest[at + part.len()..];
                    true
                }
                _ => false,
            })
        };
        assert_eq!(lines.iter().any(fits), wanted, "`{expect}`\nsaid: {said}\n{}", lines.join("\n"));
    }
    for (index, event) in told.events.iter().enumerate() {
        assert_eq!(event.number, index as u64);
    }
    said
}
