use super::layering::{LAYERS, RESTRICTED};
use super::{Problem, Tree};
use std::path::Path;
use toml::{Table, Value};

/// Manifests that depend across the layers, or that say for themselves what the workspace says for all.
pub(super) fn problems(tree: &Tree) -> Vec<Problem> {
    tree.crates().flat_map(|folder| of_crate(tree, folder)).collect()
}

fn of_crate(tree: &Tree, folder: &Path) -> Vec<Problem> {
    let path = folder.join("Cargo.toml");
    let mut problems = Vec::new();
    let mut problem = |what: String| problems.push(Problem::new(&path, 0, what));
    let manifest: Table = match tree.text(&path).unwrap_or_default().parse() {
        Ok(manifest) => manifest,
        Err(error) => {
            problem(format!("is no TOML: {error}"));
            return problems;
        }
    };
    let folder_name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let package = manifest.get("package").and_then(Value::as_table).cloned().unwrap_or_default();
    if package.get("name").and_then(Value::as_str) != Some(&folder_name) {
        problem(format!("the crate is named as its folder: {folder_name}"));
    }
    for key in ["version", "edition", "rust-version", "license", "publish"] {
        if !is_inherited(package.get(key)) {
            problem(format!("{key}.workspace = true is missing: one value holds for all crates"));
        }
    }
    if !manifest.get("lints").is_some_and(|lints| is_inherited(Some(lints))) {
        problem("[lints] workspace = true is missing".to_owned());
    }
    for (section, dependencies) in sections(&manifest) {
        for (name, declared) in dependencies {
            if !is_inherited(Some(declared)) {
                problem(format!(
                    "{name} in [{section}] is declared in the root manifest and used by workspace = true"
                ));
            }
            if let Some(why) = forbidden(&folder_name, &section, name) {
                problem(why);
            }
        }
    }
    problems
}

fn forbidden(folder: &str, section: &str, dependency: &str) -> Option<String> {
    let in_tests = section.ends_with("dev-dependencies");
    if let Some((_, allowed, why)) = RESTRICTED.iter().find(|(name, ..)| *name == dependency) {
        // The tests of a server are its clients.
        let fine = allowed.contains(&folder) || in_tests && dependency == "reqwest";
        return (!fine).then(|| format!("{folder} must not depend on {dependency}: {why}"));
    }
    let place = |name: &str| LAYERS.iter().position(|(known, _)| *known == name);
    let at = place(dependency)?;
    // Tests set up what their crate is given by others: any crate of a lower layer, or who helps all tests.
    let for_tests = dependency == "test-support" || place(folder).is_some_and(|own| at < own);
    if in_tests && for_tests || folder == "xtask" {
        return None;
    }
    let allowed = LAYERS.iter().find(|(name, _)| *name == folder).map_or(&[][..], |(_, allowed)| *allowed);
    (!allowed.contains(&dependency))
        .then(|| format!("{folder} must not depend on {dependency}: it is not in a lower layer"))
}

/// The tables of dependencies of a manifest, those for one target included, with their names.
fn sections(manifest: &Table) -> Vec<(String, &Table)> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let of = |table: &'_ Table, prefix: &str| -> Vec<String> {
        KINDS.iter().filter(|kind| table.contains_key(**kind)).map(|kind| format!("{prefix}{kind}")).collect()
    };
    let mut found = Vec::new();
    for name in of(manifest, "") {
        if let Some(table) = manifest.get(&name).and_then(Value::as_table) {
            found.push((name, table));
        }
    }
    let targets = manifest.get("target").and_then(Value::as_table);
    for (target, value) in targets.into_iter().flatten() {
        for kind in KINDS {
            if let Some(table) = value.get(kind).and_then(Value::as_table) {
                found.push((format!("target.{target}.{kind}"), table));
            }
        }
    }
    found
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(folder: &str, dependencies: &str, expect: &[&str]) {
        let manifest = format!(
            "[package]\nname = \"{folder}\"\nversion.workspace = true\nedition.workspace = true\n\
             rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
             [lints]\nworkspace = true\n{dependencies}"
        );
        let path = format!("crates/{folder}/Cargo.toml");
        let found = problems(&Tree::of(&[(&path, &manifest)]));
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (problem, expect) in found.iter().zip(expect) {
            assert!(problem.what.contains(expect), "{problem}");
        }
    }

    #[test]
    fn a_crate_may_look_down_only() {
        check("inspect", "[dependencies]\nlayers.workspace = true", &[]);
        check("layers", "[dependencies]\ninspect.workspace = true", &["not in a lower layer"]);
        check("layers", "[dev-dependencies]\ntest-support.workspace = true", &[]);
        check("layers", "[dependencies]\ntest-support.workspace = true", &["not in a lower layer"]);
        check(
            "layers",
            "[target.'cfg(unix)'.dependencies]\nreport.workspace = true",
            &["not in a lower layer"],
        );
        check("gate", "[dev-dependencies]\nsandbox.workspace = true", &[]);
        check("gate", "[dependencies]\nsandbox.workspace = true", &["not in a lower layer"]);
        check("layers", "[dev-dependencies]\ninspect.workspace = true", &["not in a lower layer"]);
    }

    #[test]
    fn some_dependencies_have_one_home() {
        check("source", "[dependencies]\nreqwest.workspace = true", &[]);
        check("layers", "[dependencies]\nreqwest.workspace = true", &["only `source`"]);
        check("registry", "[dev-dependencies]\nreqwest.workspace = true", &[]);
        check("source", "[dependencies]\ntokio.workspace = true", &["many connections"]);
        check("model", "[dev-dependencies]\nanyhow.workspace = true", &["libraries name their errors"]);
    }

    #[test]
    fn versions_stand_in_one_place() {
        check("model", "[dependencies]\nserde = \"1\"", &["declared in the root manifest"]);
        let bare = problems(&Tree::of(&[("crates/model/Cargo.toml", "[package]\nname = \"other\"")]));
        assert_eq!(bare.len(), 7, "{bare:?}");
    }
}
