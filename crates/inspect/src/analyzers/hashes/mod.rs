//! Files whose content is on a list of known bad hashes.
//!
//! Every entry of every layer is looked up, whether a runtime would show it or not: a miner that a later layer
//! deletes still ships, and a derived image can bring it back.

mod checks;
#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, Role, Severity, Stage};

/// Looks up the hashes of all files.
#[derive(Debug)]
pub struct Hashes;

impl ImageAnalyzer for Hashes {
    fn name(&self) -> &'static str {
        "hashes"
    }

    fn version(&self) -> u32 {
        2
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::known_files(image, out);
    }
}

pub(crate) const MINER: Detection = Detection {
    id: "S-MIN-HASH",
    title: "Known miner",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1496.001"],
    why: "A file of the image is, byte for byte, a miner that was published as part of a campaign. The 2021 \
          images on Docker Hub carried two such files under other names; renaming does not change a hash.",
    advice: "Do not run the image. Remove it from every registry and node, and look for other images that share \
             the layer. An image that openly calls itself a miner is a matter of policy, not of error.",
};

pub(crate) const LISTED: Detection = Detection {
    id: "S-IOC-HASH",
    title: "Known bad file",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1204.003"],
    why: "A file of the image is, byte for byte, one that an imported list names as harmful. Where the list was \
          imported with a severity below critical, it only corroborates.",
    advice: "Do not run the image. Read what the list says of the file; where the list is wrong, correct the list.",
};

const DETECTIONS: &[Detection] = &[MINER, LISTED];
