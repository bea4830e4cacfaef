//! Writers of the formats that the readers read, for tests.

use crate::rpm::Order;

/// The data of a tag.
#[derive(Debug, Clone)]
pub(super) enum Data {
    Text(String),
    List(Vec<String>),
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
    Words(Vec<u32>),
}

/// A header as it lies in a database.
pub(super) fn header(tags: &[(u32, Data)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, value) in tags {
        let (kind, width, count, bytes) = match value {
            Data::Text(text) => (6, 1, 1, [text.as_bytes(), b"\0"].concat()),
            Data::List(list) => {
                (8, 1, list.len(), list.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect())
            }
            Data::Bytes(bytes) => (1, 1, bytes.len(), bytes.clone()),
            Data::Shorts(list) => {
                (3, 2, list.len(), list.iter().flat_map(|each| each.to_be_bytes()).collect())
            }
            Data::Words(list) => {
                (4, 4, list.len(), list.iter().flat_map(|each| each.to_be_bytes()).collect())
            }
        };
        data.resize(data.len().next_multiple_of(width), 0);
        for number in [*tag, kind, data.len() as u32, count as u32] {
            index.extend_from_slice(&number.to_be_bytes());
        }
        data.extend_from_slice(&bytes);
    }
    let counts = [(index.len() / 16) as u32, data.len() as u32];
    [counts[0].to_be_bytes().as_slice(), &counts[1].to_be_bytes(), &index, &data].concat()
}

fn put(page: &mut [u8], at: usize, bytes: &[u8]) {
    page[at..at + bytes.len()].copy_from_slice(bytes);
}

fn word(order: Order, number: usize) -> [u8; 4] {
    let number = number as u32;
    if order == Order::Big { number.to_be_bytes() } else { number.to_le_bytes() }
}

fn short(order: Order, number: usize) -> [u8; 2] {
    let number = number as u16;
    if order == Order::Big { number.to_be_bytes() } else { number.to_le_bytes() }
}

/// A Berkeley DB hash: the first page describes it, then come a hash page for each value and its chain. Values
/// that fit a page lie on it.
pub(super) fn bdb(order: Order, page_size: usize, headers: &[Vec<u8>]) -> Vec<u8> {
    let mut file = vec![0; page_size];
    let page = |file: &mut Vec<u8>, kind: u8| {
        let number = file.len() / page_size;
        file.resize(file.len() + page_size, 0);
        let page = number * page_size;
        put(file, page + 8, &word(order, number));
        file[page + 25] = kind;
        page
    };
    for (number, header) in headers.iter().enumerate() {
        let hash = page(&mut file, if number % 2 == 0 { 13 } else { 2 });
        let key = [&[1], word(Order::Little, number + 1).as_slice()].concat();
        let is_local = header.len() + key.len() + 64 < page_size;
        let value = if is_local {
            [&[1], header.as_slice()].concat()
        } else {
            let first = file.len() / page_size;
            let chunks: Vec<_> = header.chunks(page_size - 26).collect();
            for (index, chunk) in chunks.iter().enumerate() {
                let overflow = page(&mut file, 7);
                let next = if index + 1 < chunks.len() { first + index + 1 } else { 0 };
                put(&mut file, overflow + 16, &word(order, next));
                put(&mut file, overflow + 22, &short(order, chunk.len()));
                put(&mut file, overflow + 26, chunk);
            }
            [&[3, 0, 0, 0], word(order, first).as_slice(), &word(order, header.len())].concat()
        };
        // The count of packages under the number 0 comes first, as in rpm's.
        let count = [vec![1, 0, 0, 0, 0], vec![1, 9, 0, 0, 0]];
        let items = if number == 0 { [&count[..], &[key, value]].concat() } else { vec![key, value] };
        put(&mut file, hash + 20, &short(order, items.len()));
        let mut end = page_size;
        for (index, item) in items.iter().enumerate() {
            end -= item.len();
            put(&mut file, hash + end, item);
            put(&mut file, hash + 26 + 2 * index, &short(order, end));
        }
    }
    let last = file.len() / page_size - 1;
    for (at, number) in [(12, 0x0006_1561), (16, 9), (20, page_size), (32, last)] {
        put(&mut file, at, &word(order, number));
    }
    file[25] = 8;
    file
}

