//! Staying: what a run leaves behind so that it starts again.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::{compare, judge};
pub(super) use detections::ALL as DETECTIONS;
