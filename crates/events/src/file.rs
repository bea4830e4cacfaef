use crate::{Bytes, Process};
use serde::{Deserialize, Serialize};

/// A file was touched, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileAct {
    /// Who.
    pub process: Process,
    /// What was done.
    pub op: FileOp,
    /// Where, absolute, as far as the descriptor or directory that it was named by is known.
    pub path: Bytes,
    /// Whether the path leads out of the guest's own tree or to one of the kernel's (`/proc`, `/sys`, `/dev`).
    pub origin: Origin,
    /// What came back: 0 or a count, negative is an error number.
    pub result: i64,
}

/// What was done to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileOp {
    /// Opened.
    Open {
        /// For reading.
        read: bool,
        /// For writing.
        write: bool,
        /// Made by this call, as far as is known.
        create: bool,
    },
    /// Closed after writing, or still open at the end: how much was written in all.
    Wrote {
        /// Bytes.
        bytes: u64,
    },
    /// Mapped as a library or for execution.
    MapExecutable,
    /// Renamed to, linked to, or made a symbolic link to this path or text.
    Rename(Bytes),
    /// A second name.
    Link(Bytes),
    /// A symbolic link with this text.
    Symlink(Bytes),
    /// Removed.
    Unlink,
    /// A directory was made.
    MakeDirectory,
    /// A directory was removed.
    RemoveDirectory,
    /// A device, pipe or socket was made, with this mode.
    MakeNode(u32),
    /// Rights were changed to this mode.
    Mode(u32),
    /// Owner and group were changed.
    Owner(u32, u32),
    /// Cut to this length.
    Truncate(u64),
    /// Times were set: seconds since the epoch.
    Times(i64),
    /// An extended attribute was set, by name: file capabilities are one.
    Attribute(Bytes),
    /// Something was mounted there: the kind of file system and its source.
    Mount {
        /// Kind of file system.
        kind: Bytes,
        /// Source.
        source: Bytes,
        /// Flags of the call.
        flags: u64,
    },
    /// Unmounted.
    Unmount,
    /// Made the root directory.
    Root,
    /// Looked for and asked about without being opened (`stat`, `access`), where the place matters.
    Look,
    /// Another file was put in its place by a rename: what it was is gone.
    Replaced,
}

/// Where content comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Origin {
    /// The image, unchanged.
    Image,
    /// It was written while the image ran.
    Written,
    /// It is memory with a name and has no file.
    Memory,
    /// Its file is gone.
    Deleted,
    /// The sandbox put it there: a canary, a trust store, a bait.
    Planted,
    /// The kernel's: `/proc`, `/sys`, `/dev`.
    Kernel,
    /// Not known.
    Unknown,
}

/// Content that was kept, or that is known by its digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Content {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// Bytes.
    pub length: u64,
    /// Whether it lies in the run's directory of content, under its digest.
    pub kept: bool,
}
