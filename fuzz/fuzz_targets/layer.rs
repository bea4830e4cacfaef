#![no_main]
use layers::{Declared, Entry, Limits, read_layer};
use std::sync::atomic::AtomicBool;
use test_support::Compression;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let compression = match first % 6 {
        0 | 1 => Compression::None,
        2 => Compression::Gzip,
        3 => Compression::GzipMembers(300),
        4 => Compression::Zstd,
        _ => Compression::ZstdFrames(300),
    };
    let blob = compression.apply(rest);
    let limits =
        Limits { max_output: 4 << 20, max_entries: 1000, max_sparse_hole: 1 << 20, ..Limits::default() };
    // Every third layer is read by a body that gives up.
    let most = if first % 3 == 0 { 1 } else { usize::MAX };
    let (entries, summary) =
        read_layer(&blob[..], &Declared::default(), &limits, &AtomicBool::new(false), |archive| {
            let mut entry = Entry::default();
            let mut entries = 0;
            while entries < most && matches!(archive.next_into(&mut entry), Ok(true)) {
                std::io::copy(&mut archive.data(), &mut std::io::sink()).expect("memory can be read");
                entries += 1;
            }
            entries
        });
    assert_eq!(summary.size, blob.len() as u64);
    assert_eq!(summary.broken, None);
    assert!(entries <= 1000);
    if !matches!(compression, Compression::None) {
        assert_eq!(summary.diff_size, rest.len() as u64);
    }
});
