mod real;
mod write;

use super::*;
use crate::{Promise, part::Unread};
use proptest::prelude::*;
use write::Data;

/// Headers of packages with so many files each.
fn headers(files: &[usize]) -> Vec<Vec<u8>> {
    files
        .iter()
        .enumerate()
        .map(|(number, files)| write::header(&package(&format!("p{number}"), *files)))
        .collect()
}

fn package(name: &str, files: usize) -> Vec<(u32, Data)> {
    let list = |of: &dyn Fn(usize) -> String| Data::List((0..files).map(of).collect());
    vec![
        (1000, Data::Text(name.into())),
        (1001, Data::Text("1.2".into())),
        (1002, Data::Text("3.el9".into())),
        (1003, Data::Words(vec![4])),
        (1011, Data::Text("Example Works".into())),
        (1022, Data::Text("noarch".into())),
        (1030, Data::Shorts(vec![0o100_644; files])),
        (1035, list(&|file| format!("{file:064x}"))),
        (1116, Data::Words((0..files).map(|file| file as u32 % 2).collect())),
        (1117, list(&|file| format!("file-{file}"))),
        (1118, Data::List(vec!["/usr/bin/".into(), format!("/usr/share/{name}/")])),
        (5011, Data::Words(vec![8])),
    ]
}

/// What a database gives: `name count-of-claims` for each package, and its gap.
fn summary(kind: DatabaseFile, bytes: &[u8]) -> Result<(Vec<String>, Option<Unread>), Fault> {
    let part = database(kind, bytes)?;
    let Content::Packages(found) = part.content else { panic!("another kind of content") };
    Ok((
        found.iter().map(|each| format!("{} {}", each.package.name, each.claims.len())).collect(),
        part.unread,
    ))
}

/// A database must give just these packages with so many files each.
fn check(kind: DatabaseFile, bytes: &[u8], files: &[usize]) {
    let expect = files.iter().enumerate().map(|(number, files)| format!("p{number} {files}")).collect();
    assert_eq!(summary(kind, bytes), Ok((expect, None)));
}

