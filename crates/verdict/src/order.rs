use crate::Weight;
use model::{ChainStep, Exception, Finding};
use std::cmp::{Ordering, Reverse};

/// Worst first: what counts most, then severity, class, id and path. The remaining fields only break ties, so
/// that two findings compare equal where they are the same finding and nowhere else.
pub(crate) fn worst_first(a: &Finding, b: &Finding) -> Ordering {
    fn rank(finding: &Finding) -> impl Ord + '_ {
        (
            Reverse(Weight::of(finding)),
            Reverse(finding.severity),
            finding.class,
            finding.id.as_str(),
            finding.path.as_deref(),
            finding.platform.as_str(),
            finding.layer.as_ref().map(|layer| (layer.index, layer.digest, layer.created_by.as_str())),
            (finding.role, finding.stage, finding.reachable),
            (finding.title.as_str(), finding.explanation.as_str(), &finding.techniques),
            (finding.content, finding.axis, finding.exception.as_ref().map(exception)),
        )
    }
    fn exception(exception: &Exception) -> impl Ord + '_ {
        let Exception { finding, sha256, path, image, reason, author, expires } = exception;
        (finding, sha256, path, image, reason, author, expires)
    }
    fn evidence(finding: &Finding) -> impl Iterator<Item = impl Ord + '_> + '_ {
        finding.evidence.iter().map(|piece| (piece.kind.as_str(), piece.value.as_str(), piece.offset))
    }
    rank(a).cmp(&rank(b)).then_with(|| evidence(a).cmp(evidence(b)))
}

/// Orders a chain by its steps and counts them anew from 1. What two platforms share stands once.
pub(crate) fn chain(mut steps: Vec<ChainStep>) -> Vec<ChainStep> {
    steps.sort_by(|a, b| key(a).cmp(&key(b)));
    steps.dedup_by(|a, b| key(a) == key(b));
    for (at, step) in steps.iter_mut().enumerate() {
        step.step = at + 1;
    }
    steps
}

fn key(step: &ChainStep) -> impl Ord + '_ {
    (step.step, step.stage, step.what.as_str(), step.finding.as_deref())
}
