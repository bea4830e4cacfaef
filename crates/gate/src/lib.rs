//! The server: registry, upstreams, quarantine, workers, policy, signing, operations, the console.
//!
//! Comes in: a [`Config`], and what scans. Goes out: a registry that gives out nothing unread, and what operating it needs.
//! Never: a release of its own; policy, verdict and people decide, and it holds what nobody read, what is empty and what is too
//! young. A second way to give out bytes; `registry` has the one.
#![forbid(unsafe_code)]

mod accounts;
mod admin;
mod administrator;
mod audit;
pub mod config;
mod console;
pub mod core;
mod decide;
mod error;
mod events;
mod fetched;
mod harbor;
mod health;
mod ingest;
mod keep;
mod keys;
mod logs;
mod metrics;
mod oidc;
mod outbound;
mod page;
mod people;
mod quarantine;
pub mod reference;
mod rescan;
mod serve;
mod server;
mod sign;
mod terms;
mod tls;
mod upkeep;
mod upstream;
mod webhooks;
mod work;

pub use administrator::{Administrator, AskError, Decided, Decision};
pub use config::Config;
pub use core::Core;
pub use error::Error;
pub use events::Event;
pub use fetched::Fetched;
pub use ingest::Limits as FetchLimits;
pub use policy::Policy;
pub use serve::{Engine, Started, check, serve};
pub(crate) use serve::{Gate, same_secret};
pub use sign::Keys;
pub use store::journal;
pub use upstream::{Upstream, Upstreams};
