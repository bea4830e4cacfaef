use crate::layer::verified_digest;
use crate::{Settings, rules_digest};
use cache::{Key, KeyBuilder};
use sha2::{Digest as _, Sha256};
use source::Opened;
use verdict::Scanned;

/// What a verdict depends on: the bytes of everything, how they were declared and asked for, rules and feeds.
/// None where the bytes of some layer are not known to be the ones that were read before, and where the image
/// has gaps of the moment.
pub(crate) fn of(opened: &Opened, scanned: &Scanned, settings: &Settings) -> Option<Key> {
    let cache = settings.cache.as_ref()?;
    if !opened.gaps.is_empty() {
        return None;
    }
    let mut key = KeyBuilder::new("verdict")
        .text(&rules_digest(&settings.rules))
        .text(&settings.indicators.key())
        .text(&format!("{:?} {scanned:?}", settings.limits))
        .text(&settings.exceptions.identity(settings.today))
        .text(&opened.reference)
        .text(&format!("{:?} {:?}", opened.name, opened.digest))
        .text(&format!("{:?} {:?}", opened.anomalies, opened.artifacts));
    for image in &opened.images {
        key = key
            .text(&format!("{:?} {:?}", image.platform, image.digest))
            .bytes(&Sha256::digest(&image.config_bytes))
            .number(image.layers.len() as i128);
        for layer in &image.layers {
            let digest = verified_digest(layer, cache)?;
            key = key
                .text(&digest.to_string())
                .text(&layer.media_type)
                .text(&format!("{:?} {:?} {:?}", layer.digest, layer.size, layer.diff_id));
        }
    }
    Some(key.finish())
}
