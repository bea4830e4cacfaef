use super::*;
use crate::Kind;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};
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
