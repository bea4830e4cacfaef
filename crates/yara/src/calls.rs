//! The functions of the module `behavior`: `behavior.executes(/re/)` and its kin.
//!
//! The engine takes modules from outside, but no function of theirs that is given a regular expression. A call is
//! therefore written out as what it stands for, a loop over the module's list, before the rules are compiled. All
//! stays on its line, so that a message of the compiler still names the right one.

use crate::Source;
use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{AST, Expr, FuncCall, WithSpan as _};

/// A function: its name, how many arguments it takes, and what it stands for. `{0}` and `{1}` are the arguments.
/// The guide shows these.
pub(crate) const CALLS: &[(&str, usize, &str)] = &[
    (
        "executes",
        1,
        "(for any deed in behavior.executed : (deed.program matches {0} or deed.command matches {0}))",
    ),
    (
        "connects",
        1,
        "(for any deed in behavior.connected : (deed.host matches {0} or deed.address matches {0}))",
    ),
    (
        "connects",
        2,
        "(for any deed in behavior.connected : ((deed.host matches {0} or deed.address matches {0}) and deed.port == {1}))",
    ),
    ("resolves", 1, "(for any deed in behavior.resolved : (deed.name matches {0}))"),
    ("requests", 1, "(for any deed in behavior.requested : (deed.url matches {0}))"),
    ("writes", 1, "(for any deed in behavior.written : (deed.path matches {0}))"),
    ("accesses", 1, "(for any deed in behavior.accessed : (deed.path matches {0}))"),
    ("sent", 1, "(for any deed in behavior.said : (deed.data matches {0}))"),
];

/// Writes the calls of a source out. A source that the parser cannot read, or a call that is none of these, is left as
/// it is for the compiler to say what is wrong.
pub(crate) fn written_out(source: &Source) -> Source {
    let ast = AST::from(source.bytes.as_slice());
    let mut places = Vec::new();
    for rule in ast.rules() {
        for event in DFSIter::new(&rule.condition) {
            if let DFSEvent::Enter(Expr::FuncCall(call)) = event
                && let Some(object) = &call.object
                && let Some(text) = meaning(call, &source.bytes)
            {
                places.push((object.span().start()..call.span().end(), text));
            }
        }
    }
    places.sort_by_key(|(range, _)| range.start);
    let mut bytes = Vec::with_capacity(source.bytes.len());
    let mut done = 0;
    for (range, text) in places {
        // A call in the arguments of another is no regular expression, so what is written out never nests.
        let Some(before) = source.bytes.get(done..range.start) else { continue };
        bytes.extend_from_slice(before);
        bytes.extend_from_slice(&text);
        done = range.end;
    }
    bytes.extend_from_slice(source.bytes.get(done..).unwrap_or_default());
    Source { name: source.name.clone(), bytes }
}

/// What a call stands for.
fn meaning(call: &FuncCall<'_>, source: &[u8]) -> Option<Vec<u8>> {
    let Some(Expr::Ident(object)) = &call.object else { return None };
    if object.name != crate::behavior_module::NAME {
        return None;
    }
    let (_, _, meant) =
        CALLS.iter().find(|(name, count, _)| *name == call.identifier.name && *count == call.args.len())?;
    let mut text = Vec::new();
    let mut rest = *meant;
    while let Some((before, behind)) = rest.split_once('{') {
        let (number, behind) = behind.split_once('}')?;
        let argument = call.args.get(number.parse::<usize>().ok()?)?;
        text.extend_from_slice(before.as_bytes());
        text.extend_from_slice(source.get(argument.span().range())?);
        rest = behind;
    }
    text.extend_from_slice(rest.as_bytes());
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behavior_module::Answers;

    /// Whether a condition holds for a run.
    fn check(condition: &str, run: &str, expect: bool) {
        let text = format!("import \"behavior\"\nrule x {{ condition: {condition} }}");
        let source = written_out(&Source { name: String::new(), bytes: text.into_bytes() });
        let rules = yara_x::compile(source.bytes.as_slice()).unwrap();
        let mut scanner = yara_x::Scanner::new(&rules);
        let answers: Answers = toml::from_str(run).unwrap();
        scanner.set_module_output(answers.message().unwrap()).unwrap();
        let holds = scanner.scan(b"").unwrap().matching_rules().len() == 1;
        assert_eq!(holds, expect, "{condition} of {run}");
    }

    #[test]
    fn calls_ask_the_lists() {
        let shell = "executed = [{ program = \"/bin/sh\", command = \"sh -c 'curl x | sh'\" }]";
        check("behavior.executes(/curl [^|]*\\| *sh/)", shell, true);
        check("behavior.executes(/^\\/bin\\/sh$/)", shell, true);
        check("not behavior.executes(/wget/) and behavior.executes(/SH -C/i)", shell, true);
        check("behavior.executes(/wget/)", shell, false);
        check("behavior.executes(/./)", "", false);
        let flow = "connected = [{ host = \"a.example\", address = \"198.18.0.9\", port = 3333 }]";
        check("behavior.connects(/\\.example$/, 3333)", flow, true);
        check("behavior.connects(/^198\\.18\\./)", flow, true);
        check("behavior.connects(/\\.example$/, 80) or behavior.connects(/b/)", flow, false);
        check("behavior.resolves(/^a\\./)", "resolved = [{ name = \"a.example\" }]", true);
        check(
            "behavior.requests(/^http:\\/\\/a\\.example\\/x/)",
            "requested = [{ url = \"http://a.example/x.sh\" }]",
            true,
        );
        check("behavior.writes(/cron/)", "written = [{ path = \"/etc/cron.d/x\" }]", true);
        check("behavior.accesses(/shadow/)", "accessed = [{ path = \"/etc/shadow\" }]", true);
        check("behavior.sent(/mining\\.submit/)", "said = [{ data = \"{mining.submit}\" }]", true);
    }

    #[test]
    fn nothing_else_is_touched() {
        let check = |condition: &str| {
            let text = format!(
                "rule x {{ strings: $a = \"behavior.executes(/x/)\" condition: $a and {condition} }}"
            );
            let source = Source { name: "n".to_owned(), bytes: text.into_bytes() };
            assert_eq!(written_out(&source), source);
        };
        check("math.entropy(0, 1) > 1.0");
        check("behavior.executes(1, 2, 3)");
        check("other.executes(/x/)");
        check("behavior.nothing(/x/)");
        check("((");
    }

    #[test]
    fn every_call_stands_for_something_that_compiles() {
        for (name, count, _) in CALLS {
            let arguments = ["/x/", "1"][..*count].join(", ");
            check(&format!("behavior.{name}({arguments})"), "", false);
        }
    }

    #[test]
    fn lines_stay_where_they_are() {
        let text = "import \"behavior\"\nrule x {\n condition:\n  behavior.sent(/a/) and\n  $b\n}\n";
        let source = written_out(&Source { name: String::new(), bytes: text.into() });
        assert_eq!(source.bytes.iter().filter(|&&byte| byte == b'\n').count(), 6);
    }
}
