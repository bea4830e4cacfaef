use super::*;
use crate::{Fact, Signature};
use model::{Gap, Role, Severity, Verdict};
use proptest::prelude::*;

fn today() -> Date {
    "2026-11-28".parse().unwrap()
}

fn image(verdict: Verdict, upstream: &str) -> Context {
    let mut image = Context::new("team/app".parse().unwrap(), verdict);
    image.upstream = upstream.to_owned();
    image.detonated = true;
    image
}

fn miner() -> Fact {
    Fact {
        id: "S-MIN-HASH".to_owned(),
        title: "known miner".to_owned(),
        severity: Severity::Critical,
        role: Role::Convicts,
        path: "/usr/lib/.x/ld".to_owned(),
        layer: Some(4),
        content: None,
        reachable: Some(true),
        dynamic: false,
        axis: None,
        excepted: false,
    }
}

fn check(policy: &Policy, image: &Context, effect: Effect, rule: &str) -> Decision {
    let decision = decide(policy, image, &Exceptions::default(), today());
    assert_eq!((decision.effect, decision.rule.as_str()), (effect, rule), "{decision:?}");
    decision
}

#[test]
fn the_built_in_policy_holds_what_is_not_clean() {
    let policy = Policy::built_in(0).unwrap();
    let check = |image: &Context, effect, rule| drop(check(&policy, image, effect, rule));
    for upstream in ["", "docker.io"] {
        check(&image(Verdict::Clean, upstream), Effect::Allow, "clean");
        check(&image(Verdict::Malicious, upstream), Effect::Deny, "malicious");
        check(&image(Verdict::Suspicious, upstream), Effect::Hold, "suspicious");
        check(&image(Verdict::Incomplete, upstream), Effect::Hold, "incomplete");
        let gap = Context { gaps: vec![Gap::new("layer 1", "cut")], ..image(Verdict::Clean, upstream) };
        check(&gap, Effect::Hold, "incomplete");
    }
    let unrun = |upstream| Context { detonated: false, ..image(Verdict::Clean, upstream) };
    check(&unrun("docker.io"), Effect::Hold, "not-run");
    check(&unrun(""), Effect::Allow, "clean");
    let tool = |upstream| Context { pua: vec!["S-PUA-MINER".to_owned()], ..image(Verdict::Clean, upstream) };
    check(&tool("docker.io"), Effect::Hold, "unwanted");
    check(&tool(""), Effect::Allow, "clean");
    let forged = Context { upstream_signature: Signature::Invalid, ..image(Verdict::Clean, "docker.io") };
    check(&forged, Effect::Deny, "bad-signature");
}

#[test]
fn young_digests_of_upstreams_wait_where_that_is_asked_for() {
    let policy = Policy::built_in(72).unwrap();
    let aged = |hours, upstream| Context { first_seen_hours: hours, ..image(Verdict::Clean, upstream) };
    check(&policy, &aged(0, "docker.io"), Effect::Hold, "too-young");
    check(&policy, &aged(71, "docker.io"), Effect::Hold, "too-young");
    check(&policy, &aged(72, "docker.io"), Effect::Allow, "clean");
    check(&policy, &aged(0, ""), Effect::Allow, "clean");
}

#[test]
fn what_has_nothing_to_run_waits_unless_its_repository_is_for_data() {
    let data = |upstream| Context { detonated: false, starts: false, ..image(Verdict::Clean, upstream) };
    let built_in = Policy::built_in(0).unwrap();
    let told = check(&built_in, &data("docker.io"), Effect::Hold, "nothing-to-run");
    for part in ["entrypoint or a command", "have a person approve it", "data-images"] {
        assert!(told.message.contains(part), "{}", told.message);
    }
    check(&built_in, &data(""), Effect::Allow, "clean");
    let policy = |repositories: &str| -> Policy {
        let more = format!("minimum-age-hours = 72\ndata-images = [{repositories}]");
        format!("schema = \"roadstead.policy/v1\"\nextends = \"default\"\n{more}\n").parse().unwrap()
    };
    let old = |image| Context { first_seen_hours: 72, ..image };
    check(&policy("\"team/*\""), &old(data("docker.io")), Effect::Allow, "clean");
    check(&policy("\"other/*\""), &old(data("docker.io")), Effect::Hold, "nothing-to-run");
    // All else is asked of it as of others, and what names a program has to be run.
    let team = policy("\"team/app\"");
    check(&team, &data("docker.io"), Effect::Hold, "too-young");
    check(&team, &old(Context { starts: true, ..data("docker.io") }), Effect::Hold, "not-run");
    let tool = Context { pua: vec!["S-PUA-MINER".to_owned()], ..data("docker.io") };
    check(&team, &old(tool), Effect::Hold, "unwanted");
    let cut = Context { gaps: vec![Gap::new("layer 1", "cut")], ..data("docker.io") };
    check(&team, &old(cut), Effect::Hold, "incomplete");
}

