//! Content rules: the built-in ones, packs that are brought, and what is said of both.

use crate::room::{Ran, Room, base, image, verdict};
use serde_json::Value;
use test_support::standin;

/// A rule of somebody's, as public packs have them, and one that says how it counts.
const OURS: &str = r#"
import "math"
rule Plain { meta: description = "a word" author = "A. N. Other" license = "MIT" strings: $a = "quay of stones" condition: $a }
rule Counting {
    meta:
        id = "S-YARA-QUAY" title = "Quay of stones" severity = "high" role = "corroborates"
        techniques = "T1059" author = "A. N. Other" license = "DRL 1.1" reference = "https://rules.example/quay"
    strings: $a = "quay of stones"
    condition: $a and filesize < 1MB and math.entropy(0, filesize) < 8.0 and filename == "run.sh"
}
"#;

fn finding<'a>(report: &'a Value, rule: &str) -> Option<&'a Value> {
    let of_rule = |one: &&Value| {
        let evidence = one["evidence"].as_array().unwrap();
        evidence
            .iter()
            .any(|piece| piece["kind"] == "rule" && piece["value"].as_str().unwrap().ends_with(rule))
    };
    report["findings"].as_array().unwrap().iter().find(of_rule)
}

fn evidence<'a>(finding: &'a Value, kind: &str) -> Option<&'a str> {
    let pieces = finding["evidence"].as_array().unwrap();
    pieces.iter().find(|piece| piece["kind"] == kind)?["value"].as_str()
}

fn ran(room: &Room, args: &[&str], code: i32) -> Ran {
    let ran = room.run(args);
    assert_eq!(ran.code, code, "{ran:?}");
    ran
}

#[test]
fn a_brought_pack_finds_and_says_whose_word_it_is() {
    let room = Room::new();
    room.write("ours/deep/quay.yar", OURS);
    room.write("ours/readme.txt", "no rules");
    let layer = base().file("opt/run.sh", 0o755, "#!/bin/sh\necho quay of stones\n");
    let locator = room.layout("image", &image().layer(layer).build());
    let (code, without) = room.report(&locator, &[]);
    assert_eq!((code, verdict(&without)), (0, "clean"));
    let (code, report) = room.report(&locator, &["--rules", "ours"]);
    assert_eq!(
        (code, verdict(&report)),
        (0, "suspicious"),
        "facts of other rules are kept apart: {report:#}"
    );
    let plain = finding(&report, ":Plain").unwrap();
    assert_eq!((&plain["id"], &plain["role"]), (&"S-YARA-RULE".into(), &"context".into()));
    assert_eq!(plain["explanation"], "The rule Plain of ours/deep/quay.yar holds for it: a word");
    let counting = finding(&report, ":Counting").unwrap();
    assert_eq!((&counting["id"], &counting["severity"]), (&"S-YARA-QUAY".into(), &"high".into()));
    assert_eq!((&counting["path"], &counting["techniques"][0]), (&"/opt/run.sh".into(), &"T1059".into()));
    for (kind, value) in [
        ("author", "A. N. Other"),
        ("license", "DRL 1.1"),
        ("reference", "https://rules.example/quay"),
        ("match", "$a quay of stones"),
    ] {
        assert_eq!(evidence(counting, kind), Some(value), "{counting:#}");
    }
    let table = room.scan(&locator, &["--rules", "ours"]).out;
    assert!(table.contains("license DRL 1.1") && table.contains("author A. N. Other"), "{table}");
    // From the cache it is the same, and the digest of the rules is another.
    assert_eq!(room.report(&locator, &["--rules", "ours"]).1["findings"], report["findings"]);
    assert_ne!(without["tool"]["rules"], report["tool"]["rules"]);
}

#[test]
fn rules_about_places_ask_where_a_file_lies() {
    let room = Room::new();
    room.write(
        "ours/a.yar",
        "rule Quay { meta: id = \"S-YARA-QUAY\" strings: $a = \"quay of stones\" condition: $a }",
    );
    room.write(
        "ours/place.yara",
        r#"import "image"
rule Reached {
    meta: id = "S-YARA-REACHED" severity = "high" role = "corroborates"
    condition: image.hit["Quay"] and image.reached and not image.owned and image.layer == 0 and
        image.path startswith "/opt/" and image.mode & 0o111 != 0 and for any word in image.entry : ( word == "/opt/run.sh" )
}"#,
    );
    let script = "#!/bin/sh\necho quay of stones\n";
    for (start, expect) in [("/opt/run.sh", true), ("/usr/bin/app", false)] {
        let image = image()
            .config(|config| config.entrypoint(&[start]))
            .layer(base().file("opt/run.sh", 0o755, script))
            .build();
        let locator = room.layout(&format!("image{expect}"), &image);
        let (_, report) = room.report(&locator, &["--rules", "ours"]);
        let found = finding(&report, ":Reached");
        assert_eq!(found.is_some(), expect, "{start}: {report:#}");
        assert_eq!(verdict(&report) == "suspicious", expect);
        assert!(found.is_none_or(|found| evidence(found, "content") == Some("Quay")));
    }
    room.write(
        "mixed/place.yar",
        "import \"image\" rule Both { strings: $a = \"x-y-z\" condition: $a and image.reached }",
    );
    let mixed = ran(&room, &["rules", "list", "--rules", "mixed"], 2);
    assert!(mixed.err.contains("place.yar: the rule Both") && mixed.err.contains("image.hit"), "{mixed:?}");
}

