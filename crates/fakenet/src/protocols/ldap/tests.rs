use super::taste;
use crate::testing::Bed;
use proptest::prelude::*;

fn check(bytes: &[u8], is: bool) {
    assert_eq!(taste(bytes, 389) > 80, is, "{bytes:?}");
}

const BIND: &[u8] = b"\x30\x11\x02\x01\x01\x60\x0c\x02\x01\x03\x04\x04cn=a\x80\x01p";
const SEARCH: &[u8] = b"\x30\x0e\x02\x01\x02\x63\x09\x04\x07Exploit";

#[test]
fn binds_and_searches_are_told() {
    check(BIND, true);
    check(SEARCH, true);
    check(b"\x30\x84\xff\xff\xff\xff", false);
    check(b"", false);
    let bed = Bed::new();
    bed.says("198.51.100.4:1389", &[(BIND, "a"), (SEARCH, "e")]);
    bed.check("ldap: bind cn=a p");
    bed.check("ldap: search Exploit");
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        taste(&bytes, 389);
        taste(&[b"\x30\x20\x02\x01\x01", &bytes[..]].concat(), 389);
    }
}
