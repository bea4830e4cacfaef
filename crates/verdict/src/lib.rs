//! Joins findings and gaps into one verdict with its reasons.
//!
//! Comes in: findings, gaps and the chain of events, in any order, from any number of platforms. Goes out: a
//! [`Judgement`], whose order and words depend on nothing but what came in, and on request the
//! [`Explanation`] of a report. Never: IO, a clock, a setting; the day on which [`Exceptions`] are looked at
//! comes in as well. Whether a verdict lets an image pass is the policy's business, not this crate's;
//! [`exit_code`] only says it to a shell.
#![forbid(unsafe_code)]

mod axes;
mod exceptions;
mod exit;
mod explain;
mod judge;
mod order;
mod reason;
mod summary;
mod weight;

pub use exceptions::{Exceptions, ExceptionsError, Scanned};
pub use exit::{FailOn, UnknownFailOn, exit_code};
pub use explain::{Explanation, FindingExplanation, StepExplanation, explain, explain_finding};
pub use judge::{Judgement, judge};
pub use reason::{Reason, Rule};
pub use weight::Weight;
