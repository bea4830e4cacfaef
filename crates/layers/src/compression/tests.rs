use super::*;
use crate::AnomalyKind as A;
use std::io::{BufReader, Write as _};
use test_support::{Compression as Applied, skippable_frame};

/// A reader that hands out its bytes in pieces of one length, so that every border is crossed.
struct Pieces<'a> {
    bytes: &'a [u8],
    len: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.len.min(out.len()).min(self.bytes.len());
        let (piece, rest) = self.bytes.split_at(count);
        out[..count].copy_from_slice(piece);
        self.bytes = rest;
        Ok(count)
    }
}

fn decode(bytes: &[u8], piece: usize, declared: &str, limits: &Limits) -> (Vec<u8>, DecodeSummary) {
    let input = BufReader::with_capacity(piece, Pieces { bytes, len: piece });
    let mut decoder = Decoder::new(input, declared, limits);
    let mut out = Vec::new();
    decoder.read_to_end(&mut out).expect("memory can be read");
    let (mut rest, summary) = decoder.finish();
    assert_eq!(rest.read(&mut [0; 1]).expect("memory can be read"), 0, "the input is read to its end");
    assert_eq!(summary.decompressed_len, out.len() as u64);
    assert_eq!(summary.compressed_len, bytes.len() as u64);
    (out, summary)
}

/// The output and the kinds of the anomalies, the same whatever the borders of the buffers.
#[track_caller]
fn check(bytes: &[u8], expect: &[u8], anomalies: &[AnomalyKind]) {
    for piece in [1, 7, 1 << 16] {
        let (out, summary) = decode(bytes, piece, "", &Limits::default());
        let kinds: Vec<_> = summary.anomalies.iter().map(|anomaly| anomaly.kind).collect();
        assert_eq!((out.as_slice(), kinds.as_slice()), (expect, anomalies), "in pieces of {piece}");
    }
}

#[track_caller]
fn check_type(declared: &str, bytes: &[u8], anomalies: &[AnomalyKind]) {
    let (_, summary) = decode(bytes, 4096, declared, &Limits::default());
    let kinds: Vec<_> = summary.anomalies.iter().map(|anomaly| anomaly.kind).collect();
    assert_eq!(kinds, anomalies, "{declared}");
}

fn text() -> Vec<u8> {
    (0..20_000u32).flat_map(|number| number.to_string().into_bytes()).collect()
}

#[test]
fn every_compression_gives_the_same() {
    let text = text();
    check(&Applied::None.apply(&text), &text, &[]);
    check(&Applied::Gzip.apply(&text), &text, &[]);
    check(&Applied::Zstd.apply(&text), &text, &[]);
    check(&Applied::GzipMembers(30_000).apply(&text), &text, &[A::SeveralMembers]);
    check(b"", b"", &[]);
    let (_, summary) = decode(&Applied::GzipMembers(30_000).apply(&text), 4096, "", &Limits::default());
    assert_eq!(
        (summary.compression, summary.members),
        (Compression::Gzip, text.len().div_ceil(30_000) as u64)
    );
}

#[test]
fn skippable_frames_are_counted_wherever_they_stand() {
    let frame = Applied::Zstd.apply(b"hello ");
    let payload = skippable_frame(b"a payload that no decompressor shows");
    let all = [&payload[..], &frame, &payload, &frame, &payload].concat();
    check(
        &all,
        b"hello hello ",
        &[A::SkippableFrame, A::SkippableFrame, A::SkippableFrame, A::SeveralMembers],
    );
    let (_, summary) = decode(&all, 4096, "", &Limits::default());
    assert_eq!((summary.members, summary.skippable_bytes), (2, 3 * 36));
    check(&payload, b"", &[A::SkippableFrame]);
    check(&[&frame[..], &payload[..20]].concat(), b"hello ", &[A::SkippableFrame, A::CorruptCompression]);
}

#[test]
fn bytes_after_the_stream_have_a_name() {
    for applied in [Applied::Gzip, Applied::Zstd] {
        let blob = applied.apply(b"hello");
        check(&[&blob[..], &[0; 1000]].concat(), b"hello", &[A::PaddedCompressed]);
        check(&[&blob[..], &[0; 1000], b"x"].concat(), b"hello", &[A::TrailingCompressed]);
        check(&[&blob[..], b"\x1f\x8b"].concat(), b"hello", &[A::TrailingCompressed]);
        check(&[&blob[..], b"PK\x03\x04 and more"].concat(), b"hello", &[A::TrailingCompressed]);
    }
    let mixed = [Applied::Gzip.apply(b"hello"), Applied::Zstd.apply(b"evil")].concat();
    check(&mixed, b"hello", &[A::TrailingCompressed]);
}

