use super::{NESTED, SHELL};
use crate::decode::{Runner, StepKind};
use crate::{Fact, ImageView, Outcome, StageFacts};
use layers::Place;
use model::{Finding, Role, Severity};
use packages::{Agreement, agreement};
use std::collections::HashMap;

/// Rounds from which on nesting counts together with something else.
const DEEP: usize = 3;
/// Rounds that no honest code has.
const CONVICTING: usize = 5;
/// Most findings of one kind; an image of more is not understood better by more.
const MAX_FINDINGS: usize = 64;
/// Most rounds that are shown one by one.
const MAX_SHOWN: usize = 64;
/// What is shown of the last stage.
const SHOWN_HEAD: usize = 200;

/// One finding of each kind for each file that hides code in its own encoding, whether it is still in the image or
/// a later layer took it away.
pub(super) fn hidden_code(image: &ImageView<'_>, out: &mut Outcome) {
    let residue: HashMap<Place, u32> =
        image.tree.residue().map(|(place, event)| (place, event.place.layer)).collect();
    let mut findings = Vec::new();
    for (layer, number) in image.layers.iter().zip(0..) {
        let mut last = None;
        for (entry, fact) in &layer.facts.facts {
            if !matches!(fact, Fact::Stage(_)) || last.replace(*entry) == Some(*entry) {
                continue;
            }
            let place = Place { layer: number, entry: *entry };
            let stages: Vec<_> = layer
                .facts
                .of(*entry)
                .filter_map(|fact| match fact {
                    Fact::Stage(stage) => Some(stage),
                    _ => None,
                })
                .collect();
            let mut found = [nested(image, place, &stages), shell(image, place, &stages)];
            if let Some(shell) = found.iter_mut().flatten().find(|finding| finding.id == SHELL.id)
                && !is_script(image, out, place)
            {
                context(shell);
            }
            for mut finding in found.into_iter().flatten() {
                if out.reaches(image, place) {
                    finding.reachable = Some(true);
                } else if let Some(layer) = residue.get(&place) {
                    finding = finding.removed_by(*layer as usize);
                }
                if findings.iter().filter(|other: &&Finding| other.id == finding.id).count() < MAX_FINDINGS {
                    findings.push(finding);
                }
            }
        }
    }
    out.findings.append(&mut findings);
}

/// The longest row of rounds of which each is run by the one before.
fn nested(image: &ImageView<'_>, place: Place, stages: &[&StageFacts]) -> Option<Finding> {
    // The depth of each stage, by its number; none where a round on the way is not run. A parent stands before its
    // children.
    let mut depths: HashMap<u16, usize> = HashMap::from([(0, 0)]);
    for stage in stages {
        if let (Some(&depth), Some(_)) = (depths.get(&stage.parent), stage.runner) {
            depths.insert(stage.number, depth + usize::from(decodes(stage)));
        }
    }
    let depth = |stage: &StageFacts| depths.get(&stage.number).copied().unwrap_or(0);
    let deepest = stages.iter().rev().max_by_key(|stage| depth(stage))?;
    let rounds = rounds(stages, deepest);
    if depth(deepest) < DEEP || rounds.iter().all(|stage| stage.runner == Some(Runner::Shell)) {
        return None;
    }
    let why = format!(
        "From line {} on, {} rounds of decoding run each other, each on the text that the one before leaves.",
        deepest.line,
        depth(deepest)
    );
    let mut finding = evidence(image.finding_at(&NESTED, why, place), &rounds);
    if depth(deepest) < CONVICTING {
        finding.severity = Severity::High;
        finding.role = Role::Corroborates;
        explain_if_promised(image, place, &mut finding);
    }
    Some(finding)
}

/// Encoded text that goes into a shell.
fn shell(image: &ImageView<'_>, place: Place, stages: &[&StageFacts]) -> Option<Finding> {
    let encoded = |stage: &&&StageFacts| {
        stage.runner == Some(Runner::Shell) && stage.steps.iter().any(|step| step.kind.is_encoding())
    };
    let all = stages.iter().filter(encoded).count();
    // What is known shows more than what comes from elsewhere.
    let stage =
        stages.iter().filter(encoded).max_by_key(|stage| (stage.len > 0, std::cmp::Reverse(stage.number)))?;
    let mut why = match stage.len {
        0 => format!("Line {} decodes something that is not in the file, and a shell runs it.", stage.line),
        _ => format!("What line {} leads to is decoded and run by a shell.", stage.line),
    };
    if all > 1 {
        why.push_str(&format!(" The file does so {all} times."));
    }
    let finding = image.finding_at(&SHELL, why, place);
    let mut finding = evidence(finding, &rounds(stages, stage));
    if stage.len == 0 {
        // A variable of the environment, or a download: that is how settings travel too.
        context(&mut finding);
    }
    explain_if_promised(image, place, &mut finding);
    Some(finding)
}

/// Whether the round decodes at all, and does not only hand a text on.
fn decodes(stage: &StageFacts) -> bool {
    stage.steps.iter().any(|step| step.kind != StepKind::Text)
}

/// The rounds up to a stage, the first one first.
fn rounds<'a>(stages: &[&'a StageFacts], last: &'a StageFacts) -> Vec<&'a StageFacts> {
    let mut rounds = vec![last];
    let mut parent = last.parent;
    // A parent's number is smaller, so this ends.
    while let Some(stage) = stages.iter().find(|stage| stage.number == parent && parent > 0) {
        rounds.push(stage);
        parent = stage.parent.min(parent.saturating_sub(1));
    }
    rounds.reverse();
    rounds
}

fn evidence(mut finding: Finding, rounds: &[&StageFacts]) -> Finding {
    for stage in rounds.iter().take(MAX_SHOWN) {
        finding = finding.with_evidence("round", &stage.to_string(), None);
    }
    let Some(last) = rounds.last().filter(|last| last.len > 0) else { return finding };
    let head = last.head.get(..last.head.len().min(SHOWN_HEAD)).unwrap_or_default();
    let sha256: String = last.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    finding.with_evidence("decoded sha256", &sha256, None).with_evidence(
        "decoded",
        &model::escape_bytes(head),
        None,
    )
}

/// A file that a package of the image owns and left as it was came from whoever made the package. That can be
/// forged, so it never softens what convicts.
fn explain_if_promised(image: &ImageView<'_>, place: Place, finding: &mut Finding) {
    let Some(entry) = image.tree.entry(place) else { return };
    let (Some(owner), Some(hashes)) = (image.ownership.owner(entry.path), entry.hashes) else { return };
    if agreement(&owner, hashes.md5.as_ref(), hashes.sha1.as_ref(), &hashes.sha256) == Agreement::Agrees {
        context(finding);
        finding.explanation.push_str(" The file is as its package delivered it.");
    }
}

/// Whether the file is there to be run: documents show commands too, and nobody runs them.
fn is_script(image: &ImageView<'_>, out: &Outcome, place: Place) -> bool {
    let Some(entry) = image.tree.entry(place) else { return false };
    let named = super::ENDINGS.iter().any(|ending| entry.path.ends_with(ending));
    let marked =
        || image.facts(place).any(|fact| matches!(fact, Fact::Script(script) if !script.shebang.is_empty()));
    named || entry.mode & 0o111 != 0 || marked() || out.reaches(image, place)
}

fn context(finding: &mut Finding) {
    finding.role = Role::Context;
    finding.severity = finding.severity.min(Severity::Medium);
}
