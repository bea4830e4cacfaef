use crate::{Bytes, Content};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// A flow between the guest and the network that answers it, numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

/// What went over the wire, as the other end saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireAct {
    /// Which flow.
    pub connection: ConnectionId,
    /// The guest's end: joins it with the process that connected.
    pub from: SocketAddr,
    /// Whom the guest asked for.
    pub to: SocketAddr,
    /// What it was.
    pub kind: WireKind,
}

/// What was seen of a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireKind {
    /// A connection was taken, or a first datagram came; `datagram` tells which.
    Opened {
        /// Whether it is a datagram flow.
        datagram: bool,
    },
    /// The protocol was recognised by what was said, whatever the port.
    Protocol(String),
    /// Bytes went over it.
    Said(Said),
    /// A name was asked for.
    Dns(Dns),
    /// A request was made.
    Http(Box<Http>),
    /// A handshake was made or refused.
    Tls(Tls),
    /// A mining pool was spoken to.
    Pool(Box<Pool>),
    /// A canary was seen leaving.
    Canary(CanarySeen),
    /// Something of another protocol with a name for the step: (`irc`, `NICK bot17`), (`ssh`, `password root`),
    /// (`redis`, `CONFIG SET dir`), (`socks`, `host:port`), (`shell`, what answered `id`), (`docker`, `create`).
    Step {
        /// The protocol.
        protocol: String,
        /// What was done, at most [`crate::MAX_BYTES`].
        what: Bytes,
    },
    /// It ended, with the bytes of both directions: from the guest, to the guest.
    Closed {
        /// Bytes that the guest sent.
        sent: u64,
        /// Bytes that it was sent.
        received: u64,
    },
    /// Packets that belong to no flow: (`icmp`, payload), (`syn`, …), counted where they come in numbers.
    Packets {
        /// What they are.
        what: String,
        /// How many since the last such event.
        count: u64,
        /// The first one's payload.
        payload: Bytes,
    },
}

/// Bytes that went over a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Whether the guest said it.
    pub guest: bool,
    /// Whether it was inside of TLS and is shown decrypted.
    pub decrypted: bool,
    /// Where in the direction's stream it begins.
    pub offset: u64,
    /// How long it is.
    pub length: u64,
    /// Its beginning, at most [`crate::MAX_BYTES`].
    pub bytes: Bytes,
}

/// A question for a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// The name as asked, without the last dot.
    pub name: Bytes,
    /// The type, as numbered.
    pub kind: u16,
    /// What was answered: addresses or text; empty where the name was denied.
    pub answers: Vec<String>,
    /// How it came: `udp`, `tcp`, `https`, `tls`.
    pub over: String,
}

/// A request over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// `GET`, …
    pub method: Bytes,
    /// Host as the request names it.
    pub host: Bytes,
    /// Path and query.
    pub target: Bytes,
    /// `User-Agent`.
    pub agent: Bytes,
    /// Whether it came inside of TLS.
    pub tls: bool,
    /// Body of the request, where it has one.
    pub body: Option<Content>,
    /// Beginning of the body.
    pub body_start: Bytes,
    /// Status that was answered.
    pub status: u16,
    /// What was served: `script`, `elf`, `archive`, `image`, `json`, `text`, `page`, `index`, `metadata` (with or
    /// without credentials), `kubernetes`, `docker`, `git`, `dns`, `pool`, `dead-drop`, `stage` (given by the plan),
    /// `none`.
    pub served: String,
    /// The served content, which may be met again as a file.
    pub content: Option<Content>,
}

/// A TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// The name that was asked for.
    pub name: Option<Bytes>,
    /// Protocols offered inside (`h2`, `http/1.1`).
    pub protocols: Vec<Bytes>,
    /// Fingerprint of the greeting, JA4-like.
    pub fingerprint: String,
    /// Whether the guest took our certificate.
    pub accepted: bool,
}

/// A step of a talk with a mining pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Whose protocol it is.
    pub coin: Coin,
    /// `login`, `subscribe`, `authorize`, `job`, `submit`, `keepalived`.
    pub step: String,
    /// The account: a wallet or a name.
    pub account: Bytes,
    /// The worker's name or password.
    pub worker: Bytes,
    /// The program as it calls itself.
    pub agent: Bytes,
    /// Algorithms that it offers.
    pub algorithms: Vec<Bytes>,
    /// For `submit`: whether the share answers the job that we handed out.
    pub valid: Option<bool>,
}

/// Families of pool protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Coin {
    /// Monero and its kin: JSON-RPC with `login`.
    Monero,
    /// Bitcoin and its kin: `mining.subscribe`.
    Bitcoin,
    /// Ethereum and its kin: `eth_submitLogin`.
    Ethereum,
}

/// A canary that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanarySeen {
    /// Which: its name in the plan (`aws-key-file`, `env-github-token`, …).
    pub canary: String,
    /// In which coding.
    pub coding: Coding,
    /// Where in what the guest sent.
    pub offset: u64,
}

/// How a canary was coded when it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Coding {
    /// As it is.
    Plain,
    /// Base64, of any alignment, standard or for URLs.
    Base64,
    /// Hexadecimal digits.
    Hex,
    /// Base32, as names carry it.
    Base32,
    /// Percent signs.
    Url,
    /// Inside of gzip, zlib or deflate.
    Compressed,
    /// Backwards.
    Reversed,
    /// Each byte with the same byte in exclusive or.
    Xor(u8),
    /// Spread over the labels of names.
    Labels,
}
