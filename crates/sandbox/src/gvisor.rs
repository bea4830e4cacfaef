//! The engine that puts a kernel of its own between the guest and the host's: gVisor's `runsc`.
//!
//! The warden makes the same tree, network and control groups as for its own tracer, and starts `runsc` inside of
//! them, in the guest's user namespace: whoever broke out of gVisor's kernel would stand where a guest of the native
//! engine stands, as a user that owns nothing. What the guest does is read from two places: trace points, which come
//! as messages over a socket, and a log of calls for what no trace point takes apart. Both are written by the process
//! that the guest runs in, so that every byte of them is the guest's as far as we know.

mod bundle;
mod calls;
mod launch;
mod lines;
mod points;
mod tracks;
mod tree;
mod version;
mod watch;

pub(crate) use launch::{Runtime, furnish};
pub use version::{Runsc, RunscError};
pub(crate) use watch::watch;

/// What this engine cannot do, for people.
pub(crate) const LIMITATIONS: &[&str] = &[
    "gVisor skips no waiting: who sleeps longer than the run lasts shows nothing of what comes after",
    "gVisor shows its own /proc, /sys and kernel version: a guest that looks for gVisor finds it",
    "gVisor does not tell whom sendmsg sends to, nor what is mapped: such traffic is seen, but not who sent it",
    "content of files in memory (memfd, /dev/shm) cannot be read out of gVisor",
    "no port of the guest is visited under gVisor, and sockets that lie in its tree as bait answer nothing",
];
