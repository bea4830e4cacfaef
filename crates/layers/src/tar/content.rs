use super::reader::TarReader;
use super::sparse::{Segment, Sparse};
use crate::ChunkReader;
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead, Read};

/// Zeros that the holes of sparse files are shown as, a piece at a time.
static HOLE: [u8; 64 << 10] = [0; 64 << 10];

/// The bytes of the entry that [`TarReader::next_entry`] returned last, where the archive has them for it.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// Bytes in the archive that belong to the entry and were not consumed.
    pub(crate) stored: u64,
    /// Bytes of padding after them.
    pub(crate) padding: u64,
    pub(crate) is_sparse: bool,
    pub(crate) sparse: Sparse,
}

impl Content {
    /// Makes the next `size` bytes of the archive the content.
    pub(crate) fn set(&mut self, size: u64) {
        self.stored = size;
        self.padding = size.wrapping_neg() % super::header::BLOCK as u64;
        self.is_sparse = false;
    }

    fn next(&mut self) -> Piece {
        if !self.is_sparse {
            return Piece::Stored(self.stored);
        }
        let Sparse { segments, index, position, end } = &mut self.sparse;
        loop {
            let next = segments.get(*index).copied().unwrap_or(Segment { start: u64::MAX, end: u64::MAX });
            if *position < next.start.min(*end) {
                return Piece::Hole(next.start.min(*end) - *position);
            }
            if *position < next.end.min(*end) {
                return Piece::Stored((next.end.min(*end) - *position).min(self.stored));
            }
            if *position >= *end {
                return Piece::Stored(0);
            }
            *index += 1;
        }
    }
}

enum Piece {
    Stored(u64),
    Hole(u64),
}

/// The content of one entry in logical form, holes as zeros. It yields fewer bytes than
/// [`Entry::size`](crate::Entry::size) exactly where it is cut: the archive ends, a sparse map asks for more than
/// there is, or its holes exceed their limit. Each has its anomaly, and no hash of cut content means anything.
pub struct EntryData<'a, R> {
    pub(crate) reader: &'a mut TarReader<R>,
}

impl EntryData<'_, ChunkReader> {
    /// Consumes bytes that [`BufRead::fill_buf`] gave and takes their SHA-256 along the way, which costs less than
    /// it does later: the archive is hashed at the same time.
    pub fn consume_into(&mut self, count: usize, sha256: &mut Sha256) {
        match self.reader.content.next() {
            Piece::Stored(len) => {
                let stored = usize::try_from(len).unwrap_or(usize::MAX).min(count);
                self.reader.pass(count, stored);
                self.reader.input.consume_into(stored, sha256);
            }
            Piece::Hole(_) => {
                sha256.update(HOLE.get(..count).unwrap_or(&HOLE));
                self.reader.pass(count, 0);
            }
        }
    }
}

impl<R: BufRead> BufRead for EntryData<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let (len, hole) = match self.reader.content.next() {
            Piece::Stored(0) => return Ok(&[]),
            Piece::Stored(len) => (len, false),
            Piece::Hole(len) => (len, true),
        };
        let bytes = if hole { &HOLE[..] } else { self.reader.input.fill_buf()? };
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.get(..len).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let stored = match self.reader.content.next() {
            Piece::Stored(len) => usize::try_from(len).unwrap_or(usize::MAX).min(count),
            Piece::Hole(_) => 0,
        };
        self.reader.pass(count, stored);
        self.reader.input.consume(stored);
    }
}

impl<R> TarReader<R> {
    /// Moves on by so many bytes of the content, of which so many lie in the archive.
    fn pass(&mut self, count: usize, stored: usize) {
        if self.content.is_sparse {
            let position = &mut self.content.sparse.position;
            *position = position.saturating_add(count as u64);
        }
        self.content.stored -= stored as u64;
        self.offset += stored as u64;
    }
}

impl<R: BufRead> Read for EntryData<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        if let (Some(from), Some(to)) = (available.get(..count), out.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}
