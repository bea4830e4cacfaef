use bytes::Bytes;
use model::{Algorithm, Digest};
use std::collections::BTreeMap;

/// Largest manifest that is taken (OCI distribution specification 1.1, "Pushing manifests").
pub const LARGEST: usize = 4 << 20;

/// Media types that mean something to the gate.
pub mod media_type {
    /// An image, as the OCI writes it.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An index, as the OCI writes it.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image, as Docker writes it.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// An index, as Docker writes it.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
}

/// A manifest that was parsed strictly, with its bytes. The only parser of the gate: what two readers could take for two
/// things is refused here (CVE-2021-41190).
#[derive(Debug, Clone)]
pub struct Manifest {
    bytes: Bytes,
    media_type: String,
    kind: ManifestKind,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
}

/// What a manifest is to a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManifestKind {
    /// A configuration and layers that a runtime would run.
    Image,
    /// A list of manifests.
    Index,
    /// A configuration and layers that no runtime takes for an image, by its type: signatures, documents. Whether its
    /// bytes are harmless is for the scanner to say: the type is a claim.
    Artifact,
}

/// A reference to content, with what is claimed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What it is said to be.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What an artifact is said to be.
    pub artifact_type: Option<String>,
    /// `os/architecture[/variant]` where one stands.
    pub platform: Option<String>,
    /// Annotations of the descriptor.
    pub annotations: BTreeMap<String, String>,
    /// Whether there are `urls`: content that may be elsewhere. They are never followed (CVE-2020-15157).
    pub foreign: bool,
}

/// What a manifest reaches in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Which content.
    pub digest: Digest,
    /// As what.
    pub kind: LinkKind,
    /// Its size as the manifest claims.
    pub size: u64,
    /// Whether the content may be missing: children of sparse indexes, layers that are not distributed.
    pub optional: bool,
}

/// As what content is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LinkKind {
    /// The configuration.
    Config,
    /// A layer, or a blob of an artifact.
    Layer,
    /// A manifest in an index.
    Manifest,
}

/// Why a manifest is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// Too many bytes.
    #[error("it has {0} bytes, the most are 4194304")]
    TooLarge(usize),
    /// No JSON, a key twice, too deep, or a field of another type.
    #[error("it cannot be read: {0}")]
    Json(String),
    /// Docker's first schema, which names layers by their history and cannot be verified.
    #[error("Docker's schema 1 is not taken: push the image again with a current client")]
    Schema1,
    /// A Content-Type that is no manifest's, or none at all and no `mediaType`.
    #[error("its media type {0} is not one of a manifest that is taken here")]
    MediaType(String),
    /// The field and the header say different things (CVE-2021-41190).
    #[error(
        "its field mediaType says {field}, its Content-Type says {header}: two readers would read two things"
    )]
    TwoTypes {
        /// The field.
        field: String,
        /// The header.
        header: String,
    },
    /// It is an image and an index (CVE-2021-41190).
    #[error("it has both manifests and layers or config: two readers would read two things")]
    Ambiguous,
    /// A part that must be there is not.
    #[error("it has no {0}")]
    Lacks(&'static str),
    /// A field that means something else than it should.
    #[error("its {place} is refused: {why}")]
    Field {
        /// Where.
        place: String,
        /// Why.
        why: String,
    },
}

impl Manifest {
    /// Reads a manifest as the Content-Type says, or, where none is known (`None`), as its own `mediaType` says.
    pub fn parse(bytes: Bytes, content_type: Option<&str>) -> Result<Self, ManifestError> {
        let _ = (bytes, content_type);
        todo!()
    }

    /// The bytes, which the digest is of.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest of the bytes.
    pub fn digest(&self, algorithm: Algorithm) -> Digest {
        let _ = algorithm;
        todo!()
    }

    /// The Content-Type to serve it with.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// What it is.
    pub fn kind(&self) -> ManifestKind {
        self.kind
    }

    /// `artifactType`, else the type of the configuration (OCI distribution specification 1.1, "Listing Referrers").
    pub fn artifact_type(&self) -> Option<&str> {
        self.artifact_type.as_deref()
    }

    /// The configuration; an index has none.
    pub fn config(&self) -> Option<&Descriptor> {
        self.config.as_ref()
    }

    /// The layers; an index has none.
    pub fn layers(&self) -> &[Descriptor] {
        &self.layers
    }

    /// The manifests of an index.
    pub fn manifests(&self) -> &[Descriptor] {
        &self.manifests
    }

    /// What it is about. It need not exist.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// Its annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// What it reaches in one step, each content once for each kind. The one plan for putting, releasing, collecting and
    /// scrubbing. The subject is not reached: whoever may read an opinion may not therefore read what it is about.
    pub fn links(&self) -> Vec<Link> {
        todo!()
    }
}

impl LinkKind {
    /// As the row has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Layer => "layer",
            Self::Manifest => "manifest",
        }
    }
}
