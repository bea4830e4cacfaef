//! Indicators that people import.
//!
//! Comes in: files of feeds in the formats in which they are published, each read from a file that a person
//! named. Goes out: indicators with the feed and row they come from, how many rows were rejected and why, and
//! the same again from a directory in which imports are kept.
//! Never: network, code from a feed, a guess at a row that cannot be read, or an indicator so broad that it
//! would accuse images of everyone.
#![forbid(unsafe_code)]

mod broad;
mod feed;
mod formats;
mod import;
mod indicators;
mod label;
mod normal;
mod pattern;
mod pattern_match;
mod reject;
mod stored;
mod table;
mod text_table;

pub use feed::{Counts, Feed, Kind, may_be_built_in};
pub use import::{Error, Imported, Options, import};
pub use indicators::{FileSums, Hit, Indicators, TextHit};
pub use label::Label;
pub use normal::{host, url};
pub use pattern_match::{PatternSet, TooMuch};
pub use reject::{Example, Rejected};
pub use stored::{FeedDirectory, StoredError};
pub use table::Algorithm;
pub use text_table::TextKind;
