use super::*;
use crate::AnomalyKind as A;
use crate::{AnomalyKind, Entry, Kind, Limits};
use std::io::Read as _;
use test_support::{
    LayerBuilder, RawHeader, gnu_long_link, gnu_long_name, padded, pax_global_header, pax_header, pax_records,
};

/// Lists an archive, one line per entry and one for a stop, with the kinds of its anomalies.
fn list(archive: &[u8], limits: &Limits) -> (Vec<String>, Vec<AnomalyKind>) {
    let mut reader = TarReader::new(archive, limits);
    let mut entry = Entry::default();
    let mut lines = Vec::new();
    loop {
        match reader.next_into(&mut entry) {
            Ok(true) => {}
            Ok(false) => break,
            Err(stop) => {
                let Stop::Unreadable { kind, .. } = stop else { unreachable!("a slice cannot fail") };
                lines.push(format!("stop {}", kind.name()));
                let again = reader.next_into(&mut entry);
                assert!(matches!(again, Err(Stop::Unreadable { kind: same, .. }) if same == kind));
                break;
            }
        }
        let mut content = Vec::new();
        reader.data().read_to_end(&mut content).expect("a slice cannot fail");
        let path = model::escape_bytes(&entry.path);
        lines.push(match entry.kind {
            Kind::File if content.len() as u64 == entry.size => format!("file {path} {}", entry.size),
            Kind::File => format!("file {path} {} of {}", content.len(), entry.size),
            Kind::Directory => format!("dir {path}"),
            Kind::Hardlink => format!("link {path} = {}", model::escape_bytes(&entry.link)),
            Kind::Symlink => format!("symlink {path} -> {}", model::escape_bytes(&entry.link)),
            Kind::Character | Kind::Block => format!("device {path} {:?}", entry.device),
            Kind::Fifo => format!("fifo {path}"),
            Kind::Unknown(flag) => format!("type {} {path} {}", char::from(flag), content.len()),
        });
    }
    let (_, anomalies) = reader.finish();
    (lines, anomalies.into_iter().map(|anomaly| anomaly.kind).collect())
}

#[track_caller]
fn check(archive: &[u8], entries: &[&str], anomalies: &[AnomalyKind]) {
    let (lines, kinds) = list(archive, &Limits::default());
    assert_eq!((lines, kinds), (entries.iter().map(|line| (*line).to_owned()).collect(), anomalies.to_vec()));
}

/// As [`check`] for pieces that an end marker follows.
#[track_caller]
fn check_pieces(pieces: &[&[u8]], entries: &[&str], anomalies: &[AnomalyKind]) {
    let mut archive = pieces.concat();
    archive.extend([0; 1024]);
    check(&archive, entries, anomalies);
}

fn file(name: &str, content: &str) -> Vec<u8> {
    RawHeader::ustar(name, b'0', content.len() as u64).entry(content.as_bytes())
}

#[test]
fn ordinary_entries_of_all_types() {
    let archive = LayerBuilder::new()
        .dir("etc", 0o755)
        .file("etc/passwd", 0o644, "root:x:0:0")
        .symlink("bin", "usr/bin")
        .hardlink("etc/shadow", "/etc/passwd")
        .fifo("run/pipe")
        .build();
    let expect = [
        "dir etc",
        "file etc/passwd 10",
        "symlink bin -> usr/bin",
        "link etc/shadow = etc/passwd",
        "fifo run/pipe",
    ];
    check(&archive, &expect, &[]);
    check_pieces(&[&RawHeader::ustar("d", b'3', 0).device(1, 3).build()], &["device d (1, 3)"], &[]);
    check_pieces(&[&RawHeader::gnu("g", b'0', 0).build()], &["file g 0"], &[]);
    check_pieces(&[&RawHeader::ustar("end", b'0', 0).prefix("a/b").build()], &["file a/b/end 0"], &[]);
}

