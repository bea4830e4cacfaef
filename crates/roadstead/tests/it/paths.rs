//! One file under every form of a name that a layer can give it.

use crate::room::{Room, base, image, known, payload, says, verdict};
use serde_json::Value;
use test_support::{LayerBuilder, RawHeader, gnu_long_link, gnu_long_name, pax_header, sha256_hex};

fn scan(room: &Room, layers: Vec<LayerBuilder>) -> (i32, Value) {
    let image = layers.into_iter().fold(image().layer(base()), test_support::ImageBuilder::layer);
    room.report(&room.layout("image", &image.build()), &[])
}

/// The payload is found under `path`, and the image does not pass.
fn check(layers: Vec<LayerBuilder>, path: &str) {
    let (code, report) = scan(&Room::new(), layers);
    assert_eq!((code, verdict(&report)), (1, "malicious"), "{path}: {report:#}");
    assert!(known(&report).contains(&(path.to_owned(), false)), "{path}: {report:#}");
}

fn one(path: impl AsRef<[u8]>) -> Vec<LayerBuilder> {
    vec![LayerBuilder::new().file(path, 0o755, payload())]
}

fn entry(header: RawHeader) -> Vec<u8> {
    header.entry(&payload())
}

fn size() -> u64 {
    payload().len() as u64
}

#[test]
fn every_spelling_of_a_path_is_the_same_path() {
    for spelling in ["opt/x", "./opt/x", "/opt/x", "//opt//x", "opt/./x", "./././opt/x", ".//opt/x"] {
        check(one(spelling), "/opt/x");
    }
}

#[test]
fn a_path_that_climbs_does_not_get_away() {
    for spelling in ["usr/../opt/x", "../opt/x", "../../../../opt/x", "/../opt/x"] {
        let (code, report) = scan(&Room::new(), one(spelling));
        assert_eq!((code, known(&report).len()), (1, 1), "{spelling}: {report:#}");
        assert!(says(&report, "parent-path"), "{spelling}: {report:#}");
    }
}

#[test]
fn a_name_that_is_no_text_is_shown_byte_by_byte() {
    check(one(b"opt/\xff\xfe"), "/opt/\\xff\\xfe");
    check(one("opt/\u{202e}x"), "/opt/\\u{202e}x");
    check(one("opt/a\nb"), "/opt/a\\u{a}b");
}

#[test]
fn an_extended_header_names_the_file() {
    let pax = [pax_header(&[(b"path", b"opt/x")]), entry(RawHeader::ustar("README", b'0', size()))].concat();
    check(vec![LayerBuilder::new().raw(pax)], "/opt/x");
    let gnu = [gnu_long_name("opt/x"), entry(RawHeader::gnu("README", b'0', size()))].concat();
    check(vec![LayerBuilder::new().raw(gnu)], "/opt/x");
    let long = format!("opt/{}", "n".repeat(200));
    let gnu = [gnu_long_name(&long), entry(RawHeader::gnu(&long[..100], b'0', size()))].concat();
    check(vec![LayerBuilder::new().raw(gnu)], &format!("/{long}"));
    check(one(&long), &format!("/{long}"));
    let prefixed = entry(RawHeader::ustar("x", b'0', size()).prefix("opt"));
    check(vec![LayerBuilder::new().raw(prefixed)], "/opt/x");
}

#[test]
fn an_extended_header_gives_the_size() {
    let length = size().to_string();
    let pax =
        [pax_header(&[(b"size", length.as_bytes())]), entry(RawHeader::ustar("opt/x", b'0', 0))].concat();
    let (code, report) = scan(&Room::new(), vec![LayerBuilder::new().raw(pax)]);
    // Readers that take the header's size see other files: found or not, this is no clean image.
    assert!([1, 3].contains(&code), "{report:#}");
    assert!(says(&report, "conflicting-headers"), "{report:#}");
    let octal = LayerBuilder::new().raw(entry(RawHeader::gnu("opt/x", b'0', 0).size_base256(size())));
    check(vec![octal], "/opt/x");
}

