mod document;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use bytes::Bytes;
use document::{Node, folded};
use model::{Algorithm, Digest};
use std::collections::{BTreeMap, BTreeSet};

/// Largest manifest that is taken (OCI distribution specification 1.1, "Pushing manifests").
pub(crate) const LARGEST: usize = 4 << 20;

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
        if bytes.len() > LARGEST {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        // Parameters of the header (`; charset=utf-8`) say nothing of the type.
        let header = content_type
            .map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
            .filter(|text| !text.is_empty());
        if header.as_deref().is_some_and(is_schema1) {
            return Err(ManifestError::Schema1);
        }
        let root = document::read(&bytes).map_err(|error| ManifestError::Json(shown(&error.to_string())))?;
        let fields = Fields::of("manifest", root, MANIFEST_KEYS)?;
        fields.schema()?;
        let media_type = media_type_of(&fields, header)?;
        let is_index = matches!(media_type.as_str(), media_type::OCI_INDEX | media_type::DOCKER_LIST);
        if fields.has("manifests") && ["layers", "config"].iter().any(|key| fields.has(key)) {
            return Err(ManifestError::Ambiguous);
        }
        let config = match is_index {
            true => None,
            false => Some(descriptor("config", fields.get("config").ok_or(ManifestError::Lacks("config"))?)?),
        };
        let list = |key: &'static str, wanted: bool| match (fields.get(key), wanted) {
            (None, true) => Err(ManifestError::Lacks(key)),
            (Some(node), true) => descriptors(key, node),
            (_, false) => Ok(Vec::new()),
        };
        if is_index && !fields.has("manifests") {
            return Err(ManifestError::Lacks("manifests"));
        }
        let layers = list("layers", !is_index)?;
        let manifests = list("manifests", is_index)?;
        for child in &manifests {
            if is_schema1(&child.media_type) {
                return Err(ManifestError::Schema1);
            }
        }
        let subject = fields.present("subject").map(|node| descriptor("subject", node)).transpose()?;
        let named = fields.text("artifactType")?.filter(|text| !text.is_empty());
        let kind = match &config {
            None => ManifestKind::Index,
            Some(config) if is_image_config(&config.media_type) => ManifestKind::Image,
            Some(_) => ManifestKind::Artifact,
        };
        let artifact_type = named.or_else(|| config.as_ref().map(|config| config.media_type.clone()));
        let annotations = annotations("manifest", &fields)?;
        let manifest =
            Self { bytes, media_type, kind, artifact_type, config, layers, manifests, subject, annotations };
        manifest.sizes_agree()?;
        Ok(manifest)
    }

    /// The bytes, which the digest is of.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The digest of the bytes.
    pub fn digest(&self, algorithm: Algorithm) -> Digest {
        crate::incoming::digest(algorithm, &self.bytes)
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
        let config = self.config.iter().map(|descriptor| (LinkKind::Config, descriptor));
        let layers = self.layers.iter().map(|descriptor| (LinkKind::Layer, descriptor));
        let manifests = self.manifests.iter().map(|descriptor| (LinkKind::Manifest, descriptor));
        let mut seen = BTreeSet::new();
        config
            .chain(layers)
            .chain(manifests)
            .filter(|(kind, descriptor)| seen.insert((*kind, descriptor.digest)))
            .map(|(kind, descriptor)| Link {
                digest: descriptor.digest,
                kind,
                size: descriptor.size,
                optional: kind == LinkKind::Manifest || is_nondistributable(&descriptor.media_type),
            })
            .collect()
    }

    /// One digest has one size: a reader that trusts the smaller one reads other content than who trusts the larger one.
    fn sizes_agree(&self) -> Result<(), ManifestError> {
        let mut sizes = BTreeMap::new();
        let parts = self.config.iter().chain(&self.layers).chain(&self.manifests).chain(&self.subject);
        for descriptor in parts {
            if *sizes.entry(descriptor.digest).or_insert(descriptor.size) != descriptor.size {
                return Err(refused(&descriptor.digest.to_string(), "it is given two sizes"));
            }
        }
        Ok(())
    }
}

