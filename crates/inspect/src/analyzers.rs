//! The analyzers, in the order in which they run.

pub mod acts;
pub mod anomalies;
pub mod backdoors;
pub mod config;
pub mod download;
pub mod elf;
pub mod endpoints;
pub mod hashes;
pub mod hooks;
pub mod impair;
pub mod indicators;
pub mod metadata;
pub mod miner;
pub mod names;
pub mod obfuscation;
pub mod ownership;
pub mod persist;
pub mod preload;
pub mod privilege;
pub mod program;
pub mod secrets;
pub mod shells;
pub mod start;
pub mod theft;

#[cfg(test)]
pub(crate) mod fixture;

use crate::{FileAnalyzer, ImageAnalyzer};
use model::Detection;

/// Analyzers of single files, but for those that imported feeds bring, [`indicators::Listed`] and
/// [`indicators::Patterns`], and the one for comparisons, [`endpoints::Endpoints`].
pub fn file_analyzers() -> &'static [&'static dyn FileAnalyzer] {
    &[
        &start::Start,
        &program::Programs,
        &elf::ElfStructure,
        &ownership::PackageTruth,
        &hooks::Hooks,
        &miner::Mining,
        &obfuscation::Obfuscation,
        &backdoors::Backdoors,
        &secrets::Secrets,
    ]
}

/// Analyzers of whole images, in run order: `start` is first, because the others ask what it reached, and
/// but for the last none of them asks what another found.
pub fn image_analyzers() -> &'static [&'static dyn ImageAnalyzer] {
    &[
        &start::Start,
        &hashes::Hashes,
        &indicators::Listed,
        &miner::Mining,
        &program::Programs,
        &elf::ElfStructure,
        &config::Configuration,
        &ownership::PackageTruth,
        &anomalies::Anomalies,
        &names::Names,
        &metadata::Metadata,
        &preload::Preloads,
        &privilege::Privilege,
        &download::Downloads,
        &shells::Shells,
        &theft::Theft,
        &impair::Impairment,
        &obfuscation::Obfuscation,
        &backdoors::Backdoors,
        &secrets::Secrets,
        // After the others, because a hook counts by what they found where it leads.
        &persist::Persistence,
    ]
}

/// Every finding that any analyzer can make.
pub fn detections() -> Vec<&'static Detection> {
    image_analyzers().iter().flat_map(|analyzer| analyzer.detections()).collect()
}

/// Detections that are known by an id and that nothing here makes, each with the reason. Their ids are taken, so
/// that none of them ever means something else.
pub const NOT_IMPLEMENTED: &[(&str, &str)] = &[
    (
        "S-EVA-ARCHSPLIT",
        "Every platform of an image is judged by itself; it takes a look across all of them.",
    ),
    ("S-EVA-TIMESTOMP", "Builders set times as they like, so a time that stands out tells too little."),
    ("S-META-ENTRYDRIFT", HISTORY_NEEDED),
    ("S-META-EXECDRIFT", HISTORY_NEEDED),
    (
        "S-META-FAKEBASE",
        "It takes the layers of every distribution's bases to tell a forged base from one built by hand.",
    ),
    ("S-META-IMAGELESS", REGISTRY_NEEDED),
    (
        "S-META-LABEL",
        "Labels are inherited, so it takes the layers of every publisher's images to tell a claim from an inheritance.",
    ),
    ("S-META-MASSRETAG", HISTORY_NEEDED),
    ("S-META-NOPROV", REGISTRY_NEEDED),
    ("S-META-NOUPSTREAM", REGISTRY_NEEDED),
    ("S-META-PULLS", REGISTRY_NEEDED),
    ("S-META-SIGREGRESS", HISTORY_NEEDED),
    ("S-META-TAGMOVE", HISTORY_NEEDED),
    ("S-META-UPLOADER", HISTORY_NEEDED),
    (
        "S-PKG-IFUNC",
        "Resolvers of honest libraries call more than the processor's features; it takes their call graphs to tell them apart.",
    ),
    ("S-PKG-JAVA", "It takes the directories of archives, which are not read."),
    (
        "S-PKG-MAL",
        "It takes a feed of malicious packages; the feeds that can be imported hold files, names and digests.",
    ),
];

const HISTORY_NEEDED: &str = "Not static: it needs the registry's history, not one image.";
const REGISTRY_NEEDED: &str = "Not static: it needs what the registry or the publisher says, not one image.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_implemented_is_not_declared() {
        let declared: Vec<_> = detections().iter().map(|detection| detection.id).collect();
        assert!(NOT_IMPLEMENTED.is_sorted_by(|one, next| one.0 < next.0), "each id once, in order");
        for (id, reason) in NOT_IMPLEMENTED {
            assert!(!declared.contains(id), "{id}");
            assert!(reason.ends_with('.'), "{id}");
        }
    }

    #[test]
    fn old_techniques_stand_behind_what_they_became() {
        for detection in detections() {
            let now = detection.techniques_then_and_now();
            for (new, old) in model::RENAMED_TECHNIQUES {
                let told = now.iter().find(|(id, _)| *id == new);
                let has_old = detection.techniques.iter().any(|id| old.contains(id));
                assert_eq!(told.is_some_and(|(_, before)| before.is_some()), has_old, "{}", detection.id);
                assert_eq!(told.is_some(), has_old, "{}: {new}", detection.id);
            }
        }
    }
}
