use super::*;

fn old(pairs: &[(u64, u64)], real: u64, stored: &[u8]) -> Vec<u8> {
    let octal = |value: u64| format!("{value:011o}\0");
    let fields: Vec<String> = pairs.iter().map(|&(offset, len)| octal(offset) + &octal(len)).collect();
    let (first, more) = fields.split_at(fields.len().min(4));
    let mut header =
        RawHeader::gnu("s", b'S', stored.len() as u64).set(386, first.concat()).set(483, octal(real));
    if !more.is_empty() {
        header = header.set(482, [1]);
    }
    let mut bytes = header.build().to_vec();
    let blocks = more.len().div_ceil(21);
    for (index, chunk) in more.chunks(21).enumerate() {
        let mut block = chunk.concat().into_bytes();
        block.resize(512, 0);
        block[504] = u8::from(index + 1 < blocks);
        bytes.extend(block);
    }
    bytes.extend(padded(stored));
    bytes
}

fn stored_in(name: &str, stored: &[u8]) -> Vec<u8> {
    RawHeader::ustar(name, b'0', stored.len() as u64).entry(stored)
}

fn content(archive: &[u8]) -> Vec<u8> {
    let mut reader = TarReader::new(archive, &Limits::default());
    reader.next_entry().expect("an entry").expect("an entry");
    let mut content = Vec::new();
    reader.data().read_to_end(&mut content).expect("a slice cannot fail");
    content
}

/// Two bytes, a hole of three, four bytes, a hole of one.
fn expanded() -> Vec<u8> {
    b"ab\0\0\0cdef\0".to_vec()
}

#[test]
fn all_formats_expand_to_the_same_content() {
    let zero = [
        pax_header(&[
            (b"GNU.sparse.size", b"10"),
            (b"GNU.sparse.numblocks", b"2"),
            (b"GNU.sparse.offset", b"0"),
            (b"GNU.sparse.numbytes", b"2"),
            (b"GNU.sparse.offset", b"5"),
            (b"GNU.sparse.numbytes", b"4"),
        ]),
        stored_in("s", b"abcdef"),
    ]
    .concat();
    let one = [
        pax_header(&[
            (b"GNU.sparse.size", b"10"),
            (b"GNU.sparse.numblocks", b"2"),
            (b"GNU.sparse.name", b"s"),
            (b"GNU.sparse.map", b"0,2,5,4"),
        ]),
        stored_in("GNUSparseFile.1/s", b"abcdef"),
    ]
    .concat();
    let mut map = padded(b"2\n0\n2\n5\n4\n");
    map.extend(b"abcdef");
    let in_data = [
        pax_header(&[
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.name", b"s"),
            (b"GNU.sparse.realsize", b"10"),
        ]),
        stored_in("GNUSparseFile.1/s", &map),
    ]
    .concat();
    let old = old(&[(0, 2), (5, 4)], 10, b"abcdef");
    for archive in [&zero, &one, &in_data] {
        assert_eq!(content(archive), expanded());
        check_pieces(&[archive, &file("next", "")], &["file s 10", "file next 0"], &[A::Sparse]);
    }
    assert_eq!(content(&old), expanded());
    check_pieces(&[&old, &file("next", "")], &["file s 10", "file next 0"], &[A::UnknownType, A::Sparse]);
}

#[test]
fn maps_go_on_in_extension_blocks() {
    let pairs: Vec<_> = (0..60).map(|index| (index * 2, 1)).collect();
    let archive = old(&pairs, 120, &[b'x'; 60]);
    assert_eq!(content(&archive), b"x\0".repeat(60));
    check_pieces(
        &[&archive, &file("next", "")],
        &["file s 120", "file next 0"],
        &[A::UnknownType, A::Sparse],
    );
}

#[test]
fn holes_are_bounded_and_maps_checked() {
    let mut archive = old(&[(1 << 30, 1)], (1 << 30) + 1, b"x");
    archive.extend([0; 1024]);
    let small = Limits { max_sparse_hole: 1000, ..Limits::default() };
    let (lines, kinds) = list(&archive, &small);
    assert_eq!(lines, ["file s 1000 of 1073741825"]);
    assert_eq!(kinds, [A::UnknownType, A::Sparse, A::LimitReached]);

    let stop = [A::UnknownType, A::BadSparseMap, A::BadSparseMap];
    for pairs in [&[(5, 5), (0, 5)][..], &[(0, 5), (4, 5)], &[(0, 11)]] {
        check_pieces(&[&old(pairs, 10, b"0123456789")], &["stop bad-sparse-map"], &stop);
    }
    // More or less stored than the map says: runtimes fail on the content.
    let odd = [A::UnknownType, A::Sparse, A::BadSparseMap];
    check_pieces(&[&old(&[(0, 2)], 10, b"abc")], &["file s 10"], &odd);
    check_pieces(&[&old(&[(0, 3)], 10, b"ab")], &["file s 2 of 10"], &odd);

    let count = pax_header(&[
        (b"GNU.sparse.size", b"10"),
        (b"GNU.sparse.numblocks", b"3"),
        (b"GNU.sparse.map", b"0,1"),
    ]);
    let gap = [A::BadSparseMap, A::BadSparseMap];
    check_pieces(&[&count, &stored_in("s", b"a")], &["stop bad-sparse-map"], &gap);
    let swapped = pax_header(&[(b"GNU.sparse.numbytes", b"1"), (b"GNU.sparse.offset", b"0")]);
    check_pieces(&[&swapped, &stored_in("s", b"a")], &["stop bad-sparse-map"], &gap);
    let unknown = pax_header(&[(b"GNU.sparse.major", b"2"), (b"GNU.sparse.minor", b"0")]);
    check_pieces(&[&unknown, &stored_in("s", b"a")], &["file s 1"], &[A::ConflictingHeaders]);
}

#[test]
fn a_map_in_the_content_is_bounded() {
    let version = |real: &[u8]| {
        pax_header(&[
            (b"GNU.sparse.major", b"1"),
            (b"GNU.sparse.minor", b"0"),
            (b"GNU.sparse.realsize", real),
        ])
    };
    let gap = [A::BadSparseMap, A::BadSparseMap];
    for map in [&b"x\n"[..], b"2\n0\n2\n5", b"1\n0\n-2\n", b"-1\n", b"1\n0 \n2\n"] {
        let archive = [version(b"10"), stored_in("s", &padded(map))].concat();
        check_pieces(&[&archive], &["stop bad-sparse-map"], &gap);
    }
    let many = [version(b"10"), stored_in("s", &padded(b"65537\n"))].concat();
    check_pieces(&[&many], &["stop limit-reached"], &[A::LimitReached, A::LimitReached]);
    let endless = [version(b"10"), stored_in("s", &[b'1'; 4096])].concat();
    check_pieces(&[&endless], &["stop bad-sparse-map"], &gap);
    let dirty = [version(b"2"), stored_in("s", &[&padded(b"1\n0\n2\n")[..511], b"!ab"].concat())].concat();
    check_pieces(&[&dirty], &["file s 2"], &[A::DirtyPadding, A::Sparse]);
}