/// The claims and the gap of one header.
fn check_header(tags: &[(u32, Data)], expect: &[(&str, Promise<'_>, bool)], gap: Option<&str>) {
    let part = database(DatabaseFile::RpmNdb, &write::ndb(&[write::header(tags)])).unwrap();
    let Content::Packages(found) = &part.content else { panic!("another kind of content") };
    let claims = found.iter().flat_map(|each| each.claims.iter());
    let claims: Vec<_> = claims
        .map(|each| (std::str::from_utf8(each.path).unwrap(), each.promise, each.config_file))
        .collect();
    assert_eq!(claims, expect);
    assert_eq!(part.unread.as_ref().map(|unread| &*unread.reason), gap);
}

fn with(mut tags: Vec<(u32, Data)>, change: &[(u32, Data)]) -> Vec<(u32, Data)> {
    tags.retain(|(tag, _)| change.iter().all(|(changed, _)| changed != tag));
    tags.extend_from_slice(change);
    tags
}

#[test]
fn a_header_names_its_package() {
    let part = database(DatabaseFile::RpmNdb, &write::ndb(&headers(&[1]))).unwrap();
    let Content::Packages(found) = &part.content else { panic!("another kind of content") };
    let package = &found[0].package;
    let texts = [&*package.name, &package.version, &package.architecture, &package.vendor];
    assert_eq!(texts, ["p0", "4:1.2-3.el9", "noarch", "Example Works"]);
}

#[test]
fn a_header_claims_what_was_installed_and_promises_what_is_verified() {
    let modes = [0o100_755, 0o120_777, 0o040_755, 0o100_644, 0o100_644, 0o100_644, 0o100_644, 0o020_600];
    let link = |file| if file == 1 { "target".into() } else { String::new() };
    let tags = with(
        package("p", 8),
        &[
            (1029, Data::Bytes(vec![0, 0, 0, 1, 2, 255, 0, 0])),
            (1030, Data::Shorts(modes.to_vec())),
            (1036, Data::List((0..8).map(link).collect())),
            // The sixth is configuration, the seventh a ghost.
            (1037, Data::Words(vec![0, 0, 0, 0, 0, 1 | 16, 64, 0])),
            (1045, Data::Words(vec![u32::MAX; 8])),
        ],
    );
    let digest = |last| {
        let mut digest = [0; 32];
        digest[31] = last;
        Promise::Sha256(digest)
    };
    let claims = |first| {
        [
            ("usr/bin/file-0", first, false),
            ("usr/share/p/file-1", Promise::Symlink(b"target"), false),
            ("usr/share/p/file-5", digest(5), true),
            ("usr/bin/file-6", Promise::None, false),
            ("usr/share/p/file-7", Promise::None, false),
        ]
    };
    check_header(&tags, &claims(digest(0)), None);
    let verify = [u32::MAX - 1, u32::MAX, 0, 0, 0, u32::MAX, 0, 0];
    check_header(&with(tags, &[(1045, Data::Words(verify.to_vec()))]), &claims(Promise::None), None);
}

#[test]
fn digests_are_of_the_named_algorithm() {
    let one = |algorithm: Option<u32>, digest: &str| {
        let change = [(1035, Data::List(vec![digest.into()]))];
        let mut tags = with(package("p", 1), &change);
        tags.retain(|(tag, _)| *tag != 5011);
        tags.extend(algorithm.map(|number| (5011, Data::Words(vec![number]))));
        tags
    };
    let path = "usr/bin/file-0";
    check_header(&one(None, &"11".repeat(16)), &[(path, Promise::Md5([0x11; 16]), false)], None);
    check_header(&one(Some(1), &"11".repeat(16)), &[(path, Promise::Md5([0x11; 16]), false)], None);
    check_header(&one(Some(2), &"11".repeat(20)), &[(path, Promise::Sha1([0x11; 20]), false)], None);
    check_header(&one(Some(10), &"11".repeat(64)), &[(path, Promise::None, false)], None);
    check_header(&one(Some(8), ""), &[(path, Promise::None, false)], None);
    let gap = Some("a file's digest that is not of its algorithm's length");
    check_header(&one(Some(8), &"11".repeat(16)), &[(path, Promise::None, false)], gap);
}

#[test]
fn old_headers_name_whole_paths() {
    let mut tags = with(package("p", 1), &[(1027, Data::List(vec!["/usr/bin/old".into()]))]);
    tags.retain(|(tag, _)| !matches!(tag, 1116..=1118 | 1035));
    check_header(&tags, &[("usr/bin/old", Promise::None, false)], None);
}

#[test]
fn a_header_that_contradicts_itself_is_a_gap() {
    let broken = |change: (u32, Data), gap| check_header(&with(package("p", 2), &[change]), &[], Some(gap));
    let lengths = "lists of a package's files of different lengths";
    broken((1000, Data::Text(String::new())), "a package without a name");
    broken((1030, Data::Shorts(vec![0])), lengths);
    broken((1035, Data::List(vec![String::new(); 3])), lengths);
    broken((1116, Data::Words(vec![0])), "lists of a package's files that end too early");
    broken((1116, Data::Words(vec![0, 2])), "a file in a folder that is not listed");
    broken((1117, Data::Words(vec![0, 2])), "a list of names of another type");
    broken((1030, Data::List(vec![String::new(); 2])), "a list of numbers of another type");
    let change = |at: usize, byte| {
        let mut header = write::header(&package("p", 2));
        header[at] = byte;
        summary(DatabaseFile::RpmNdb, &write::ndb(&[header])).unwrap().1.unwrap().reason.into_owned()
    };
    assert_eq!(change(3, 200), "a header whose counts do not fit its size");
    assert_eq!(change(7, 1), "a header whose counts do not fit its size");
    // The count of the first list beyond what the data can hold: index entries begin at 8, the 10th is 1117.
    assert_eq!(change(8 + 9 * 16 + 13, 200), "a list of names beyond the header's end");
}

#[test]
fn a_log_that_holds_changes_is_a_gap() {
    assert_eq!(summary(DatabaseFile::RpmSqliteLog, b""), Ok((Vec::new(), None)));
    assert!(summary(DatabaseFile::RpmSqliteLog, b"\x37\x7f\x06\x82").unwrap().1.is_some());
}

#[test]
fn a_file_of_another_format_is_refused() {
    for kind in [DatabaseFile::RpmBerkeley, DatabaseFile::RpmNdb, DatabaseFile::RpmSqlite] {
        for bytes in [b"".as_slice(), b"x", &[0; 4096], b"SQLite format 3\0", b"RpmP"] {
            assert!(database(kind, bytes).is_err(), "{kind}");
        }
    }
    let mut encrypted = write::bdb(Order::Little, 512, &headers(&[1]));
    encrypted[24] = 1;
    let reason = |kind, bytes: &[u8]| database(kind, bytes).unwrap_err().reason;
    assert_eq!(reason(DatabaseFile::RpmBerkeley, &encrypted), "the database is encrypted");
    let cut = write::bdb(Order::Little, 512, &headers(&[1]));
    assert!(reason(DatabaseFile::RpmBerkeley, &cut[..cut.len() - 512]).contains("fewer or other pages"));
    let cut = write::sqlite(512, &headers(&[1, 1]));
    assert!(reason(DatabaseFile::RpmSqlite, &cut[..cut.len() - 512]).contains("fewer or other pages"));
}

#[test]
fn chains_and_trees_that_bite_their_tails_end() {
    let gap_of = |kind, bytes: &[u8]| summary(kind, bytes).unwrap().1.map(|gap| gap.reason.into_owned());
    let one = headers(&[200]);
    // The first overflow page of Berkeley DB, page 2, follows itself.
    let mut file = write::bdb(Order::Little, 512, &one);
    file[1024 + 16] = 2;
    assert_eq!(gap_of(DatabaseFile::RpmBerkeley, &file).unwrap(), "an overflow page used twice");
    // SQLite: page 4 is the first overflow page, page 2 the root and page 3 its leaf.
    let mut file = write::sqlite(512, &one);
    file[3 * 512 + 3] = 4;
    assert_eq!(gap_of(DatabaseFile::RpmSqlite, &file).unwrap(), "a page used twice");
    let mut file = write::sqlite(512, &one);
    file[512 + 11] = 2;
    assert_eq!(gap_of(DatabaseFile::RpmSqlite, &file).unwrap(), "a page used twice");
}

#[test]
fn one_place_is_not_read_for_many_entries() {
    // All slots of a page point at one large header; the file is as large as two of them.
    let mut file = write::ndb(&headers(&[2000]));
    let slot: [u8; 16] = file[32..48].try_into().unwrap();
    (3..256).for_each(|number| file[number * 16..][..16].copy_from_slice(&slot));
    let (packages, gap) = summary(DatabaseFile::RpmNdb, &file).unwrap();
    assert_eq!(packages, ["p0 2000"]);
    assert_eq!(gap.unwrap().reason, "entries that together are larger than the file");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What is in a database comes out of it, whatever the sizes of pages and headers.
    #[test]
    fn every_format_gives_back_its_packages(files in proptest::collection::vec(0..60_usize, 1..20), shift in 9..17_u32) {
        let (page, headers) = (1 << shift, headers(&files));
        check(DatabaseFile::RpmBerkeley, &write::bdb(Order::Little, page, &headers), &files);
        check(DatabaseFile::RpmBerkeley, &write::bdb(Order::Big, page, &headers), &files);
        check(DatabaseFile::RpmNdb, &write::ndb(&headers), &files);
        check(DatabaseFile::RpmSqlite, &write::sqlite(page, &headers), &files);
    }

    /// Damage costs what is damaged: no panic, and never more than the file held.
    #[test]
    fn damage_does_no_harm(
        files in proptest::collection::vec(0..60_usize, 1..8),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<proptest::sample::Index>(),
    ) {
        let headers = headers(&files);
        for (kind, mut bytes) in [
            (DatabaseFile::RpmBerkeley, write::bdb(Order::Little, 512, &headers)),
            (DatabaseFile::RpmNdb, write::ndb(&headers)),
            (DatabaseFile::RpmSqlite, write::sqlite(512, &headers)),
        ] {
            for (at, value) in &damage {
                // Most bytes are names; numbers stand at the front of pages.
                let at = at.index(bytes.len());
                let at = if value % 2 == 0 { at } else { at / 512 * 512 + at % 32 };
                bytes[at] = *value;
            }
            if let Ok((packages, _)) = summary(kind, &bytes) {
                prop_assert!(packages.len() <= bytes.len() / 8);
            }
            bytes.truncate(cut.index(bytes.len()));
            let _ = database(kind, &bytes);
        }
    }
}
