use super::*;

fn asked(url: &str, authorization: &str) -> Asked {
    let digest = format!("sha256:{}", "a".repeat(64));
    serde_json::from_value(json!({
        "registry": { "url": url, "authorization": authorization, "insecure": false },
        "artifact": { "repository": "library/mongo", "digest": digest, "tag": "3.4", "mime_type": CONSUMED[1], "size": 3352 },
        "enabled_capabilities": [{ "type": "vulnerability", "produces_mime_types": [GENERIC] }],
    }))
    .unwrap()
}

fn check_target(url: &str, authorization: &str, expect: Result<&str, &str>) {
    let allowed = ["https://core.harbor.example".to_owned(), "http://harbor:8080".to_owned()];
    match (asked(url, authorization).target(&allowed), expect) {
        (Ok(target), Ok(expect)) => assert!(target.locator.starts_with(expect), "{}", target.locator),
        (Err(why), Err(expect)) => assert!(why.contains(expect), "{why}"),
        (found, _) => panic!("{url}: {:?}", found.map(|target| target.locator)),
    }
}

#[test]
fn only_registries_of_the_configuration_are_pulled_from() {
    check_target(
        "https://core.harbor.example",
        "Basic cm9ib3Q6c2VjcmV0",
        Ok("docker://core.harbor.example:443/library/mongo@sha256:"),
    );
    check_target("https://core.harbor.example:443/", "Bearer abc", Ok("docker://core.harbor.example:443/"));
    check_target("http://harbor:8080", "", Ok("docker://harbor:8080/library/mongo@"));
    check_target("http://core.harbor.example", "", Err("none of harbor.registries"));
    check_target("https://core.harbor.example:444", "", Err("none of harbor.registries"));
    check_target("https://core.harbor.example.evil.example", "", Err("none of harbor.registries"));
    check_target("https://core.harbor.example@evil.example", "", Err("none of harbor.registries"));
    check_target("http://169.254.169.254", "", Err("none of harbor.registries"));
    check_target("file:///etc/passwd", "", Err("none of harbor.registries"));
    check_target("https://core.harbor.example", "Digest x", Err("registry.authorization"));
    assert!(!format!("{:?}", asked("https://a.example", "Basic c2VjcmV0OnNlY3JldA==")).contains("c2Vj"));
}

#[test]
fn names_and_digests_that_are_none_are_refused() {
    for (repository, digest) in [("../x", "sha256:aa"), ("a/b", "sha256:zz"), ("A", "latest")] {
        let text = json!({
            "registry": { "url": "https://a.example" },
            "artifact": { "repository": repository, "digest": digest },
        });
        assert!(serde_json::from_value::<Asked>(text).is_err());
    }
}

#[test]
fn harbor_gets_the_report_that_it_asks_for() {
    let check = |accept: &str, expect| assert_eq!(ReportForm::wanted(accept), expect, "{accept}");
    check(GENERIC, Some(ReportForm::Generic));
    check("application/vnd.security.vulnerability.report;version=1.1", Some(ReportForm::Generic));
    check(HARBOR, Some(ReportForm::Harbor));
    check("*/*", Some(ReportForm::Generic));
    check(
        "text/html, application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0",
        Some(ReportForm::Harbor),
    );
    check("application/vnd.security.sbom.report+json; version=1.0", None);
    check("", None);
}

/// The required fields of `ScannerAdapterMetadata`.
#[test]
fn metadata_has_what_the_specification_requires() {
    let sent = metadata();
    for field in ["name", "vendor", "version"] {
        assert!(sent["scanner"][field].is_string());
    }
    let capability = &sent["capabilities"][0];
    assert_eq!(capability["type"], "vulnerability");
    assert!(capability["consumes_mime_types"].as_array().is_some_and(|types| types.len() == 2));
    assert!(
        capability["produces_mime_types"].as_array().is_some_and(|types| types.contains(&json!(GENERIC)))
    );
}

fn scanned(verdict: &str, findings: Value, gaps: Value) -> Done {
    let report = json!({
        "schema": "roadstead.report/v1",
        "tool": { "version": "1", "rules": "", "feeds": [] },
        "image": { "reference": "x", "digest": null, "platforms": [], "layers": [] },
        "verdict": verdict,
        "summary": "it is what it is",
        "axes": { "pua": [], "hygiene": [], "vulnerable": { "critical": 0, "high": 0 } },
        "findings": findings,
        "chain": [],
        "gaps": gaps,
        "coverage": { "layers": 0, "files": 0, "bytes": 0, "bytes_read": 0, "runs": 0, "events_dropped": 0 },
        "timing_ms": { "total": 0, "static": 0, "dynamic": 0 },
    });
    let artifact = asked("https://core.harbor.example", "").artifact;
    Done { artifact, report: serde_json::from_value(report).unwrap(), generated: 1_700_000_000_000 }
}

fn finding(role: &str, severity: &str) -> Value {
    json!({
        "id": "S-MIN-HASH", "title": "a miner", "severity": severity, "role": role, "class": "FILE", "stage": "static",
        "techniques": ["T1496.001"], "platform": "linux/amd64", "layer": null, "path": "/usr/lib/.x/ld",
        "reachable": true, "evidence": [], "explanation": "its hash is known",
    })
}

#[test]
fn malware_is_a_critical_vulnerability_and_nothing_unread_looks_clean() {
    let check = |verdict: &str, findings: Value, gaps: Value, expect: &[(&str, &str)], severity: &str| {
        for form in [ReportForm::Generic, ReportForm::Harbor] {
            let sent = report(&scanned(verdict, findings.clone(), gaps.clone()), form);
            let told: Vec<(&str, &str)> = sent["vulnerabilities"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| (one["id"].as_str().unwrap(), one["severity"].as_str().unwrap()))
                .collect();
            assert_eq!(told, expect, "{verdict}");
            assert_eq!(sent["severity"], severity, "{verdict}");
            assert_eq!(sent["generated_at"], "2023-11-14T22:13:20Z");
            assert_eq!(sent["artifact"]["repository"], "library/mongo");
            assert_eq!(sent["scanner"]["name"], "Roadstead");
        }
    };
    check("clean", json!([]), json!([]), &[], "Unknown");
    check("clean", json!([finding("context", "high")]), json!([]), &[], "Unknown");
    check(
        "malicious",
        json!([finding("convicts", "high")]),
        json!([]),
        &[("RS-MAL-S-MIN-HASH", "Critical")],
        "Critical",
    );
    check("malicious", json!([]), json!([]), &[("RS-MAL-VERDICT", "Critical")], "Critical");
    check(
        "suspicious",
        json!([finding("corroborates", "medium")]),
        json!([]),
        &[("RS-SUS-S-MIN-HASH", "Medium")],
        "Medium",
    );
    let gap = json!([{ "what": "layer 3", "why": "512 bytes after the end" }]);
    check("incomplete", json!([]), gap, &[("RS-INCOMPLETE", "High")], "High");
}