#[test]
fn no_rule_releases_what_is_malicious() {
    let digest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
    let mut bad = image(Verdict::Malicious, "");
    bad.digest = Some(digest.parse().unwrap());
    bad.findings = vec![miner()];
    let text = policy(&[("all", "true", ALLOW)]).identity().replace('\0', "");
    let opens: Policy = text.parse().unwrap();
    let decision = check(&opens, &bad, Effect::Deny, "malicious");
    assert!(decision.barred && decision.reason.contains("though all would"), "{}", decision.reason);
    check(&opens, &image(Verdict::Suspicious, ""), Effect::Allow, "all");
    // What a rule holds stays held, and says that approvals do not help.
    let holds = policy(&[("look", "true", "effect = \"hold\"")]);
    assert!(check(&holds, &bad, Effect::Hold, "look").barred);
    assert!(check(&policy(&[("none", "false", ALLOW)]), &bad, Effect::Hold, "no-rule").barred);
    // Two persons, a reason and an end, for the content, and in time.
    let single: Policy = text.replacen("\n", "\n[exceptions]\ntwo-persons = false\n", 1).parse().unwrap();
    let lifts = |policy: &Policy, body: &str, second: &str, expires: &str| {
        let text = format!(
            "[[exception]]\nid = \"e\"\nreason = \"a sample\"\ncreated-by = \"user:alice\"\n{second}expires = {expires}\n{body}"
        );
        let decision = decide(policy, &bad, &text.parse().unwrap(), today());
        assert_eq!(decision.effect == Effect::Allow, !decision.barred, "{decision:?}");
        decision.effect == Effect::Allow
    };
    let content = format!("content = \"{digest}\"\n");
    let (bob, late) = ("approved-by = \"user:bob\"\n", "2026-12-31");
    for policy in [&opens, &single, &Policy::built_in(0).unwrap()] {
        assert!(lifts(policy, &content, bob, late));
        assert!(lifts(policy, &format!("{content}rule = \"malicious\"\n"), bob, late));
        assert!(!lifts(policy, &format!("{content}rule = \"other\"\n"), bob, late));
        assert!(!lifts(policy, &content, "", late));
        assert!(!lifts(policy, &content, bob, "2026-11-27"));
        assert!(!lifts(policy, &content.replace('1', "2"), bob, late));
        let place = "rule = \"malicious\"\nrepositories = \"team/*\"\n";
        assert!(!lifts(policy, &format!("{place}path = \"/usr/lib/.x/ld\"\n"), bob, late));
    }
    // Nor where nothing is told but the verdict.
    bad.findings.clear();
    let text = "[[exception]]\nid = \"e\"\nreason = \"r\"\ncreated-by = \"a\"\napproved-by = \"b\"\nexpires = 2026-12-31\n\
        rule = \"malicious\"\nrepositories = \"team/*\"\n";
    assert_eq!(decide(&opens, &bad, &text.parse().unwrap(), today()).effect, Effect::Deny);
}

fn policy(rules: &[(&str, &str, &str)]) -> Policy {
    let rules = rules.iter().map(|(name, when, rest)| {
        format!("[[rule]]\nname = \"{name}\"\nwhen = \"{when}\"\nreason = \"r\"\n{rest}\n")
    });
    format!("schema = \"roadstead.policy/v1\"\n{}", rules.collect::<String>()).parse().unwrap()
}

const ALLOW: &str = "effect = \"allow\"";

