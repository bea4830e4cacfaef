//! The dynamic half: what the new image did when it was run that the old one did not.

use crate::findings;
use behavior::{Deed, Deeds};
use events::Origin;
use model::{Change, ChangeKind, Finding, Gap, Severity, State};
use std::collections::{BTreeMap, BTreeSet};

/// What the runs of one platform of an image came to.
#[derive(Debug, Clone, Copy)]
pub struct Ran<'a> {
    /// What was done.
    pub deeds: &'a Deeds,
    /// What was found.
    pub findings: &'a [Finding],
}

/// Compares what two images did on one platform. What the old image did in any of its runs is not new, whichever run of
/// the new one shows it: when something happens differs from run to run.
pub fn compare_runs(
    platform: &str,
    old: Ran<'_>,
    new: Ran<'_>,
    changes: &mut Vec<Change>,
    gaps: &mut Vec<Gap>,
) {
    for (name, ran) in [("old", old), ("new", new)] {
        if ran.deeds.cut {
            let why = "it did more than is compared";
            gaps.push(Gap::new(format!("{name}: {platform}, in the sandbox"), why));
        }
    }
    compare_findings(old.findings, new.findings, changes);
    let spoken: BTreeSet<&str> = new
        .deeds
        .done
        .keys()
        .filter_map(|deed| match deed {
            Deed::Contacted { host, .. } => Some(host.as_str()),
            _ => None,
        })
        .collect();
    for (deed, runs) in new.deeds.done.iter().filter(|(deed, _)| !old.deeds.done.contains_key(deed)) {
        // Whoever is spoken to was asked for first, which says nothing more.
        let known = matches!(deed, Deed::Asked { name } if spoken.contains(name.as_str()));
        if !known {
            changes.push(change(platform, deed, runs));
        }
    }
}

fn change(platform: &str, deed: &Deed, runs: &BTreeSet<String>) -> Change {
    let (kind, severity, what) = match deed {
        Deed::Started { origin, .. } => match origin {
            Origin::Image => (ChangeKind::ProgramStarted, Severity::Medium, "It started this program"),
            Origin::Written => (
                ChangeKind::ProgramStarted,
                Severity::High,
                "It started this program, which was written while it ran",
            ),
            Origin::Memory | Origin::Deleted => {
                (ChangeKind::ProgramStarted, Severity::High, "It started this program, which lies in no file")
            }
            Origin::Planted | Origin::Kernel | Origin::Unknown => (
                ChangeKind::ProgramStarted,
                Severity::High,
                "It started this program, which is not the image's",
            ),
        },
        Deed::Contacted { .. } => (ChangeKind::HostContacted, Severity::High, "It spoke to this host"),
        Deed::Asked { .. } => (ChangeKind::NameAsked, Severity::Medium, "It asked for this name"),
        Deed::Listened { .. } => (ChangeKind::PortOpened, Severity::Medium, "It opened this port"),
        Deed::Wrote { path } => {
            let severity = if is_system(path) { Severity::Medium } else { Severity::Low };
            (ChangeKind::FileWritten, severity, "It wrote this file")
        }
    };
    let runs: Vec<String> = runs.iter().map(|run| format!("`{run}`")).collect();
    let what = format!("{what}, in {}; the old image did not.", runs.join(", "));
    let (path, name, value) = match deed {
        Deed::Started { program, origin } => {
            (Some(program.clone()), None, Some(format!("{origin:?}").to_lowercase()))
        }
        Deed::Contacted { host, port } => {
            let peer = format!("{host}:{}", shown(*port));
            (None, Some(peer.clone()), Some(peer))
        }
        Deed::Asked { name } => (None, Some(name.clone()), Some(name.clone())),
        Deed::Listened { port } => (None, Some(format!("port {}", shown(*port))), None),
        Deed::Wrote { path } => (Some(path.clone()), None, None),
    };
    Change {
        platform: platform.to_owned(),
        path,
        name,
        after: Some(State { value, ..State::default() }),
        ..Change::new(kind, severity, what)
    }
}

/// A port, or that it is one of those that systems choose by themselves.
fn shown(port: Option<u16>) -> String {
    port.map_or_else(|| "any".to_owned(), |port| port.to_string())
}

/// Places from which others start, load or read what they do.
fn is_system(path: &str) -> bool {
    ["/etc/", "/usr/", "/bin/", "/sbin/", "/lib", "/root/", "/home/", "/opt/", "/boot/"]
        .iter()
        .any(|place| path.starts_with(place))
}