#[test]
fn paths_have_one_form_and_their_oddities_names() {
    let empty = |name: &[u8]| RawHeader::ustar(name, b'0', 0).build();
    check_pieces(&[&empty(b"./a//b/./c")], &["file a/b/c 0"], &[]);
    check_pieces(&[&empty(b"/etc/x")], &["file etc/x 0"], &[A::AbsolutePath]);
    check_pieces(&[&empty(b"a/../../x")], &["file x 0"], &[A::ParentPath]);
    check_pieces(&[&empty(b"caf\xe9")], &["file caf\\xe9 0"], &[A::NonUtf8Path]);
    check_pieces(&[&empty(b"shown\0hidden")], &["file shown 0"], &[A::HiddenName]);
    check_pieces(&[&empty(b"a/")], &["file a 0"], &[A::AmbiguousType]);
    check_pieces(&[&empty(b"")], &["file  0"], &[A::AmbiguousName]);
    let long = format!("a/{}", "n".repeat(256));
    check_pieces(&[&gnu_long_name(&long), &empty(b"x")], &[&format!("file {long} 0")], &[A::LongPath]);
    let deep = "d/".repeat(2100) + "x";
    check_pieces(&[&gnu_long_name(&deep), &empty(b"x")], &[&format!("file {deep} 0")], &[A::LongPath]);
    let target = RawHeader::ustar("l", b'1', 0).link("../../etc/shadow").build();
    check_pieces(&[&target], &["link l = etc/shadow"], &[A::ParentPath]);
    let stray = RawHeader::ustar("f", b'0', 0).link("etc/shadow").build();
    check_pieces(&[&stray], &["file f 0"], &[A::HiddenName]);
}

#[test]
fn a_size_in_two_headers_must_be_one() {
    let pax = |size: &[u8]| pax_header(&[(b"size", size)]);
    let said = |size| RawHeader::ustar("f", b'0', size).build();
    let hidden = RawHeader::ustar("evil", b'0', 0).build();
    // The header says one block and the record says none: one reader sees content, the other a file.
    check_pieces(&[&pax(b"0"), &said(512), &hidden], &["file f 0", "file evil 0"], &[A::ConflictingHeaders]);
    check_pieces(&[&pax(b"512"), &said(0), &hidden], &["file f 512"], &[A::ConflictingHeaders]);
    check_pieces(&[&pax(b"5"), &said(5), &padded(b"hello")], &["file f 5"], &[]);
    check_pieces(
        &[&pax(b"-5"), &said(5)],
        &["stop bad-number"],
        &[A::ConflictingHeaders, A::BadNumber, A::BadNumber],
    );
    let huge = [&pax(b"8589934592")[..], &said(0)].concat();
    check(&huge, &["file f 0 of 8589934592", "stop truncated"], &[A::Truncated]);
}

#[test]
fn header_only_types_have_no_content() {
    for (flag, line) in [(b'5', "dir d"), (b'2', "symlink d -> t"), (b'1', "link d = t"), (b'6', "fifo d")] {
        let mut header = RawHeader::ustar("d", flag, 512);
        if matches!(flag, b'1' | b'2') {
            header = header.link("t");
        }
        let next = file("next", "");
        check_pieces(&[&header.build(), &next], &[line, "file next 0"], &[A::UnexpectedContent]);
    }
    let unknown = RawHeader::ustar("v", b'V', 3).entry(b"abc");
    check_pieces(&[&unknown, &file("next", "")], &["type V v 3", "file next 0"], &[A::UnknownType]);
    check_pieces(&[&RawHeader::ustar("c", b'7', 3).entry(b"abc")], &["file c 3"], &[A::UnknownType]);
    let v7 = RawHeader::v7("d/", 0, 0).build();
    check_pieces(&[&v7], &["dir d"], &[A::OldFormat, A::AmbiguousType]);
    check_pieces(
        &[&RawHeader::ustar("f", b'0', 0).mode(0o040755).build()],
        &["file f 0"],
        &[A::AmbiguousType],
    );
    check_pieces(&[&RawHeader::ustar("f", b'0', 0).mode(0o100755).build()], &["file f 0"], &[]);
}

