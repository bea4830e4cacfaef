use crate::anomaly::{Anomaly, AnomalyKind};
use crate::content::Origin;
use crate::error::Error;
use crate::manifest::{self, OCI_TAR};
use crate::open::{Image, Layer};
use crate::options::Options;
use crate::resolve;
use model::Digest;
use std::path::Path;
use std::sync::Arc;

/// A layer as the store of a container engine keeps it: unpacked, so what is transported is the archive
/// itself.
pub(crate) struct StoredLayer {
    pub(crate) origin: Arc<dyn Origin>,
    pub(crate) size: Option<u64>,
}

/// An image of such a store, from its configuration and its layers, bottom first.
///
/// # Errors
/// Where the configuration cannot be read, or another platform was asked for.
pub(crate) fn image(
    what: &str,
    digest: Option<Digest>,
    config_bytes: Vec<u8>,
    layers: Vec<StoredLayer>,
    options: &Options,
    anomalies: &mut Vec<Anomaly>,
) -> Result<Image, Error> {
    let config = manifest::parse_config(&config_bytes, what, anomalies)?;
    let platform = resolve::claimed_platform(&config).unwrap_or_else(|| {
        anomalies.push(Anomaly::new(AnomalyKind::NoPlatform, what, "the configuration names none"));
        resolve::unknown_platform()
    });
    if let Some(wanted) = options.platform.as_ref().filter(|wanted| !platform.satisfies(wanted)) {
        return Err(Error::NoPlatform { wanted: wanted.clone(), available: platform.to_string() });
    }
    if config.rootfs.diff_ids.len() != layers.len() {
        let detail = format!("{} layers and {} diffIDs", layers.len(), config.rootfs.diff_ids.len());
        anomalies.push(Anomaly::new(AnomalyKind::DiffIdCount, what, detail));
    }
    let layers = layers.into_iter().enumerate().map(|(index, StoredLayer { origin, size })| {
        let diff_id = config.rootfs.diff_ids.get(index).copied();
        Layer::new(index, OCI_TAR.to_owned(), diff_id, origin).declared(diff_id, size)
    });
    Ok(Image { platform, digest, layers: layers.collect(), config_bytes, config })
}

/// A file of a store's own bookkeeping, as a whole.
///
/// # Errors
/// Where it is absent, too long or unreadable.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let mut file = match crate::tar_index::open_regular(path) {
        Err(Error::Io { path, source }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::missing(path, "check the name of the image and where the store lies"));
        }
        opened => opened?,
    };
    crate::content::read_limited(&mut file, limit, &crate::content::show(path), |source| {
        Error::io(path, source)
    })
}

/// The same, as a document.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = read(path, MAX_BOOKS)?;
    serde_json::from_slice(&bytes)
        .map_err(|source| Error::Json { what: crate::content::show(path), source: source.into() })
}

/// The list of all images or layers of a store.
const MAX_BOOKS: u64 = 64 << 20;

/// Whether a name that becomes part of a path is plain: no slash and no dots alone.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// Whether a text is an image id, or enough of the beginning of one.
pub(crate) fn is_id(text: &str) -> bool {
    (12..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
