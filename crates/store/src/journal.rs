//! The journal: what was decided and done, each entry bound to the one before by a hash. Nothing is ever changed in it or
//! removed from it, and who changes the file is found by [`verify`].
use crate::{Error, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; the first is 1, and there are no holes.
    pub seq: i64,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// What: `release`, `deny`, `revoke`, `hold`, `push`, `delete`, or a kind of the gate's.
    pub kind: String,
    /// The canonical JSON that was hashed.
    pub body: String,
    /// The hash of the entry before, in hexadecimal; zeros for the first.
    pub previous: String,
    /// SHA-256 over previous, seq, time, kind and body.
    pub hash: String,
}

/// The last entry: what to sign or to keep elsewhere, so that nobody cuts the end off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry; 0 where there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

/// What a check of a journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many entries are whole, from the first.
    pub entries: i64,
    /// The last that is whole.
    pub head: Head,
    /// The first that is broken, and why.
    pub broken: Option<(i64, String)>,
}

impl Store {
    /// Writes an entry that stands by itself: sign-ins, changes of rights, exceptions.
    pub async fn record(&self, kind: &str, body: Value) -> Result<Entry, Error> {
        let _ = (kind, body);
        todo!()
    }

    /// Entries after `after`, at most `n`.
    pub async fn journal(&self, after: i64, n: usize) -> Result<Vec<Entry>, Error> {
        let _ = (after, n);
        todo!()
    }

    /// The last entry.
    pub async fn journal_head(&self) -> Result<Head, Error> {
        todo!()
    }
}

/// Checks the journal of a database file, from the first entry to the last, without opening it for writing. With
/// `anchor`, a head that was kept elsewhere, also that the journal still has that entry. Blocks; needs no runtime.
pub fn verify(database: &Path, anchor: Option<&Head>) -> Result<Checked, Error> {
    let _ = (database, anchor);
    todo!()
}

/// Checks entries in JSON lines, as [`export`] writes them.
pub fn verify_lines(lines: impl std::io::BufRead, anchor: Option<&Head>) -> Result<Checked, Error> {
    let _ = (lines, anchor);
    todo!()
}

/// Writes the journal of a database file as JSON lines. Blocks; needs no runtime.
pub fn export(database: &Path, to: &mut dyn std::io::Write) -> Result<i64, Error> {
    let _ = (database, to);
    todo!()
}
