//! Mining: what a miner says to its pool, and how it uses the processor.

mod checks;
mod detections;
mod resources;
#[cfg(test)]
mod tests;

pub(super) use checks::judge;
pub(super) use detections::ALL as DETECTIONS;
