use crate::hash::sha256_digest;
use crate::{Compression, ConfigBuilder, LayerBuilder};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The media types that images are made of.
pub mod media_type {
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image configuration.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer; `+gzip` or `+zstd` may follow.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker image configuration.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
    /// Docker layer, gzip.
    pub const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
    /// Docker layer, zstd.
    pub const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
    /// Docker layer, not compressed.
    pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
}

/// Whose documents an image is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavor {
    /// The OCI image specification.
    #[default]
    Oci,
    /// Docker's schema 2.
    Docker,
}

/// One layer of an image, honest unless a setter makes it lie.
#[derive(Debug, Clone)]
pub struct Layer {
    tar: Vec<u8>,
    compression: Compression,
    stored: Option<Vec<u8>>,
    media_type: Option<String>,
    digest: Option<String>,
    size: Option<u64>,
    diff_id: Option<String>,
    created_by: String,
    urls: Vec<String>,
    absent: bool,
}

impl Layer {
    /// A layer of these bytes, which should be a tar archive, transported as one gzip member.
    pub fn new(tar: impl Into<Vec<u8>>) -> Self {
        Self {
            tar: tar.into(),
            compression: Compression::Gzip,
            stored: None,
            media_type: None,
            digest: None,
            size: None,
            diff_id: None,
            created_by: "COPY . / # buildkit".into(),
            urls: Vec::new(),
            absent: false,
        }
    }

    /// How it is transported.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The instruction that the history claims for it.
    pub fn created_by(mut self, instruction: &str) -> Self {
        self.created_by = instruction.into();
        self
    }

    /// Transports these bytes, whatever the archive is: corrupt, cut, or with something behind.
    pub fn stored(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stored = Some(bytes.into());
        self
    }

    /// Declares this media type.
    pub fn media_type(mut self, media_type: &str) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Declares this digest, under which the bytes are then kept as well.
    pub fn digest(mut self, digest: &str) -> Self {
        self.digest = Some(digest.into());
        self
    }

    /// Declares this size in bytes.
    pub fn size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Declares this diffID in the configuration.
    pub fn diff_id(mut self, diff_id: &str) -> Self {
        self.diff_id = Some(diff_id.into());
        self
    }

    /// Declares URLs from which the layer should be fetched.
    pub fn urls(mut self, urls: &[&str]) -> Self {
        self.urls = urls.iter().map(|&url| url.into()).collect();
        self
    }

    /// Leaves the bytes out of the image.
    pub fn absent(mut self) -> Self {
        self.absent = true;
        self
    }

    fn default_media_type(&self, flavor: Flavor) -> String {
        match (flavor, self.compression.suffix()) {
            (Flavor::Oci, suffix) => format!("{}{suffix}", media_type::OCI_LAYER),
            (Flavor::Docker, "+gzip") => media_type::DOCKER_LAYER_GZIP.into(),
            (Flavor::Docker, "+zstd") => media_type::DOCKER_LAYER_ZSTD.into(),
            (Flavor::Docker, _) => media_type::DOCKER_LAYER.into(),
        }
    }
}

impl From<LayerBuilder> for Layer {
    fn from(builder: LayerBuilder) -> Self {
        Self::new(builder.build())
    }
}

/// Builds one image of one platform.
///
/// ```
/// use test_support::{ImageBuilder, LayerBuilder};
/// let image = ImageBuilder::new()
///     .config(|config| config.entrypoint(&["/app"]))
///     .layer(LayerBuilder::new().file("app", 0o755, b"#!/bin/sh\n"))
///     .build();
/// assert!(image.digest().starts_with("sha256:"));
/// ```
#[derive(Default)]
pub struct ImageBuilder {
    flavor: Flavor,
    config: ConfigBuilder,
    layers: Vec<Layer>,
    history: Vec<Value>,
    config_patches: Vec<Patch>,
    manifest_patches: Vec<Patch>,
    config_bytes: Option<Vec<u8>>,
    manifest_bytes: Option<Vec<u8>>,
}

