//! The images of the story convict by what they are, and not by what a list could know of them.

use crate::room::{Room, files_below};
use std::collections::{BTreeMap, BTreeSet};
use test_support::story::{Without, five_images_without};

/// Class of evidence and the ids of the findings that count, for an image on which no list has a word.
type Evidence = BTreeMap<String, BTreeSet<String>>;

#[test]
fn the_five_convict_by_structure_whatever_is_taken_from_them() {
    for without in ["", "names", "hashes", "wallets", "names,hashes", "names,hashes,wallets"] {
        let room = Room::new();
        let five = five_without(&room, without);
        assert_eq!(five.len(), 5, "{without}");
        for (image, report) in five {
            let evidence = evidence(&report);
            println!("without {without:<20} {image}: {evidence:?}");
            assert_eq!(report["verdict"], "malicious", "without {without}: {image}: {evidence:?}");
            assert!(evidence.len() >= 2, "without {without}: {image}: {evidence:?}");
            let has = |id: &str| evidence.values().any(|ids| ids.contains(id));
            // No list is read here, so nothing can rest on a hash.
            assert!(!has("S-MIN-HASH") && has("S-MIN-FAMILY"), "{image}: {evidence:?}");
            assert_eq!(has("S-MIN-XMRADDR"), !without.contains("wallets"), "{image}: {evidence:?}");
            let said = report["findings"].to_string();
            for name in ["xmrig", "XMRig", "dao.py", "/.cache", "/.fonts", "/.x", "config.json", "thanhtudo"]
            {
                assert!(!without.contains("names") || !said.contains(name), "{name} in {said}");
            }
        }
    }
}

/// What a program is and what it is told are found independently of each other: each convicts where nothing is known
/// of the other, and nothing could be on a list.
#[test]
fn either_half_of_the_evidence_convicts_without_the_other() {
    for (without, classes) in [
        (Without { engine: true, ..Without::LISTED }, ["REACH", "REACH", "REACH", "CONFIG", "CONFIG"]),
        (Without { orders: true, ..Without::LISTED }, ["FILE"; 5]),
    ] {
        let room = Room::new();
        for (number, (story, class)) in five_images_without(without).iter().zip(classes).enumerate() {
            let layout = room.layout(&format!("image{number}"), &story.image);
            let report = room.run(&["scan", "--no-cache", "--format", "json", &layout]).json();
            let evidence = evidence(&report);
            println!("{without:?} {number}: {evidence:?}");
            assert_eq!(report["verdict"], "malicious", "{without:?} {number}: {evidence:?}");
            let findings = report["findings"].as_array().unwrap();
            let convicts = findings.iter().any(|one| one["role"] == "convicts" && one["class"] == class);
            assert!(convicts, "{without:?} {number}: {evidence:?}");
        }
    }
    let bare = Without { engine: true, orders: true, ..Without::LISTED };
    for (number, story) in five_images_without(bare).iter().enumerate() {
        let room = Room::new();
        let report =
            room.run(&["scan", "--no-cache", "--format", "json", &room.layout("x", &story.image)]).json();
        // Nothing is left but a program, which for one of the five lies among temporary files.
        assert_ne!(report["verdict"], "malicious", "{number}: {:?}", evidence(&report));
    }
}

#[test]
fn the_demo_says_what_is_left_when_all_is_taken() {
    let room = Room::new();
    let told = room.run(&["demo", "--no-run"]);
    let left = "  with names, hashes and wallets removed: malicious (";
    assert_eq!(told.out.lines().filter(|line| line.starts_with(left)).count(), 5, "{}", told.out);
    let bare = room.run(&["demo", "--no-run", "--without", "names,hashes,wallets"]);
    assert_eq!(bare.code, 0, "{bare:?}");
    assert!(!bare.out.contains("S-MIN-HASH") && !bare.out.contains(left), "{}", bare.out);
    let wrong = room.run(&["demo", "--without", "shame"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""), "{wrong:?}");
}

fn five_without(room: &Room, without: &str) -> Vec<(String, serde_json::Value)> {
    let kept = room.path("kept");
    let mut command = vec!["demo", "--no-run", "--keep", kept.to_str().unwrap()];
    if !without.is_empty() {
        command.extend(["--without", without]);
    }
    let ran = room.run(&command);
    assert_eq!(ran.code, 0, "{ran:?}");
    let images = files_below(&kept).into_iter().map(|path| path.display().to_string());
    let five = images.filter(|path| !path.contains("harbor-pilots"));
    five.map(|path| {
        let ran = room.run(&["scan", "--no-cache", "--format", "json", &path]);
        (path.rsplit('/').next().unwrap_or_default().to_owned(), ran.json())
    })
    .collect()
}

fn evidence(report: &serde_json::Value) -> Evidence {
    let mut evidence = Evidence::new();
    for finding in report["findings"].as_array().unwrap().iter().filter(|one| one["role"] != "context") {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        evidence.entry(text("class")).or_default().insert(text("id"));
    }
    evidence
}
