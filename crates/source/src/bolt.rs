use crate::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// A bolt database (bbolt's file format, version 2), read and nothing else. Its writer may be at work: pages
/// are copied before they change, so what a whole meta page points to stays as it is for a while.
pub(crate) struct Bolt {
    file: File,
    shown: String,
    page_size: u64,
    root: u64,
    end: u64,
}

/// A named set of values and further buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bucket {
    /// Its keys start on this page.
    Page(u64),
    /// It is small and lies in its parent: this is its page.
    Inline(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Bytes(Vec<u8>),
    Bucket(Bucket),
}

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const HEADER: usize = 16;
const ELEMENT: usize = 16;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const IS_BUCKET: u32 = 1;
const MAX_DEPTH: usize = 32;
/// One page with its overflow: the longest value that is read.
const MAX_PAGE: u64 = 16 << 20;
/// Pages that are visited to list the keys of a bucket.
const MAX_VISITED: usize = 4096;

impl Bolt {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = crate::tar_index::open_regular(path)?;
        Self::read(file, crate::content::show(path))
    }

    pub(crate) fn read(file: File, shown: String) -> Result<Self, Error> {
        let end = file.metadata().map_err(|source| Error::io(&shown, source))?.len();
        let mut bolt = Self { file, shown, page_size: 0, root: 0, end };
        // Two meta pages take turns; a torn one has a wrong checksum. The second lies a page further, and the
        // size of a page is only known from the first where that is whole.
        let sizes = (9..=16).map(|power| 1u64 << power);
        let metas = std::iter::once(0)
            .chain(sizes)
            .filter_map(|at| bolt.meta(at).filter(|meta| at == 0 || meta.page_size == at));
        let newest = metas.max_by_key(|meta| meta.transaction);
        let meta = newest.ok_or_else(|| bolt.damaged("it has no whole meta page"))?;
        bolt.page_size = meta.page_size;
        bolt.root = meta.root;
        Ok(bolt)
    }

    /// The bucket below these names.
    ///
    /// # Errors
    /// Where the database is damaged. A bucket that does not exist is none.
    pub(crate) fn bucket(&self, path: &[&[u8]]) -> Result<Option<Bucket>, Error> {
        let mut bucket = Bucket::Page(self.root);
        for name in path {
            match self.find(&bucket, name)? {
                Some(Value::Bucket(next)) => bucket = next,
                Some(Value::Bytes(_)) | None => return Ok(None),
            }
        }
        Ok(Some(bucket))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// Where the database is damaged. A key that does not exist has none.
    pub(crate) fn value(&self, bucket: &Bucket, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.find(bucket, key)?.and_then(|value| match value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Bucket(_) => None,
        }))
    }

    /// The first keys of a bucket.
    pub(crate) fn keys(&self, bucket: &Bucket, limit: usize) -> Result<Vec<Vec<u8>>, Error> {
        let mut keys = Vec::new();
        let mut visited = 0;
        let mut open = vec![(bucket.clone(), 0)];
        while let Some((next, depth)) = open.pop() {
            visited += 1;
            if depth > MAX_DEPTH || visited > MAX_VISITED {
                return Err(self.damaged("its pages run in a circle"));
            }
            let page = self.page(&next)?;
            for at in 0..page.count {
                match page.kind {
                    LEAF => keys.push(page.leaf(at).ok_or_else(|| self.torn())?.1.to_vec()),
                    _ => {
                        let child = page.branch(page.count - 1 - at).ok_or_else(|| self.torn())?.1;
                        open.push((Bucket::Page(child), depth + 1));
                    }
                }
                if keys.len() >= limit {
                    return Ok(keys);
                }
            }
        }
        Ok(keys)
    }

    fn find(&self, bucket: &Bucket, key: &[u8]) -> Result<Option<Value>, Error> {
        let mut next = bucket.clone();
        for _ in 0..MAX_DEPTH {
            let page = self.page(&next)?;
            if page.kind == LEAF {
                for at in 0..page.count {
                    let (flags, name, value) = page.leaf(at).ok_or_else(|| self.torn())?;
                    if name == key {
                        return Ok(Some(self.value_of(flags, value)?));
                    }
                }
                return Ok(None);
            }
            // The child that could hold the key is the last one that starts at or before it.
            let mut child = None;
            for at in 0..page.count {
                let (start, id) = page.branch(at).ok_or_else(|| self.torn())?;
                if child.is_some() && start > key {
                    break;
                }
                child = Some(id);
            }
            next = Bucket::Page(child.ok_or_else(|| self.torn())?);
        }
        Err(self.damaged("its pages run in a circle"))
    }

    fn value_of(&self, flags: u32, value: &[u8]) -> Result<Value, Error> {
        if flags & IS_BUCKET == 0 {
            return Ok(Value::Bytes(value.to_vec()));
        }
        let root = u64_at(value, 0).ok_or_else(|| self.torn())?;
        Ok(Value::Bucket(match (root, value.get(HEADER..)) {
            (0, Some(page)) => Bucket::Inline(page.to_vec()),
            (0, None) => return Err(self.torn()),
            (page, _) => Bucket::Page(page),
        }))
    }

    fn page(&self, bucket: &Bucket) -> Result<Page, Error> {
        let bytes = match bucket {
            Bucket::Inline(bytes) => bytes.clone(),
            Bucket::Page(id) => {
                let at = id.checked_mul(self.page_size).ok_or_else(|| self.torn())?;
                let overflow = self.bytes(at, HEADER as u64)?;
                let overflow = u64::from(u32_at(&overflow, 12).ok_or_else(|| self.torn())?);
                let length = overflow.saturating_add(1).saturating_mul(self.page_size);
                self.bytes(at, length)?
            }
        };
        let kind = u16_at(&bytes, 8).ok_or_else(|| self.torn())?;
        let count = usize::from(u16_at(&bytes, 10).ok_or_else(|| self.torn())?);
        match kind {
            BRANCH | LEAF => Ok(Page { bytes, kind, count }),
            _ => Err(self.torn()),
        }
    }

    fn bytes(&self, at: u64, length: u64) -> Result<Vec<u8>, Error> {
        if length > MAX_PAGE || at.checked_add(length).is_none_or(|last| last > self.end) {
            return Err(self.torn());
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, at).map_err(|source| Error::io(&self.shown, source))?;
        Ok(bytes)
    }

    fn meta(&self, at: u64) -> Option<Meta> {
        let bytes = self.bytes(at, (HEADER + 64) as u64).ok()?;
        let meta = bytes.get(HEADER..)?;
        let page_size = u64::from(u32_at(meta, 8)?);
        let is_whole = u32_at(meta, 0)? == MAGIC
            && u32_at(meta, 4)? == VERSION
            && u64_at(meta, 56)? == checksum(meta.get(..56)?)
            && (512..=65_536).contains(&page_size);
        is_whole.then_some(Meta { page_size, root: u64_at(meta, 16)?, transaction: u64_at(meta, 48)? })
    }

    fn torn(&self) -> Error {
        self.damaged("one of its pages is damaged, or was written while it was read")
    }

    fn damaged(&self, why: &str) -> Error {
        Error::refused(&self.shown, format!("{why}; try again, or stop its owner first"))
    }
}

