//! The laws of judging, on findings of every shape.

use model::{Axis, ChainStep, Class, Exception, Finding, Gap, Role, Severity, Stage, Verdict};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use verdict::judge;

fn finding() -> impl Strategy<Value = Finding> {
    let kinds = (
        select(vec!["S-A", "S-B", "S-PUA-C", "S-VUL-D"]),
        select(vec![Severity::Low, Severity::Medium, Severity::High, Severity::Critical]),
        select(vec![Role::Context, Role::Corroborates, Role::Convicts]),
        select(vec![Class::Name, Class::Config, Class::File, Class::Net]),
        select(vec![Stage::Static, Stage::Dynamic]),
    );
    let places = (select(vec!["linux/amd64", "linux/arm64"]), option::of("[a-c]"), option::of(any::<bool>()));
    (kinds, places, any::<bool>(), vec("[xy]", 0..2)).prop_map(|(kinds, places, removed, evidence)| {
        let (id, severity, role, class, stage) = kinds;
        let (platform, path, reachable) = places;
        let mut finding = Finding {
            id: id.to_owned(),
            title: "Title".to_owned(),
            severity,
            role,
            class,
            stage,
            techniques: Vec::new(),
            platform: platform.to_owned(),
            layer: None,
            path,
            content: None,
            reachable,
            evidence: Vec::new(),
            explanation: String::new(),
            axis: None,
            exception: None,
        };
        for value in evidence {
            finding = finding.with_evidence("string", &value, None);
        }
        if removed { finding.removed_by(3) } else { finding }
    })
}

fn exception() -> Exception {
    Exception {
        finding: "S-A".to_owned(),
        sha256: None,
        path: None,
        image: Some("registry.example/app".to_owned()),
        reason: "known".to_owned(),
        author: "ops".to_owned(),
        expires: model::Date::of_unix_seconds(0),
    }
}

fn gap() -> impl Strategy<Value = Gap> {
    ("layer [1-3]", "[a-b]").prop_map(|(what, why)| Gap::new(what, why))
}

fn step() -> impl Strategy<Value = ChainStep> {
    (1..4_usize, "[a-b]").prop_map(|(step, what)| ChainStep {
        step,
        stage: Stage::Static,
        what,
        finding: None,
    })
}

fn verdict_of(findings: &[Finding], gaps: &[Gap]) -> Verdict {
    judge(findings.to_vec(), gaps.to_vec(), Vec::new()).verdict
}

proptest! {
    #[test]
    fn the_order_of_arrival_says_nothing(
        (findings, shuffled) in vec(finding(), 0..8).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        (gaps, shuffled_gaps) in vec(gap(), 0..4).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        (chain, shuffled_chain) in vec(step(), 0..4).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        prop_assert_eq!(judge(findings, gaps, chain), judge(shuffled, shuffled_gaps, shuffled_chain));
    }

    #[test]
    fn judging_twice_changes_nothing(findings in vec(finding(), 0..8), gaps in vec(gap(), 0..3)) {
        let once = judge(findings, gaps, Vec::new());
        prop_assert_eq!(judge(once.findings.clone(), once.gaps.clone(), once.chain.clone()), once);
    }

    #[test]
    fn one_more_finding_never_helps(findings in vec(finding(), 0..8), gaps in vec(gap(), 0..2), more in finding()) {
        let before = verdict_of(&findings, &gaps);
        let after = verdict_of(&[findings, vec![more]].concat(), &gaps);
        prop_assert!(after >= before, "{} became {}", before, after);
    }

    #[test]
    fn a_conviction_on_what_is_there_is_malicious(findings in vec(finding(), 0..8), mut more in finding()) {
        more.role = Role::Convicts;
        more.reachable = None;
        prop_assert_eq!(verdict_of(&[findings, vec![more]].concat(), &[]), Verdict::Malicious);
    }

    #[test]
    fn what_is_gone_convicts_nobody_by_itself(mut findings in vec(finding(), 0..8)) {
        for finding in &mut findings {
            *finding = finding.clone().removed_by(9);
        }
        prop_assert!(verdict_of(&findings, &[]) < Verdict::Malicious);
    }

    #[test]
    fn context_changes_no_verdict(findings in vec(finding(), 0..8), gaps in vec(gap(), 0..2), mut more in finding()) {
        more.role = Role::Context;
        let before = verdict_of(&findings, &gaps);
        prop_assert_eq!(verdict_of(&[findings, vec![more]].concat(), &gaps), before);
    }

    #[test]
    fn exceptions_hide_no_finding_and_no_gap(findings in vec(finding(), 0..8), gaps in vec(gap(), 0..2), which in any::<u8>()) {
        let before = judge(findings.clone(), gaps.clone(), Vec::new());
        let excepted = findings.into_iter().enumerate().map(|(at, mut finding)| {
            finding.exception = (which >> at & 1 == 1).then(exception);
            finding
        });
        let after = judge(excepted.collect(), gaps, Vec::new());
        prop_assert!(after.verdict <= before.verdict && after.gaps == before.gaps);
        prop_assert!(after.findings.len() >= before.findings.len());
        prop_assert!(after.gaps.is_empty() || after.verdict != Verdict::Clean);
    }

    #[test]
    fn an_axis_changes_no_verdict(findings in vec(finding(), 0..8), gaps in vec(gap(), 0..2)) {
        let before = verdict_of(&findings, &gaps);
        let beside: Vec<_> = findings.into_iter().map(|finding| Finding { axis: Some(Axis::Pua), ..finding }).collect();
        prop_assert_eq!(verdict_of(&beside, &gaps), before);
    }

    #[test]
    fn a_gap_is_never_clean_and_lowers_nothing(findings in vec(finding(), 0..8), gaps in vec(gap(), 0..3), more in gap()) {
        let before = verdict_of(&findings, &gaps);
        let after = verdict_of(&findings, &[gaps, vec![more]].concat());
        prop_assert!(after != Verdict::Clean && after >= before);
    }

    #[test]
    fn every_verdict_has_a_reason_and_a_sentence(findings in vec(finding(), 0..8), gaps in vec(gap(), 0..2)) {
        let judged = judge(findings, gaps, Vec::new());
        prop_assert!(!judged.reasons.is_empty() && judged.summary.ends_with('.'));
        prop_assert!(judged.reasons.iter().flat_map(|reason| &reason.findings).all(|&at| at < judged.findings.len()));
    }
}
