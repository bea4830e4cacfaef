use crate::anomaly::Anomaly;
use crate::content::{Origin, Stamp};
use crate::error::Error;
use crate::locator::Locator;
use crate::options::Options;
use crate::resolve::Resolved;
use crate::{archive, containerd, containers_storage, docker_daemon, layout, registry, rootfs};
use model::{Digest, Gap, ImageConfig, ImageRef, Platform};
use std::fmt;
use std::io::Read;
use std::sync::Arc;

/// Opens what a reference names: reads and verifies its indexes, manifests and configurations, and makes its
/// layers ready to be streamed. No layer is fetched before [`Layer::open`].
///
/// # Errors
/// Where the reference leads nowhere, leads to no image, or to nothing that can be read. Where one of several
/// platforms cannot be read, the others are opened and the one is a gap.
pub fn open(locator: &Locator, options: &Options) -> Result<Opened, Error> {
    let opened = |found: Found| {
        let Found { name, digest, resolved } = found;
        let Resolved { images, artifacts, anomalies, gaps } = resolved;
        let reference = match &name {
            Some(name) if matches!(locator, Locator::Oci { .. }) => name.to_string(),
            _ => locator.to_string(),
        };
        Opened { reference, name, digest, images, artifacts, anomalies, gaps }
    };
    match locator {
        Locator::DockerArchive { path, reference } => {
            archive::open_docker(path, reference.as_deref(), options)
        }
        Locator::OciArchive { path, tag } => archive::open_oci(path, tag.as_deref(), options),
        Locator::Oci { dir, tag } => layout::open(dir, tag.as_deref(), options),
        Locator::Registry(reference) => registry::open(reference, options),
        Locator::Directory(dir) => rootfs::open(dir),
        Locator::ContainersStorage(name) => containers_storage::open(name, options),
        Locator::Containerd(name) => containerd::open(name, options),
        Locator::DockerDaemon(name) => docker_daemon::open(name, options),
    }
    .map(opened)
}

/// What a transport found.
pub(crate) struct Found {
    pub(crate) name: Option<ImageRef>,
    pub(crate) digest: Option<Digest>,
    pub(crate) resolved: Resolved,
}

/// What a reference led to.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The reference as it is shown to people. Escaped.
    pub reference: String,
    /// The name in a registry, where it has one.
    pub name: Option<ImageRef>,
    /// Digest of the index or of the single manifest; none for archives and stores without one.
    pub digest: Option<Digest>,
    /// The images, one for each platform, in the order of the index.
    pub images: Vec<Image>,
    /// What was recognised and is not opened as an image.
    pub artifacts: Vec<Artifact>,
    /// What is odd about how all this is declared.
    pub anomalies: Vec<Anomaly>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// One image of one platform.
#[derive(Debug, Clone)]
pub struct Image {
    /// The platform, from the index where it names one, else from the configuration.
    pub platform: Platform,
    /// Digest of its manifest.
    pub digest: Option<Digest>,
    /// Its configuration, byte for byte as it was digested.
    pub config_bytes: Vec<u8>,
    /// The same, read.
    pub config: ImageConfig,
    /// Its layers, bottom first.
    pub layers: Vec<Layer>,
}

/// One layer.
#[derive(Clone)]
pub struct Layer {
    /// Position from the bottom, the first layer is 0.
    pub index: usize,
    /// The declared media type, raw; empty where none was declared.
    pub media_type: String,
    /// The declared digest of the transported bytes.
    pub digest: Option<Digest>,
    /// The declared number of transported bytes.
    pub size: Option<u64>,
    /// The digest of the bytes after decompression, as the configuration claims.
    pub diff_id: Option<Digest>,
    origin: Arc<dyn Origin>,
}

/// Something beside the images that a reference leads to: it is named so that nothing is skipped in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Its digest.
    pub digest: Digest,
    /// Its artifact type, or media type where it has none. Escaped.
    pub kind: String,
    /// The platform that the index names for it.
    pub platform: Option<Platform>,
    /// Why it is not opened as an image.
    pub why: String,
}

impl Layer {
    pub(crate) fn new(
        index: usize,
        media_type: String,
        diff_id: Option<Digest>,
        origin: Arc<dyn Origin>,
    ) -> Self {
        Self { index, media_type, digest: None, size: None, diff_id, origin }
    }

    pub(crate) fn declared(self, digest: Option<Digest>, size: Option<u64>) -> Self {
        Self { digest, size, ..self }
    }

    /// The transported bytes from the start, unverified: their reader recomputes the digest. The stream never
    /// goes on past the declared length or the limit for layers; where there are more bytes it ends with an
    /// error. May be called again, and from several threads.
    ///
    /// # Errors
    /// Where the content is absent or cannot be reached. A read of the stream fails where the connection breaks
    /// for good, the file changes, or the work is cancelled.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, Error> {
        self.origin.open()
    }

    /// For bytes in a local file: see [`Stamp`]. None for everything that comes over a network or is put
    /// together from many files.
    pub fn stamp(&self) -> Option<Stamp> {
        self.origin.stamp()
    }

    /// Whether whoever pulls this layer checks it against its declared digest, so that a verdict on the bytes
    /// of that digest holds without fetching them again.
    pub fn is_verified_by_clients(&self) -> bool {
        self.origin.is_verified_by_clients()
    }

    /// What the streams read so far had to leave out without ending, such as an unreadable file below a root
    /// file system. Ask after reading.
    pub fn gaps(&self) -> Vec<Gap> {
        self.origin.gaps()
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("index", &self.index)
            .field("media_type", &self.media_type)
            .field("digest", &self.digest)
            .field("size", &self.size)
            .field("diff_id", &self.diff_id)
            .finish_non_exhaustive()
    }
}