/// Detections by their ids: their evidence names processes, times and ports, which differ from run to run. One detection
/// is told once, by the finding that weighs most.
fn compare_findings(old: &[Finding], new: &[Finding], changes: &mut Vec<Change>) {
    let (old, new) = (worst(old), worst(new));
    let unheld = |mut change: Change| {
        for state in [&mut change.before, &mut change.after].into_iter().flatten() {
            state.value = None;
        }
        change
    };
    for (id, finding) in &new {
        match old.get(id) {
            None => changes.push(unheld(findings::added(finding))),
            Some(then) if weight(finding) > weight(then) => {
                changes.push(unheld(findings::worse(then, finding)));
            }
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|(id, _)| !new.contains_key(*id));
    changes.extend(gone.map(|(_, finding)| unheld(findings::gone(finding))));
}

fn worst(all: &[Finding]) -> BTreeMap<&str, &Finding> {
    let mut worst: BTreeMap<&str, &Finding> = BTreeMap::new();
    for finding in all {
        let held = worst.entry(&finding.id).or_insert(finding);
        if weight(finding) > weight(held) {
            *held = finding;
        }
    }
    worst
}

fn weight(finding: &Finding) -> (model::Role, Severity) {
    (finding.role, finding.severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Class, Detection, Role, Stage};

    fn deeds(done: &[Deed]) -> Deeds {
        let runs = BTreeSet::from(["as configured".to_owned()]);
        Deeds { done: done.iter().map(|deed| (deed.clone(), runs.clone())).collect(), cut: false }
    }

    fn started(program: &str, origin: Origin) -> Deed {
        Deed::Started { program: program.to_owned(), origin }
    }

    fn contacted(host: &str, port: u16) -> Deed {
        Deed::Contacted { host: host.to_owned(), port: Some(port) }
    }

    fn finding(id: &'static str, role: Role, evidence: &str) -> Finding {
        let detection = Detection {
            id,
            title: "T",
            severity: Severity::High,
            role,
            class: Class::Proc,
            stage: Stage::Dynamic,
            techniques: &[],
            why: "",
            advice: "",
        };
        Finding::of(&detection, "E").with_evidence("process", evidence, None)
    }

    /// Changes as `severity kind subject`.
    fn check(old: (&[Deed], &[Finding]), new: (&[Deed], &[Finding]), expect: &[&str]) {
        let (then, now) = (deeds(old.0), deeds(new.0));
        let (mut changes, mut gaps) = (Vec::new(), Vec::new());
        let ran = |deeds, findings| Ran { deeds, findings };
        compare_runs("linux/amd64", ran(&then, old.1), ran(&now, new.1), &mut changes, &mut gaps);
        let told: Vec<String> = changes
            .iter()
            .map(|change| {
                let subject = change.path.as_deref().or(change.name.as_deref()).unwrap_or("-");
                format!("{} {} {subject}", change.severity.name(), change.kind.name())
            })
            .collect();
        assert_eq!((told, gaps), (expect.iter().map(|&line| line.to_owned()).collect(), Vec::new()));
    }

    #[test]
    fn what_only_the_new_image_did_is_told() {
        let id = started("/usr/bin/id", Origin::Image);
        check((std::slice::from_ref(&id), &[]), (std::slice::from_ref(&id), &[]), &[]);
        check((std::slice::from_ref(&id), &[]), (&[], &[]), &[]);
        check((&[], &[]), (&[id], &[]), &["medium program-started /usr/bin/id"]);
        check((&[], &[]), (&[started("/tmp/x", Origin::Written)], &[]), &["high program-started /tmp/x"]);
        check(
            (&[started("/x", Origin::Image)], &[]),
            (&[started("/x", Origin::Image), started("/x", Origin::Written)], &[]),
            &["high program-started /x"],
        );
        check(
            (&[contacted("a.example", 443)], &[]),
            (&[contacted("a.example", 443), contacted("a.example", 3333)], &[]),
            &["high host-contacted a.example:3333"],
        );
        check((&[], &[]), (&[Deed::Listened { port: None }], &[]), &["medium port-opened port any"]);
        let wrote = |path: &str| Deed::Wrote { path: path.to_owned() };
        check((&[], &[]), (&[wrote("/etc/cron.d/x")], &[]), &["medium file-written /etc/cron.d/x"]);
        check((&[], &[]), (&[wrote("/data/x")], &[]), &["low file-written /data/x"]);
    }

    #[test]
    fn a_name_is_told_where_its_host_is_not() {
        let asked = |name: &str| Deed::Asked { name: name.to_owned() };
        check(
            (&[], &[]),
            (&[asked("a.example"), asked("b.example"), contacted("a.example", 80)], &[]),
            &["high host-contacted a.example:80", "medium name-asked b.example"],
        );
    }

    #[test]
    fn detections_are_compared_by_id_and_weight_and_not_by_their_evidence() {
        use Role::{Context, Convicts, Corroborates};
        let one = [finding("D-A", Corroborates, "process 12"), finding("D-A", Context, "process 13")];
        let other = [finding("D-A", Corroborates, "process 99")];
        check((&[], &one), (&[], &other), &[]);
        check((&[], &[]), (&[], &one), &["high finding-added D-A"]);
        check((&[], &other), (&[], &[finding("D-A", Convicts, "x")]), &["critical finding-added D-A"]);
        check((&[], &one), (&[], &[]), &["low finding-gone D-A"]);
    }

    #[test]
    fn more_than_is_compared_is_a_gap() {
        let (mut gaps, mut changes) = (Vec::new(), Vec::new());
        let (old, new) = (deeds(&[]), Deeds { cut: true, ..deeds(&[]) });
        let ran = |deeds| Ran { deeds, findings: &[] };
        compare_runs("linux/amd64", ran(&old), ran(&new), &mut changes, &mut gaps);
        assert_eq!(gaps, [Gap::new("new: linux/amd64, in the sandbox", "it did more than is compared")]);
    }
}
