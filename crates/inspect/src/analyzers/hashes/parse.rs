use model::Digest;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::{self, BufRead, Read as _};

use super::known::{Algorithm, KnownHashes, Label};

/// Longest line of a list, in bytes; a longer one is rejected whole.
const MAX_LINE: usize = 4096;
/// Longest label that is kept, in characters.
const MAX_LABEL: usize = 120;
/// Most hashes of one kind: beyond this a list is a mistake, and its memory would be the scan's.
const MAX_HASHES: usize = 16_000_000;
/// How many rejected lines are reported one by one.
const SHOWN: usize = 20;

/// What became of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// SHA-256 of the list as it was read: two scans that differ in it may differ in their verdict.
    pub digest: Digest,
    /// Hashes taken over; a hash that was known before counts too.
    pub accepted: u64,
    /// Lines that were not.
    pub rejected: u64,
    /// The first of them.
    pub examples: Vec<Rejected>,
}

/// One line of a list that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Line number, the first is 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: String,
}

/// Reads a plain list: one hash to a line, its length says of which kind; a label may follow after white space
/// or a comma; `#` starts a comment. A line that is none of this is rejected and named, never guessed at.
pub(super) fn read_list(known: &mut KnownHashes, mut list: impl BufRead, name: &str) -> io::Result<Imported> {
    let mut hasher = Sha256::new();
    let mut imported =
        Imported { digest: Digest::sha256([0; 32]), accepted: 0, rejected: 0, examples: Vec::new() };
    let mut labels = HashMap::new();
    let mut line = Vec::new();
    let mut number = 0;
    while read_line(&mut list, &mut line, &mut hasher)? {
        number += 1;
        let bytes = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&line) } else { &line };
        match take_line(known, &mut labels, bytes, name) {
            Ok(taken) => imported.accepted += u64::from(taken),
            Err(why) => {
                imported.rejected += 1;
                if imported.examples.len() < SHOWN {
                    imported.examples.push(Rejected { line: number, why });
                }
            }
        }
    }
    imported.digest = Digest::sha256(hasher.finalize().into());
    Ok(imported)
}

/// Reads one line without its end into `line`, never more than one byte beyond [`MAX_LINE`] of it; false at the
/// end of the list.
fn read_line(list: &mut impl BufRead, line: &mut Vec<u8>, hasher: &mut Sha256) -> io::Result<bool> {
    line.clear();
    if list.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    hasher.update(&*line);
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        return Ok(true);
    }
    if line.len() > MAX_LINE {
        loop {
            let more = list.fill_buf()?;
            if more.is_empty() {
                break;
            }
            let end = memchr::memchr(b'\n', more);
            let len = end.map_or(more.len(), |at| at + 1);
            hasher.update(more.get(..len).unwrap_or_default());
            list.consume(len);
            if end.is_some() {
                break;
            }
        }
    }
    Ok(true)
}

/// Takes over what one line says; false for an empty line or a comment.
fn take_line(
    known: &mut KnownHashes,
    labels: &mut HashMap<String, u32>,
    line: &[u8],
    name: &str,
) -> Result<bool, String> {
    if line.len() > MAX_LINE {
        return Err(format!("it is longer than {MAX_LINE} bytes"));
    }
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Ok(false);
    }
    let end = line.iter().position(|&byte| byte.is_ascii_whitespace() || byte == b',').unwrap_or(line.len());
    let (digits, rest) = line.split_at(end);
    let shown = || model::escape_bytes(digits.get(..80).unwrap_or(digits));
    let algorithm = Algorithm::of_digits(digits.len()).ok_or_else(|| {
        format!("{} has {} characters; an MD5 has 32, a SHA-1 40, a SHA-256 64", shown(), digits.len())
    })?;
    let hash = unhex(digits).ok_or_else(|| format!("{} is not hexadecimal", shown()))?;
    if algorithm.of_nothing() == hash {
        return Err(format!(
            "{} is the {} of an empty file, which every image holds",
            shown(),
            algorithm.name()
        ));
    }
    if known.len_of(algorithm) >= MAX_HASHES {
        return Err(format!("there are {MAX_HASHES} hashes of its kind already; split the list"));
    }
    let text = match memchr::memchr(b'#', rest) {
        Some(at) => rest.get(..at).unwrap_or_default(),
        None => rest,
    };
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b",").unwrap_or(text).trim_ascii();
    let text: String = model::escape_bytes(text).chars().take(MAX_LABEL).collect();
    let label = match labels.get(&text) {
        Some(&label) => label,
        None => {
            let label = known.add_label(Label::new(&text, name));
            labels.insert(text, label);
            label
        }
    };
    known.push(algorithm, &hash, label);
    Ok(true)
}

/// Bytes of a hexadecimal text in either case.
fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    digits
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => u8::try_from(nibble(high)? << 4 | nibble(low)?).ok(),
            _ => None,
        })
        .collect()
}