/// A change to finished JSON.
pub(crate) type Patch = Box<dyn FnOnce(&mut Value)>;

impl ImageBuilder {
    /// An OCI image without layers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose documents it is written in.
    pub fn flavor(mut self, flavor: Flavor) -> Self {
        self.flavor = flavor;
        self
    }

    /// Changes the configuration.
    pub fn config(mut self, change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        self.config = change(self.config);
        self
    }

    /// Adds a layer on top, and its entry of the history.
    pub fn layer(mut self, layer: impl Into<Layer>) -> Self {
        let layer = layer.into();
        self.history.push(json!({"created": "1970-01-01T00:00:00Z", "created_by": layer.created_by}));
        self.layers.push(layer);
        self
    }

    /// Adds an entry of the history that made no layer.
    pub fn history(mut self, created_by: &str) -> Self {
        self.history.push(json!({"created_by": created_by, "empty_layer": true}));
        self
    }

    /// Changes the finished JSON of the configuration.
    pub fn patch_config(mut self, patch: impl FnOnce(&mut Value) + 'static) -> Self {
        self.config_patches.push(Box::new(patch));
        self
    }

    /// Changes the finished JSON of the manifest.
    pub fn patch_manifest(mut self, patch: impl FnOnce(&mut Value) + 'static) -> Self {
        self.manifest_patches.push(Box::new(patch));
        self
    }

    /// Takes these bytes for the configuration.
    pub fn config_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.config_bytes = Some(bytes.into());
        self
    }

    /// Takes these bytes for the manifest.
    pub fn manifest_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.manifest_bytes = Some(bytes.into());
        self
    }

    /// The image.
    pub fn build(self) -> Image {
        let platform = self.config.platform_json();
        let diff_ids: Vec<String> = self
            .layers
            .iter()
            .map(|layer| layer.diff_id.clone().unwrap_or_else(|| sha256_digest(&layer.tar)))
            .collect();
        let mut config = self.config.json(&diff_ids, &self.history);
        self.config_patches.into_iter().for_each(|patch| patch(&mut config));
        let config = self.config_bytes.unwrap_or_else(|| config.to_string().into_bytes());

        let mut blobs = BTreeMap::new();
        let mut descriptors = Vec::new();
        let mut archives = Vec::new();
        for layer in self.layers {
            let media_type =
                layer.media_type.clone().unwrap_or_else(|| layer.default_media_type(self.flavor));
            let stored = layer.stored.unwrap_or_else(|| layer.compression.apply(&layer.tar));
            let digest = layer.digest.unwrap_or_else(|| sha256_digest(&stored));
            let size = layer.size.unwrap_or(stored.len() as u64);
            let mut descriptor = json!({"mediaType": media_type, "digest": digest, "size": size});
            if !layer.urls.is_empty() {
                descriptor["urls"] = json!(layer.urls);
            }
            descriptors.push(descriptor);
            if !layer.absent {
                blobs.insert(digest, Blob { media_type, bytes: stored });
            }
            archives.push(layer.tar);
        }

        let (manifest_type, config_type) = match self.flavor {
            Flavor::Oci => (media_type::OCI_MANIFEST, media_type::OCI_CONFIG),
            Flavor::Docker => (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG),
        };
        let config_digest = sha256_digest(&config);
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": {"mediaType": config_type, "digest": config_digest, "size": config.len()},
            "layers": descriptors,
        });
        self.manifest_patches.into_iter().for_each(|patch| patch(&mut manifest));
        let manifest = self.manifest_bytes.unwrap_or_else(|| manifest.to_string().into_bytes());
        blobs.insert(config_digest, Blob { media_type: config_type.into(), bytes: config.clone() });
        let digest = sha256_digest(&manifest);
        blobs.insert(digest.clone(), Blob { media_type: manifest_type.into(), bytes: manifest });
        Image { root: digest, blobs, platform, config, archives }
    }
}

