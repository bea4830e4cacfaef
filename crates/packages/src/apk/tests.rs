use super::*;
use base64::engine::general_purpose::STANDARD;
use sha1::Digest as _;

/// What is read, a line for each claim, and the reason of the first gap.
fn check(input: &str, packages: &[&str], claims: &[(&str, Promise<'_>, bool)], gap: Option<&str>) {
    let part = installed(input.as_bytes());
    let Content::Packages(found) = &part.content else { panic!("another kind of content") };
    let names = found.iter().map(|each| &each.package);
    let names: Vec<_> =
        names.map(|of| [&*of.name, &of.version, &of.architecture, &of.vendor].join("|")).collect();
    assert_eq!(names, packages, "{input}");
    let found = found.iter().flat_map(|each| each.claims.iter());
    let found: Vec<_> =
        found.map(|each| (std::str::from_utf8(each.path).unwrap(), each.promise, each.config_file)).collect();
    assert_eq!(found, claims, "{input}");
    assert_eq!(part.unread.as_ref().map(|unread| &*unread.reason), gap, "{input}");
}

#[test]
fn files_belong_to_the_folder_and_package_before_them() {
    let digest = sha1::Sha1::digest(b"hello").into();
    let base64 = STANDARD.encode(digest);
    let input = format!(
        "C:Q1xxxx\nP:busybox\nV:1.36.1-r5\nA:x86_64\nm:A Person <a@example.org>\nF:bin\nM:0:0:755\nR:busybox\n\
         a:0:0:755\nZ:Q1{base64}\nR:sh\nF:etc\nR:securetty\nZ:Q1{base64}\nF:etc/init.d\nR:x\nF:etcetera\nR:y\n\n\
         P:musl\nV:1\nF:lib\nR:libc.so\n\nP:last\nF:\nR:at-root"
    );
    check(
        &input,
        &["busybox|1.36.1-r5|x86_64|A Person <a@example.org>", "musl|1||", "last|||"],
        &[
            ("bin/busybox", Promise::Sha1(digest), false),
            ("bin/sh", Promise::None, false),
            ("etc/securetty", Promise::Sha1(digest), true),
            ("etc/init.d/x", Promise::None, false),
            ("etcetera/y", Promise::None, false),
            ("lib/libc.so", Promise::None, false),
            ("at-root", Promise::None, false),
        ],
        None,
    );
}

#[test]
fn all_spellings_of_a_checksum_are_read() {
    let file = |checksum: &str| format!("P:p\nF:b\nR:f\nZ:{checksum}\n");
    let read = |checksum: &str, promise| check(&file(checksum), &["p|||"], &[("b/f", promise, false)], None);
    read(&format!("Q1{}", STANDARD.encode([1; 20])), Promise::Sha1([1; 20]));
    read(&format!("Q2{}", STANDARD.encode([2; 32])), Promise::Sha256([2; 32]));
    read(&format!("X1{}", "03".repeat(20)), Promise::Sha1([3; 20]));
    read(&format!("X2{}", "04".repeat(32)), Promise::Sha256([4; 32]));
    read(&"05".repeat(16), Promise::Md5([5; 16]));
    for broken in ["Q1", "Q1AAAA", "Q3AAAA", "", "zz"] {
        check(&file(broken), &["p|||"], &[("b/f", Promise::None, false)], Some("a checksum that is none"));
    }
}

#[test]
fn what_makes_no_sense_is_a_gap_and_the_rest_is_read() {
    let rest = "\n\nP:q\nF:b\nR:f\n";
    let broken = |start: &str, packages: &[&str], gap| {
        check(&format!("{start}{rest}"), packages, &[("b/f", Promise::None, false)], Some(gap));
    };
    broken("V:1\nF:a", &["q|||"], "a package without a name");
    broken("P:p\nR:f", &["p|||", "q|||"], "a file before any folder");
    broken("P:p\nZ:Q1", &["p|||", "q|||"], "a checksum before any file");
    broken("P:p\nP:r", &["p|||", "q|||"], "a field that stands twice in one package");
    broken("P:p\nhello", &["p|||", "q|||"], "a line that is not a letter, a colon and a value");
    broken("P:p\nF:../etc\nR:shadow", &["p|||", "q|||"], "a path with a part `..`");
    check(
        &format!("P:p\nF:a\nR:f\nZ:{}\nZ:{}", "05".repeat(16), "06".repeat(16)),
        &["p|||"],
        &[("a/f", Promise::Md5([5; 16]), false)],
        Some("a second checksum of one file"),
    );
}
