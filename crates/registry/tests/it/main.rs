//! The registry from outside, over loopback HTTP.
#![expect(clippy::unwrap_used, reason = "tests")]
#![allow(missing_docs, unreachable_pub, reason = "tests")]

mod evasion;
#[allow(dead_code, reason = "the example needs more")]
mod house;
mod laws;
mod limits;
mod peers;
mod pulls;
mod rights;
mod uploads;
