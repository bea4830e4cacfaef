use serde::{Deserialize, Serialize};

/// Something in a layer that an honest builder does not write, or that two readers may read in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Anomaly {
    /// Which one.
    pub kind: AnomalyKind,
    /// Byte offset in the stream in which it was seen: decompressed for archive anomalies, transported for
    /// compression ones.
    pub offset: u64,
    /// The path concerned, raw; empty where none is.
    pub path: Vec<u8>,
    /// The particulars, such as both values of a contradiction. Not escaped yet.
    pub detail: String,
}

/// The named anomalies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AnomalyKind {
    // — transport —
    /// The transported bytes do not hash to the declared digest.
    DigestMismatch,
    /// The transported length is not the declared size.
    SizeMismatch,
    /// The decompressed bytes do not hash to the configuration's diffID.
    DiffIdMismatch,
    /// The declared media type names another compression than the magic bytes show.
    MediaTypeMismatch,
    // — compression —
    /// A compression that is recognised and not read.
    UnsupportedCompression,
    /// The compressed stream is corrupt or ends early.
    CorruptCompression,
    /// More than one gzip member or zstd frame.
    SeveralMembers,
    /// A zstd skippable frame: bytes that no decompressor shows.
    SkippableFrame,
    /// Bytes after the end of the compressed stream.
    TrailingCompressed,
    /// Zero bytes after the end of the compressed stream, as tape and block padding leaves them.
    PaddedCompressed,
    /// More bytes in the optional fields of gzip headers than a file name needs: no decompressor shows them.
    GzipFields,
    /// A limit on size, ratio or window was reached; the rest was not read.
    LimitReached,
    // — archive —
    /// The archive ends in the middle of an entry or of a header.
    Truncated,
    /// The archive ends after an entry, without the two zero blocks that mark an end.
    NoEndMarker,
    /// Bytes other than zero after the end marker.
    TrailingData,
    /// Bytes other than zero in the padding of an entry.
    DirtyPadding,
    /// A header whose checksum is wrong; nothing after it can be trusted.
    BadChecksum,
    /// A header field that is no number, or one beyond any sense.
    BadNumber,
    /// A number that runtimes read and other readers refuse or read differently: a blank field, bytes after its
    /// end, a sign, a binary form that is not the common one.
    OddNumber,
    /// A record of an extended header that is malformed.
    BadExtendedHeader,
    /// Two headers give one entry two different values: PAX and ustar sizes, PAX and GNU names, a key twice.
    ConflictingHeaders,
    /// An extended header that no entry follows, or several of one kind in a row.
    StrayExtendedHeader,
    /// An extended header that applies to the whole archive.
    GlobalHeader,
    /// A global header that changes entries for some readers only: Go-based runtimes ignore its records for later
    /// entries, and remove what lies at its own name.
    GlobalOverride,
    /// A record of an extended header that only some readers know and that changes what an entry is.
    UnknownRecord,
    /// A sparse file. Honest builders write them rarely, readers differ over them.
    Sparse,
    /// A sparse map that overlaps, runs backwards or leaves the file.
    BadSparseMap,
    /// A type flag that no runtime knows.
    UnknownType,
    /// A magic that is neither ustar nor GNU.
    OldFormat,
    /// A path or link with a NUL byte inside, or with bytes after its NUL.
    HiddenName,
    /// A name that readers put together in different ways, such as a prefix in a header whose magic has none.
    AmbiguousName,
    /// An entry that one reader takes for a file and another for a directory.
    AmbiguousType,
    /// A path with `..` in it.
    ParentPath,
    /// An absolute path.
    AbsolutePath,
    /// A path that is no UTF-8.
    NonUtf8Path,
    /// A name component over 255 bytes or a path over 4,096: no file system can hold it.
    LongPath,
    /// An entry of size that carries bytes although its type has none, such as a directory or a link.
    UnexpectedContent,
    // — tree —
    /// One path twice in one layer; the last one wins at run time.
    DuplicatePath,
    /// A whiteout entry that carries content or is no empty regular file.
    WhiteoutContent,
    /// A whiteout of something that no lower layer has.
    IdleWhiteout,
    /// A whiteout with a name that no runtime agrees upon, such as `.wh.` alone or `.wh...`.
    OddWhiteout,
    /// An entry below a path that is a symbolic link: runtimes disagree where it lands.
    SymlinkParent,
    /// An entry below a path that is a file.
    FileParent,
    /// A hard link to nothing that exists at that point.
    DanglingHardlink,
    /// A hard link to a file of a lower layer.
    CrossLayerHardlink,
    /// A device node.
    Device,
}

/// How an anomaly is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Honest builders do it; it is counted and shown on request.
    Benign,
    /// Honest builders do not do it, yet everything was read: a finding.
    Odd,
    /// Something was not read, or two readers would read two things: a finding and a gap.
    Gap,
}

impl AnomalyKind {
    /// How this one is treated.
    pub fn weight(self) -> Weight {
        use AnomalyKind as A;
        match self {
            A::SeveralMembers
            | A::PaddedCompressed
            | A::NoEndMarker
            | A::GlobalHeader
            | A::OldFormat
            | A::AbsolutePath
            | A::NonUtf8Path
            | A::IdleWhiteout
            | A::CrossLayerHardlink => Weight::Benign,
            A::SkippableFrame
            | A::GzipFields
            | A::OddNumber
            | A::UnknownRecord
            | A::Sparse
            | A::MediaTypeMismatch
            | A::DirtyPadding
            | A::StrayExtendedHeader
            | A::ParentPath
            | A::UnknownType
            | A::UnexpectedContent
            | A::DuplicatePath
            | A::WhiteoutContent
            | A::OddWhiteout
            | A::SymlinkParent
            | A::FileParent
            | A::DanglingHardlink
            | A::Device
            | A::LongPath
            | A::HiddenName => Weight::Odd,
            A::DigestMismatch
            | A::SizeMismatch
            | A::DiffIdMismatch
            | A::UnsupportedCompression
            | A::CorruptCompression
            | A::TrailingCompressed
            | A::LimitReached
            | A::Truncated
            | A::TrailingData
            | A::BadChecksum
            | A::BadNumber
            | A::BadExtendedHeader
            | A::ConflictingHeaders
            | A::GlobalOverride
            | A::AmbiguousName
            | A::AmbiguousType
            | A::BadSparseMap => Weight::Gap,
        }
    }

    /// The name in reports, such as `digest-mismatch`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for character in format!("{self:?}").chars() {
            if character.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(character.to_ascii_lowercase());
        }
        name
    }
}
