use super::*;
use crate::{Decision, Effect, Policy, decide};
use model::{Gap, Severity, Verdict};

const FILE: &str = "sha256:abababababababababababababababababababababababababababababababab";
const IMAGE: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
const OTHER: &str = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

fn today() -> Date {
    "2026-11-28".parse().unwrap()
}

fn fact(role: Role, path: &str) -> Fact {
    Fact {
        id: "S-PER-CRON".to_owned(),
        title: String::new(),
        severity: Severity::High,
        role,
        path: path.to_owned(),
        layer: None,
        content: Some(FILE.parse().unwrap()),
        reachable: None,
        dynamic: false,
        axis: None,
        excepted: false,
    }
}

fn image(verdict: Verdict, findings: Vec<Fact>, gaps: &[&str]) -> Context {
    let mut image = Context::new("team/app".parse().unwrap(), verdict);
    image.digest = Some(IMAGE.parse().unwrap());
    image.findings = findings;
    image.gaps = gaps.iter().map(|what| Gap::new(what, "cut short")).collect();
    image
}

fn suspicious() -> Context {
    image(Verdict::Suspicious, vec![fact(Role::Corroborates, "/etc/cron.d/x")], &[])
}

fn one(id: &str, body: &str) -> String {
    format!(
        "[[exception]]\nid = \"{id}\"\nreason = \"known\"\ncreated-by = \"user:alice\"\napproved-by = \"user:bob\"\nexpires = 2026-12-31\n{body}\n"
    )
}

fn decided(image: &Context, text: &str) -> Decision {
    decide(&Policy::built_in(0).unwrap(), image, &text.parse().unwrap(), today())
}

/// Whether exceptions with these lines let the image in under the built-in policy.
fn check(image: &Context, bodies: &[&str], opens: bool) {
    let text: String = bodies.iter().enumerate().map(|(at, body)| one(&format!("e{at}"), body)).collect();
    let decision = decided(image, &text);
    assert_eq!(decision.effect == Effect::Allow, opens, "{bodies:?}: {decision:?}");
    let used = decision.exceptions.iter().filter(|one| one.state == ExceptionState::Used).count();
    assert_eq!(used, if opens { bodies.len() } else { 0 }, "{bodies:?}: {decision:?}");
}

const PLACE: &str = "rule = \"suspicious\"\nrepositories = \"team/*\"\npath = \"/etc/cron.d/x\"";

#[test]
fn an_exception_is_for_a_content_or_a_place() {
    let image = suspicious();
    let content = |digest: &str| format!("content = \"{digest}\"");
    check(&image, &[PLACE], true);
    check(&image, &[&content(FILE)], true);
    check(&image, &[&content(IMAGE)], true);
    check(&image, &[&content(OTHER)], false);
    check(&image, &[&PLACE.replace("cron.d/x", "cron.d/y")], false);
    check(&image, &[&PLACE.replace("suspicious", "malicious")], false);
    check(&image, &[&PLACE.replace("team/*", "other/*")], false);
    check(&image, &[&PLACE.replace("team/*", "team/app/*")], false);
    check(&image, &[&PLACE.replace("\npath = \"/etc/cron.d/x\"", "")], false);
    check(&image, &[&format!("{}\npath = \"/etc/cron.d/x\"", content(FILE))], true);
    check(&image, &[&format!("{}\npath = \"/etc/cron.d/y\"", content(FILE))], false);
    check(&image, &[&format!("{}\nrepositories = \"other/*\"", content(FILE))], false);
    check(&image, &[&format!("{}\nrule = \"malicious\"", content(FILE))], false);
    check(&image, &[], false);
}

