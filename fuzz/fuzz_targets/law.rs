//! What must hold for any archive.

use layers::{Anomaly, Entry, Limits, TarReader, Weight, normalize_path};
use std::io::{BufRead, BufReader};

pub fn limits() -> Limits {
    Limits { max_entries: 10_000, max_sparse_hole: 1 << 20, ..Limits::default() }
}

/// Lists an archive with the length of each content. Returns whether it ended well, and all anomalies.
pub fn list(archive: impl BufRead, len: u64) -> (Vec<(Entry, u64)>, bool, Vec<Anomaly>) {
    let mut reader = TarReader::new(archive, &limits());
    let mut entries = Vec::new();
    let ended = loop {
        match reader.next_entry() {
            Ok(Some(entry)) => {
                let read =
                    std::io::copy(&mut reader.data(), &mut std::io::sink()).expect("memory can be read");
                assert!(read <= entry.size, "more content than the entry has");
                entries.push((entry, read));
            }
            Ok(None) => break true,
            Err(_) => break false,
        }
        assert!(reader.offset() <= len);
    };
    let (mut rest, anomalies) = reader.finish();
    assert!(rest.fill_buf().expect("memory can be read").is_empty(), "bytes were left");
    let gap = anomalies.iter().any(|anomaly| anomaly.kind.weight() == Weight::Gap);
    assert!(ended || gap, "an archive that is refused is a gap");
    for (entry, read) in &entries {
        assert!(*read == entry.size || gap, "content that is cut is a gap");
    }
    (entries, ended, anomalies)
}

pub fn check(archive: &[u8]) {
    let len = archive.len() as u64;
    let whole = list(archive, len);
    let pieces = list(BufReader::with_capacity(7, archive), len);
    assert!(whole == pieces, "borders of buffers change what is read");
    if whole.2.iter().all(|anomaly| anomaly.kind.weight() == Weight::Benign) {
        let ours: Vec<_> = whole.0.iter().map(|(entry, _)| (entry.path.clone(), entry.size)).collect();
        assert_eq!(ours, theirs(archive), "another reader sees another archive, and nothing is said");
    }
}

fn theirs(archive: &[u8]) -> Vec<(Vec<u8>, u64)> {
    let mut reader = tar::Archive::new(archive);
    let Ok(entries) = reader.entries() else { return Vec::new() };
    entries
        .map_while(Result::ok)
        .filter(|entry| !entry.header().entry_type().is_pax_global_extensions())
        .map(|entry| {
            let size = if entry.header().entry_type().is_file() { entry.size() } else { 0 };
            (normalize_path(&entry.path_bytes()).0, size)
        })
        .collect()
}
