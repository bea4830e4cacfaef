pub(crate) mod builder;
mod hostile;
mod large;
mod machine;
mod miners;
mod stealth;

use super::*;
use crate::analyzers::fixture::Fixture;
use builder::Program;
use model::Role;

/// What the analyzer says of an image: ids with the first letter of their role, sorted.
fn verdicts(image: &Fixture) -> Vec<String> {
    let mut found: Vec<_> = image
        .run(&ElfStructure)
        .findings
        .iter()
        .map(|finding| {
            let role = match finding.role {
                Role::Convicts => "convicts",
                Role::Corroborates => "corroborates",
                Role::Context => "context",
            };
            format!("{} {role}", finding.id)
        })
        .collect();
    found.sort();
    found
}

/// An image that starts this program.
fn started(path: &str, program: &[u8]) -> Fixture {
    let mut image = Fixture::new();
    image.file(path, 0o755, program).start(&[&format!("/{path}")], &[]);
    image
}

/// An image in which the program lies, and that starts another.
fn lying(path: &str, program: &[u8]) -> Fixture {
    let mut image = Fixture::new();
    image.file("app", 0o755, &Program::new().build()).file(path, 0o755, program).start(&["/app"], &[]);
    image
}

fn check(image: &Fixture, expect: &[&str]) {
    assert_eq!(verdicts(image), expect);
}

#[test]
fn every_detection_has_an_id_of_its_own_and_speaks_in_sentences() {
    let mut ids: Vec<_> = detections::ALL.iter().map(|one| one.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    for one in detections::ALL {
        assert!(one.why.ends_with('.') && one.advice.ends_with('.') && !one.title.is_empty(), "{}", one.id);
    }
}
