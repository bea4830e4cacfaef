//! Runs a process where it can reach nothing, and says what it does.
//!
//! Comes in: a root file system, a process to start in it, limits. Goes out: a stream of events, the sockets
//! through which its network may be answered, what it changed and what it ran. Never: a route to a real
//! network, a write to the host's own tree, a process that outlives the run.