#[test]
fn what_cannot_be_used_is_named_with_file_and_line() {
    let room = Room::new();
    let locator = room.layout("image", &image().layer(base()).build());
    let check = |text: &str, parts: &[&str]| {
        room.write("bad/broken.yar", text);
        let ran = ran(&room, &["scan", "--no-cache", "--rules", "bad", &locator], 2);
        for part in parts {
            assert!(ran.err.contains(part), "{part}: {ran:?}");
        }
        assert_eq!(ran.out, "");
    };
    check("rule x { condition: true }\nrule y { condition: nonsense }", &["broken.yar:2:", "nonsense"]);
    check("rule x {\n\ncondition: \x1b[31m }", &["broken.yar:3:"]);
    check("include \"/etc/passwd\"", &["include", "broken.yar:1:"]);
    check("import \"image\" rule x { condition: image.nothing }", &["image.nothing", "broken.yar:1:"]);
    let empty = ran(&room, &["scan", "--rules", "cache", &locator], 2);
    assert!(empty.err.contains("cannot use the rules cache"), "{empty:?}");
    room.write("none/readme.md", "x");
    assert!(ran(&room, &["rules", "lint", "none"], 2).err.contains(".yar or .yara"));
    room.write("large/x.yar", vec![b' '; (4 << 20) + 1]);
    assert!(ran(&room, &["rules", "list", "--rules", "large"], 2).err.contains("larger than 4 MiB"));
    // Compiled rules are no source, whatever they are called.
    room.write("compiled/x.yar", b"YARA-X\0\0\x01\0\0\0");
    assert_eq!(room.run(&["rules", "lint", "compiled"]).code, 2);
}

#[test]
fn rules_that_need_more_than_there_is_are_left_out_and_counted() {
    let room = Room::new();
    let text = format!("import \"pe\"\nrule Windows {{ condition: pe.is_pe }}\n{OURS}");
    room.write("ours/mixed.yar", text);
    let locator = room.layout("image", &image().layer(base()).build());
    let scan = ran(&room, &["scan", "--no-cache", "--rules", "ours", &locator], 0);
    assert!(
        scan.err.contains("2 rules used, 1 left out, for example Windows: it needs the module pe"),
        "{scan:?}"
    );
    let list = ran(&room, &["rules", "list", "--rules", "ours"], 0).out;
    for part in [
        "roadstead:WormDockerApi ",
        "ours/mixed.yar:Counting",
        "DRL 1.1",
        "left out: Windows",
        "no licence named",
    ] {
        assert!(list.contains(part) != (part == "no licence named"), "{part}: {list}");
    }
}

#[test]
fn cases_are_tried_and_missing_ones_remarked() {
    let room = Room::new();
    let built_in = ran(&room, &["rules", "test"], 0).out;
    assert!(built_in.contains(" 0 failed; 0 rules without cases"), "{built_in}");
    room.write("ours/quay.yar", OURS);
    let lint = ran(&room, &["rules", "lint", "ours"], 1).out;
    for part in
        ["Plain: has no id", "Plain: says nothing of advice", "Counting: lacks a case", "cases/Counting.toml"]
    {
        assert!(lint.contains(part), "{part}: {lint}");
    }
    let case = "[[match]]\nwhy = \"the words\"\nlines = [\"quay of stones\"]\n[[near]]\nwhy = \"others\"\nlines = [\"key of stones\"]\n";
    room.write("ours/cases/Plain.toml", case);
    let test = ran(&room, &["rules", "test", "ours"], 0).out;
    assert!(
        test.contains("Counting: has no positive case") && test.contains("2 cases tried, 0 failed"),
        "{test}"
    );
    room.write("ours/cases/Plain.toml", case.replace("key", "quay"));
    let test = ran(&room, &["rules", "test", "ours"], 1).out;
    assert!(test.contains("Plain: others: the rule holds for it") && test.contains("1 failed"), "{test}");
    room.write("ours/cases/Plain.toml", "[[match]]\nnonsense = 1\n");
    assert!(ran(&room, &["rules", "test", "ours"], 2).err.contains("Plain.toml"));
}

#[test]
fn an_exploit_convicts_where_it_is_run_and_a_near_miss_is_clean() {
    let parts = ["/usr/bin/pkexec", "GCONV_PATH=./lib", "CHARSET=X", "lib/gconv-modules"];
    let check = |parts: &[&str], start: &str, expect: &str| {
        let room = Room::new();
        let image = image()
            .config(|config| config.entrypoint(&[start]))
            .layer(base().file("opt/tool", 0o755, standin::program_with(parts, 0)))
            .build();
        let (_, report) = room.report(&room.layout("image", &image), &[]);
        let found: Vec<_> =
            report["findings"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(verdict(&report), expect, "{report:#}");
        assert_eq!(found.contains(&"S-ESC-EXPLOIT"), expect != "clean", "{report:#}");
    };
    check(&parts, "/opt/tool", "malicious");
    check(&parts, "/usr/bin/app", "suspicious");
    check(&parts[1..], "/usr/bin/app", "clean");
    let room = Room::new();
    assert!(ran(&room, &["explain", "S-ESC-EXPLOIT"], 0).out.contains("T1068"));
    assert!(ran(&room, &["explain", "s-yara-rule"], 0).out.contains("--rules"));
}
