use crate::face::{Face, Known};
use crate::packages_drift::PackageDrift;
use crate::{files, findings, hooks, hosts, layer_drift, programs, reach, rights, settings};
use model::{Change, Gap, PackageChange, PlatformChanges};

/// What changed on one platform.
#[derive(Debug)]
pub struct Drift {
    /// The changes, in no order.
    pub changes: Vec<Change>,
    /// Packages that came, went or have another version.
    pub packages: Vec<PackageChange>,
    /// How much changed at all.
    pub totals: PlatformChanges,
    /// What was not compared.
    pub gaps: Vec<Gap>,
}

/// Most changes of one platform that are told one by one.
const MAX_CHANGES: usize = 20_000;

/// Compares one platform of two images.
pub fn compare(old: Face<'_>, new: Face<'_>) -> Drift {
    let (old, new) = (&Known::new(old), &Known::new(new));
    let platform = new.face.image.platform.to_string();
    let mut totals = layer_drift::of(old, new, &platform);
    let shared = u32::try_from(totals.layers_shared).unwrap_or(u32::MAX);
    let mut packages = PackageDrift::new(old, new);
    let deltas = files::compare(old, new, shared, &mut |is_new, path| packages.see(is_new, path));
    files::count(&deltas, new, &mut totals);
    let mut gaps = Vec::new();
    let hooks = hooks::Hooks::new(new, &mut gaps);
    let mut changes = Vec::new();
    programs::compare(old, new, &deltas, &hooks, &mut packages, &mut changes);
    rights::compare(old, new, &deltas, &mut changes);
    hosts::compare(old, new, &deltas, &hooks, &packages, &mut changes, &mut gaps);
    packages.rewritten(new, &mut changes);
    packages.added(&platform, &mut changes);
    reach::compare(old, new, &mut changes);
    settings::compare(&old.face.image.config.config, &new.face.image.config.config, &platform, &mut changes);
    findings::compare(old.face.findings, new.face.findings, &mut changes);
    layer_drift::tell(new, &totals, &mut changes);
    if changes.len() > MAX_CHANGES {
        changes.sort_by(crate::summary::order);
        let more = model::thousands((changes.len() - MAX_CHANGES) as u64);
        changes.truncate(MAX_CHANGES);
        gaps.push(Gap::new(&platform, format!("{more} more changes are not listed; the worst are")));
    }
    Drift { changes, packages: packages.rows(&platform), totals, gaps }
}
