use super::subject::{Subject, Subjects};
use super::{Control, Step, Why};
use layers::Kind;
use model::Finding;

/// G4: the file is documentation, or belongs to tests. Manuals quote attacks and test suites contain them.
///
/// A folder's name is the attacker's to choose, so the name excuses neither a file that the start leads to, nor
/// one that takes its owner's rights, nor a program: documentation is read.
pub(super) fn is_documentation(all: &Subjects<'_, '_>, subject: &Subject<'_>, _: &Finding) -> Option<Why> {
    let of_tests = test_folder(&subject.path);
    let folder = documentation(&subject.path).or(of_tests)?;
    // Tests are scripts, and often may be run; a page of a manual may not.
    let harmless = if of_tests.is_some() {
        !subject.reached
            && subject.entry.kind == Kind::File
            && subject.entry.mode & 0o6000 == 0
            && !(subject.entry.mode & 0o111 != 0 && is_binary(all, subject))
    } else {
        all.is_data(subject)
    };
    harmless.then(|| Why {
        control: Control::Documentation,
        step: Step::ToContext,
        because: format!("/{}", model::escape_bytes(folder)),
    })
}

fn is_binary(all: &Subjects<'_, '_>, subject: &Subject<'_>) -> bool {
    all.image.facts(subject.place).any(|fact| matches!(fact, crate::Fact::Program(_)))
}

/// The part of a path that makes it documentation: a folder of manuals, or a page by its name.
fn documentation(path: &[u8]) -> Option<&[u8]> {
    const SYSTEM: [&[u8]; 8] = [
        b"usr/share/doc/",
        b"usr/share/man/",
        b"usr/share/info/",
        b"usr/share/licenses/",
        b"usr/share/gtk-doc/",
        b"usr/local/share/doc/",
        b"usr/local/share/man/",
        b"usr/doc/",
    ];
    const FOLDERS: [&[u8]; 4] = [b"doc", b"docs", b"man", b"javadoc"];
    const PAGES: [&[u8]; 5] = [b".md", b".rst", b".adoc", b".markdown", b".mdx"];
    const NAMES: [&[u8]; 5] = [b"README", b"CHANGELOG", b"CHANGES", b"NEWS", b"LICENSE"];
    if let Some(folder) = SYSTEM.iter().find(|folder| path.starts_with(folder)) {
        return path.get(..folder.len().saturating_sub(1));
    }
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let is_page = PAGES.iter().any(|ending| name.ends_with(ending))
        || NAMES.iter().any(|page| {
            let rest = name.strip_prefix(*page);
            rest.is_some_and(|rest| matches!(rest, b"" | b".txt" | b".html"))
        });
    if is_page { Some(path) } else { inner_folder(path, &FOLDERS) }
}

/// The path up to the folder that makes it a test's.
fn test_folder(path: &[u8]) -> Option<&[u8]> {
    inner_folder(path, &[b"test", b"tests", b"testdata", b"__tests__", b"testing", b"spec"])
}

/// The path up to a folder of one of these names that lies within another: documentation and tests are some
/// software's, and a folder at the root is nobody's.
fn inner_folder<'p>(path: &'p [u8], names: &[&[u8]]) -> Option<&'p [u8]> {
    let mut start = 0;
    for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        if start > 0 && path.get(start..at).is_some_and(|folder| names.contains(&folder)) {
            return path.get(..at);
        }
        start = at + 1;
    }
    None
}
