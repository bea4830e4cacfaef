use crate::datagrams::take;
use crate::testing::Bed;

fn check(bytes: &[u8], expect: Option<&str>) {
    let bed = Bed::new();
    let answer =
        take("10.42.3.17:5000".parse().unwrap(), "198.51.100.9:69".parse().unwrap(), bytes, &bed.shared);
    assert_eq!(answer.is_some(), expect.is_some());
    if let Some(expect) = expect {
        bed.check(expect);
    }
}

#[test]
fn files_are_one_block() {
    check(b"\0\x01bot.mips\0octet\0", Some("tftp: read bot.mips"));
    check(b"\0\x02loot\0OCTET\0", Some("tftp: write loot"));
    check(b"\0\x01bot.mips", None);
    check(b"\0\x09", None);
}