#[test]
fn names_put_together_in_two_ways_are_named() {
    let gnu = RawHeader::gnu("f", b'0', 0).prefix("00000000000").build();
    check_pieces(&[&gnu], &["file f 0"], &[A::AmbiguousName]);
    let old_go = RawHeader::gnu("f", b'0', 0).prefix("dir").build();
    check_pieces(&[&old_go], &["file dir/f 0"], &[A::AmbiguousName]);
    let v7 = RawHeader::v7("f", b'0', 0).prefix("dir").build();
    check_pieces(&[&v7], &["file f 0"], &[A::AmbiguousName, A::OldFormat, A::DirtyPadding]);
    let version = RawHeader::ustar("f", b'0', 0).set(263, b"01").prefix("dir").build();
    check_pieces(&[&version], &["file dir/f 0"], &[A::AmbiguousName, A::OldFormat]);
    let star =
        RawHeader::ustar("f", b'0', 0).prefix("p".repeat(155)).set(476, [0; 24]).set(508, b"tar\0").build();
    check_pieces(&[&star], &[&format!("file {}/f 0", "p".repeat(131))], &[A::AmbiguousName, A::OldFormat]);
}

#[test]
fn extended_headers_apply_once_and_contradict_nothing() {
    let empty = RawHeader::ustar("f", b'0', 0).build();
    let path = |path: &[u8]| pax_header(&[(b"path", path)]);
    let long = gnu_long_name("gnu");
    check_pieces(&[&path(b"p"), &empty, &empty], &["file p 0", "file f 0"], &[]);
    check_pieces(&[&long, &empty], &["file gnu 0"], &[]);
    let link = RawHeader::ustar("l", b'2', 0).link("short").build();
    check_pieces(&[&gnu_long_link("far"), &link], &["symlink l -> far"], &[]);
    check_pieces(&[&pax_header(&[(b"linkpath", b"far")]), &link], &["symlink l -> far"], &[]);
    check_pieces(&[&path(b"p"), &long, &empty], &["file gnu 0"], &[A::ConflictingHeaders]);
    check_pieces(&[&long, &path(b"p"), &empty], &["file gnu 0"], &[A::ConflictingHeaders]);
    check_pieces(&[&path(b"p"), &path(b"q"), &empty], &["file q 0"], &[A::StrayExtendedHeader]);
    check_pieces(&[&long, &gnu_long_name("two"), &empty], &["file two 0"], &[A::StrayExtendedHeader]);
    check_pieces(&[&path(b"p")], &[], &[A::StrayExtendedHeader]);
    let twice = pax_header(&[(b"path", b"a"), (b"path", b"b")]);
    check_pieces(&[&twice, &empty], &["file b 0"], &[A::ConflictingHeaders]);
    let none = pax_header(&[(b"path", b"")]);
    check_pieces(&[&none, &empty], &["file f 0"], &[A::ConflictingHeaders]);
    let tail = RawHeader::gnu("././@LongLink", b'L', 6).entry(b"ab\0cd\0");
    check_pieces(&[&tail, &empty], &["file ab 0"], &[A::HiddenName]);
    let foreign = pax_header(&[(b"SCHILY.realsize", b"9")]);
    check_pieces(&[&foreign, &empty], &["file f 0"], &[A::UnknownRecord]);
    let magic = RawHeader::gnu("x", b'x', 0).build();
    check_pieces(&[&magic, &empty], &["file f 0"], &[A::BadExtendedHeader]);
}

#[test]
fn global_headers_change_nothing_and_are_named() {
    let named = |name: &str, records: &[(&[u8], &[u8])]| {
        let body = pax_records(records);
        RawHeader::ustar(name, b'g', body.len() as u64).entry(&body)
    };
    let empty = RawHeader::ustar("f", b'0', 0).build();
    check_pieces(
        &[&named("pax_global_header", &[(b"comment", b"commit")]), &empty],
        &["file f 0"],
        &[A::GlobalHeader],
    );
    check_pieces(&[&pax_global_header(&[(b"comment", b"x")]), &empty], &["file f 0"], &[A::GlobalHeader]);
    let override_all = named("pax_global_header", &[(b"path", b"pax_global_header"), (b"size", b"0")]);
    check_pieces(&[&override_all, &empty], &["file f 0"], &[A::GlobalHeader, A::GlobalOverride]);
    // A runtime removes what lies at the name of a global header, and what a whiteout name hides.
    let remove = named("etc/.wh.passwd", &[(b"comment", b"x")]);
    check_pieces(&[&remove, &empty], &["file f 0"], &[A::GlobalHeader, A::GlobalOverride]);
    let lost = pax_header(&[(b"path", b"p")]);
    let global = named("pax_global_header", &[(b"comment", b"x")]);
    check_pieces(&[&lost, &global, &empty], &["file f 0"], &[A::StrayExtendedHeader, A::GlobalHeader]);
}