/// Bytes with the media type under which a registry serves them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Declared media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A finished image: every document and layer under the digest by which the image names it.
#[derive(Debug, Clone)]
pub struct Image {
    pub(crate) root: String,
    pub(crate) blobs: BTreeMap<String, Blob>,
    pub(crate) platform: Value,
    pub(crate) config: Vec<u8>,
    pub(crate) archives: Vec<Vec<u8>>,
}

impl Image {
    /// Digest of the manifest or index.
    pub fn digest(&self) -> &str {
        &self.root
    }

    /// Media type of the manifest or index.
    pub fn media_type(&self) -> &str {
        self.blobs.get(&self.root).map_or("", |blob| &blob.media_type)
    }

    /// Bytes of the manifest or index.
    pub fn manifest(&self) -> &[u8] {
        self.blobs.get(&self.root).map_or(&[], |blob| &blob.bytes)
    }

    /// Everything that the image is made of, by declared digest: manifests, configurations, layers.
    pub fn blobs(&self) -> &BTreeMap<String, Blob> {
        &self.blobs
    }

    /// Bytes of the configuration; of the first image of an index.
    pub fn config(&self) -> &[u8] {
        &self.config
    }

    /// The archives of the layers before compression, bottom first; of the first image of an index.
    pub fn archives(&self) -> &[Vec<u8>] {
        &self.archives
    }

    /// A descriptor of the manifest or index, as an index names it.
    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type(), "digest": self.root, "size": self.manifest().len()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(image: &Image) -> Value {
        serde_json::from_slice(image.manifest()).unwrap()
    }

    #[test]
    fn an_honest_image_hangs_together() {
        for flavor in [Flavor::Oci, Flavor::Docker] {
            let image = ImageBuilder::new()
                .flavor(flavor)
                .layer(LayerBuilder::new().file("a", 0o644, b"1"))
                .layer(Layer::new(LayerBuilder::new().build()).compression(Compression::Zstd))
                .history("CMD x")
                .build();
            for (digest, blob) in image.blobs() {
                assert_eq!(digest, &sha256_digest(&blob.bytes));
            }
            let manifest = manifest(&image);
            let config: model::ImageConfig = serde_json::from_slice(image.config()).unwrap();
            for (at, layer) in manifest["layers"].as_array().unwrap().iter().enumerate() {
                let blob = &image.blobs()[layer["digest"].as_str().unwrap()];
                assert_eq!(layer["size"], blob.bytes.len());
                assert_eq!(layer["mediaType"], blob.media_type);
                assert_eq!(config.rootfs.diff_ids[at].to_string(), sha256_digest(&image.archives()[at]));
            }
            assert_eq!(config.layer_instructions().len(), 2);
            assert_eq!(config.history.len(), 3);
        }
    }

    #[test]
    fn an_image_lies_where_it_is_told_to() {
        let other = sha256_digest(b"other");
        let layer =
            Layer::new(LayerBuilder::new().build()).digest(&other).size(1).diff_id(&other).media_type("x/y");
        let image = ImageBuilder::new()
            .layer(layer.urls(&["http://localhost/a"]))
            .layer(Layer::new(b"tar").stored(b"stored").absent())
            .patch_config(|config| config["os"] = json!("plan9"))
            .patch_manifest(|manifest| manifest["annotations"] = json!({"a": "b"}))
            .build();
        let manifest = manifest(&image);
        let config: model::ImageConfig = serde_json::from_slice(image.config()).unwrap();
        assert_eq!(manifest["layers"][0]["digest"], other);
        assert_eq!(manifest["layers"][0]["size"], 1);
        assert_eq!(manifest["layers"][0]["mediaType"], "x/y");
        assert_eq!(manifest["layers"][0]["urls"][0], "http://localhost/a");
        assert_eq!(manifest["layers"][1]["digest"], sha256_digest(b"stored"));
        assert!(!image.blobs().contains_key(&sha256_digest(b"stored")));
        assert_eq!(config.rootfs.diff_ids[0].to_string(), other);
        assert_eq!((config.os.as_str(), &manifest["annotations"]["a"]), ("plan9", &json!("b")));
    }
}
