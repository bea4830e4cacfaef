//! How the tests of idioms put a script into an image and say what is expected of it.

use crate::ImageAnalyzer;
use crate::analyzers::fixture::Fixture;
use model::{Finding, Role};

/// Findings in short: the id without `S-`, then `!` where it convicts, `?` where it corroborates; context is left out.
pub(crate) fn counted(findings: &[Finding]) -> Vec<String> {
    let mark = |finding: &Finding| match finding.role {
        Role::Convicts => Some("!"),
        Role::Corroborates => Some("?"),
        Role::Context => None,
    };
    let mut found: Vec<String> = findings
        .iter()
        .filter_map(|finding| Some(format!("{}{}", finding.id.trim_start_matches("S-"), mark(finding)?)))
        .collect();
    found.sort();
    found
}

/// Checks what counts of a script that the image starts.
pub(crate) fn check_started(analyzer: &dyn ImageAnalyzer, script: &str, expect: &[&str]) {
    check_file(analyzer, "entry.sh", &format!("#!/bin/sh\n{script}"), &["/entry.sh"], expect);
}

/// Checks what counts of a file, with the start of the image.
pub(crate) fn check_file(
    analyzer: &dyn ImageAnalyzer,
    path: &str,
    text: &str,
    start: &[&str],
    expect: &[&str],
) {
    let mut image = Fixture::new();
    image.file(path, 0o755, text.as_bytes()).start(start, &[]);
    assert_eq!(counted(&image.run(analyzer).findings), expect, "{path}: {text}");
}

/// Checks what counts of a command line that the image starts.
pub(crate) fn check_command(analyzer: &dyn ImageAnalyzer, words: &[&str], expect: &[&str]) {
    let mut image = Fixture::new();
    image.start(words, &[]);
    assert_eq!(counted(&image.run(analyzer).findings), expect, "{words:?}");
}
