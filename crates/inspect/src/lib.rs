//! Static analysis.
//!
//! Comes in: the layers of an image as streams, its configuration, its name. Goes out: facts about each file,
//! which depend on nothing but its layer's bytes and can be kept; and findings about the image, which follow
//! from facts, the merged tree, configuration and name.
//! Never: network, execution, unbounded memory, or an error that ends the scan. What cannot be read, or what
//! an analyzer fails on, becomes a gap.
#![forbid(unsafe_code)]

pub mod analyzers;
mod buffers;
mod contract;
pub mod controls;
pub mod decode;
mod engine;
mod facts;
mod hashing;
mod root;
mod rules;
mod signs;

pub use analyzers::{detections, file_analyzers, image_analyzers};
pub use contract::{
    FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, LayerView, Outcome, Part, Reached, Search,
    Want,
};
pub use engine::{Crew, Progress, read_entries, run_analyzer, run_analyzers, with_crew};
pub use facts::{Fact, LayerFacts, StageFacts, Transport};
pub use hashing::Sums;
pub use root::Root;
pub use rules::{RuleFacts, RuleHit, RuleMatch};
pub use signs::Signs;
