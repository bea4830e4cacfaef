//! Drift: what runs show that differ in one thing.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::{compare, judge};
pub(super) use detections::ALL as DETECTIONS;
