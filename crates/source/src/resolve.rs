use crate::anomaly::{Anomaly, AnomalyKind};
use crate::content::{Content, Document, DocumentRole, digest_like};
use crate::error::Error;
use crate::manifest::{self, Declared, Descriptor, ImageManifest, Index, Manifest};
use crate::open::{Artifact, Image, Layer};
use crate::options::Options;
use model::{Digest, Gap, ImageConfig, Platform};
use std::collections::HashSet;

/// All that a reference leads to.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    pub(crate) images: Vec<Image>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) anomalies: Vec<Anomaly>,
    pub(crate) gaps: Vec<Gap>,
}

/// Where resolving starts.
pub(crate) struct Root {
    pub(crate) descriptor: Descriptor,
    /// The document, where finding the descriptor meant fetching it.
    pub(crate) document: Option<Document>,
}

/// Follows manifests and indexes from their roots to the images. Every document is verified against its
/// digest before it is read. What fails below a root is a gap; where nothing is left, the first failure is
/// the error.
///
/// # Errors
/// Where no image was found.
pub(crate) fn resolve(content: &dyn Content, options: &Options, roots: Vec<Root>) -> Result<Resolved, Error> {
    let mut walk = Walk {
        content,
        options,
        found: Resolved::default(),
        seen: HashSet::new(),
        first_failure: None,
        bytes: 0,
        layers: 0,
        platforms: Vec::new(),
    };
    for Root { descriptor, document } in roots {
        walk.child(&descriptor, document, 0)?;
    }
    walk.finish()
}

struct Walk<'a> {
    content: &'a dyn Content,
    options: &'a Options,
    found: Resolved,
    seen: HashSet<Digest>,
    first_failure: Option<Error>,
    bytes: u64,
    layers: usize,
    /// Platforms that were passed over, for the message that says what could have been asked for.
    platforms: Vec<Platform>,
}

/// All layers of all platforms, as a multiple of the limit for one: each costs memory before anything of it
/// is read.
const LAYERS_IN_ALL: usize = 16;