#[test]
fn the_first_rule_that_holds_decides_and_none_means_hold() {
    let clean = image(Verdict::Clean, "");
    check(&policy(&[("a", "false", ALLOW)]), &clean, Effect::Hold, "no-rule");
    check(&policy(&[("a", "true", ALLOW), ("b", "true", "effect = \"deny\"")]), &clean, Effect::Allow, "a");
    check(&policy(&[("b", "true", "effect = \"deny\""), ("a", "true", ALLOW)]), &clean, Effect::Deny, "b");
    let elsewhere = "effect = \"deny\"\nrepositories = [\"other/*\", \"team/app/*\"]";
    check(&policy(&[("b", "true", elsewhere), ("a", "true", ALLOW)]), &clean, Effect::Allow, "a");
    let here = "effect = \"deny\"\nrepositories = [\"other/*\", \"team/*\"]";
    check(&policy(&[("b", "true", here), ("a", "true", ALLOW)]), &clean, Effect::Deny, "b");
}

#[test]
fn a_rule_that_cannot_be_evaluated_denies() {
    let clean = image(Verdict::Clean, "");
    for effect in ["allow", "hold", "deny"] {
        let rest = format!("effect = \"{effect}\"");
        let broken = policy(&[("a", "labels['x'] == 'y'", &rest), ("b", "true", ALLOW)]);
        let decision = check(&broken, &clean, Effect::Deny, "a");
        assert!(decision.reason.contains("could not be evaluated"), "{}", decision.reason);
    }
    let tried =
        policy(&[("a", "labels['x'] == 'y'", "effect = \"hold\"\ndry-run = true"), ("b", "true", ALLOW)]);
    let decision = check(&tried, &clean, Effect::Allow, "b");
    assert_eq!((decision.dry_run[0].effect, decision.dry_run[0].rule.as_str()), (Effect::Deny, "a"));
}

#[test]
fn an_image_that_is_too_large_is_denied() {
    let all = policy(&[("a", "true", ALLOW)]);
    let large = |change: &dyn Fn(&mut Context)| {
        let mut image = image(Verdict::Clean, "");
        change(&mut image);
        drop(check(&all, &image, Effect::Deny, "limits"));
    };
    large(&|image| image.findings = vec![miner(); 20_001]);
    large(&|image| image.gaps = vec![Gap::new("a", "b"); 20_001]);
    large(&|image| image.tags = vec![String::new(); 2001]);
    large(&|image| image.labels = (0..2001).map(|at| (at.to_string(), String::new())).collect());
    large(&|image| image.findings = vec![Fact { path: "/".repeat(70_000), ..miner() }]);
    // A long label is not shown and hinders nobody.
    let mut labelled = image(Verdict::Clean, "");
    labelled.labels.insert("long".to_owned(), "x".repeat(100_000));
    check(&policy(&[("a", "!('long' in labels)", ALLOW)]), &labelled, Effect::Allow, "a");
}

#[test]
fn what_is_tried_out_is_told_and_decides_nothing() {
    let tried = "effect = \"deny\"\ndry-run = true";
    let rules = [("t", "true", tried), ("n", "false", tried), ("a", "true", ALLOW), ("late", "true", tried)];
    let decision = check(&policy(&rules), &image(Verdict::Clean, ""), Effect::Allow, "a");
    assert_eq!(
        decision.dry_run,
        [DryRun { rule: "t".to_owned(), effect: Effect::Deny, reason: "r".to_owned() }]
    );
    // A whole policy that is tried out leaves the decision to the built-in one.
    let whole: Policy =
        format!("schema = \"roadstead.policy/v1\"\ndry-run = true\n[[rule]]\nname = \"all\"\nwhen = \"true\"\nreason = \"r\"\n{ALLOW}\n")
            .parse()
            .unwrap();
    let decision = check(&whole, &image(Verdict::Malicious, ""), Effect::Deny, "malicious");
    assert_eq!((decision.dry_run[0].rule.as_str(), decision.dry_run[0].effect), ("all", Effect::Allow));
}

