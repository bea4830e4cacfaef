//! Moving on: what a run does to other machines.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::judge;
pub(super) use detections::ALL as DETECTIONS;
