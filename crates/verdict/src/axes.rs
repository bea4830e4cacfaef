use model::{Axes, Axis, Finding, Severity, Vulnerable};

/// What stands beside the verdict, as the findings say themselves.
///
/// An axis never takes anything from the verdict. A declared purpose is a text that the attacker writes, and
/// no text of the attacker's may lighten a finding.
pub(crate) fn axes(findings: &[Finding]) -> Axes {
    let mut axes = Axes::default();
    for finding in findings {
        match finding.axis {
            Some(Axis::Pua) => axes.pua.push(finding.id.clone()),
            Some(Axis::Hygiene) => axes.hygiene.push(finding.id.clone()),
            Some(Axis::Vulnerable) => count(&mut axes.vulnerable, finding.severity),
            None => {}
        }
    }
    for ids in [&mut axes.pua, &mut axes.hygiene] {
        ids.sort_unstable();
        ids.dedup();
    }
    axes
}

fn count(vulnerable: &mut Vulnerable, severity: Severity) {
    match severity {
        Severity::Critical => vulnerable.critical = vulnerable.critical.saturating_add(1),
        Severity::High => vulnerable.high = vulnerable.high.saturating_add(1),
        Severity::Medium | Severity::Low => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::finding;
    use model::{Class, Role};

    #[test]
    fn families_stand_on_their_axes_once() {
        let found = |id| {
            let mut found = finding(id, Role::Context, Severity::High, Class::File);
            found.axis = Axis::of_id(id);
            found
        };
        let axes = axes(&[
            found("S-PUA-MINER"),
            found("S-CRE-SECRET"),
            found("S-HYG-SSHD"),
            found("S-HYG-SSHD"),
            found("S-VUL-OSV"),
            found("S-VUL-OSV"),
            found("S-MIN-HASH"),
            found("odd"),
        ]);
        assert_eq!(axes.pua, ["S-PUA-MINER"]);
        assert_eq!(axes.hygiene, ["S-CRE-SECRET", "S-HYG-SSHD"]);
        assert_eq!(axes.vulnerable, Vulnerable { critical: 0, high: 2 });
    }
}
