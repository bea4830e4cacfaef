//! Package truth: what packages promised about their files, and what the files are.
//!
//! A package database lies in the image and is its maker's to write, so a file that agrees with it is not
//! thereby good. A file that differs from it, or is in none, is worth a look.

mod checks;
#[cfg(test)]
mod tests;

use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Want};
use layers::{Entry, Kind};
use model::{Class, Detection, Role, Severity, Stage};

/// Reads package databases, and compares files with them.
#[derive(Debug)]
pub struct PackageTruth;

impl FileAnalyzer for PackageTruth {
    fn name(&self) -> &'static str {
        "ownership"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, entry: &Entry, _head: &[u8]) -> Want {
        match packages::recognize(&entry.path) {
            Some(kind) if entry.kind == Kind::File => Want::Whole(kind.max_size()),
            _ => Want::Nothing,
        }
    }

    fn reads_stages(&self) -> bool {
        false
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let Some(kind) = packages::recognize(&file.entry.path) else { return Ok(()) };
        let part = packages::parse(kind, &file.entry.path, file.bytes).map_err(|error| error.to_string())?;
        facts.push(Fact::Packages(part));
        Ok(())
    }
}

impl ImageAnalyzer for PackageTruth {
    fn name(&self) -> &'static str {
        "ownership"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        if !image.ownership.is_empty() {
            checks::files(image, out);
        }
    }
}

pub(crate) const TAMPERED: Detection = Detection {
    id: "S-EVA-PKGTAMPER",
    title: "Package's program altered",
    severity: Severity::High,
    role: Role::Convicts,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1554"],
    why: "A program or library is not what the package that owns it promised, while the package's other files are: \
          this one file was replaced by hand. For the programs that check passwords, raise privileges or load all \
          others, that is a back door and convicts; for others it corroborates. Where much of a package differs, \
          as in images whose files were stripped or compressed, it only explains.",
    advice: "Compare the file with the one of the distribution's package. Look at the layer that brought it.",
};

pub(crate) const UNOWNED: Detection = Detection {
    id: "S-PKG-UNOWNED",
    title: "Programs of no package",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1554"],
    why: "Programs lie in the directories of the distribution and belong to none of its packages. Most images have \
          some, copied there by their build; what an attacker adds is among them.",
    advice: "Install local programs below /usr/local or /opt, so that what remains here stands out.",
};

const DETECTIONS: &[Detection] = &[TAMPERED, UNOWNED];
