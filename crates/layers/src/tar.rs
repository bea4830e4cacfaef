//! The archive of a layer, read as runtimes read it.
//!
//! containerd, Docker and Podman all read layers with Go's `archive/tar`; what it lists is what lands on disk, so
//! its reading is the one that this reader gives. Wherever another reader would see anything else, or Go gives
//! up, there is an anomaly with a name.

mod content;
mod entry;
mod extended;
mod header;
mod map;
mod number;
mod pax;
mod reader;
mod sparse;

pub use content::EntryData;
pub use reader::{Stop, TarReader};

#[cfg(test)]
mod tests;
