use crate::anomaly::{Anomaly, AnomalyKind};
use crate::content::{Absent, FileSlice, Origin, digest_like, read_limited, sha256};
use crate::error::Error;
use crate::json::{self, Keys};
use crate::layout::{BlobStore, Layout, same_reference};
use crate::manifest;
use crate::open::{Found, Image, Layer};
use crate::options::Options;
use crate::resolve::{self, Resolved};
use crate::tar_index::TarIndex;
use model::{Digest, Gap};
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;

/// Opens what `docker save` writes. Where the archive is an OCI layout too, as current versions write it,
/// both lists of contents are read: one loader follows this, another that, and an image that only one of
/// them lists is opened all the same.
pub(crate) fn open_docker(path: &Path, reference: Option<&str>, options: &Options) -> Result<Found, Error> {
    let archive = Arc::new(TarIndex::open(path, options)?);
    match (archive.has(MANIFEST), archive.has(INDEX)) {
        (true, _) => from_docker(&archive, reference, options),
        (false, true) => from_layout(&archive, reference, options),
        (false, false) => Err(unlisted(&archive)),
    }
}

/// Opens an OCI image layout in a tar archive; a Docker list of contents beside it is read as well.
pub(crate) fn open_oci(path: &Path, tag: Option<&str>, options: &Options) -> Result<Found, Error> {
    let archive = Arc::new(TarIndex::open(path, options)?);
    match (archive.has(INDEX), archive.has(MANIFEST)) {
        (true, _) => from_layout(&archive, tag, options),
        (false, true) => from_docker(&archive, tag, options),
        (false, false) => Err(unlisted(&archive)),
    }
}

const MANIFEST: &[u8] = b"manifest.json";
const INDEX: &[u8] = b"index.json";

fn unlisted(archive: &TarIndex) -> Error {
    let why = match archive.has(b"repositories") {
        true => {
            "it is of the format before Docker 1.10, which carries no configuration; save the image again"
        }
        false => "it has neither manifest.json nor index.json; it is no archive of images",
    };
    Error::refused(archive.shown(), why)
}

/// The images that `manifest.json` lists, then what only `index.json` lists.
pub(crate) fn from_docker(
    archive: &Arc<TarIndex>,
    reference: Option<&str>,
    options: &Options,
) -> Result<Found, Error> {
    let mut found = Found { name: None, digest: None, resolved: Resolved::default() };
    let listed = Listed::read(archive, options, &mut found.resolved.anomalies)?;
    let chosen = choose(archive, &listed, reference)?;
    let Some(entry) = listed.get(chosen) else { return Err(unlisted(archive)) };
    let image = entry.image(archive, options, &mut found.resolved.anomalies)?;
    let platform = image.platform.clone();
    found.resolved.images.extend(Some(image).filter(|image| is_wanted(image, options)));
    if archive.has(INDEX) {
        found.add_layout(&listed, archive, options)?;
    }
    match &options.platform {
        Some(wanted) if found.resolved.images.is_empty() => {
            Err(Error::NoPlatform { wanted: wanted.clone(), available: platform.to_string() })
        }
        _ => Ok(found),
    }
}

/// Whether an image is of the platform that was asked for, or of one that nobody can tell.
fn is_wanted(image: &Image, options: &Options) -> bool {
    let platform = &image.platform;
    let wanted = options.platform.as_ref();
    wanted.is_none_or(|wanted| platform.satisfies(wanted) || *platform == resolve::unknown_platform())
}

/// The images that `index.json` lists, then what only `manifest.json` lists.
fn from_layout(archive: &Arc<TarIndex>, tag: Option<&str>, options: &Options) -> Result<Found, Error> {
    let (layout, bytes) = layout(archive, options)?;
    let mut found = layout.resolve(&bytes, tag, archive.shown(), options)?;
    if tag.is_some() || !archive.has(MANIFEST) {
        return Ok(found);
    }
    let known: Vec<Digest> = found.resolved.images.iter().map(|image| sha256(&image.config_bytes)).collect();
    let mut anomalies = Vec::new();
    let unlisted = Listed::read(archive, options, &mut anomalies).and_then(|listed| {
        let configs = Listed::configs(&listed, archive, options)?;
        let unlisted = listed.iter().zip(configs).filter(|(_, config)| !known.contains(config));
        unlisted
            .map(|(listed, _)| listed.image(archive, options, &mut anomalies))
            .collect::<Result<Vec<_>, _>>()
    });
    found.resolved.anomalies.extend(anomalies);
    match unlisted {
        Ok(images) => {
            let wanted = images.into_iter().filter(|image| is_wanted(image, options));
            wanted.for_each(|image| found.add_unlisted(image, "index.json", archive));
        }
        Err(Error::Cancelled) => return Err(Error::Cancelled),
        Err(error) => found.resolved.gaps.push(Gap::new("manifest.json", error.chain())),
    }
    Ok(found)
}

