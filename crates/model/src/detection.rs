use crate::{Axis, Class, Role, Severity, Stage};

/// What a finding id stands for. Analyzers declare theirs as constants, so that `explain`, the generated
/// reference and the findings themselves can never disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detection {
    /// Stable id, such as `S-MIN-HASH`. Outsiders script against it: it never changes its meaning.
    pub id: &'static str,
    /// What was found, in a few words.
    pub title: &'static str,
    /// How bad it is where it holds.
    pub severity: Severity,
    /// Whether it may decide alone.
    pub role: Role,
    /// Which kind of evidence it is; two findings of one class never corroborate each other.
    pub class: Class,
    /// Which half of the analysis finds it.
    pub stage: Stage,
    /// MITRE ATT&CK technique ids, current version first.
    pub techniques: &'static [&'static str],
    /// Why it matters and which threat it answers, in full sentences.
    pub why: &'static str,
    /// What a person should do who meets it.
    pub advice: &'static str,
}

impl Detection {
    /// What its findings stand on beside the verdict, as the family in its id says.
    pub fn axis(&self) -> Option<Axis> {
        Axis::of_id(self.id)
    }
}
