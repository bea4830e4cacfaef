//! Judges what a run showed.
//!
//! Comes in: the events of the runs of one image, and what is known of it besides: what its configuration asks
//! for, which canaries were planted. Goes out: findings with their evidence, gaps for what could not be seen,
//! steps for the chain. Never: IO, a clock, a look at anything but the record, so that a record that is judged
//! again under the same rules gives the same findings.
#![forbid(unsafe_code)]

mod context;
mod deeds;
mod groups;
mod outcome;
mod record;
#[cfg(test)]
mod scene;

pub use context::{AS_CONFIGURED, Context, HIDDEN_PROFILE, LATER, RunContext, SECOND_START};
pub use deeds::{Deed, Deeds, deeds};
pub use groups::{NOT_IMPLEMENTED, base_name, detections, is_interpreter, is_shell, judge};
pub use outcome::Outcome;
pub use record::{
    At, Bounds, FileHistory, FileStep, Flow, FlowStep, Life, NamedExec, Noted, ProcessRecord, Record,
};
