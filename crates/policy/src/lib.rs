//! Decides what becomes of an image.
//!
//! Comes in: a policy (rules in CEL, in a file of TOML), what is known of an image as a [`Context`], exceptions, the day.
//! Goes out: a [`Decision`] to allow, hold or deny, with the rule that said so and a message that a developer can act upon.
//! Never: IO, a clock, a call from the language to anywhere; a default that opens. What no rule decides is held; a rule that
//! cannot be evaluated denies; a policy that cannot be read whole is no policy.
#![forbid(unsafe_code)]

mod cases;
mod context;
mod decide;
mod exceptions;
mod expression;
mod file;
mod lint;
mod message;
mod pattern;
mod reference;
mod variables;

pub use cases::{CaseResult, run_tests};
pub use context::{Context, Fact, Signature};
pub use decide::{Decision, DryRun, Effect, decide};
pub use exceptions::{Exception, ExceptionError, ExceptionState, ExceptionUse, Exceptions};
pub use file::{Detonate, Policy, PolicyError, SCHEMA};
pub use lint::{Diagnostic, Weight, lint};
pub use pattern::{Pattern, PatternError};
pub use reference::reference;