#[test]
fn all_that_counts_has_to_be_covered() {
    let second = || fact(Role::Corroborates, "/etc/cron.d/second");
    let mut two = suspicious();
    two.findings.push(second());
    two.findings[1].content = Some(OTHER.parse().unwrap());
    check(&two, &[PLACE], false);
    check(&two, &[&format!("content = \"{FILE}\"")], false);
    check(&two, &[PLACE, &PLACE.replace("cron.d/x", "cron.d/second")], true);
    check(&two, &[&format!("content = \"{FILE}\""), &format!("content = \"{OTHER}\"")], true);
    // What does not count needs no exception.
    let mut context = suspicious();
    context.findings.push(fact(Role::Context, "/elsewhere"));
    context.findings.push(Fact { excepted: true, ..second() });
    check(&context, &[PLACE], true);
}

#[test]
fn a_conviction_is_lifted_by_its_content_alone() {
    let miner = image(Verdict::Malicious, vec![fact(Role::Convicts, "/usr/bin/x")], &[]);
    check(&miner, &["rule = \"malicious\"\nrepositories = \"team/*\"\npath = \"/usr/bin/x\""], false);
    check(&miner, &[&format!("content = \"{FILE}\"")], true);
    check(&miner, &[&format!("content = \"{IMAGE}\"\nrule = \"malicious\"")], true);
    let nowhere = image(Verdict::Malicious, vec![Fact { content: None, ..fact(Role::Convicts, "") }], &[]);
    check(&nowhere, &["rule = \"malicious\"\nrepositories = \"team/*\""], false);
}

#[test]
fn bytes_that_were_not_read_are_lifted_by_their_name_alone() {
    let gap = |what: &str| format!("rule = \"incomplete\"\nrepositories = \"team/app\"\ngap = \"{what}\"");
    let cut = image(Verdict::Incomplete, Vec::new(), &["layer 1"]);
    check(&cut, &[&gap("layer 1")], true);
    check(&cut, &[&gap("layer 2")], false);
    check(&cut, &[&gap("layer")], false);
    check(&cut, &[&format!("content = \"{IMAGE}\"")], false);
    check(&cut, &["rule = \"incomplete\"\nrepositories = \"team/app\""], false);
    check(&cut, &[&format!("content = \"{IMAGE}\"\ngap = \"layer 1\"")], true);
    check(&cut, &[&format!("content = \"{OTHER}\"\ngap = \"layer 1\"")], false);
    let two = image(Verdict::Incomplete, Vec::new(), &["layer 1", "layer 2"]);
    check(&two, &[&gap("layer 1")], false);
    check(&two, &[&gap("layer 1"), &gap("layer 2")], true);
    // Who accepts the findings of a suspicious image has not accepted what was not looked at.
    let both = image(Verdict::Suspicious, vec![fact(Role::Corroborates, "/etc/cron.d/x")], &["layer 1"]);
    check(&both, &[PLACE], false);
    check(&both, &[&format!("content = \"{IMAGE}\"")], false);
    let named = format!("content = \"{IMAGE}\"\ngap = \"layer 1\"");
    check(&both, &[&format!("content = \"{IMAGE}\""), &named], true);
    let unnamed = image(Verdict::Incomplete, Vec::new(), &[]);
    check(&unnamed, &[&format!("content = \"{IMAGE}\"")], false);
    check(&unnamed, &["rule = \"incomplete\"\nrepositories = \"team/app\""], false);
}

#[test]
fn a_rule_about_the_image_as_a_whole_is_lifted_for_it() {
    let mut young = image(Verdict::Clean, Vec::new(), &[]);
    young.upstream = "docker.io".to_owned();
    young.detonated = true;
    let policy = Policy::built_in(72).unwrap();
    let effect = |body: &str| decide(&policy, &young, &one("e", body).parse().unwrap(), today()).effect;
    assert_eq!(effect("rule = \"too-young\"\nrepositories = \"team/app\""), Effect::Allow);
    assert_eq!(effect(&format!("content = \"{IMAGE}\"")), Effect::Allow);
    assert_eq!(effect(&format!("content = \"{OTHER}\"")), Effect::Hold);
    assert_eq!(effect(&format!("content = \"{FILE}\"")), Effect::Hold);
    assert_eq!(effect("rule = \"too-young\"\nrepositories = \"team/app\"\npath = \"/x\""), Effect::Hold);
    assert_eq!(effect("rule = \"suspicious\"\nrepositories = \"team/app\""), Effect::Hold);
}

