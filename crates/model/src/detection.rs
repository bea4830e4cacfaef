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

/// Techniques that version 19 of ATT&CK gave another id, with those that they had before. It divided what was called
/// defense evasion. Systems that take reports go on knowing the old ids for years, so both are told.
pub const RENAMED_TECHNIQUES: [(&str, &[&str]); 5] = [
    ("T1684.001", &["T1656"]),
    ("T1685", &["T1562", "T1562.001", "T1562.006"]),
    ("T1685.006", &["T1070.002"]),
    ("T1686", &["T1562.004"]),
    ("T1689", &["T1562.010"]),
];

impl Detection {
    /// Its techniques by their current ids, each with the one that it had before version 19 of ATT&CK where that was
    /// another.
    pub fn techniques_then_and_now(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let before = |id: &str| {
            let (_, old) = RENAMED_TECHNIQUES.iter().find(|(new, _)| *new == id)?;
            self.techniques.iter().find(|known| old.contains(known)).copied()
        };
        let old = |id: &str| RENAMED_TECHNIQUES.iter().any(|(_, old)| old.contains(&id));
        let current = self.techniques.iter().filter(|id| !old(id));
        current.map(|id| (*id, before(id))).collect()
    }

    /// What its findings stand on beside the verdict, as the family in its id says.
    pub fn axis(&self) -> Option<Axis> {
        Axis::of_id(self.id)
    }
}
