use crate::frame::{Frame, Place};
use crate::{Moment, paths, text};

/// A part of the journal.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// The entries, in the order in which they should be shown.
    pub entries: Vec<Entry>,
    /// The number of the last entry that there is.
    pub head: i64,
    /// Whether the hashes hold together, where that was checked; the number of the first entry at which they do not.
    pub broken: Option<i64>,
    /// Entries that are older than those: the `after` of their page.
    pub older: Option<i64>,
    /// Entries that are newer than those: the `after` of their page.
    pub newer: Option<i64>,
}

/// One entry.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Its number.
    pub number: i64,
    /// When.
    pub time: Moment,
    /// What kind: `released`, `login`, `exception`.
    pub kind: String,
    /// What it says, as JSON or in words.
    pub body: String,
    /// The image that it is about, as repository and digest.
    pub image: Option<(String, String)>,
    /// Its hash, which covers the one before it.
    pub hash: String,
}

/// Draws the journal.
pub fn journal(frame: &Frame, journal: &Journal) -> String {
    text::drawn(&Page {
        frame,
        here: Place::Journal,
        journal,
        older: journal.older.map(paths::journal),
        newer: journal.newer.map(paths::journal),
    })
}

#[derive(askama::Template)]
#[template(path = "journal.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    journal: &'a Journal,
    older: Option<String>,
    newer: Option<String>,
}
