//! Answers whatever a sandboxed process says to a network, and writes down what was said.
//!
//! Comes in: sockets that were opened in the sandbox's network, a clock, canaries to look for. Goes out:
//! believable answers, events, captured bodies. Never: a connection of its own, a byte forwarded anywhere.
#![forbid(unsafe_code)]
