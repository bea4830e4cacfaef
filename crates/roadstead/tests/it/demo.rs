//! The images of the story convict by what they are, and not by what a list could know of them; and the demo tells the story
//! from its beginning to its end, and leaves nothing.

use crate::detonate::can_run;
use crate::room::{Ran, Room, files_below};
use base64::Engine as _;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use test_support::peer;
use test_support::story::{StoryImage, Without, benign_images, five_images, five_images_without};

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

/// What stands in the alert's table of an image: its verdict and what the gate answered.
pub(crate) fn answers<'t>(told: &'t str, reference: &str) -> (&'t str, &'t str) {
    let row = told.lines().find(|line| line.starts_with(reference)).unwrap_or_else(|| panic!("{told}"));
    let words: Vec<&str> = row.split_whitespace().collect();
    let [.., verdict, gate, _, "s"] = words.as_slice() else { panic!("{row}") };
    (verdict, gate)
}

/// The story without the times that stand in it.
pub(crate) fn without_times(told: &str) -> String {
    let line = |line: &str| match line.strip_suffix(" s") {
        Some(rest) if rest.ends_with(|end: char| end.is_ascii_digit()) => {
            rest.trim_end_matches(|end: char| end.is_ascii_digit() || " .".contains(end)).to_owned()
        }
        _ => line.to_owned(),
    };
    told.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Whatever the child left among its temporary files or in its home; nothing, after a moment.
pub(crate) fn left_of(room: &Room) -> String {
    let began = Instant::now();
    loop {
        let entries = std::fs::read_dir(room.temporary()).unwrap();
        let mut left: Vec<_> = entries.map(|entry| entry.unwrap().path().display().to_string()).collect();
        left.extend(room.path("home").exists().then(|| "home".to_owned()));
        if left.is_empty() || began.elapsed() > Duration::from_secs(5) {
            return left.join(", ");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A terminal of the test's own: what the child writes to it comes out here.
fn terminal() -> (std::fs::File, std::fs::File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = std::fs::File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (ours.into(), theirs)
}

#[test]
fn a_gate_that_is_kept_open_answers_until_it_is_ended_and_is_gone_then() {
    let room = Room::new();
    let (ours, theirs) = terminal();
    let mut command = room.command();
    command.args(["demo", "--no-run", "--keep"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(theirs);
    let mut child = command.spawn().unwrap();
    drop(command);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(ours).lines().map_while(Result::ok) {
            let _ = tell.send(line);
        }
    });
    let mut all = Vec::new();
    let mut word_after = |label: &str| loop {
        let line = told.recv_timeout(Duration::from_secs(120));
        let line = line.unwrap_or_else(|_| panic!("{label}: {all:#?}"));
        all.push(line.clone());
        if let Some((_, rest)) = line.split_once(label) {
            return rest.trim().split([' ', ',']).next().unwrap_or_default().to_owned();
        }
    };
    let console = word_after("Console:");
    let password = word_after("with the password ");
    let host =
        console.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/console")).unwrap().to_owned();
    let ask = |path: &str, authorization: &str| {
        let mut stream = TcpStream::connect(&host).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask("/readyz", "").starts_with("HTTP/1.1 200"));
    let login = base64::engine::general_purpose::STANDARD.encode(format!("demo:{password}"));
    let token = ask("/token?service=roadstead&scope=registry:admin:*", &format!("Basic {login}"));
    assert!(token.starts_with("HTTP/1.1 200") && token.contains("\"token\""), "{token}");
    assert!(child.try_wait().unwrap().is_none());
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(&host).is_err());
    assert_eq!(left_of(&room), "");
}

#[test]
fn nothing_is_kept_open_that_nobody_could_end() {
    let room = Room::new();
    let ran = room.run(&["demo", "--no-run", "--keep"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("not kept open"), "{ran:?}");
    assert_eq!(left_of(&room), "");
}

#[test]
fn who_is_stopped_or_fails_in_the_middle_leaves_nothing() {
    let room = Room::new();
    let mut command = room.command();
    command.arg("demo").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let began = Instant::now();
    // The gate has begun to look at the first image.
    let works = || {
        let files = files_below(&room.temporary());
        files.iter().any(|path| path.to_string_lossy().contains("/gate/scratch/analysis-"))
    };
    while !works() {
        assert!(began.elapsed() < Duration::from_secs(60), "the gate did not begin");
        std::thread::sleep(Duration::from_millis(2));
    }
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("stopped") && output.stdout.is_empty(), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    assert_eq!(left_of(&room), "");
    // Where the images cannot be written, nothing is begun.
    room.write("file", b"");
    let failed = room.run(&["demo", "--no-run", "--images", "file/below"]);
    assert!(failed.code == 2 && failed.err.contains("file/below"), "{failed:?}");
    assert_eq!(left_of(&room), "");
}

/// A machine that makes no namespaces: what reading convicts is denied, and nothing that was to be run is released.
#[test]
fn where_nothing_can_be_run_the_demo_says_so_and_shows_the_rest() {
    let Some(unshare) = peer("unshare") else { return };
    let room = Room::new();
    let none = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" demo";
    let mut command = std::process::Command::new(unshare);
    command
        .args(["--user", "--map-root-user", "sh", "-c", none])
        .arg(assert_cmd::cargo::cargo_bin!("roadstead"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TMPDIR", room.temporary());
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("`roadstead doctor` says more"), "{ran:?}");
    assert!(ran.out.contains("\nNot run: ") && !ran.out.contains("in the sandbox\n"), "{}", ran.out);
    for story in five_images() {
        assert_eq!(answers(&ran.out, &story.reference), ("malicious", "denied"), "{}", ran.out);
    }
    for story in benign_images() {
        assert_eq!(answers(&ran.out, &story.reference), ("clean", "held"), "{}", ran.out);
    }
    assert_eq!(left_of(&room), "");
}

/// The README shows what the program prints, but for how long it took on somebody's machine.
#[test]
fn the_readme_shows_what_the_demo_prints() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, rest) = readme.split_once("<!-- demo:begin -->\n```text\n").unwrap();
    let (shown, _) = rest.split_once("\n```\n<!-- demo:end -->").unwrap();
    let ran = room.run(&["demo"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told: Vec<&str> = ran.out.trim_end().lines().map(str::trim_end).collect();
    assert_eq!(without_times(&told.join("\n")), without_times(shown), "run cargo xtask reference");
}

/// The five as archives on the disk, with something taken from them.
fn five_without(room: &Room, told: &str) -> Vec<(String, serde_json::Value)> {
    let has = |what: &str| told.split(',').any(|word| word == what);
    let without =
        Without { names: has("names"), hashes: has("hashes"), wallets: has("wallets"), ..Without::default() };
    let scan = |(number, story): (usize, &StoryImage)| {
        let path = room.write(&format!("{number}.tar"), story.image.docker_archive(&[&story.reference]));
        let ran = room.run(&["scan", "--no-cache", "--format", "json", path.to_str().unwrap()]);
        (story.reference.clone(), ran.json())
    };
    five_images_without(without).iter().enumerate().map(scan).collect()
}

fn evidence(report: &serde_json::Value) -> Evidence {
    let mut evidence = Evidence::new();
    for finding in report["findings"].as_array().unwrap().iter().filter(|one| one["role"] != "context") {
        let text = |key: &str| finding[key].as_str().unwrap().to_owned();
        evidence.entry(text("class")).or_default().insert(text("id"));
    }
    evidence
}
