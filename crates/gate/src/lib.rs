//! The server: registry, upstreams, quarantine, workers, policy, signing, operations.
//!
//! Comes in: a [`Config`], and what scans. Goes out: a registry that gives out nothing unread, and what operating it needs.
//! Never: a decision of its own; policy and verdict decide. A second way to give out bytes; `registry` has the one.
#![forbid(unsafe_code)]

pub mod config;
mod error;
mod keep;
mod server;
mod tls;

pub use config::Config;
pub use error::Error;
pub use server::Peer;
