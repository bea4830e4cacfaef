//! Runs a process where it can reach nothing, and says what it does.
//!
//! Comes in: a root file system, a process to start in it, limits. Goes out: a stream of events, the sockets
//! through which its network may be answered, what it changed and what it ran. Never: a route to a real
//! network, a write to the host's own tree, a process that outlives the run.

mod clock;
mod context;
pub mod filter;
mod report;
mod spec;
mod time;
pub mod trace;

pub use clock::Clock;
pub use context::{Context, Order};
pub use report::Reporter;
pub use spec::{Limits, Network, Owners, Persona, Root, Scratch, Spec, Start, Stdin, TimePolicy, User};
