use crate::{Entry, Kind};
use serde::{Deserialize, Serialize};

/// The entries of one layer, packed: a layer may hold a million of them, and all layers of an image are in
/// memory together. Names lie in one buffer, hashes in another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryTable {
    records: Vec<Record>,
    #[serde(with = "serde_bytes")]
    names: Vec<u8>,
    /// Of each file whose content is known: one byte that says which hashes follow, then these.
    #[serde(with = "serde_bytes")]
    hashes: Vec<u8>,
    xattrs: Vec<Xattr>,
    /// Of device nodes only, in the order of their entries.
    devices: Vec<Device>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    path: Span,
    link: Span,
    size: u64,
    mtime: i64,
    offset: u64,
    uid: u32,
    gid: u32,
    mode: u16,
    kind: Kind,
    /// Where its hashes begin, plus one; zero for none.
    content: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Span {
    start: u32,
    len: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Xattr {
    entry: u32,
    name: Span,
    value: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Device {
    entry: u32,
    major: u32,
    minor: u32,
}

/// The hashes of a file's content that indicator lists and package databases are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHashes {
    /// MD5: for look-ups of known bad files and package databases only, never to allow. Computed where one of these
    /// can ask for it.
    pub md5: Option<[u8; 16]>,
    /// SHA-1: likewise. Computed for all files of a layer or for none.
    pub sha1: Option<[u8; 20]>,
    /// SHA-256: the file's identity.
    pub sha256: [u8; 32],
}

/// Of the byte before the hashes of a file: MD5 is among them.
const HAS_MD5: u8 = 1;
/// Likewise: SHA-1 is among them.
const HAS_SHA1: u8 = 2;

/// One entry as the table holds it.
#[derive(Debug, Clone, Copy)]
pub struct EntryView<'a> {
    /// Position in the layer's archive.
    pub index: usize,
    /// As in [`Entry::path`].
    pub path: &'a [u8],
    /// What it is.
    pub kind: Kind,
    /// As in [`Entry::mode`].
    pub mode: u32,
    /// Owner; `u32::MAX` where the archive names one beyond 32 bits.
    pub uid: u32,
    /// Group; likewise.
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Logical size in bytes.
    pub size: u64,
    /// As in [`Entry::link`].
    pub link: &'a [u8],
    /// As in [`Entry::offset`].
    pub offset: u64,
    /// As in [`Entry::device`].
    pub device: (u32, u32),
    /// Hashes of the content; none for what is no file, or was not read whole.
    pub hashes: Option<ContentHashes>,
}

impl EntryTable {
    /// Appends an entry. Returns its index, or none when the table is full: its names are addressed with 32
    /// bits, which is more than the reader's limits ever let through.
    pub fn push(&mut self, entry: &Entry) -> Option<usize> {
        let index = u32::try_from(self.records.len()).ok()?;
        let path = self.intern(&entry.path)?;
        let link = if entry.link.is_empty() { Span { start: 0, len: 0 } } else { self.intern(&entry.link)? };
        self.records.push(Record {
            path,
            link,
            size: entry.size,
            mtime: entry.mtime,
            offset: entry.offset,
            uid: u32::try_from(entry.uid).unwrap_or(u32::MAX),
            gid: u32::try_from(entry.gid).unwrap_or(u32::MAX),
            mode: (entry.mode & 0o7777) as u16,
            kind: entry.kind,
            content: 0,
        });
        for (name, value) in &entry.xattrs {
            let (name, value) = (self.intern(name)?, self.intern(value)?);
            self.xattrs.push(Xattr { entry: index, name, value });
        }
        if matches!(entry.kind, Kind::Character | Kind::Block) {
            let (major, minor) = entry.device;
            self.devices.push(Device { entry: index, major, minor });
        }
        Some(index as usize)
    }

    /// Notes the hashes of an entry's content.
    pub fn set_hashes(&mut self, index: usize, hashes: &ContentHashes) {
        let Some(record) = self.records.get_mut(index) else { return };
        let Ok(place) = u32::try_from(self.hashes.len() + 1) else { return };
        record.content = place;
        let ContentHashes { md5, sha1, sha256 } = hashes;
        self.hashes.push(md5.map_or(0, |_| HAS_MD5) | sha1.map_or(0, |_| HAS_SHA1));
        self.hashes.extend_from_slice(sha256);
        self.hashes.extend_from_slice(md5.as_ref().map_or(&[], |md5| md5));
        self.hashes.extend_from_slice(sha1.as_ref().map_or(&[], |sha1| sha1));
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The entry at an index.
    pub fn get(&self, index: usize) -> Option<EntryView<'_>> {
        let record = self.records.get(index)?;
        Some(EntryView {
            index,
            path: self.text(record.path),
            kind: record.kind,
            mode: u32::from(record.mode),
            uid: record.uid,
            gid: record.gid,
            mtime: record.mtime,
            size: record.size,
            link: self.text(record.link),
            offset: record.offset,
            device: self.device(index),
            hashes: self.hashes(record.content),
        })
    }

    /// All entries in the order of the archive.
    pub fn iter(&self) -> impl Iterator<Item = EntryView<'_>> {
        (0..self.records.len()).filter_map(|index| self.get(index))
    }

    /// Extended attributes of all entries, as (index, name, value).
    pub fn xattrs(&self) -> impl Iterator<Item = (usize, &[u8], &[u8])> {
        self.xattrs.iter().map(|xattr| (xattr.entry as usize, self.text(xattr.name), self.text(xattr.value)))
    }

    /// The path alone, for the merge, which reads each one several times.
    pub(crate) fn path(&self, index: usize) -> &[u8] {
        self.records.get(index).map(|record| self.text(record.path)).unwrap_or_default()
    }

    /// The link target alone.
    pub(crate) fn link(&self, index: usize) -> &[u8] {
        self.records.get(index).map(|record| self.text(record.link)).unwrap_or_default()
    }

    /// The kind alone.
    pub(crate) fn kind(&self, index: usize) -> Option<Kind> {
        self.records.get(index).map(|record| record.kind)
    }

    fn device(&self, index: usize) -> (u32, u32) {
        let found = self.devices.binary_search_by_key(&index, |device| device.entry as usize);
        let device = found.ok().and_then(|at| self.devices.get(at));
        device.map(|device| (device.major, device.minor)).unwrap_or_default()
    }

    fn hashes(&self, place: u32) -> Option<ContentHashes> {
        let (has, rest) = self.hashes.get(place.checked_sub(1)? as usize..)?.split_first()?;
        let (sha256, rest) = rest.split_first_chunk()?;
        let (md5, rest) = if has & HAS_MD5 == 0 { (None, rest) } else { first(rest)? };
        let (sha1, _) = if has & HAS_SHA1 == 0 { (None, rest) } else { first(rest)? };
        Some(ContentHashes { md5, sha1, sha256: *sha256 })
    }

    /// A table may come from a cache file, so a span is never trusted.
    fn text(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        start.checked_add(span.len as usize).and_then(|end| self.names.get(start..end)).unwrap_or_default()
    }

    fn intern(&mut self, text: &[u8]) -> Option<Span> {
        let span =
            Span { start: u32::try_from(self.names.len()).ok()?, len: u32::try_from(text.len()).ok()? };
        self.names.extend_from_slice(text);
        Some(span)
    }
}

fn first<const N: usize>(bytes: &[u8]) -> Option<(Option<[u8; N]>, &[u8])> {
    let (first, rest) = bytes.split_first_chunk()?;
    Some((Some(*first), rest))
}
