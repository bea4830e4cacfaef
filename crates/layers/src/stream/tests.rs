use super::*;
use crate::Kind;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256, Sha512};
use std::io::Write as _;

fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1);
        builder.append_data(&mut header, path, *content).expect("append");
    }
    builder.into_inner().expect("finish")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("compress");
    encoder.finish().expect("finish")
}

fn sha256(bytes: &[u8]) -> Digest {
    Digest::sha256(Sha256::digest(bytes).into())
}

fn honest(blob: &[u8], archive: &[u8]) -> Declared {
    Declared {
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        digest: Some(sha256(blob)),
        size: Some(blob.len() as u64),
        diff_id: Some(sha256(archive)),
    }
}

fn paths<R: io::BufRead>(archive: &mut TarReader<R>) -> Vec<String> {
    let mut paths = Vec::new();
    while let Ok(Some(entry)) = archive.next_entry() {
        assert_eq!(entry.kind, Kind::File);
        let mut content = Vec::new();
        archive.data().read_to_end(&mut content).expect("content");
        paths.push(format!("{}={}", String::from_utf8_lossy(&entry.path), content.len()));
    }
    paths
}

fn read(blob: &[u8], declared: &Declared) -> (Vec<String>, LayerSummary) {
    read_layer(blob, declared, &Limits::default(), &AtomicBool::new(false), paths)
}

fn kinds(summary: &LayerSummary) -> Vec<AnomalyKind> {
    summary.anomalies.iter().map(|anomaly| anomaly.kind).collect()
}

#[test]
fn an_honest_layer_has_no_anomaly() {
    let big = vec![7; 3 << 20];
    let archive = archive(&[("a", b"hello"), ("dir/big", &big)]);
    let blob = gzip(&archive);
    let (paths, summary) = read(&blob, &honest(&blob, &archive));
    assert_eq!(paths, ["a=5", "dir/big=3145728"]);
    assert_eq!(kinds(&summary), []);
    assert_eq!((summary.digest, summary.size), (sha256(&blob), blob.len() as u64));
    assert_eq!((summary.diff_id, summary.diff_size), (sha256(&archive), archive.len() as u64));
    assert_eq!((summary.compression, summary.members, summary.broken), (Compression::Gzip, 1, None));
}

#[test]
fn lies_of_the_manifest_are_found() {
    let archive = archive(&[("a", b"hello")]);
    let blob = gzip(&archive);
    let other = sha256(b"other");
    let truth = honest(&blob, &archive);
    let check = |declared: Declared, expect: &[AnomalyKind]| {
        let (paths, summary) = read(&blob, &declared);
        assert_eq!(kinds(&summary), expect, "{declared:?}");
        paths
    };
    check(Declared { digest: Some(other), ..truth.clone() }, &[AnomalyKind::DigestMismatch]);
    check(Declared { diff_id: Some(other), ..truth.clone() }, &[AnomalyKind::DiffIdMismatch]);
    check(
        Declared { size: Some(truth.size.unwrap_or(0) + 1), ..truth.clone() },
        &[AnomalyKind::SizeMismatch],
    );
    let zstd = "application/vnd.oci.image.layer.v1.tar+zstd".to_owned();
    check(Declared { media_type: zstd, ..truth.clone() }, &[AnomalyKind::MediaTypeMismatch]);
    check(Declared::default(), &[]);
    let wide = |bytes: &[u8]| Some(Digest::sha512(Sha512::digest(bytes).into()));
    check(Declared { digest: wide(&blob), diff_id: wide(&archive), ..truth.clone() }, &[]);
    let wrong = Declared { digest: wide(b"other"), diff_id: wide(b"other"), ..truth };
    check(wrong, &[AnomalyKind::DigestMismatch, AnomalyKind::DiffIdMismatch]);
}

#[test]
fn no_more_is_read_than_was_declared() {
    let archive = archive(&[("a", b"hello")]);
    let blob = gzip(&archive);
    let endless = blob.chain(io::repeat(b'x'));
    let (paths, summary) =
        read_layer(endless, &honest(&blob, &archive), &Limits::default(), &AtomicBool::new(false), paths);
    assert_eq!(paths, ["a=5"]);
    assert_eq!(kinds(&summary), [AnomalyKind::SizeMismatch]);
    assert_eq!(summary.size, blob.len() as u64);
}

