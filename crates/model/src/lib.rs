//! The words of the house.
//!
//! Comes in: nothing. Goes out: the types that every stage speaks, from [`Digest`] to [`Report`].
//! Never: IO, threads, async, or a decision. A type here says what a thing is; the stages say what it means.
#![forbid(unsafe_code)]

mod axis;
mod comparison;
mod config;
mod date;
mod detection;
mod detonation;
mod digest;
mod error_chain;
mod escape;
mod exception;
mod finding;
mod gap;
mod number;
mod platform;
mod reference;
mod report;
mod repository;
mod verdict;

pub use axis::Axis;
pub use comparison::{
    Accepted, AcceptedUse, Change, ChangeKind, Comparison, DIFF_SCHEMA, LayerDrift, PackageChange,
    PlatformChanges, Side, State,
};
pub use config::{HealthCheck, History, ImageConfig, RootFs, RunConfig};
pub use date::{Date, DateError};
pub use detection::{Detection, RENAMED_TECHNIQUES};
pub use detonation::{Detonation, FlowLine, ProcessLine, RunLine};
pub use digest::{Algorithm, Digest, DigestError};
pub use error_chain::error_chain;
pub use escape::{escape_bytes, escape_text, is_hidden};
pub use exception::{Exception, ExceptionState, ExceptionUse};
pub use finding::{
    BYTES, CONTROL, Class, Evidence, Finding, HISTORY, LayerRef, REMOVED_BY, Role, Severity, Stage,
};
pub use gap::Gap;
pub use number::thousands;
pub use platform::Platform;
pub use reference::{ImageRef, ImageRefError};
pub use report::{
    Axes, ChainStep, Coverage, ImageSummary, LayerSummary, REPORT_SCHEMA, Report, Timing, Tool, Vulnerable,
};
pub use repository::{NameError, RepositoryName, Tag};
pub use verdict::Verdict;
