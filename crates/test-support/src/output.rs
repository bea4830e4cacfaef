use crate::hash::{sha256_digest, sha256_hex};
use crate::{Image, LayerBuilder};
use serde_json::{Value, json};
use std::io;
use std::path::Path;

/// Writes an OCI image layout of one or several images, each under its tag or under none.
///
/// # Errors
/// Where the directory cannot be written.
pub fn write_oci_layout(dir: &Path, images: &[(Option<&str>, &Image)]) -> io::Result<()> {
    for (path, bytes) in layout_files(images) {
        let path = dir.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

impl Image {
    /// Writes an OCI image layout of this image alone.
    ///
    /// # Errors
    /// Where the directory cannot be written.
    pub fn write_oci_layout(&self, dir: &Path, tag: Option<&str>) -> io::Result<()> {
        write_oci_layout(dir, &[(tag, self)])
    }

    /// An OCI image layout of this image alone, as one tar archive.
    pub fn oci_archive(&self, tag: Option<&str>) -> Vec<u8> {
        archive(layout_files(&[(tag, self)]))
    }

    /// What `docker save` wrote for this image before Docker 25.
    pub fn docker_archive(&self, tags: &[&str]) -> Vec<u8> {
        DockerArchive::new().image(tags, self).build()
    }
}

/// Builds what `docker save` writes, for one or several images. Layers lie in it uncompressed.
#[derive(Debug, Clone, Default)]
pub struct DockerArchive {
    files: Vec<(String, Vec<u8>)>,
    manifest: Vec<Value>,
    with_layout: bool,
    images: Vec<(Option<String>, Image)>,
}

impl DockerArchive {
    /// An empty one, in the form before Docker 25: `HEX.json` and `HEX/layer.tar`.
    pub fn new() -> Self {
        Self::default()
    }

    /// In the form since Docker 25: `manifest.json` beside an OCI layout, in whose `blobs` the files lie.
    pub fn with_layout(mut self) -> Self {
        self.with_layout = true;
        self
    }

    /// Adds an image under these names.
    pub fn image(mut self, tags: &[&str], image: &Image) -> Self {
        let config = match self.with_layout {
            true => format!("blobs/sha256/{}", sha256_hex(&image.config)),
            false => format!("{}.json", sha256_hex(&image.config)),
        };
        self.files.push((config.clone(), image.config.clone()));
        let mut layers = Vec::new();
        for archive in &image.archives {
            let path = match self.with_layout {
                true => format!("blobs/sha256/{}", sha256_hex(archive)),
                false => format!("{}/layer.tar", sha256_hex(archive)),
            };
            self.files.push((path.clone(), archive.clone()));
            layers.push(path);
        }
        self.manifest.push(json!({"Config": config, "RepoTags": tags, "Layers": layers}));
        self.images.push((tags.first().map(|&tag| tag.into()), image.clone()));
        self
    }

    /// Adds a file, in place of one of the same path.
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.retain(|(known, _)| known != path);
        self.files.push((path.into(), content.into()));
        self
    }

    /// Changes the list of images in `manifest.json`.
    pub fn patch(mut self, patch: impl FnOnce(&mut Vec<Value>)) -> Self {
        patch(&mut self.manifest);
        self
    }

    /// The archive.
    pub fn build(mut self) -> Vec<u8> {
        if self.with_layout {
            let entries =
                self.images.iter().map(|(tag, image)| self.layout_manifest(tag.as_deref(), image)).collect();
            let (descriptors, manifests): (Vec<_>, Vec<_>) = Vec::into_iter(entries).unzip();
            self.files.extend(manifests);
            self.files.push(("index.json".into(), layout_index(descriptors)));
            self.files.push(("oci-layout".into(), LAYOUT.as_bytes().to_vec()));
        }
        if !self.files.iter().any(|(path, _)| path == "manifest.json") {
            self.files.push(("manifest.json".into(), Value::Array(self.manifest).to_string().into_bytes()));
        }
        archive(self.files)
    }

    /// The OCI manifest that Docker writes beside its own: the same configuration over uncompressed layers.
    fn layout_manifest(&self, tag: Option<&str>, image: &Image) -> (Value, (String, Vec<u8>)) {
        use crate::media_type as types;
        let descriptor = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": sha256_digest(bytes), "size": bytes.len()});
        let layers: Vec<_> = image.archives.iter().map(|layer| descriptor(types::OCI_LAYER, layer)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": types::OCI_MANIFEST,
            "config": descriptor(types::OCI_CONFIG, &image.config),
            "layers": layers,
        })
        .to_string()
        .into_bytes();
        let mut entry = descriptor(types::OCI_MANIFEST, &manifest);
        if let Some(tag) = tag {
            entry["annotations"] = json!({"io.containerd.image.name": tag});
        }
        (entry, (format!("blobs/sha256/{}", sha256_hex(&manifest)), manifest))
    }
}

