use super::*;
use proptest::prelude::*;

/// Why a policy with these lines is none, with the line of the file.
fn refuse(body: &str, line: usize, why: &str) {
    let text = format!("schema = \"roadstead.policy/v1\"\n{body}");
    let error = text.parse::<Policy>().map(drop).unwrap_err();
    assert!(error.why.contains(why) && error.line == line, "{body}: line {}: {}", error.line, error.why);
}

fn read(body: &str) -> Policy {
    format!("schema = \"roadstead.policy/v1\"\n{body}").parse().unwrap()
}

const RULE: &str = "[[rule]]\nname = \"one\"\nwhen = \"true\"\neffect = \"hold\"\nreason = \"because\"\n";

#[test]
fn what_is_not_known_is_no_policy() {
    refuse("", 1, "no rules");
    refuse("= [", 2, "");
    refuse(&format!("dryrun = true\n{RULE}"), 2, "dryrun");
    refuse(&format!("{RULE}repository = [\"a\"]\n"), 7, "repository");
    refuse(&RULE.replace("\"hold\"", "\"pass\""), 5, "pass");
    refuse(&RULE.replace("\"one\"", "\"One rule\""), 3, "lower-case");
    refuse(&RULE.replace("\"one\"", "\"\""), 3, "lower-case");
    refuse(&RULE.replace("\"one\"", "\"no-rule\""), 3, "no rule decides");
    refuse(&RULE.replace("because", " "), 3, "reason");
    refuse(
        &RULE.replace("\"true\"", "\"vredict == 'x'\""),
        4,
        "the condition of the rule one: there is no variable vredict",
    );
    refuse(&RULE.replace("\"true\"", "\"verdict\""), 4, "gives a boolean");
    refuse(&RULE.replace("when = \"true\"\n", ""), 2, "when");
    refuse(&RULE.replace("reason = \"because\"\n", ""), 2, "reason");
    refuse(&format!("{RULE}{RULE}"), 8, "two rules have the name one");
    refuse(&format!("{RULE}repositories = []\n"), 3, "for no repository");
    refuse(&format!("{RULE}repositories = [\"a*\"]\n"), 7, "whole component");
    refuse(&format!("extends = \"other\"\n{RULE}"), 2, "only \"default\"");
    refuse(&format!("extends = \"default\"\n{}", RULE.replace("one", "malicious")), 1, "built-in");
    refuse(&format!("detonate = \"sometimes\"\n{RULE}"), 2, "sometimes");
    refuse(&format!("minimum-age-hours = -1\n{RULE}"), 2, "");
    refuse(&format!("{RULE}[exceptions]\none-person = true\n"), 8, "one-person");
    refuse(
        &format!("{RULE}[[detonation]]\nrepositories = [\"a\"]\ndetonate = \"never\"\nreason = \"x\"\n"),
        10,
        "reason",
    );
    refuse(
        &format!(
            "{RULE}[[test]]\nname = \"t\"\nexpect = \"hold\"\n[test.context]\nverdict = \"clean\"\nrepository = \"a\"\nmood = \"x\"\n"
        ),
        13,
        "mood",
    );
    let many: String = (0..201).map(|at| RULE.replace("one", &format!("r{at}"))).collect();
    refuse(&many, 1, "more than 200");
    let loops = RULE.replace("\"true\"", "\"findings.exists(f, f.id == 'S-A-B' && f.path == '')\"");
    let many: String = (0..150).map(|at| loops.replace("one", &format!("r{at}"))).collect();
    refuse(&many, 1, "steps together");
    for schema in ["", "schema = \"roadstead.policy/v2\"\n", "schema = 1\n"] {
        assert!(format!("{schema}{RULE}").parse::<Policy>().is_err(), "{schema}");
    }
    assert!("a".repeat(1 << 21).parse::<Policy>().is_err());
    assert!(format!("x = {}", "[".repeat(100_000)).parse::<Policy>().is_err());
}

#[test]
fn rules_keep_their_order_and_the_built_in_ones_follow() {
    let names = |policy: &Policy| policy.rules().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let built_in = "malicious bad-signature suspicious incomplete unsigned nothing-to-run not-run unwanted too-young clean";
    assert_eq!(names(&Policy::built_in(0).unwrap()), built_in);
    assert_eq!(names(&read(RULE)), "one");
    let extended = read(&format!("extends = \"default\"\n{RULE}"));
    assert_eq!(names(&extended), format!("one {built_in}"));
    assert!(extended.rules.iter().all(|rule| !rule.dry_run));
    let tried = read(&format!("dry-run = true\n{RULE}"));
    assert_eq!(names(&tried), format!("one {built_in}"));
    assert_eq!(tried.rules.iter().filter(|rule| rule.dry_run).count(), 1);
    assert_eq!((extended.rules[0].line, extended.rules[1].line), (Some(4), None));
}

#[test]
fn a_policy_has_an_identity() {
    let built_in = Policy::built_in(0).unwrap();
    assert_ne!(built_in.identity(), Policy::built_in(72).unwrap().identity());
    assert_eq!(built_in.identity(), Policy::built_in(0).unwrap().identity());
    assert_ne!(read(RULE).identity(), read(&RULE.replace("hold", "deny")).identity());
    assert_ne!(read(RULE).identity(), read(&format!("extends = \"default\"\n{RULE}")).identity());
}

#[test]
fn what_is_run_depends_on_origin_and_repository() {
    let policy = read(&format!(
        "trusted-bases = [\"docker.io/library/*\"]\n{RULE}\
         [[detonation]]\nrepositories = [\"team/quick\"]\ndetonate = \"never\"\n\
         [[detonation]]\nrepositories = [\"team/**\", \"docker.io/library/odd\"]\ndetonate = \"public\"\n\
         [[detonation]]\nrepositories = [\"risky/*\"]\ndetonate = \"always\"\n"
    ));
    let check = |name: &str, public: bool, expect: bool| {
        assert_eq!(policy.detonates(&name.parse().unwrap(), public), expect, "{name} {public}");
    };
    check("docker.io/someone/x", true, true);
    check("docker.io/someone/x", false, false);
    check("docker.io/library/nginx", true, false);
    check("docker.io/library/odd", true, true);
    check("docker.io/library.evil/nginx", true, true);
    check("team/quick", true, false);
    check("team/other", true, true);
    check("team/other", false, false);
    check("risky/x", false, true);
    assert!(policy.is_trusted_base(&"docker.io/library/nginx".parse().unwrap()));
}

#[test]
fn a_policy_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Policy>();
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", body in "[a-z0-9=\"\\n \\[\\]{}.:-]{0,200}") {
        let _ = text.parse::<Policy>();
        let _ = format!("schema = \"roadstead.policy/v1\"\n[[rule]]\n{body}").parse::<Policy>();
    }
}
