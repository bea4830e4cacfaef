use super::parse::known;

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
