//! Archives that are honest, odd or hostile, piece by piece, so that a failing one shrinks to its cause.

use proptest::prelude::*;
use proptest::sample::select;
use test_support::{RawHeader, padded};

/// One piece of an archive.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Entry {
        name: Vec<u8>,
        flag: u8,
        len: usize,
        said: Option<u64>,
        magic: Magic,
        prefix: &'static str,
        patches: Vec<Patch>,
    },
    Pax {
        flag: u8,
        records: Vec<(&'static str, &'static str)>,
        patches: Vec<Patch>,
    },
    PaxRaw(&'static str),
    Long {
        flag: u8,
        text: Vec<u8>,
        patches: Vec<Patch>,
    },
    SparseOld {
        pairs: Vec<(u64, u64)>,
        real: u64,
        stored: usize,
    },
    SparseNew {
        version: u8,
        pairs: Vec<(u64, u64)>,
        real: u64,
        stored: usize,
    },
    Zeros(usize),
    Junk(u8),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Magic {
    Ustar,
    Gnu,
    V7,
    Star,
    Version,
}

/// Bytes over a field of a header, its checksum made right afterwards.
pub(crate) type Patch = (usize, &'static [u8]);

/// An archive of a few pieces, sometimes cut, sometimes with a byte changed.
pub(crate) fn archives() -> impl Strategy<Value = (Vec<Piece>, Ending)> {
    (prop::collection::vec(piece(), 0..7), ending())
}

/// What happens to the archive after its pieces.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    markers: usize,
    cut: Option<prop::sample::Index>,
    change: Option<(prop::sample::Index, u8)>,
}

fn ending() -> impl Strategy<Value = Ending> {
    (
        prop_oneof![8 => Just(2), 1 => Just(1), 1 => Just(0), 1 => Just(20)],
        prop::option::weighted(0.1, any::<prop::sample::Index>()),
        prop::option::weighted(0.1, any::<(prop::sample::Index, u8)>()),
    )
        .prop_map(|(markers, cut, change)| Ending { markers, cut, change })
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        12 => entry(),
        4 => (prop_oneof![6 => Just(b'x'), 1 => Just(b'g'), 1 => Just(b'X')],
              prop::collection::vec((select(PAX_KEYS), select(PAX_VALUES)), 0..4), patches())
            .prop_map(|(flag, records, patches)| Piece::Pax { flag, records, patches }),
        1 => select(PAX_RAW).prop_map(Piece::PaxRaw),
        3 => (select(b"LK".as_slice()), select(NAMES), any::<bool>(), patches()).prop_map(|(flag, text, nul, patches)| {
            let mut text = text.to_vec();
            if nul { text.push(0) }
            Piece::Long { flag, text, patches }
        }),
        1 => sparse().prop_map(|(pairs, real, stored)| Piece::SparseOld { pairs, real, stored }),
        1 => (0..3u8, sparse()).prop_map(|(version, (pairs, real, stored))| Piece::SparseNew { version, pairs, real, stored }),
        1 => (1..3usize).prop_map(Piece::Zeros),
        1 => any::<u8>().prop_map(Piece::Junk),
    ]
}

fn entry() -> impl Strategy<Value = Piece> {
    (
        select(NAMES),
        prop_oneof![6 => Just(b'0'), 6 => select(b"\x001234567SDMVNXAZ".as_slice())],
        prop_oneof![3 => Just(0usize), 3 => 0..1100usize],
        prop::option::weighted(0.2, select([0u64, 1, 511, 512, 513, 1024, 4096, 1 << 33].as_slice())),
        prop_oneof![
            6 => Just(Magic::Ustar), 4 => Just(Magic::Gnu), 2 => Just(Magic::V7), 1 => Just(Magic::Star), 1 => Just(Magic::Version)
        ],
        prop_oneof![8 => Just(""), 2 => select(["pre/fix", "p", "00000000001"].as_slice())],
        patches(),
    )
        .prop_map(|(name, flag, len, said, magic, prefix, patches)| Piece::Entry {
            name: name.to_vec(),
            flag,
            len,
            said,
            magic,
            prefix,
            patches,
        })
}

fn patches() -> impl Strategy<Value = Vec<Patch>> {
    let places = select(
        [100usize, 108, 116, 124, 136, 157, 257, 263, 265, 329, 337, 345, 357, 386, 482, 483, 500, 508]
            .as_slice(),
    );
    prop_oneof![
        6 => Just(Vec::new()),
        2 => prop::collection::vec((places, select(FIELDS)), 1..3),
    ]
}

fn sparse() -> impl Strategy<Value = (Vec<(u64, u64)>, u64, usize)> {
    let honest = prop::collection::vec((1..3u64, 1..3u64), 0..30).prop_map(|steps| {
        let mut at = 0;
        let mut stored = 0;
        let pairs: Vec<_> = steps
            .into_iter()
            .map(|(hole, data)| {
                at += (hole + data) * 512;
                stored += data as usize * 512;
                (at - data * 512, data * 512)
            })
            .collect();
        (pairs, at + 512, stored)
    });
    let hostile = (
        prop::collection::vec((select(SIZES), select(SIZES)), 0..8),
        select(SIZES),
        select([0usize, 1, 512, 1024].as_slice()),
    );
    prop_oneof![3 => honest, 1 => hostile]
}

