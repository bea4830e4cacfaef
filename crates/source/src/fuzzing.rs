//! Doors for fuzzers: each takes any bytes, and must come back without a panic and within bounds.

use crate::manifest::{self, Declared};

/// Reads bytes as a manifest or index, and as a configuration.
pub fn documents(bytes: &[u8]) {
    let mut anomalies = Vec::new();
    let _ = manifest::parse(bytes, &Declared::default(), "fuzz", &mut anomalies);
    let _ = manifest::parse_config(bytes, "fuzz", &mut anomalies);
}

/// Reads a text as a challenge of a registry.
pub fn challenge(text: &str) {
    let _ = crate::registry::challenge::parse(text);
}

/// Lists bytes as an archive of images, and looks up every name that an archive may have.
pub fn archive(bytes: &[u8]) {
    use std::io::Write as _;
    let Ok(mut file) = tempfile::tempfile() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    if let Ok(index) = crate::tar_index::TarIndex::list(file, "fuzz".to_owned(), 1000) {
        for name in [&b"manifest.json"[..], b"index.json", b"../x"] {
            let _ = index.get(name);
        }
    }
}

/// Reads bytes as a bolt database with containerd's records.
pub fn bolt(bytes: &[u8]) {
    use std::io::Write as _;
    let Ok(mut file) = tempfile::tempfile() else { return };
    if file.write_all(bytes).is_err() {
        return;
    }
    let Ok(bolt) = crate::bolt::Bolt::read(file, "fuzz".to_owned()) else { return };
    if let Ok(Some(bucket)) = bolt.bucket(&[b"v1", b"default", b"images"]) {
        let _ = bolt.keys(&bucket, 100);
    }
}