struct Meta {
    page_size: u64,
    root: u64,
    transaction: u64,
}

struct Page {
    bytes: Vec<u8>,
    kind: u16,
    count: usize,
}

impl Page {
    /// Flags, key and value.
    fn leaf(&self, index: usize) -> Option<(u32, &[u8], &[u8])> {
        let at = HEADER.checked_add(index.checked_mul(ELEMENT)?)?;
        let word = |offset| u32_at(&self.bytes, at.checked_add(offset)?).map(|word| word as usize);
        let start = at.checked_add(word(4)?)?;
        let middle = start.checked_add(word(8)?)?;
        let end = middle.checked_add(word(12)?)?;
        Some((u32_at(&self.bytes, at)?, self.bytes.get(start..middle)?, self.bytes.get(middle..end)?))
    }

    /// First key and page.
    fn branch(&self, index: usize) -> Option<(&[u8], u64)> {
        let at = HEADER.checked_add(index.checked_mul(ELEMENT)?)?;
        let start = at.checked_add(u32_at(&self.bytes, at)? as usize)?;
        let end = start.checked_add(u32_at(&self.bytes, at.checked_add(4)?)? as usize)?;
        Some((self.bytes.get(start..end)?, u64_at(&self.bytes, at.checked_add(8)?)?))
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

/// FNV-1a over 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
pub(crate) mod tests;
