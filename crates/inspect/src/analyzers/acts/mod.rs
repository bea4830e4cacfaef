//! What a script or a command does that matters, apart from the language it is written in: it fetches, runs what it
//! fetched, connects a shell, reads a credential, sends something away. The analyzers of idioms look at acts and
//! their order alone, so a new language only has to yield acts.

mod call;
mod code;
mod code_calls;
mod code_tokens;
mod code_words;
mod commands;
mod deeds;
mod files;
mod flow;
mod harm;
mod hosts;
mod idioms;
mod programs;
mod shells;
mod stores;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) mod trial;

pub(crate) use call::{Call, Redirect};
pub(crate) use code_words::signs;
pub(crate) use flow::Cargo;
pub use hosts::{HostKind, Remote};
pub(crate) use idioms::{Doing, Hit, Idiom, Origin, detection, judge};
pub(crate) use stores::Store;

use super::start::{Language, Run};
use crate::signs::Signs;
use serde::{Deserialize, Serialize};

/// One act of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Its line, the first is 1.
    pub line: u32,
    /// What it does.
    pub deed: Deed,
    /// With whom, where there is another end.
    pub remote: Option<Remote>,
    /// The command, for people; raw and cut short.
    pub command: Vec<u8>,
}

/// What an act does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Deed {
    /// Asks a host for something.
    Fetches,
    /// Gives what a host answered to an interpreter.
    Interprets,
    /// The same, written in a general language on its own: its HTTP client and its `eval`.
    Evaluates,
    /// Runs a file that it fetched.
    RunsFetched {
        /// Whether it made the file executable before.
        made_executable: bool,
        /// Whether something compared a checksum or a signature in between.
        verified: bool,
    },
    /// Compiles source that it fetched.
    CompilesFetched,
    /// Installs packages.
    Installs,
    /// Connects a shell to a host.
    ConnectsShell,
    /// Lets others connect to a shell.
    OffersShell,
    /// Opens a way in through somebody's relay, with the address or token written down.
    Tunnels,
    /// Starts a program for remote control, with an identity written down.
    RemoteControl,
    /// Runs the rest of the line through Tor or a proxy chain.
    ThroughTor,
    /// Runs what a web request says.
    RunsRequest,
    /// Reads where credentials are kept.
    Reads(Store),
    /// Reads the environment or the memory of other processes.
    ReadsProcesses,
    /// Looks up names that are made of data.
    AsksNames,
    /// Sends something away; the bits say what, as in `Cargo`.
    Sends(u16),
    /// Scans ports of many hosts.
    Scans,
    /// Runs something on hosts that it found: a remote engine, a database, a list of shells.
    Spreads,
    /// Asks a cluster what it may do.
    AsksCluster,
    /// Wipes or refuses the history of the shell.
    WipesHistory,
    /// Empties logs of who was there.
    WipesLogs,
    /// Stops or removes a named security agent; the number says which.
    StopsAgent(u8),
    /// Opens the firewall or turns mandatory access control off.
    LowersGuard,
    /// Makes a file unchangeable.
    Seals,
    /// Looks for signs of a sandbox.
    LooksForSandbox,
    /// Ends or waits, close behind such a look.
    Leaves,
    /// Waits for at least this many seconds, or for a date.
    Waits,
    /// Runs a program from memory, without a file.
    RunsFromMemory,
    /// Mounts over a process, so that it cannot be seen.
    HidesProcess,
    /// Encrypts files one after the other.
    Encrypts,
    /// Leaves a note on how to get files back.
    LeavesNote,
    /// Deletes backups.
    DeletesBackups,
    /// Deletes everything there is, or overwrites a disk.
    Wipes,
    /// Floods a host.
    Floods,
    /// Writes a control group's release agent.
    WritesReleaseAgent,
    /// Asks to be notified of released control groups.
    NotifiesOnRelease,
    /// Mounts a hierarchy of control groups.
    MountsControlGroup,
    /// Writes a file whose content the kernel runs: `core_pattern`, `modprobe`, `uevent_helper`.
    WritesKernelHook,
    /// Asks the container engine for a container that owns the host.
    TakesHost,
    /// Enters the host's namespaces, or its file system.
    EntersHost,
    /// Loads a kernel module from a file.
    LoadsModule,
}

/// Most acts that are kept of one script. Repetitions count once, so honest scripts stay far below it.
const MAX_ACTS: usize = 512;
/// Longest command that is kept.
const MAX_COMMAND: usize = 160;

/// The acts of a script, and whether there were more than are kept. A shell script comes with its commands, others
/// with what they run.
pub(super) fn of(
    language: Language,
    text: &[u8],
    signs: &Signs,
    calls: &[Call],
    runs: &[Run],
) -> (Vec<Act>, bool) {
    let mut acts = Acts::default();
    match language {
        Language::Shell => commands::acts(calls, &mut acts),
        Language::Other => {}
        _ => code::acts(language, text, signs, runs, &mut acts),
    }
    (acts.list, acts.cut)
}

/// The acts of a command line of the configuration, its words known, and whether it was read to its end.
pub(crate) fn of_words(words: &[Vec<u8>]) -> (Vec<Act>, bool) {
    let words = words.iter().map(|word| super::start::Word::text(word.clone())).collect();
    let call = Call { line: 1, words, ..Call::default() };
    let (acts, cut) = of(Language::Shell, b"", &Signs::ALL, &[call], &[]);
    (acts, !cut)
}

/// The acts of a line for the shell, and whether it was read to its end.
pub(crate) fn of_line(line: &[u8]) -> (Vec<Act>, bool) {
    /// Longest line that is read, as of a script.
    const MAX_LINE: usize = 256 << 10;
    let read = line.get(..line.len().min(MAX_LINE)).unwrap_or_default();
    let (acts, cut) = of(Language::Shell, b"", &Signs::ALL, &super::start::shell_calls(read), &[]);
    (acts, !cut && read.len() == line.len())
}

/// Acts while they are collected.
#[derive(Debug, Default)]
struct Acts {
    list: Vec<Act>,
    cut: bool,
    /// How deep in lines and code given to interpreters the reading is, and how many bytes of them it read.
    depth: u32,
    inner: usize,
}

impl Acts {
    fn push(&mut self, line: u32, deed: Deed, remote: Option<&Remote>, command: &[u8]) {
        if self.list.iter().any(|act| act.deed == deed && act.remote.as_ref() == remote) {
            return;
        }
        if self.list.len() >= MAX_ACTS {
            self.cut = true;
            return;
        }
        let command = command.get(..command.len().min(MAX_COMMAND)).unwrap_or_default().to_vec();
        self.list.push(Act { line, deed, remote: remote.cloned(), command });
    }
}
