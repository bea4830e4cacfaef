use crate::bolt::{Bolt, Bucket};
use crate::error::Error;
use crate::layout::{Blobs, Layout};
use crate::manifest::Descriptor;
use crate::open::Found;
use crate::options::Options;
use crate::resolve::{self, Root};
use model::ImageRef;
use std::sync::Arc;

/// Opens an image in the content store of containerd, without its daemon.
pub(crate) fn open(name: &str, options: &Options) -> Result<Found, Error> {
    let root = &options.storage.containerd;
    let metadata = root.join("io.containerd.metadata.v1.bolt/meta.db");
    // The daemon may write while this reads: a page that is torn now is whole a moment later.
    let mut found = look_up(&metadata, name, options);
    for _ in 0..2 {
        if !matches!(found, Err(Error::Refused { .. })) {
            break;
        }
        found = look_up(&metadata, name, options);
    }
    let (name, descriptor) = found?;
    let blobs = Blobs::below(&root.join("io.containerd.content.v1.content"), &["blobs"])?;
    let content = Layout { blobs: Arc::new(blobs), is_partial: true, is_verified: false };
    let digest = descriptor.digest;
    let resolved = resolve::resolve(&content, options, vec![Root { descriptor, document: None }])?;
    Ok(Found { name: name.parse().ok(), digest: Some(digest), resolved })
}

/// The name under which containerd keeps the image, and where it points.
fn look_up(metadata: &std::path::Path, name: &str, options: &Options) -> Result<(String, Descriptor), Error> {
    let bolt = Bolt::open(metadata).map_err(|error| match error {
        Error::Io { path, source } if source.kind() == std::io::ErrorKind::NotFound => Error::missing(
            path,
            format!(
                "containerd keeps nothing there ({source}); name its root directory if it lies elsewhere"
            ),
        ),
        other => other,
    })?;
    let full = name.parse::<ImageRef>().map(|reference| reference.to_string());
    let names: Vec<&str> = std::iter::once(name).chain(full.as_deref().ok()).collect();
    let mut known = Vec::new();
    for namespace in &options.storage.containerd_namespaces {
        let Some(images) = bolt.bucket(&[b"v1", namespace.as_bytes(), b"images"])? else { continue };
        for name in &names {
            let path: [&[u8]; 5] = [b"v1", namespace.as_bytes(), b"images", name.as_bytes(), b"target"];
            if let Some(target) = bolt.bucket(&path)? {
                return Ok(((*name).to_owned(), descriptor(&bolt, &target, name)?));
            }
        }
        let keys = bolt.keys(&images, 16)?;
        known.extend(keys.iter().map(|key| format!("{} in {namespace}", model::escape_bytes(key))));
    }
    Err(Error::Choice {
        what: format!(
            "containerd has no image {} in its namespaces {}",
            crate::content::clip(name),
            options.storage.containerd_namespaces.join(", ")
        ),
        candidates: if known.is_empty() { "no images there".to_owned() } else { known.join(", ") },
    })
}

fn descriptor(bolt: &Bolt, target: &Bucket, name: &str) -> Result<Descriptor, Error> {
    let what = || format!("the record of {} in containerd", crate::content::clip(name));
    let text = |key: &[u8]| {
        bolt.value(target, key).map(|value| String::from_utf8_lossy(&value.unwrap_or_default()).into_owned())
    };
    let digest = text(b"digest")?.parse().map_err(|source| Error::Digest { what: what(), source })?;
    let size = bolt.value(target, b"size")?.and_then(|bytes| varint(&bytes));
    let size = size.ok_or_else(|| Error::refused(what(), "it has no size"))?;
    Ok(Descriptor {
        media_type: text(b"mediatype")?,
        digest,
        size,
        urls: None,
        annotations: None,
        platform: None,
        artifact_type: None,
    })
}

/// A signed number in Go's variable-length form, where it is not negative.
fn varint(bytes: &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(at).ok()?)?;
        if byte & 0x80 == 0 {
            return (value & 1 == 0).then_some(value >> 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bolt::tests::{Node, map, write};
    use test_support::{ImageBuilder, IndexBuilder, LayerBuilder};

    fn store(image: &test_support::Image, size: &[u8]) -> (tempfile::TempDir, Options) {
        let dir = tempfile::tempdir().unwrap();
        let content = dir.path().join("io.containerd.content.v1.content");
        image.write_oci_layout(&content, None).unwrap();
        let text = |text: &str| Node::Bytes(text.as_bytes().to_vec());
        let target = map([
            ("digest", text(image.digest())),
            ("mediatype", text(image.media_type())),
            ("size", Node::Bytes(size.to_vec())),
        ]);
        let images = map([("docker.io/library/app:1", Node::Tree(map([("target", Node::Inline(target))])))]);
        let namespace = map([("images", Node::Tree(images))]);
        let root = map([("v1", Node::Tree(map([("k8s.io", Node::Tree(namespace))])))]);
        let metadata = dir.path().join("io.containerd.metadata.v1.bolt");
        std::fs::create_dir(&metadata).unwrap();
        std::fs::write(metadata.join("meta.db"), write(&root)).unwrap();
        let mut options = Options::default();
        options.storage.containerd = dir.path().to_owned();
        (dir, options)
    }

    fn size_of(image: &test_support::Image) -> Vec<u8> {
        let mut value = image.manifest().len() as u64 * 2;
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
        bytes
    }

    #[test]
    fn an_image_is_found_by_any_of_its_names() {
        let one = ImageBuilder::new().layer(LayerBuilder::new().file("a", 0o644, b"1")).build();
        let gone = serde_json::json!({"digest": test_support::sha256_digest(b"gone"), "size": 4,
            "platform": {"os": "linux", "architecture": "s390x"}});
        let index = IndexBuilder::new().image(one.clone()).entry(gone).build();
        let (_dir, options) = store(&index, &size_of(&index));
        for name in ["app:1", "docker.io/library/app:1"] {
            let found = open(name, &options).unwrap();
            assert_eq!(found.digest.unwrap().to_string(), index.digest());
            assert_eq!(found.resolved.images[0].config_bytes, one.config());
            // Only the platform that was pulled is there.
            assert_eq!((found.resolved.artifacts.len(), found.resolved.gaps.len()), (1, 0));
            assert!(found.resolved.anomalies.is_empty(), "{:?}", found.resolved.anomalies);
        }
        let error = open("other", &options).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("docker.io/library/app:1 in k8s.io"), "{error}");
    }

    #[test]
    fn a_store_that_is_not_there_or_damaged_is_said_to_be_so() {
        let error = open(
            "a",
            &Options {
                storage: crate::StorageRoots { containerd: "/nowhere".into(), ..Default::default() },
                ..Default::default()
            },
        );
        assert!(error.map(|_| ()).unwrap_err().to_string().contains("name its root directory"));
        let image = ImageBuilder::new().build();
        let (dir, options) = store(&image, b"\x01");
        assert!(open("app:1", &options).map(|_| ()).unwrap_err().to_string().contains("no size"));
        std::fs::write(dir.path().join("io.containerd.metadata.v1.bolt/meta.db"), b"x").unwrap();
        assert!(open("app:1", &options).map(|_| ()).unwrap_err().to_string().contains("meta page"));
    }
}
