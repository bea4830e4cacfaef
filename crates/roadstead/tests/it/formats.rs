//! The forms of a report, and where they are written.

use crate::room::{Ran, Room, base, image, payload};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use test_support::{Layer, LayerBuilder};

const FORMATS: [&str; 6] = ["table", "json", "sarif", "html", "markdown", "junit"];

fn harmful(room: &Room) -> String {
    let layer = LayerBuilder::new().dir("opt", 0o755).file("opt/x", 0o755, payload());
    room.layout("harmful", &image().layer(base()).layer(layer).build())
}

#[test]
fn every_json_report_follows_the_published_schema() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/report.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let room = Room::new();
    let cut = Layer::new(base().build()).stored(b"\x1f\x8b\x08".to_vec());
    room.write("rootfs/usr/x", payload());
    for locator in [
        harmful(&room),
        room.layout("clean", &image().layer(base()).build()),
        room.layout("cut", &image().layer(cut).build()),
        room.layout("empty", &image().build()),
        format!("dir:{}", room.path("rootfs").display()),
    ] {
        for _ in 0..2 {
            let (_, report) = room.report(&locator, &[]);
            let errors: Vec<_> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{locator}: {errors:?}");
        }
    }
}

#[test]
fn every_format_names_the_verdict_and_the_file_and_is_whole() {
    let room = Room::new();
    let locator = harmful(&room);
    for format in FORMATS {
        let ran = room.scan(&locator, &["--format", format]);
        assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{format}: {ran:?}");
        for word in ["opt/x", "S-MIN-HASH"] {
            assert!(ran.out.contains(word), "{format} lacks {word}: {ran:?}");
        }
        assert!(ran.out.to_lowercase().contains("malicious"), "{format}: {ran:?}");
        assert!(ran.out.ends_with('\n'), "{format} does not end with a line");
        match format {
            "json" => assert_eq!(ran.json()["schema"], "roadstead.report/v1"),
            "sarif" => assert_eq!(ran.json()["version"], "2.1.0"),
            "junit" => check_xml(&ran.out),
            "html" => assert!(ran.out.starts_with("<!doctype html>") && ran.out.contains("</html>")),
            _ => {}
        }
    }
}

fn check_xml(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut depth = 0i32;
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(_) => depth += 1,
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
}

#[test]
fn a_report_in_a_file_is_whole_and_open_to_all_and_nothing_is_printed() {
    let room = Room::new();
    let locator = harmful(&room);
    for format in FORMATS {
        let path = room.write("out/report", "an older and much longer report".repeat(10_000));
        let ran = room.scan(&locator, &["--format", format, "--output", path.to_str().unwrap()]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (1, "", ""), "{format}");
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(written.contains("S-MIN-HASH") && !written.contains("older"), "{format}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644, "{format}");
        assert_eq!(crate::room::files_below(&room.path("out")), [path], "{format} left something beside it");
    }
}

#[test]
fn a_report_that_cannot_be_written_leaves_with_2_and_leaves_no_part() {
    let room = Room::new();
    let ran = room.scan(&harmful(&room), &["--output", "no/such/folder/report.json"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    assert!(ran.err.starts_with("error: cannot write the report to no/such/folder/report.json"), "{ran:?}");
    assert!(!room.path("no").exists());
    let ran = Ran::of(room.scan_command(&harmful(&room), &["--output", "/dev/stdout"]).env("TERM", "xterm"));
    assert!(ran.code == 1 && ran.out.contains("S-MIN-HASH"), "a device is written to as it is: {ran:?}");
}

#[test]
fn a_pipe_gets_no_colours_and_quiet_says_nothing_but_the_result() {
    let room = Room::new();
    let locator = harmful(&room);
    for (name, value) in
        [("NO_COLOR", "1"), ("NO_COLOR", ""), ("TERM", "xterm-256color"), ("CLICOLOR_FORCE", "1")]
    {
        let ran = Ran::of(room.scan_command(&locator, &[]).env(name, value));
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{name}={value}: {ran:?}");
    }
    std::fs::write(room.feed(), format!("{}not a hash\n", crate::room::feed_of(&payload()))).unwrap();
    let told = room.scan(&locator, &[]);
    assert!(told.err.contains("feed.txt"), "what is no hash is said: {told:?}");
    let quiet = room.scan(&locator, &["--quiet"]);
    assert_eq!((quiet.code, quiet.err.as_str()), (1, ""), "{quiet:?}");
    assert!(!quiet.out.is_empty());
}

/// What a terminal would obey, what reorders text, and what a browser would run.
const HOSTILE: &str =
    "\u{1b}[2J\u{7}\u{9b}31m\u{202e}\u{200b}\r\n::error::x<script>alert(1)</script>]]>|`*[a](b)";

#[test]
fn hostile_names_never_reach_the_terminal_raw() {
    let room = Room::new();
    let name = format!("opt/{}", HOSTILE.replace('/', "\\"));
    let layer = LayerBuilder::new().file(&name, 0o755, payload()).symlink(format!("{name}.link"), &name);
    let image = image()
        .config(|config| config.entrypoint(&[HOSTILE]).label(HOSTILE, HOSTILE).user(HOSTILE).author(HOSTILE))
        .layer(base())
        .layer(Layer::from(layer).created_by(HOSTILE))
        .layer(Layer::new(base().build()).media_type(HOSTILE))
        .history(HOSTILE)
        .build();
    let locator = room.layout("image", &image);
    for format in FORMATS {
        let ran = room.scan(&locator, &["--format", format, "--verbose"]);
        assert_eq!(ran.code, 1, "{format}: {ran:?}");
        check_harmless(&ran, format);
        if format == "html" {
            assert!(!ran.out.contains("<script>alert"), "{ran:?}");
        }
    }
    for format in ["table", "json"] {
        let ran = room.run(&["files", "--no-cache", "--format", format, &locator]);
        check_harmless(&ran, format);
    }
    let report = room.scan(&locator, &["--format", "json"]).out;
    let report = room.write("report.json", report);
    check_harmless(&room.run(&["explain", report.to_str().unwrap()]), "explain");
    check_harmless(&room.run(&["scan", &format!("oci:{HOSTILE}")]), "error");
    check_harmless(&room.run(&["explain", HOSTILE]), "error");
    check_harmless(&room.run(&["scan", "--known-hashes", HOSTILE, "x"]), "error");
    check_harmless(&room.run(&["scan", "--mirror", HOSTILE, "x"]), "error");
    check_harmless(&room.run(&["scan", "--platform", HOSTILE, "x"]), "error");
}

fn check_harmless(ran: &Ran, what: &str) {
    for text in [&ran.out, &ran.err] {
        for hidden in ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{200b}', '\r'] {
            assert!(!text.contains(hidden), "{what}: {hidden:?} in {text:?}");
        }
        assert!(!text.contains("\n::error"), "{what}: a line of its own in {text:?}");
    }
}

#[test]
fn a_report_that_lies_about_itself_is_explained_by_what_it_holds() {
    let room = Room::new();
    let mut report = room.report(&harmful(&room), &[]).1;
    report["verdict"] = Value::String("clean".into());
    report["summary"] = Value::String(HOSTILE.into());
    let path = room.write("report.json", report.to_string());
    let ran = room.run(&["explain", path.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("The report says clean; by what it holds the verdict is malicious."), "{ran:?}");
    check_harmless(&ran, "explain");
}
