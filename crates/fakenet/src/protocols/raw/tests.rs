use super::parse::known;
use crate::World;
use crate::testing::{Bed, world};

fn check(bytes: &[u8], expect: Option<&str>) {
    assert_eq!(known(bytes), expect, "{bytes:?}");
}

#[test]
fn beginnings_have_names() {
    check(b"\x13BitTorrent protocol\0\0", Some("bittorrent"));
    check(b"\0\0\0\x54\xffSMB\x72", Some("smb"));
    check(b"\x03\0\0\x13\x0e\xe0\0", Some("rdp"));
    check(b"AMQP\0\0\x09\x01", Some("amqp"));
    check(b"JDWP-Handshake", Some("jdwp"));
    check(b"", None);
    check(b"hello there", None);
    check(b"\0\0\0", None);
}

#[test]
fn what_nobody_knows_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let bed = Bed::with(World { captures: Some(directory.path().into()), ..world() });
    bed.guest("198.51.100.8:7777", |mut stream| async move {
        use tokio::io::AsyncWriteExt;
        stream.write_all(&[0xee; 10_000]).await.unwrap();
    });
    bed.check("protocol raw");
    bed.check("raw: kept ");
    bed.check("closed 10000 0");
    let file = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().len(), 10_000);
}
