//! Images are run: the story's five convict by their deeds alone, and nothing of a run stays behind.

use crate::demo::answers;
use crate::room::{Ran, Room, base, files_below, image};
use serde_json::Value;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use test_support::LayerBuilder;
use test_support::standin::acting::{self, Act};
use test_support::story::{benign_images, five_images};

/// Whether this machine can run images. Says so where it cannot, and fails where that must not be left out.
pub(crate) fn can_run(room: &Room) -> bool {
    let doctor = room.run(&["doctor"]);
    if doctor.code != 0 {
        assert!(std::env::var_os("CI").is_none(), "CI runs images, and this machine cannot: {doctor:?}");
        eprintln!("SKIPPED: this machine cannot run images, so none was: {}", doctor.out);
    }
    doctor.code == 0
}

/// The report of a run, which has no word about what the image is at rest.
fn by_deeds(ran: &Ran) -> Value {
    let report = ran.json();
    for finding in report["findings"].as_array().unwrap() {
        assert_eq!(finding["stage"], "dynamic", "{finding}");
    }
    assert!(!report["detonation"]["runs"].as_array().unwrap().is_empty(), "{report}");
    assert!(report["coverage"]["runs"].as_u64().unwrap() > 0, "{report}");
    report
}

/// The evidence of a kind that a finding holds.
fn evidence(report: &Value, id: &str, kind: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["id"] == id);
    let all = findings.flat_map(|finding| finding["evidence"].as_array().unwrap());
    all.filter(|one| one["kind"] == kind).map(|one| one["value"].as_str().unwrap().to_owned()).collect()
}

/// That a run saw the login, the account and the share of one of the five.
fn check_convicted(what: &str, ran: &Ran) {
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "{what}: {ran:?}");
    let report = by_deeds(ran);
    assert_eq!(
        (&report["verdict"], &report["gaps"]),
        (&"malicious".into(), &Value::Array(Vec::new())),
        "{what}"
    );
    let (login, share) = ("D-MIN-STRATUM", "D-MIN-SUBMIT");
    for id in [login, share] {
        let accounts = evidence(&report, id, "account");
        assert!(!accounts.is_empty(), "{what}: {id}: {report}");
        assert!(
            accounts.iter().all(|one| one.len() == 95 && one.starts_with('4')),
            "{what}: {id}: {accounts:?}"
        );
    }
    let told = |id: &str, word: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().any(|one| {
            one["id"] == id
                && one["role"] == "convicts"
                && one["explanation"].as_str().unwrap().contains(word)
        })
    };
    assert!(told(login, "logged in") && told(share, "share"), "{what}: {report}");
    assert_eq!(report["chain"].as_array().unwrap().last().unwrap()["stage"], "dynamic", "{what}");
}

pub(crate) const DETONATE: [&str; 5] = ["detonate", "--quiet", "--no-cache", "--format", "json"];

#[test]
fn the_five_convict_by_their_deeds_alone_and_honest_images_do_not() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let groups = groups_of_the_gone();
    for (number, story) in five_images().iter().enumerate() {
        let layout = room.layout(&format!("five{number}"), &story.image);
        check_convicted(&story.reference, &room.run(&[&DETONATE[..], &[&layout]].concat()));
    }
    for (number, story) in benign_images().iter().enumerate() {
        let layout = room.layout(&format!("benign{number}"), &story.image);
        let ran = room.run(&[&DETONATE[..], &[&layout]].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}: {ran:?}", story.reference);
        let report = by_deeds(&ran);
        assert_eq!(report["verdict"], "clean", "{}: {report}", story.reference);
    }
    assert_eq!(left_behind(&room, &groups), "");
}

