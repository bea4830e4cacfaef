//! Extended headers: POSIX.1-2001 pax interchange format, "pax Extended Header". Records of the form
//! `length key=value\n`; a length that two readers take differently is how one archive becomes two.

use super::number::{self, Number};
use crate::AnomalyKind;
use memchr::memchr;
use std::ops::Range;

/// Longest extended header. The same bound as in Go, and above what any attribute needs.
pub(crate) const MAX_EXTENDED: u64 = 1 << 20;

/// Longest name in any extended header: sixteen times what a kernel takes, so that nothing real is refused here first.
pub(crate) const MAX_NAME: u64 = 64 << 10;

/// The records of one extended header that have a meaning. Buffers are used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Pax {
    bytes: Vec<u8>,
    /// Whether an extended header waits for its entry.
    pub(crate) pending: bool,
    path: Option<Span>,
    link: Option<Span>,
    pub(crate) size: Option<i64>,
    pub(crate) uid: Option<i64>,
    pub(crate) gid: Option<i64>,
    pub(crate) mtime: Option<i64>,
    /// Whether a key was set that changes entries, whatever it is.
    pub(crate) overrides: bool,
    xattrs: Vec<(Span, Span)>,
    pub(crate) sparse: PaxSparse,
}

/// The `GNU.sparse.*` records.
#[derive(Debug, Default)]
pub(crate) struct PaxSparse {
    pub(crate) present: bool,
    major: Option<Span>,
    minor: Option<Span>,
    name: Option<Span>,
    size: Option<Span>,
    real_size: Option<Span>,
    blocks: Option<Span>,
    map: Option<Span>,
    /// Version 0.0: one record per number.
    numbers: Vec<Span>,
}

type Span = Range<usize>;

/// Why an extended header cannot be read, as no runtime reads it.
#[derive(Debug)]
pub(crate) struct BadRecord {
    pub(crate) kind: AnomalyKind,
    pub(crate) at: usize,
    pub(crate) why: &'static str,
}

/// Something odd about a record that is read all the same.
pub(crate) type Note<'a> = &'a mut dyn FnMut(AnomalyKind, usize, String);

