use super::*;
use model::{
    Axis, CONTROL, Coverage, Exception, ExceptionState, ExceptionUse, Finding, Gap, ImageSummary, Role,
    Timing, Tool,
};

fn report(findings: Vec<Finding>, gaps: Vec<Gap>, exceptions: Vec<ExceptionUse>) -> Report {
    let judged = verdict::judge(findings, gaps, Vec::new());
    Report {
        schema: model::REPORT_SCHEMA.to_owned(),
        tool: Tool { version: String::new(), rules: String::new(), feeds: Vec::new() },
        image: ImageSummary {
            reference: "registry.example/team/app:1.4".to_owned(),
            digest: None,
            platforms: Vec::new(),
            layers: Vec::new(),
        },
        verdict: judged.verdict,
        summary: judged.summary,
        axes: judged.axes,
        findings: judged.findings,
        chain: judged.chain,
        gaps: judged.gaps,
        exceptions,
        detonation: None,
        coverage: Coverage::default(),
        timing_ms: Timing::default(),
    }
}

fn found(id: &str, path: &str) -> Finding {
    let detection = catalogue(id).unwrap();
    Finding::of(detection, "As the test says.").at_path(path.as_bytes())
}

fn text(report: &Report) -> String {
    let mut out = Vec::new();
    explain_report(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_conviction_beside_what_controls_lowered() {
    let lowered = Finding { role: Role::Context, ..found("S-DLX-WRAPENTRY", "app/tests/run.sh") };
    let lowered =
        lowered.with_evidence(CONTROL, "G4 documentation: /app/tests; the finding counts no more", None);
    let declared = Finding { axis: Some(Axis::Pua), ..found("S-MIN-HASH", "opt/xmrig") };
    let declared = declared.with_evidence(CONTROL, "G5 declared purpose: miner, by the name (xmrig)", None);
    insta::assert_snapshot!(text(&report(vec![lowered, declared], Vec::new(), Vec::new())));
}

#[test]
fn findings_that_confirm_each_other_and_what_would_part_them() {
    let mut whole = found("S-META-HEXNS", "");
    whole.path = None;
    let altered = |path| Finding { role: Role::Corroborates, ..found("S-EVA-PKGTAMPER", path) };
    let findings = vec![whole, altered("usr/bin/ls"), altered("usr/bin/ps").removed_by(3)];
    insta::assert_snapshot!(text(&report(findings, vec![Gap::new("layer 3", "cut short")], Vec::new())));
}

#[test]
fn exceptions_and_what_they_keep_down() {
    let exception = |finding: &str, path: &str, expires: &str| Exception {
        finding: finding.to_owned(),
        sha256: None,
        path: Some(path.to_owned()),
        image: Some("registry.example/team/app".to_owned()),
        reason: "our own wrapper".to_owned(),
        author: "platform team".to_owned(),
        expires: expires.parse().unwrap(),
    };
    let held = exception("S-IOC-HASH", "/opt/tool", "2027-01-31");
    let gone = exception("S-DLX-WRAPENTRY", "/start.sh", "2026-01-31");
    let excepted = Finding { exception: Some(held.clone()), ..found("S-IOC-HASH", "opt/tool") };
    let uses = vec![
        ExceptionUse { exception: held, state: ExceptionState::Used, findings: 1 },
        ExceptionUse { exception: gone, state: ExceptionState::Expired, findings: 1 },
    ];
    insta::assert_snapshot!(text(&report(
        vec![excepted, found("S-DLX-WRAPENTRY", "start.sh")],
        Vec::new(),
        uses
    )));
}
