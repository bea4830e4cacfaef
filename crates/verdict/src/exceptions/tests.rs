use super::*;
use crate::judge;
use crate::judge::tests::finding;
use model::{Class, Gap, Role, Severity, Verdict};

const HASH: &str = "abababababababababababababababababababababababababababababababab";

fn today() -> Date {
    "2026-11-27".parse().unwrap()
}

fn read(body: &str) -> Result<Exceptions, ExceptionsError> {
    format!("[[exception]]\nreason = \"known\"\nauthor = \"ops\"\nexpires = 2026-12-31\n{body}").parse()
}

fn cron() -> Finding {
    let mut cron = finding("S-PER-CRON", Role::Corroborates, Severity::High, Class::File);
    cron.path = Some("/etc/cron.d/backup".to_owned());
    cron.content = Some(Digest::sha256([0xab; 32]));
    cron
}

fn scanned() -> Scanned {
    Scanned {
        name: Some("registry.example/team/app:1.4".parse().unwrap()),
        digests: vec![Digest::sha256([0x11; 32])],
    }
}

/// Whether an exception with these lines holds for [`cron`] in [`scanned`].
fn check(body: &str, holds: bool) {
    let mut findings = vec![cron()];
    let uses = read(body).unwrap().lay_on(&mut findings, &scanned(), today());
    assert_eq!(findings[0].exception.is_some(), holds, "{body}");
    let state = if holds { ExceptionState::Used } else { ExceptionState::Unused };
    assert_eq!((uses[0].state, uses[0].findings), (state, u64::from(holds)), "{body}");
    let verdict = judge(findings, Vec::new(), Vec::new()).verdict;
    assert_eq!(verdict, if holds { Verdict::Clean } else { Verdict::Suspicious }, "{body}");
}

#[test]
fn an_exception_is_for_one_content_or_one_place_and_nothing_else() {
    let id = "finding = \"S-PER-CRON\"\n";
    let with = |more: &str| format!("{id}{more}");
    check(&with(&format!("sha256 = \"{HASH}\"")), true);
    check(&with(&format!("sha256 = \"sha256:{HASH}\"")), true);
    check(&with(&format!("sha256 = \"{}\"", HASH.replace('a', "c"))), false);
    check(&with(&format!("sha256 = \"{HASH}\"\npath = \"/etc/cron.d/backup\"")), true);
    check(&with(&format!("sha256 = \"{HASH}\"\npath = \"/etc/cron.d/other\"")), false);
    let place = |image: &str| with(&format!("path = \"/etc/cron.d/backup\"\nimage = \"{image}\""));
    check(&place("registry.example/team/app"), true);
    check(&place("registry.example/team/app:1.4"), true);
    check(&place("registry.example/team/app:1.5"), false);
    check(&place("registry.example/team"), false);
    check(&place("registry.example:5000/team/app"), false);
    check(&place("team/app"), false);
    check(&place(&Digest::sha256([0x11; 32]).to_string()), true);
    check(&place(&format!("registry.example/team/app@{}", Digest::sha256([0x11; 32]))), true);
    check(&place(&Digest::sha256([0x12; 32]).to_string()), false);
    check(&place(&format!("registry.example/team/app@{}", Digest::sha256([0x12; 32]))), false);
    check(&with("path = \"/etc/cron.d\"\nimage = \"registry.example/team/app\""), false);
    // Without a path it is for what concerns the image as a whole.
    check(&with("image = \"registry.example/team/app\""), false);
    check(&format!("finding = \"S-PER-CRONS\"\nsha256 = \"{HASH}\""), false);
}

#[test]
fn an_exception_for_the_image_as_a_whole_is_for_no_file() {
    let whole = finding("S-META-HEXNS", Role::Corroborates, Severity::Medium, Class::Name);
    let read = read("finding = \"S-META-HEXNS\"\nimage = \"registry.example/team/app\"").unwrap();
    let mut findings = vec![Finding { path: Some("/x".to_owned()), ..whole.clone() }, whole];
    read.lay_on(&mut findings, &scanned(), today());
    assert_eq!(under(&findings), [false, true]);
}

fn under(findings: &[Finding]) -> Vec<bool> {
    findings.iter().map(|finding| finding.exception.is_some()).collect()
}

#[test]
fn a_name_that_nobody_asked_for_opens_nothing() {
    let read = read(
        "finding = \"S-PER-CRON\"\npath = \"/etc/cron.d/backup\"\nimage = \"registry.example/team/app\"",
    );
    let mut findings = vec![cron()];
    read.unwrap().lay_on(&mut findings, &Scanned::default(), today());
    assert_eq!(under(&findings), [false]);
}

