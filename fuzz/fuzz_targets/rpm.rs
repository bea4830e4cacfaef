//! rpm's databases. The first byte chooses the format and whether its head is put right, so that the fuzzer
//! spends itself on what lies behind magics and page sizes; the rest is the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packages::{Ownership, parse, recognize};

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let (path, file): (&[u8], Vec<u8>) = match choice % 6 {
        0 => (b"var/lib/rpm/Packages", bytes.to_vec()),
        1 => (b"var/lib/rpm/Packages", bdb(bytes)),
        2 => (b"var/lib/rpm/Packages.db", bytes.to_vec()),
        3 => (b"var/lib/rpm/Packages.db", ndb(bytes)),
        4 => (b"var/lib/rpm/rpmdb.sqlite", bytes.to_vec()),
        _ => (b"var/lib/rpm/rpmdb.sqlite", sqlite(bytes)),
    };
    if let Some(Ok(part)) = recognize(path).map(|kind| parse(kind, path, &file)) {
        let ownership = Ownership::build([(path, &part)], &|path| path.to_vec());
        assert!(ownership.packages().len() <= file.len() / 8, "more packages than their heads have room for");
    }
});

const PAGE: usize = 512;

/// At least two whole pages, the first of them free for a head.
fn pages(bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0; PAGE];
    file.extend_from_slice(bytes);
    file.resize(file.len().next_multiple_of(PAGE).max(2 * PAGE), 0);
    file
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..][..bytes.len()].copy_from_slice(bytes);
}

fn bdb(bytes: &[u8]) -> Vec<u8> {
    let mut file = pages(bytes);
    let last = (file.len() / PAGE - 1) as u32;
    put(&mut file, 12, &0x0006_1561_u32.to_le_bytes());
    put(&mut file, 20, &(PAGE as u32).to_le_bytes());
    file[25] = 8;
    put(&mut file, 32, &last.to_le_bytes());
    // Half of all pages would else be of no type that is read.
    for page in file.chunks_exact_mut(PAGE).skip(1) {
        page[25] = if page[25] % 2 == 0 { 13 } else { 7 };
    }
    file
}

/// The tags that are read, as rpm numbers them.
const TAGS: [u32; 17] =
    [1000, 1001, 1002, 1003, 1011, 1022, 1027, 1029, 1030, 1035, 1036, 1037, 1045, 1116, 1117, 1118, 5011];

/// A header whose counts fit and whose index has every tag; the input says what each is and where it lies.
fn header(bytes: &[u8]) -> Vec<u8> {
    let mut index = TAGS.map(u32::to_be_bytes).map(|tag| [&tag, [0; 12].as_slice()].concat());
    let (fields, data) = bytes.split_at(bytes.len().min(3 * TAGS.len()));
    for (entry, field) in index.iter_mut().zip(fields.chunks_exact(3)) {
        (entry[7], entry[11], entry[15]) = (field[0] % 10, field[1], field[2] % 8);
    }
    let counts = [TAGS.len() as u32, data.len() as u32].map(u32::to_be_bytes);
    [counts.concat(), index.concat(), data.to_vec()].concat()
}

/// One slot with one blob, all of it a header.
fn ndb(bytes: &[u8]) -> Vec<u8> {
    let bytes = header(bytes);
    let le = |number: usize| (number as u32).to_le_bytes();
    let mut file = b"Slot\0\0\0\0\0\0\0\0\0\0\0\0".repeat(256);
    let blocks = (bytes.len() + 28).div_ceil(16);
    put(&mut file, 0, &[b"RpmP".as_slice(), &le(0), &le(0), &le(1), &[0; 16]].concat());
    put(&mut file, 36, &[le(1), le(256), le(blocks)].concat());
    file.extend([b"BlbS".as_slice(), &le(1), &le(0), &le(bytes.len()), &bytes].concat());
    file.resize(4096 + blocks * 16 - 12, 0);
    file.extend([le(0), le(bytes.len()), *b"BlbE"].concat());
    file
}

/// Page 1 is a schema with the table; page 2, the input's first, is its root.
fn sqlite(bytes: &[u8]) -> Vec<u8> {
    let mut file = pages(bytes);
    let row = b"\x06\x17\x1d\x1d\x01\x0dtablePackagesPackages\x02";
    let cell = [&[row.len() as u8, 1], row.as_slice()].concat();
    let start = PAGE - cell.len();
    put(&mut file, 0, b"SQLite format 3\0\x02\0");
    put(&mut file, 56, &1_u32.to_be_bytes());
    put(&mut file, 100, &[13, 0, 0, 0, 1, 0, 0, 0]);
    put(&mut file, 108, &(start as u16).to_be_bytes());
    put(&mut file, start, &cell);
    file
}
