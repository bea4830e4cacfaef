//! What a new image can do that an old one could not.
//!
//! Comes in: two images, read and analyzed, as [`Face`]s of one platform; what they did where they were run; and what a person accepted before.
//! Goes out: what changed as [`model::Change`]s, each with its place, its layer, what it was and what it is.
//! Never: IO, a look at bytes, a verdict. What changed is told by structure: who owns a file, who runs it, what it
//! may do; a package that was upgraded as a whole is one line and no list of files.
#![forbid(unsafe_code)]

mod baseline;
mod face;
mod files;
mod findings;
mod hooks;
mod hosts;
mod layer_drift;
mod library;
mod packages_drift;
mod platform;
mod programs;
mod reach;
mod rights;
mod runs;
mod settings;
mod summary;

pub use baseline::{Baseline, BaselineError};
pub use face::Face;
pub use findings::compare as compare_findings;
pub use platform::{Drift, compare};
pub use runs::{Ran, compare_runs};
pub use summary::{put_in_order, sentence};
