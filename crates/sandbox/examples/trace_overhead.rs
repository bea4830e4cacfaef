//! What tracing costs: the same programs in the same namespaces, native, traced, and under `strace` with its filter.
//!
//! `cargo run --profile quick -p sandbox --example trace_overhead [ROUNDS [PART OF A NAME]]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use sandbox::trace::alone::Alone;
use std::time::{Duration, Instant};

const PROGRAMS: &[(&str, &str)] = &[
    ("nothing", ":"),
    ("500 x true", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"),
    ("computing", "i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done"),
    ("find and cat 5000 files", "find FILES -type f | xargs cat >/dev/null"),
    ("100000 small writes", "dd if=/dev/zero of=/dev/null bs=1 count=100000 2>/dev/null"),
];

fn main() {
    let mut words = std::env::args().skip(1);
    let rounds: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or(5);
    let only = words.next().unwrap_or_default();
    let files = tempfile::tempdir().unwrap();
    for index in 0..5000 {
        let directory = files.path().join((index / 100).to_string());
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join(index.to_string()), [b'x'; 3000]).unwrap();
    }
    println!(
        "medians of {rounds}; in brackets processor time, which other work on the machine does not change"
    );
    println!("{:26} {:>15} {:>15} {:>15} {:>8}", "", "native s", "traced", "strace", "events");
    for (name, script) in PROGRAMS.iter().filter(|(name, _)| name.contains(&only)) {
        let script = &script.replace("FILES", files.path().to_str().unwrap());
        let strace = format!(
            "exec strace -f --seccomp-bpf -e trace=process,network,file -o /dev/null sh -c '{script}'"
        );
        let mut ran: [Vec<Ran>; 3] = Default::default();
        for _ in 0..rounds {
            ran[0].push(run(script, false));
            ran[1].push(run(script, true));
            ran[2].push(run(&strace, false));
        }
        let events = ran[1].last().map_or(0, |ran| ran.events);
        let median = |ran: &[Ran], of: fn(&Ran) -> f64| {
            let mut values: Vec<f64> = ran.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let [native, traced, strace] =
            ran.map(|ran| (median(&ran, |ran| ran.wall), median(&ran, |ran| ran.cpu)));
        let ratio = |of: (f64, f64)| format!("{:.2} x ({:.2} x)", of.0 / native.0, of.1 / native.1);
        let seconds = format!("{:.3} ({:.3})", native.0, native.1);
        println!("{name:26} {seconds:>15} {:>15} {:>15} {events:8}", ratio(traced), ratio(strace));
    }
    for (name, script) in [
        ("sleep 86400", "sleep 86400"),
        ("216 x sleep 100", "i=0; while [ $i -lt 216 ]; do sleep 100; i=$((i+1)); done"),
        ("300000 opens", "i=0; while [ $i -lt 300000 ]; do : </dev/null; i=$((i+1)); done"),
    ]
    .iter()
    .filter(|(name, _)| name.contains(&only))
    {
        let ran = run(script, true);
        println!("{name:26} {:9.3} s, {} events, at most {} MiB resident", ran.wall, ran.events, resident());
    }
}

struct Ran {
    wall: f64,
    cpu: f64,
    events: u64,
}

fn run(script: &str, traced: bool) -> Ran {
    let overlay = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut alone = Alone::new(&["/bin/sh", "-c", script]);
    alone.overlay = Some(overlay.path().to_path_buf());
    alone.traced = traced;
    alone.limits.wall = Duration::from_secs(600);
    let (began, cpu) = (Instant::now(), used());
    let told = alone.run(|_| false).unwrap();
    Ran { wall: began.elapsed().as_secs_f64(), cpu: used() - cpu, events: told.count }
}

/// Seconds of a processor that this process and all that it waited for have used.
fn used() -> f64 {
    let line = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = line.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The most memory that this process had, in mebibytes: events are counted as they come and not kept.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
