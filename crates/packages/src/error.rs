use crate::DatabaseFile;

/// A database file of which nothing could be read. What it would have said is unknown, so the caller records
/// a gap. Damage to single entries is no error: the rest is read, and [`crate::Ownership::gaps`] tells.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is larger than a database of its kind may be.
    #[error(
        "package database {path} has {size} bytes and at most {limit} are read: look at what fills it, no package manager needs that much"
    )]
    TooLarge {
        /// Path in the image, escaped.
        path: String,
        /// Bytes found.
        size: u64,
        /// Bytes allowed, from [`DatabaseFile::max_size`].
        limit: u64,
    },
    /// The file's head or structure is not that of its format.
    #[error(
        "package database {path} cannot be read as {kind} at byte {offset}: {reason}; restore the file or rebuild the image"
    )]
    Malformed {
        /// Path in the image, escaped.
        path: String,
        /// What the file is by its path.
        kind: DatabaseFile,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
}
