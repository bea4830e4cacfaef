//! The record of a run: what happened in the sandbox, in order, as it is kept on disk and judged again.
//!
//! Comes in: events from the tracer, from the network that answers the guest, and from the host that watches
//! both. Goes out: the same, as a stream that is written while the run goes on and read back as often as rules
//! change. Never: a decision about what an event means, and no name, path or byte of the guest that is not
//! bounded.
#![forbid(unsafe_code)]

mod act;
mod event;
mod file;
mod network;
mod process;
mod spool;
mod wire;

pub use act::{Act, Bytes, HostAct, KernelCall, LostWhy, MAX_BYTES, MAX_WORDS, bounded};
pub use event::{Event, Source};
pub use file::{Content, FileAct, FileOp, Origin};
pub use network::{NetAct, NetOp, Peer};
pub use process::{Descriptor, Ended, Exec, Process, ProcessAct, STANDARD};
pub use spool::{Spool, SpoolError, SpoolHead, SpoolReader};
pub use wire::{CanarySeen, Coding, Coin, ConnectionId, Dns, Http, Pool, Said, Tls, WireAct, WireKind};
