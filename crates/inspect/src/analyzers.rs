//! The analyzers, in the order in which they run.

pub mod anomalies;
pub mod config;
pub mod elf;
pub mod hashes;
pub mod names;
pub mod ownership;
pub mod program;
pub mod start;

#[cfg(test)]
mod fixture;

use crate::{FileAnalyzer, ImageAnalyzer};
use model::Detection;

/// Analyzers of single files.
pub fn file_analyzers() -> &'static [&'static dyn FileAnalyzer] {
    &[&start::Start, &program::Programs, &elf::ElfStructure, &ownership::PackageTruth]
}

/// Analyzers of whole images, in run order: `start` is first, because the others ask what it reached.
pub fn image_analyzers() -> &'static [&'static dyn ImageAnalyzer] {
    &[
        &start::Start,
        &hashes::Hashes,
        &program::Programs,
        &elf::ElfStructure,
        &config::Configuration,
        &ownership::PackageTruth,
        &anomalies::Anomalies,
        &names::Names,
    ]
}

/// Every finding that any analyzer can make.
pub fn detections() -> Vec<&'static Detection> {
    image_analyzers().iter().flat_map(|analyzer| analyzer.detections()).collect()
}
