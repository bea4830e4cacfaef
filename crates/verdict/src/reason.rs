/// One ground for a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Which rule applied.
    pub rule: Rule,
    /// The findings it rests on, as indices into the judgement's findings; the leading one first.
    pub findings: Vec<usize>,
}

impl Reason {
    pub(crate) fn new(rule: Rule, findings: Vec<usize>) -> Self {
        Self { rule, findings }
    }
}

/// The rules by which a verdict comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// One finding decides alone.
    Convicts,
    /// Findings of different classes confirm each other, and a strong one leads.
    ConfirmEachOther,
    /// What would convict was taken away by a later layer.
    Residue,
    /// A finding that no other class confirms strongly enough.
    Unconfirmed,
    /// Slight signs of different classes.
    Hints,
    /// Something was not looked at.
    NotLookedAt,
    /// Everything was looked at and nothing counts.
    NothingCounts,
}

impl Rule {
    /// The rule in a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::Convicts => "This finding decides alone.",
            Self::ConfirmEachOther => {
                "These findings are different kinds of evidence and confirm each other, and at least one of \
                 them is of high severity and about something that is in the image."
            }
            Self::Residue => {
                "This finding would decide alone, but a later layer took the file away, so nothing in this \
                 image can run it; its layer still ships it."
            }
            Self::Unconfirmed => {
                "This finding needs confirmation by another kind of evidence, with high severity on one side, \
                 and there is none."
            }
            Self::Hints => "These slight signs are different kinds of evidence and point the same way.",
            Self::NotLookedAt => "Something was not looked at, and it may hold what decides.",
            Self::NothingCounts => {
                "Everything was looked at, and nothing that was found counts against the image."
            }
        }
    }
}
