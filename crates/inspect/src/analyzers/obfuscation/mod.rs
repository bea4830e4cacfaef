//! Code that hides in its own encoding: rounds of it that run each other, and texts that a shell decodes and runs.
//!
//! The engine decodes; the facts about each stage are what is judged here.

mod checks;
#[cfg(test)]
mod tests;

use crate::{FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Want};
use layers::{Entry, Kind};
use model::{Class, Detection, Role, Severity, Stage};

/// Looks at how the decoded stages of files were run.
#[derive(Debug)]
pub struct Obfuscation;

/// Longest script that is decoded to its end. What a larger one has beyond its head is a gap.
const MAX_SCRIPT: u64 = 16 << 20;
/// Endings of names of scripts; others are known by their `#!`.
const ENDINGS: [&[u8]; 8] = [b".py", b".sh", b".js", b".mjs", b".cjs", b".pl", b".php", b".rb"];

impl FileAnalyzer for Obfuscation {
    fn name(&self) -> &'static str {
        "obfuscation"
    }

    /// Raised with every change to [`crate::decode`], whose stages are kept as facts.
    fn version(&self) -> u32 {
        2
    }

    /// Large scripts are asked for whole, so that the decoder sees them; smaller ones it sees anyway.
    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        let script = head.starts_with(b"#!") || ENDINGS.iter().any(|ending| entry.path.ends_with(ending));
        if entry.kind == Kind::File && script { Want::Whole(MAX_SCRIPT) } else { Want::Nothing }
    }

    fn reads_stages(&self) -> bool {
        false
    }

    fn analyze(&self, _file: &FileView<'_>, _facts: &mut FactSink) -> Result<(), String> {
        Ok(())
    }
}

impl ImageAnalyzer for Obfuscation {
    fn name(&self) -> &'static str {
        "obfuscation"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::hidden_code(image, out);
    }
}

pub(crate) const NESTED: Detection = Detection {
    id: "S-EVA-PYNEST",
    title: "Code nested in rounds of encoding",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1027.010", "T1027.013", "T1140"],
    why: "A script decodes a text and runs it, and what it runs does the same, again and again. Installers that \
          carry an archive do this once and write it to a file; tools that protect code do it once. The only use \
          of more rounds is to exhaust whoever looks: an image of 2025 had 63 of them around a program that \
          earned points for its author. Three or four rounds count together with another finding, five or more \
          by themselves.",
    advice: "Look at the last stage in the evidence: that is what the image runs. Do not run it to find out.",
};

pub(crate) const SHELL: Detection = Detection {
    id: "S-EVA-SHENC",
    title: "Encoded text run by a shell",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1027.010", "T1140"],
    why: "A text is decoded and goes straight into a shell, without becoming a file that anyone could look at. \
          Nobody writes commands this way who wants them read. Self-extracting archives decompress and do not \
          decode; certificates and keys are decoded into files and are not run. Where the encoded text comes from \
          outside of the file, the finding only explains.",
    advice: "Read the decoded commands in the evidence, and ask who put them there.",
};

const DETECTIONS: &[Detection] = &[NESTED, SHELL];