impl Pax {
    /// Forgets everything and hands out the buffer for the next header's bytes.
    pub(crate) fn clear(&mut self) -> &mut Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let mut xattrs = std::mem::take(&mut self.xattrs);
        let mut numbers = std::mem::take(&mut self.sparse.numbers);
        bytes.clear();
        xattrs.clear();
        numbers.clear();
        *self = Self { bytes, xattrs, ..Self::default() };
        self.sparse.numbers = numbers;
        &mut self.bytes
    }

    /// Parses the bytes that were put into the buffer.
    pub(crate) fn parse(&mut self, note: Note<'_>) -> Result<(), BadRecord> {
        self.pending = true;
        let mut at = 0;
        let mut is_ended = false;
        while at < self.bytes.len() {
            let (record, next) = split_record(&self.bytes, at, note)?;
            if is_ended && record.is_of_the_entry(&self.bytes) {
                let why = "a record after an empty line inside the value of another".to_owned();
                note(AnomalyKind::BadExtendedHeader, at, why);
            }
            is_ended |= record.has_empty_line(&self.bytes);
            self.take(record, note)?;
            at = next;
        }
        self.check_attributes(note);
        Ok(())
    }

    /// The path record.
    pub(crate) fn path(&self) -> Option<&[u8]> {
        self.text(&self.path)
    }

    /// The linkpath record.
    pub(crate) fn link(&self) -> Option<&[u8]> {
        self.text(&self.link)
    }

    /// Extended attributes, each name once.
    pub(crate) fn xattrs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.xattrs.iter().map(|(name, value)| (self.slice(name), self.slice(value)))
    }

    /// Which sparse format the records name, with its version, as Go guesses it.
    pub(crate) fn sparse_version(&self) -> Option<SparseVersion> {
        let sparse = &self.sparse;
        match (self.text(&sparse.major), self.text(&sparse.minor)) {
            (Some(b"0"), Some(b"0" | b"1")) => Some(SparseVersion::InHeader),
            (Some(b"1"), Some(b"0")) => Some(SparseVersion::InData),
            (Some(_), _) | (_, Some(_)) => None,
            (None, None) if sparse.map.is_some() || !sparse.numbers.is_empty() => {
                Some(SparseVersion::InHeader)
            }
            (None, None) => None,
        }
    }

    /// The name of the sparse file itself.
    pub(crate) fn sparse_name(&self) -> Option<&[u8]> {
        self.text(&self.sparse.name)
    }

    /// The logical size of the sparse file, if there is such a record.
    pub(crate) fn sparse_size(&self) -> Option<Option<Number>> {
        let text = self.text(&self.sparse.size).or_else(|| self.text(&self.sparse.real_size))?;
        Some(number::parse_decimal(text))
    }

    /// How many segments the map is said to have.
    pub(crate) fn sparse_blocks(&self) -> Option<Number> {
        number::parse_decimal(self.text(&self.sparse.blocks)?)
    }

    /// The numbers of the map in the records, version 0.0 or 0.1.
    pub(crate) fn sparse_numbers(&self) -> impl Iterator<Item = &[u8]> {
        let list = if self.sparse.numbers.is_empty() { self.text(&self.sparse.map) } else { None };
        let listed = list.into_iter().flat_map(|list| list.split(|&byte| byte == b','));
        self.sparse.numbers.iter().map(|span| self.slice(span)).chain(listed)
    }

    fn slice(&self, span: &Span) -> &[u8] {
        self.bytes.get(span.clone()).unwrap_or_default()
    }

    fn text(&self, span: &Option<Span>) -> Option<&[u8]> {
        span.as_ref().map(|span| self.slice(span))
    }

    fn take(&mut self, record: Record, note: Note<'_>) -> Result<(), BadRecord> {
        let Record { key: key_span, value, at } = record;
        let key = self.bytes.get(key_span.clone()).unwrap_or_default();
        let text = self.bytes.get(value.clone()).unwrap_or_default();
        let bad = |kind, why| BadRecord { kind, at, why };
        let is_name = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname");
        if memchr(0, if is_name { text } else { key }).is_some() {
            note(AnomalyKind::HiddenName, at, "a NUL inside a name of an extended header".to_owned());
            return Err(bad(AnomalyKind::BadExtendedHeader, "a NUL inside a name"));
        }
        if text.len() as u64 > MAX_NAME && (is_name || key == b"GNU.sparse.name") {
            return Err(bad(AnomalyKind::LimitReached, "a name over 64 KiB"));
        }
        if memchr(b'\n', key).is_some() {
            // What splits at newlines sees other records here; no writer makes such keys.
            note(AnomalyKind::BadExtendedHeader, at, "a newline inside a key".to_owned());
        }
        if memchr(b'\n', text).is_some() {
            note_newline(key, text, at, note);
        }
        let sparse = &mut self.sparse;
        let slot = match key {
            b"path" => &mut self.path,
            b"linkpath" => &mut self.link,
            b"GNU.sparse.major" => &mut sparse.major,
            b"GNU.sparse.minor" => &mut sparse.minor,
            b"GNU.sparse.name" => &mut sparse.name,
            b"GNU.sparse.size" => &mut sparse.size,
            b"GNU.sparse.realsize" => &mut sparse.real_size,
            b"GNU.sparse.numblocks" => &mut sparse.blocks,
            b"GNU.sparse.map" => &mut sparse.map,
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                sparse.present = true;
                self.overrides = true;
                let wants_offset = sparse.numbers.len().is_multiple_of(2);
                if wants_offset != (key == b"GNU.sparse.offset") || memchr(b',', text).is_some() {
                    return Err(bad(AnomalyKind::BadSparseMap, "sparse records out of order"));
                }
                sparse.numbers.push(value);
                return Ok(());
            }
            b"size" | b"uid" | b"gid" | b"mtime" | b"atime" | b"ctime" => {
                let number = take_number(key, text, at, note)?;
                self.overrides = true;
                let slot = match key {
                    b"size" => &mut self.size,
                    b"uid" => &mut self.uid,
                    b"gid" => &mut self.gid,
                    b"mtime" => &mut self.mtime,
                    _ => return Ok(()),
                };
                if slot.is_some() {
                    note(AnomalyKind::ConflictingHeaders, at, twice(key));
                }
                *slot = number;
                return Ok(());
            }
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.overrides = true;
                    let name = key_span.end - name.len()..key_span.end;
                    self.xattrs.push((name, value));
                } else if matches!(key, b"uname" | b"gname") {
                    self.overrides = true;
                } else if is_foreign(key) {
                    self.overrides = true;
                    let key = model::escape_bytes(key);
                    note(AnomalyKind::UnknownRecord, at, format!("{key} is honoured by some readers only"));
                }
                return Ok(());
            }
        };
        self.overrides = true;
        sparse.present |= key.starts_with(b"GNU.sparse.");
        if slot.is_some() {
            note(AnomalyKind::ConflictingHeaders, at, twice(key));
        }
        if text.is_empty() {
            // The standard says that an empty value takes a record back; readers take it as an empty name.
            let key = model::escape_bytes(key);
            note(AnomalyKind::ConflictingHeaders, at, format!("an empty {key}"));
            *slot = None;
        } else {
            *slot = Some(value);
        }
        Ok(())
    }

    /// An attribute twice: the last one counts, and it is said. Sorting keeps this linear enough for a header
    /// full of attributes.
    fn check_attributes(&mut self, note: Note<'_>) {
        let Self { bytes, xattrs, .. } = self;
        let name = |span: &Span| bytes.get(span.clone()).unwrap_or_default();
        xattrs.sort_by(|(one, _), (two, _)| name(one).cmp(name(two)).then(two.start.cmp(&one.start)));
        xattrs.dedup_by(|(later, _), (kept, _)| {
            let same = name(later) == name(kept);
            if same {
                note(AnomalyKind::ConflictingHeaders, later.start, twice(name(later)));
            }
            same
        });
    }
}

