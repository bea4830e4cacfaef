//! What this reader lists against what others list. Go's `archive/tar` is what runtimes use, so its list must be
//! ours; where GNU tar, Python or the `tar` crate list anything else, there must be an anomaly that says so.
//!
//! A peer that is not installed is skipped aloud; GNU tar and Python are required where `CI` is set.

#[path = "differential/generate.rs"]
mod generate;
#[path = "differential/peers.rs"]
mod peers;

use layers::{Anomaly, Entry, Kind, Limits, Stop, TarReader, Weight};
use peers::{Listing, Oracle, Seen};
use proptest::test_runner::{Config, TestRunner};
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::io::Read as _;
use std::process::Command;

/// This reader's list, as far as Go and others can be compared with it.
fn ours(archive: &[u8]) -> (Listing, Vec<Anomaly>) {
    // Only the first MiB of a file is read here, so no hole is too long.
    let limits = Limits { max_sparse_hole: u64::MAX, ..Limits::default() };
    let mut reader = TarReader::new(archive, &limits);
    let mut entries = Vec::new();
    let mut entry = Entry::default();
    let end = loop {
        match reader.next_into(&mut entry) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(stop) => break Err(stop),
        }
        let mut content = Vec::new();
        reader.data().take(1 << 20).read_to_end(&mut content).expect("a slice cannot fail");
        let flag = match entry.kind {
            Kind::File => b'0',
            Kind::Hardlink => b'1',
            Kind::Symlink => b'2',
            Kind::Character => b'3',
            Kind::Block => b'4',
            Kind::Directory => b'5',
            Kind::Fifo => b'6',
            Kind::Unknown(flag) => flag,
        };
        let mut seen = Seen::new(&entry.path, flag, entry.size, &entry.link);
        if matches!(entry.kind, Kind::File | Kind::Unknown(_)) {
            let hash = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
            seen.content = Some((content.len() as u64, hash));
        }
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let mut xattrs: Vec<_> =
            entry.xattrs.iter().map(|(name, value)| format!("{}={}", hex(name), hex(value))).collect();
        xattrs.sort();
        let (major, minor) = entry.device;
        seen.rest = Some(format!(
            "{:o} {}:{} {} {major},{minor} {xattrs:?}",
            entry.mode, entry.uid, entry.gid, entry.mtime
        ));
        entries.push(seen);
    };
    let end = end.map_err(|stop| match stop {
        Stop::Unreadable { kind, .. } => kind.name(),
        Stop::Broken { .. } => unreachable!("a slice cannot fail"),
    });
    let (_, anomalies) = reader.finish();
    (Listing { entries, end }, anomalies)
}

fn bare(listing: &Listing) -> Vec<Seen> {
    listing.entries.iter().cloned().map(|seen| Seen { rest: None, content: None, ..seen }).collect()
}

fn shown(anomalies: &[Anomaly]) -> Vec<String> {
    anomalies
        .iter()
        .map(|anomaly| format!("{} at {}: {}", anomaly.kind.name(), anomaly.offset, anomaly.detail))
        .collect()
}

fn warns(anomalies: &[Anomaly]) -> bool {
    anomalies.iter().any(|anomaly| anomaly.kind.weight() >= Weight::Odd)
}

/// Whatever a peer lists otherwise, we must have said something.
fn check_warned(peer: &str, archive: &[u8], theirs: &Listing) -> Result<(), String> {
    let (list, anomalies) = ours(archive);
    if bare(&list) != bare(theirs) && !warns(&anomalies) {
        return Err(format!(
            "{peer} lists {:#?}\nand ours is {list:#?}\nwith {:#?}",
            bare(theirs),
            shown(&anomalies)
        ));
    }
    Ok(())
}

/// Where Go goes on and we stop: the bounds and the strictness that are our own.
const STRICTER: [&str; 4] = ["limit-reached", "bad-number", "bad-extended-header", "bad-sparse-map"];

/// Go's list is ours. Where our bounds end the list before Go does, it is a part of Go's.
fn check_same(archive: &[u8], go: &Listing) -> Result<(), String> {
    let (list, anomalies) = ours(archive);
    let failure = || format!("Go lists {go:#?}\nand ours is {list:#?}\nwith {:#?}", shown(&anomalies));
    // Go gives no content where a sparse map and its data disagree, nor where the archive ends in the middle of it.
    let no_content = anomalies.iter().any(|anomaly| anomaly.kind.weight() == Weight::Gap);
    let same = |one: &Seen, go: &Seen| {
        let content = if no_content && go.content.is_none() { None } else { one.content.clone() };
        Seen { content, ..one.clone() } == *go
    };
    if !list.entries.iter().zip(&go.entries).all(|(one, two)| same(one, two)) {
        return Err(failure());
    }
    match (&list.end, &go.end) {
        (Ok(()), Ok(())) | (Err(_), Err(_)) if list.entries.len() == go.entries.len() => Ok(()),
        (Err(kind), _) if STRICTER.contains(&kind.as_str()) && list.entries.len() <= go.entries.len() => {
            Ok(())
        }
        _ => Err(failure()),
    }
}

fn run(cases: u32, check: impl Fn(&[u8]) -> Result<(), String>) {
    let cases = std::env::var_os("DIFFERENTIAL_CASES")
        .and_then(|count| count.to_str()?.parse().ok())
        .unwrap_or(cases);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&generate::archives(), |(pieces, ending)| {
        check(&generate::build(&pieces, &ending)).map_err(proptest::test_runner::TestCaseError::fail)
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[allow(clippy::print_stdout)] // What is skipped is said aloud.
fn skipped(peer: &str, required: bool) {
    println!("SKIPPED: {peer} is not installed, nothing was compared with it");
    assert!(!required || std::env::var_os("CI").is_none(), "{peer} is required where CI is set");
}

#[test]
fn the_tar_crate_sees_nothing_else_unwarned() {
    run(3000, |archive| check_warned("the tar crate", archive, &peers::tar_crate(archive)));
}

#[test]
fn python_sees_nothing_else_unwarned() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/oracle.py");
    let Some(oracle) = Oracle::start(Command::new("python3").arg(script)) else {
        return skipped("python3", true);
    };
    let oracle = RefCell::new(oracle);
    run(2000, |archive| check_warned("Python", archive, &oracle.borrow_mut().list(archive)));
}

#[test]
fn gnu_tar_sees_nothing_else_unwarned() {
    if peers::gnu_tar(&[0; 1024]).is_none() {
        return skipped("GNU tar", true);
    }
    run(400, |archive| {
        let listing = peers::gnu_tar(archive).ok_or("tar did not run")?;
        check_warned("GNU tar", archive, &listing)
    });
}

#[test]
fn go_sees_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let program = directory.path().join("oracle");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/oracle.go");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(source)
        .env("GO111MODULE", "off")
        .env("GOFLAGS", "")
        .env("GOCACHE", directory.path().join("cache"))
        .env("GOPATH", directory.path().join("path"))
        .status();
    if !built.is_ok_and(|status| status.success()) {
        return skipped("Go", false);
    }
    let oracle = RefCell::new(Oracle::start(&mut Command::new(program)).expect("it was built"));
    run(4000, |archive| check_same(archive, &oracle.borrow_mut().list(archive)));
}
