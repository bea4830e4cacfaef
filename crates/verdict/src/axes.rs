use model::{Axes, Finding, Severity, Vulnerable};

/// What stands beside the verdict, read off the family in a finding's id: `S-PUA-…` for openly declared
/// miners, scanners and VPNs, `S-HYG-…` for hygiene, `S-VUL-…` for vulnerabilities. The detections of embedded
/// secrets and of privileges left lying about belong to hygiene whatever they are worth in the verdict.
///
/// An axis never takes anything from the verdict. A declared purpose is a text that the attacker writes, and
/// no text of the attacker's may lighten a finding.
pub(crate) fn axes(findings: &[Finding]) -> Axes {
    let mut axes = Axes::default();
    for finding in findings {
        match family(&finding.id) {
            "PUA" => axes.pua.push(finding.id.clone()),
            "HYG" => axes.hygiene.push(finding.id.clone()),
            "VUL" => count(&mut axes.vulnerable, finding.severity),
            _ if HYGIENE.contains(&finding.id.as_str()) => axes.hygiene.push(finding.id.clone()),
            _ => {}
        }
    }
    for ids in [&mut axes.pua, &mut axes.hygiene] {
        ids.sort_unstable();
        ids.dedup();
    }
    axes
}

const HYGIENE: &[&str] = &["S-CRE-SECRET", "S-ESC-FCAP", "S-ESC-SUDO", "S-ESC-SUID"];

fn family(id: &str) -> &str {
    id.split('-').nth(1).unwrap_or_default()
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
        let found = |id| finding(id, Role::Context, Severity::High, Class::File);
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
