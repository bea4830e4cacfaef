use super::{Problem, Tree};
use std::path::Path;

/// Marks of unfinished work and names of one machine. Each is written in two halves, for this file is read
/// like every other.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("TO", "DO"), "finish it or write it into the changelog's plans"),
    (concat!("FIX", "ME"), "fix it"),
    (concat!("XX", "X"), "say what is meant"),
    (concat!("HA", "CK"), "say why it must be so"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/root/", ".cargo"), "a path of one machine"),
    (concat!("/root/", ".cache"), "a path of one machine"),
    (concat!("the issue", " says"), "the product speaks of itself"),
];

/// Texts with words that no reader should meet.
pub(super) fn problems(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in &tree.files {
        if [Path::new("Cargo.lock"), Path::new("LICENSE")].contains(&file.path.as_path()) {
            continue;
        }
        for (at, line) in file.text.lines().enumerate() {
            for (word, instead) in FORBIDDEN {
                if stands_alone(line, word) {
                    problems.push(Problem::new(&file.path, at + 1, format!("{word:?}: {instead}")));
                }
            }
        }
    }
    problems
}

/// Whether the word is in the line with no letter, digit or underscore on a side where it has one itself.
fn stands_alone(line: &str, word: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let open = !word.starts_with(is_word) || !before.ends_with(is_word);
        let closed = !word.ends_with(is_word) || !after.starts_with(is_word);
        open && closed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_alone() {
        let check =
            |text: &str, expect| assert_eq!(problems(&Tree::of(&[("a.md", text)])).len(), expect, "{text}");
        check(concat!("// TO", "DO: later"), 1);
        check(concat!("(FIX", "ME)"), 1);
        check(concat!("mktemp a.XX", "XXXX"), 0);
        check(concat!("in /wo", "rk/main"), 1);
        check(concat!("target/wo", "rk/main"), 1);
        check("nothing", 0);
    }
}