#[test]
fn malformed_records_are_refused() {
    let empty = RawHeader::ustar("f", b'0', 0).build();
    let raw = |body: &[u8]| RawHeader::ustar("x", b'x', body.len() as u64).entry(body);
    for body in [
        &b"path=a\n"[..],
        b"9 path=a",
        b"12 path=a\n",
        b"9 path=abc\n",
        b"-9 path=a\n",
        b"99999999999999999999 a=b\n",
        b"4 a\n",
        b"6 =ab\n",
        b" 9 path=a\n",
        b"\0",
    ] {
        let stop = [A::BadExtendedHeader, A::BadExtendedHeader];
        check_pieces(&[&raw(body), &empty], &["stop bad-extended-header"], &stop);
    }
    let nul = [A::HiddenName, A::BadExtendedHeader, A::BadExtendedHeader];
    check_pieces(&[&pax_header(&[(b"path", b"a\0b")]), &empty], &["stop bad-extended-header"], &nul);
    let number = [A::BadNumber, A::BadNumber];
    check_pieces(&[&pax_header(&[(b"size", b"1e3")]), &empty], &["stop bad-number"], &number);
    check_pieces(&[&pax_header(&[(b"uid", b"+5")]), &empty], &["file f 0"], &[A::OddNumber]);
    check_pieces(&[&raw(b"010 path=a\n"), &empty], &["stop bad-extended-header"], &[A::BadExtendedHeader; 3]);
    check_pieces(&[&raw(b"011 path=a\n"), &empty], &["file a 0"], &[A::BadExtendedHeader]);
    check_pieces(&[&pax_header(&[(b"path", b"a\nb")]), &empty], &["file a\\u{a}b 0"], &[A::AmbiguousName]);
    let inner = pax_header(&[(b"comment", b"x\n11 path=evil")]);
    check_pieces(&[&inner, &empty], &["file f 0"], &[A::BadExtendedHeader]);
    let key = pax_header(&[(b"path<\n9 path", b"5")]);
    check_pieces(&[&key, &empty], &["file f 0"], &[A::BadExtendedHeader]);
    // At an empty line the `tar` crate stops, and has another name for the entry.
    for value in [&b"\n"[..], b"x\n", b"x\n\ny"] {
        let ended = pax_header(&[(b"comment", value), (b"path", b"p")]);
        check_pieces(&[&ended, &empty], &["file p 0"], &[A::BadExtendedHeader]);
        let last = pax_header(&[(b"path", b"p"), (b"comment", value)]);
        check_pieces(&[&last, &empty], &["file p 0"], &[]);
    }
    let capability = pax_header(&[(b"SCHILY.xattr.security.capability", b"\x01\n\x02")]);
    check_pieces(&[&capability, &empty], &["file f 0"], &[]);
}

