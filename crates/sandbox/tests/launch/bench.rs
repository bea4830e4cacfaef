//! How long it takes from nothing to the guest's first instruction, and back to nothing; beside it other launchers
//! with the same tree. Runs only when asked for: `cargo test -p sandbox --test launch -- bench`.

use crate::Test;
use crate::guest::{begin, image, spec};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[("bench_start", bench_start)];

const ROUNDS: usize = 30;

fn bench_start() {
    if !std::env::args().any(|word| word.contains("bench")) {
        return;
    }
    let (mut ready, mut first, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut spec = spec("");
        spec.start.argv = vec![b"true".to_vec()];
        let run = begin(&spec);
        ready.push(began.elapsed());
        run.events().map(Iterator::count);
        run.wait();
        first.push(began.elapsed());
        let ended = Instant::now();
        run.close().unwrap();
        gone.push(ended.elapsed());
    }
    println!(
        "sandbox: ready {:.1?}, `true` has run {:.1?}, nothing left after {:.1?} (medians of {ROUNDS})",
        median(ready),
        median(first),
        median(gone)
    );
    let root = image().display().to_string();
    let words = ["--unshare-all", "--bind", &root, "/", "--proc", "/proc", "--dev", "/dev", "true"];
    other("bwrap", &words);
    if rustix::process::geteuid().is_root() {
        runc(&root);
    }
}

fn other(program: &str, words: &[&str]) {
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let status = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            println!("skipped: {program} is not there or cannot run here");
            return;
        }
        took.push(began.elapsed());
    }
    println!("{program}: {:.1?} in all (median of {ROUNDS})", median(took));
}

fn runc(root: &str) {
    let bundle = tempfile::tempdir().unwrap();
    let made = Command::new("runc").arg("spec").current_dir(bundle.path()).status();
    if !made.is_ok_and(|made| made.success()) {
        println!("skipped: runc is not there");
        return;
    }
    let path = bundle.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text
        .replace("\"rootfs\"", &format!("{root:?}"))
        .replace("\"sh\"", "\"true\"")
        .replace("\"terminal\": true", "\"terminal\": false");
    std::fs::write(&path, text).unwrap();
    let place = bundle.path().display().to_string();
    other("runc", &["run", "--bundle", &place, "launch-bench"]);
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() / 2]
}
