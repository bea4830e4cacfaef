use crate::analyzers::{download, impair, miner, shells, theft};
use crate::{ImageAnalyzer, ImageView, Outcome};
use layers::Place;
use model::{Class, Detection};

/// G6: whether what lies at a place runs, as far as reading can tell: a runtime shows it, and the start leads to
/// it. Analyzers ask this before they give a finding the role that only running deserves, and the other controls
/// ask it before they excuse a file.
///
/// That the start was not seen to lead to a file is no proof that nothing does, so nothing is lowered for it.
pub fn runs(image: &ImageView<'_>, out: &Outcome, place: Place) -> bool {
    image.tree.is_live(place) && out.reaches(image, place)
}

/// Whether what a finding of this detection is worth depends on what the start leads to.
pub(super) fn decides(detection: &Detection) -> bool {
    // What a script does counts in full only where the script runs.
    const OF_DEEDS: [&dyn ImageAnalyzer; 5] =
        [&download::Downloads, &impair::Impairment, &miner::Mining, &shells::Shells, &theft::Theft];
    let of_deeds =
        || OF_DEEDS.iter().any(|analyzer| analyzer.detections().iter().any(|known| known.id == detection.id));
    detection.class == Class::Reach || OF_PROGRAMS.contains(&detection.id) || of_deeds()
}

/// Detections of other analyzers that ask whether a file runs before they give it their highest role.
pub(super) const OF_PROGRAMS: [&str; 10] = [
    "S-C2-IRC",
    "S-C2-SSHKEY",
    "S-DLX-STAGER",
    "S-EVA-ENTROPY",
    "S-EVA-LOADER",
    "S-EVA-MEMFD",
    "S-EVA-POLYGLOT",
    "S-EVA-UPXMOD",
    "S-MIN-CC",
    "S-MIN-FAMILY",
];
