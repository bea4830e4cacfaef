use super::tree::TextFile;
use super::{Problem, Tree};
use std::path::{Component, Path, PathBuf};

/// Links of documents that lead to no file or to no heading.
pub(super) fn problems(tree: &Tree) -> Vec<Problem> {
    tree.with_extension("md").flat_map(|file| of_file(tree, file)).collect()
}

fn of_file(tree: &Tree, file: &TextFile) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (line, target) in links(&file.text) {
        if target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let (path, heading) =
            target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
        let to = if path.is_empty() { Some(file.path.clone()) } else { resolve(&file.path, path) };
        let known = to.as_ref().is_some_and(|to| tree.files.iter().any(|known| known.path.starts_with(to)));
        if !known {
            problems.push(Problem::new(&file.path, line, format!("links to {path}, which does not exist")));
        } else if let (Some(heading), Some(text)) = (heading, to.and_then(|to| tree.text(to)))
            && !headings(text).any(|found| found == heading)
        {
            problems.push(Problem::new(
                &file.path,
                line,
                format!("links to #{heading}, which is no heading there"),
            ));
        }
    }
    problems
}

/// Line and target of each `](target)` outside of fenced blocks and code.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (line, content) in outside_fences(text) {
        for (at, _) in content.match_indices("](") {
            let in_code = content[..at].matches('`').count() % 2 == 1;
            if let (false, Some((target, _))) = (in_code, content[at + 2..].split_once(')')) {
                found.push((line, target));
            }
        }
    }
    found
}

/// Headings in the form in which links name them: lower case, dashes for spaces, no punctuation.
fn headings(text: &str) -> impl Iterator<Item = String> {
    outside_fences(text).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((at + 1, line))
    })
}

/// A relative target from the place of its document; none where it leaves the tree.
fn resolve(from: &Path, target: &str) -> Option<PathBuf> {
    let mut path = from.parent()?.to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if path.pop() => {}
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: usize) {
        let tree =
            Tree::of(&[("docs/guide/a.md", text), ("docs/b.md", "# Two words: here\n"), ("README.md", "")]);
        assert_eq!(problems(&tree).len(), expect, "{text}");
    }

    #[test]
    fn links_lead_somewhere() {
        check("[b](../b.md) [up](../../README.md) [folder](../) [web](https://example.org/x)", 0);
        check("[b](../b.md#two-words-here) [here](#own)\n\n# Own\n", 0);
        check("[b](b.md)", 1);
        check("[out](../../../etc/passwd)", 1);
        check("[b](../b.md#three)", 1);
        check("`[b](b.md)`\n```\n[b](b.md)\n```\n", 0);
    }
}
