use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What a database is made of.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Bytes(Vec<u8>),
    /// With its own pages.
    Tree(BTreeMap<Vec<u8>, Node>),
    /// Inside its parent.
    Inline(BTreeMap<Vec<u8>, Node>),
}

const SIZE: usize = 4096;

/// Writes a database. Each tree becomes a branch page over one leaf page for every three keys.
pub(crate) fn write(root: &BTreeMap<Vec<u8>, Node>) -> Vec<u8> {
    let mut pages: Vec<Vec<u8>> = vec![Vec::new(); 2];
    let root = write_tree(root, &mut pages);
    for (number, page) in pages.iter_mut().take(2).enumerate() {
        let mut meta = Vec::new();
        meta.extend(MAGIC.to_le_bytes());
        meta.extend(VERSION.to_le_bytes());
        meta.extend((SIZE as u32).to_le_bytes());
        meta.extend(0u32.to_le_bytes());
        for word in [root, 0, 0, 0, number as u64 + 7] {
            meta.extend(word.to_le_bytes());
        }
        meta.extend(checksum(&meta).to_le_bytes());
        *page = [vec![0; HEADER], meta].concat();
    }
    pages
        .into_iter()
        .flat_map(|mut page| {
            page.resize(page.len().next_multiple_of(SIZE), 0);
            page
        })
        .collect()
}

fn write_tree(tree: &BTreeMap<Vec<u8>, Node>, pages: &mut Vec<Vec<u8>>) -> u64 {
    let entries: Vec<(&Vec<u8>, &Node)> = tree.iter().collect();
    let mut children = Vec::new();
    for part in entries.chunks(3) {
        let leaf = leaf(part.iter().copied(), pages);
        children.push((part[0].0.clone(), push(leaf, pages)));
    }
    match children.as_slice() {
        [] => {
            let empty = leaf(std::iter::empty(), pages);
            push(empty, pages)
        }
        [only] => only.1,
        _ => {
            let rows = children.iter().map(|(key, id)| {
                let words = [(key.len() as u32).to_le_bytes().to_vec(), id.to_le_bytes().to_vec()].concat();
                (Vec::new(), words, key.clone())
            });
            let page = page(BRANCH, rows.collect());
            push(page, pages)
        }
    }
}

fn push(page: Vec<u8>, pages: &mut Vec<Vec<u8>>) -> u64 {
    let id = pages.iter().map(|page| page.len().div_ceil(SIZE).max(1)).sum::<usize>();
    pages.push(page);
    id as u64
}

fn leaf<'a>(entries: impl Iterator<Item = (&'a Vec<u8>, &'a Node)>, pages: &mut Vec<Vec<u8>>) -> Vec<u8> {
    let rows = entries.map(|(key, node)| {
        let (flags, value) = match node {
            Node::Bytes(bytes) => (0, bytes.clone()),
            Node::Tree(tree) => {
                let root = write_tree(tree, pages);
                (IS_BUCKET, [root.to_le_bytes(), [0; 8]].concat())
            }
            Node::Inline(tree) => (IS_BUCKET, [vec![0; HEADER], leaf(tree.iter(), pages)].concat()),
        };
        let words = [(key.len() as u32).to_le_bytes(), (value.len() as u32).to_le_bytes()].concat();
        (u32::to_le_bytes(flags).to_vec(), words, [key.clone(), value].concat())
    });
    page(LEAF, rows.collect())
}

/// Rows of what stands before the position, what stands after it, and the data it points to.
fn page(kind: u16, rows: Vec<(Vec<u8>, Vec<u8>, Vec<u8>)>) -> Vec<u8> {
    let mut head = vec![0; HEADER];
    head[8..10].copy_from_slice(&kind.to_le_bytes());
    head[10..12].copy_from_slice(&(rows.len() as u16).to_le_bytes());
    let (count, mut data) = (rows.len(), Vec::new());
    for (row, (before, after, bytes)) in rows.into_iter().enumerate() {
        let position = (count - row) * ELEMENT + data.len();
        head.extend(before);
        head.extend((position as u32).to_le_bytes());
        head.extend(after);
        data.extend(bytes);
    }
    head.extend(data);
    let overflow = (head.len().div_ceil(SIZE) - 1) as u32;
    head[12..16].copy_from_slice(&overflow.to_le_bytes());
    head
}

