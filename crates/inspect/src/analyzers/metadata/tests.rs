use super::*;
use crate::analyzers::fixture::Fixture;

/// Entries of the history that made a layer, as (instruction, comment).
fn check(steps: &[(&str, &str)], expect: &[&str]) {
    let mut image = Fixture::new();
    image.config.history = steps
        .iter()
        .map(|(by, comment)| History {
            created_by: (*by).to_owned(),
            comment: (*comment).to_owned(),
            ..History::default()
        })
        .collect();
    assert_eq!(image.ids(&Metadata), expect, "{steps:?}");
}

const BASE: (&str, &str) = ("/bin/sh -c #(nop) ADD file:0123 in / ", "");

#[test]
fn layers_that_were_committed_explain() {
    for by in ["", "bash", "/bin/bash", "/bin/sh", "bash -l", "  "] {
        check(&[BASE, (by, "")], &["S-META-COMMIT"]);
    }
    check(&[BASE, ("bash", ""), ("sh", "")], &["S-META-COMMIT"]);
    assert_eq!(COMMIT.role, Role::Context);
}

#[test]
fn builds_and_other_builders_are_not_told() {
    check(&[], &[]);
    check(&[BASE, ("RUN /bin/sh -c make # buildkit", "buildkit.dockerfile.v0")], &[]);
    check(&[BASE, ("/bin/sh -c make", "")], &[]);
    check(&[BASE, ("", "merge sha256:00 to sha256:11")], &[]);
    // Buildpacks, Nix and jib write nothing, or themselves.
    check(&[("", ""), ("", "")], &[]);
    check(&[("bazel build ...", ""), ("jib-maven-plugin:3.4", "classes")], &[]);
    let long = "bash ".repeat(100_000);
    check(&[BASE, (&long, "")], &[]);
}

#[test]
fn entries_without_a_layer_are_no_commits() {
    let mut image = Fixture::new();
    let step =
        |by: &str, empty_layer| History { created_by: by.to_owned(), empty_layer, ..History::default() };
    image.config.history = vec![step(BASE.0, false), step("bash", true)];
    assert_eq!(image.ids(&Metadata), [""; 0]);
    image.config.history.push(step("bash", false));
    let found = image.run(&Metadata).findings;
    assert!(found[0].explanation.contains("layer 1"), "{found:?}");
}
