//! Feeds with a row to a line.

use super::{abuse_ch, clamav, csv};
use crate::feed::{Draft, Kind};
use crate::import::{Rows, read_line};
use crate::reject::Refused;
use crate::table::ANY_SIZE;
use std::io::{self, BufRead};

/// Longest line that is read, in bytes; a longer one is rejected whole.
const MAX_LINE: usize = 16 << 10;

/// Reads every line.
pub(crate) fn read(input: &mut impl BufRead, kind: Kind, rows: &mut Rows) -> io::Result<()> {
    rows.draft.allows = kind == Kind::ClamavAllow;
    let mut columns = csv::Columns::default();
    let mut reference = Vec::new();
    let mut line = Vec::new();
    let mut number = 0;
    while read_line(input, &mut line, MAX_LINE)? {
        number += 1;
        let text = line.trim_ascii();
        // A line that is too long is none of the empty ones, even where its beginning is.
        let outcome = if line.len() > MAX_LINE {
            Err(Refused::new("is longer than 16384 bytes", text))
        } else if text.is_empty() {
            continue;
        } else if memchr::memchr(0, text).is_some() {
            Err(Refused::new("holds a zero byte", text))
        } else if let Some(comment) = comment(kind, text) {
            match kind {
                Kind::Network => note_reference(comment, &mut reference),
                _ => columns.note(comment),
            }
            continue;
        } else {
            row(kind, text, &columns, &reference, &mut rows.draft)
        };
        rows.count(number, outcome);
    }
    Ok(())
}

fn comment(kind: Kind, text: &[u8]) -> Option<&[u8]> {
    // ClamAV's files have no comments, but what people make of them has.
    match kind {
        Kind::Network => text.strip_prefix(b"#").or_else(|| text.strip_prefix(b"//")),
        _ => text.strip_prefix(b"#"),
    }
}

/// Maltrail names the report that the lines below come from.
fn note_reference(comment: &[u8], reference: &mut Vec<u8>) {
    if let Some(link) = comment.trim_ascii().strip_prefix(b"Reference:") {
        link.trim_ascii().clone_into(reference);
    }
}

fn row(
    kind: Kind,
    text: &[u8],
    columns: &csv::Columns,
    reference: &[u8],
    draft: &mut Draft,
) -> Result<(), Refused> {
    match kind {
        Kind::ClamavHashes | Kind::ClamavAllow => clamav::hash(text, draft),
        Kind::ClamavPatterns => clamav::pattern(text, draft),
        Kind::MalwareBazaar => abuse_ch::malware_bazaar(&csv::fields(text), columns, draft),
        Kind::ThreatFox => abuse_ch::threat_fox(&csv::fields(text), columns, draft),
        Kind::UrlHaus => abuse_ch::url_haus(&csv::fields(text), columns, draft),
        Kind::MispHashes => {
            let (hash, event) = cut(text, |byte| byte == b',');
            let label = draft.label("", event);
            draft.file(hash.trim_ascii(), ANY_SIZE, label)
        }
        Kind::Network => {
            let (value, note) = value_and_note(text);
            // A hosts file gives names an address that leads nowhere.
            let (value, note) = match value {
                b"0.0.0.0" | b"127.0.0.1" | b"::" | b"::1" if !note.is_empty() => value_and_note(note),
                _ => (value, note),
            };
            let label = draft.label(note, reference);
            draft.network(value, label)
        }
        Kind::Images | Kind::Layers => {
            let (value, note) = value_and_note(text);
            // A reference by digest is as good as the digest alone.
            let digest = value.rsplit(|&byte| byte == b'@').next().unwrap_or(value);
            let label = draft.label(note, "");
            draft.digest(digest, kind == Kind::Images, label)
        }
        _ => {
            let (value, note) = value_and_note(text);
            let label = draft.label(note, "");
            draft.file(value, ANY_SIZE, label)
        }
    }
}

/// The first word, and what follows it after white space or a comma, without a comment.
fn value_and_note(text: &[u8]) -> (&[u8], &[u8]) {
    let (value, rest) = cut(text, |byte| byte.is_ascii_whitespace() || byte == b',');
    let rest = rest.split(|&byte| byte == b'#').next().unwrap_or_default().trim_ascii_start();
    (value, rest.strip_prefix(b",").unwrap_or(rest).trim_ascii())
}

/// What stands before the first such byte, and what after it.
fn cut(text: &[u8], is_end: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| is_end(byte)).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
}
