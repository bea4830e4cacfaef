use super::tree::TextFile;
use super::{Problem, Tree};
use std::path::Path;

const LONGEST: usize = 600;
/// The one file of the product that reads the environment.
const ENVIRONMENT: &str = "crates/roadstead/src/env_vars.rs";
/// What tests read of it is read here, or in their own `tests` folders.
const TEST_ENVIRONMENT: &str = "crates/test-support/src/peer.rs";

/// Rust files that are too long, badly named or unfinished, and crates without a proper head.
pub(super) fn problems(tree: &Tree) -> Vec<Problem> {
    let files = tree.with_extension("rs").flat_map(of_file);
    let heads = tree.crates().flat_map(|folder| of_head(tree, folder));
    files.chain(heads).collect()
}

fn of_file(file: &TextFile) -> Vec<Problem> {
    let (path, mut problems) = (&file.path, Vec::new());
    let in_tests = path.components().any(|part| part.as_os_str() == "tests");
    let in_product = !in_tests && !path.starts_with("xtask");
    let length = file.text.lines().count();
    if length > LONGEST {
        problems.push(Problem::new(
            path,
            0,
            format!("has {length} lines; {LONGEST} are the most: one idea per file"),
        ));
    }
    let stem = path.file_stem().unwrap_or_default();
    if ["util", "utils", "common", "helper", "helpers", "manager", "misc"].iter().any(|vague| stem == *vague)
    {
        problems.push(Problem::new(path, 0, "has a name that says nothing; name the idea"));
    }
    let in_file_sets =
        ["crates/inspect/src/analyzers", "crates/behavior/src/groups", "crates/fakenet/src/protocols"]
            .iter()
            .any(|folder| path.starts_with(folder));
    let may_be_mod = in_tests || in_file_sets;
    if stem == "mod" && !may_be_mod {
        problems.push(Problem::new(
            path,
            0,
            "only rooms with the same set of files have a mod.rs; write foo.rs beside foo/",
        ));
    }
    for (at, line) in file.text.lines().enumerate() {
        if line.contains(concat!("#[ign", "ore")) {
            problems.push(Problem::new(path, at + 1, "a test runs or is deleted"));
        }
        if path.starts_with("crates/registry/src") && line.contains("analysis") {
            problems.push(Problem::new(
                path,
                at + 1,
                "the scanner's door to content, `store::analysis`, is closed to `registry`: it emits what is released",
            ));
        }
        let reads = line.contains(concat!("env::", "var")) || line.contains(concat!("env::", "vars"));
        if reads
            && in_product
            && ![ENVIRONMENT, TEST_ENVIRONMENT].iter().any(|allowed| path == Path::new(allowed))
        {
            problems.push(Problem::new(
                path,
                at + 1,
                format!("the environment is read in {ENVIRONMENT} alone"),
            ));
        }
    }
    problems
}

fn of_head(tree: &Tree, folder: &Path) -> Vec<Problem> {
    let heads = ["src/lib.rs", "src/main.rs"].map(|name| folder.join(name));
    let Some((path, text)) = heads.iter().find_map(|path| tree.text(path).map(|text| (path, text))) else {
        return vec![Problem::new(folder, 0, "has neither src/lib.rs nor src/main.rs")];
    };
    let mut problems = Vec::new();
    let head: String = text.lines().filter(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    for word in ["Comes in:", "Goes out:", "Never:"] {
        if !head.contains(word) {
            problems.push(Problem::new(
                path,
                0,
                format!("the head of a crate says what it does under `{word}`"),
            ));
        }
    }
    let forbids = text.lines().any(|line| line == "#![forbid(unsafe_code)]");
    if !forbids && folder != Path::new("crates/sandbox") {
        problems.push(Problem::new(
            path,
            0,
            "#![forbid(unsafe_code)] is missing; only sandbox may go without",
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, expect: usize) {
        let found = problems(&Tree::of(&[(path, text)]));
        assert_eq!(found.len(), expect, "{path}: {found:?}");
    }

    #[test]
    fn files_keep_the_rules() {
        check("crates/model/src/digest.rs", "fn a() {}\n", 0);
        check("crates/model/src/long.rs", &"\n".repeat(601), 1);
        check("crates/model/src/utils.rs", "", 1);
        check("crates/model/src/digest/mod.rs", "", 1);
        check("crates/inspect/src/analyzers/hashes/mod.rs", "", 0);
        check("crates/layers/tests/shapes/mod.rs", "", 0);
        check("crates/model/src/digest.rs", concat!("#[ign", "ore = \"slow\"]\n"), 1);
        check("crates/model/src/digest.rs", concat!("std::env::", "var(\"HOME\")\n"), 1);
        check("crates/model/tests/it/main.rs", concat!("std::env::", "var(\"CI\")\n"), 0);
        check("crates/registry/src/serve.rs", "use store::analysis;\n", 1);
        check("crates/gate/src/ingest.rs", "use store::analysis;\n", 0);
        check(ENVIRONMENT, concat!("std::env::", "var(\"HOME\")\n"), 0);
    }

    #[test]
    fn a_crate_says_what_it_is() {
        let manifest = ("crates/model/Cargo.toml", "");
        let head = "//! Words.\n//! Comes in: a. Goes out: b.\n//! Never: c.\n#![forbid(unsafe_code)]\n";
        let of = |text: &str| problems(&Tree::of(&[manifest, ("crates/model/src/lib.rs", text)])).len();
        assert_eq!(of(head), 0);
        assert_eq!(of(&head.replace("#![forbid", "#![deny")), 1);
        assert_eq!(of(&head.replace("Never", "Ever")), 1);
        assert_eq!(problems(&Tree::of(&[manifest])).len(), 1);
    }
}
