use crate::Act;
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the run, from 0 without holes: a hole is a loss, and a loss makes a run incomplete.
    pub number: u64,
    /// Nanoseconds of the host's clock since the run began.
    pub real: u64,
    /// Nanoseconds of the guest's clock since the run began: `real` and all waiting that was skipped.
    pub guest: u64,
    /// Who saw it.
    pub source: Source,
    /// What it was.
    pub act: Act,
}

/// Who saw an event. What two sources say of the same thing is compared; a guest can lie to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// The tracer, at a system call of the guest.
    Call,
    /// The network that answers the guest.
    Wire,
    /// The host: what is seen from outside without the guest's doing.
    Host,
}
