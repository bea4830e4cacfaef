//! What images do: rules about it, and two images compared by it.

use crate::detonate::can_run;
use crate::room::{Ran, Room, base};
use serde_json::Value;
use test_support::standin::acting::{self, Act};
use test_support::{ImageBuilder, LayerBuilder, standin};

/// An image that says something at a port and goes on as another program.
fn says_and_becomes(port: u16, said: &str, next: &str) -> ImageBuilder {
    let words = [next, "build", "all"];
    let acts = [Act::Connect([203, 0, 113, 9], port), Act::Say(said), Act::Become(next, &words)];
    let layer = base()
        .file("opt/app", 0o755, acting::program(&acts, &[], 0))
        .file("opt/next", 0o755, standin::program("next"))
        .file("opt/other", 0o755, standin::program("other"));
    ImageBuilder::new().config(|config| config.entrypoint(&["/opt/app"])).layer(layer)
}

const OURS: &str = r#"
import "behavior"
rule Quay {
    meta:
        id = "D-YARA-QUAY" title = "Quay of stones said" severity = "high" role = "corroborates" class = "net"
        author = "A. N. Other" license = "MIT" advice = "a" why = "w"
    strings: $a = "quay of stones"
    condition: $a and behavior.connects(/^203\.0\.113\./, 8080) and behavior.executes(/next build/)
}
"#;

fn quay(ran: &Ran) -> Option<Value> {
    let report = ran.json();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["id"] == "D-YARA-QUAY").cloned()
}

#[test]
fn rules_of_others_judge_runs_and_records_alike() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    room.write("ours/quay.yar", OURS);
    let rules = ["--rules", "ours"];
    let detonate = ["detonate", "--quiet", "--no-cache", "--format", "json"];
    let bad = room.layout("bad", &says_and_becomes(8080, "the quay of stones", "/opt/next").build());
    let ran = room.run(&[&detonate[..], &rules, &["--keep", "kept", &bad]].concat());
    let finding = quay(&ran).unwrap_or_else(|| panic!("{ran:?}"));
    assert_eq!(
        (ran.code, &finding["role"], &finding["stage"]),
        (0, &"corroborates".into(), &"dynamic".into())
    );
    for (kind, value) in [
        ("rule", "ours/quay.yar:Quay"),
        ("author", "A. N. Other"),
        ("license", "MIT"),
        ("match", "$a quay of stones"),
        ("run", "as configured"),
    ] {
        let evidence = finding["evidence"].as_array().unwrap();
        assert!(evidence.iter().any(|one| one["kind"] == kind && one["value"] == value), "{kind}: {finding}");
    }
    let replay = |more: &[&str]| room.run(&[&detonate[..], &["--replay", "kept"], more].concat());
    assert_eq!(quay(&replay(&rules)), Some(finding));
    assert_eq!(quay(&replay(&[])), None);
    // Another word, another port, another program: each is a near miss.
    for (name, near) in [
        ("word", says_and_becomes(8080, "the key of stones", "/opt/next")),
        ("port", says_and_becomes(8081, "the quay of stones", "/opt/next")),
        ("next", says_and_becomes(8080, "the quay of stones", "/opt/other")),
    ] {
        let near = room.layout(name, &near.build());
        let ran = room.run(&[&detonate[..], &rules, &[&near]].concat());
        assert_eq!((ran.code, quay(&ran)), (0, None), "{name}: {ran:?}");
    }
}

#[test]
fn rules_about_behavior_are_listed_linted_and_tested() {
    let room = Room::new();
    room.write("ours/quay.yar", OURS);
    let list = room.run(&["rules", "list", "--rules", "ours"]).out;
    assert!(list.contains("D-YARA-QUAY") && list.contains("roadstead:RedisPlantsLogin"), "{list}");
    assert!(room.run(&["rules", "lint", "ours"]).out.contains("Quay: lacks a case"));
    let run = "said = [{ data = \"WORDS\" }]\nconnected = [{ address = \"203.0.113.9\", port = 8080 }]\n\
               executed = [{ command = \"next build\" }]\n";
    let case = |kind: &str, words: &str| {
        format!("[[{kind}]]\nwhy = \"x\"\n[{kind}.run]\n{}", run.replace("WORDS", words))
    };
    let cases = [case("match", "the quay of stones"), case("near", "the key of stones")];
    room.write("ours/cases/Quay.toml", cases.join("\n"));
    assert_eq!(room.run(&["rules", "lint", "ours"]).out, "nothing to remark\n");
    assert!(room.run(&["rules", "test", "ours"]).out.contains("2 cases tried, 0 failed"));
    room.write("ours/cases/Quay.toml", case("match", "the key of stones"));
    assert_eq!(room.run(&["rules", "test", "ours"]).code, 1);
    room.write("ours/both.yar", "import \"image\"\nimport \"behavior\"\nrule x { condition: true }");
    let ran = room.run(&["rules", "lint", "ours"]);
    assert!(ran.code == 2 && ran.err.contains("both.yar imports both"), "{ran:?}");
    assert!(room.run(&["explain", "D-YARA-RULE"]).out.contains("--rules"));
}

