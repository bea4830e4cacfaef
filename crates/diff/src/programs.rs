use crate::face::{Known, shown};
use crate::files::{self, Delta, Deltas};
use crate::hooks::Hooks;
use crate::library::is_library;
use crate::packages_drift::PackageDrift;
use inspect::Fact;
use inspect::analyzers::hooks::Standing;
use layers::Kind;
use model::{Change, ChangeKind, Severity};
use std::collections::HashMap;

/// What came in that can be run or loaded, by who owns it: what a package brought as it promised is counted with
/// its package, everything else is told one by one.
pub(crate) fn compare(
    old: &Known<'_>,
    new: &Known<'_>,
    deltas: &Deltas,
    hooks: &Hooks,
    packages: &mut PackageDrift<'_>,
    changes: &mut Vec<Change>,
) {
    let mut strange = Vec::new();
    let mut asked = HashMap::new();
    for delta in deltas.list.iter().filter(|delta| delta.content) {
        let program = new.is_program(delta.place);
        let standing = new.standing(&delta.path, delta.place);
        if matches!(standing, Standing::Genuine | Standing::Owned) {
            // A package of another version explains what came with it.
            if packages.take(old, new, delta, program) && (program || hooks.has(delta.place)) {
                changes.extend(unexplained(old, new, delta, standing));
            }
        } else if let Some(change) = hooks.change(old, new, delta, standing) {
            changes.push(change);
        } else if standing == Standing::Changed {
            changes.push(altered_again(old, new, delta, is_run(new, delta, program)));
        } else if packages.folds(&delta.path) {
            packages.take_folded(&delta.path, program, new.reached(delta.place).is_some());
        } else if program {
            let hashes = new.entry(delta.place).filter(|entry| entry.size > 0).and_then(|entry| entry.hashes);
            if delta.before.is_none()
                && let Some(hashes) = hashes
                && !deltas.gone.contains_key(&hashes.sha256)
            {
                asked.insert(hashes.sha256, None);
            }
            strange.push(delta);
        } else if delta.before.is_some() && is_command(&delta.path) {
            changes.extend(redirected(old, new, delta));
        }
    }
    files::find_contents(old, &mut asked);
    changes.extend(strange.into_iter().map(|delta| unowned(old, new, delta, deltas, &asked)));
}

/// A program that no package owns.
fn unowned(
    old: &Known<'_>,
    new: &Known<'_>,
    delta: &Delta,
    deltas: &Deltas,
    asked: &HashMap<[u8; 32], Option<Vec<u8>>>,
) -> Change {
    let reached = new.reached(delta.place).is_some();
    let change = |kind, severity, what: &str| new.change(kind, severity, &delta.path, delta.place, what);
    if let Some(before) = delta.before {
        let before = Some(old.state(&delta.path, before));
        let changed = if reached {
            change(
                ChangeKind::ReachChanged,
                Severity::Medium,
                "The start leads to it, and its content is another.",
            )
        } else {
            change(
                ChangeKind::ProgramChanged,
                Severity::Low,
                "A program that no package owns has other content.",
            )
        };
        return Change { before, ..changed };
    }
    let hashes = new.entry(delta.place).filter(|entry| entry.size > 0).and_then(|entry| entry.hashes);
    let sha256 = hashes.map(|hashes| hashes.sha256);
    if let Some(from) = sha256.and_then(|sha256| deltas.gone.get(&sha256)) {
        let what = "The same content lay elsewhere before.";
        return Change {
            moved_from: Some(shown(from)),
            ..change(ChangeKind::ProgramMoved, Severity::Low, what)
        };
    }
    if let Some(from) = sha256.and_then(|sha256| asked.get(&sha256)?.as_ref()) {
        // Its old path leads to it by a link now.
        if new.face.image.tree.get(from) == Some(delta.place) {
            let what = "Its old path leads to it now.";
            return Change {
                moved_from: Some(shown(from)),
                ..change(ChangeKind::ProgramMoved, Severity::Low, what)
            };
        }
        let what = "It is a copy, under another name, of a program that the old image had.";
        return Change {
            moved_from: Some(shown(from)),
            ..change(ChangeKind::ProgramCopied, Severity::Medium, what)
        };
    }
    let binary = new.face.image.facts(delta.place).any(|fact| matches!(fact, Fact::Program(_)));
    let runs = binary || new.entry(delta.place).is_some_and(|entry| entry.mode & 0o111 != 0);
    let system = is_system_path(&delta.path) && !new.face.image.ownership.is_empty();
    let (severity, what) = match reached {
        true if runs => (Severity::High, "A new program that no package owns, and the start leads to it."),
        true => (Severity::Medium, "A new file that no package owns, and what the start runs loads it."),
        // The distribution's directories hold Python's and others' libraries too.
        false if is_library(&delta.path) && !binary => {
            (Severity::Low, "A new script among the libraries of a language.")
        }
        false if system && !is_library(&delta.path) => {
            (Severity::High, "A new program in a directory of the distribution, and no package owns it.")
        }
        false => (Severity::Medium, "A new program that no package owns."),
    };
    change(ChangeKind::ProgramAdded, severity, what)
}

