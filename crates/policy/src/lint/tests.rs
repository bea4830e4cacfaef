use super::*;

fn check(text: &str, expect: &[(usize, Weight, &str)]) {
    let found = lint(text);
    assert_eq!(found.len(), expect.len(), "{found:#?}");
    for (one, (line, weight, what)) in found.iter().zip(expect) {
        assert!(one.line == *line && one.weight == *weight && one.what.contains(what), "{one:?}, not {what}");
    }
}

const HEAD: &str = "schema = \"roadstead.policy/v1\"\n";

fn rule(name: &str, when: &str, effect: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nwhen = \"{when}\"\neffect = \"{effect}\"\nreason = \"r\"\n")
}

fn test(expect: &str, rule: &str, more: &str) -> String {
    format!(
        "[[test]]\nname = \"t\"\nexpect = \"{expect}\"\nrule = \"{rule}\"\n{more}[test.context]\nrepository = \"a/b\"\nverdict = \"suspicious\"\n"
    )
}

#[test]
fn a_policy_that_cannot_be_read_is_an_error_with_its_line() {
    check("", &[(1, Weight::Error, "schema")]);
    check(&format!("{HEAD}{}", rule("a", "verdct == 'x'", "hold")), &[(4, Weight::Error, "verdct")]);
}

#[test]
fn a_policy_that_opens_is_warned_of() {
    let tested =
        |rules: &str| format!("{HEAD}extends = \"default\"\n{rules}{}", test("hold", "suspicious", ""));
    check(&tested(""), &[]);
    check(&tested(&rule("mine", "hosted && verdict == 'clean'", "allow")), &[]);
    let open =
        format!("{HEAD}{}{}", rule("mine", "verdict != 'malicious'", "allow"), test("allow", "mine", ""));
    let lets_in = |what| (3, Weight::Warning, what);
    check(
        &open,
        &[
            lets_in("mine lets in an image that is suspicious"),
            lets_in("not read whole"),
            lets_in("suspicious"),
            lets_in("not read whole"),
        ],
    );
    let malicious =
        format!("{HEAD}{}{}", rule("mine", "verdict == 'malicious'", "allow"), test("hold", "no-rule", ""));
    check(
        &malicious,
        &[
            lets_in("mine allows an image that is malicious, which is denied all the same"),
            lets_in("malicious"),
        ],
    );
    let all = format!("{HEAD}extends = \"default\"\n{}", rule("all", "true", "deny"));
    check(
        &all,
        &[(4, Weight::Warning, "all always holds, so that malicious"), (1, Weight::Warning, "no tests")],
    );
}

#[test]
fn a_test_that_fails_is_an_error() {
    let policy = |test: &str| format!("{HEAD}extends = \"default\"\n{test}");
    check(
        &policy(&test("allow", "clean", "")),
        &[(4, Weight::Error, "expected allow by clean, got hold by suspicious")],
    );
    check(&policy(&test("hold", "incomplete", "")), &[(4, Weight::Error, "expected hold by incomplete")]);
    check(&policy(&test("hold", "suspicious", "today = \"never\"\n")), &[(4, Weight::Error, "no date")]);
    let excepted = "today = 2026-11-28\n[[test.exception]]\nid = \"e\"\nrule = \"suspicious\"\nrepositories = \"a/b\"\n\
        reason = \"r\"\ncreated-by = \"x\"\napproved-by = \"y\"\nexpires = 2026-11-28\n";
    let finding = "[[test.context.findings]]\nid = \"S-A-B\"\nseverity = \"low\"\nrole = \"context\"\n";
    check(&policy(&(test("allow", "clean", excepted) + finding)), &[]);
    let expired = excepted.replace("expires = 2026-11-28", "expires = 2026-11-27");
    check(&policy(&test("allow", "clean", &expired)), &[(4, Weight::Error, "got hold by suspicious")]);
}

#[test]
fn nothing_is_wrong_with_the_built_in_policy() {
    check(Policy::built_in_text(), &[]);
    assert_eq!(run_tests(&Policy::built_in(0).unwrap()).len(), 6);
}
