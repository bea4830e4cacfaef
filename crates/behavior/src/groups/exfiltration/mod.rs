//! Carrying out: what leaves.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::judge;
pub(super) use detections::ALL as DETECTIONS;
