use crate::{Bytes, Process};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A socket was made or used, as the guest asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetAct {
    /// Who.
    pub process: Process,
    /// What was done.
    pub op: NetOp,
    /// The descriptor.
    pub descriptor: i32,
    /// What came back: negative is an error number.
    pub result: i64,
}

/// What was done with a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetOp {
    /// It was made: family, kind and protocol as the kernel numbers them.
    Make {
        /// `AF_INET`, …
        family: i32,
        /// `SOCK_STREAM`, …, without flags.
        kind: i32,
        /// `IPPROTO_ICMP`, …
        protocol: i32,
    },
    /// Connected to.
    Connect {
        /// The other end.
        to: Peer,
        /// The own end, once the kernel chose one: joins this with what the wire saw.
        from: Option<Peer>,
    },
    /// Bound to.
    Bind(Peer),
    /// Listening.
    Listen,
    /// A connection was taken.
    Accept(Option<Peer>),
    /// Something was sent to a named peer without a connection.
    SendTo {
        /// To whom.
        to: Peer,
        /// Bytes.
        bytes: u64,
    },
    /// An option that matters was set: level and name as the kernel numbers them (`SO_ATTACH_FILTER`, promiscuous).
    Option {
        /// Level.
        level: i32,
        /// Name.
        name: i32,
    },
}

/// One end of a socket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// An address and port.
    Inet(SocketAddr),
    /// A path, or a name in the abstract space with its leading zero byte.
    Unix(Bytes),
    /// Another family, as raw bytes.
    Other(Bytes),
}