#[test]
fn an_ordinary_user_convicts_them_too() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let groups = groups_of_the_gone();
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: whoever runs this is an ordinary user, and all was run so");
        return;
    }
    let open = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let program = room.path("roadstead");
    std::fs::copy(assert_cmd::cargo::cargo_bin!("roadstead"), &program).unwrap();
    open(program.parent().unwrap(), 0o755);
    open(&room.temporary(), 0o777);
    let as_nobody = |words: &[&str]| {
        let mut command = Command::new(&program);
        command.env_clear().env("TMPDIR", room.temporary()).env("HOME", "/nowhere").current_dir("/");
        Ran::of(command.uid(12_345).gid(12_345).args(words))
    };
    let doctor = as_nobody(&["doctor"]);
    if doctor.code != 0 {
        assert!(std::env::var_os("CI").is_none(), "CI runs images as users, and here it cannot: {doctor:?}");
        eprintln!("SKIPPED: an ordinary user cannot run images here: {}", doctor.out);
        return;
    }
    for (number, story) in five_images().iter().enumerate() {
        let path = room.write(&format!("{number}.tar"), story.image.docker_archive(&[&story.reference]));
        open(&path, 0o644);
        let archive = format!("docker-archive:{}", path.display());
        check_convicted(&story.reference, &as_nobody(&[&DETONATE[..], &[&archive]].concat()));
    }
    let demo = as_nobody(&["demo"]);
    assert_eq!((demo.code, demo.err.as_str()), (0, ""), "{demo:?}");
    for story in benign_images() {
        assert_eq!(answers(&demo.out, &story.reference), ("clean", "released"), "{}", demo.out);
    }
    assert_eq!(left_behind(&room, &groups), "");
}

#[test]
fn what_an_image_is_and_does_is_one_verdict_in_the_published_form() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let groups = groups_of_the_gone();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/report.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    for (story, verdict) in [(&five_images()[1], "malicious"), (&benign_images()[1], "clean")] {
        let layout = room.layout(verdict, &story.image);
        let report = room.run(&["scan", "--detonate", "--no-cache", "--format", "json", &layout]).json();
        let errors: Vec<_> = schema.iter_errors(&report).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        assert_eq!(report["verdict"], verdict, "{report}");
        assert!(!report["detonation"]["runs"].as_array().unwrap().is_empty(), "{report}");
        let findings = report["findings"].as_array().unwrap();
        let stages: BTreeSet<&str> = findings
            .iter()
            .filter(|finding| finding["role"] != "context")
            .map(|finding| finding["stage"].as_str().unwrap())
            .collect();
        let chain = report["chain"].as_array().unwrap();
        if verdict == "clean" {
            assert!(stages.is_empty() && chain.is_empty(), "{report}");
            continue;
        }
        assert_eq!(stages, BTreeSet::from(["dynamic", "static"]), "{report}");
        // The chain ends with a finding of the report, and says of itself where that was made.
        let last = chain.last().unwrap();
        let end = findings.iter().find(|finding| finding["id"] == last["finding"]).unwrap();
        assert_eq!(last["stage"], end["stage"], "{report}");
        for format in ["table", "html", "markdown", "sarif", "junit"] {
            let ran = room.run(&["scan", "--detonate", "--no-cache", "--format", format, &layout]);
            assert!(ran.out.contains("D-MIN-SUBMIT"), "{format}: {ran:?}");
        }
    }
    assert_eq!(left_behind(&room, &groups), "");
}

#[test]
fn an_image_that_cannot_be_run_here_is_never_clean() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let foreign = image().config(|config| config.platform("linux", "s390x")).layer(base()).build();
    let ran = room.run(&[&DETONATE[..], &[&room.layout("foreign", &foreign)]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (3, ""), "{ran:?}");
    let report = ran.json();
    let gaps = report["gaps"].to_string();
    assert!(gaps.contains("the image is for linux/s390x") && gaps.contains("linux/amd64"), "{gaps}");
    assert_ne!(report["verdict"], "malicious");
    // Nor one that names nothing to start.
    let empty = test_support::ImageBuilder::new().layer(base()).build();
    let ran = room.run(&[&DETONATE[..], &[&room.layout("empty", &empty)]].concat());
    let not_exercised = ran.json()["detonation"]["not_exercised"].to_string();
    assert!(ran.code == 3 || not_exercised.contains("no program"), "{ran:?}");
}

