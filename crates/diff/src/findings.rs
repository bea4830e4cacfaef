use model::{Change, ChangeKind, Finding, Role, Severity, State};
use std::collections::HashMap;

/// Findings that came, that weigh more, and that are gone. A finding at a path whose version numbers alone changed is
/// the same finding: each of the old stands for one of the new.
pub fn compare(old: &[Finding], new: &[Finding], changes: &mut Vec<Change>) {
    let mut known: HashMap<String, Vec<usize>> = HashMap::new();
    let mut matched = vec![false; old.len()];
    let mut rest: Vec<&Finding> = new.iter().collect();
    for key in [exact, content, without_numbers] {
        known.clear();
        for (at, finding) in old.iter().enumerate().rev() {
            if matched.get(at) == Some(&false)
                && let Some(key) = key(finding)
            {
                known.entry(key).or_default().push(at);
            }
        }
        rest.retain(|finding| {
            let Some(then) = key(finding).and_then(|key| known.get_mut(&key)?.pop()) else { return true };
            if let Some(matched) = matched.get_mut(then) {
                *matched = true;
            }
            if let Some(then) = old.get(then)
                && (finding.role, finding.severity) > (then.role, then.severity)
            {
                changes.push(worse(then, finding));
            }
            false
        });
    }
    changes.extend(rest.into_iter().map(added));
    let left = old.iter().zip(&matched).filter(|(_, matched)| !**matched);
    changes.extend(left.map(|(finding, _)| gone(finding)));
}

pub(crate) fn gone(finding: &Finding) -> Change {
    Change {
        kind: ChangeKind::FindingGone,
        severity: Severity::Low,
        layer: None,
        before: added(finding).after,
        after: None,
        reached: None,
        what: format!("{} ({} before) is gone.", finding.title, finding.role.name()),
        ..added(finding)
    }
}

pub(crate) fn added(finding: &Finding) -> Change {
    let severity = match finding.role {
        // One of these alone makes the image malicious.
        Role::Convicts => Severity::Critical,
        Role::Corroborates => finding.severity,
        Role::Context => Severity::Low,
    };
    let reached = finding.reachable == Some(true);
    Change {
        platform: finding.platform.clone(),
        path: finding.path.clone(),
        name: Some(finding.id.clone()),
        layer: finding.layer.clone(),
        after: Some(State {
            value: finding.path.is_none().then(|| evidence(finding)).filter(|value| !value.is_empty()),
            sha256: finding.content,
            ..State::default()
        }),
        reached: reached.then(|| "the start leads to it".to_owned()),
        class: Some(finding.class),
        ..Change::new(
            ChangeKind::FindingAdded,
            severity,
            format!("{} ({}). {}", finding.title, finding.role.name(), finding.explanation),
        )
    }
}

pub(crate) fn worse(then: &Finding, now: &Finding) -> Change {
    let mut change = added(now);
    change.what = format!("{} It was {} and {} before.", change.what, then.severity.name(), then.role.name());
    change.before = added(then).after;
    change
}

fn evidence(finding: &Finding) -> String {
    let pieces: Vec<String> =
        finding.evidence.iter().map(|piece| format!("{} {}", piece.kind, piece.value)).collect();
    pieces.join("; ")
}

/// The same id at the same path; without a path, with the same evidence.
fn exact(finding: &Finding) -> Option<String> {
    Some(match &finding.path {
        Some(path) => format!("{}\0{path}", finding.id),
        None => format!("{}\0\0{}", finding.id, evidence(finding)),
    })
}

fn content(finding: &Finding) -> Option<String> {
    Some(format!("{}\0{}", finding.id, finding.content?))
}

fn without_numbers(finding: &Finding) -> Option<String> {
    let path = finding.path.as_ref()?;
    let mut key = format!("{}\0", finding.id);
    let mut number = false;
    for character in path.chars() {
        if !character.is_ascii_digit() {
            key.push(character);
        } else if !number {
            key.push('0');
        }
        number = character.is_ascii_digit();
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Class, Detection, Digest, Stage};

    fn finding(id: &'static str, path: &str, content: u8, severity: Severity) -> Finding {
        let detection = Detection {
            id,
            title: "T",
            severity,
            role: Role::Corroborates,
            class: Class::File,
            stage: Stage::Static,
            techniques: &[],
            why: "",
            advice: "",
        };
        let mut finding = Finding::of(&detection, "E");
        if !path.is_empty() {
            finding.path = Some(path.to_owned());
            finding.content = Some(Digest::sha256([content; 32]));
        }
        finding
    }

    fn check(
        old: &[(&'static str, &str, u8, Severity)],
        new: &[(&'static str, &str, u8, Severity)],
        expect: &[&str],
    ) {
        let all = |list: &[(&'static str, &str, u8, Severity)]| -> Vec<Finding> {
            list.iter().map(|(id, path, content, severity)| finding(id, path, *content, *severity)).collect()
        };
        let mut changes = Vec::new();
        compare(&all(old), &all(new), &mut changes);
        let told: Vec<String> = changes
            .iter()
            .map(|change| {
                let path = change.path.as_deref().unwrap_or("-");
                format!("{} {} {path}", change.kind.name(), change.severity.name())
            })
            .collect();
        assert_eq!(told, expect);
    }

    #[test]
    fn findings_come_and_go() {
        use Severity::{High, Low};
        check(&[("A", "/x", 1, High)], &[("A", "/x", 1, High)], &[]);
        check(&[("A", "/x", 1, High)], &[("A", "/x", 2, High)], &[]);
        check(&[("A", "/x", 1, High)], &[("A", "/y", 1, High)], &[]);
        check(&[("A", "/lib3.11/x", 1, High)], &[("A", "/lib3.12/x", 2, High)], &[]);
        // One of the old stands for one of the new and no more.
        check(
            &[("A", "/x1", 1, High)],
            &[("A", "/x2", 2, High), ("A", "/x3", 3, High)],
            &["finding-added high /x3"],
        );
        check(&[("A", "/x", 1, Low)], &[("A", "/x", 1, High)], &["finding-added high /x"]);
        check(&[("A", "", 0, High)], &[("B", "", 0, High)], &["finding-added high -", "finding-gone low -"]);
    }
}
