//! The analyzers, in the order in which they run.

pub mod acts;
pub mod anomalies;
pub mod config;
pub mod download;
pub mod elf;
pub mod hashes;
pub mod hooks;
pub mod impair;
pub mod indicators;
pub mod miner;
pub mod names;
pub mod obfuscation;
pub mod ownership;
pub mod persist;
pub mod preload;
pub mod privilege;
pub mod program;
pub mod shells;
pub mod start;
pub mod theft;

#[cfg(test)]
pub(crate) mod fixture;

use crate::{FileAnalyzer, ImageAnalyzer};
use model::Detection;

/// Analyzers of single files, but for those that imported feeds bring: [`indicators::Listed`] and
/// [`indicators::Patterns`].
pub fn file_analyzers() -> &'static [&'static dyn FileAnalyzer] {
    &[
        &start::Start,
        &program::Programs,
        &elf::ElfStructure,
        &ownership::PackageTruth,
        &hooks::Hooks,
        &miner::Mining,
        &obfuscation::Obfuscation,
    ]
}

/// Analyzers of whole images, in run order: `start` is first, because the others ask what it reached.
pub fn image_analyzers() -> &'static [&'static dyn ImageAnalyzer] {
    &[
        &start::Start,
        &hashes::Hashes,
        &indicators::Listed,
        &miner::Mining,
        &program::Programs,
        &elf::ElfStructure,
        &config::Configuration,
        &ownership::PackageTruth,
        &anomalies::Anomalies,
        &names::Names,
        &preload::Preloads,
        &privilege::Privilege,
        &download::Downloads,
        &shells::Shells,
        &theft::Theft,
        &impair::Impairment,
        &obfuscation::Obfuscation,
        // After the others, because a hook counts by what they found where it leads.
        &persist::Persistence,
    ]
}

/// Every finding that any analyzer can make.
pub fn detections() -> Vec<&'static Detection> {
    image_analyzers().iter().flat_map(|analyzer| analyzer.detections()).collect()
}
