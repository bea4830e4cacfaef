//! The analyzers, in the order in which they run.

pub mod hashes;
pub mod program;
pub mod start;

use crate::{FileAnalyzer, ImageAnalyzer};
use model::Detection;

/// Analyzers of single files.
pub fn file_analyzers() -> &'static [&'static dyn FileAnalyzer] {
    &[]
}

/// Analyzers of whole images, in run order: `start` is first, because the others ask what it reached.
pub fn image_analyzers() -> &'static [&'static dyn ImageAnalyzer] {
    &[]
}

/// Every finding that any analyzer can make.
pub fn detections() -> Vec<&'static Detection> {
    image_analyzers().iter().flat_map(|analyzer| analyzer.detections()).collect()
}
