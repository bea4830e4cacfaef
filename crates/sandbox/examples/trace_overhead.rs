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
    println!("{:26} {:>9} {:>7} {:>7} {:>8}", "median (least)", "native s", "traced", "strace", "events");
    for (name, script) in PROGRAMS.iter().filter(|(name, _)| name.contains(&only)) {
        let script = &script.replace("FILES", files.path().to_str().unwrap());
        let strace = format!(
            "exec strace -f --seccomp-bpf -e trace=process,network,file -o /dev/null sh -c '{script}'"
        );
        let mut times: [Vec<f64>; 3] = Default::default();
        let mut count = 0;
        for _ in 0..rounds {
            times[0].push(run(script, false).0);
            let (time, events) = run(script, true);
            times[1].push(time);
            count = events;
            times[2].push(run(&strace, false).0);
        }
        let [native, traced, strace] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            (times[times.len() / 2], times[0])
        });
        println!(
            "{name:26} {:9.3} {:6.2}x {:6.2}x {count:8}   least {:.3} {:.2}x {:.2}x",
            native.0,
            traced.0 / native.0,
            strace.0 / native.0,
            native.1,
            traced.1 / native.1,
            strace.1 / native.1
        );
    }
    for (name, script) in [
        ("sleep 86400", "sleep 86400"),
        ("2160 x sleep 10", "i=0; while [ $i -lt 2160 ]; do sleep 10; i=$((i+1)); done"),
        ("500000 opens", "i=0; while [ $i -lt 500000 ]; do : </dev/null; i=$((i+1)); done"),
    ]
    .iter()
    .filter(|(name, _)| name.contains(&only))
    {
        let (time, events) = run(script, true);
        println!("{name:26} {time:9.3} s, {events} events, at most {} MiB resident", resident());
    }
}

fn run(script: &str, traced: bool) -> (f64, u64) {
    let overlay = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut alone = Alone::new(&["/bin/sh", "-c", script]);
    alone.overlay = Some(overlay.path().to_path_buf());
    alone.traced = traced;
    alone.limits.wall = Duration::from_secs(600);
    let began = Instant::now();
    let told = alone.run(|_| false).unwrap();
    (began.elapsed().as_secs_f64(), told.count)
}

/// The most memory that this process had, in mebibytes: events are counted as they come and not kept.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
