//! The analyzers, in the order in which they run.

pub mod anomalies;
pub mod config;
pub mod hashes;
pub mod names;
pub mod obfuscation;
pub mod ownership;
pub mod program;
pub mod start;

#[cfg(test)]
mod fixture;

use crate::{FileAnalyzer, ImageAnalyzer};
use model::Detection;

/// Analyzers of single files.
pub fn file_analyzers() -> &'static [&'static dyn FileAnalyzer] {
    &[&start::Start, &program::Programs, &ownership::PackageTruth, &obfuscation::Obfuscation]
}

/// Analyzers of whole images, in run order: `start` is first, because the others ask what it reached.
pub fn image_analyzers() -> &'static [&'static dyn ImageAnalyzer] {
    &[
        &start::Start,
        &hashes::Hashes,
        &program::Programs,
        &config::Configuration,
        &ownership::PackageTruth,
        &anomalies::Anomalies,
        &names::Names,
        &obfuscation::Obfuscation,
    ]
}

/// Every finding that any analyzer can make.
pub fn detections() -> Vec<&'static Detection> {
    image_analyzers().iter().flat_map(|analyzer| analyzer.detections()).collect()
}
