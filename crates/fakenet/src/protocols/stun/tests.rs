use crate::datagrams::take;
use crate::testing::Bed;

fn check(bytes: &[u8], expect: Option<usize>) {
    let bed = Bed::new();
    let answer =
        take("10.42.3.17:5000".parse().unwrap(), "198.51.100.9:3478".parse().unwrap(), bytes, &bed.shared);
    assert_eq!(answer.map(|answer| answer.len()), expect);
}

#[test]
fn bindings_are_answered() {
    check(b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl", Some(32));
    check(b"\0\x01\0\0\x21\x12\xa4\x42abc", None);
    check(b"", None);
}
