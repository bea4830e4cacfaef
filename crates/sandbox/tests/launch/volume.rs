//! Guests that do very much: everything is told, and nobody who listens grows with it.

use crate::Test;
use crate::guest::{begin, is_root, spec};
use events::{Act, HostAct};
use sandbox::{Limits, Spec};
use std::path::Path;
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[("a_million_events", a_million_events)];

/// The most that the parent and each process of the sandbox may hold at any time, in bytes.
const MOST_MEMORY: u64 = 128 << 20;

/// A third of the events are about files that nothing else has the name of: what is remembered of them is bounded too.
fn a_million_events() {
    let wanted: u64 = if is_root() { 1_000_000 } else { 100_000 };
    let limits = Limits { wall: Duration::from_secs(900), ..spec("").limits };
    let run = begin(&Spec { limits, ..spec(&format!("guest events {wanted}")) });
    let mut count = 0;
    for event in run.events().unwrap() {
        assert_eq!(event.number, count);
        assert!(!matches!(event.act, Act::Host(HostAct::Lost { .. })), "{event:?}");
        count += 1;
    }
    let finished = run.wait();
    assert_eq!(finished.first, Some(events::Ended::Code(0)), "{}", finished.why);
    assert!(count > wanted, "{count}");
    let own = std::process::id();
    let stewards = children(own);
    let wardens: Vec<u32> = stewards.iter().flat_map(|steward| children(*steward)).collect();
    assert!(!stewards.is_empty() && !wardens.is_empty());
    for process in [own].into_iter().chain(stewards).chain(wardens) {
        let peak = peak(process);
        println!("{process} held {} MiB at most, after {count} events", peak >> 20);
        assert!(peak < MOST_MEMORY, "{process} held {peak} bytes after {count} events");
    }
    run.close().unwrap();
}

fn children(of: u32) -> Vec<u32> {
    let line = format!("PPid:\t{of}");
    let entries = Path::new("/proc").read_dir().unwrap().filter_map(Result::ok);
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| status(*process).lines().any(|found| found == line)).collect()
}

/// The most memory that a process had at any time, in bytes.
fn peak(process: u32) -> u64 {
    let status = status(process);
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn status(process: u32) -> String {
    std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default()
}
