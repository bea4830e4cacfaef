use super::parse::taste;
use crate::testing::{Bed, Loopback, present, run, world};

fn check(bytes: &[u8], is: bool) {
    assert_eq!(taste(bytes, 1080) > 80, is, "{bytes:?}");
}

#[test]
fn greetings_are_known() {
    check(&[5, 1, 0], true);
    check(&[5, 2, 0, 2], true);
    check(&[5, 2, 0], false);
    check(&[4, 1, 0, 80, 0, 0, 0, 1, b'u', 0, b'h', 0], true);
    check(&[4, 1, 0, 80], false);
    check(b"", false);
}

#[test]
fn whom_the_guest_wants_is_told_and_played() {
    let bed = Bed::new();
    bed.says(
        "198.51.100.1:1080",
        &[
            (&[5, 1, 0], "\u{5}\0"),
            (b"\x05\x01\x00\x03\x0cpool.example\x0d\x05", "\u{5}\0"),
            (b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n", "5f00a3c1"),
        ],
    );
    bed.check("socks: pool.example:3333");
    bed.check("pool Bitcoin subscribe");
    let bed = Bed::new();
    bed.says(
        "198.51.100.1:9050",
        &[
            (b"\x04\x01\x00\x50\x00\x00\x00\x01u\0abc.onion\0", "Z"),
            (b"GET / HTTP/1.1\r\nHost: abc.onion\r\n\r\n", "200"),
        ],
    );
    bed.check("socks: abc.onion:80");
    bed.check("http GET abc.onion / 200");
}

#[test]
fn curl_goes_through() {
    if !present("curl") {
        return;
    }
    let loopback = Loopback::new(world());
    let proxy = format!("socks5h://u:p@127.0.0.1:{}", loopback.tcp.port());
    let (worked, text) = run("curl", &["-kfsS", "-x", &proxy, "https://hidden.example/a.json"]);
    assert!(worked && text.contains("success"), "{text} {:#?}", loopback.told());
    loopback.check("socks: hidden.example:443");
    loopback.check("tls Some(\"hidden.example\") accepted=true");
}
