//! Programs: for which machine an executable file was built, and whether that is the machine of the image.

mod checks;
mod parse;
#[cfg(test)]
mod tests;

use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Want};
use layers::Entry;
use model::{Class, Detection, Role, Severity, Stage};
use serde::{Deserialize, Serialize};

/// What the head of an executable file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramFacts {
    /// An ELF file whose header could be read.
    Elf(Elf),
    /// It begins like an ELF file, and its header is cut off or names no class or byte order. The kernel
    /// refuses it.
    Malformed,
}

/// The header of an ELF file (System V ABI, chapter 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elf {
    /// `e_machine`.
    pub machine: u16,
    /// Whether it is a 64-bit file.
    pub wide: bool,
    /// Whether it is little-endian.
    pub little: bool,
    /// `e_type`: 1 object, 2 executable at a fixed address, 3 position-independent executable or library.
    pub kind: u16,
    /// Path of the loader that it asks for, raw.
    pub interpreter: Option<Vec<u8>>,
    /// Whether it has a dynamic section: it names libraries, or is one.
    pub dynamic: bool,
    /// `e_shnum`: zero where every section header was stripped.
    pub sections: u16,
}

impl Elf {
    /// Whether the kernel could run it by itself: a fixed-address executable, or a position-independent file
    /// with a loader. A library is neither; a static position-independent executable looks like a library.
    pub fn is_executable(&self) -> bool {
        self.kind == 2 || (self.kind == 3 && self.interpreter.is_some())
    }
}

/// Reads program headers, and compares machines.
#[derive(Debug)]
pub struct Programs;

impl FileAnalyzer for Programs {
    fn name(&self) -> &'static str {
        "program"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, _entry: &Entry, head: &[u8]) -> Want {
        if head.starts_with(b"\x7fELF") { Want::AtHand } else { Want::Nothing }
    }

    fn reads_stages(&self) -> bool {
        false
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        if let Some(program) = parse::program(file.bytes) {
            facts.push(Fact::Program(program));
        }
        Ok(())
    }
}

impl ImageAnalyzer for Programs {
    fn name(&self) -> &'static str {
        "program"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::foreign_machine(image, out);
    }
}

pub(crate) const FOREIGN: Detection = Detection {
    id: "S-EVA-ARCH",
    title: "Program for another machine",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1480"],
    why: "The start of the image leads to a program that its declared platform cannot run. Campaigns ship one \
          payload for several machines, or declare a platform that scanners skip; so do honest images with a \
          mistake in their build, which is why it only explains.",
    advice: "Look whether the image declares the platform it was built for, and what the program is for.",
};

const DETECTIONS: &[Detection] = &[FOREIGN];
