use crate::variables::{Type, VARIABLES};
use std::fmt::Write as _;

/// What conditions can use, as a table in Markdown, written from what the checker knows.
pub fn reference() -> String {
    let mut text = String::from(
        "# Policy: what conditions can use\n\nWritten by `cargo xtask reference` from the program.\n\n\
         | variable | type | what it is |\n|---|---|---|\n",
    );
    for variable in VARIABLES.iter() {
        let _ = writeln!(text, "| `{}` | {} | {} |", variable.name, kind(&variable.kind), variable.what);
    }
    for variable in VARIABLES.iter() {
        let Type::List(of, _) = &variable.kind else { continue };
        let Type::Record(fields) = &**of else { continue };
        let _ =
            write!(text, "\n## One of `{}`\n\n| field | type | what it is |\n|---|---|---|\n", variable.name);
        for field in *fields {
            let _ = writeln!(text, "| `{}` | {} | {} |", field.name, kind(&field.kind), field.what);
        }
    }
    text.push_str(
        "\n## Operators and functions\n\n\
         | written | for |\n|---|---|\n\
         | `&&` `\\|\\|` `!` `? :` | booleans |\n\
         | `==` `!=` | two booleans, numbers or texts |\n\
         | `<` `<=` `>` `>=` `+` `-` `*` `/` `%` | numbers |\n\
         | `in` | a text in a list, a name in `labels` |\n\
         | `labels['name']` | a label; ask `'name' in labels` before, as a label that is not there denies |\n\
         | `size(x)` | a text, a list, `labels` |\n\
         | `a.contains(b)` `a.startsWith(b)` `a.endsWith(b)` | texts |\n\
         | `a.matches('…')` | a text and a regular expression, which is a literal of up to 200 characters |\n\
         | `l.exists(x, …)` `l.all(x, …)` `l.exists_one(x, …)` | whether one, all, or exactly one of a list |\n\
         | `l.filter(x, …)` `l.map(x, …)` | a list of those that hold, a list made of each |\n\n\
         There is nothing else: no time, no randomness, no call to anywhere. A name that is not here is an error when the \
         policy is read.\n",
    );
    text.push_str(FLOOR);
    text.push_str(DATA);
    text
}

/// What no rule can do.
const FLOOR: &str = "\n## The floor\n\n\
    An image whose verdict is `malicious` is released by no rule: where one would allow it, it is denied under the name \
    `malicious`, and where one holds it, approvals do not release it. It takes exceptions that cover all that counts, and what \
    convicts by its content. Each has a reason, a last day and two persons, also where the policy says \
    `two-persons = false`, and names no rule or the rule `malicious`:\n\n\
    ```toml\n\
    [[exception]]\n\
    id = \"the-sample-of-our-course\"\n\
    rule = \"malicious\"\n\
    content = \"sha256:abababababababababababababababababababababababababababababababab\"\n\
    reason = \"a sample that the course on forensics looks at\"\n\
    created-by = \"user:alice\"\n\
    approved-by = \"user:bob\"\n\
    expires = 2026-12-31\n\
    ```\n\n\
    A gate is given them by its administration (`/api/v1/exceptions`), tests of a policy write them so.\n";

/// What has nothing to run.
const DATA: &str = "\n## Images of data\n\n\
    An image that names no program to start has `starts` false. Where nothing of it was run either, the built-in policy holds \
    what has to be run by the rule `nothing-to-run`. One line lets such images of some repositories in, when they pass all \
    other rules:\n\n\
    ```toml\n\
    schema = \"roadstead.policy/v1\"\n\
    extends = \"default\"\n\
    data-images = [\"docker.io/team/models\", \"ghcr.io/team/*\"]\n\
    ```\n\n\
    An image of such a repository that names a program is run as any other.\n";

fn kind(kind: &Type) -> String {
    match kind {
        Type::Bool => "boolean".to_owned(),
        Type::Int => "number".to_owned(),
        Type::Text => "text".to_owned(),
        Type::List(of, most) => format!("list of {}, up to {most}", plural(of)),
        Type::Map(most) => format!("texts by name, up to {most}"),
        Type::Record(_) => "record".to_owned(),
        Type::Nothing => "nothing".to_owned(),
    }
}

fn plural(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "booleans",
        Type::Int => "numbers",
        Type::Text => "texts",
        Type::Record(_) => "records",
        Type::List(..) | Type::Map(_) | Type::Nothing => "others",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_and_field_is_in_the_reference() {
        let text = reference();
        for variable in VARIABLES.iter() {
            assert!(text.contains(&format!("| `{}` |", variable.name)), "{}", variable.name);
        }
        // What is shown can be used.
        let shown: Vec<&str> =
            text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[0].parse::<crate::Exceptions>().map(|all| all.iter().count()), Ok(1));
        let policy: crate::Policy = shown[1].parse().unwrap();
        assert!(policy.is_data(&"ghcr.io/team/x".parse().unwrap()));
        assert!(text.contains("## One of `findings`") && text.contains("| `reachable` | text |"), "{text}");
    }
}
