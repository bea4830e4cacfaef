use crate::face::Known;
use crate::files::Deltas;
use inspect::analyzers::hooks::Standing;
use layers::Kind;
use model::{Change, ChangeKind, Severity};

const SETUID: u32 = 0o4000;
const SETGID: u32 = 0o2000;

/// Programs that take their owner's or their group's rights, or capabilities, and did not before. Packages promise
/// content and no modes, so who owns the file lowers the severity and does not silence it.
pub(crate) fn compare(old: &Known<'_>, new: &Known<'_>, deltas: &Deltas, changes: &mut Vec<Change>) {
    for delta in &deltas.list {
        let Some(now) = new.entry(delta.place).filter(|entry| entry.kind == Kind::File) else { continue };
        let then = delta.before.and_then(|before| old.entry(before)).map_or(0, |entry| entry.mode);
        let gained = now.mode & !then;
        let capability = new.capability(delta.place);
        let capable =
            capability.is_some() && capability != delta.before.and_then(|before| old.capability(before));
        // Without a bit to be run, setuid and setgid give nothing.
        let runs = now.mode & 0o111 != 0;
        let gains: Vec<&str> = [
            (runs && gained & SETUID != 0, "its owner's rights (setuid)"),
            (runs && gained & SETGID != 0, "its group's rights (setgid)"),
            (capable, "capabilities"),
        ]
        .into_iter()
        .filter_map(|(holds, what)| holds.then_some(what))
        .collect();
        if gains.is_empty() {
            continue;
        }
        let severity = match new.standing(&delta.path, delta.place) {
            Standing::Genuine if delta.content => Severity::Medium,
            // The package brought the file, and somebody else the right.
            Standing::Genuine | Standing::Owned | Standing::Changed | Standing::Unowned => Severity::High,
        };
        let what = format!("Whoever runs it gains {}.", gains.join(" and "));
        changes.push(Change {
            before: delta.before.map(|before| old.state(&delta.path, before)),
            ..new.change(ChangeKind::RightsGained, severity, &delta.path, delta.place, what)
        });
    }
}
