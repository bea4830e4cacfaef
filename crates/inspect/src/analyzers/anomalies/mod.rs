//! What is odd about the layers themselves: findings where it looks like hiding, gaps where something was not
//! read or could be read in two ways.

mod checks;
mod grades;
#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, Role, Severity, Stage};

/// Judges the anomalies of layers and of their merge.
#[derive(Debug)]
pub struct Anomalies;

impl ImageAnalyzer for Anomalies {
    fn name(&self) -> &'static str {
        "anomalies"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::quirks(image, out);
        checks::removed_programs(image, out);
    }
}

pub(crate) const QUIRK: Detection = Detection {
    id: "S-EVA-TARQUIRK",
    title: "Odd layer",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Meta,
    stage: Stage::Static,
    techniques: &["T1027"],
    why: "A layer's archive or its compression is of a kind that honest builders do not write: bytes that no \
          runtime shows, headers that two readers take for two different files, names that climb out. Scanners and \
          runtimes then see different images. What tools are known to write by mistake or by design, such as \
          the indices of lazily pulled layers, only explains.",
    advice: "Build the image again from its source with a current builder and compare. A gap beside this finding \
             says what could not be looked at.",
};

pub(crate) const REMOVED: Detection = Detection {
    id: "S-EVA-WHITEOUT",
    title: "Program added and removed again",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1070.004"],
    why: "A layer brings a program and a later one removes it. It cannot run, and it still ships: an image built on \
          the lower layers has it back. Builds leave compilers and installers behind in the same way.",
    advice: "Remove what a build needs in the same instruction that brought it, or build in several stages.",
};

const DETECTIONS: &[Detection] = &[QUIRK, REMOVED];