impl Found {
    /// What `index.json` lists besides.
    fn add_layout(
        &mut self,
        listed: &[Listed],
        archive: &Arc<TarIndex>,
        options: &Options,
    ) -> Result<(), Error> {
        let both = layout(archive, options)
            .and_then(|(layout, bytes)| layout.resolve(&bytes, None, archive.shown(), options))
            .and_then(|other| Ok((other, Listed::configs(listed, archive, options)?)));
        match both {
            Ok((other, digests)) => {
                let Resolved { images, artifacts, anomalies, gaps } = other.resolved;
                self.resolved.artifacts.extend(artifacts);
                self.resolved.anomalies.extend(anomalies);
                self.resolved.gaps.extend(gaps);
                for image in images {
                    let config = sha256(&image.config_bytes);
                    match self
                        .resolved
                        .images
                        .first_mut()
                        .filter(|first| sha256(&first.config_bytes) == config)
                    {
                        Some(first) => first.digest = image.digest,
                        None if digests.contains(&config) => {}
                        None => self.add_unlisted(image, "manifest.json", archive),
                    }
                }
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(Error::NoPlatform { .. }) => {}
            Err(error) => self.resolved.gaps.push(Gap::new("index.json", error.chain())),
        }
        Ok(())
    }

    /// An image that one list has and the other has not. Docker lists one platform only of an image that it saves
    /// with several, so another platform is nothing odd.
    fn add_unlisted(&mut self, image: Image, list: &str, archive: &TarIndex) {
        if self.resolved.images.iter().any(|known| known.platform == image.platform) {
            let config = sha256(&image.config_bytes);
            let detail =
                format!("{list} does not list the image of {} with configuration {config}", image.platform);
            self.resolved.anomalies.push(Anomaly::new(
                AnomalyKind::ArchiveDisagrees,
                archive.shown(),
                detail,
            ));
        }
        self.resolved.images.push(image);
    }
}

fn layout(archive: &Arc<TarIndex>, options: &Options) -> Result<(Layout<TarIndex>, Vec<u8>), Error> {
    let bytes = whole(archive, INDEX, options.limits.manifest)?;
    Ok((Layout { blobs: Arc::clone(archive), is_partial: true, is_verified: false }, bytes))
}

fn whole(archive: &TarIndex, name: &[u8], limit: u64) -> Result<Vec<u8>, Error> {
    let what = format!("{} in {}", model::escape_bytes(name), archive.shown());
    read_limited(&mut archive.get(name)?, limit, &what, |source| Error::Io { path: what.clone(), source })
}

impl BlobStore for TarIndex {
    fn blob(&self, digest: &Digest) -> Result<FileSlice, Error> {
        self.get(format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()).as_bytes())
    }
}

/// One entry of Docker's `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Option<Vec<String>>,
}

const KEYS: Keys =
    Keys { known: &["Config", "RepoTags", "Layers", "LayerSources", "Parent"], free: &["LayerSources"] };

impl Listed {
    fn read(archive: &TarIndex, options: &Options, anomalies: &mut Vec<Anomaly>) -> Result<Vec<Self>, Error> {
        let what = format!("manifest.json in {}", archive.shown());
        let broken = |source| Error::Json { what: what.clone(), source };
        let document =
            json::parse(&whole(archive, MANIFEST, options.limits.manifest)?, &KEYS).map_err(broken)?;
        manifest::note_keys(&document, &what, anomalies);
        let listed: Vec<Self> = json::typed(document.value).map_err(broken)?;
        if listed.len() > options.limits.descriptors {
            return Err(Error::refused(
                what,
                format!("it lists more than {} images", options.limits.descriptors),
            ));
        }
        Ok(listed)
    }

    /// The digests of all configurations, read one after the other within the budget for documents: a list may
    /// name one large file hundreds of times.
    fn configs(listed: &[Self], archive: &TarIndex, options: &Options) -> Result<Vec<Digest>, Error> {
        let mut left = options.limits.documents;
        let digest = |listed: &Self| {
            let bytes = whole(archive, listed.config.as_bytes(), options.limits.config.min(left))?;
            left -= bytes.len() as u64;
            Ok(sha256(&bytes))
        };
        listed.iter().map(digest).collect()
    }

