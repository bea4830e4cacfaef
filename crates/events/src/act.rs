use crate::{FileAct, NetAct, Process, ProcessAct, WireAct};
use serde::{Deserialize, Serialize};

/// Bytes of the guest: paths, words, payloads. Raw, not escaped, and never longer than [`MAX_BYTES`].
pub type Bytes = serde_bytes::ByteBuf;

/// The most bytes of one path, word or payload that an event carries. What is longer is cut; the event says how
/// long it was.
pub const MAX_BYTES: usize = 4096;

/// The most words of a command line or environment that an event carries.
pub const MAX_WORDS: usize = 256;

/// The first [`MAX_BYTES`] of some bytes of the guest.
pub fn bounded(bytes: &[u8]) -> Bytes {
    Bytes::from(bytes.get(..MAX_BYTES).unwrap_or(bytes).to_vec())
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// A process was born, became another program, changed who it is, or ended.
    Process(ProcessAct),
    /// A file was opened, written, moved, removed.
    File(FileAct),
    /// A socket was made or used, as the guest asked for it.
    Net(NetAct),
    /// A call to the kernel that is none of these and matters.
    Kernel(KernelCall),
    /// What went over the wire, as the other end saw it.
    Wire(WireAct),
    /// What the host did or saw.
    Host(HostAct),
}

/// A call that has no form of its own: `memfd_create`, `ptrace`, `bpf`, `unshare`, `prctl`, `kill`, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KernelCall {
    /// Who called.
    pub process: Process,
    /// The name of the call as the kernel's table has it: `init_module`; `io_uring_setup`; `int80` for a call
    /// through the 32-bit door.
    pub name: Bytes,
    /// Its six arguments as they stood in registers.
    pub arguments: [u64; 6],
    /// Text that the arguments point to, where there is one that matters: a name, a path, an option string.
    pub text: Option<Bytes>,
    /// The process that it is aimed at, where it is aimed at one (`kill`, `ptrace`).
    pub target: Option<Process>,
    /// What came back: negative is an error number. None where the call did not return.
    pub result: Option<i64>,
    /// Whether the sandbox refused it, so that the guest learned nothing about what it would have done.
    pub refused: bool,
}

/// What the host did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostAct {
    /// The run began: `text` names the run of the plan.
    Began {
        /// The run's name in the plan.
        run: String,
    },
    /// A probe of the plan was started as this process.
    Probe {
        /// Which probe, as the plan names it.
        name: String,
        /// Its first process.
        process: Process,
    },
    /// Waiting was skipped: the guest's clock jumped ahead.
    Skipped {
        /// By so many nanoseconds.
        nanoseconds: u64,
    },
    /// A sample of what a process has used of the processor so far, all threads together.
    Used {
        /// The process (its leader).
        process: Process,
        /// Nanoseconds in user mode.
        user: u64,
        /// Nanoseconds in the kernel.
        system: u64,
        /// How many threads it has.
        threads: u32,
        /// Bytes resident.
        resident: u64,
    },
    /// A process that the host sees and the guest's own view of `/proc` does not show.
    Hidden {
        /// Which.
        process: Process,
        /// What the guest's view was asked for: a path below `/proc`, escaped.
        asked: String,
    },
    /// A limit of the run was reached.
    Limit {
        /// Which: `processes`, `memory`, `disk`, `time`, `events`.
        what: String,
    },
    /// Content that appeared in the run was kept for scanning, under its digest.
    Captured {
        /// What it is.
        content: crate::Content,
        /// Where it stood in the guest, where it had a name.
        path: Option<Bytes>,
        /// Who was given it to run, where it is a text that came over standard input or on the command line.
        given: Option<Process>,
    },
    /// A file of the run's final state that the image does not have or has otherwise.
    Changed {
        /// Its path in the image.
        path: Bytes,
        /// Whether it was taken away.
        removed: bool,
        /// Its content, where it was kept.
        content: Option<crate::Content>,
    },
    /// Events were lost, or something could not be seen: the run is incomplete.
    Lost {
        /// Why.
        why: LostWhy,
        /// How many, where that is known.
        count: u64,
    },
    /// The run ended.
    Finished {
        /// Why: `all processes ended`, `time is over`, `convicted`, `cancelled`.
        why: String,
    },
}

/// Why something is missing from a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LostWhy {
    /// More events than a run may have.
    TooMany,
    /// The guest's memory could not be read when a call was made.
    Unreadable,
    /// A process ran without being traced.
    Untraced,
    /// The network saw something that it could not take apart.
    Wire,
    /// Content was larger than what is kept, or the space for it was used up.
    Content,
    /// An engine said that it dropped events.
    Engine(String),
}
