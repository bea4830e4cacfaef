//! Holds every file of a folder against the built-in rules, and tells what holds and what it costs.
//!
//! `cargo run -p yara --example measure -- DIR`
#![expect(clippy::print_stdout, reason = "a tool for the people who write rules")]

use inspect::{Fact, FactSink, FileView, Want};
use layers::{Entry, Kind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() {
    for folder in std::env::args().skip(1) {
        let mut sum = Sum::default();
        walk(Path::new(&folder), &mut sum);
        println!(
            "{folder}: {} files with {} bytes read, {} of them in {} files by the engine; {:.3} ns/byte for all, {:.3} for the others",
            sum.files,
            sum.bytes,
            sum.engine_bytes,
            sum.engine_files,
            sum.time.as_nanos() as f64 / sum.bytes.max(1) as f64,
            (sum.time - sum.engine_time).as_nanos() as f64 / (sum.bytes - sum.engine_bytes).max(1) as f64,
        );
    }
}

#[derive(Default)]
struct Sum {
    files: u64,
    bytes: u64,
    engine_files: u64,
    engine_bytes: u64,
    time: Duration,
    engine_time: Duration,
}

fn walk(folder: &Path, sum: &mut Sum) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            walk(&entry.path(), sum);
        } else if kind.is_file() {
            file(&entry.path(), sum);
        }
    }
}

fn file(path: &Path, sum: &mut Sum) {
    let Ok(data) = std::fs::metadata(path) else { return };
    if data.len() > 64 << 20 {
        return;
    }
    let Ok(bytes) = std::fs::read(path) else { return };
    let name = path.to_string_lossy().trim_start_matches('/').as_bytes().to_vec();
    let entry = Entry {
        path: name,
        kind: Kind::File,
        mode: data.mode() & 0o7777,
        size: data.len(),
        ..Entry::default()
    };
    let rules = yara::RuleSet::default();
    for analyzer in rules.file_analyzers() {
        let shown = match analyzer.wants(&entry, bytes.get(..bytes.len().min(4096)).unwrap_or_default()) {
            Want::Nothing => continue,
            Want::AtHand if bytes.len() > 4 << 20 => bytes.get(..64 << 10).unwrap_or_default(),
            _ => &bytes,
        };
        let view = FileView {
            entry: &entry,
            bytes: shown,
            whole: shown.len() == bytes.len(),
            stages: &[],
            signs: inspect::Signs::of(shown),
        };
        let mut facts = FactSink::default();
        let started = Instant::now();
        let done = analyzer.analyze(&view, &mut facts);
        let took = started.elapsed();
        sum.files += 1;
        sum.bytes += shown.len() as u64;
        sum.time += took;
        if yara::reaches_engine(shown) {
            sum.engine_files += 1;
            sum.engine_bytes += shown.len() as u64;
            sum.engine_time += took;
        }
        if let Err(why) = done {
            println!("{}: {why}", path.display());
        }
        for fact in facts.into_facts() {
            let Fact::Rules(facts) = fact else { continue };
            for hit in facts.hits {
                println!("{} {}", hit.rule, path.display());
            }
        }
    }
}
