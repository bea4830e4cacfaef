//! Getting out: what reaches for the machine below.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::judge;
pub(super) use detections::ALL as DETECTIONS;