/// An ndb file with every third slot free.
pub(super) fn ndb(headers: &[Vec<u8>]) -> Vec<u8> {
    let le = |number| word(Order::Little, number);
    let pages = (2 + headers.len() * 2).div_ceil(256);
    let mut file = b"Slot\0\0\0\0\0\0\0\0\0\0\0\0".repeat(pages * 256);
    file[..32].fill(0);
    put(&mut file, 0, b"RpmP");
    put(&mut file, 12, &le(pages));
    let mut slot = 2;
    for (number, header) in headers.iter().enumerate() {
        let start = file.len();
        let blocks = (header.len() + 28).div_ceil(16);
        file.resize(start + blocks * 16, 0);
        put(
            &mut file,
            start,
            &[b"BlbS".as_slice(), &le(number + 1), &le(7), &le(header.len()), header].concat(),
        );
        let tail = [le(0), le(header.len()), *b"BlbE"].concat();
        let end = file.len() - 12;
        put(&mut file, end, &tail);
        put(&mut file, slot * 16 + 4, &[le(number + 1), le(start / 16), le(blocks)].concat());
        slot += 1 + usize::from(number % 2 == 0);
    }
    file
}

fn varint(number: usize) -> Vec<u8> {
    let mut bytes = vec![(number & 0x7f) as u8];
    let mut rest = number >> 7;
    while rest > 0 {
        bytes.insert(0, (rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    bytes
}

/// An SQLite database: the schema on page 1, an interior page as the root of `Packages`, a leaf for each row.
pub(super) fn sqlite(page_size: usize, headers: &[Vec<u8>]) -> Vec<u8> {
    let be = |number| word(Order::Big, number);
    let mut file = vec![0; page_size * 2];
    put(&mut file, 0, b"SQLite format 3\0");
    put(&mut file, 16, &short(Order::Big, if page_size == 65536 { 1 } else { page_size }));
    put(&mut file, 56, &be(1));
    let sql = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)";
    let types = [vec![23, 29, 29, 1], varint(13 + 2 * sql.len())].concat();
    let row =
        [&varint(types.len() + 1), types.as_slice(), b"tablePackagesPackages\x02", sql.as_bytes()].concat();
    let cell = [varint(row.len()), vec![1], row].concat();
    put(&mut file, page_size - cell.len(), &cell);
    put(&mut file, 100, &[13, 0, 0, 0, 1]);
    put(&mut file, 108, &short(Order::Big, page_size - cell.len()));

    let leaves: Vec<_> = headers
        .iter()
        .enumerate()
        .map(|(number, header)| leaf(&mut file, page_size, number, header))
        .collect();
    let root = page_size;
    let (last, others) = leaves.split_last().unwrap();
    put(&mut file, root, &[5, 0, 0]);
    put(&mut file, root + 3, &short(Order::Big, others.len()));
    put(&mut file, root + 8, &be(*last));
    for (index, child) in others.iter().enumerate() {
        let cell = [be(*child).as_slice(), &[index as u8 & 0x7f]].concat();
        let at = page_size - 5 * (index + 1);
        put(&mut file, root + at, &cell);
        put(&mut file, root + 12 + 2 * index, &short(Order::Big, at));
    }
    let pages = file.len() / page_size;
    put(&mut file, 28, &be(pages));
    file
}

/// Appends a leaf with one row and what overflows it. Its number.
fn leaf(file: &mut Vec<u8>, page_size: usize, number: usize, header: &[u8]) -> usize {
    let types = [vec![0], varint(12 + 2 * header.len())].concat();
    let row = [&varint(types.len() + 1), types.as_slice(), header].concat();
    let (max, min) = (page_size - 35, (page_size - 12) * 32 / 255 - 23);
    let fitting = min + row.len().saturating_sub(min) % (page_size - 4);
    let local = match row.len() <= max {
        true => row.len(),
        false if fitting <= max => fitting,
        false => min,
    };
    let start = file.len();
    file.resize(start + page_size, 0);
    let leaf = start / page_size + 1;
    let mut cell = [varint(row.len()), varint(number + 1), row[..local].to_vec()].concat();
    if local < row.len() {
        cell.extend_from_slice(&word(Order::Big, leaf + 1));
        let chunks: Vec<_> = row[local..].chunks(page_size - 4).collect();
        for (index, chunk) in chunks.iter().enumerate() {
            let next = if index + 1 < chunks.len() { leaf + 2 + index } else { 0 };
            let page = file.len();
            file.resize(page + page_size, 0);
            put(file, page, &word(Order::Big, next));
            put(file, page + 4, chunk);
        }
    }
    put(file, start, &[13, 0, 0, 0, 1]);
    put(file, start + 8, &short(Order::Big, page_size - cell.len()));
    put(file, start + page_size - cell.len(), &cell);
    leaf
}
