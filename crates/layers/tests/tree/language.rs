//! A small language for layers, for the tests of the merged tree.
//!
//! Entries are separated by `;`: `a/ d` or `a/` a directory, `a f1` a file with content 1, `a` an empty file,
//! `a -> b` a symbolic link, `a = b` a hard link, `a c1:3` and `a b8:0` devices, `a p` a pipe, `a ?` an entry
//! of a type that no one knows. `@755` at the end gives the mode, `%name` an extended attribute. A tilde
//! stands for the empty path.

use layers::{Anomaly, ContentHashes, Entry, EntryTable, Kind, Place, Tree};
use std::fmt::Write as _;

pub(crate) fn layer(text: &str) -> EntryTable {
    let mut table = EntryTable::default();
    let items = text.split(';').map(str::trim).filter(|item| !item.is_empty());
    for (index, item) in items.enumerate() {
        push(&mut table, &entry(item, index as u64 * 512));
    }
    table
}

/// Appends an entry. Its size is its content: the hash of a file of size n is n.
pub(crate) fn push(table: &mut EntryTable, entry: &Entry) {
    let index = table.push(entry).expect("room for an entry");
    if entry.kind == Kind::File {
        let [md5, sha1, sha256] = [entry.size as u8; 3];
        table.set_hashes(
            index,
            &ContentHashes { md5: Some([md5; 16]), sha1: Some([sha1; 20]), sha256: [sha256; 32] },
        );
    }
}

pub(crate) fn blank(path: &str, kind: Kind) -> Entry {
    Entry {
        path: path.into(),
        kind,
        mode: if kind == Kind::Directory { 0o755 } else { 0o644 },
        uid: 0,
        gid: 0,
        mtime: 0,
        size: 0,
        link: Vec::new(),
        device: (0, 0),
        xattrs: Vec::new(),
        offset: 0,
    }
}

fn entry(item: &str, offset: u64) -> Entry {
    let mut words = item.split_whitespace();
    let name = words.next().expect("a path");
    let path = name.trim_end_matches('/').replace('~', "");
    let mut entry = blank(&path, if name.ends_with('/') { Kind::Directory } else { Kind::File });
    entry.offset = offset;
    while let Some(word) = words.next() {
        let mut target = || words.next().expect("a target").replace('~', "").into_bytes();
        match word.split_at(1) {
            ("-", _) => (entry.kind, entry.link) = (Kind::Symlink, target()),
            ("=", _) => (entry.kind, entry.link) = (Kind::Hardlink, target()),
            ("d", _) => entry.kind = Kind::Directory,
            ("p", _) => entry.kind = Kind::Fifo,
            ("?", _) => entry.kind = Kind::Unknown(b'?'),
            ("f", size) => entry.size = size.parse().expect("a content"),
            ("@", mode) => entry.mode = u32::from_str_radix(mode, 8).expect("a mode"),
            ("%", xattr) => entry.xattrs.push((xattr.into(), b"y".to_vec())),
            (class @ ("c" | "b"), device) => {
                let (major, minor) = device.split_once(':').expect("a device");
                entry.device = (major.parse().expect("a number"), minor.parse().expect("a number"));
                entry.kind = if class == "c" { Kind::Character } else { Kind::Block };
            }
            _ => panic!("{word} in {item}"),
        }
    }
    entry
}

/// The tree in the same language; directories that no entry describes have a star.
pub(crate) fn listing(tree: &Tree<'_>) -> String {
    let mut lines: Vec<String> = tree
        .iter()
        .map(|(path, place)| format!("{}{}", String::from_utf8_lossy(&path), what(tree, place)))
        .chain(tree.implied().map(|(path, _)| format!("{}/ *", String::from_utf8_lossy(&path))))
        .collect();
    lines.sort();
    lines.join("; ")
}

fn what(tree: &Tree<'_>, place: Place) -> String {
    let entry = tree.entry(tree.content(place)).expect("a live entry");
    match entry.kind {
        Kind::Directory => "/".to_string(),
        Kind::File if entry.size == 0 => String::new(),
        Kind::File => format!(" f{}", entry.size),
        Kind::Symlink => format!(" -> {}", String::from_utf8_lossy(entry.link)),
        Kind::Hardlink => format!(" = {}", String::from_utf8_lossy(entry.link)),
        Kind::Character => format!(" c{}:{}", entry.device.0, entry.device.1),
        Kind::Block => format!(" b{}:{}", entry.device.0, entry.device.1),
        Kind::Fifo => " p".to_string(),
        Kind::Unknown(_) => " ?".to_string(),
    }
}

/// Anomalies as `layer:kind path`, in the order of their coming.
pub(crate) fn notes(anomalies: &[(usize, Anomaly)]) -> String {
    let mut out = String::new();
    for (layer, anomaly) in anomalies {
        let path = String::from_utf8_lossy(&anomaly.path);
        let _ = write!(out, "{layer}:{} {path}; ", anomaly.kind.name());
    }
    out.trim_end_matches("; ").trim_end().to_string()
}