#[test]
fn the_last_day_counts_and_the_next_does_not() {
    let held = read(&format!("finding = \"S-PER-CRON\"\nsha256 = \"{HASH}\"")).unwrap();
    for (day, state) in [("2026-12-31", ExceptionState::Used), ("2027-01-01", ExceptionState::Expired)] {
        let mut findings = vec![cron(), cron()];
        let uses = held.lay_on(&mut findings, &scanned(), day.parse().unwrap());
        assert_eq!((uses[0].state, uses[0].findings), (state, 2), "{day}");
        assert_eq!(findings[1].exception.is_some(), state == ExceptionState::Used);
    }
    assert_eq!(held.identity(today()), held.identity("2026-12-31".parse().unwrap()));
    assert_ne!(held.identity(today()), held.identity("2027-01-01".parse().unwrap()));
}

#[test]
fn a_conviction_can_be_excepted_and_a_gap_cannot() {
    let mut miner = cron();
    miner.role = Role::Convicts;
    let held = read(&format!("finding = \"S-PER-CRON\"\nsha256 = \"{HASH}\"")).unwrap();
    let mut findings = vec![miner];
    held.lay_on(&mut findings, &scanned(), today());
    let judged = judge(findings, vec![Gap::new("layer 1", "cut short")], Vec::new());
    assert_eq!((judged.verdict, judged.findings.len(), judged.gaps.len()), (Verdict::Incomplete, 1, 1));
    assert!(judged.summary.contains("1 finding is under an exception"), "{}", judged.summary);
}

fn refuse(text: &str, why: &str) {
    let error = text.parse::<Exceptions>().unwrap_err().to_string();
    assert!(error.contains(why), "{text}: {error}");
}

#[test]
fn what_could_be_meant_otherwise_is_refused() {
    let body = |more: &str| read(more).unwrap_err().to_string();
    let check = |more: &str, why: &str| assert!(body(more).contains(why), "{more}: {}", body(more));
    check("finding = \"S-PER-*\"\nsha256 = \"\"", "no wildcards");
    check("finding = \"S-PER\"\nsha256 = \"\"", "no id");
    check("finding = \"*\"", "no id");
    check("finding = \"S-PER-CRON\"", "no content");
    check("finding = \"S-PER-CRON\"\npath = \"/etc/x\"", "no content");
    check("finding = \"S-PER-CRON\"\npath = \"etc/x\"\nimage = \"a/b\"", "slash");
    check("finding = \"S-PER-CRON\"\nsha256 = \"ABCD\"", "64 lower-case");
    check("finding = \"S-PER-CRON\"\nimage = \"UPPER/x/Y\"", "lower case");
    check("finding = \"S-PER-CRON\"\nimage = \"registry.example/*\"", "malformed");
    check("finding = \"S-PER-CRON\"\nimagee = \"a/b\"", "imagee");
    check("finding = [\"S-PER-CRON\"]\nimage = \"a/b\"", "cannot be read");
    refuse("[[exception]]\nfinding = \"S-PER-CRON\"\nimage = \"a/b\"", "missing field");
    let named = |reason: &str, expires: &str| {
        format!(
            "[[exception]]\nfinding = \"S-PER-CRON\"\nimage = \"a/b\"\nauthor = \"x\"\nreason = \"{reason}\"\nexpires = {expires}"
        )
    };
    refuse(&named(" ", "2027-01-01"), "reason is empty");
    refuse(&named("known", "\"never\""), "no date");
    refuse(&named("known", "2027-01-01T00:00:00Z"), "no date");
    refuse(&named("known", "2027"), "no date");
    refuse("= [", "cannot be read");
    refuse("[gaps]\n", "gaps");
    refuse(
        &"[[exception]]\nfinding=\"S-A-B\"\nimage=\"a/b\"\nauthor=\"x\"\nreason=\"y\"\nexpires=2027-01-01\n"
            .repeat(10_001),
        "10001",
    );
    assert_eq!("".parse::<Exceptions>(), Ok(Exceptions::default()));
    assert!(named("known", "\"2027-01-01\"").parse::<Exceptions>().is_ok());
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    refuse(&format!("exception = {}", "[".repeat(100_000)), "cannot be read");
}

#[test]
fn the_guide_shows_exceptions_that_are_read() {
    let guide = include_str!("../../../../docs/guide/exceptions.md");
    let example = guide.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let read: Exceptions = example.parse().unwrap();
    assert_eq!(read.ids().collect::<Vec<_>>(), ["S-EVA-PKGTAMPER", "S-PER-CRON"]);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}", body in "[a-z0-9=\"\\n \\[\\]{}.:@/*-]{0,200}") {
        let _ = text.parse::<Exceptions>();
        let _ = format!("[[exception]]\n{body}").parse::<Exceptions>();
    }
}