#[test]
fn developers_are_told_rule_finding_file_and_layer() {
    let policy = Policy::built_in(0).unwrap();
    let mut bad = image(Verdict::Malicious, "docker.io");
    let cron = Fact {
        id: "S-PER-CRON".to_owned(),
        role: Role::Corroborates,
        title: "\u{202e}x".to_owned(),
        path: "/etc/\u{1b}[2J".to_owned(),
        ..miner()
    };
    let context = Fact { id: "S-CTX-X".to_owned(), role: Role::Context, ..miner() };
    bad.findings = vec![context, cron.clone(), miner(), cron.clone(), cron];
    bad.gaps = vec![Gap::new("layer 2", "cut short"), Gap::new("layer 3", "cut short")];
    let message = check(&policy, &bad, Effect::Deny, "malicious").message;
    assert_eq!(
        message,
        "team/app is denied by the rule malicious: the image is proven harmful; S-MIN-HASH (known miner) in \
         /usr/lib/.x/ld of layer 4; S-PER-CRON (\\u{202e}x) in /etc/\\u{1b}[2J of layer 4; S-PER-CRON (\\u{202e}x) in \
         /etc/\\u{1b}[2J of layer 4; and 1 more; not looked at: layer 2: cut short and 1 more"
    );
    let clean = check(&policy, &image(Verdict::Clean, ""), Effect::Allow, "clean").message;
    assert_eq!(
        clean,
        "team/app is released by the rule clean: everything was read and nothing counts against the image"
    );
    bad.findings =
        vec![Fact { title: "x".repeat(5000), path: format!("/{}", "y".repeat(5000)), ..miner() }; 9];
    assert!(check(&policy, &bad, Effect::Deny, "malicious").message.len() < 2000);
}

#[test]
fn a_decision_is_kept_and_read_again() {
    let decision =
        check(&Policy::built_in(0).unwrap(), &image(Verdict::Malicious, ""), Effect::Deny, "malicious");
    let text = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision>(&text).unwrap(), decision);
    assert!(text.contains(r#""effect":"deny""#));
}

proptest! {
    /// Whatever the rules are, what is malicious is not released by them.
    #[test]
    fn no_rules_release_what_is_malicious(
        rules in prop::collection::vec((prop::sample::select(vec!["true", "hosted", "verdict == 'malicious'", "size(findings) > 0"]),
            prop::sample::select(vec!["allow", "hold", "deny"])), 1..5),
        found in 0..3_usize, upstream in prop::sample::select(vec!["", "docker.io"]),
    ) {
        let rules: Vec<(String, &str, String)> = rules.into_iter().enumerate()
            .map(|(at, (when, effect))| (format!("r{at}"), when, format!("effect = \"{effect}\""))).collect();
        let rules: Vec<(&str, &str, &str)> = rules.iter().map(|(a, b, c)| (a.as_str(), *b, c.as_str())).collect();
        let mut bad = image(Verdict::Malicious, upstream);
        bad.findings = vec![miner(); found];
        let decision = decide(&policy(&rules), &bad, &Exceptions::default(), today());
        prop_assert!(decision.effect != Effect::Allow && (decision.barred || decision.effect == Effect::Deny));
    }

    /// Whatever an image is, the built-in policy lets nothing in that is not clean and whole, and says the same twice.
    #[test]
    fn nothing_but_what_is_clean_comes_in(
        verdict in prop::sample::select(vec![Verdict::Clean, Verdict::Incomplete, Verdict::Suspicious, Verdict::Malicious]),
        upstream in prop::sample::select(vec!["", "docker.io"]),
        gaps in 0..2_usize, pua in 0..2_usize, hours in 0..100_u64, minimum in 0..100_u64, detonated in any::<bool>(),
        label in ".{0,20}", path in ".{0,20}",
    ) {
        let mut image = Context { first_seen_hours: hours, detonated, ..image(verdict, upstream) };
        image.gaps = vec![Gap::new("a", "b"); gaps];
        image.pua = vec!["S-PUA-X".to_owned(); pua];
        image.labels.insert(label.clone(), label);
        image.findings = vec![Fact { path, role: Role::Context, ..miner() }];
        let policy = Policy::built_in(minimum).unwrap();
        let decision = decide(&policy, &image, &Exceptions::default(), today());
        let public = !upstream.is_empty();
        let good = verdict == Verdict::Clean && gaps == 0
            && (!public || (pua == 0 && hours >= minimum && detonated));
        prop_assert_eq!(decision.effect == Effect::Allow, good);
        prop_assert_eq!(decide(&policy, &image, &Exceptions::default(), today()), decision);
    }
}