#[test]
fn numbers_are_read_as_runtimes_do() {
    let at = |place, field: &[u8]| RawHeader::ustar("f", b'0', 0).set(place, field).build();
    check_pieces(&[&at(108, b"\x80\0\0\0\0\0\x10\0")], &["file f 0"], &[]);
    check_pieces(&[&at(136, &[0xff; 12])], &["file f 0"], &[]);
    check_pieces(&[&at(108, &[0xff; 8])], &["file f 0"], &[A::OddNumber]);
    check_pieces(&[&at(124, b"            ")], &["file f 0"], &[A::OddNumber]);
    check_pieces(&[&at(124, b"0000000\0junk")], &["file f 0"], &[A::OddNumber]);
    check_pieces(&[&at(124, &[0xff; 12])], &["stop bad-number"], &[A::BadNumber, A::BadNumber]);
    check_pieces(&[&at(124, b"-0000000001\0")], &["stop bad-number"], &[A::BadNumber, A::BadNumber]);
    check_pieces(&[&at(100, b"rwxr-xr-")], &["stop bad-number"], &[A::BadNumber, A::BadNumber]);
    let mut reader = TarReader::new(&*at(136, &[0xff; 12]).to_vec().leak(), &Limits::default());
    assert_eq!(reader.next_entry().expect("an entry").expect("an entry").mtime, -1);
}

#[test]
fn every_byte_between_entries_is_accounted_for() {
    let mut dirty = file("f", "hello");
    dirty[512 + 5] = 1;
    check_pieces(&[&dirty], &["file f 5"], &[A::DirtyPadding]);
    dirty[1000] = 1;
    check_pieces(&[&dirty], &["file f 5"], &[A::DirtyPadding]);
    let mut reader = TarReader::new(std::io::BufReader::with_capacity(3, &*dirty), &Limits::default());
    while reader.next_entry().expect("an entry").is_some() {}
    let padding = &reader.anomalies()[0];
    assert_eq!((padding.offset, &padding.detail[..7]), (517, "2 bytes"), "whatever the borders of buffers");
    let header = RawHeader::ustar("f", b'0', 0).set(505, b"x").build();
    check_pieces(&[&header], &["file f 0"], &[A::DirtyPadding]);
    let mut x = pax_header(&[(b"path", b"p")]);
    *x.last_mut().expect("padding") = 1;
    check_pieces(&[&x, &file("f", "")], &["file p 0"], &[A::DirtyPadding]);
    let archive = LayerBuilder::new().file("f", 0o644, "").trailing([0; 4096]).build();
    check(&archive, &["file f 0"], &[]);
    let archive = LayerBuilder::new().file("f", 0o644, "").trailing(file("evil", "")).build();
    check(&archive, &["file f 0"], &[A::TrailingData]);
}

#[test]
fn the_end_is_where_runtimes_see_it() {
    let entry = file("f", "hello");
    check(&[], &[], &[A::NoEndMarker]);
    check(&[0; 512], &[], &[A::NoEndMarker]);
    check(&[0; 1024], &[], &[]);
    check(&entry, &["file f 5"], &[A::NoEndMarker]);
    check(&entry[..512 + 5], &["file f 5"], &[A::NoEndMarker]);
    check(&entry[..512 + 4], &["file f 4 of 5", "stop truncated"], &[A::Truncated]);
    check(&entry[..300], &["stop truncated"], &[A::Truncated]);
    let lone = [&entry[..], &[0; 512], &file("evil", "")].concat();
    check(&lone, &["file f 5", "stop trailing-data"], &[A::TrailingData]);
    check(&[&[0; 512][..], &[0; 100]].concat(), &["stop truncated"], &[A::Truncated]);
    let bad = RawHeader::ustar("evil", b'0', 0).wrong_checksum(1).build();
    let gap = [A::BadChecksum, A::BadChecksum];
    check_pieces(&[&entry, &bad, &file("more", "")], &["file f 5", "stop bad-checksum"], &gap);
    let signed = RawHeader::ustar(b"\xe9", b'0', 0).signed_checksum().build();
    check_pieces(&[&signed], &["file \\xe9 0"], &[A::OddNumber, A::NonUtf8Path]);
}

