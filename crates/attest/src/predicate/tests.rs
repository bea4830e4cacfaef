use super::*;
use serde_json::json;

fn image() -> Subject {
    Subject { name: Some("r.example/a".to_owned()), digest: Digest::sha256([1; 32]) }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What a statement says, without what stands in each of them.
fn check(json: &[u8], kind: &str, expect: Value) {
    let found: Value = serde_json::from_slice(json).unwrap();
    assert_eq!(found["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(found["subject"], json!([{"name": "r.example/a", "digest": {"sha256": "01".repeat(32)}}]));
    assert_eq!(found["predicateType"], kind);
    assert_eq!(found["predicate"], expect);
    assert_eq!(found.as_object().unwrap().len(), 4);
}

#[test]
fn a_signature_states_nothing_else() {
    let expect = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#,
        "02".repeat(32)
    );
    let statement = signature(&Subject::of(Digest::sha256([2; 32])));
    assert_eq!(String::from_utf8(statement.json().to_vec()).unwrap(), expect);
    let long = signature(&Subject::of(Digest::sha512([2; 64])));
    assert!(String::from_utf8(long.json().to_vec()).unwrap().contains(r#"{"sha512":"0202"#));
}

#[test]
fn statements_have_the_fields_that_their_specifications_ask_for() {
    let rules = Resource::named("rules", Digest::sha256([2; 32]));
    let written = json!({"name": "rules", "digest": {"sha256": "02".repeat(32)}});
    let result = Svr {
        verifier: "https://roadstead.dev/gate/v1".to_owned(),
        policies: vec![rules.clone()],
        time: time("1985-04-12T23:20:50.52Z"),
        properties: vec!["ROADSTEAD_VERDICT_CLEAN".to_owned()],
    };
    check(
        svr(&image(), &result).unwrap().json(),
        SVR,
        json!({"verifier": {"id": "https://roadstead.dev/gate/v1", "policies": [written]},
            "timeCreated": "1985-04-12T23:20:50Z", "properties": ["ROADSTEAD_VERDICT_CLEAN"]}),
    );
    assert!(svr(&image(), &Svr { properties: Vec::new(), ..result }).is_err());
    let summary = Vsa {
        verifier: "https://roadstead.dev/gate/v1".to_owned(),
        time: time("2026-01-02T03:04:05Z"),
        resource: "docker://r.example/a".to_owned(),
        policy: rules.clone(),
        inputs: vec![Resource::of(Digest::sha256([3; 32]))],
    };
    check(
        vsa(&image(), &summary).json(),
        VSA,
        json!({"verifier": {"id": "https://roadstead.dev/gate/v1"}, "timeVerified": "2026-01-02T03:04:05Z",
            "resourceUri": "docker://r.example/a", "policy": written,
            "inputAttestations": [{"digest": {"sha256": "03".repeat(32)}}],
            "verificationResult": "PASSED", "verifiedLevels": ["ROADSTEAD_RELEASED"]}),
    );
    let result = TestResult {
        outcome: Outcome::Failed,
        configuration: vec![rules.clone()],
        url: None,
        passed: vec!["static".to_owned()],
        warned: Vec::new(),
        failed: vec!["S-MIN-HASH".to_owned()],
        report: Digest::sha256([4; 32]),
    };
    check(
        test_result(&image(), &result).json(),
        TEST_RESULT,
        json!({"result": "FAILED", "configuration": [written], "passedTests": ["static"], "warnedTests": [],
            "failedTests": ["S-MIN-HASH"], "roadstead_report": {"name": "roadstead.report/v1",
            "mediaType": "application/json", "digest": {"sha256": "04".repeat(32)}}}),
    );
    let (started, finished) = (time("2026-01-02T03:04:05Z"), time("2026-01-02T03:05:05Z"));
    let found = Vulnerabilities {
        scanner: Scanner {
            uri: "pkg:generic/roadstead".to_owned(),
            version: "0.1.0".to_owned(),
            database: "https://osv.dev".to_owned(),
            database_version: "1".to_owned(),
            updated: started,
        },
        found: vec![Vulnerability {
            id: "CVE-123".to_owned(),
            severity: vec![("nvd".to_owned(), "medium".to_owned())],
        }],
        started,
        finished,
    };
    check(
        vulnerabilities(&image(), &found).json(),
        VULNERABILITIES,
        json!({"scanner": {"uri": "pkg:generic/roadstead", "version": "0.1.0",
            "db": {"uri": "https://osv.dev", "version": "1", "lastUpdate": "2026-01-02T03:04:05Z"},
            "result": [{"id": "CVE-123", "severity": [{"method": "nvd", "score": "medium"}]}]},
            "metadata": {"scanStartedOn": "2026-01-02T03:04:05Z", "scanFinishedOn": "2026-01-02T03:05:05Z"}}),
    );
    let who = Monitored {
        monitor: "https://roadstead.dev/sandbox/v1".to_owned(),
        plan: rules,
        host: "https://roadstead.dev/host".to_owned(),
        event: "entrypoint".to_owned(),
    };
    let run = Run {
        process: vec![json!({"path": "/x"})],
        network: Vec::new(),
        files: Vec::new(),
        started,
        finished,
    };
    check(
        runtime_trace(&image(), &who, &run).json(),
        RUNTIME_TRACE,
        json!({"monitor": {"type": "https://roadstead.dev/sandbox/v1", "configSource": written},
            "monitoredProcess": {"hostID": "https://roadstead.dev/host", "type": "https://roadstead.dev/run/v1",
                "event": "entrypoint"},
            "monitorLog": {"process": [{"path": "/x"}], "network": [], "fileAccess": []},
            "metadata": {"buildStartedOn": "2026-01-02T03:04:05Z", "buildFinishedOn": "2026-01-02T03:05:05Z"}}),
    );
}

#[test]
fn a_list_of_packages_is_passed_on_to_the_byte() {
    let list = r#"{ "spdxVersion":"SPDX-2.3",  "z":1, "a":1.50 }"#;
    let statement = sbom(&image(), "https://spdx.dev/Document", list.as_bytes()).unwrap();
    assert!(String::from_utf8(statement.json().to_vec()).unwrap().contains(list));
    for bad in [&b"{"[..], b"", b"{} {}", b"\xff", b"SPDXVersion: SPDX-2.3"] {
        assert!(sbom(&image(), "https://spdx.dev/Document", bad).is_err());
    }
}

#[test]
fn kinds_of_statements_have_short_names() {
    assert_eq!(predicate_type("svr"), Some(SVR));
    assert_eq!(predicate_type("https://x.example/p"), Some("https://x.example/p"));
    assert_eq!(predicate_type("x"), None);
    assert_eq!(predicate_type(""), None);
}