#[test]
fn what_is_expired_or_unapproved_is_named_and_lifts_nothing() {
    let state = |text: &str| {
        let decision = decided(&suspicious(), text);
        let opens = decision.effect == Effect::Allow;
        assert_eq!(opens, decision.lifted == ["suspicious"]);
        (decision.exceptions.first().map(|one| one.state), opens)
    };
    let good = one("e", PLACE);
    assert_eq!(state(&good), (Some(ExceptionState::Used), true));
    assert_eq!(state(&good.replace("2026-12-31", "2026-11-28")), (Some(ExceptionState::Used), true));
    assert_eq!(state(&good.replace("2026-12-31", "2026-11-27")), (Some(ExceptionState::Expired), false));
    let alone = good.replace("approved-by = \"user:bob\"\n", "");
    assert_eq!(state(&alone), (Some(ExceptionState::Unapproved), false));
    assert_eq!(state(&one("e", &PLACE.replace("cron.d/x", "y"))), (Some(ExceptionState::Unused), false));
    assert_eq!(state(&one("e", &PLACE.replace("team/*", "other/*"))), (None, false));
    let text = crate::file::BUILT_IN.replace("two-persons = true", "two-persons = false");
    let lax = decide(&text.parse().unwrap(), &suspicious(), &alone.parse().unwrap(), today());
    assert_eq!(lax.effect, Effect::Allow);
}

#[test]
fn what_could_be_meant_otherwise_is_refused() {
    let refuse = |text: &str, why: &str| {
        let error = text.parse::<Exceptions>().unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    };
    refuse(&one("e", ""), "no content");
    refuse(&one("e", "rule = \"suspicious\""), "no content");
    refuse(&one("e", "repositories = \"team/*\""), "no content");
    refuse(&one("e", "path = \"/x\""), "no content");
    refuse(&one("e", &PLACE.replace("team/*", "**")), "change the rule");
    refuse(&one("e", &PLACE.replace("team/*", "team*")), "whole component");
    refuse(&one("e", &PLACE.replace("\"/etc", "\"etc")), "slash");
    refuse(&one("e", &format!("{PLACE}\ngap = \"layer 1\"")), "write two");
    refuse(&one("e", "content = \"sha256:00\""), "lower-case hexadecimal");
    refuse(&one("e", &format!("{PLACE}\nplace = \"x\"")), "place");
    refuse(&one("", PLACE), "id is empty");
    refuse(&one("e", PLACE).replace("known", " "), "reason is empty");
    refuse(&one("e", PLACE).replace("user:bob", "User:Alice "), "cannot approve");
    refuse(&one("e", PLACE).replace("user:bob", ""), "approved-by is empty");
    refuse(&one("e", PLACE).replace("2026-12-31", "\"never\""), "no date");
    refuse(&one("e", PLACE).replace("expires = 2026-12-31\n", ""), "expires");
    refuse(&format!("{}{}", one("e", PLACE), one("e", PLACE)), "same id");
    refuse("= [", "cannot be read");
    assert_eq!("".parse::<Exceptions>(), Ok(Exceptions::default()));
    let read: Exceptions = one("e", PLACE).parse().unwrap();
    let kept: Vec<Exception> =
        serde_json::from_str(&serde_json::to_string(&read.iter().collect::<Vec<_>>()).unwrap()).unwrap();
    assert_eq!(Exceptions::new(kept.clone()), Ok(read));
    let mut changed = kept;
    changed[0].approved_by = Some("user:alice".to_owned());
    assert!(Exceptions::new(changed).is_err());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", body in "[a-z0-9=\"\\n \\[\\]{}.:@/*-]{0,200}") {
        let _ = text.parse::<Exceptions>();
        let _ = one("e", &body).parse::<Exceptions>();
    }
}
