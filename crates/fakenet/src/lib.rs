//! Answers whatever a sandboxed process says to a network, and writes down what was said.
//!
//! Comes in: sockets that were opened in the sandbox's network, a clock, canaries to look for. Goes out:
//! believable answers, events, captured bodies. Never: a connection of its own, a byte forwarded anywhere.
//!
//! [`serve`] takes the sockets; every flow is tasted by its first bytes and handed to the emulator that is surest
//! (`protocols`). What goes over a flow passes a tap that counts, keeps and searches it for canaries.
#![forbid(unsafe_code)]

mod canaries;
mod captures;
mod datagrams;
mod dispatch;
mod doors;
mod packets;
mod payloads;
mod pcapng;
mod protocols;
mod recorder;
mod server;
mod stream;
mod talk;
#[cfg(test)]
mod testing;
mod tls;
mod world;

pub use canaries::{Canaries, Canary, Seen, Watcher};
pub use doors::Doors;
pub use protocols::http::DEAD_DROP;
pub use server::{Server, Transcript, serve};
pub use tls::{Authority, AuthorityError};
pub use world::{Clock, HostClock, Limits, Names, Persona, Shifted, Stage, World};

/// What can go wrong before the first guest is answered. Afterwards nothing fails: it becomes an event.
#[derive(Debug, thiserror::Error)]
pub enum FakenetError {
    /// No thread or event loop.
    #[error("the threads that answer the guest could not be started; raise the limit of processes")]
    Runtime(#[source] std::io::Error),
    /// A socket is unusable.
    #[error("a socket of the sandbox's network cannot be used ({which})")]
    Socket {
        /// Which.
        which: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The directory for captured bodies, or the packet file.
    #[error("{path} cannot be written; name another directory for captures")]
    Captures {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
