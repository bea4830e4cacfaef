use crate::hash::sha256_digest;
use crate::image::{Blob, Flavor, Image, ImageBuilder, Layer, Patch, media_type};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Builds an index over several images.
#[derive(Default)]
pub struct IndexBuilder {
    flavor: Flavor,
    entries: Vec<Value>,
    images: Vec<Image>,
    patches: Vec<Patch>,
}

impl IndexBuilder {
    /// An empty OCI index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose documents it is written in: an OCI index or Docker's manifest list.
    pub fn flavor(mut self, flavor: Flavor) -> Self {
        self.flavor = flavor;
        self
    }

    /// Adds an image, under the platform of its configuration.
    pub fn image(mut self, image: Image) -> Self {
        let mut entry = image.descriptor();
        entry["platform"] = image.platform.clone();
        self.entries.push(entry);
        self.images.push(image);
        self
    }

    /// Adds an image under a platform that the index claims, whatever its configuration says.
    pub fn image_as(mut self, os: &str, architecture: &str, image: Image) -> Self {
        let mut entry = image.descriptor();
        entry["platform"] = json!({"os": os, "architecture": architecture});
        self.entries.push(entry);
        self.images.push(image);
        self
    }

    /// Adds an entry that names no platform.
    pub fn image_without_platform(mut self, image: Image) -> Self {
        self.entries.push(image.descriptor());
        self.images.push(image);
        self
    }

    /// Adds what buildkit adds for provenance: an image for `unknown/unknown` that refers to another by
    /// annotation and carries an in-toto statement as its layer.
    pub fn attestation(mut self, subject: &str) -> Self {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [{"name": "_", "digest": {"sha256": subject.trim_start_matches("sha256:")}}],
            "predicate": {},
        })
        .to_string();
        let layer =
            Layer::new(statement.clone()).stored(statement).media_type("application/vnd.in-toto+json");
        let image = ImageBuilder::new().config(|c| c.platform("unknown", "unknown")).layer(layer).build();
        let mut entry = image.descriptor();
        entry["platform"] = json!({"os": "unknown", "architecture": "unknown"});
        entry["annotations"] = json!({
            "vnd.docker.reference.digest": subject,
            "vnd.docker.reference.type": "attestation-manifest",
        });
        self.entries.push(entry);
        self.images.push(image);
        self
    }

    /// Adds an entry as it stands, whose content may be missing.
    pub fn entry(mut self, entry: Value) -> Self {
        self.entries.push(entry);
        self
    }

    /// Changes the finished JSON of the index.
    pub fn patch(mut self, patch: impl FnOnce(&mut Value) + 'static) -> Self {
        self.patches.push(Box::new(patch));
        self
    }

    /// The index and everything below it, as one image.
    pub fn build(self) -> Image {
        let media_type = match self.flavor {
            Flavor::Oci => media_type::OCI_INDEX,
            Flavor::Docker => media_type::DOCKER_LIST,
        };
        let mut index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": self.entries});
        self.patches.into_iter().for_each(|patch| patch(&mut index));
        let bytes = index.to_string().into_bytes();
        let first = self.images.first();
        let (platform, config, archives) = first.map_or((Value::Null, Vec::new(), Vec::new()), |image| {
            (image.platform.clone(), image.config.clone(), image.archives.clone())
        });
        let mut blobs: BTreeMap<String, Blob> =
            self.images.into_iter().flat_map(|image| image.blobs).collect();
        let root = sha256_digest(&bytes);
        blobs.insert(root.clone(), Blob { media_type: media_type.into(), bytes });
        Image { root, blobs, platform, config, archives }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LayerBuilder;

    #[test]
    fn an_index_holds_all_that_it_names() {
        let one = |arch: &'static str| {
            let layer = LayerBuilder::new().file(arch, 0o644, b"");
            ImageBuilder::new().config(|config| config.platform("linux", arch)).layer(layer).build()
        };
        let amd64 = one("amd64");
        let subject = amd64.digest().to_owned();
        let index = IndexBuilder::new()
            .image(amd64)
            .image_as("linux", "s390x", one("arm64"))
            .attestation(&subject)
            .entry(json!({"digest": sha256_digest(b"gone")}))
            .patch(|index| index["annotations"] = json!({}))
            .build();
        let json: Value = serde_json::from_slice(index.manifest()).unwrap();
        let entries = json["manifests"].as_array().unwrap();
        let held = |entry: &Value| index.blobs().contains_key(entry["digest"].as_str().unwrap());
        assert_eq!(entries.iter().map(held).collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!(entries[0]["platform"]["architecture"], "amd64");
        assert_eq!(entries[1]["platform"]["architecture"], "s390x");
        assert_eq!(entries[2]["annotations"]["vnd.docker.reference.digest"], subject);
        assert_eq!(index.blobs().len(), 1 + 3 * 3);
    }
}
