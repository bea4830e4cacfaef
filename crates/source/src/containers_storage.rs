use crate::anomaly::Anomaly;
use crate::content::{Absent, Origin, digest_like, sha256};
use crate::error::Error;
use crate::layout::same_reference;
use crate::manifest::{self, Declared, Manifest};
use crate::open::{Found, Image};
use crate::options::Options;
use crate::resolve::Resolved;
use crate::stored::{self, StoredLayer};
use crate::tar_split::SplitLayer;
use base64::Engine as _;
use model::Digest;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens an image in the store of Podman, Buildah and CRI-O, without any of them.
pub(crate) fn open(name: &str, options: &Options) -> Result<Found, Error> {
    let mut seen = Vec::new();
    let mut unreadable = None;
    for root in &options.storage.containers_storage {
        for driver in [Driver::Overlay, Driver::Vfs] {
            let store = Store { root, driver };
            match store.images() {
                Ok(images) => match choose(&images, name)? {
                    Some(image) => return store.open(image, options),
                    None => seen.extend(images.iter().flat_map(|image| image.names()).map(str::to_owned)),
                },
                Err(Error::Missing { .. }) => {}
                Err(error) => unreadable = Some(error),
            }
        }
    }
    if let Some(error) = unreadable {
        return Err(error);
    }
    seen.sort_unstable();
    let shown: Vec<String> = seen.iter().take(32).map(|name| crate::content::clip(name)).collect();
    Err(Error::Choice {
        what: format!(
            "no image {} in the stores that were looked into; name another graph root if it lies elsewhere, such as \
             ~/.local/share/containers/storage",
            crate::content::clip(name)
        ),
        candidates: if shown.is_empty() { "no images".to_owned() } else { shown.join(", ") },
    })
}

#[derive(Debug, Clone, Copy)]
enum Driver {
    Overlay,
    Vfs,
}

impl Driver {
    fn name(self) -> &'static str {
        match self {
            Self::Overlay => "overlay",
            Self::Vfs => "vfs",
        }
    }
}

struct Store<'a> {
    root: &'a Path,
    driver: Driver,
}

#[derive(Debug, Deserialize)]
struct StoredImage {
    id: String,
    #[serde(default)]
    names: Option<Vec<String>>,
    #[serde(default)]
    layer: Option<String>,
}

#[derive(Debug, Deserialize)]
struct LayerRecord {
    id: String,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default, rename = "diff-size")]
    size: Option<u64>,
}

impl StoredImage {
    fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().flatten().map(String::as_str)
    }
}

/// The image of this name or id. Names without a registry are tried as Podman writes them for local builds.
fn choose<'a>(images: &'a [StoredImage], name: &str) -> Result<Option<&'a StoredImage>, Error> {
    let local = format!("localhost/{name}");
    let named = |image: &&StoredImage| {
        image
            .names()
            .any(|known| known == name || same_reference(known, name) || same_reference(known, &local))
    };
    if let Some(image) = images.iter().find(named) {
        return Ok(Some(image));
    }
    let id = name.strip_prefix("sha256:").unwrap_or(name);
    let mut by_id = images.iter().filter(|image| stored::is_id(id) && image.id.starts_with(id));
    match (by_id.next(), by_id.next()) {
        (Some(_), Some(_)) => Err(Error::Choice {
            what: format!("{id} is the beginning of several image ids"),
            candidates: "more than one of them".to_owned(),
        }),
        (found, _) => Ok(found),
    }
}

impl Store<'_> {
    fn folder(&self, what: &str) -> PathBuf {
        self.root.join(format!("{}-{what}", self.driver.name()))
    }

    fn images(&self) -> Result<Vec<StoredImage>, Error> {
        stored::read_json(&self.folder("images").join("images.json"))
    }

    fn open(&self, record: &StoredImage, options: &Options) -> Result<Found, Error> {
        let what = format!("image {}", record.id.get(..12).unwrap_or(&record.id));
        if !stored::is_plain(&record.id) {
            return Err(Error::refused(what, "its id is malformed; the store is damaged"));
        }
        let mut anomalies: Vec<Anomaly> = Vec::new();
        let bytes = self.big_data(&record.id, "manifest", options.limits.manifest)?;
        let manifest = match manifest::parse(&bytes, &Declared::default(), &what, &mut anomalies)? {
            Manifest::Image(manifest) => manifest,
            Manifest::Index(_) => {
                return Err(Error::NotAnImage {
                    what,
                    why: "a list of images; name one of its entries".to_owned(),
                });
            }
        };
        let config = self.big_data(&record.id, &manifest.config.digest.to_string(), options.limits.config)?;
        let computed = digest_like(&manifest.config.digest, &config);
        if computed != manifest.config.digest {
            let expected = Box::new(manifest.config.digest);
            return Err(Error::DigestMismatch { what, expected, computed: Box::new(computed) });
        }
        let layers = self.layers(record.layer.as_deref(), &what, options)?;
        let digest: Digest = sha256(&bytes);
        let image: Image = stored::image(&what, Some(digest), config, layers, options, &mut anomalies)?;
        let name = record.names().next().and_then(|name| name.parse().ok());
        let resolved = Resolved { images: vec![image], anomalies, ..Resolved::default() };
        Ok(Found { name, digest: Some(digest), resolved })
    }

    /// The layers from the bottom up, which the store links from the top down.
    fn layers(&self, top: Option<&str>, what: &str, options: &Options) -> Result<Vec<StoredLayer>, Error> {
        let records: Vec<LayerRecord> = stored::read_json(&self.folder("layers").join("layers.json"))?;
        let mut layers = Vec::new();
        let mut next = top.filter(|id| !id.is_empty());
        while let Some(id) = next {
            if layers.len() >= options.limits.layers {
                return Err(Error::refused(what, "its layers pass the limit, or run in a circle"));
            }
            if !stored::is_plain(id) {
                return Err(Error::refused(what, "the id of a layer is malformed; the store is damaged"));
            }
            let record = records.iter().find(|record| record.id == id);
            let origin: Arc<dyn Origin> = match record {
                Some(_) => Arc::new(self.layer(id)),
                None => Arc::new(Absent {
                    what: format!("layer {id}"),
                    advice: "the store does not list it; pull the image again".to_owned(),
                }),
            };
            layers.push(StoredLayer { origin, size: record.and_then(|record| record.size) });
            next = record.and_then(|record| record.parent.as_deref()).filter(|id| !id.is_empty());
        }
        layers.reverse();
        Ok(layers)
    }

    fn layer(&self, id: &str) -> SplitLayer {
        let notes = self.folder("layers").join(format!("{id}.tar-split.gz"));
        let files = match self.driver {
            Driver::Overlay => self.root.join("overlay").join(id).join("diff"),
            Driver::Vfs => self.root.join("vfs/dir").join(id),
        };
        SplitLayer::new(notes, files)
    }

    /// A document that belongs to an image. Keys that are no plain file names are stored in Base64.
    fn big_data(&self, id: &str, key: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let is_plain = key.bytes().all(|byte| matches!(byte, b'.' | b'0'..=b'9' | b'a'..=b'z'));
        let name = match is_plain {
            true => key.to_owned(),
            false => format!("={}", base64::engine::general_purpose::STANDARD.encode(key)),
        };
        stored::read(&self.folder("images").join(id).join(name), limit)
    }
}
