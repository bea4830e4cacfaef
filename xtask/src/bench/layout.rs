use anyhow::{Context as _, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of the first manifest of a layout, as (media type, file).
pub(super) fn layers(layout: &Path) -> Result<Vec<(String, PathBuf)>> {
    let (_, manifest) = manifest(layout)?;
    let layers = manifest["layers"].as_array().context("the manifest lists no layers")?;
    layers
        .iter()
        .map(|layer| {
            let media_type = layer["mediaType"].as_str().unwrap_or_default().to_owned();
            Ok((media_type, blob(layout, layer["digest"].as_str().context("a layer without a digest")?)))
        })
        .collect()
}

/// The index and the first manifest of a layout.
pub(super) fn manifest(layout: &Path) -> Result<(Value, Value)> {
    let index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let digest = index["manifests"][0]["digest"].as_str().context("the index lists no manifest")?.to_owned();
    let manifest = serde_json::from_slice(&fs::read(blob(layout, &digest))?)?;
    Ok((index, manifest))
}

/// Where a blob lies.
pub(super) fn blob(layout: &Path, digest: &str) -> PathBuf {
    layout.join("blobs").join(digest.replace(':', "/"))
}

/// Reads every layer once, so that the disk is no part of what is measured.
pub(super) fn warm(layout: &Path) -> Result<()> {
    for (_, path) in layers(layout)? {
        std::io::copy(&mut fs::File::open(path)?, &mut std::io::sink())?;
    }
    Ok(())
}