const SIZES: &[u64] = &[0, 1, 511, 512, 513, 1024, 4096, 1 << 20, 1 << 40, u64::MAX / 2, u64::MAX];

const NAMES: &[&[u8]] = &[
    b"a", b"b/c", b"usr/bin/env", b"./d", b"dir/", b"/abs", b"../up", b"x//y", b"", b".", b"/", b"caf\xc3\xa9", b"\xff\xfe",
    b"nul\0hidden", b"sp ace", b"quo\"te\\", b"new\nline", b"a-name-of-exactly-one-hundred-bytes-0123456789-0123456789-0123456789-0123456789-0123456789-0123456789",
    b"long/0123456789012345678901234567890123456789/0123456789012345678901234567890123456789/0123456789012345678901234567890123456789/end",
    b".wh.x", b"GNUSparseFile.1/s",
];

const PAX_KEYS: &[&str] = &[
    "path",
    "path",
    "path",
    "linkpath",
    "size",
    "size",
    "size",
    "uid",
    "gid",
    "mtime",
    "atime",
    "ctime",
    "uname",
    "comment",
    "SCHILY.xattr.security.capability",
    "SCHILY.xattr.user.x",
    "SCHILY.realsize",
    "GNU.sparse.name",
    "GNU.sparse.map",
    "GNU.sparse.major",
    "GNU.sparse.minor",
    "GNU.sparse.size",
    "GNU.sparse.realsize",
    "GNU.sparse.numblocks",
    "GNU.sparse.offset",
    "GNU.sparse.numbytes",
    "GNU.volume.size",
    "hdrcharset",
    "LIBARCHIVE.xattr.user.x",
    "",
];

const PAX_VALUES: &[&str] = &[
    "",
    "0",
    "1",
    "5",
    "10",
    "512",
    "1024",
    "8589934592",
    "-1",
    "+5",
    "007",
    "1.5",
    "-1.5",
    "1e3",
    " 5",
    "5 ",
    "0x10",
    "1_0",
    "9223372036854775807",
    "9223372036854775808",
    "pax/path",
    "pax/dir/",
    "/",
    "..",
    "a\0b",
    "a\nb",
    "0,1",
    "0,512,1024,512",
    "BINARY",
    "ümlaut",
];

const PAX_RAW: &[&str] = &[
    "",
    "\0",
    "11 path=a\n",
    "10 path=ab\n",
    "12 path=ab\n11 path=b\n",
    "+11 path=ab\n",
    "011 path=b\n",
    "9 path=a",
    "5 a=\n",
    "4 a=\n",
    "6  a=\n",
    "-9 path=a\n",
    "9 =path1\n",
    "99999999999999999999 a=b\n",
    "11 path=a\n\n",
    "7 a=b\n\n",
    "6 a=b\n6 c=d\n",
    "11 path=ab\n8 size=1\n",
    "10 size=5\n10 size=6\n",
    "18446744073709551627 path=a\n",
];

const FIELDS: &[&[u8]] = &[
    b"00000000000\0",
    b"00000000005\0",
    b"0000644 ",
    b"    644\0",
    b"\0\0\0\0\0\0\0\0\0\0\0\0",
    b"            ",
    b"0000005\0junk",
    b"\x00000005",
    b"-0000005",
    b"+0000005",
    b"0000008\0",
    b"0x00005\0",
    b"0o00005\0",
    b"1_00000\0",
    b"\x80\0\0\0\0\0\0\0\0\0\0\x05",
    b"\x81\0\0\0\0\0\0\0\0\0\0\x05",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xc0\0\0\0\0\0\0\0\0\0\0\0",
    b"77777777777\0",
    b"777777777777",
    b"ustar  \0",
    b"ustar\x0000",
    b"ustar\x0001",
    b"tar\0",
    b"garbage",
    b"\x01",
    b"AAAAAA==",
];

/// The archive's bytes.
pub(crate) fn build(pieces: &[Piece], ending: &Ending) -> Vec<u8> {
    let mut bytes: Vec<u8> = pieces.iter().flat_map(piece_bytes).collect();
    bytes.resize(bytes.len() + 512 * ending.markers, 0);
    if let Some((place, value)) = &ending.change
        && !bytes.is_empty()
    {
        let place = place.index(bytes.len());
        bytes[place] = *value;
        fix_checksum(&mut bytes, place);
    }
    if let Some(cut) = ending.cut
        && !bytes.is_empty()
    {
        bytes.truncate(cut.index(bytes.len()));
    }
    bytes
}

