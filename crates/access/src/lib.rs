//! Who may do what: users, robots, tokens, scopes; gives permits.
#![forbid(unsafe_code)]

mod permit;

pub use permit::{Action, Permit};
