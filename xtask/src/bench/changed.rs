use super::measure::{self, median_of};
use super::{Plan, Tools, layout, row};
use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// After this time a scan takes the times of a file for settled.
const SETTLED: Duration = Duration::from_millis(2500);

/// The image with one more layer, once beside kept facts of the others and once alone: what is scanned again
/// should cost what the one layer costs.
pub(super) fn run(tools: &Tools, image: &Path, name: &str, cache_dir: &str, plan: &Plan) -> Result<()> {
    let scan = |path: &Path, extra: &[&str]| {
        let mut command = Command::new(&tools.roadstead);
        command.args(["scan", "--quiet", "--format", "json", "--jobs", &plan.threads.to_string()]);
        command.args(extra).arg(format!("oci:{}", path.display()));
        measure::run(&mut command)
    };
    let mut rounds = Vec::new();
    for round in 0..plan.runs {
        // Each round has a layer of its own, which no earlier one has left in the cache.
        let (blob, diff_id) = new_layer(round)?;
        let changed = tempfile::tempdir_in(image.parent().unwrap_or(image))?;
        write_changed(image, changed.path(), &blob, &diff_id, true)?;
        let lone = tempfile::tempdir_in(image.parent().unwrap_or(image))?;
        write_changed(image, lone.path(), &blob, &diff_id, false)?;
        rounds.push((changed, lone));
    }
    // A new name is a change of the file as far as its times tell, so the layers are hashed once more. That is the
    // doing of this measurement, not of whoever adds a layer: it is over before the clock starts.
    std::thread::sleep(SETTLED);
    scan(image, &["--cache-dir", cache_dir])?;
    let mut with_facts = Vec::new();
    let mut alone = Vec::new();
    for (changed, lone) in &rounds {
        with_facts.push(scan(changed.path(), &["--cache-dir", cache_dir])?);
        alone.push(scan(lone.path(), &["--no-cache"])?);
    }
    let mut with_facts = with_facts.into_iter();
    let mut alone = alone.into_iter();
    let with_facts = median_of(plan.runs, || with_facts.next().context("no run"))?;
    let alone = median_of(plan.runs, || alone.next().context("no run"))?;
    row(name, "one layer of 64 MiB alone", &alone, None);
    row(name, "scan again, that layer added", &with_facts, Some(("one layer of 64 MiB alone", &alone)));
    Ok(())
}

/// A layer of ordinary bytes: text-like, compressible, different in each round.
fn new_layer(round: usize) -> Result<(Vec<u8>, String)> {
    let mut archive = Vec::new();
    let mut state = 0x9e37_79b9_u64.wrapping_mul(round as u64 + 1);
    for file in 0..1024u32 {
        let mut content = Vec::with_capacity(64 << 10);
        while content.len() < 64 << 10 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            content.extend_from_slice(format!("{:x} ", (state >> 40) & 0xffff).as_bytes());
        }
        content.truncate(64 << 10);
        super::million::append(&mut archive, &format!("opt/added/{round}/{file}"), &content);
    }
    archive.extend_from_slice(&[0; 1024]);
    let diff_id = format!("sha256:{}", hex(&Sha256::digest(&archive)));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(&archive)?;
    Ok((encoder.finish()?, diff_id))
}

fn write_changed(image: &Path, target: &Path, blob: &[u8], diff_id: &str, keep: bool) -> Result<()> {
    let (mut index, mut manifest) = layout::manifest(image)?;
    let config_digest = manifest["config"]["digest"].as_str().context("no configuration")?;
    let mut config: Value = serde_json::from_slice(&fs::read(layout::blob(image, config_digest))?)?;
    let blobs = target.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    fs::copy(image.join("oci-layout"), target.join("oci-layout"))?;
    if keep {
        for (_, path) in layout::layers(image)? {
            // The same file under another name: what is kept of it is kept by inode, not by name.
            let name = path.file_name().context("a blob without a name")?;
            if fs::hard_link(&path, blobs.join(name)).is_err() {
                symlink(&path, blobs.join(name))?;
            }
        }
    } else {
        manifest["layers"] = json!([]);
        config["rootfs"]["diff_ids"] = json!([]);
        config["history"] = json!([]);
    }
    let digest = put(&blobs, blob)?;
    let layer = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": blob.len()});
    push(&mut manifest["layers"], layer)?;
    push(&mut config["rootfs"]["diff_ids"], json!(diff_id))?;
    push(&mut config["history"], json!({"created_by": "COPY added /opt/added"}))?;
    let bytes = serde_json::to_vec(&config)?;
    manifest["config"]["digest"] = json!(put(&blobs, &bytes)?);
    manifest["config"]["size"] = json!(bytes.len());
    let bytes = serde_json::to_vec(&manifest)?;
    index["manifests"][0]["digest"] = json!(put(&blobs, &bytes)?);
    index["manifests"][0]["size"] = json!(bytes.len());
    fs::write(target.join("index.json"), serde_json::to_vec(&index)?)?;
    Ok(())
}

fn push(list: &mut Value, value: Value) -> Result<()> {
    list.as_array_mut().context("a list is missing from the image")?.push(value);
    Ok(())
}

fn put(blobs: &Path, bytes: &[u8]) -> Result<String> {
    let hash = hex(&Sha256::digest(bytes));
    fs::write(blobs.join(&hash), bytes)?;
    Ok(format!("sha256:{hash}"))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
