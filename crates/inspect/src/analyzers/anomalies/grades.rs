use layers::AnomalyKind;
use model::{Role, Severity};

/// What an anomaly is worth as a sign of hiding. That something could not be read is told by a gap besides; here
/// only counts whether honest tools are known to do it.
pub(super) fn grade(kind: AnomalyKind) -> (Role, Severity) {
    use AnomalyKind as A;
    match kind {
        // Two readers see two images, and nothing writes these by mistake.
        A::ConflictingHeaders
        | A::GlobalOverride
        | A::AmbiguousName
        | A::AmbiguousType
        | A::BadSparseMap
        | A::HiddenName
        | A::ParentPath
        | A::DigestMismatch
        | A::SizeMismatch
        | A::DiffIdMismatch => (Role::Corroborates, Severity::High),
        // Room for bytes that no runtime shows, or a header that readers forgive differently.
        A::TrailingCompressed
        | A::TrailingData
        | A::DirtyPadding
        | A::BadChecksum
        | A::BadNumber
        | A::BadExtendedHeader
        | A::WhiteoutContent
        | A::UnknownType => (Role::Corroborates, Severity::Medium),
        // Broken tools do these too; they count only beside something else.
        A::MediaTypeMismatch
        | A::StrayExtendedHeader
        | A::UnexpectedContent
        | A::OddWhiteout
        | A::FileParent
        | A::LongPath => (Role::Corroborates, Severity::Low),
        // Damage and limits say nothing about intent: the gap speaks. The rest is known of honest tools: indices
        // of lazily pulled layers, root file systems packed with their devices, builders that add a path twice
        // or below a link, archives packed elsewhere.
        A::UnsupportedCompression
        | A::CorruptCompression
        | A::LimitReached
        | A::Truncated
        | A::SkippableFrame
        | A::GzipFields
        | A::OddNumber
        | A::UnknownRecord
        | A::Sparse
        | A::DuplicatePath
        | A::SymlinkParent
        | A::DanglingHardlink
        | A::Device
        | A::SeveralMembers
        | A::PaddedCompressed
        | A::NoEndMarker
        | A::GlobalHeader
        | A::OldFormat
        | A::AbsolutePath
        | A::NonUtf8Path
        | A::IdleWhiteout
        | A::CrossLayerHardlink => (Role::Context, Severity::Low),
    }
}
