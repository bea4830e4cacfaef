//! Controls: what honest images have in common with bad ones, and how much less a finding is worth for it.
//!
//! They are applied in one pass when all image analyzers have run. A control lowers by a named step and leaves a
//! note in the finding, so that a person can see what it did and why. It never removes a finding, never raises
//! one, and never lowers one that convicts: almost all that a control asks about an image is bytes that its maker
//! chose, and what convicts must not be talked away by them.

mod documentation;
mod history;
mod known_chains;
mod list_file;
mod package;
mod purpose;
mod reach;
mod scope;
mod subject;
#[cfg(test)]
mod tests;

pub use known_chains::KnownChains;
pub use reach::runs;

use crate::{ImageView, Outcome};
use model::{CONTROL, Finding, Gap, Role, Severity, Stage};
use std::panic::{AssertUnwindSafe, catch_unwind};
use subject::Subjects;

/// Raised whenever the same findings would be worth something else.
pub const VERSION: u32 = 1;

/// Applies all controls to what the image analyzers found. A panic in one becomes a gap; what was not yet looked
/// at then counts in full.
pub fn apply(image: &ImageView<'_>, out: &mut Outcome) {
    let applied = catch_unwind(AssertUnwindSafe(|| apply_with(image, &KnownChains::built_in(), out)));
    if applied.is_err() {
        out.gaps.push(Gap::new(
            image.platform.to_string(),
            "the controls failed on this image; please report it",
        ));
    }
}

/// As [`apply`], with a list of the layers of official images.
pub fn apply_with(image: &ImageView<'_>, known: &KnownChains, out: &mut Outcome) {
    let purpose = purpose::declared(image);
    let official = known.longest(image);
    let subjects = Subjects::of(image, out);
    for finding in &mut out.findings {
        // What is declared stands beside the verdict and is worth what it was: nothing else lowers it, so an
        // openly declared miner does not become clean by being a package, too.
        if purpose.as_ref().is_some_and(|purpose| purpose.mark(finding)) {
            continue;
        }
        let lowered = history::only_claimed(finding)
            .or_else(|| official.as_ref().and_then(|official| official.brought(finding)));
        if let Some(why) = lowered {
            lower(finding, &why);
        }
        let Some(subject) = subjects.of_finding(finding) else { continue };
        let ways = [list_file::is_list, documentation::is_documentation, package::is_promised];
        for way in ways {
            if let Some(why) = way(&subjects, &subject, finding) {
                lower(finding, &why);
            }
        }
    }
}

/// The controls by the numbers under which they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Control {
    /// G1: a package owns the file and promised its content.
    Package,
    /// G2: the layer and all below it are those of a known official image.
    OfficialLayers,
    /// G3: the file is a list of indicators, such as a block list or a rule set.
    ListFile,
    /// G4: the file is documentation, or a test's.
    Documentation,
    /// G5: the image openly says that this is its purpose.
    Purpose,
    /// G6: only what is in the final tree and what the start leads to counts as running.
    Reach,
    /// G7: only the history says it, and what it fetched from is no odd place.
    History,
    /// G8: events before the first program of the image are the runtime's.
    BeforeFirstExec,
    /// G9: just-in-time compilers write and run memory.
    Jit,
    /// G10: an entrypoint prepares its files before it starts the program.
    EntrypointGrace,
    /// G11: bytes are matched in files alone, never in archives or compressed streams.
    FilesOnly,
    /// G12: exfiltration convicts only where canaries leave.
    Canary,
}

impl Control {
    /// Every control.
    pub const ALL: [Self; 12] = [
        Self::Package,
        Self::OfficialLayers,
        Self::ListFile,
        Self::Documentation,
        Self::Purpose,
        Self::Reach,
        Self::History,
        Self::BeforeFirstExec,
        Self::Jit,
        Self::EntrypointGrace,
        Self::FilesOnly,
        Self::Canary,
    ];

    /// Its number.
    pub fn id(self) -> &'static str {
        match self {
            Self::Package => "G1",
            Self::OfficialLayers => "G2",
            Self::ListFile => "G3",
            Self::Documentation => "G4",
            Self::Purpose => "G5",
            Self::Reach => "G6",
            Self::History => "G7",
            Self::BeforeFirstExec => "G8",
            Self::Jit => "G9",
            Self::EntrypointGrace => "G10",
            Self::FilesOnly => "G11",
            Self::Canary => "G12",
        }
    }

    /// What it is about, in one or two words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::OfficialLayers => "official layers",
            Self::ListFile => "list file",
            Self::Documentation => "documentation",
            Self::Purpose => "declared purpose",
            Self::Reach => "reach",
            Self::History => "history only",
            Self::BeforeFirstExec => "before the first program",
            Self::Jit => "just-in-time compiler",
            Self::EntrypointGrace => "entrypoint grace",
            Self::FilesOnly => "files only",
            Self::Canary => "canary",
        }
    }

    /// Which half of the analysis it belongs to. Those of the run are named here, so that a number means one
    /// thing everywhere, and have no code yet.
    pub fn stage(self) -> Stage {
        match self {
            Self::BeforeFirstExec | Self::Jit | Self::EntrypointGrace | Self::Canary => Stage::Dynamic,
            _ => Stage::Static,
        }
    }
}

/// Why a control applies, and what follows from it.
struct Why {
    control: Control,
    step: Step,
    because: String,
}

/// By how much a control lowers.
#[derive(Clone, Copy)]
enum Step {
    /// Two levels of severity; what falls below low counts no more.
    TwoLevels,
    /// It counts no more.
    ToContext,
}

/// Lowers a finding and leaves a note in it. One that convicts stays, and so does one that does not count.
fn lower(finding: &mut Finding, why: &Why) {
    if finding.role != Role::Corroborates {
        return;
    }
    let before = finding.severity;
    match (why.step, before) {
        (Step::TwoLevels, Severity::Critical) => finding.severity = Severity::Medium,
        (Step::TwoLevels, Severity::High) => finding.severity = Severity::Low,
        (Step::TwoLevels, Severity::Medium | Severity::Low) | (Step::ToContext, _) => {
            finding.role = Role::Context;
        }
    }
    let after = match finding.role {
        Role::Context => "counts no more".to_owned(),
        _ => format!("was {} and is {}", before.name(), finding.severity.name()),
    };
    note(finding, why.control, &format!("{}; the finding {after}", why.because));
}

fn note(finding: &mut Finding, control: Control, text: &str) {
    let value = model::escape_text(&format!("{} {}: {text}", control.id(), control.name()));
    finding.evidence.push(model::Evidence { kind: CONTROL.to_owned(), value, offset: None });
}
