//! Runs a process where it can reach nothing, and says what it does.
//!
//! Comes in: a root file system, a process to start in it, limits. Goes out: a stream of events, the sockets
//! through which its network may be answered, what it changed and what it ran. Never: a route to a real
//! network, a write to the host's own tree, a process that outlives the run.

mod calls;
mod changes;
mod clock;
mod context;
mod error;
pub mod filter;
mod gvisor;
#[cfg(target_env = "gnu")]
mod hosts;
mod message;
mod network;
mod probe;
mod report;
mod run;
mod spec;
mod time;
pub mod trace;
mod unpack;
mod warden;

pub use changes::{Change, Entry, EntryKind, MOST_CHANGES};
pub use clock::{Clock, Hold};
pub use context::{Context, Order};
pub use error::{Failure, SandboxError};
pub use gvisor::{Runsc, RunscError};
#[cfg(target_env = "gnu")]
pub use hosts::hosts_without_modules;
pub use network::Doors;
pub use probe::{Capability, probe_gvisor, probe_host};
pub use report::Reporter;
pub use run::{Changes, Events, Finished, FurtherDoors, Kept, Run, Sandbox};
pub use spec::{
    Decoys, Engine, Limits, Network, Owners, Persona, Root, Scratch, Spec, Start, Stdin, TimePolicy, User,
};
pub use unpack::{Item, ItemKind, Note, Unpack, Unpacked, remove};
pub use warden::{Ids, warden_main};
