use super::super::detections::{HIDDEN, POLYGLOT, WINDOWS};
use super::super::{Disguise, Structure, disguise};
use super::{Conclusion, Subject};
use crate::analyzers::program::ProgramFacts;
use crate::analyzers::start;
use crate::{ImageView, Outcome};
use model::{Role, Severity};

pub(super) fn look(image: &ImageView<'_>, subject: &Subject<'_>, conclusions: &mut Vec<Conclusion>) {
    conclusions.extend(polyglot(image, subject));
    conclusions.extend(hidden(image, subject));
}

/// Files that are shown or read by name, and run by content.
fn polyglot(image: &ImageView<'_>, subject: &Subject<'_>) -> Option<Conclusion> {
    let program = matches!(subject.program, Some(ProgramFacts::Elf(_)));
    let shown = disguise::is_shown(&subject.path);
    let (what, offset) = match subject.structure {
        Some(Structure::Disguised(Disguise::Tar)) => ("an archive of files", None),
        Some(Structure::Disguised(Disguise::Gzip)) => ("compressed data", None),
        Some(Structure::Disguised(Disguise::Program(at))) => {
            ("a picture, and behind it a program", Some(*at))
        }
        _ if program && (shown || disguise::is_text(&subject.path)) => ("a program", None),
        _ if subject.script && shown => ("a script", None),
        _ => return None,
    };
    let mut conclusion = Conclusion::of(&POLYGLOT, format!("By its name it is shown or read; it is {what}."));
    conclusion.evidence.extend(offset.map(|at| ("string", "\\x7fELF".to_owned(), Some(at))));
    // Test data of programs that read such files is full of this.
    let quiet = !subject.reached && (is_test_data(&subject.path) || subject.is_promised(image));
    Some(if quiet { conclusion.context() } else { conclusion })
}

fn is_test_data(path: &[u8]) -> bool {
    let directories =
        [b"test".as_slice(), b"tests", b"testdata", b"testing", b"fixtures", b"samples", b"examples"];
    path.split(|&byte| byte == b'/').any(|component| directories.contains(&component))
}

/// Programs where nobody looks. What the start leads to is told by the analyzer of the start, and one trick is one
/// finding.
fn hidden(image: &ImageView<'_>, subject: &Subject<'_>) -> Option<Conclusion> {
    let Some(ProgramFacts::Elf(program)) = subject.program else { return None };
    if subject.reached || !subject.executable || program.kind == 1 || subject.is_library() {
        return None;
    }
    let reason = start::hiding(&subject.path, false)?;
    // Where distributions keep what debuggers read, named after the build of the program.
    if subject.path.split(|&byte| byte == b'/').any(|component| component == b".build-id")
        || image.ownership.owner(&subject.path).is_some()
    {
        return None;
    }
    let conclusion = Conclusion::of(&HIDDEN, format!("It lies {reason}, and no package owns it."));
    let deceptive = subject.path.split(|&byte| byte == b'/').any(start::is_deceptive);
    let system = SYSTEM.iter().any(|directory| subject.path.starts_with(directory.as_bytes()));
    // Builds leave programs in /tmp and tools keep them in hidden directories of their own.
    Some(if deceptive || system {
        conclusion
    } else {
        conclusion.weakened(Role::Corroborates, Severity::Low)
    })
}

/// Directories in which packages alone put programs, and one in which nobody does.
const SYSTEM: [&str; 9] =
    ["bin/", "dev/", "etc/", "lib/", "lib64/", "sbin/", "usr/bin/", "usr/sbin/", "usr/lib/"];

/// Paths that one finding names.
const MAX_PATHS: usize = 20;

/// One finding for all programs for Windows.
pub(super) fn windows(image: &ImageView<'_>, subjects: &[Subject<'_>], out: &mut Outcome) {
    if image.platform.os != "linux" {
        return;
    }
    let found: Vec<_> = subjects
        .iter()
        .filter(|one| one.removed_by.is_none() && matches!(one.structure, Some(Structure::Windows)))
        .filter(|one| !is_launcher(&one.path) && image.ownership.owner(&one.path).is_none())
        .collect();
    let Some(first) = found.first() else { return };
    let why = match found.len() {
        1 => "It is a program for Windows, which this image cannot run.".to_owned(),
        count => format!("It and {} more programs are for Windows; this image cannot run them.", count - 1),
    };
    let mut finding = image.finding_at(&WINDOWS, why, first.place);
    for one in found.iter().take(MAX_PATHS) {
        finding = finding.with_evidence("path", &format!("/{}", String::from_utf8_lossy(&one.path)), None);
    }
    out.findings.push(finding);
}

/// The launchers that Python's installers keep for building packages for Windows.
fn is_launcher(path: &[u8]) -> bool {
    let inside = |directory: &[u8]| path.split(|&byte| byte == b'/').any(|component| component == directory);
    path.ends_with(b".exe") && (inside(b"distlib") || inside(b"setuptools") || inside(b"command"))
}
