use crate::face::Known;
use inspect::analyzers::hooks::Standing;
use model::{Change, ChangeKind, Severity};
use std::collections::HashSet;

/// Most new steps of the start that are told one by one.
const MAX_STEPS: usize = 2_000;

/// What the start newly leads to, though it was there before or a package brought it: the start itself changed.
pub(crate) fn compare(old: &Known<'_>, new: &Known<'_>, changes: &mut Vec<Change>) {
    let certain = |known: &Known<'_>| -> (HashSet<Vec<u8>>, HashSet<[u8; 32]>) {
        let steps = known.face.chain.iter().filter(|step| step.certain);
        let hash = |place| known.entry(place)?.hashes.map(|hashes| hashes.sha256);
        let contents = steps.clone().filter_map(|step| hash(step.place)).collect();
        (steps.map(|step| step.path.clone()).collect(), contents)
    };
    let (paths, contents) = certain(old);
    let told: HashSet<String> = changes.iter().filter_map(|change| change.path.clone()).collect();
    let mut seen = HashSet::new();
    for step in new.face.chain.iter().filter(|step| step.certain) {
        let hashes = new.entry(step.place).and_then(|entry| entry.hashes);
        if paths.contains(&step.path)
            || hashes.is_some_and(|hashes| contents.contains(&hashes.sha256))
            || told.contains(&crate::face::shown(&step.path))
            || !seen.insert(&step.path)
        {
            continue;
        }
        if seen.len() > MAX_STEPS {
            break;
        }
        let (severity, what) = match new.standing(&step.path, step.place) {
            Standing::Genuine | Standing::Owned => {
                (Severity::Low, "The start leads to it now; a package owns it.")
            }
            Standing::Changed | Standing::Unowned => {
                (Severity::Medium, "The start leads to it now, and no package vouches for it.")
            }
        };
        changes.push(new.change(ChangeKind::ReachAdded, severity, &step.path, step.place, what));
    }
}
