use model::{Change, Comparison, PackageChange, Severity};
use std::cmp::Ordering;

/// Worst first; of one severity, by layer, then by kind and path.
pub fn put_in_order(changes: &mut Vec<Change>) {
    changes.sort_by(order);
    changes.dedup();
}

pub(crate) fn order(one: &Change, other: &Change) -> Ordering {
    let layer = |change: &Change| change.layer.as_ref().map(|layer| layer.index);
    other
        .severity
        .cmp(&one.severity)
        .then_with(|| one.platform.cmp(&other.platform))
        .then_with(|| layer(one).cmp(&layer(other)))
        .then_with(|| one.kind.cmp(&other.kind))
        .then_with(|| one.path.cmp(&other.path))
        .then_with(|| one.name.cmp(&other.name))
        .then_with(|| one.what.cmp(&other.what))
}

/// What came in, in one sentence.
pub fn sentence(comparison: &Comparison) -> String {
    let count = |severity| comparison.counting().filter(|change| change.severity == severity).count() as u64;
    let counts: Vec<String> = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low]
        .into_iter()
        .map(|severity| (count(severity), severity.name()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{} {name}", model::thousands(count)))
        .collect();
    let mut parts = Vec::new();
    match comparison.counting().next() {
        Some(worst) => {
            let place = worst.path.as_deref().or(worst.name.as_deref()).unwrap_or("the image");
            let what = worst.kind.name();
            parts.push(format!("Changes: {}; the first to look at is {what} {place}", counts.join(", ")));
        }
        None => parts.push("Nothing came in that the old image could not do".to_owned()),
    }
    let accepted = comparison.changes.len() - comparison.counting().count();
    if accepted > 0 {
        parts.push(format!("{} accepted", model::thousands(accepted as u64)));
    }
    if let Some(packages) = packages(&comparison.packages) {
        parts.push(packages);
    }
    if !comparison.gaps.is_empty() {
        parts.push("not everything was compared".to_owned());
    }
    format!("{}.", parts.join("; "))
}

fn packages(all: &[PackageChange]) -> Option<String> {
    let count =
        |which: fn(&PackageChange) -> bool| all.iter().filter(|package| which(package)).count() as u64;
    let counts = [
        (count(|package| package.before.is_none()), "came"),
        (count(|package| package.before.is_some() && package.after.is_some()), "of another version"),
        (count(|package| package.after.is_none()), "gone"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", model::thousands(count)))
        .collect();
    (!counts.is_empty()).then(|| format!("packages: {}", counts.join(", ")))
}
