//! Finds encoded payloads in scripts and text, and decodes them round by round.
//!
//! It is no interpreter: constant expressions are followed, nothing is ever run. What is decoded is looked
//! through again, until nothing is left or a limit is reached, and each limit is named.

mod alphabets;
mod bytes;
mod calls;
mod expression;
mod gate;
mod inflate;
mod language;
mod literals;
mod loose;
mod marshal;
mod payload;
mod rounds;
mod shell;
mod shell_programs;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use gate::{CHILD_PROCESS, may_start_programs, signs};
pub use rounds::stages;
pub(crate) use rounds::stages_of;

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Most rounds inside each other.
const MAX_ROUNDS: u8 = 64;
/// Most stages of a file.
const MAX_STAGES: usize = 256;
/// Most bytes that all stages of a file have together.
const MAX_BYTES: usize = 8 << 20;
/// Most bytes that are written on the way to them.
const MAX_WORK: usize = 64 << 20;
/// Shortest encoded text that is looked at where nothing runs it. Shorter ones are keys and names.
const MIN_STORED: usize = 24;
/// Shortest encoded text that is looked at where something runs it.
const MIN_RUN: usize = 16;
/// Shortest text that another interpreter is given which is looked at by itself.
const MIN_TEXT: usize = 24;

/// What was decoded out of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The stages; each stands after the one that it was decoded out of.
    pub stages: Vec<Stage>,
    /// The limits that kept something from being decoded.
    pub limits: Vec<Limit>,
}

/// The result of one round: of one constant expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Number of the stage that it was decoded out of, the first is 1; 0 for the text itself.
    pub parent: u16,
    /// Line of the text where the first step towards it stands, the first is 1.
    pub line: u32,
    /// The steps of this round, first step first.
    pub steps: Vec<Step>,
    /// What the code around the expression runs its result with, where it does.
    pub runner: Option<Runner>,
    /// The result.
    pub bytes: Vec<u8>,
}

/// One step of decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which one.
    pub kind: StepKind,
    /// In which round, the first is 1.
    pub round: u8,
    /// Bytes that went in.
    pub bytes_in: u32,
    /// Bytes that came out.
    pub bytes_out: u32,
}

/// A kind of decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StepKind {
    /// Base64, standard or for addresses.
    Base64,
    /// Base32.
    Base32,
    /// Base85 with the alphabet of Git and Python.
    Base85,
    /// Ascii85.
    Ascii85,
    /// Hexadecimal digits.
    Hex,
    /// Backslash escapes.
    Escapes,
    /// A list of character codes.
    CharCodes,
    /// Letters moved by half the alphabet.
    Rot13,
    /// Backwards.
    Reverse,
    /// Exclusive or with one byte.
    Xor,
    /// Gzip.
    Gzip,
    /// Zlib.
    Zlib,
    /// Deflate without a head.
    Deflate,
    /// Bzip2.
    Bzip2,
    /// LZMA, in an `.xz` or `.lzma` container.
    Lzma,
    /// The string constants of serialized Python code.
    Marshal,
    /// A text that another program is given, as it stands.
    Text,
}

/// What runs the result of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Runner {
    /// A shell.
    Shell,
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
    /// Perl.
    Perl,
    /// PHP.
    Php,
    /// Ruby.
    Ruby,
}

/// What kept something from being decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// More rounds inside each other than are followed.
    Rounds,
    /// More stages than are kept.
    Stages,
    /// More decoded bytes than are read.
    Bytes,
    /// Something inflates beyond any honest ratio.
    Ratio,
    /// More work than is spent on a file.
    Work,
    /// Expressions inside each other that are not followed.
    Depth,
}

/// What is left to spend on one file, and what was not done for it.
#[derive(Debug)]
struct Budget {
    bytes: usize,
    work: usize,
    limits: BTreeSet<Limit>,
}

impl Budget {
    fn new() -> Self {
        Self { bytes: MAX_BYTES, work: MAX_WORK, limits: BTreeSet::new() }
    }

    fn note(&mut self, limit: Limit) {
        self.limits.insert(limit);
    }

    /// Whether this many bytes may still be written.
    fn work(&mut self, bytes: usize) -> bool {
        let left = self.work.checked_sub(bytes);
        if left.is_none() {
            self.note(Limit::Work);
        }
        self.work = left.unwrap_or(0);
        left.is_some()
    }

    fn spent(&self) -> bool {
        self.work == 0
    }
}

impl Decoded {
    /// All steps from the text to the stage of this number, first step first.
    pub fn path(&self, number: u16) -> Vec<Step> {
        let mut rounds = Vec::new();
        let mut next = number;
        // A parent's number is smaller, so this ends.
        while let Some(stage) = (next as usize).checked_sub(1).and_then(|at| self.stages.get(at)) {
            rounds.push(&stage.steps);
            next = stage.parent.min(next.saturating_sub(1));
        }
        rounds.into_iter().rev().flatten().copied().collect()
    }
}

impl StepKind {
    /// Whether it turns bytes into characters, which only an encoding made to be decoded undoes; compression alone
    /// hides nothing, and a text that is handed on is no step of decoding.
    pub fn is_encoding(self) -> bool {
        match self {
            Self::Base64 | Self::Base32 | Self::Base85 | Self::Ascii85 | Self::Hex => true,
            Self::Escapes | Self::CharCodes | Self::Rot13 | Self::Reverse | Self::Xor | Self::Marshal => true,
            Self::Gzip | Self::Zlib | Self::Deflate | Self::Bzip2 | Self::Lzma | Self::Text => false,
        }
    }

    /// Whether every other program does it to its texts, without anything to hide.
    fn is_weak(self) -> bool {
        matches!(self, Self::Escapes | Self::CharCodes | Self::Reverse | Self::Text)
    }

    /// The name that people see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base64 => "base64",
            Self::Base32 => "base32",
            Self::Base85 => "base85",
            Self::Ascii85 => "ascii85",
            Self::Hex => "hex",
            Self::Escapes => "escapes",
            Self::CharCodes => "character codes",
            Self::Rot13 => "rot13",
            Self::Reverse => "reverse",
            Self::Xor => "xor",
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Bzip2 => "bzip2",
            Self::Lzma => "lzma",
            Self::Marshal => "marshal",
            Self::Text => "text",
        }
    }
}

impl Runner {
    /// The name that people see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "a shell",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
            Self::Perl => "Perl",
            Self::Php => "PHP",
            Self::Ruby => "Ruby",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rounds => "it is encoded in more than 64 rounds; the rest was not decoded",
            Self::Stages => "it has more than 256 encoded parts; the rest was not decoded",
            Self::Bytes => "its encoded parts have more than 8 MiB; the rest was not decoded",
            Self::Ratio => "an encoded part inflates to more than 256 times its size; it was not decoded",
            Self::Work => "it takes more work to decode than is spent on a file; the rest was not decoded",
            Self::Depth => "its expressions lie too deep inside each other; these were not decoded",
        })
    }
}