#[test]
fn bytes_after_the_archive_count_in_the_diff_id() {
    let mut trailing = archive(&[("a", b"hello")]);
    trailing.extend(vec![0; 1 << 20]);
    trailing.extend(b"payload");
    let blob = gzip(&trailing);
    let (paths, summary) = read(&blob, &honest(&blob, &trailing));
    assert_eq!(paths, ["a=5"]);
    assert_eq!(kinds(&summary), [AnomalyKind::TrailingData]);
    assert_eq!((summary.diff_id, summary.diff_size), (sha256(&trailing), trailing.len() as u64));
}

/// Fails after its bytes as a connection does.
struct Dies<'a>(&'a [u8]);

impl Read for Dies<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self.0.read(out) {
            Ok(0) => Err(io::Error::new(io::ErrorKind::ConnectionReset, "the peer went away")),
            result => result,
        }
    }
}

#[test]
fn a_connection_that_dies_is_said_and_nothing_else_is_blamed() {
    let big: Vec<u8> =
        (0..2_000_000u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let archive = archive(&[("a", b"hello"), ("b", &big)]);
    let blob = gzip(&archive);
    let half = &blob[..blob.len() / 2];
    let declared = honest(&blob, &archive);
    let cancelled = AtomicBool::new(false);
    let (paths, summary) = read_layer(Dies(half), &declared, &Limits::default(), &cancelled, paths);
    assert_eq!(paths.first().map(String::as_str), Some("a=5"));
    assert_eq!(summary.broken.as_deref(), Some("the peer went away"));
    assert_eq!(kinds(&summary), [AnomalyKind::Truncated]);
    let only = digest_only(Dies(half), &declared, &Limits::default(), &cancelled);
    assert_eq!((only.digest, only.anomalies.len(), only.broken.is_some()), (sha256(half), 0, true));
}

#[test]
fn a_body_that_stops_early_or_panics_ends_the_layer() {
    let big = vec![7; 8 << 20];
    let archive = archive(&[("a", b"hello"), ("b", &big), ("c", b"")]);
    let blob = gzip(&archive);
    let declared = honest(&blob, &archive);
    let cancelled = AtomicBool::new(false);
    let ((), summary) = read_layer(&blob[..], &declared, &Limits::default(), &cancelled, |archive| {
        archive.next_entry().expect("an entry");
    });
    assert_eq!(kinds(&summary), [AnomalyKind::LimitReached]);
    assert_eq!(summary.diff_id, sha256(&archive));
    let panicked = std::panic::catch_unwind(|| {
        let body = |_: &mut TarReader<ChunkReader>| -> () { panic!("an analyzer failed") };
        read_layer(&blob[..], &declared, &Limits::default(), &cancelled, body)
    });
    let message = panicked.expect_err("the panic comes out");
    assert_eq!(message.downcast_ref::<&str>(), Some(&"an analyzer failed"));
}

#[test]
fn a_cancelled_layer_says_so() {
    let archive = archive(&[("a", b"hello")]);
    let blob = gzip(&archive);
    let cancelled = AtomicBool::new(true);
    let (paths, summary) =
        read_layer(&blob[..], &honest(&blob, &archive), &Limits::default(), &cancelled, paths);
    assert_eq!((paths.len(), summary.broken.as_deref()), (0, Some(CANCELLED)));
    let only = digest_only(&blob[..], &honest(&blob, &archive), &Limits::default(), &cancelled);
    assert_eq!(only.broken.as_deref(), Some(CANCELLED));
}

#[test]
fn a_blob_can_be_verified_alone() {
    let cancelled = AtomicBool::new(false);
    let blob = vec![7; 1 << 20];
    let declared = Declared { digest: Some(sha256(&blob)), size: Some(1 << 20), ..Declared::default() };
    let only = digest_only(&blob[..], &declared, &Limits::default(), &cancelled);
    let expect = BlobSummary { digest: sha256(&blob), size: 1 << 20, anomalies: Vec::new(), broken: None };
    assert_eq!(only, expect);
    let changed = digest_only(&blob[1..], &declared, &Limits::default(), &cancelled);
    let kinds: Vec<_> = changed.anomalies.iter().map(|anomaly| anomaly.kind).collect();
    assert_eq!(kinds, [AnomalyKind::SizeMismatch, AnomalyKind::DigestMismatch]);
}
