use super::taste;
use crate::testing::Bed;

fn check(bytes: &[u8], port: u16, is: bool) {
    assert_eq!(taste(bytes, port) > 80, is, "{bytes:?}");
}

#[test]
fn registrations_are_known_on_any_port() {
    check(b"NICK bot17\r\n", 443, true);
    check(b"USER a 0 * :b\r\n", 80, true);
    check(b"USER anonymous\r\n", 21, false);
    check(b"PASS secret\r\n", 6667, true);
    check(b"PASS secret\r\n", 21, false);
    check(b"CAP LS 302\r\n", 7000, true);
    check(b"", 6667, false);
}

#[test]
fn a_bot_registers_joins_and_speaks() {
    let bed = Bed::new();
    bed.says(
        "198.51.100.9:443",
        &[
            (b"NICK bot17\r\nUSER x 0 * :x\r\n", " 001 bot17"),
            (b"JOIN #cmd key\r\n", "366"),
            (b"PRIVMSG #cmd :ready\r\nPING :1\r\n", "PONG"),
            (b"QUIT\r\n", "ERROR"),
        ],
    );
    bed.check("irc: NICK bot17");
    bed.check("irc: JOIN #cmd key");
    bed.check("irc: PRIVMSG #cmd :ready");
}
