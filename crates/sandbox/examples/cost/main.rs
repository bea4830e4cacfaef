//! What the sandbox costs, against the same programs in plain namespaces and under `strace` with its filter, all in
//! one run: `cargo xtask bench sandbox`. Prints the tables of `docs/benchmarks.md`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod launch;
mod tree;

use launch::{Launcher, Ran};
use std::process::ExitCode;
use tree::Tree;

/// Starts of each launcher.
const STARTS: usize = 20;

/// The least number of events of the run whose memory is measured.
const EVENTS: u64 = 1_000_000;

/// A program, and how many times as long as in plain namespaces it may take.
const WORK: &[(&str, &str, f64)] = &[
    ("500 × `true`", "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done", 1.5),
    ("computing alone", "i=0; while [ $i -lt 1500000 ]; do i=$((i+1)); done", 1.02),
    ("find and cat of 5,000 files", "find /files -type f | xargs cat >/dev/null", 2.0),
];

fn main() -> ExitCode {
    if let Some(code) = sandbox::warden_main() {
        return code;
    }
    let rounds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(5);
    let tree = match Tree::make() {
        Ok(tree) => tree,
        Err(missing) => {
            println!("{missing}");
            return ExitCode::FAILURE;
        }
    };
    starts(&tree);
    work(&tree, rounds);
    rest(&tree);
    ExitCode::SUCCESS
}

/// How long it takes until the first program runs, and until nothing is left of it.
fn starts(tree: &Tree) {
    println!("Until the entrypoint's first instruction, medians of {STARTS} starts in turns:\n");
    println!("| launcher | first instruction, ms | all over, ms | limit | |\n|---|---|---|---|---|");
    let mut there = launch::all();
    let mut ran: Vec<Vec<Ran>> = vec![Vec::new(); there.len()];
    for _ in 0..STARTS {
        for (launcher, ran) in there.iter_mut().zip(&mut ran) {
            ran.extend(launcher.run(tree, ":"));
        }
    }
    for (launcher, ran) in there.iter().zip(&ran) {
        let name = launcher.name();
        if ran.len() < STARTS {
            println!("| {name} | is not there or cannot run here | | | |");
            continue;
        }
        let (first, all) = (median(ran.iter().map(|ran| ran.first)), median(ran.iter().map(|ran| ran.all)));
        let (limit, met) =
            if *launcher == Launcher::Sandbox { ("100 ms", judge(first <= 0.1)) } else { ("", "") };
        println!("| {name} | {:.1} | {:.1} | {limit} | {met} |", first * 1e3, all * 1e3);
    }
}

/// What programs cost once they run.
fn work(tree: &Tree, rounds: usize) {
    println!(
        "\nPrograms, without the start; medians of {rounds} rounds in turns. In brackets the same of processor time, \
         which other work on the machine does not change as much:\n"
    );
    println!("| what | plain namespaces, s | sandbox | strace | limit | |\n|---|---|---|---|---|---|");
    let mut three = [Launcher::Plain, Launcher::Sandbox, Launcher::Strace];
    let idle = three
        .each_mut()
        .map(|launcher| median((0..5).filter_map(|_| launcher.run(tree, ":")).map(|ran| ran.cpu)));
    for (name, script, limit) in WORK {
        let mut ran: [Vec<Ran>; 3] = Default::default();
        for _ in 0..rounds {
            for (launcher, ran) in three.iter_mut().zip(&mut ran) {
                ran.extend(launcher.run(tree, script));
            }
        }
        let [plain, ours, strace] = &ran;
        if plain.len() < rounds || ours.len() < rounds {
            println!("| {name} | cannot be measured without unshare | | | | |");
            continue;
        }
        // Of each round by itself: what else the machine does changes from one to the next.
        let ratio = |of: &[Ran], at: usize| {
            let wall = median(of.iter().zip(plain).map(|(of, plain)| of.work / plain.work));
            let spent = |ran: &Ran, at: usize| (ran.cpu - idle[at]).max(0.01);
            let cpu = median(of.iter().zip(plain).map(|(of, plain)| spent(of, at) / spent(plain, 0)));
            (wall, format!("{wall:.2} × ({cpu:.2})"))
        };
        let (wall, shown) = ratio(ours, 1);
        let (against, other) = match strace.len() == rounds {
            true => ratio(strace, 2),
            false => (f64::INFINITY, "is not there".to_owned()),
        };
        println!(
            "| {name} | {:.3} | {shown} | {other} | {limit} × and less than strace | {} |",
            median(plain.iter().map(|ran| ran.work)),
            judge(wall <= *limit && wall < against)
        );
    }
}

/// What has a limit of its own.
fn rest(tree: &Tree) {
    println!("\n| what | measured | limit | |\n|---|---|---|---|");
    if let Some(ran) = Launcher::Sandbox.run(tree, "sleep 86400") {
        println!(
            "| `sleep 86400`, start and end included | {:.2} s | 1 s | {} |",
            ran.all,
            judge(ran.all <= 1.0)
        );
    }
    let (events, peak) = launch::flood(tree, EVENTS);
    let met = judge(events >= EVENTS && peak < 128.0);
    println!(
        "| most memory of a process of the sandbox, {events} events | {peak:.0} MiB | 128 MiB | {met} |"
    );
}

fn judge(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
