//! Documents in the documentation are read by those who would read them: the program itself, or a parser of their language.

use crate::blocks::{Block, Marker};
use crate::session::Session;
use crate::{shell, yaml};
use serde_json::Value;

/// Checks a block that is no command. What no reader is known for is an error.
pub(crate) fn check(block: &Block, session: &Session) -> Result<(), String> {
    let name = match &block.marker {
        Marker::File { name } => name.as_str(),
        Marker::None | Marker::Printed => "",
        other => return Err(format!("{other:?} is for commands")),
    };
    match block.language.as_str() {
        "toml" => toml(block, name, session),
        "json" => serde_json::from_str::<Value>(&block.text).map(|_| ()).map_err(|error| error.to_string()),
        "yaml" => yaml(block),
        // Rules of content, as people write them; their own page has them compiled below.
        "yara" => accepted(session, &["rules", "list", "--rules"], "block.yar", &block.text, &[]),
        "text" | "ini" | "dockerfile" => Ok(()),
        other => Err(format!("nobody reads blocks in {other:?} here; teach the test to")),
    }
}

fn toml(block: &Block, name: &str, session: &Session) -> Result<(), String> {
    let read: toml::Table = block.text.parse().map_err(|error| format!("is no TOML: {error}"))?;
    let is = |end: &str| name.ends_with(end);
    if is("gate.toml") {
        accepted(session, &["serve", "--check-config", "--config"], "gate.toml", &block.text, &[])
    } else if is("policy.toml") || read.contains_key("rule") {
        accepted(session, &["policy", "lint"], "policy.toml", &block.text, &[])
    } else if read.contains_key("accept") {
        let images = ["--quiet", "--no-cache", "dir:empty", "dir:empty"];
        accepted(session, &["diff", "--baseline"], "baseline.toml", &block.text, &images)
    } else if read.contains_key("exception") {
        let image = ["--quiet", "--no-cache", "dir:empty"];
        accepted(session, &["scan", "--exceptions"], "exceptions.toml", &block.text, &image)
    } else {
        Ok(())
    }
}

/// Whether the program takes a file. What it then says of an image is another matter.
fn accepted(
    session: &Session,
    before: &[&str],
    name: &str,
    text: &str,
    after: &[&str],
) -> Result<(), String> {
    let (code, said) = session.on_a_file(before, name, text, after);
    let is_fine = match before {
        // A piece of a policy has no tests of its own.
        ["policy", ..] => code == 0 || said.lines().all(|line| line.contains("it has no tests")),
        _ => code >= 0 && code != 2,
    };
    is_fine.then_some(()).ok_or(format!("roadstead {} leaves with {code}: {said}", before.join(" ")))
}

/// YAML is parsed, and the scripts in it are read as the blocks of commands are.
fn yaml(block: &Block) -> Result<(), String> {
    for document in yaml::read(&block.text)? {
        for script in scripts(&document) {
            for command in shell::commands(&script) {
                crate::commands::is_possible(&command)?;
            }
        }
    }
    Ok(())
}

/// What a CI runs: the texts under `run`, `script` and their like.
fn scripts(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if ["run", "script", "before_script", "after_script"].contains(&name.as_str()) {
                    let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                    found.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned));
                }
                found.extend(scripts(value));
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(scripts)),
        _ => {}
    }
    found
}

#[test]
fn scripts_of_a_ci_are_found() {
    let text = "jobs:\n  a:\n    steps:\n      - run: roadstead scan x\n      - run: |\n          a\n          b\nb:\n  script: [c, d]\n";
    let documents = yaml::read(text).unwrap();
    let mut found = scripts(&documents[0]);
    found.sort();
    assert_eq!(found, ["a\nb\n", "c", "d", "roadstead scan x"]);
}