#[test]
fn every_type_that_runtimes_take_for_a_file_is_read() {
    for type_flag in [b'0', b'\0', b'7'] {
        check(vec![LayerBuilder::new().raw(entry(RawHeader::ustar("opt/x", type_flag, size())))], "/opt/x");
    }
    let unknown = LayerBuilder::new().raw(entry(RawHeader::ustar("opt/x", b'!', size())));
    let (code, report) = scan(&Room::new(), vec![unknown]);
    assert_ne!(code, 2);
    assert!(says(&report, "unknown-type"), "{report:#}");
}

#[test]
fn a_sparse_file_is_hashed_as_it_is_unpacked() {
    let (head, tail) = (payload(), b"the end".to_vec());
    let stored = [head.clone(), vec![0; 512 - head.len() % 512], tail.clone()].concat();
    let hole = stored.len() - tail.len();
    let real = [head.clone(), vec![0; (1 << 20) - head.len()], tail.clone()].concat();
    let number = |value: usize| format!("{value:011o}\0");
    let header = RawHeader::gnu("opt/x", b'S', stored.len() as u64)
        .set(386, number(0) + &number(hole) + &number(1 << 20) + &number(tail.len()))
        .set(483, number(real.len()));
    let room = Room::new();
    std::fs::write(room.feed(), format!("{} miner\n", sha256_hex(&real))).unwrap();
    let (code, report) = scan(&room, vec![LayerBuilder::new().raw(header.entry(&stored))]);
    assert_eq!((code, known(&report)), (1, vec![("/opt/x".to_owned(), false)]), "{report:#}");
    assert!(says(&report, "sparse"), "{report:#}");
}

#[test]
fn of_two_entries_with_one_path_the_last_wins() {
    let clean = b"nothing".as_slice();
    let last = LayerBuilder::new().file("opt/x", 0o644, clean).file("opt/x", 0o755, payload());
    check(vec![last], "/opt/x");
    let spelled = LayerBuilder::new().file("opt/x", 0o644, clean).file("./opt//x", 0o755, payload());
    check(vec![spelled], "/opt/x");
    let first = LayerBuilder::new().file("opt/x", 0o755, payload()).file("opt/x", 0o644, clean);
    let (code, report) = scan(&Room::new(), vec![first]);
    assert_eq!((code, verdict(&report)), (0, "suspicious"), "{report:#}");
    assert_eq!(known(&report), [("/opt/x".to_owned(), true)], "{report:#}");
    assert!(says(&report, "duplicate-path"), "{report:#}");
}

#[test]
fn a_hard_link_keeps_what_its_first_name_loses() {
    let hidden = || LayerBuilder::new().dir("opt", 0o755).file("opt/x", 0o755, payload());
    let linked = || LayerBuilder::new().hardlink("usr/bin/tool", "opt/x");
    let gone = || LayerBuilder::new().whiteout("opt/x");
    for layers in [vec![hidden(), linked(), gone()], vec![hidden().hardlink("usr/bin/tool", "opt/x"), gone()]]
    {
        let (code, report) = scan(&Room::new(), layers);
        assert_eq!((code, verdict(&report)), (1, "malicious"), "{report:#}");
    }
    let long = format!("opt/{}", "n".repeat(150));
    let raw = [gnu_long_link(&long), RawHeader::gnu("usr/bin/tool", b'1', 0).build().to_vec()].concat();
    let layers =
        vec![LayerBuilder::new().file(&long, 0o755, payload()).raw(raw), LayerBuilder::new().whiteout(&long)];
    let (code, report) = scan(&Room::new(), layers);
    assert_eq!((code, verdict(&report)), (1, "malicious"), "{report:#}");
}

#[test]
fn a_file_below_a_link_lands_where_the_link_leads() {
    let link = LayerBuilder::new().dir("usr/lib", 0o755).symlink("lib", "usr/lib");
    let below = LayerBuilder::new().file("lib/x", 0o755, payload());
    let (code, report) = scan(&Room::new(), vec![link, below]);
    assert_eq!((code, verdict(&report), known(&report).len()), (1, "malicious", 1), "{report:#}");
}

#[test]
fn paths_of_any_depth_are_read() {
    for depth in [2_000, 20_000] {
        let path = format!("{}x", "d/".repeat(depth));
        let (code, report) = scan(&Room::new(), one(&path));
        assert_eq!((code, known(&report).len()), (1, 1), "{depth}");
    }
}