pub(crate) fn map<const N: usize>(entries: [(&str, Node); N]) -> BTreeMap<Vec<u8>, Node> {
    entries.into_iter().map(|(key, node)| (key.as_bytes().to_vec(), node)).collect()
}

fn bolt(bytes: &[u8]) -> Result<Bolt, Error> {
    let file = tempfile::tempfile().unwrap();
    file.write_all_at(bytes, 0).unwrap();
    Bolt::read(file, "db".to_owned())
}

fn sample() -> Vec<u8> {
    let many: BTreeMap<Vec<u8>, Node> =
        (0..20u8).map(|n| (vec![b'k', n], Node::Bytes(vec![n; 3000]))).collect();
    write(&map([
        ("big", Node::Tree(many)),
        ("small", Node::Inline(map([("x", Node::Bytes(b"1".to_vec())), ("in", Node::Inline(map([])))]))),
        ("value", Node::Bytes(b"v".to_vec())),
        ("empty", Node::Tree(BTreeMap::new())),
    ]))
}

fn check(path: &[&str], key: &[u8], expect: Option<&[u8]>) {
    let bolt = bolt(&sample()).unwrap();
    let path: Vec<&[u8]> = path.iter().map(|name| name.as_bytes()).collect();
    let bucket = bolt.bucket(&path).unwrap();
    let value = bucket.and_then(|bucket| bolt.value(&bucket, key).unwrap());
    assert_eq!(value.as_deref(), expect, "{path:?} {key:?}");
}

#[test]
fn keys_are_found_in_trees_and_inline() {
    check(&[], b"value", Some(b"v"));
    check(&[], b"big", None);
    check(&["small"], b"x", Some(b"1"));
    check(&["small"], b"y", None);
    check(&["small", "in"], b"y", None);
    check(&["empty"], b"y", None);
    check(&["value"], b"y", None);
    check(&["gone"], b"y", None);
    for n in 0..20u8 {
        check(&["big"], &[b'k', n], Some(&vec![n; 3000]));
    }
    check(&["big"], b"a", None);
    check(&["big"], b"z", None);
    let bolt = bolt(&sample()).unwrap();
    let big = bolt.bucket(&[b"big"]).unwrap().unwrap();
    assert_eq!(bolt.keys(&big, 100).unwrap().len(), 20);
    assert_eq!(bolt.keys(&big, 4).unwrap(), (0..4u8).map(|n| vec![b'k', n]).collect::<Vec<_>>());
}

#[test]
fn a_torn_meta_page_gives_way_to_the_other() {
    let whole = sample();
    for torn in [0, SIZE] {
        let mut bytes = whole.clone();
        bytes[torn + HEADER + 16] ^= 1;
        let bolt = bolt(&bytes).unwrap();
        let root = bolt.bucket(&[]).unwrap().unwrap();
        assert_eq!(bolt.value(&root, b"value").unwrap().unwrap(), b"v");
    }
    assert!(bolt(&whole[..100]).is_ok_and(|bolt| bolt.bucket(&[b"big"]).is_err()));
    assert!(bolt(b"").is_err());
    assert!(bolt(&vec![0; 8192]).is_err());
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader(changes in proptest::collection::vec((0usize..40_000, any::<u8>()), 1..30)) {
        let mut bytes = sample();
        // The meta pages stay whole, so that the pages below are reached.
        for (at, byte) in changes {
            let at = 2 * SIZE + at % (bytes.len() - 2 * SIZE);
            bytes[at] = byte;
        }
        let bolt = bolt(&bytes).unwrap();
        for path in [&[][..], &[&b"big"[..]], &[&b"small"[..], b"in"]] {
            if let Ok(Some(bucket)) = bolt.bucket(path) {
                let _ = bolt.keys(&bucket, 100);
                let _ = bolt.value(&bucket, b"k\x05");
            }
        }
    }

    #[test]
    fn no_page_breaks_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 1u16..3) {
        let mut bytes = bytes;
        if let Some(flags) = bytes.get_mut(8..10) {
            flags.copy_from_slice(&kind.to_le_bytes());
        }
        let bolt = bolt(&sample()).unwrap();
        let bucket = Bucket::Inline(bytes);
        let _ = bolt.keys(&bucket, 100);
        let _ = bolt.value(&bucket, b"k");
    }
}
