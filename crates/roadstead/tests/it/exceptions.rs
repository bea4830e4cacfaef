//! Exceptions, as people give them.

use crate::room::{Ran, Room, base, image, known, payload, verdict};
use test_support::{FakeRegistry, Image, Layer, sha256_hex};

fn planted() -> Image {
    image().layer(base().file("opt/x", 0o755, payload())).build()
}

/// An exception with these lines besides who, why and until when.
fn list(until: &str, lines: &str) -> String {
    format!("[[exception]]\nreason = \"it is ours\"\nauthor = \"ops\"\nexpires = {until}\n{lines}\n")
}

fn for_content(until: &str) -> String {
    list(until, &format!("finding = \"S-MIN-HASH\"\nsha256 = \"{}\"", sha256_hex(&payload())))
}

fn scan(room: &Room, locator: &str, exceptions: &str, more: &[&str]) -> Ran {
    let file = room.write("exceptions.toml", exceptions).display().to_string();
    room.scan(locator, &[&["--exceptions", &file], more].concat())
}

#[test]
fn an_accepted_finding_is_shown_and_does_not_count() {
    let room = Room::new();
    let locator = room.layout("image", &planted());
    assert_eq!(room.scan(&locator, &[]).code, 1);
    let ran = scan(&room, &locator, &for_content("2999-12-31"), &["--format", "json"]);
    let report = ran.json();
    assert_eq!((ran.code, verdict(&report), known(&report).len()), (0, "clean", 1), "{ran:?}");
    let finding =
        report["findings"].as_array().unwrap().iter().find(|one| one["id"] == "S-MIN-HASH").unwrap();
    assert_eq!((&finding["role"], &finding["exception"]["author"]), (&"convicts".into(), &"ops".into()));
    assert_eq!(
        (&report["exceptions"][0]["state"], &report["exceptions"][0]["findings"]),
        (&"used".into(), &1.into())
    );
    assert!(report["summary"].as_str().unwrap().contains("under an exception"), "{report}");
    assert!(!ran.err.contains("warning"), "{ran:?}");
    let explained = room.write("report.json", &ran.out).display().to_string();
    let explained = room.run(&["explain", &explained]);
    assert!(explained.out.contains("Without exceptions the verdict would be malicious"), "{explained:?}");
}

#[test]
fn an_exception_is_over_after_its_last_day_and_said_to_be() {
    let room = Room::new();
    let locator = room.layout("image", &planted());
    let ran = scan(&room, &locator, &for_content("2020-02-29"), &["--format", "json"]);
    assert_eq!((ran.code, verdict(&ran.json())), (1, "malicious"));
    assert!(
        ran.err.contains("warning: the exception for S-MIN-HASH")
            && ran.err.contains("expired on 2020-02-29")
    );
    let quiet = scan(&room, &locator, &for_content("2020-02-29"), &["--quiet"]);
    assert!(quiet.err.is_empty() && quiet.out.contains("Exceptions: 0 of 1 used"), "{quiet:?}");
}

#[test]
fn an_exception_for_something_else_changes_nothing_and_is_said_to_be_unused() {
    let room = Room::new();
    let image = planted();
    let locator = room.layout("image", &image);
    for lines in [
        format!("finding = \"S-IOC-HASH\"\nsha256 = \"{}\"", sha256_hex(&payload())),
        format!("finding = \"S-MIN-HASH\"\nsha256 = \"{}\"", sha256_hex(b"other")),
        format!("finding = \"S-MIN-HASH\"\npath = \"/opt/y\"\nimage = \"{}\"", image.digest()),
        // The layout is called by its directory; it may not call itself anything else.
        "finding = \"S-MIN-HASH\"\npath = \"/opt/x\"\nimage = \"image\"".to_owned(),
    ] {
        let ran = scan(&room, &locator, &list("2999-12-31", &lines), &[]);
        assert_eq!(ran.code, 1, "{lines}: {ran:?}");
        assert!(ran.err.contains("is unused") && ran.out.contains("is unused"), "{lines}: {ran:?}");
    }
    let place = format!("finding = \"S-MIN-HASH\"\npath = \"/opt/x\"\nimage = \"{}\"", image.digest());
    assert_eq!(scan(&room, &locator, &list("2999-12-31", &place), &[]).code, 0);
}

