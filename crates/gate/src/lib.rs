//! The server: registry, upstreams, quarantine, workers, policy, signing, operations.
#![forbid(unsafe_code)]
