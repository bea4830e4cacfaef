use model::{Digest, RepositoryName, Tag};

/// Something that happened to content and that others may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Where.
    pub repository: RepositoryName,
    /// The root manifest.
    pub digest: Digest,
    /// The tags that it was asked for or pushed by.
    pub tags: Vec<Tag>,
    /// The reason in a sentence; escaped.
    pub why: String,
    /// When, in milliseconds since 1970.
    pub time: i64,
}

pub(crate) use crate::config::EventKind;
