//! Content rules in YARA.
//!
//! Comes in: the bytes of files and of what is decoded out of them, and rules: the pack of the product, which was
//! compiled when it was built, and the sources of packs that a person brought; the records of runs. Goes out: which
//! rules hold, as facts; and findings, once it is known where each file lies or what the runs did.
//! Never: compiled rules from outside, an include, a rule's word without its limits, or a file that was given up in
//! silence. It is the only crate that links the rule engine.
#![forbid(unsafe_code)]

mod anchors;
mod answers;
mod behavior_module;
mod built_in;
mod calls;
mod cases;
mod compile;
mod engine;
mod findings;
mod generate;
mod image_module;
mod lint;
mod meta;
mod pack;
mod rule_set;
mod runs;
mod sources;

pub use built_in::{detections, reaches_engine};
pub use cases::{Case, Failure, Tested, built_in_cases, test};
pub use engine::{MAX_FILE, MAX_PROGRAM};
pub use generate::{Generated, generate};
pub use lint::{Remark, lint};
pub use meta::Meta;
pub use pack::{Pack, Rejected};
pub use rule_set::RuleSet;
pub use sources::Source;

use std::path::PathBuf;

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A limit on what is taken is passed.
    #[error("{} {what}", path.display())]
    TooMuch {
        /// The file or folder.
        path: PathBuf,
        /// Which limit.
        what: &'static str,
    },
    /// There is nothing to use.
    #[error("{} holds no rules: their files end in .yar or .yara", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// Rules are not as the language wants them. The message names file and line.
    #[error("a rule cannot be compiled\n{0}")]
    Compile(String),
    /// Rules that took too long to compile.
    #[error("compiling {name} took longer than {seconds} seconds")]
    Slow {
        /// The pack.
        name: String,
        /// The limit.
        seconds: u64,
    },
    /// A rule about places that looks for bytes.
    #[error(
        "{file}: the rule {rule} asks where files lie and has strings too; put the strings into a rule of a file that \
         does not import \"image\", and ask for image.hit[\"THAT_RULE\"]"
    )]
    Mixed {
        /// The file.
        file: String,
        /// The rule.
        rule: String,
    },
    /// Rules about places and about runs in one file.
    #[error(
        "{file} imports both \"image\" and \"behavior\"; put the rules about runs into a file of their own"
    )]
    Both {
        /// The file.
        file: String,
    },
    /// What was compiled cannot be brought into a form that lasts, or back.
    #[error("the compiled rules cannot be used: {0}")]
    Compiled(String),
    /// A rule of the product that has no literal by which files are told apart, or lacks something else.
    #[error("{file}: the rule {rule} {what}")]
    Unfit {
        /// The file.
        file: String,
        /// The rule.
        rule: String,
        /// What is wrong.
        what: String,
    },
    /// A case that cannot be read.
    #[error("{file}: {why}")]
    Case {
        /// The file.
        file: String,
        /// What is wrong.
        why: String,
    },
}