#[test]
fn the_doctor_says_what_there_is() {
    let room = Room::new();
    let groups = groups_of_the_gone();
    let ran = room.run(&["doctor"]);
    assert_eq!(ran.code, i32::from(ran.out.lines().any(|line| line.starts_with("missing"))), "{ran:?}");
    assert!(ran.out.lines().count() >= 3, "{ran:?}");
    for line in ran.out.lines() {
        assert!(["ok ", "missing ", "without "].iter().any(|mark| line.starts_with(mark)), "{ran:?}");
    }
    can_run(&room);
    assert_eq!(left_behind(&room, &groups), "");
}

#[test]
fn what_is_seen_in_runs_is_explained() {
    let room = Room::new();
    for (id, title) in [("D-MIN-STRATUM", "Login at a mining pool"), ("d-min-submit", "Share submitted")] {
        let ran = room.run(&["explain", id]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
        assert!(ran.out.contains(title) && ran.out.contains("What to do"), "{ran:?}");
    }
}

#[test]
fn packets_are_written_in_pcapng() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let layout = room.layout("five", &five_images()[0].image);
    let pcap = room.path("run.pcapng");
    let ran = room.run(&["detonate", "--quiet", "--no-cache", "--pcap", pcap.to_str().unwrap(), &layout]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let bytes = std::fs::read(&pcap).unwrap();
    let first = u32::from_le_bytes(bytes[..4].try_into().unwrap());
    let order = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
    assert_eq!((first, order), (0x0a0d_0d0a, 0x1a2b_3c4d));
    let said = b"\"method\":\"submit\"";
    assert!(bytes.windows(said.len()).any(|window| window == said), "the share is not among the packets");
}

#[test]
fn a_timeline_has_a_track_for_each_process_and_what_was_found() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let layout = room.layout("five", &five_images()[0].image);
    let (file, kept) = (room.path("run.json"), room.path("kept"));
    let [file, kept] = [&file, &kept].map(|path| path.to_str().unwrap());
    let words = ["detonate", "--quiet", "--no-cache", "--timeline", file, "--keep", kept, &layout];
    let ran = room.run(&words);
    assert_eq!(ran.code, 1, "{ran:?}");
    let text = std::fs::read_to_string(file).unwrap();
    let trace: Value = serde_json::from_str(&text).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let has = |phase: &str, kind: &str, begin: &str| {
        events.iter().any(|event| {
            let name = event["name"].as_str().unwrap();
            event["ph"] == phase && event["cat"] == kind && name.starts_with(begin)
        })
    };
    assert!(has("X", "process", "") && has("i", "exec", "exec /usr/lib/.cache/ld"), "{text}");
    assert!(has("b", "connection", "stratum ") && has("e", "connection", ""), "{text}");
    assert!(has("i", "request", "pool submit 4") && has("i", "finding", "D-MIN-SUBMIT"), "{text}");
    // Each process has a name, and a parent that has one or is the sandbox.
    let tracks: BTreeSet<u64> = events
        .iter()
        .filter(|event| event["name"] == "thread_name")
        .map(|event| event["tid"].as_u64().unwrap())
        .collect();
    // The numbers of a run's tracks begin behind its own.
    for life in events.iter().filter(|event| event["cat"] == "process") {
        let parent = life["args"]["parent"].as_u64().unwrap();
        assert!(tracks.contains(&life["tid"].as_u64().unwrap()), "{life}");
        let run = life["pid"].as_u64().unwrap();
        assert!(parent == 0 || tracks.contains(&(run + parent)), "{life}");
    }
    // The records that were kept give the same one.
    let again = room.path("again.json");
    let again = again.to_str().unwrap();
    let ran = room.run(&["detonate", "--quiet", "--replay", kept, "--timeline", again]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(std::fs::read_to_string(again).unwrap(), text);
    // Who asked for one and has none is told so.
    let nowhere = room.path("no/such/directory/run.json");
    let ran = room.run(&["detonate", "--quiet", "--replay", kept, "--timeline", nowhere.to_str().unwrap()]);
    assert!(ran.out.contains("timeline of the runs: it cannot be written"), "{ran:?}");
}

#[test]
fn the_demo_tells_the_story_from_its_beginning_to_its_end_and_leaves_nothing() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let groups = groups_of_the_gone();
    let began = Instant::now();
    let ran = room.run(&["demo"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    for story in five_images() {
        assert_eq!(answers(&ran.out, &story.reference), ("malicious", "denied"), "{}", ran.out);
    }
    for story in benign_images() {
        assert_eq!(answers(&ran.out, &story.reference), ("clean", "released"), "{}", ran.out);
    }
    let signed = ran.out.lines().filter(|line| line.ends_with(" signatures hold by the gate's release key"));
    assert_eq!(signed.count(), 3, "{}", ran.out);
    let (_, told) = ran.out.split_once("in the sandbox\n").unwrap();
    let rows: Vec<&str> = told.lines().skip(1).take_while(|line| !line.is_empty()).collect();
    assert_eq!(rows.len(), 8, "{}", ran.out);
    for (story, row) in five_images().iter().zip(&rows) {
        assert!(row.starts_with(&story.reference), "{row}");
        assert!(row.contains("  malicious: D-MIN-STRATUM, D-MIN-SUBMIT (login 4"), "{row}");
        assert!(row.ends_with("…, share)"), "{row}");
    }
    for (story, row) in benign_images().iter().zip(&rows[5..]) {
        assert!(row.starts_with(&story.reference) && row.ends_with("  clean"), "{row}");
    }
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
    println!("the demo took {:.1?}", began.elapsed());
    assert_eq!(left_behind(&room, &groups), "");
}

#[test]
fn runs_that_were_kept_are_judged_again_without_running() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    for (name, story, code) in [("bad", &five_images()[2], 1), ("good", &benign_images()[2], 0)] {
        let layout = room.layout(name, &story.image);
        let kept = room.path(&format!("kept-{name}"));
        let kept = kept.to_str().unwrap();
        let ran = room.run(&[&DETONATE[..], &["--thorough", "--keep", kept, &layout]].concat());
        assert_eq!(ran.code, code, "{ran:?}");
        std::fs::remove_dir_all(room.path(name)).unwrap();
        let again = room.run(&[&DETONATE[..], &["--replay", kept]].concat());
        assert_eq!((again.code, again.err.as_str()), (code, ""), "{again:?}");
        let (mut ran, mut again) = (ran.json(), again.json());
        assert!(ran["detonation"]["runs"].as_array().unwrap().len() > 2, "{ran}");
        ran["timing_ms"].take();
        again["timing_ms"].take();
        assert_eq!(ran, again);
    }
}

#[test]
fn records_that_are_not_as_they_were_kept_are_refused() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let layout = room.layout("five", &five_images()[3].image);
    let kept = room.path("kept");
    let words = ["--keep", kept.to_str().unwrap(), &layout];
    assert_eq!(room.run(&[&DETONATE[..], &words].concat()).code, 1);
    let index = kept.join("records.json");
    let text = std::fs::read_to_string(&index).unwrap();
    let record = "linux-amd64-1-as-configured.events";
    let check = |expect: &str| {
        let ran = room.run(&[&DETONATE[..], &["--replay", kept.to_str().unwrap()]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{expect}: {ran:?}");
        assert!(ran.err.starts_with("error: ") && ran.err.contains(expect), "{expect}: {ran:?}");
    };
    for (from, to, expect) in [
        ("roadstead.records/v1", "roadstead.records/v0", "this version reads roadstead.records/v1"),
        (record, "../kept/x.events", "names no record"),
        (record, "records.json", "names no record"),
        (record, "gone.events", "gone.events"),
        ("\"schema\": ", "schema ", "cannot read the records"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        std::fs::write(&index, text.replacen(from, to, 1)).unwrap();
        check(expect);
    }
    std::fs::write(&index, &text).unwrap();
    let bytes = std::fs::read(kept.join(record)).unwrap();
    std::fs::write(kept.join(record), &bytes[..bytes.len() - 1]).unwrap();
    check("ends within event");
    std::fs::remove_file(&index).unwrap();
    check("--keep");
    for more in [&[layout.as_str()][..], &["--pcap", "x"], &["--duration", "5s"]] {
        let ran = room.run(&[&["detonate", "--replay", "kept"][..], more].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{ran:?}");
    }
    assert_eq!(room.run(&["detonate"]).code, 2);
}

/// A program that waits for what nobody says is stopped in the middle.
#[test]
fn who_is_asked_to_stop_leaves_nothing_of_the_run() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let groups = groups_of_the_gone();
    let waits =
        acting::program(&[Act::Connect([203, 0, 113, 9], 49_000), Act::Hear, Act::Hear, Act::Hear], &[], 0);
    let layer = LayerBuilder::new().file("wait", 0o755, waits);
    let built =
        test_support::ImageBuilder::new().config(|config| config.entrypoint(&["/wait"])).layer(layer).build();
    let layout = room.layout("waits", &built);
    let mut command = room.command();
    command.args(["detonate", "--no-cache", &layout]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let began = Instant::now();
    let runs = || {
        let begins = |path: &std::path::PathBuf| path.to_string_lossy().contains("/as-configured-");
        files_below(&room.temporary()).iter().any(|path| path.ends_with("events") && begins(path))
    };
    while !runs() {
        assert!(began.elapsed() < Duration::from_secs(60), "the run did not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .unwrap();
    let asked = Instant::now();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("stopped") && output.stdout.is_empty(), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    assert_eq!(left_behind(&room, &groups), "");
}

/// What a command of this room left: files, mounts and processes that know its directory, and groups of a warden
/// that is gone. The end of a process is noticed a moment after the command's own.
fn left_behind(room: &Room, groups_before: &BTreeSet<PathBuf>) -> String {
    let began = Instant::now();
    loop {
        let mut left: Vec<String> =
            files_below(&room.temporary()).iter().map(|path| path.display().to_string()).collect();
        let directories = std::fs::read_dir(room.temporary()).unwrap();
        left.extend(directories.map(|entry| entry.unwrap().path().display().to_string()));
        left.extend(processes_that_know(&room.temporary()));
        let groups = groups_of_the_gone();
        left.extend(groups.difference(groups_before).map(|path| path.display().to_string()));
        if left.is_empty() || began.elapsed() > Duration::from_secs(10) {
            return left.join(", ");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn processes_that_know(directory: &Path) -> Vec<String> {
    let directory = directory.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    processes
        .filter(|process| process.file_name().unwrap().to_string_lossy().parse::<u32>().is_ok())
        .flat_map(|process| {
            ["environ", "cmdline", "mountinfo"].map(|file| {
                // Processes come and go meanwhile.
                let text = std::fs::read(process.join(file)).unwrap_or_default();
                let knows = String::from_utf8_lossy(&text).contains(directory);
                knows.then(|| process.join(file).display().to_string())
            })
        })
        .flatten()
        .collect()
}

/// Groups that are named after a warden which is no more. Those of runs that go on beside this test are none.
fn groups_of_the_gone() -> BTreeSet<PathBuf> {
    fn below(directory: &Path, depth: usize, found: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if let Some(warden) = entry.file_name().to_str().and_then(|name| name.strip_prefix("roadstead-"))
            {
                let is_gone = !Path::new("/proc").join(warden).exists();
                if is_gone {
                    found.insert(path);
                }
            } else if depth > 0 {
                below(&path, depth - 1, found);
            }
        }
    }
    let mut found = BTreeSet::new();
    below(Path::new("/sys/fs/cgroup"), 4, &mut found);
    found
}