#[test]
fn an_archive_cannot_choose_its_exceptions_by_its_name() {
    let room = Room::new();
    let name = "registry.example/team/app:1.4";
    let path = room.write("image.tar", planted().docker_archive(&[name]));
    let lines = "finding = \"S-MIN-HASH\"\npath = \"/opt/x\"\nimage = \"registry.example/team/app\"";
    for locator in [path.display().to_string(), format!("docker-archive:{}:{name}", path.display())] {
        let ran = scan(&room, &locator, &list("2999-12-31", lines), &[]);
        assert_eq!(ran.code, 1, "{ran:?}");
    }
}

#[test]
fn an_image_is_known_by_the_name_that_a_registry_was_asked_for() {
    let registry = FakeRegistry::new().image("team/app", "1.4", &planted()).start();
    let room = Room::new();
    let locator = format!("docker://{}", registry.reference("team/app:1.4"));
    let check = |scope: &str, expect: i32| {
        let lines = format!("finding = \"S-MIN-HASH\"\npath = \"/opt/x\"\nimage = \"{scope}\"");
        let ran = scan(&room, &locator, &list("2999-12-31", &lines), &["--plain-http", &registry.host()]);
        assert_eq!(ran.code, expect, "{scope}: {ran:?}");
    };
    check(&registry.reference("team/app"), 0);
    check(&registry.reference("team/app:1.4"), 0);
    check(&registry.reference("team/app:1.5"), 1);
    check(&registry.reference("team/other"), 1);
    check("team/app", 1);
}

#[test]
fn a_gap_cannot_be_excepted() {
    let room = Room::new();
    let cut = Layer::new(base().file("opt/x", 0o755, payload()).build()[..2200].to_vec());
    let locator = room.layout("image", &image().layer(base()).layer(cut).build());
    let ran = scan(&room, &locator, &for_content("2999-12-31"), &["--format", "json"]);
    assert_eq!((ran.code, verdict(&ran.json())), (3, "incomplete"), "{ran:?}");
    for lines in
        ["gap = \"layer 1\"", "finding = \"*\"\nimage = \"a/b\"", "finding = \"S-*\"\nimage = \"a/b\""]
    {
        let ran = scan(&room, &locator, &list("2999-12-31", lines), &[]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{lines}: {ran:?}");
        assert!(ran.err.contains("exceptions.toml") && ran.err.contains("because"), "{ran:?}");
    }
    let missing = room.scan(&locator, &["--exceptions", "nowhere.toml"]);
    assert!(
        missing.code == 2 && missing.err.contains("cannot open the exceptions nowhere.toml"),
        "{missing:?}"
    );
}

#[test]
fn a_kept_verdict_is_not_used_under_other_exceptions() {
    let room = Room::new();
    let path = room.write("image.tar", planted().docker_archive(&["app:1"])).display().to_string();
    for _ in 0..2 {
        assert_eq!(room.scan(&path, &[]).code, 1);
        assert_eq!(scan(&room, &path, &for_content("2999-12-31"), &[]).code, 0);
        assert_eq!(scan(&room, &path, &for_content("2020-01-01"), &[]).code, 1);
    }
}

#[test]
fn an_id_that_no_finding_has_is_named() {
    let room = Room::new();
    let locator = room.layout("image", &planted());
    let ran = scan(&room, &locator, &for_content("2999-12-31").replace("S-MIN-HASH", "S-MIN-HASHH"), &[]);
    assert!(ran.code == 1 && ran.err.contains("no finding of this version is called S-MIN-HASHH"), "{ran:?}");
}

#[test]
fn every_format_shows_the_exception() {
    let room = Room::new();
    let locator = room.layout("image", &planted());
    for format in ["table", "json", "sarif", "html", "markdown", "junit"] {
        let ran = scan(&room, &locator, &for_content("2999-12-31"), &["--format", format]);
        assert!(ran.code == 0 && ran.out.contains("it is ours"), "{format}: {ran:?}");
    }
}