/// Where a PAX sparse map lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SparseVersion {
    /// 0.0 and 0.1.
    InHeader,
    /// 1.0.
    InData,
}

struct Record {
    key: Span,
    value: Span,
    at: usize,
}

impl Record {
    /// Whether it says which entry it is, and how large.
    fn is_of_the_entry(&self, bytes: &[u8]) -> bool {
        let key = bytes.get(self.key.clone()).unwrap_or_default();
        matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.")
    }

    /// Whether readers that split at newlines take the rest of the header for its end, as the `tar` crate does. The newline
    /// after the value counts.
    fn has_empty_line(&self, bytes: &[u8]) -> bool {
        let value = bytes.get(self.value.clone()).unwrap_or_default();
        value.ends_with(b"\n") || memchr::memmem::find(value, b"\n\n").is_some()
    }
}

fn split_record(bytes: &[u8], at: usize, note: Note<'_>) -> Result<(Record, usize), BadRecord> {
    let bad = |why| BadRecord { kind: AnomalyKind::BadExtendedHeader, at, why };
    let rest = bytes.get(at..).unwrap_or_default();
    // Twenty characters hold any length; without a bound a record of digits would be searched again and again.
    let space = memchr(b' ', rest.get(..20).unwrap_or(rest)).ok_or(bad("a record without a length"))?;
    let Number { value: len, plain } = number::parse_decimal(rest.get(..space).unwrap_or_default())
        .ok_or(bad("a record length that is no number"))?;
    if !plain {
        note(AnomalyKind::BadExtendedHeader, at, "a record length with a sign or leading zeros".to_owned());
    }
    let len = usize::try_from(len).map_err(|_| bad("a negative record length"))?;
    if len < 5 || len > rest.len() || len < space + 2 {
        return Err(bad("a record length that does not fit its header"));
    }
    if rest.get(len - 1) != Some(&b'\n') {
        return Err(bad("a record that does not end in a newline"));
    }
    let start = at + space + 1;
    let end = at + len - 1;
    let body = bytes.get(start..end).ok_or(bad("a record that is too short"))?;
    let equals = memchr(b'=', body).filter(|&equals| equals > 0).ok_or(bad("a record without a key"))?;
    Ok((Record { key: start..start + equals, value: start + equals + 1..end, at }, end + 1))
}

fn take_number(key: &[u8], text: &[u8], at: usize, note: Note<'_>) -> Result<Option<i64>, BadRecord> {
    if text.is_empty() {
        if key == b"size" {
            note(AnomalyKind::ConflictingHeaders, at, "an empty size".to_owned());
        }
        return Ok(None);
    }
    let parse = if key.ends_with(b"time") { number::parse_time } else { number::parse_decimal };
    let Some(Number { value, plain }) = parse(text) else {
        return Err(BadRecord { kind: AnomalyKind::BadNumber, at, why: "a value that is no number" });
    };
    if !plain || value < 0 && matches!(key, b"uid" | b"gid") {
        note(
            AnomalyKind::OddNumber,
            at,
            format!("{}={}", model::escape_bytes(key), model::escape_bytes(text)),
        );
    }
    Ok(Some(value))
}

/// A newline inside a value: readers that split at newlines, not by length, see other records. A binary attribute
/// may have one by chance, and then what follows is no record.
fn note_newline(key: &[u8], text: &[u8], at: usize, note: Note<'_>) {
    if matches!(key, b"path" | b"linkpath" | b"GNU.sparse.name") {
        note(AnomalyKind::AmbiguousName, at, "a newline inside a name of an extended header".to_owned());
    }
    let is_record = |line: &[u8]| {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && line.get(digits) == Some(&b' ')
    };
    if text.split(|&byte| byte == b'\n').skip(1).any(is_record) {
        let key = model::escape_bytes(key);
        note(AnomalyKind::BadExtendedHeader, at, format!("what reads as a record inside the value of {key}"));
    }
}

fn twice(key: &[u8]) -> String {
    format!("{} twice in one extended header", model::escape_bytes(key))
}

/// Keys by which star, Solaris or GNU tar change an entry's size, content or kind, and Go does not.
fn is_foreign(key: &[u8]) -> bool {
    key.starts_with(b"GNU.")
        || matches!(key, b"SCHILY.realsize" | b"SCHILY.offset" | b"SCHILY.filetype" | b"SUN.holesdata")
}
