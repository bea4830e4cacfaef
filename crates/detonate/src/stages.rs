//! What a run left and nothing ran: the next stage of a dropper that was ended too early, or waits for what never came.

use crate::Image;
use crate::captured::{self, Capture};
use crate::plan::Planned;
use crate::remains::Remains;
use behavior::{Record, RunContext};
use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// How many stages are followed behind the image's own, and how many programs of each are run.
pub(crate) const DEPTH: usize = 2;
const MOST: [usize; DEPTH] = [4, 2];

/// Runs of programs that the runs so far wrote and did not run, as many as there is room for; and what is left out.
pub(crate) fn stages(
    image: &Image<'_>,
    runs: &[(RunContext, Record)],
    remains: &Remains,
    captures: &Path,
    further: &Planned,
    depth: usize,
) -> (Vec<Planned>, Vec<String>) {
    let mut found = candidates(runs, remains, captures);
    if !found.is_empty() {
        let known = at_rest(image, &found);
        found.retain(|(capture, _)| !known.contains(&capture.content.sha256));
    }
    let most = MOST.get(depth).copied().unwrap_or(0);
    let left = found.split_off(found.len().min(most));
    let stage = depth + 2;
    let runs = found.into_iter().map(|(capture, argv)| {
        let mut planned = further.clone();
        let shown = capture.path.as_deref().map(model::escape_bytes).unwrap_or_default();
        planned.context.name = format!("stage {stage}: {shown}");
        planned.argv = argv;
        planned.again = true;
        planned.keeps = depth + 1 < DEPTH;
        planned
    });
    let left = left.iter().map(|(capture, _)| {
        let shown = capture.path.as_deref().map(model::escape_bytes).unwrap_or_default();
        format!("stage {stage}: {shown}, which a run wrote and nothing ran: {most} such programs are run")
    });
    (runs.collect(), left.collect())
}

/// Programs with how each is started. What a package manager installed is its package's.
fn candidates(
    runs: &[(RunContext, Record)],
    remains: &Remains,
    captures: &Path,
) -> Vec<(Capture, Vec<Vec<u8>>)> {
    let mut found: Vec<(Capture, Vec<Vec<u8>>)> = captured::captured(runs)
        .into_iter()
        .filter(|capture| !capture.ran && !capture.installed)
        .filter_map(|capture| {
            let path = capture.path.clone()?;
            let may_run = *remains.files.get(&path)?;
            let name: String = capture.content.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut head = Vec::new();
            File::open(captures.join(name)).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
            Some((capture, command(&head, path, may_run)?))
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
    found
}

const HEAD: u64 = 256;

/// How a file is started that the kernel runs: a program that is no library, or a script that names its interpreter,
/// through which it also runs where nobody may run it as it is.
fn command(head: &[u8], path: Vec<u8>, may_run: bool) -> Option<Vec<Vec<u8>>> {
    const EXECUTABLE: u8 = 2;
    const SHARED: u8 = 3;
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|&byte| byte == b'\n').next()?;
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let words: Vec<Vec<u8>> = words.map(<[u8]>::to_vec).take(8).collect();
        return (!words.is_empty()).then(|| words.into_iter().chain([path]).collect());
    }
    let has_entry = || head.get(24..32).is_some_and(|entry| entry.iter().any(|&byte| byte != 0));
    let is_program = match head.get(16) {
        Some(&EXECUTABLE) => true,
        Some(&SHARED) => has_entry(),
        _ => false,
    };
    (may_run && head.starts_with(b"\x7fELF") && is_program).then(|| vec![path])
}

/// Which of these contents the image has.
fn at_rest(image: &Image<'_>, found: &[(Capture, Vec<Vec<u8>>)]) -> HashSet<[u8; 32]> {
    let asked: HashSet<[u8; 32]> = found.iter().map(|(capture, _)| capture.content.sha256).collect();
    let entries = image.tree.iter().filter_map(|(_, place)| image.tree.entry(image.tree.content(place)));
    entries.filter_map(|entry| Some(entry.hashes?.sha256)).filter(|sha256| asked.contains(sha256)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &[u8], may_run: bool, expect: &str) {
        let command = command(head, b"/tmp/x".to_vec(), may_run).unwrap_or_default();
        assert_eq!(String::from_utf8_lossy(&command.join(&b' ')), expect, "{head:?}");
    }

    fn elf(kind: u8, entry: u8) -> Vec<u8> {
        let mut head = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 9], &[kind, 0]].concat();
        head.resize(24, 0);
        head.extend([0, entry, 0, 0, 0, 0, 0, 0]);
        head
    }

    #[test]
    fn what_the_kernel_runs_is_started() {
        check(b"#! /bin/sh -e\necho", true, "/bin/sh -e /tmp/x");
        check(b"#!/usr/bin/env python3\n", false, "/usr/bin/env python3 /tmp/x");
        check(&elf(2, 0), true, "/tmp/x");
        check(&elf(3, 16), true, "/tmp/x");
        check(&elf(2, 0), false, "");
        // A library begins nowhere, an object is not linked.
        check(&elf(3, 0), true, "");
        check(&elf(1, 0), true, "");
        for head in [&b"echo hello\n"[..], b"\x7fELF", b"#!", b"#!\n", b""] {
            check(head, true, "");
        }
    }
}