/// The changes that only running shows, as `severity kind subject`.
fn seen_in_runs(ran: &Ran) -> Vec<String> {
    let comparison = ran.json();
    let changes = comparison["changes"].as_array().unwrap().iter();
    changes
        .filter(|change| change["what"].as_str().unwrap().contains("; the old image did not."))
        .map(|change| {
            let subject = change["path"].as_str().or(change["name"].as_str()).unwrap();
            format!("{} {} {subject}", change["severity"].as_str().unwrap(), change["kind"].as_str().unwrap())
        })
        .collect()
}

const DIFF: [&str; 6] = ["diff", "--quiet", "--no-cache", "--detonate", "--format", "json"];

#[test]
fn an_image_did_nothing_new_against_itself() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let app = room.layout("app", &says_and_becomes(8080, "hello", "/opt/next").build());
    for time in 0..5 {
        let ran = room.run(&[&DIFF[..], &[&app, &app]].concat());
        assert_eq!((ran.code, &ran.json()["changes"]), (0, &Value::Array(Vec::new())), "{time}: {ran:?}");
    }
}

#[test]
fn what_only_the_new_image_did_is_told_and_can_be_accepted() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let old = room.layout("old", &says_and_becomes(8080, "hello", "/opt/next").build());
    let new = room.layout("new", &says_and_becomes(9090, "hello", "/opt/other").build());
    let ran = room.run(&[&DIFF[..], &[&old, &new]].concat());
    let expect = ["high host-contacted 203.0.113.9:9090", "medium program-started /opt/other"];
    assert_eq!((ran.code, seen_in_runs(&ran)), (1, expect.map(str::to_owned).to_vec()), "{ran:?}");
    // Without running, none of this is seen.
    let read = room.run(&["diff", "--quiet", "--no-cache", "--format", "json", &old, &new]);
    assert_eq!(seen_in_runs(&read), [""; 0]);
    for format in ["table", "markdown"] {
        let ran = room.run(&["diff", "--no-cache", "--detonate", "--format", format, &old, &new]);
        assert!(
            ran.out.contains("host-contacted") && ran.out.contains("203.0.113.9") && ran.out.contains("9090"),
            "{ran:?}"
        );
    }
    let accept = room.run(&[&DIFF[..], &["--write-baseline", "accepted.toml", &old, &new]].concat());
    assert_eq!(accept.code, 0, "{accept:?}");
    let known = room.run(&[&DIFF[..], &["--baseline", "accepted.toml", &old, &new]].concat());
    assert_eq!(known.code, 0, "{known:?}");
    let other = room.layout("third", &says_and_becomes(9091, "hello", "/opt/other").build());
    let another = room.run(&[&DIFF[..], &["--baseline", "accepted.toml", &old, &other]].concat());
    let open = |change: &&Value| change["accepted"].is_null() && change["kind"] == "host-contacted";
    let comparison = another.json();
    let left: Vec<&Value> = comparison["changes"].as_array().unwrap().iter().filter(open).collect();
    assert_eq!((another.code, left.len()), (1, 1), "{another:?}");
    assert_eq!(left[0]["name"], "203.0.113.9:9091");
    // What the plan starts of its own accord is no deed of the image's.
    let more = LayerBuilder::new().file("opt/more", 0o755, standin::program("more"));
    let more = room.layout("more", &says_and_becomes(8080, "hello", "/opt/next").layer(more).build());
    assert_eq!(seen_in_runs(&room.run(&[&DIFF[..], &[&old, &more]].concat())), [""; 0]);
}

#[test]
fn what_was_not_run_is_not_compared_and_that_is_said() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let foreign = ImageBuilder::new()
        .config(|config| config.platform("linux", "s390x").entrypoint(&["/usr/bin/app"]))
        .layer(base())
        .build();
    let foreign = room.layout("foreign", &foreign);
    let ran = room.run(&[&DIFF[..], &[&foreign, &foreign]].concat());
    let gaps = ran.json()["gaps"].to_string();
    assert_eq!(ran.code, 3, "{ran:?}");
    for side in ["old: linux/s390x, in the sandbox", "new: linux/s390x, in the sandbox"] {
        assert!(gaps.contains(side), "{gaps}");
    }
    let alone = room.run(&["diff", "--duration", "5s", &foreign, &foreign]);
    assert!(alone.code == 2 && alone.err.contains("--detonate"), "{alone:?}");
}
