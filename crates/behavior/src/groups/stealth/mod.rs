//! Hiding: what a run does so that nobody sees what it does.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::{compare, judge};
pub(super) use detections::ALL as DETECTIONS;
