use super::taste;
use crate::testing::Bed;

fn check(bytes: &[u8], is: bool) {
    assert_eq!(taste(bytes, 1883) > 80, is, "{bytes:?}");
}

const CONNECT: &[u8] = b"\x10\x14\0\x04MQTT\x04\xc2\0\x3c\0\x02b1\0\x01u\0\x01p";

#[test]
fn a_client_connects_and_publishes() {
    check(CONNECT, true);
    check(b"\x10\x02hi", false);
    check(b"", false);
    let bed = Bed::new();
    bed.says(
        "198.51.100.30:443",
        &[(CONNECT, "\0"), (b"\x82\x08\0\x01\0\x03cmd\0", "\u{3}"), (b"\x32\x09\0\x03out\0\x02hi", "\u{2}")],
    );
    bed.check("mqtt: connect b1 u p");
    bed.check("mqtt: subscribe cmd");
    bed.check("mqtt: publish out hi");
}

#[test]
fn lengths_are_bounded() {
    let bed = Bed::new();
    bed.guest("198.51.100.30:1883", |mut stream| async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(b"\x10\xff\xff\xff\x7f\0\x04MQTT").await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    });
}