#[test]
fn what_was_decoded_before_corruption_is_delivered() {
    let text = text();
    for applied in [Applied::Gzip, Applied::Zstd] {
        let blob = applied.apply(&text);
        for cut in [blob.len() / 2, blob.len() - 1, 3] {
            for piece in [1, 4096] {
                let (out, summary) = decode(&blob[..cut], piece, "", &Limits::default());
                assert!(text.starts_with(&out) || cut == 3);
                let kinds: Vec<_> = summary.anomalies.iter().map(|anomaly| anomaly.kind).collect();
                // Three bytes are too few to be recognised as zstd; then they are a short archive.
                let expect: &[_] =
                    if cut == 3 && applied == Applied::Zstd { &[] } else { &[A::CorruptCompression] };
                assert_eq!(kinds, expect, "{applied:?} cut at {cut}");
            }
        }
    }
    let (out, _) = decode(&Applied::Gzip.apply(&text)[..20_000], 4096, "", &Limits::default());
    assert!(out.len() > 20_000, "half of the blob gives {}", out.len());
    let mut wrong = Applied::Gzip.apply(b"hello");
    let crc = wrong.len() - 8;
    wrong[crc] ^= 1;
    check(&wrong, b"hello", &[A::CorruptCompression]);
    let mut block = Applied::Gzip.apply(b"hello");
    block[10] = 0xff;
    check(&block, b"", &[A::CorruptCompression]);
}

#[test]
fn gzip_headers_are_read_whole() {
    let with = |extra: usize, name: &str, comment: &str| {
        let mut encoder = flate2::GzBuilder::new()
            .extra(vec![7; extra])
            .filename(name)
            .comment(comment)
            .write(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"hello").expect("compress");
        encoder.finish().expect("finish")
    };
    check(&with(26, "layer.tar", ""), b"hello", &[]);
    check(&with(2000, "layer.tar", ""), b"hello", &[A::GzipFields]);
    check(&with(0, "layer.tar", &"c".repeat(100_000)), b"hello", &[A::GzipFields]);
    let (_, summary) = decode(&with(26, "layer.tar", "note"), 4096, "", &Limits::default());
    assert_eq!(summary.skippable_bytes, 26 + 9 + 4);
    let many = with(400, "", "").repeat(100);
    check(&many, &b"hello".repeat(100), &[vec![A::GzipFields; 90], vec![A::SeveralMembers]].concat());
    let mut checked = Applied::Gzip.apply(b"hello");
    checked[3] = 2;
    let crc = {
        let mut crc = flate2::Crc::new();
        crc.update(&checked[..10]);
        crc.sum() as u16
    };
    checked.splice(10..10, crc.to_le_bytes());
    check(&checked, b"hello", &[]);
    checked[10] ^= 1;
    check(&checked, b"hello", &[A::CorruptCompression]);
    check(b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\xff\xff", b"", &[A::CorruptCompression]);
}

#[test]
fn the_media_type_must_agree_with_the_magic() {
    let (plain, gzip, zstd) = (b"etc/".to_vec(), Applied::Gzip.apply(b"x"), Applied::Zstd.apply(b"x"));
    let kinds =
        ["tar", "tar+gzip", "tar+zstd"].map(|ending| format!("application/vnd.oci.image.layer.v1.{ending}"));
    for (index, declared) in kinds.iter().enumerate() {
        for (other, bytes) in [&plain, &gzip, &zstd].into_iter().enumerate() {
            let expect: &[_] = if index == other { &[] } else { &[A::MediaTypeMismatch] };
            check_type(declared, bytes, expect);
        }
    }
    check_type("application/octet-stream", &gzip, &[]);
    check_type("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", &plain, &[A::MediaTypeMismatch]);
    check_type("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", &gzip, &[A::UnsupportedCompression]);
}

#[test]
fn what_is_not_read_is_recognised() {
    for magic in [&b"\xfd7zXZ\0\0\x04"[..], b"BZh91AY&SY...", b"\x04\x22\x4d\x18rest"] {
        check(magic, b"", &[A::UnsupportedCompression]);
    }
}

#[test]
fn bombs_end_at_their_limits() {
    let zeros = vec![0; 4 << 20];
    let small = Limits { max_output: 1 << 20, ..Limits::default() };
    for applied in [Applied::None, Applied::Gzip, Applied::Zstd] {
        let (out, summary) = decode(&applied.apply(&zeros), 4096, "", &small);
        assert_eq!((out.len(), summary.anomalies.first().map(|a| a.kind)), (1 << 20, Some(A::LimitReached)));
    }
    let steep = Limits { max_ratio: 100, ratio_floor: 1 << 20, ..Limits::default() };
    for applied in [Applied::Gzip, Applied::Zstd] {
        let (out, summary) = decode(&applied.apply(&zeros), 4096, "", &steep);
        assert!(out.len() < zeros.len(), "{applied:?} gave {}", out.len());
        assert_eq!(summary.anomalies.first().map(|a| a.kind), Some(A::LimitReached));
    }
    assert_eq!(decode(&Applied::None.apply(&zeros), 4096, "", &steep).1.anomalies, []);
    // A frame that asks for a window of 128 MiB before it has shown a byte.
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).expect("zstd");
    encoder.set_parameter(::zstd::zstd_safe::CParameter::WindowLog(27)).expect("a window");
    encoder.write_all(b"hello").expect("compress");
    let wide = encoder.finish().expect("finish");
    check(&wide, b"", &[A::LimitReached]);
}

#[test]
fn many_tiny_members_take_linear_time() {
    let member = Applied::Gzip.apply(b"x");
    let frame = Applied::Zstd.apply(b"x");
    for (piece, count) in [(&member, 20_000), (&frame, 20_000)] {
        let (out, summary) = decode(&piece.repeat(count), 1 << 16, "", &Limits::default());
        assert_eq!((out.len(), summary.members), (count, count as u64));
    }
}
