use super::*;
use crate::{Ownership, parse, recognize};

const CONTENT: &[u8] = b"content";

/// An rpm of one path for each promise would need a database; apk and dpkg state all digests as text.
fn check(databases: &[(&str, String)], path: &str, expect: Agreement, expect_as_link: Agreement) {
    let parts: Vec<_> = databases
        .iter()
        .map(|(name, text)| {
            let kind = recognize(name.as_bytes()).unwrap();
            (name.as_bytes(), parse(kind, name.as_bytes(), text.as_bytes()).unwrap())
        })
        .collect();
    let ownership = Ownership::build(parts.iter().map(|(name, part)| (*name, part)), &|path| path.to_vec());
    assert_eq!(ownership.gaps(), &[]);
    let owner = ownership.owner(path.as_bytes()).unwrap();
    let (md5, sha1, sha256) =
        (md5::Md5::digest(CONTENT), sha1::Sha1::digest(CONTENT), sha2::Sha256::digest(CONTENT));
    let (md5, sha1, sha256) = (md5.into(), sha1.into(), sha256.into());
    assert_eq!(agreement(&owner, Some(&md5), Some(&sha1), &sha256), expect, "{databases:?}");
    assert!(!ownership.lacks_sums());
    assert_eq!(link_agreement(&owner, CONTENT), expect_as_link, "{databases:?}");
    // A sum that was not computed compares with nothing, and whoever asked can know that it was needed.
    for (md5, sha1) in [(None, Some(&sha1)), (Some(&md5), None), (None, None)] {
        let ownership =
            Ownership::build(parts.iter().map(|(name, part)| (*name, part)), &|path| path.to_vec());
        let without = agreement(&ownership.owner(path.as_bytes()).unwrap(), md5, sha1, &sha256);
        assert!(without == expect || ownership.lacks_sums(), "{databases:?}: {without:?}");
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An apk database in which each of these packages promises the same path with its own checksum line.
fn apk(folder: &str, checksums: &[&str]) -> (&'static str, String) {
    let package = |(index, line): (usize, &&str)| format!("P:p{index}\nV:1\nF:{folder}\nR:x\n{line}\n\n");
    ("lib/apk/db/installed", checksums.iter().enumerate().map(package).collect())
}

#[test]
fn one_true_promise_is_enough_and_one_false_one_counts() {
    use Agreement::{Agrees, ConfigChanged, Differs, Unpromised};
    let sha1 = format!("Z:X1{}", hex_of(&sha1::Sha1::digest(CONTENT)));
    let sha256 = format!("Z:X2{}", hex_of(&sha2::Sha256::digest(CONTENT)));
    let md5 = format!("Z:{}", hex_of(&md5::Md5::digest(CONTENT)));
    let other = format!("Z:X1{}", "00".repeat(20));
    check(&[apk("bin", &[&sha1])], "bin/x", Agrees, Agrees);
    check(&[apk("bin", &[&sha256])], "bin/x", Agrees, Agrees);
    // MD5 is only ever promised for a regular file.
    check(&[apk("bin", &[&md5])], "bin/x", Agrees, Differs);
    check(&[apk("bin", &[&other])], "bin/x", Differs, Differs);
    check(&[apk("bin", &[&other, &sha1])], "bin/x", Agrees, Agrees);
    check(&[apk("bin", &["a:0:0:755"])], "bin/x", Unpromised, Unpromised);
    check(&[apk("bin", &["a:0:0:755", &other])], "bin/x", Differs, Differs);
    check(&[apk("etc", &[&other])], "etc/x", ConfigChanged, ConfigChanged);
    check(&[apk("etc", &[&sha1])], "etc/x", Agrees, Agrees);
    // A second database that calls the file a program is not outvoted by one that calls it configuration.
    let status = "Package: p\nStatus: install ok installed\n";
    let dpkg = |name: &'static str, text: &str| (name, text.to_owned());
    let strict = [
        dpkg("var/lib/dpkg/status", status),
        dpkg("var/lib/dpkg/info/p.list", "/etc/x\n"),
        ("var/lib/dpkg/info/p.md5sums", format!("{}  etc/x\n", "00".repeat(16))),
        apk("etc", &[&other]),
    ];
    check(&strict, "etc/x", Differs, Differs);
}
