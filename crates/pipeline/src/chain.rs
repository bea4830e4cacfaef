use crate::captures::Origins;
use inspect::Reached;
use model::{ChainStep, Finding, Role, Stage};
use serde::{Deserialize, Serialize};

/// A file that the start of an image leads to, with what the chain says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    path: Vec<u8>,
    layer: u32,
    how: String,
    from: Option<usize>,
    certain: bool,
}

/// What the start of each platform leads to, as the chain tells it.
pub(crate) fn ways(reached: &[(String, Vec<Reached>)]) -> Vec<(String, Vec<Way>)> {
    let way = |reached: &Reached| Way {
        path: reached.path.clone(),
        layer: reached.place.layer,
        how: reached.how.clone(),
        from: reached.from,
        certain: reached.certain,
    };
    reached.iter().map(|(platform, all)| (platform.clone(), all.iter().map(way).collect())).collect()
}

/// The way from the start of the image to the worst that was found, step by step. Where the worst is not on
/// any way that was found, the chain names it alone; where nothing counts, there is none.
pub(crate) fn headline(
    reached: &[(String, Vec<Way>)],
    findings: &[Finding],
    origins: &Origins,
) -> Vec<ChainStep> {
    let mut best: Option<(&Finding, Vec<&Way>)> = None;
    let counts = |finding: &&Finding| finding.role != Role::Context && finding.exception.is_none();
    for finding in findings.iter().filter(counts) {
        let way = match origins.of(finding) {
            Some(_) => start(reached, finding),
            None => way_to(reached, finding),
        };
        let better = best.as_ref().is_none_or(|(worst, known)| {
            let weigh = |finding: &Finding, way: &[&Way]| {
                // A way that something certainly takes says more than one that hangs on a daemon; and of two ends that
                // are equally bad, the one farther along the way shows more of it.
                let certain = way.first().map(|reached| reached.certain);
                // What a content is says more than that a content is something.
                let is_content = origins.of(finding).is_some() && finding.stage == Stage::Static;
                let reachable = finding.reachable != Some(false);
                (finding.role, certain, reachable, finding.severity, is_content, way.len())
            };
            (weigh(finding, &way), &worst.id, &worst.path) > (weigh(worst, known), &finding.id, &finding.path)
        });
        if better {
            best = Some((finding, way));
        }
    }
    let Some((finding, way)) = best else { return Vec::new() };
    let mut steps: Vec<ChainStep> = way
        .iter()
        .map(|reached| {
            let path = model::escape_bytes(&reached.path);
            let layer = reached.layer;
            let what = format!("{} → /{path} (layer {layer})", model::escape_text(&reached.how));
            (Stage::Static, what, None)
        })
        .chain(origins.of(finding).map(|origin| (Stage::Dynamic, origin.to_owned(), None)))
        .chain([(finding.stage, end(finding), Some(finding.id.clone()))])
        .enumerate()
        .map(|(at, (stage, what, finding))| ChainStep { step: at + 1, stage, what, finding })
        .collect();
    steps.truncate(64);
    steps
}

fn end(finding: &Finding) -> String {
    let place = match (&finding.path, &finding.layer) {
        (Some(path), Some(layer)) => format!("{path} in layer {}: ", layer.index),
        (Some(path), None) => format!("{path}: "),
        (None, Some(layer)) => format!("layer {}: ", layer.index),
        (None, None) => String::new(),
    };
    format!("{place}{}", finding.title)
}

/// The files from the start to the one that the finding is about, the start first.
fn way_to<'r>(reached: &'r [(String, Vec<Way>)], finding: &Finding) -> Vec<&'r Way> {
    let Some(path) = &finding.path else { return Vec::new() };
    let Some((_, all)) = reached.iter().find(|(platform, _)| *platform == finding.platform) else {
        return Vec::new();
    };
    let is_it = |reached: &&Way| format!("/{}", model::escape_bytes(&reached.path)) == *path;
    let mut way = Vec::new();
    let mut at = all.iter().find(is_it);
    // Each step leads to an earlier one of the list, so this ends; the bound holds should that ever change.
    while let Some(step) = at
        && way.len() < all.len()
    {
        way.push(step);
        at = step.from.and_then(|from| all.get(from));
    }
    way.reverse();
    way
}

/// The first file that the start leads to: where content that appeared in a run comes from in the end.
fn start<'r>(reached: &'r [(String, Vec<Way>)], finding: &Finding) -> Vec<&'r Way> {
    let all = reached.iter().find(|(platform, _)| *platform == finding.platform).map(|(_, all)| all);
    all.and_then(|all| all.iter().find(|way| way.certain && way.from.is_none())).into_iter().collect()
}
