//! Images made on the spot, for tests and for `roadstead demo`.
//!
//! Comes in: a description in Rust. Goes out: the same bytes every time, as an OCI layout, as an archive of
//! either kind, or as blobs for a registry; honest where nothing else is asked for, hostile byte by byte where
//! a test needs that.
//! Never: malware, network traffic beyond the loopback, a clock, or a random number. What plays the miner is a
//! program of nine bytes that exits.
#![forbid(unsafe_code)]

mod compression;
mod config;
mod distribution;
mod hash;
mod header;
mod image;
mod index;
mod layer;
mod output;
mod peer;
mod registry;
pub mod standin;
pub mod story;
pub mod wallet;

pub use compression::{Compression, skippable_frame};
pub use config::ConfigBuilder;
pub use distribution::{Distribution, free_port};
pub use hash::{md5_hex, sha1_hex, sha256_digest, sha256_hex};
pub use header::{
    RawHeader, gnu_long_link, gnu_long_name, padded, pax_global_header, pax_header, pax_records,
};
pub use image::{Blob, Flavor, Image, ImageBuilder, Layer, media_type};
pub use index::IndexBuilder;
pub use layer::LayerBuilder;
pub use output::{DockerArchive, write_oci_layout};
pub use peer::peer;
pub use registry::{FakeRegistry, Request, Response, RunningRegistry};
