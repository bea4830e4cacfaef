use super::detections::{INSTALL_HOOK, MAINTAINER_SCRIPT};
use super::{Act, BackdoorFacts, InstallStep, Subject, live, subject};
use crate::{ImageView, Outcome};
use layers::Place;
use model::{Finding, Gap, Role};

/// Files that are told one by one.
const MAX_FINDINGS: usize = 64;

/// Tells what is run at the installation of packages and does what no installation needs to.
pub(super) fn judge(image: &ImageView<'_>, out: &mut Outcome) {
    let mut told = 0;
    for (place, fact) in live(image) {
        let BackdoorFacts::Steps(steps) = fact else { continue };
        if steps.iter().any(|step| step.act == Act::TooLong) {
            let path =
                image.tree.entry(place).map(|entry| model::escape_bytes(entry.path)).unwrap_or_default();
            out.gaps.push(Gap::new(path, "backdoors: it orders more at an installation than is read"));
        }
        if told < MAX_FINDINGS
            && let Some(finding) = finding(image, place, steps)
        {
            told += 1;
            out.findings.push(finding);
        }
    }
}

fn finding(image: &ImageView<'_>, place: Place, steps: &[InstallStep]) -> Option<Finding> {
    let path = image.tree.entry(place)?.path;
    let npm = matches!(subject(path)?, Subject::Manifest | Subject::Gyp);
    // What tells who asks is a probe where strangers' packages do it; a vendor's script may register its machine.
    let counts = |step: &&InstallStep| match step.act {
        Act::FetchRun | Act::Obfuscated => true,
        Act::Sends => npm,
        Act::TooLong => false,
    };
    let first = steps.iter().find(counts)?;
    let what = match first.act {
        Act::FetchRun => "runs what it fetches",
        Act::Obfuscated => "runs what it hides",
        _ => "sends away what the machine is called",
    };
    let name = model::escape_text(&first.name);
    let why = format!("At the installation, {name} {what}, in line {}.", first.line);
    let detection = if npm { &INSTALL_HOOK } else { &MAINTAINER_SCRIPT };
    let mut finding = image.finding_at(detection, why, place);
    for step in steps.iter().filter(counts).take(8) {
        finding = finding.with_evidence("command", &format!("{}: {}", step.name, step.text), None);
    }
    // An application's own manifest prepares its developers' machines; only what was installed was run by it.
    if npm && memchr::memmem::find(path, b"node_modules/").is_none() {
        finding.role = Role::Context;
    }
    Some(finding)
}
