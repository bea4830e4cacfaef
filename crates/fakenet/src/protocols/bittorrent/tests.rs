use crate::datagrams::take;
use crate::testing::Bed;
use proptest::prelude::*;

fn check(bytes: &[u8], expect: Option<&str>) {
    let bed = Bed::new();
    let answer =
        take("10.42.3.17:5000".parse().unwrap(), "198.51.100.9:6881".parse().unwrap(), bytes, &bed.shared);
    assert_eq!(answer.is_some(), expect.is_some());
    if let Some(expect) = expect {
        bed.check(expect);
    }
}

#[test]
fn peers_are_known() {
    check(b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", Some("bittorrent: dht ping"));
    check(b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0\x01\x02\x03\x04", Some("bittorrent: tracker"));
    check(b"d1:x", None);
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        static BED: std::sync::OnceLock<Bed> = std::sync::OnceLock::new();
        let bed = BED.get_or_init(Bed::new);
        for begin in [&b""[..], b"d1:ad2:id20:", b"d1:ad2:id20:1:q99999999999999999999:1:t18446744073709551615:", b"\0\x01", &super::TRACKER, b"\0\x01\0\0\x21\x12\xa4\x42"] {
            for end in [&b""[..], b"e"] {
                take("10.42.3.17:5000".parse().unwrap(), "198.51.100.9:9".parse().unwrap(), &[begin, &bytes, end].concat(), &bed.shared);
            }
        }
    }
}