/// Makes the checksum of the block at this place right, if the block looks like a header.
fn fix_checksum(bytes: &mut [u8], place: usize) {
    let start = place / 512 * 512;
    let Some(block) = bytes.get_mut(start..start + 512) else { return };
    if block[257..262] == *b"ustar" {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

fn piece_bytes(piece: &Piece) -> Vec<u8> {
    let patch = |header: RawHeader, patches: &[Patch]| {
        patches.iter().fold(header, |header, (place, bytes)| header.set(*place, bytes))
    };
    match piece {
        Piece::Entry { name, flag, len, said, magic, prefix, patches } => {
            let content = vec![b'c'; *len];
            let size = said.unwrap_or(*len as u64);
            let mut header = match magic {
                Magic::Ustar => RawHeader::ustar(name, *flag, size),
                Magic::Gnu => RawHeader::gnu(name, *flag, size),
                Magic::V7 => RawHeader::v7(name, *flag, size),
                Magic::Star => RawHeader::ustar(name, *flag, size).set(508, b"tar\0"),
                Magic::Version => RawHeader::ustar(name, *flag, size).set(263, b"  "),
            };
            if matches!(flag, b'1' | b'2') {
                header = header.link("target/of");
            }
            if !prefix.is_empty() {
                header = header.set(345, prefix.as_bytes());
            }
            patch(header, patches).entry(&content)
        }
        Piece::Pax { flag, records, patches } => {
            let records: Vec<_> =
                records.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
            let body = test_support::pax_records(&records);
            patch(RawHeader::ustar("PaxHeaders.0/entry", *flag, body.len() as u64), patches).entry(&body)
        }
        Piece::PaxRaw(body) => {
            RawHeader::ustar("PaxHeaders.0/entry", b'x', body.len() as u64).entry(body.as_bytes())
        }
        Piece::Long { flag, text, patches } => {
            patch(RawHeader::gnu("././@LongLink", *flag, text.len() as u64), patches).entry(text)
        }
        Piece::SparseOld { pairs, real, stored } => sparse_old(pairs, *real, *stored),
        Piece::SparseNew { version, pairs, real, stored } => sparse_new(*version, pairs, *real, *stored),
        Piece::Zeros(blocks) => vec![0; blocks * 512],
        Piece::Junk(byte) => vec![*byte; 512],
    }
}

fn octal(value: u64) -> [u8; 12] {
    let mut field = [0; 12];
    if value < 1 << 33 {
        field.copy_from_slice(format!("{value:011o}\0").as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&value.to_be_bytes());
    }
    field
}

fn sparse_old(pairs: &[(u64, u64)], real: u64, stored: usize) -> Vec<u8> {
    let fields: Vec<[u8; 24]> = pairs
        .iter()
        .map(|&(offset, len)| {
            let mut pair = [0; 24];
            pair[..12].copy_from_slice(&octal(offset));
            pair[12..].copy_from_slice(&octal(len));
            pair
        })
        .collect();
    let (first, more) = fields.split_at(fields.len().min(4));
    let mut header =
        RawHeader::gnu("sparse/old", b'S', stored as u64).set(386, first.concat()).set(483, octal(real));
    if !more.is_empty() {
        header = header.set(482, [1]);
    }
    let mut bytes = header.build().to_vec();
    for (index, chunk) in more.chunks(21).enumerate() {
        let mut block = chunk.concat();
        block.resize(512, 0);
        block[504] = u8::from((index + 1) * 21 < more.len());
        bytes.extend(block);
    }
    bytes.extend(padded(&vec![b's'; stored]));
    bytes
}

fn sparse_new(version: u8, pairs: &[(u64, u64)], real: u64, stored: usize) -> Vec<u8> {
    let real = real.to_string();
    let blocks = pairs.len().to_string();
    let list: Vec<String> =
        pairs.iter().flat_map(|(offset, len)| [offset.to_string(), len.to_string()]).collect();
    let joined = list.join(",");
    let mut records: Vec<(&[u8], &[u8])> = Vec::new();
    let mut content = Vec::new();
    match version {
        0 => {
            records.push((b"GNU.sparse.size", real.as_bytes()));
            records.push((b"GNU.sparse.numblocks", blocks.as_bytes()));
            for pair in list.chunks(2) {
                records.push((b"GNU.sparse.offset", pair[0].as_bytes()));
                records.push((b"GNU.sparse.numbytes", pair[1].as_bytes()));
            }
        }
        1 => {
            records.push((b"GNU.sparse.name", b"sparse/new"));
            records.push((b"GNU.sparse.size", real.as_bytes()));
            records.push((b"GNU.sparse.numblocks", blocks.as_bytes()));
            records.push((b"GNU.sparse.map", joined.as_bytes()));
        }
        _ => {
            records.push((b"GNU.sparse.major", b"1"));
            records.push((b"GNU.sparse.minor", b"0"));
            records.push((b"GNU.sparse.name", b"sparse/new"));
            records.push((b"GNU.sparse.realsize", real.as_bytes()));
            content = padded(
                format!("{blocks}\n{}", list.iter().map(|n| format!("{n}\n")).collect::<String>()).as_bytes(),
            );
        }
    }
    content.extend(vec![b's'; stored]);
    let mut bytes = test_support::pax_header(&records);
    bytes.extend(RawHeader::ustar("GNUSparseFile.0/new", b'0', content.len() as u64).entry(&content));
    bytes
}
