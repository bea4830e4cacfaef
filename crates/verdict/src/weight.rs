use model::{Finding, Role, Severity};

/// What a finding is worth in this image, lowest first. A detection says what it is worth at best; the image
/// may make it worth less, and never more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// A person's exception is in force for it: it is shown and does not count.
    Excepted,
    /// It explains and never counts.
    Context,
    /// It needs a second finding of another class, and alone does not even raise suspicion. Such findings are
    /// everywhere in honest images (a wiped shell history, a unit file); of a thousand public images about
    /// seven are malicious, so a sign that every hardened base shows would raise nothing but false alarms.
    Hint,
    /// It raises suspicion alone and needs a second finding of another class to convict.
    Corroborates,
    /// It would convict, but a later layer took the file away: nothing can run it. It raises suspicion,
    /// because somebody put it there and an image built on the lower layers would run it.
    Residue,
    /// It decides alone.
    Convicts,
}

impl Weight {
    /// The weight of a finding.
    pub fn of(finding: &Finding) -> Self {
        match finding.role {
            _ if finding.exception.is_some() => Self::Excepted,
            Role::Context => Self::Context,
            Role::Corroborates if finding.severity == Severity::Low => Self::Hint,
            Role::Corroborates => Self::Corroborates,
            Role::Convicts if finding.is_residue() => Self::Residue,
            Role::Convicts => Self::Convicts,
        }
    }

    /// Whether it counts towards a verdict at all, be it together with others.
    pub fn counts(self) -> bool {
        self > Self::Context
    }

    /// Whether it raises suspicion alone.
    pub fn raises_suspicion(self) -> bool {
        self >= Self::Corroborates
    }
}

/// Whether a finding may be the strong half of a confirmation: severe, and about something that is still
/// there.
pub(crate) fn leads(finding: &Finding) -> bool {
    Weight::of(finding) == Weight::Corroborates && finding.severity >= Severity::High && !finding.is_residue()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::finding;
    use model::Class;

    fn check(role: Role, severity: Severity, removed: bool, expect: Weight) {
        let mut finding = finding("S-A", role, severity, Class::File);
        if removed {
            finding = finding.removed_by(7);
        }
        assert_eq!(Weight::of(&finding), expect, "{role:?} {severity:?} removed: {removed}");
    }

    #[test]
    fn the_image_may_lower_a_role_and_never_raises_it() {
        check(Role::Convicts, Severity::Critical, false, Weight::Convicts);
        check(Role::Convicts, Severity::Low, false, Weight::Convicts);
        check(Role::Convicts, Severity::Critical, true, Weight::Residue);
        check(Role::Corroborates, Severity::Medium, false, Weight::Corroborates);
        check(Role::Corroborates, Severity::High, true, Weight::Corroborates);
        check(Role::Corroborates, Severity::Low, false, Weight::Hint);
        check(Role::Context, Severity::Critical, false, Weight::Context);
    }

    #[test]
    fn an_exception_takes_any_weight() {
        for role in [Role::Context, Role::Corroborates, Role::Convicts] {
            let mut finding = finding("S-A", role, Severity::Critical, Class::File);
            finding.exception = Some(crate::judge::tests::exception());
            let weight = Weight::of(&finding);
            assert!(weight == Weight::Excepted && !weight.counts() && !weight.raises_suspicion());
        }
    }

    #[test]
    fn a_file_that_is_still_there_is_no_residue_for_want_of_a_known_way_to_it() {
        let mut finding = finding("S-A", Role::Convicts, Severity::Critical, Class::File);
        finding.reachable = Some(false);
        assert_eq!(Weight::of(&finding), Weight::Convicts);
    }
}
