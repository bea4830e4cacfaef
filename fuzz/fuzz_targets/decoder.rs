#![no_main]
use layers::{DecodeSummary, Decoder, Limits};
use std::io::{BufRead, BufReader, Read};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let (whole, summary) = decode(data);
    assert_eq!(summary.compressed_len, data.len() as u64, "bytes were left");
    assert_eq!(summary.decompressed_len, whole.len() as u64);
    let (pieces, other) = decode(BufReader::with_capacity(3, data));
    // What comes out before corruption may end elsewhere; it may not differ.
    let common = whole.len().min(pieces.len());
    assert_eq!(whole[..common], pieces[..common], "borders of buffers change what is read");
    if summary.anomalies.is_empty() || other.anomalies.is_empty() {
        assert_eq!((whole, summary), (pieces, other), "borders of buffers change what is read");
    }
});

fn decode(input: impl BufRead) -> (Vec<u8>, DecodeSummary) {
    let limits = Limits { max_output: 4 << 20, max_zstd_window_log: 20, ..Limits::default() };
    let mut decoder = Decoder::new(input, "application/vnd.oci.image.layer.v1.tar+gzip", &limits);
    let mut out = Vec::new();
    decoder.read_to_end(&mut out).expect("memory can be read");
    assert!(out.len() as u64 <= limits.max_output, "a limit was passed");
    (out, decoder.finish().1)
}
