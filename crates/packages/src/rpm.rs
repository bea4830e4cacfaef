//! rpm's databases: one binary header for each package, kept in Berkeley DB, in ndb or in SQLite. The three
//! readers find the headers; [`header`] reads them. All are bounded by the size of the file: a header's bytes
//! belong to it alone, so the headers together cannot be larger than the file that holds them.

mod bdb;
mod header;
mod ndb;
mod sqlite;

use crate::DatabaseFile;
use crate::part::{Content, Installed, Part, Reading};

/// Reads a database file of rpm.
pub(crate) fn database(kind: DatabaseFile, bytes: &[u8]) -> Result<Part, Fault> {
    let mut headers = Headers::new(bytes.len());
    match kind {
        DatabaseFile::RpmBerkeley => bdb::read(bytes, &mut headers)?,
        DatabaseFile::RpmNdb => ndb::read(bytes, &mut headers)?,
        DatabaseFile::RpmSqlite => sqlite::read(bytes, &mut headers)?,
        _ if bytes.is_empty() => {}
        _ => headers.skip(Fault::new(
            0,
            "the log holds changes that the database beside it lacks, and they are not applied; let SQLite checkpoint it",
        )),
    }
    Ok(headers.reading.finish(Content::Packages(headers.installed)))
}

/// Something that cannot be read, and where. Whether it costs the file or one package is for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) offset: usize,
    pub(crate) reason: &'static str,
}

impl Fault {
    fn new(offset: usize, reason: &'static str) -> Self {
        Self { offset, reason }
    }
}

/// Takes the headers that a database reader finds.
struct Headers {
    installed: Vec<Installed>,
    reading: Reading,
    /// Bytes of headers that may still come. Pointers into one place from many would otherwise make a small
    /// file read as a huge one.
    budget: usize,
    done: bool,
}

impl Headers {
    fn new(file_size: usize) -> Self {
        Self { installed: Vec::new(), reading: Reading::new(), budget: file_size, done: false }
    }

    fn skip(&mut self, fault: Fault) {
        self.reading.skip(fault.offset, fault.reason);
    }

    /// Asks for room for a header of this size before its bytes are brought together.
    fn reserve(&mut self, offset: usize, size: usize) -> Result<(), Fault> {
        let left = self.budget.checked_sub(size);
        self.budget = left.ok_or(Fault::new(offset, "entries that together are larger than the file"))?;
        Ok(())
    }

    /// Whether reading may end: the limits are reached, and that is noted.
    fn is_done(&self) -> bool {
        self.done
    }

    /// Takes a header for which room was reserved. `offset` says where in the file it begins.
    fn take(&mut self, offset: usize, header: &[u8]) {
        match header::read(offset, header, &mut self.reading) {
            Ok((installed, more)) => {
                self.installed.push(installed);
                self.done = !more;
            }
            Err(fault) => self.skip(fault),
        }
    }
}

/// A set of the pages of a file that were used; a page belongs to one thing only.
struct Pages(Vec<u64>);

impl Pages {
    fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    /// Marks a page. False when it was marked before or is not in the file.
    fn mark(&mut self, page: usize) -> bool {
        let Some(word) = self.0.get_mut(page / 64) else { return false };
        let bit = 1 << (page % 64);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

/// The order of the bytes in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// A number that addresses or measures something in the file.
    fn size(self, bytes: &[u8], at: usize) -> Option<usize> {
        self.u32(bytes, at).and_then(|size| usize::try_from(size).ok())
    }
}

/// Part of a file, by start and length; none where the file ends before.
fn span(bytes: &[u8], start: usize, len: usize) -> Option<&[u8]> {
    bytes.get(start..start.checked_add(len)?)
}

#[cfg(test)]
mod tests;
