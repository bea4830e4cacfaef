//! The commands beside `scan`.

use crate::demo::{answers, left_of, without_times};
use crate::room::{Ran, Room, base, files_below, image, payload};
use serde_json::Value;
use std::io::Write as _;
use std::process::Stdio;
use test_support::story::{benign_images, five_images};
use test_support::{Layer, LayerBuilder, sha256_digest, sha256_hex};

fn layered(room: &Room) -> String {
    let image = image()
        .layer(base().dir("etc", 0o755).file("etc/a", 0o600, b"a").file("etc/b", 0o644, b"b"))
        .layer(
            LayerBuilder::new()
                .owner(1000, 100)
                .file("etc/a", 0o4755, b"again")
                .whiteout("etc/b")
                .symlink("etc/link", "a")
                .hardlink("etc/hard", "etc/a"),
        )
        .build();
    room.layout("layered", &image)
}

fn listed(room: &Room, more: &[&str]) -> Vec<Value> {
    let locator = layered(room);
    let ran = room.run(&[&["files", "--no-cache", "--format", "json", &locator], more].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn paths(files: &[Value]) -> Vec<&str> {
    files.iter().map(|file| file["path"].as_str().unwrap()).collect()
}

#[test]
fn files_lists_what_a_runtime_shows() {
    let room = Room::new();
    let files = listed(&room, &[]);
    assert_eq!(
        paths(&files),
        ["/etc", "/etc/a", "/etc/hard", "/etc/link", "/usr", "/usr/bin", "/usr/bin/app"]
    );
    let a = &files[1];
    assert_eq!((&a["kind"], &a["mode"], &a["size"]), (&"file".into(), &0o4755.into(), &5.into()));
    assert_eq!((&a["uid"], &a["gid"], &a["layer"]), (&1000.into(), &100.into(), &1.into()));
    assert_eq!(a["sha256"], sha256_hex(b"again"));
    assert_eq!(files[2]["sha256"], a["sha256"]);
    assert_eq!((&files[3]["kind"], &files[3]["link"]), (&"symlink".into(), &"a".into()));
    let lines = room.run(&["files", "--no-cache", &layered(&room)]);
    assert_eq!((lines.code, lines.out.lines().count()), (0, files.len()), "{lines:?}");
    assert!(lines.out.contains("/etc/link -> a"), "{lines:?}");
}

#[test]
fn files_shows_any_number_of_layers() {
    let room = Room::new();
    let below = listed(&room, &["--layers", "1"]);
    assert_eq!(paths(&below), ["/etc", "/etc/a", "/etc/b", "/usr", "/usr/bin", "/usr/bin/app"]);
    assert_eq!(below[1]["mode"], 0o600);
    assert_eq!(listed(&room, &["--layers", "0"]).len(), 0);
    assert_eq!(listed(&room, &["--layers", "99"]), listed(&room, &[]));
}

#[test]
fn files_of_an_image_that_is_not_wholly_read_leaves_with_3() {
    let room = Room::new();
    let whole = || Layer::new(base().build());
    for (layer, expect) in [
        (Layer::new(base().build()[..700].to_vec()), "linux/amd64, layer 1"),
        (whole().digest(&sha256_digest(b"other")), "digest-mismatch"),
        (whole().diff_id(&sha256_digest(b"other")), "diff-id-mismatch"),
        (Layer::from(base().trailing(b"more")), "trailing-data"),
        (whole().stored(Vec::new()).absent(), "layer 1"),
    ] {
        let locator = room.layout("image", &image().layer(base()).layer(layer).build());
        let ran = room.run(&["files", "--no-cache", &locator]);
        assert_eq!(ran.code, 3, "{expect}: {ran:?}");
        assert!(ran.err.contains("not read: linux/amd64, layer 1") && ran.err.contains(expect), "{ran:?}");
        assert_eq!(
            room.run(&["files", "--no-cache", "--layers", "1", &locator]).code,
            0,
            "the layer below is whole"
        );
    }
}

#[test]
fn explain_knows_every_finding_and_every_report() {
    let room = Room::new();
    for id in ["S-MIN-HASH", "s-min-hash", "S-CFG-NOSTART", "S-EVA-ARTIFACT"] {
        let ran = room.run(&["explain", id]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
        assert!(ran.out.starts_with(&id.to_uppercase()) && ran.out.contains("What to do"), "{ran:?}");
    }
    let image = image().layer(base().file("opt/x", 0o755, payload())).build();
    let report = room.scan(&room.layout("image", &image), &["--format", "json"]).out;
    let path = room.write("report.json", &report);
    let from_file = room.run(&["explain", path.to_str().unwrap()]);
    assert_eq!((from_file.code, from_file.err.as_str()), (0, ""), "{from_file:?}");
    for word in ["malicious", "S-MIN-HASH", "/opt/x", "Why"] {
        assert!(from_file.out.contains(word), "{word}: {from_file:?}");
    }
    let mut child =
        room.command().args(["explain", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(report.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), from_file.out);
}

#[test]
fn every_finding_that_a_scan_makes_can_be_explained() {
    let room = Room::new();
    let odd =
        LayerBuilder::new().file("opt/x", 0o755, payload()).file("opt/x", 0o755, payload()).device("d", 1, 3);
    let image = image().config(|config| config.workdir("/proc/self/fd/8")).layer(odd).build();
    let (_, report) = room.report(&room.layout("image", &image), &[]);
    for finding in report["findings"].as_array().unwrap() {
        let id = finding["id"].as_str().unwrap();
        assert_eq!(room.run(&["explain", id]).code, 0, "{id}");
    }
}

#[test]
fn the_cache_can_be_shown_and_cleared() {
    let room = Room::new();
    let locator = layered(&room);
    assert_eq!(room.scan(&locator, &[]).code, 0);
    let dir = room.cache().display().to_string();
    let shown = room.run(&["cache", "path", "--cache-dir", &dir]);
    assert_eq!((shown.code, shown.out.as_str()), (0, format!("{dir}\n").as_str()), "{shown:?}");
    assert!(!files_below(&room.cache()).is_empty());
    let foreign = room.write("cache/notes.txt", "not ours");
    let cleared = room.run(&["cache", "clear", "--cache-dir", &dir]);
    assert_eq!((cleared.code, cleared.out.as_str(), cleared.err.as_str()), (0, "", ""), "{cleared:?}");
    assert_eq!(files_below(&room.cache()), [foreign], "clearing takes what the program kept and no more");
    let home = room.run(&["cache", "path"]);
    assert_eq!(home.out, format!("{}\n", room.path("home/.cache/roadstead").display()));
    let nowhere = Ran::of(room.command().env_remove("HOME").args(["cache", "path"]));
    assert_eq!((nowhere.code, nowhere.out.as_str()), (2, ""), "{nowhere:?}");
}

#[test]
fn help_and_version_are_results() {
    let room = Room::new();
    for command in ["scan", "files", "explain", "demo", "cache", "feeds"] {
        let ran = room.run(&[command, "--help"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command}: {ran:?}");
        assert!(ran.out.contains("Usage: roadstead"), "{command}: {ran:?}");
        if ["scan", "files", "explain"].contains(&command) {
            assert!(ran.out.contains("Examples:\n"), "{command}: {ran:?}");
        }
        assert!(ran.out.lines().all(|line| line.len() <= 110), "{command}: {ran:?}");
    }
    let help = room.run(&["--help"]);
    assert!(help.code == 0 && help.out.contains("Exit codes"), "{help:?}");
    let version = room.run(&["--version"]);
    assert_eq!(version.out, format!("roadstead {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn nobody_reads_the_output_and_nothing_breaks() {
    let room = Room::new();
    let locator = layered(&room);
    let mut command = room.command();
    command.args(["files", "--no-cache", &locator]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8(output.stderr).unwrap().contains("panicked"));
    assert!(output.status.code().is_some());
}

#[test]
fn the_demo_tells_the_story_and_leaves_nothing() {
    let room = Room::new();
    let ran = room.run(&["demo", "--no-run"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    for story in five_images() {
        assert_eq!(answers(&ran.out, &story.reference), ("malicious", "denied"), "{}", ran.out);
    }
    for story in benign_images() {
        assert_eq!(answers(&ran.out, &story.reference), ("clean", "held"), "{}", ran.out);
    }
    let denied = ran.out.lines().filter(|line| line.contains(" is denied by the rule malicious: ")).count();
    let held = ran.out.lines().filter(|line| line.contains(" is held by the rule not-run: ")).count();
    assert_eq!((denied, held), (5, 3), "{}", ran.out);
    assert!(ran.out.contains("Not run: --no-run") && !ran.out.contains("in the sandbox\n"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    assert!(!ran.out.contains("127.0.0.1"), "the gate is gone, and nobody is sent to it: {}", ran.out);
    assert_eq!(left_of(&room), "");
    let again = room.run(&["demo", "--no-run"]);
    assert_eq!(without_times(&again.out), without_times(&ran.out), "told twice, the story is the same");
    assert_ne!(without_times(&ran.out), ran.out, "and how long each took stands in it");
}

#[test]
fn the_demo_leaves_its_images_where_it_is_told_to() {
    let room = Room::new();
    let kept = room.path("kept");
    let ran = room.run(&["demo", "--no-run", "--images", kept.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(files_below(&kept).len(), 8);
    for image in files_below(&kept) {
        let ran = room.run(&["scan", "--no-cache", "--format", "json", &image.display().to_string()]);
        // Without the list of the story nothing knows the stand-ins, and every layer is read all the same.
        assert_ne!(ran.code, 2, "{ran:?}");
        assert_eq!(ran.json()["gaps"], Value::Array(Vec::new()), "{ran:?}");
    }
}

#[test]
fn a_cache_that_is_cleared_under_a_scan_changes_nothing() {
    let room = Room::new();
    let locator = layered(&room);
    let fresh = room.report(&locator, &["--no-cache"]).1["findings"].clone();
    let dir = room.cache().display().to_string();
    let scans: Vec<_> = (0..4)
        .map(|_| room.scan_command(&locator, &["--format", "json"]).stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    for scan in scans {
        assert_eq!(room.run(&["cache", "clear", "--cache-dir", &dir]).code, 0);
        let output = scan.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["findings"], fresh);
    }
    assert_eq!(room.report(&locator, &["--cache-size", "0"]).0, 0);
    assert!(files_below(&room.cache()).is_empty(), "nothing fits into nothing");
}
