use super::{Problem, Tree};

/// Which crate may depend on which, in the order of the flow. A crate may depend on `test-support` in its
/// tests beside what stands here. `crates/README.md` shows this table to people and must say the same.
pub(super) const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("source", &["model"]),
    ("layers", &["model"]),
    ("packages", &["model"]),
    ("feeds", &["model"]),
    ("inspect", &["model", "layers", "packages", "feeds"]),
    ("events", &[]),
    ("sandbox", &["events"]),
    ("fakenet", &["events"]),
    ("behavior", &["model", "events"]),
    ("diff", &["model", "layers", "packages", "inspect", "events", "behavior"]),
    ("yara", &["model", "layers", "inspect", "events", "behavior"]),
    ("verdict", &["model"]),
    ("report", &["model"]),
    ("cache", &["model"]),
    ("detonate", &["model", "layers", "events", "sandbox", "fakenet", "behavior", "verdict"]),
    (
        "pipeline",
        &[
            "model", "source", "layers", "packages", "feeds", "inspect", "diff", "yara", "verdict", "cache",
            "detonate",
        ],
    ),
    ("policy", &["model"]),
    ("attest", &["model"]),
    ("access", &["model"]),
    ("store", &["model", "access"]),
    ("registry", &["model", "access", "store"]),
    ("web", &["model", "report"]),
    (
        "gate",
        &[
            "model", "source", "feeds", "report", "web", "cache", "pipeline", "policy", "attest", "access",
            "store", "registry",
        ],
    ),
    (
        "roadstead",
        &[
            "model",
            "source",
            "layers",
            "packages",
            "feeds",
            "inspect",
            "diff",
            "yara",
            "verdict",
            "report",
            "cache",
            "sandbox",
            "pipeline",
            "policy",
            "attest",
            "gate",
            "test-support",
        ],
    ),
    ("test-support", &["model"]),
];

/// Dependencies of others that only some crates may have; the reason is what a person is told.
pub(super) const RESTRICTED: &[(&str, &[&str], &str)] = &[
    (
        "tokio",
        &["fakenet", "store", "registry", "gate"],
        "only who answers many connections at once needs it; reading and judging is bound by the processor",
    ),
    (
        "reqwest",
        &["source", "gate"],
        "only `source` opens connections, and `gate` for what is told to others",
    ),
    ("clap", &["roadstead", "xtask"], "only the command line knows of arguments"),
    ("clap_complete", &["roadstead"], "only the command line knows of arguments"),
    ("clap_mangen", &["roadstead"], "only the command line knows of arguments"),
    ("indicatif", &["roadstead"], "only the command line draws on a terminal"),
    ("ctrlc", &["roadstead"], "only the command line takes signals"),
    ("anyhow", &["roadstead", "xtask"], "libraries name their errors"),
    ("yara-x", &["yara"], "one crate links the rule engine"),
    ("yara-x-parser", &["yara"], "one crate links the rule engine"),
    ("protobuf", &["yara"], "one crate speaks to the rule engine"),
    ("sqlx", &["store"], "one place keeps rows"),
];

/// Where `crates/README.md` does not show this table, or a folder and the table do not agree.
pub(super) fn problems(tree: &Tree) -> Vec<Problem> {
    const README: &str = "crates/README.md";
    let mut problems = Vec::new();
    let Some(text) = tree.text(README) else {
        return vec![Problem::new(README, 0, "is missing; it lists every crate in the order of the flow")];
    };
    let shown: Vec<(usize, String, Vec<String>)> = text
        .lines()
        .enumerate()
        .filter_map(|(at, line)| row(line).map(|(name, allowed)| (at + 1, name, allowed)))
        .collect();
    for (at, (name, allowed)) in LAYERS.iter().enumerate() {
        match shown.get(at) {
            Some((line, found, _)) if found != name => {
                problems.push(Problem::new(
                    README,
                    *line,
                    format!("`{name}` comes here in the order of the flow"),
                ));
                return problems;
            }
            Some((line, _, found)) if found != allowed => {
                let what =
                    format!("`{name}` may depend on {allowed:?} by the table in xtask, not on {found:?}");
                problems.push(Problem::new(README, *line, what));
            }
            Some(_) => {}
            None => problems.push(Problem::new(README, 0, format!("has no row for `{name}`"))),
        }
    }
    for (line, name, _) in shown.iter().skip(LAYERS.len()) {
        problems.push(Problem::new(README, *line, format!("`{name}` is not in the table in xtask")));
    }
    for folder in tree.crates().filter(|folder| folder.starts_with("crates")) {
        let name = folder.file_name().unwrap_or_default();
        if !LAYERS.iter().any(|(known, _)| *known == name) {
            problems.push(Problem::new(folder, 0, "is in no layer; add it to xtask/src/tidy/layering.rs"));
        }
    }
    problems
}

/// Name and allowed dependencies of a row ``| `name` | … | `a` `b` |``.
fn row(line: &str) -> Option<(String, Vec<String>)> {
    let cells: Vec<&str> =
        line.strip_prefix('|')?.trim_end().strip_suffix('|')?.split('|').map(str::trim).collect();
    let name = cells.first()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let last = cells.last()?;
    let allowed = last.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((name, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_depends_on_those_above_it() {
        for (at, (name, allowed)) in LAYERS.iter().enumerate() {
            for dependency in *allowed {
                let above = LAYERS[..at].iter().any(|(known, _)| known == dependency);
                assert!(above || *dependency == "test-support", "{name} on {dependency}");
            }
        }
    }

    #[test]
    fn rows_are_read_and_compared() {
        assert_eq!(row("| `a` | x `y` | `b` `c` |"), Some(("a".into(), vec!["b".into(), "c".into()])));
        assert_eq!(row("| `a` | x | nothing |"), Some(("a".into(), vec![])));
        assert_eq!(row("|---|---|"), None);
        let ticks =
            |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ");
        let rows: Vec<String> = LAYERS
            .iter()
            .map(|(name, allowed)| format!("| `{name}` | takes | {} |", ticks(allowed)))
            .collect();
        assert_eq!(problems(&Tree::of(&[("crates/README.md", &rows.join("\n"))])), []);
        let wrong =
            rows.join("\n").replacen("| `source` | takes | `model` |", "| `source` | takes | `layers` |", 1);
        assert_eq!(problems(&Tree::of(&[("crates/README.md", &wrong)])).len(), 1);
        let swapped = rows.iter().rev().cloned().collect::<Vec<_>>().join("\n");
        assert_eq!(problems(&Tree::of(&[("crates/README.md", &swapped)])).len(), 1);
        let unknown = Tree::of(&[("crates/README.md", &rows.join("\n")), ("crates/new/Cargo.toml", "")]);
        assert_eq!(problems(&unknown).len(), 1);
    }
}