#[test]
fn sizes_of_headers_and_lists_are_bounded() {
    let x = RawHeader::ustar("x", b'x', (1 << 20) + 1).build();
    check(&x, &["stop limit-reached"], &[A::LimitReached]);
    let l = RawHeader::gnu("x", b'L', (64 << 10) + 1).build();
    check(&l, &["stop limit-reached"], &[A::LimitReached]);
    let path = pax_header(&[(b"path", &[b'p'; (64 << 10) + 1])]);
    check_pieces(&[&path, &file("f", "")], &["stop limit-reached"], &[A::LimitReached, A::LimitReached]);
    let archive = LayerBuilder::new().file("a", 0o644, "").file("b", 0o644, "").file("c", 0o644, "").build();
    let few = Limits { max_entries: 2, ..Limits::default() };
    let (lines, kinds) = list(&archive, &few);
    assert_eq!((lines.len(), lines.last().map(String::as_str)), (3, Some("stop limit-reached")));
    assert_eq!(kinds, [A::LimitReached, A::LimitReached]);
    let empty: Vec<_> = (0..1000).map(|number| format!("SCHILY.xattr.{number}").into_bytes()).collect();
    let records: Vec<(&[u8], &[u8])> = empty.iter().map(|key| (&key[..], &b""[..])).collect();
    let attributes = [pax_header(&records), file("f", "")].concat();
    let little = Limits { max_names: 32_000, ..Limits::default() };
    assert_eq!(list(&attributes, &little).0, ["stop limit-reached"]);
    let short = Limits { max_names: 2, ..Limits::default() };
    assert_eq!(list(&archive, &short).0.last().map(String::as_str), Some("stop limit-reached"));
}

#[test]
fn what_nobody_asked_for_is_a_gap() {
    let archive = LayerBuilder::new().file("a", 0o644, "x").file("b", 0o644, "y").build();
    let mut reader = TarReader::new(&*archive, &Limits::default());
    assert!(reader.next_entry().expect("an entry").is_some());
    let (rest, anomalies) = reader.finish();
    assert!(rest.is_empty());
    assert_eq!(anomalies.iter().map(|anomaly| anomaly.kind).collect::<Vec<_>>(), [A::LimitReached]);
    let mut reader = TarReader::new(&*archive, &Limits::default());
    while reader.next_entry().expect("an entry").is_some() {}
    assert_eq!(reader.finish().1, []);
}

/// Gives its bytes and then fails once, as a connection does that comes back.
struct Fails<'a>(&'a [u8], bool);

impl std::io::Read for Fails<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() && std::mem::take(&mut self.1) {
            return Err(std::io::Error::other("the connection was lost"));
        }
        self.0.read(out)
    }
}

#[test]
fn a_reader_that_fails_ends_the_archive_for_good() {
    let archive = [file("a", ""), file("b", "")].concat();
    for cut in [512, 700] {
        let input = std::io::BufReader::new(Fails(&archive[..cut], true));
        let mut reader = TarReader::new(input, &Limits::default());
        assert!(reader.next_entry().expect("an entry").is_some());
        assert!(matches!(reader.next_entry(), Err(Stop::Broken { .. })));
        assert!(matches!(reader.next_entry(), Err(Stop::Unreadable { kind: A::Truncated, .. })));
        assert_eq!(reader.anomalies().iter().map(|anomaly| anomaly.kind).collect::<Vec<_>>(), [A::Truncated]);
    }
}

#[test]
fn attributes_are_those_of_the_record() {
    let mut archive = pax_header(&[
        (b"SCHILY.xattr.user.b", b"2"),
        (b"SCHILY.xattr.user.a", b""),
        (b"mtime", b"-1.5"),
        (b"uid", b"4294967296"),
        (b"SCHILY.xattr.user.b", b"3"),
    ]);
    archive.extend(RawHeader::ustar("f", b'0', 0).owner(1, 2).mode(0o4755).build());
    let mut reader = TarReader::new(&*archive, &Limits::default());
    let entry = reader.next_entry().expect("an entry").expect("an entry");
    assert_eq!(entry.xattrs, [(b"user.a".to_vec(), b"".to_vec()), (b"user.b".to_vec(), b"3".to_vec())]);
    assert_eq!((entry.mtime, entry.uid, entry.gid, entry.mode), (-2, 1 << 32, 2, 0o4755));
    assert_eq!(entry.offset, 0);
    let kinds: Vec<_> = reader.anomalies().iter().map(|anomaly| anomaly.kind).collect();
    assert_eq!(kinds, [A::ConflictingHeaders]);
}

mod sparse;