/// Keys that readers know. One that only looks like them to a reader that ignores case is refused.
const MANIFEST_KEYS: &[&str] = &[
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "fsLayers",
    "history",
    "signatures",
    "blobs",
];
const DESCRIPTOR_KEYS: &[&str] =
    &["mediaType", "digest", "size", "urls", "annotations", "data", "platform", "artifactType"];
const PLATFORM_KEYS: &[&str] = &["architecture", "os", "os.version", "os.features", "variant", "features"];

/// The fields of one object.
struct Fields {
    place: String,
    fields: Vec<(String, Node)>,
}

impl Fields {
    fn of(place: &str, node: Node, known: &[&str]) -> Result<Self, ManifestError> {
        let Node::Object(fields) = node else {
            return Err(refused(place, "it is no object"));
        };
        for (key, _) in &fields {
            let fold = folded(key);
            if known.iter().any(|name| *name != key && folded(name) == fold) {
                return Err(refused(place, &format!("its key {} is read as another by some", shown(key))));
            }
        }
        Ok(Self { place: place.to_owned(), fields })
    }

    fn get(&self, key: &str) -> Option<&Node> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// As [`Fields::get`]; `null` is as if it were not there, as Go reads it.
    fn present(&self, key: &str) -> Option<&Node> {
        self.get(key).filter(|node| **node != Node::Null)
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn text(&self, key: &str) -> Result<Option<String>, ManifestError> {
        match self.present(key) {
            None => Ok(None),
            Some(Node::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(refused(&self.place, &format!("its {key} is no text"))),
        }
    }

    fn schema(&self) -> Result<(), ManifestError> {
        if self.get("schemaVersion") == Some(&Node::Number(Some(1)))
            || ["fsLayers", "history", "signatures"].iter().any(|key| self.has(key))
        {
            return Err(ManifestError::Schema1);
        }
        if self.has("blobs") {
            return Err(refused("manifest", "it has the blobs of a form that was withdrawn"));
        }
        match self.get("schemaVersion") {
            Some(Node::Number(Some(2))) => Ok(()),
            None => Err(ManifestError::Lacks("schemaVersion")),
            Some(_) => Err(refused("schemaVersion", "it is not 2")),
        }
    }
}

/// The type, from the header and the field. Where only the shape could tell, it decides nothing but between the two forms
/// of the OCI, and never against either.
fn media_type_of(fields: &Fields, header: Option<String>) -> Result<String, ManifestError> {
    let field = fields.text("mediaType")?;
    if let (Some(header), Some(field)) = (&header, &field)
        && header != field
    {
        return Err(ManifestError::TwoTypes { field: shown(field), header: shown(header) });
    }
    let shape = || match (fields.has("manifests"), fields.has("layers") || fields.has("config")) {
        (true, false) => Some(media_type::OCI_INDEX.to_owned()),
        (false, true) => Some(media_type::OCI_MANIFEST.to_owned()),
        _ => None,
    };
    let bare = field.is_none();
    let media_type = match field.or(header).or_else(shape) {
        Some(text) => text,
        None => return Err(ManifestError::MediaType("(none)".to_owned())),
    };
    match media_type.as_str() {
        media_type::OCI_MANIFEST | media_type::OCI_INDEX => Ok(media_type),
        // Docker's form always names itself; one that does not is read as the OCI's by some.
        media_type::DOCKER_MANIFEST | media_type::DOCKER_LIST if bare => {
            Err(ManifestError::Lacks("mediaType"))
        }
        media_type::DOCKER_MANIFEST | media_type::DOCKER_LIST => Ok(media_type),
        other if is_schema1(other) => Err(ManifestError::Schema1),
        other => Err(ManifestError::MediaType(shown(other))),
    }
}

fn descriptors(place: &str, node: &Node) -> Result<Vec<Descriptor>, ManifestError> {
    match node {
        // What Go writes for a list with nothing in it.
        Node::Null => Ok(Vec::new()),
        Node::List(nodes) => nodes
            .iter()
            .enumerate()
            .map(|(index, node)| descriptor(&format!("{place}[{index}]"), node))
            .collect(),
        _ => Err(refused(place, "it is no list")),
    }
}

fn descriptor(place: &str, node: &Node) -> Result<Descriptor, ManifestError> {
    let fields = Fields::of(place, node.clone(), DESCRIPTOR_KEYS)?;
    let media_type = fields.text("mediaType")?.filter(|text| !text.is_empty());
    let media_type = media_type.ok_or_else(|| refused(place, "it has no mediaType"))?;
    let digest = fields.text("digest")?.ok_or_else(|| refused(place, "it has no digest"))?;
    let digest: Digest =
        digest.parse().map_err(|error: model::DigestError| refused(place, &error.to_string()))?;
    let size = match fields.get("size") {
        Some(Node::Number(Some(size))) if i64::try_from(*size).is_ok() => *size,
        _ => return Err(refused(place, "its size is no number from 0 to 9223372036854775807")),
    };
    let foreign = match fields.present("urls") {
        None => false,
        Some(Node::List(urls)) if urls.iter().all(|url| matches!(url, Node::Text(_))) => !urls.is_empty(),
        Some(_) => return Err(refused(place, "its urls are no list of texts")),
    };
    if let Some(data) = fields.text("data")? {
        embedded(place, &data, &digest, size)?;
    }
    let platform = fields.present("platform").map(|node| platform(place, node)).transpose()?;
    let artifact_type = fields.text("artifactType")?.filter(|text| !text.is_empty());
    let annotations = annotations(place, &fields)?;
    Ok(Descriptor { media_type, digest, size, artifact_type, platform, annotations, foreign })
}

/// Content within the manifest, which some read in place of the blob, must be the blob.
fn embedded(place: &str, data: &str, digest: &Digest, size: u64) -> Result<(), ManifestError> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data)
        .map_err(|_| refused(place, "its data is no base64"))?;
    if bytes.len() as u64 != size || crate::incoming::digest(digest.algorithm(), &bytes) != *digest {
        return Err(refused(place, "its data is not what its digest and size say"));
    }
    Ok(())
}

