use super::{Problem, Tree};
use std::path::Path;

const SPECIFICATION: &str = "SPECIFICATION.md";

/// Promises of the specification without a test, or with one that is not in the tree.
pub(super) fn problems(tree: &Tree) -> Vec<Problem> {
    let Some(text) = tree.text(SPECIFICATION) else {
        return vec![Problem::new(SPECIFICATION, 0, "is missing")];
    };
    let mut problems = Vec::new();
    let promises = promises(text);
    if promises.is_empty() {
        problems.push(Problem::new(SPECIFICATION, 0, "promises nothing"));
    }
    for (number, promise) in promises.iter().enumerate() {
        if promise.number != number + 1 {
            let what = format!("promise {} should be number {}", promise.number, number + 1);
            problems.push(Problem::new(SPECIFICATION, promise.line, what));
        }
        if promise.tests.is_empty() {
            let what = format!("promise {} names no test; write Test: `crate::path::name`", promise.number);
            problems.push(Problem::new(SPECIFICATION, promise.line, what));
        }
        for (line, test) in &promise.tests {
            if !exists(tree, test) {
                problems.push(Problem::new(SPECIFICATION, *line, format!("no test is named {test}")));
            }
        }
    }
    problems
}

struct Promise {
    number: usize,
    line: usize,
    tests: Vec<(usize, String)>,
}

/// The numbered paragraphs. A promise is `N. …` at the start of a line, and all names in backquotes that
/// follow `Test:` or `Tests:` in its paragraph are its tests.
fn promises(text: &str) -> Vec<Promise> {
    let mut promises: Vec<Promise> = Vec::new();
    let mut naming = false;
    for (at, line) in text.lines().enumerate() {
        let numbered = line.split_once(". ").and_then(|(number, _)| number.parse().ok());
        if let Some(number) = numbered {
            promises.push(Promise { number, line: at + 1, tests: Vec::new() });
            naming = false;
        }
        let names = match line.find("Test:").or_else(|| line.find("Tests:")) {
            Some(found) => {
                naming = true;
                &line[found..]
            }
            None => line,
        };
        naming &= !line.trim().is_empty();
        if let (true, Some(promise)) = (naming, promises.last_mut()) {
            promise.tests.extend(names.split('`').skip(1).step_by(2).map(|name| (at + 1, name.to_owned())));
        }
    }
    promises
}

/// Whether a test `crate::path::name` is in the tree: a function of this name under a test attribute, or in the
/// `TESTS` of a harness of its own, in a file of that crate whose path has all parts of the path.
fn exists(tree: &Tree, test: &str) -> bool {
    let parts: Vec<&str> = test.split("::").collect();
    let [crate_name, modules @ .., name] = parts.as_slice() else { return false };
    let folders = [Path::new("crates").join(crate_name.replace('_', "-")), Path::new(crate_name).to_owned()];
    let signature = format!("fn {name}(");
    tree.with_extension("rs").any(|file| {
        let Some(inside) = folders.iter().find_map(|folder| file.path.strip_prefix(folder).ok()) else {
            return false;
        };
        let stem = inside.with_extension("");
        let holds =
            |module: &str| module == "tests" || stem.components().any(|part| part.as_os_str() == module);
        modules.iter().all(|module| holds(module))
            && (is_test(&file.text, &signature) || is_listed(&file.text, name))
    })
}

/// Whether a function with this signature stands below a test attribute, other attributes between them.
fn is_test(text: &str, signature: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        line.contains(signature)
            && lines[..at]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("#["))
                .any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
    })
}

/// Whether a list `TESTS`, as harnesses of their own have it, holds a test of this name.
fn is_listed(text: &str, name: &str) -> bool {
    let entry = format!("(\"{name}\",");
    let lists = text.split("const TESTS: &[Test] = &[").skip(1);
    lists.filter_map(|list| list.split("];").next()).any(|list| list.contains(&entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(specification: &str, expect: &[&str]) {
        let rust = "#[cfg(test)]\nmod tests {\n    #[test]\n    #[cfg(unix)]\n    fn it_holds() {}\n    fn no_test() {}\n}\n\
             const TESTS: &[Test] = &[\n    (\"listed\", listed),\n];\nconst OTHERS: &[Test] = &[(\"other\", other)];\n";
        let tree =
            Tree::of(&[(SPECIFICATION, specification), ("crates/test-support/src/image/parts.rs", rust)]);
        let found = problems(&tree);
        assert_eq!(found.len(), expect.len(), "{found:?}");
        for (problem, expect) in found.iter().zip(expect) {
            assert!(problem.what.contains(expect), "{problem}");
        }
    }

    #[test]
    fn a_promise_names_a_test_that_exists() {
        check("1. **A.** B.\n   Test: `test_support::image::parts::tests::it_holds`\n", &[]);
        check("1. **A.** B.\n   Tests: `test_support::it_holds`,\n   `test-support::parts::it_holds`\n", &[]);
        check("1. A `b`.\n", &["names no test"]);
        check("1. A. Test: `test_support::image::gone`\n", &["no test is named"]);
        check("1. A. Test: `test_support::other::it_holds`\n", &["no test is named"]);
        check("1. A. Test: `test_support::parts::listed`\n", &[]);
        check("1. A. Test: `test_support::parts::other`\n", &["no test is named"]);
        check("1. A. Test: `test_support::no_test`\n", &["no test is named"]);
        check("1. A. Test: `it_holds`\n", &["no test is named"]);
        check("2. A. Test: `test_support::it_holds`\n", &["should be number 1"]);
        check("Words.\n", &["promises nothing"]);
    }
}
