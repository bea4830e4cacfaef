use crate::feed::{Draft, Feed, Kind};
use crate::formats;
use crate::reject::{Rejected, Tally};
use model::{Digest, Severity};
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead, BufReader, Read};

/// How much of a feed decides what it is.
const HEAD: usize = 64 << 10;
/// Largest JSON document that is read: it is held in memory as a whole.
const MAX_DOCUMENT: u64 = 128 << 20;

/// How files begin that hold a feed inside: zip, gzip, zstd, xz, bzip2, and the containers of ClamAV.
const PACKED: [&[u8]; 6] =
    [b"PK\x03\x04", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh", b"ClamAV-VDB:"];

/// How a feed is to be read.
#[derive(Debug, Clone)]
pub struct Options {
    /// Under which name its findings speak of it.
    pub name: String,
    /// The name of its file, whose ending tells apart what looks the same.
    pub file_name: String,
    /// What it is; recognised where it is not said.
    pub kind: Option<Kind>,
    /// The most that its findings may weigh. Below critical they do not convict.
    pub severity: Severity,
}

impl Options {
    /// A feed of this name, to be recognised, whose word is taken.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), file_name: name.to_owned(), kind: None, severity: Severity::Critical }
    }

    /// The same, as this kind.
    pub fn of_kind(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }
}

/// What became of the rows of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What it was read as.
    pub kind: Kind,
    /// Rows taken over; of two that say the same both count.
    pub accepted: u64,
    /// Rows that were not, by reason, the most frequent reason first.
    pub rejected: Vec<Rejected>,
}

impl Imported {
    /// All rows that were not taken over.
    pub fn rejects(&self) -> u64 {
        self.rejected.iter().map(|rejected| rejected.count).sum()
    }
}

/// Why a feed could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading failed.
    #[error("cannot read the feed")]
    Read(#[from] io::Error),
    /// The text is in an encoding of two bytes.
    #[error("the feed is written in UTF-16; save it in UTF-8")]
    Utf16,
    /// It is compressed or packed.
    #[error("the feed is packed; unpack it and import what is in it")]
    Packed,
    /// Nothing in it tells what it is.
    #[error("nothing in the feed tells what it is; name it with --kind: {}", kinds())]
    Unknown,
    /// Two kinds look like this, and one says the opposite of the other.
    #[error("the feed can be {0} or {1}; name it with --kind")]
    Ambiguous(&'static str, &'static str),
    /// A JSON document cannot be read.
    #[error("the feed is no JSON that can be read: {0}")]
    Json(String),
    /// A JSON document is something else.
    #[error("the document is no {0}")]
    Document(&'static str),
    /// A JSON document is too large.
    #[error("the document is larger than 128 MiB; split it")]
    TooLarge,
}

fn kinds() -> String {
    Kind::ALL.map(Kind::name).join(", ")
}

/// Reads a feed from its first byte to its last. Rows that cannot be read are counted, never guessed at.
///
/// # Errors
/// Where the feed as a whole cannot be read or recognised.
pub fn import(feed: impl Read, options: &Options) -> Result<(Feed, Imported), Error> {
    let mut feed = BufReader::with_capacity(256 << 10, Hashing { inner: feed, hash: Sha256::new() });
    let mut head = Vec::new();
    (&mut feed).take(HEAD as u64).read_to_end(&mut head)?;
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err(Error::Utf16);
    }
    if PACKED.iter().any(|magic| head.starts_with(magic)) {
        return Err(Error::Packed);
    }
    let start = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    let kind = match options.kind {
        Some(kind) => kind,
        None => formats::recognize::kind(start, &options.file_name)?,
    };
    let mut rows = Rows::default();
    let mut input = start.chain(&mut feed);
    match kind {
        Kind::Misp | Kind::Stix => {
            let mut document = Vec::new();
            (&mut input).take(MAX_DOCUMENT + 1).read_to_end(&mut document)?;
            if document.len() as u64 > MAX_DOCUMENT {
                return Err(Error::TooLarge);
            }
            if kind == Kind::Misp {
                formats::misp::read(&document, &mut rows)?;
            } else {
                formats::stix::read(&document, &mut rows)?;
            }
        }
        _ => formats::lines::read(&mut input, kind, &mut rows)?,
    }
    io::copy(&mut feed, &mut io::sink())?;
    let digest = Digest::sha256(feed.into_inner().hash.finalize().into());
    let Rows { draft, tally, accepted } = rows;
    let imported = Imported { kind, accepted, rejected: tally.into_rejected() };
    Ok((draft.seal(model::escape_text(&options.name), kind, digest, options.severity), imported))
}

/// A feed that is being read: what it gave, and what was refused of it.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) draft: Draft,
    tally: Tally,
    accepted: u64,
}

impl Rows {
    /// Counts what became of one row.
    pub(crate) fn count(&mut self, row: u64, outcome: Result<(), crate::reject::Refused>) {
        match outcome {
            Ok(()) => self.accepted += 1,
            Err(refused) => self.tally.add(row, refused),
        }
    }
}

/// Hashes what is read.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Reads one line without its end into `line`, never more than one byte beyond `most` of it; false at the end.
pub(crate) fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, most: usize) -> io::Result<bool> {
    line.clear();
    if input.by_ref().take(most as u64 + 1).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    } else if line.len() > most {
        input.skip_until(b'\n')?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
