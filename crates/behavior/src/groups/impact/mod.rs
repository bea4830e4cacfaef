//! Harm: what a run destroys or makes useless.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::judge;
pub(super) use detections::ALL as DETECTIONS;