    fn image(
        &self,
        archive: &Arc<TarIndex>,
        options: &Options,
        anomalies: &mut Vec<Anomaly>,
    ) -> Result<Image, Error> {
        let what = format!("{} in {}", self.config, archive.shown());
        let config_bytes = whole(archive, self.config.as_bytes(), options.limits.config)?;
        if let Some(expected) = named_digest(&self.config) {
            let computed = digest_like(&expected, &config_bytes);
            if computed != expected {
                anomalies.push(Anomaly::new(
                    AnomalyKind::DigestMismatch,
                    &what,
                    format!("it hashes to {computed}"),
                ));
            }
        }
        let config = manifest::parse_config(&config_bytes, &what, anomalies)?;
        let names = self.layers.as_deref().unwrap_or_default();
        if names.len() > options.limits.layers {
            return Err(Error::refused(what, format!("its {} layers pass the limit", names.len())));
        }
        if config.rootfs.diff_ids.len() != names.len() {
            let detail = format!("{} layers and {} diffIDs", names.len(), config.rootfs.diff_ids.len());
            anomalies.push(Anomaly::new(AnomalyKind::DiffIdCount, &what, detail));
        }
        let platform = resolve::claimed_platform(&config).unwrap_or_else(|| {
            anomalies.push(Anomaly::new(AnomalyKind::NoPlatform, &what, "the configuration names none"));
            resolve::unknown_platform()
        });
        let layers = names.iter().enumerate().map(|(index, name)| {
            let (origin, size): (Arc<dyn Origin>, _) = match archive.get(name.as_bytes()) {
                Ok(slice) => {
                    let size = slice.length;
                    (Arc::new(slice), Some(size))
                }
                Err(error) => {
                    let what = format!("layer {index}, {}", crate::content::clip(name));
                    (Arc::new(Absent { what, advice: error.chain() }), None)
                }
            };
            let digest = name.starts_with("blobs/").then(|| named_digest(name)).flatten();
            Layer::new(index, String::new(), config.rootfs.diff_ids.get(index).copied(), origin)
                .declared(digest, size)
        });
        Ok(Image { platform, digest: None, layers: layers.collect(), config_bytes, config })
    }
}

/// The digest that a name claims: `blobs/sha256/HEX`, `HEX.json` or `sha256:HEX`.
fn named_digest(name: &str) -> Option<Digest> {
    let name = name.strip_suffix(".json").unwrap_or(name);
    if let Some(rest) = name.strip_prefix("blobs/") {
        return rest.replacen('/', ":", 1).parse().ok();
    }
    name.parse().or_else(|_| format!("sha256:{name}").parse()).ok()
}

/// Which entry a reference means.
fn choose(archive: &TarIndex, listed: &[Listed], reference: Option<&str>) -> Result<usize, Error> {
    let is_named = |listed: &Listed, name: &str| {
        listed.repo_tags.iter().flatten().any(|tag| tag == name || same_reference(tag, name))
    };
    let chosen: Vec<usize> = match reference {
        None => (0..listed.len()).collect(),
        Some(name) => match name.strip_prefix('@').and_then(|number| number.parse::<usize>().ok()) {
            Some(position) => (0..listed.len()).filter(|at| *at == position).collect(),
            None => (0..listed.len())
                .filter(|at| listed.get(*at).is_some_and(|listed| is_named(listed, name)))
                .collect(),
        },
    };
    if let [only] = chosen.as_slice() {
        return Ok(*only);
    }
    let candidates: Vec<String> = listed
        .iter()
        .enumerate()
        .map(|(at, listed)| match listed.repo_tags.as_deref() {
            Some([_, ..]) => listed
                .repo_tags
                .iter()
                .flatten()
                .map(|tag| crate::content::clip(tag))
                .collect::<Vec<_>>()
                .join(" = "),
            _ => format!("@{at}"),
        })
        .take(32)
        .collect();
    let what = match (reference, chosen.is_empty()) {
        (Some(name), true) => format!("{} has no image {}", archive.shown(), crate::content::clip(name)),
        (None, true) => format!("{} lists no image", archive.shown()),
        (_, false) => {
            format!("{} has several images; write one of them after the file and a colon", archive.shown())
        }
    };
    Err(Error::Choice {
        what,
        candidates: if candidates.is_empty() { "nothing".to_owned() } else { candidates.join(", ") },
    })
}
