use super::changed::hex;
use super::measure::{self, median_of};
use super::{Plan, Tools, row};
use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A layer of very many tiny files: the memory must stay bounded and the time linear.
pub(super) fn run(tools: &Tools, plan: &Plan) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let mut measured = Vec::new();
    for count in [250_000u32, 1_000_000] {
        let dir = scratch.path().join(count.to_string());
        write(&dir, count)?;
        measured.push(median_of(plan.runs.min(3), || {
            let mut command = Command::new(&tools.roadstead);
            command.args(["scan", "--quiet", "--no-cache", "--format", "json"]);
            measure::run(
                command.args(["--jobs", &plan.threads.to_string()]).arg(format!("oci:{}", dir.display())),
            )
        })?);
    }
    if let [quarter, whole] = measured.as_slice() {
        row("tiny files", "scan of 250,000", quarter, None);
        row("tiny files", "scan of 1,000,000", whole, Some(("scan of 250,000", quarter)));
    }
    Ok(())
}

fn write(dir: &Path, count: u32) -> Result<()> {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let mut archive = Vec::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(1));
    let mut hash = Sha256::new();
    for file in 0..count {
        append(
            &mut archive,
            &format!("srv/data/{:03}/{file:07}.txt", file / 1000),
            format!("{file}\n").as_bytes(),
        );
        if archive.len() > 1 << 20 {
            hash.update(&archive);
            encoder.write_all(&archive)?;
            archive.clear();
        }
    }
    archive.extend_from_slice(&[0; 1024]);
    hash.update(&archive);
    encoder.write_all(&archive)?;
    let diff_id = format!("sha256:{}", hex(&hash.finalize()));
    let put = |bytes: &[u8]| -> Result<serde_json::Value> {
        let hash = hex(&Sha256::digest(bytes));
        fs::write(blobs.join(&hash), bytes)?;
        Ok(json!({"digest": format!("sha256:{hash}"), "size": bytes.len()}))
    };
    let with_type = |mut descriptor: serde_json::Value, media_type: &str| {
        descriptor["mediaType"] = json!(media_type);
        descriptor
    };
    let layer = with_type(put(&encoder.finish()?)?, "application/vnd.oci.image.layer.v1.tar+gzip");
    let config = json!({"os": "linux", "architecture": "amd64", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]}, "history": [{"created_by": "COPY data /srv/data"}]});
    let config = with_type(put(&serde_json::to_vec(&config)?)?, "application/vnd.oci.image.config.v1+json");
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config, "layers": [layer]});
    let manifest =
        with_type(put(&serde_json::to_vec(&manifest)?)?, "application/vnd.oci.image.manifest.v1+json");
    fs::write(
        dir.join("index.json"),
        serde_json::to_vec(&json!({"schemaVersion": 2, "manifests": [manifest]}))?,
    )?;
    fs::write(dir.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    Ok(())
}

/// One file in ustar, padded.
pub(super) fn append(archive: &mut Vec<u8>, path: &str, content: &[u8]) {
    let mut header = [0u8; 512];
    let mut field = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(0, path);
    field(100, "0000644\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{:011o}\0", content.len()));
    field(136, "00000000000\0");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    archive.resize(archive.len().next_multiple_of(512), 0);
}
