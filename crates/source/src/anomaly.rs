use crate::content::clip;
use serde::{Deserialize, Serialize};

/// Something in how an image is declared that an honest builder does not write, or that two readers may read
/// in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Anomaly {
    /// Which one.
    pub kind: AnomalyKind,
    /// The document or layer concerned. Escaped.
    pub what: String,
    /// The particulars, such as both values of a contradiction. Escaped.
    pub detail: String,
}

/// The named anomalies of manifests, indexes, configurations and archives of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnomalyKind {
    /// A document with the fields of an index and of a manifest at once: one digest, two contents
    /// (CVE-2021-41190).
    AmbiguousManifest,
    /// Descriptor, HTTP header and the `mediaType` field name different types of one document. Where one of
    /// them is of an index and the other of an image, the document is refused besides.
    MediaTypeDisagrees,
    /// A document that does not hash to the digest it was declared with.
    DigestMismatch,
    /// A document that hashes rightly and has another length than declared.
    SizeMismatch,
    /// A layer that names addresses to fetch it from. They are never followed.
    ForeignLayer,
    /// A JSON key twice in one object; readers differ over which one holds.
    DuplicateKey,
    /// A JSON key in the wrong case, which readers written in Go take for the right one and others do not.
    MisspelledKey,
    /// A media type that names no layer, manifest or configuration known here.
    UnknownMediaType,
    /// A manifest of the retired schema 1.
    Schema1,
    /// The configuration lists another number of layers than the manifest: a layer without a diffID cannot be
    /// compared, and a diffID without a layer stands for one that others may have.
    DiffIdCount,
    /// Neither the index nor the configuration says which platform the image is for.
    NoPlatform,
    /// The index and the configuration name different platforms.
    PlatformMismatch,
    /// An index without entries.
    EmptyIndex,
    /// Indexes nested deeper than the limit.
    NestedIndex,
    /// More entries in an index, or layers in a manifest, than the limit.
    TooManyDescriptors,
    /// An entry that an annotation calls an attestation although it has the layers of an image.
    DisguisedImage,
    /// The two lists of contents of one archive, `manifest.json` and `index.json`, name different images.
    ArchiveDisagrees,
}

impl AnomalyKind {
    /// Whether a runtime may see another image than the one that was opened here. An image with such an
    /// anomaly is not wholly read, however cleanly the rest of it is.
    pub fn is_gap(self) -> bool {
        use AnomalyKind as A;
        match self {
            A::AmbiguousManifest
            | A::DigestMismatch
            | A::DuplicateKey
            | A::Schema1
            | A::DiffIdCount
            | A::NestedIndex
            | A::TooManyDescriptors => true,
            A::MediaTypeDisagrees
            | A::SizeMismatch
            | A::ForeignLayer
            | A::MisspelledKey
            | A::UnknownMediaType
            | A::NoPlatform
            | A::PlatformMismatch
            | A::EmptyIndex
            | A::DisguisedImage
            | A::ArchiveDisagrees => false,
        }
    }

    /// The name in reports, such as `foreign-layer`.
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

impl Anomaly {
    /// An anomaly; both texts are escaped here.
    pub(crate) fn new(kind: AnomalyKind, what: impl AsRef<str>, detail: impl AsRef<str>) -> Self {
        Self { kind, what: clip(what.as_ref()), detail: clip(detail.as_ref()) }
    }
}
