//! Which control has a say in which detection, for the reference: what is told there is asked of the controls.

use super::{Control, package, purpose, reach};
use model::{Class, Detection, Role, Stage};

impl Control {
    /// Whether it has a say in what a finding of this detection is worth. A detection that convicts is lowered by
    /// none: the say is in those of its findings that only corroborate.
    pub fn touches(self, detection: &Detection) -> bool {
        let counts = detection.role != Role::Context && detection.stage == Stage::Static;
        let of_file = counts && matches!(detection.class, Class::File | Class::Reach);
        match self {
            Self::Package => of_file && !package::NOT_OF_CONTENT.contains(&detection.id),
            Self::OfficialLayers => of_file || CONFIGURED_BY_A_FILE.contains(&detection.id),
            Self::ListFile | Self::Documentation => of_file,
            Self::Purpose => purpose::concerns(detection.id),
            Self::Reach => counts && reach::decides(detection),
            Self::History => TOLD_BY_THE_HISTORY.contains(&detection.id),
            Self::FilesOnly => of_file,
            Self::BeforeFirstExec | Self::Jit | Self::EntrypointGrace | Self::Canary => false,
        }
    }

    /// Where the static half has it, or why not.
    pub fn how(self) -> &'static str {
        match self {
            Self::Package => {
                "Two levels of severity less where a package owns the file and promised just this content, unless the \
                 database gives itself away; below low it counts no more."
            }
            Self::OfficialLayers => {
                "Counts no more where the layer and all below it are a known official image's. The list is empty until \
                 one is imported."
            }
            Self::ListFile => {
                "Counts no more where data names more than 25 indicators of one kind, or is a rule file by its name and \
                 folder. What the start leads to is no list."
            }
            Self::Documentation => {
                "Counts no more in documentation and tests, by their folder. What the start leads to is none."
            }
            Self::Purpose => {
                "Stands on the axis of declared purposes where name, label and start say it alike; counts as before."
            }
            Self::Reach => {
                "The analyzers ask it: the highest role is given only where the start leads to the file, and a lower \
                 one elsewhere. It lowers nothing afterwards."
            }
            Self::History => {
                "Counts no more where only the history says it and what it fetched came from named hosts over TLS. Most \
                 analyzers say nothing of the history at all."
            }
            Self::BeforeFirstExec => {
                "Not of the static half: it is about events of a running container, and files have no time before the \
                 first program."
            }
            Self::Jit => {
                "Not needed in the static half: memory that may be written and run is told only beside code that is as \
                 random as encrypted data or beside a tiny program that fetches another, never by itself."
            }
            Self::EntrypointGrace => {
                "Not needed in the static half: changing owners, filling in templates, making users and a first \
                 database are no deeds that any detection looks for, so there is nothing to be lenient about."
            }
            Self::FilesOnly => {
                "How the engine reads: analyzers see the bytes of files and of what files decode to, never an archive or \
                 a compressed stream as it lies."
            }
            Self::Canary => {
                "Not of the static half: it takes canaries and a run. Detections of theft ask for a store that is read \
                 and a place that it is sent to instead."
            }
        }
    }
}

/// Detections about the configuration that a file of a layer is to blame for.
const CONFIGURED_BY_A_FILE: [&str; 4] =
    ["S-CFG-CHECKPOINT", "S-CFG-GIANTGROUP", "S-ESC-DEVLINK", "S-EVA-PRELOADENV"];

/// Detections that read the history, which then only explains or falls to this control.
const TOLD_BY_THE_HISTORY: [&str; 16] = [
    "S-CRE-SECRET",
    "S-DLX-HIST",
    "S-IOC-NET",
    "S-META-COMMIT",
    "S-MIN-ARGV",
    "S-MIN-BUILD",
    "S-MIN-CC",
    "S-MIN-COINADDR",
    "S-MIN-DEPIN",
    "S-MIN-PKG",
    "S-MIN-POOL",
    "S-MIN-STRATUM",
    "S-MIN-TUNE",
    "S-MIN-WORKERTAG",
    "S-MIN-XMRADDR",
    "S-PKG-UNSIGNED",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers;

    #[test]
    fn ids_that_are_named_are_declared() {
        let declared: Vec<&str> = analyzers::detections().iter().map(|detection| detection.id).collect();
        let named = TOLD_BY_THE_HISTORY.iter().chain(&reach::OF_PROGRAMS).chain(&package::NOT_OF_CONTENT);
        let named = named.chain(&CONFIGURED_BY_A_FILE);
        for id in named {
            assert!(declared.contains(id), "{id}");
        }
    }

    #[test]
    fn every_control_says_where_it_is() {
        for control in Control::ALL {
            let how = control.how();
            assert!(how.ends_with('.') && how.starts_with(|first: char| first.is_ascii_uppercase()), "{how}");
            let touches = analyzers::detections().into_iter().any(|detection| control.touches(detection));
            assert_eq!(touches, control.stage() == Stage::Static, "{}", control.id());
        }
    }
}
