//! Rules of the house that no compiler checks. Each rule is a function from the tree to its problems.

mod layering;
mod links;
mod manifests;
mod promises;
mod rust_files;
mod tree;
mod words;

pub(crate) use tree::Tree;

use anyhow::{Result, bail};
use std::fmt;
use std::path::{Path, PathBuf};

/// Prints every problem.
///
/// # Errors
/// Where there is a problem, or where the tree cannot be read.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tree = Tree::read(root)?;
    let problems = problems(&tree);
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} things are not tidy", problems.len());
    }
    println!("tidy: {} files", tree.files.len());
    Ok(())
}

/// Every problem of the tree, rule by rule.
fn problems(tree: &Tree) -> Vec<Problem> {
    const RULES: &[fn(&Tree) -> Vec<Problem>] = &[
        layering::problems,
        manifests::problems,
        rust_files::problems,
        words::problems,
        promises::problems,
        links::problems,
        crate::reference::problems,
    ];
    RULES.iter().flat_map(|rule| rule(tree)).collect()
}

/// One place that is not as the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The file, relative to the root.
    pub(crate) path: PathBuf,
    /// Counted from 1; 0 where the file as a whole is meant.
    pub(crate) line: usize,
    /// What is wrong, and what to do instead.
    pub(crate) what: String,
}

impl Problem {
    pub(crate) fn new(path: impl Into<PathBuf>, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.path.display(), self.what),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let tree = Tree::read(crate::root()).unwrap();
        let problems: Vec<String> = problems(&tree).iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}
