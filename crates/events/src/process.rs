use crate::{Bytes, Content, Origin, Peer};
use serde::{Deserialize, Serialize};

/// A process or thread of the run: numbered at birth from 1 and never reused, unlike its pid. 0 is the sandbox
/// itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Process(pub u32);

/// How many descriptors an exec tells of: standard input, output and error.
pub const STANDARD: usize = 3;

/// What happened to a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProcessAct {
    /// It was born.
    Born {
        /// Who.
        process: Process,
        /// Of whom.
        parent: Process,
        /// Its pid as the guest sees it.
        pid: u32,
        /// Whether it is a thread of its parent's process; `leader` of a thread is the process that it belongs to.
        thread: bool,
        /// The process that it belongs to: itself, or for a thread the thread group's first.
        leader: Process,
    },
    /// It became another program, or tried to.
    Exec(Box<Exec>),
    /// It gave itself another name (`PR_SET_NAME`, or a write over its own arguments).
    Renamed {
        /// Who.
        process: Process,
        /// To what.
        name: Bytes,
    },
    /// It changed whose rights it has.
    Identity {
        /// Who.
        process: Process,
        /// Real and effective user.
        uid: u32,
        /// Effective user.
        euid: u32,
        /// Effective group.
        egid: u32,
    },
    /// It put another file at one of its standard descriptors: what a reverse shell does before it becomes a shell.
    Standard {
        /// Who.
        process: Process,
        /// 0, 1 or 2.
        number: u8,
        /// What is there now.
        descriptor: Descriptor,
    },
    /// It ended.
    Exit {
        /// Who.
        process: Process,
        /// How.
        ended: Ended,
    },
}

/// A program is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Who.
    pub process: Process,
    /// The path that was asked for.
    pub asked: Bytes,
    /// The program that runs, links resolved: `/memfd:name (deleted)` for what has no file. For a script, the script.
    pub program: Bytes,
    /// Where it comes from.
    pub origin: Origin,
    /// Its content, where it was kept or known: always for what is not the image's.
    pub content: Option<Content>,
    /// The interpreter that runs it, where it is a script.
    pub interpreter: Option<Bytes>,
    /// The command line, at most [`crate::MAX_WORDS`] words of at most [`crate::MAX_BYTES`] each.
    pub arguments: Vec<Bytes>,
    /// How many bytes the command line has in all.
    pub arguments_length: u64,
    /// Variables of the environment that decide what is loaded or run: `LD_PRELOAD`, `PATH`, `NODE_OPTIONS`, …
    pub environment: Vec<Bytes>,
    /// Working directory.
    pub directory: Bytes,
    /// Effective user.
    pub euid: u32,
    /// What stands at its standard descriptors.
    pub standard: [Descriptor; STANDARD],
    /// What came back: 0, or a negative error number.
    pub result: i64,
}

/// What stands at a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Descriptor {
    /// Nothing.
    Closed,
    /// A terminal.
    Terminal,
    /// `/dev/null`.
    Null,
    /// A pipe, by its number in the kernel: two processes that hold the same number are joined by it.
    Pipe(u64),
    /// A socket, with its other end where it is connected.
    Socket(Option<Peer>),
    /// A file.
    File(Bytes),
    /// Something else, as the kernel names it.
    Other(Bytes),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// By itself, with this code.
    Code(i32),
    /// By a signal.
    Signal(i32),
}