impl Walk<'_> {
    /// Follows one descriptor; what fails is noted. Only a cancellation ends the whole walk.
    fn child(
        &mut self,
        descriptor: &Descriptor,
        document: Option<Document>,
        depth: usize,
    ) -> Result<(), Error> {
        match self.follow(descriptor, document, depth) {
            Ok(()) => Ok(()),
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(Error::Missing { .. }) if self.content.is_partial() && depth > 0 => {
                self.pass_over(
                    descriptor,
                    "its content is not in this store, so nothing can run it from here",
                );
                Ok(())
            }
            Err(error) => {
                self.found.gaps.push(Gap::new(name(descriptor), error.chain()));
                self.first_failure.get_or_insert(error);
                Ok(())
            }
        }
    }

    fn follow(
        &mut self,
        descriptor: &Descriptor,
        document: Option<Document>,
        depth: usize,
    ) -> Result<(), Error> {
        if let (Some(wanted), Some(platform)) = (&self.options.platform, descriptor.platform())
            && !platform.satisfies(wanted)
        {
            self.platforms.push(platform);
            self.pass_over(descriptor, "another platform was asked for");
            return Ok(());
        }
        if !self.seen.insert(descriptor.digest) {
            self.pass_over(descriptor, "it is the same manifest as one that was already followed");
            return Ok(());
        }
        if self.seen.len() > self.options.limits.descriptors {
            let limit = self.options.limits.descriptors;
            self.anomaly(AnomalyKind::TooManyDescriptors, descriptor, format!("more than {limit} manifests"));
            return Err(Error::refused(
                name(descriptor),
                format!("the reference leads to more than {limit} manifests"),
            ));
        }
        let document = match document {
            Some(document) => self.verified(descriptor, document)?,
            None => self.fetch(descriptor, DocumentRole::Manifest)?,
        };
        let declared =
            Declared { descriptor: Some(&descriptor.media_type), header: document.header.as_deref() };
        match manifest::parse(&document.bytes, &declared, &name(descriptor), &mut self.found.anomalies)? {
            Manifest::Index(index) => self.index(descriptor, &index, depth),
            Manifest::Image(manifest) => self.image(descriptor, &manifest),
        }
    }

    fn index(&mut self, descriptor: &Descriptor, index: &Index, depth: usize) -> Result<(), Error> {
        if index.manifests.is_empty() {
            self.anomaly(AnomalyKind::EmptyIndex, descriptor, "no entries");
        }
        if depth >= self.options.limits.index_depth {
            self.anomaly(AnomalyKind::NestedIndex, descriptor, format!("depth {depth}"));
            return Err(Error::refused(name(descriptor), "it is an index in too many indexes"));
        }
        let limit = self.options.limits.descriptors;
        if index.manifests.len() > limit {
            let count = index.manifests.len();
            self.anomaly(AnomalyKind::TooManyDescriptors, descriptor, format!("{count} entries"));
            return Err(Error::refused(
                name(descriptor),
                format!("it has {count} entries, more than {limit}"),
            ));
        }
        index.manifests.iter().try_for_each(|entry| self.child(entry, None, depth + 1))
    }

    fn image(&mut self, descriptor: &Descriptor, manifest: &ImageManifest) -> Result<(), Error> {
        // What runs is decided by the layers, not by what an annotation calls them: an attestation with the
        // layers of an image is an image.
        let is_attestation =
            descriptor.annotation("vnd.docker.reference.type") == Some("attestation-manifest");
        if !manifest.layers.is_empty() && manifest.layers.iter().all(|layer| is_statement(&layer.media_type))
        {
            self.pass_over(descriptor, "it holds signed statements or signatures, which nothing unpacks");
            return Ok(());
        }
        let odd_config = !manifest::is_config_type(&manifest.config.media_type);
        let kind = || manifest.artifact_type.clone().unwrap_or_else(|| manifest.config.media_type.clone());
        let no_layers = !manifest.layers.iter().any(|layer| manifest::is_layer_type(&layer.media_type));
        if odd_config && no_layers {
            self.artifact(descriptor, &kind(), "it is an artifact of another type");
            return Ok(());
        }
        let limit = self.options.limits.layers;
        self.layers = self.layers.saturating_add(manifest.layers.len());
        if manifest.layers.len() > limit || self.layers > limit.saturating_mul(LAYERS_IN_ALL) {
            let count = manifest.layers.len();
            self.anomaly(AnomalyKind::TooManyDescriptors, descriptor, format!("{count} layers"));
            return Err(Error::refused(name(descriptor), format!("its {count} layers pass the limit")));
        }
        let bytes = self.fetch(&manifest.config, DocumentRole::Config)?.bytes;
        let what = format!("configuration of {}", name(descriptor));
        let config = match manifest::parse_config(&bytes, &what, &mut self.found.anomalies) {
            Ok(config) if odd_config && config.rootfs.diff_ids.is_empty() => {
                self.artifact(descriptor, &kind(), "its configuration is none of an image");
                return Ok(());
            }
            Ok(config) => config,
            Err(Error::Json { .. }) if odd_config => {
                self.artifact(descriptor, &kind(), "its configuration is none of an image");
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if odd_config {
            self.anomaly(AnomalyKind::UnknownMediaType, descriptor, format!("configuration {}", kind()));
        }
        if is_attestation {
            self.anomaly(
                AnomalyKind::DisguisedImage,
                descriptor,
                "an attestation by annotation, an image by its layers",
            );
        }
        let Some(platform) = self.platform(descriptor, &config) else { return Ok(()) };
        self.check_diff_ids(&name(descriptor), manifest.layers.len(), &config);
        let layers = self.image_layers(descriptor, manifest, &config);
        self.found.images.push(Image {
            platform,
            digest: Some(descriptor.digest),
            config_bytes: bytes,
            config,
            layers,
        });
        Ok(())
    }

    /// The platform of an image, or none where another was asked for.
    fn platform(&mut self, descriptor: &Descriptor, config: &ImageConfig) -> Option<Platform> {
        let claimed = claimed_platform(config);
        let platform = match (descriptor.platform(), claimed) {
            (Some(declared), Some(claimed)) => {
                if (&declared.os, &declared.architecture) != (&claimed.os, &claimed.architecture) {
                    let detail = format!("index {declared}, configuration {claimed}");
                    self.anomaly(AnomalyKind::PlatformMismatch, descriptor, detail);
                }
                declared
            }
            (Some(platform), None) | (None, Some(platform)) => platform,
            (None, None) => {
                self.anomaly(
                    AnomalyKind::NoPlatform,
                    descriptor,
                    "neither the index nor the configuration names one",
                );
                return Some(unknown_platform());
            }
        };
        match &self.options.platform {
            Some(wanted) if !platform.satisfies(wanted) => {
                self.platforms.push(platform);
                self.pass_over(descriptor, "another platform was asked for");
                None
            }
            _ => Some(platform),
        }
    }

    fn check_diff_ids(&mut self, what: &str, layers: usize, config: &ImageConfig) {
        let claimed = config.rootfs.diff_ids.len();
        if claimed != layers {
            let detail = format!("{layers} layers and {claimed} diffIDs");
            self.found.anomalies.push(Anomaly::new(AnomalyKind::DiffIdCount, what, detail));
        }
    }

    fn image_layers(
        &mut self,
        descriptor: &Descriptor,
        manifest: &ImageManifest,
        config: &ImageConfig,
    ) -> Vec<Layer> {
        let mut layers = Vec::with_capacity(manifest.layers.len());
        for (index, layer) in manifest.layers.iter().enumerate() {
            let what = || format!("layer {index} of {}", name(descriptor));
            if !manifest::is_layer_type(&layer.media_type) {
                self.found.anomalies.push(Anomaly::new(
                    AnomalyKind::UnknownMediaType,
                    what(),
                    &layer.media_type,
                ));
            }
            if let Some(urls) = layer.urls.as_ref().filter(|urls| !urls.is_empty()) {
                let shown: Vec<&str> = urls.iter().take(4).map(String::as_str).collect();
                self.found.anomalies.push(Anomaly::new(AnomalyKind::ForeignLayer, what(), shown.join(" ")));
            }
            let diff_id = config.rootfs.diff_ids.get(index).copied();
            let origin = self.content.layer(layer);
            layers.push(
                Layer::new(index, layer.media_type.clone(), diff_id, origin)
                    .declared(Some(layer.digest), Some(layer.size)),
            );
        }
        layers
    }

    fn fetch(&mut self, descriptor: &Descriptor, role: DocumentRole) -> Result<Document, Error> {
        if self.options.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let limit = match role {
            DocumentRole::Manifest => self.options.limits.manifest,
            DocumentRole::Config => self.options.limits.config,
        };
        let left = self.options.limits.documents.saturating_sub(self.bytes);
        let limit = limit.min(left);
        if descriptor.size > limit {
            return Err(Error::TooLarge { what: name(descriptor), limit });
        }
        let document = self.content.document(descriptor, role, limit)?;
        self.verified(descriptor, document)
    }

    fn verified(&mut self, descriptor: &Descriptor, document: Document) -> Result<Document, Error> {
        let length = document.bytes.len() as u64;
        self.bytes = self.bytes.saturating_add(length);
        let computed = digest_like(&descriptor.digest, &document.bytes);
        if computed != descriptor.digest {
            self.anomaly(AnomalyKind::DigestMismatch, descriptor, format!("the bytes hash to {computed}"));
            return Err(Error::DigestMismatch {
                what: name(descriptor),
                expected: Box::new(descriptor.digest),
                computed: Box::new(computed),
            });
        }
        if length != descriptor.size {
            let detail = format!("declared {} bytes, has {length}", descriptor.size);
            self.anomaly(AnomalyKind::SizeMismatch, descriptor, detail);
        }
        Ok(document)
    }

    fn anomaly(&mut self, kind: AnomalyKind, descriptor: &Descriptor, detail: impl AsRef<str>) {
        self.found.anomalies.push(Anomaly::new(kind, name(descriptor), detail));
    }

    fn pass_over(&mut self, descriptor: &Descriptor, why: &str) {
        let kind = match (&descriptor.artifact_type, descriptor.annotation("vnd.docker.reference.type")) {
            (Some(kind), _) => kind.clone(),
            (None, Some(kind)) => kind.to_owned(),
            (None, None) => descriptor.media_type.clone(),
        };
        self.artifact(descriptor, &kind, why);
    }

    fn artifact(&mut self, descriptor: &Descriptor, kind: &str, why: &str) {
        self.found.artifacts.push(Artifact {
            digest: descriptor.digest,
            kind: crate::content::clip(kind),
            platform: descriptor.platform(),
            why: why.to_owned(),
        });
    }

    fn finish(self) -> Result<Resolved, Error> {
        if !self.found.images.is_empty() {
            return Ok(self.found);
        }
        if let Some(error) = self.first_failure {
            return Err(error);
        }
        if let Some(wanted) = self.options.platform.as_ref().filter(|_| !self.platforms.is_empty()) {
            let mut available: Vec<String> = self.platforms.iter().map(Platform::to_string).collect();
            available.sort_unstable();
            available.dedup();
            return Err(Error::NoPlatform { wanted: wanted.clone(), available: available.join(", ") });
        }
        let (what, why) = match self.found.artifacts.first() {
            Some(artifact) => (artifact.digest.short(), format!("{}, {}", artifact.kind, artifact.why)),
            None => ("the reference".to_owned(), "it leads to an index without entries".to_owned()),
        };
        Err(Error::NotAnImage { what, why })
    }
}

/// The platform that a configuration claims, where it claims a whole one.
pub(crate) fn claimed_platform(config: &ImageConfig) -> Option<Platform> {
    (!config.os.is_empty() && !config.architecture.is_empty()).then(|| Platform {
        os: config.os.clone(),
        architecture: config.architecture.clone(),
        variant: config.variant.clone().filter(|variant| !variant.is_empty()),
    })
}

pub(crate) fn unknown_platform() -> Platform {
    Platform { os: "unknown".to_owned(), architecture: "unknown".to_owned(), variant: None }
}

/// Types that carry statements about an image. No runtime unpacks them.
fn is_statement(media_type: &str) -> bool {
    matches!(
        media_type,
        "application/vnd.in-toto+json"
            | "application/vnd.dev.cosign.simplesigning.v1+json"
            | "application/vnd.dsse.envelope.v1+json"
    ) || media_type.starts_with("application/vnd.dev.sigstore.bundle")
}

/// How a descriptor is named in messages.
fn name(descriptor: &Descriptor) -> String {
    match descriptor.platform() {
        Some(platform) => format!("{platform} ({})", descriptor.digest.short()),
        None => descriptor.digest.short(),
    }
}