fn platform(place: &str, node: &Node) -> Result<String, ManifestError> {
    let fields = Fields::of(&format!("{place}.platform"), node.clone(), PLATFORM_KEYS)?;
    let parts = [fields.text("os")?, fields.text("architecture")?, fields.text("variant")?];
    Ok(parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
}

fn annotations(place: &str, fields: &Fields) -> Result<BTreeMap<String, String>, ManifestError> {
    let texts = |(key, node): &(String, Node)| match node {
        Node::Text(text) => Some((key.clone(), text.clone())),
        _ => None,
    };
    match fields.present("annotations") {
        None => Ok(BTreeMap::new()),
        Some(Node::Object(entries)) => entries
            .iter()
            .map(|entry| texts(entry).ok_or_else(|| refused(place, "its annotations are not all texts")))
            .collect(),
        Some(_) => Err(refused(place, "its annotations are no object")),
    }
}

fn is_schema1(text: &str) -> bool {
    matches!(
        text,
        "application/vnd.docker.distribution.manifest.v1+json"
            | "application/vnd.docker.distribution.manifest.v1+prettyjws"
            | "application/vnd.docker.distribution.manifest.v1"
            | "application/vnd.docker.container.image.rootfs.v1+json"
    )
}

fn is_image_config(text: &str) -> bool {
    matches!(
        text,
        "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
    )
}

/// Layers that a registry need not hold: what is not here is not scanned, so it is not released either.
fn is_nondistributable(text: &str) -> bool {
    text.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar")
        || text == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
}

fn refused(place: &str, why: &str) -> ManifestError {
    ManifestError::Field { place: shown(place), why: why.to_owned() }
}

/// The attacker's text, cut and escaped.
fn shown(text: &str) -> String {
    model::escape_text(&text.chars().take(200).collect::<String>())
}

impl ManifestKind {
    /// As the row has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Index => "index",
            Self::Artifact => "artifact",
        }
    }

    pub(crate) fn of_row(text: &str) -> Result<Self, crate::Error> {
        [Self::Image, Self::Index, Self::Artifact]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| crate::Error::Row { table: "manifests", why: format!("{text} is no kind") })
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