const LAYOUT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;

fn layout_files(images: &[(Option<&str>, &Image)]) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("oci-layout".to_owned(), LAYOUT.as_bytes().to_vec())];
    let mut descriptors = Vec::new();
    for (tag, image) in images {
        let mut descriptor = image.descriptor();
        if let Some(tag) = tag {
            descriptor["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
        }
        descriptors.push(descriptor);
        for (digest, blob) in &image.blobs {
            let path = format!("blobs/{}", digest.replacen(':', "/", 1));
            if !files.iter().any(|(known, _)| *known == path) {
                files.push((path, blob.bytes.clone()));
            }
        }
    }
    files.push(("index.json".to_owned(), layout_index(descriptors)));
    files
}

fn layout_index(descriptors: Vec<Value>) -> Vec<u8> {
    json!({"schemaVersion": 2, "mediaType": crate::media_type::OCI_INDEX, "manifests": descriptors})
        .to_string()
        .into_bytes()
}

fn archive(files: Vec<(String, Vec<u8>)>) -> Vec<u8> {
    let mut seen = std::collections::BTreeSet::new();
    files
        .into_iter()
        .filter(|(path, _)| seen.insert(path.clone()))
        .fold(LayerBuilder::new(), |archive, (path, bytes)| archive.file(path, 0o644, bytes))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageBuilder;
    use std::collections::BTreeMap;
    use std::io::Read as _;

    fn image() -> Image {
        let layer = || LayerBuilder::new().file("a", 0o644, b"1");
        ImageBuilder::new().layer(layer()).layer(layer()).build()
    }

    fn files(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(archive);
        let read = |entry: io::Result<tar::Entry<'_, _>>| {
            let mut entry: tar::Entry<'_, &[u8]> = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (entry.path().unwrap().display().to_string(), bytes)
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn a_layout_and_its_archive_hold_the_same_files() {
        let dir = tempfile::tempdir().unwrap();
        let image = image();
        image.write_oci_layout(dir.path(), Some("1")).unwrap();
        let files = files(&image.oci_archive(Some("1")));
        assert_eq!(files.len(), 2 + image.blobs().len());
        for (path, bytes) in &files {
            assert_eq!(&std::fs::read(dir.path().join(path)).unwrap(), bytes, "{path}");
        }
        let index: Value = serde_json::from_slice(&files["index.json"]).unwrap();
        assert_eq!(index["manifests"][0]["digest"], image.digest());
        assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "1");
    }

    #[test]
    fn both_forms_of_a_docker_archive_name_what_they_hold() {
        for archive in [DockerArchive::new(), DockerArchive::new().with_layout()] {
            let files = files(&archive.image(&["a:1", "a:2"], &image()).build());
            let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
            assert_eq!(files[manifest[0]["Config"].as_str().unwrap()], image().config());
            for (at, layer) in manifest[0]["Layers"].as_array().unwrap().iter().enumerate() {
                assert_eq!(files[layer.as_str().unwrap()], image().archives()[at]);
            }
            assert_eq!(manifest[0]["RepoTags"], json!(["a:1", "a:2"]));
        }
    }
}
