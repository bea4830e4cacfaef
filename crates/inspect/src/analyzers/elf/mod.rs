//! Structure of programs: what an executable file is made of, what it is packed with, and what it can do.
//!
//! Texts inside a program count only together and only where a program would have them that uses them: scanners,
//! rule sets and documentation hold every one of these texts too.

mod checks;
mod detections;
mod disguise;
mod parse;
mod search;
#[cfg(test)]
pub(crate) mod tests;
mod upx;

use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Search, Want};
use layers::{Entry, Kind};
use model::Detection;
use serde::{Deserialize, Serialize};

pub use parse::{Literals, Symbols};

/// What was learned from the structure of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Structure {
    /// Of an ELF file.
    Elf(Box<ElfFacts>),
    /// The file has the name and often the beginning of a picture, and holds something else.
    Disguised(Disguise),
    /// A program for Windows that is no managed code and no part of a boot loader.
    Windows,
    /// An archive of object files, one of which has the back door of xz 5.6.
    Backdoored,
}

/// What a picture holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Disguise {
    /// An archive of files.
    Tar,
    /// Compressed data.
    Gzip,
    /// A program that begins behind the picture, at this offset.
    Program(u64),
}

/// The structure of an ELF file. Only what analyzers ask for is kept: an image has thousands of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfFacts {
    /// What holds of it.
    pub traits: Traits,
    /// Which texts it contains.
    pub literals: Literals,
    /// Which functions it takes and offers.
    pub symbols: Symbols,
    /// Hundredths of a bit for each byte of its most random part that may be run; zero where it was not measured.
    pub entropy: u16,
    /// Bytes behind all that its tables describe.
    pub overlay: u64,
    /// Bytes at its end that say nothing.
    pub tail: u64,
    /// How it is packed.
    pub packer: Option<Packer>,
    /// Directories for everybody's files in which it looks for libraries, and its loader where that lies in one.
    pub loads_from: Vec<Vec<u8>>,
}

/// How a program is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packer {
    /// UPX, with all its marks.
    Upx,
    /// UPX, with marks wiped or changed so that its own tool refuses to unpack it.
    UpxChanged,
    /// A shell script made into a program by shc.
    Shc,
    /// A program that decrypts another into memory, made by ezuri.
    Ezuri,
}

/// A set of yes-or-no facts about a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits(u32);

impl Traits {
    /// Only the beginning of the file was at hand.
    pub const CUT: Self = Self(1);
    /// It has no section headers.
    pub const NO_SECTIONS: Self = Self(1 << 1);
    /// It takes no function from any library.
    pub const NO_IMPORTS: Self = Self(1 << 2);
    /// A segment may be written and run.
    pub const WRITE_AND_RUN: Self = Self(1 << 3);
    /// It starts where nothing may be run.
    pub const ENTRY_ASTRAY: Self = Self(1 << 4);
    /// It starts in the last of several segments.
    pub const ENTRY_LAST: Self = Self(1 << 5);
    /// Two segments claim the same memory.
    pub const OVERLAPS: Self = Self(1 << 6);
    /// A segment lies beyond the end of the file.
    pub const BEYOND_FILE: Self = Self(1 << 7);
    /// It was built by Go.
    pub const GO: Self = Self(1 << 8);
    /// It is tiny, connects to another machine and prepares memory to run what it gets.
    pub const STAGER: Self = Self(1 << 9);
    /// It makes a file in memory and runs it.
    pub const RUNS_FROM_MEMORY: Self = Self(1 << 10);
    /// Its code has the back door of xz 5.6.
    pub const XZ_BACKDOOR: Self = Self(1 << 11);
    /// It names a channel of IRC.
    pub const CHANNEL: Self = Self(1 << 12);
    /// What holds of it was read from what it unpacks to.
    pub const UNPACKED: Self = Self(1 << 13);
    /// It is packed, and not all of it could be unpacked.
    pub const NOT_UNPACKED: Self = Self(1 << 14);
    /// It is a library: loaded, not run.
    pub const LIBRARY: Self = Self(1 << 15);
    /// Its headers count more segments or sections than are read.
    pub const BEYOND_BOUND: Self = Self(1 << 16);
    /// It is a program without a loader that may lie at any address.
    pub const STATIC_PIE: Self = Self(1 << 17);
    /// It offers many functions to what it loads: an interpreter, or another program made to be extended.
    pub const HOST: Self = Self(1 << 18);

    /// Whether all of these hold.
    pub fn has(self, traits: Self) -> bool {
        self.0 & traits.0 == traits.0
    }

    fn add(&mut self, traits: Self, holds: bool) {
        if holds {
            self.0 |= traits.0;
        }
    }
}

/// Reads the structure of programs, and of what is disguised as something else.
#[derive(Debug)]
pub struct ElfStructure;

/// Largest program that is read whole in any case. One at a time is in memory, but reading it takes time.
const MAX_WHOLE: u64 = 16 << 20;
/// Largest program that is read whole because it is of an odd build: most of it lies behind what its header
/// describes, or it has no sections or a single segment, as no linker leaves a program of this size. That is how a
/// program looks which was packed, or made too large for scanners.
const MAX_ODD: u64 = 128 << 20;

impl FileAnalyzer for ElfStructure {
    fn name(&self) -> &'static str {
        "elf"
    }

    fn version(&self) -> u32 {
        3
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        if !matches!(entry.kind, Kind::File | Kind::Unknown(_)) {
            return Want::Nothing;
        }
        if head.starts_with(b"\x7fELF") {
            return match entry.size {
                ..=MAX_WHOLE => Want::Whole(MAX_WHOLE),
                ..=MAX_ODD if parse::is_odd_build(head, entry.size) => Want::Whole(MAX_ODD),
                // It is searched as it passes.
                _ => Want::AtHand,
            };
        }
        if disguise::concerns(&entry.path, head) { Want::AtHand } else { Want::Nothing }
    }

    fn search(&self, entry: &Entry, head: &[u8]) -> Option<Box<dyn Search>> {
        let program = matches!(entry.kind, Kind::File | Kind::Unknown(_)) && head.starts_with(b"\x7fELF");
        program.then(|| Box::new(search::Literally::of(head, entry.size)) as Box<dyn Search>)
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let structure = if file.bytes.starts_with(b"\x7fELF") {
            let elf = parse::elf(file.bytes, file.entry.size).filter(ElfFacts::is_notable);
            elf.map(|elf| Structure::Elf(Box::new(elf)))
        } else {
            disguise::look(&file.entry.path, file.bytes)
        };
        if let Some(structure) = structure {
            facts.push(Fact::Structure(structure));
        }
        Ok(())
    }
}

impl ImageAnalyzer for ElfStructure {
    fn name(&self) -> &'static str {
        "elf"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        detections::ALL
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::files(image, out);
    }
}