/// What a package of the same version has and had not. Whoever plants a file and adds it to the list of a package,
/// which takes one line and no digest, does not make it a part of the package.
fn unexplained(old: &Known<'_>, new: &Known<'_>, delta: &Delta, standing: Standing) -> Option<Change> {
    let claimed = old.face.image.ownership.owner(&delta.path).is_some();
    match delta.before {
        None if !claimed => {
            let what =
                "The package that claims it is of the same version as before, and did not claim it then.";
            Some(new.change(ChangeKind::ProgramAdded, Severity::High, &delta.path, delta.place, what))
        }
        Some(_) if standing == Standing::Owned => {
            let what = "It has other content, and the package that owns it is of the same version and promises nothing.";
            Some(altered(old, new, delta, Severity::Medium, what))
        }
        // The old image had dropped it, or the package as a whole promises otherwise, which is told of the package.
        None | Some(_) => None,
    }
}

/// A file that is not what its package promised.
fn altered_again(old: &Known<'_>, new: &Known<'_>, delta: &Delta, run: bool) -> Change {
    let was = delta.before.map(|before| old.standing(&delta.path, before));
    let edited = new.face.image.ownership.owner(&delta.path).is_some_and(|owner| owner.config_file);
    let (severity, what) = match was {
        _ if edited => {
            (Severity::Low, "It differs from what its package brought, which expects people to edit it.")
        }
        _ if !run => {
            let script = new.face.image.facts(delta.place).any(|fact| matches!(fact, Fact::Script(_)));
            (if script { Severity::Medium } else { Severity::Low }, "It is not what its package promised.")
        }
        Some(Standing::Changed) => {
            (Severity::Medium, "It was not what its package promised before, and is something else again.")
        }
        Some(Standing::Genuine) => {
            (Severity::High, "It was what its package promised, and is something else now.")
        }
        _ => (Severity::High, "It is not what its package promised."),
    };
    altered(old, new, delta, severity, what)
}

fn altered(old: &Known<'_>, new: &Known<'_>, delta: &Delta, severity: Severity, what: &str) -> Change {
    Change {
        before: delta.before.map(|before| old.state(&delta.path, before)),
        ..new.change(ChangeKind::OwnedAltered, severity, &delta.path, delta.place, what)
    }
}

/// A link under the name of a command that leads elsewhere than before.
fn redirected(old: &Known<'_>, new: &Known<'_>, delta: &Delta) -> Option<Change> {
    new.entry(delta.place).filter(|entry| entry.kind == Kind::Symlink)?;
    let (target, place) = new.face.image.tree.resolve(&delta.path).ok()?;
    let severity = match new.standing(&target, place) {
        Standing::Genuine | Standing::Owned => Severity::Low,
        Standing::Changed | Standing::Unowned => Severity::Medium,
    };
    let what = format!("The command leads to {} now.", shown(&target));
    Some(Change {
        before: delta.before.map(|before| old.state(&delta.path, before)),
        ..new.change(ChangeKind::ProgramChanged, severity, &delta.path, delta.place, what)
    })
}

/// Whether it matters what the file holds: it is run, or it is a link in the place of what is run.
fn is_run(new: &Known<'_>, delta: &Delta, program: bool) -> bool {
    let link = || new.entry(delta.place).is_some_and(|entry| entry.kind == Kind::Symlink);
    program || (link() && is_system_path(&delta.path))
}

/// Directories that distributions fill, and nobody else should.
fn is_system_path(path: &[u8]) -> bool {
    const DIRECTORIES: [&[u8]; 9] = [
        b"bin/",
        b"sbin/",
        b"lib/",
        b"lib64/",
        b"usr/bin/",
        b"usr/sbin/",
        b"usr/lib/",
        b"usr/lib64/",
        b"usr/libexec/",
    ];
    DIRECTORIES.iter().any(|directory| path.starts_with(directory))
}

/// Whether a shell finds what lies there by its name alone.
fn is_command(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    parts.next();
    matches!(parts.next(), Some(b"bin" | b"sbin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        let check = |path: &str, system, command| {
            assert_eq!(
                (is_system_path(path.as_bytes()), is_command(path.as_bytes())),
                (system, command),
                "{path}"
            );
        };
        check("usr/bin/ls", true, true);
        check("usr/lib/libx.so", true, false);
        check("usr/local/bin/x", false, true);
        check("opt/bin", false, false);
        check("", false, false);
    }
}
