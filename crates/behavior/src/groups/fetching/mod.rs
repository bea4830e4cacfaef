//! Fetching and running: what was not in the image and ran all the same.

mod checks;
mod detections;
#[cfg(test)]
mod tests;

pub(super) use checks::judge;
pub(super) use detections::ALL as DETECTIONS;
