//! Sparse files: the old GNU format and the PAX formats 0.0, 0.1 and 1.0 (GNU tar manual, "Sparse Formats").

use super::number::{self, Number};
use super::pax::Pax;

/// One stretch of real data in a sparse file, in logical offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Most segments of one file. What GNU tar writes for the most torn of files stays far below.
pub(crate) const MAX_SEGMENTS: usize = 65_536;

/// Why a map cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadMap {
    Number,
    Count,
    Order,
    TooLong,
}

impl BadMap {
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::Number => "a number of the sparse map cannot be read",
            Self::Count => "the sparse map has another number of segments than it says",
            Self::Order => "the sparse map overlaps, runs backwards or leaves the file",
            Self::TooLong => "the sparse map has too many segments",
        }
    }
}

/// A sparse map and where the reader is in it.
#[derive(Debug, Default)]
pub(crate) struct Sparse {
    pub(crate) segments: Vec<Segment>,
    pub(crate) index: usize,
    /// Logical position.
    pub(crate) position: u64,
    /// Where the content is cut: the logical size, or before it where holes would exceed their limit.
    pub(crate) end: u64,
}

impl Sparse {
    /// Forgets the last file's map.
    pub(crate) fn clear(&mut self) {
        self.segments.clear();
        self.index = 0;
        self.position = 0;
        self.end = 0;
    }

    /// Appends one segment; order and bounds are checked by [`Self::settle`].
    pub(crate) fn push(&mut self, offset: i64, len: i64) -> Result<(), BadMap> {
        if self.segments.len() >= MAX_SEGMENTS {
            return Err(BadMap::TooLong);
        }
        let (Ok(start), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else {
            return Err(BadMap::Order);
        };
        let end = start.checked_add(len).ok_or(BadMap::Order)?;
        self.segments.push(Segment { start, end });
        Ok(())
    }

    /// Appends the pairs of an old GNU header or extension block. A NUL where an offset begins ends them, as in
    /// GNU, BSD and Go.
    pub(crate) fn push_fields(&mut self, pairs: &[u8]) -> Result<(), BadMap> {
        for pair in pairs.chunks_exact(24) {
            let (offset, len) = pair.split_at(12);
            if offset.first() == Some(&0) {
                break;
            }
            let offset = number::parse_field(offset).ok_or(BadMap::Number)?.value;
            let len = number::parse_field(len).ok_or(BadMap::Number)?.value;
            self.push(offset, len)?;
        }
        Ok(())
    }

    /// Takes the map out of the records of an extended header, version 0.0 or 0.1.
    pub(crate) fn push_records(&mut self, pax: &Pax) -> Result<(), BadMap> {
        let count = pax.sparse_blocks().ok_or(BadMap::Count)?.value;
        let mut numbers = pax.sparse_numbers();
        let mut pairs = 0i64;
        while let Some(offset) = numbers.next() {
            let len = numbers.next().ok_or(BadMap::Count)?;
            self.push_decimal(offset, len)?;
            pairs += 1;
        }
        if pairs == count { Ok(()) } else { Err(BadMap::Count) }
    }

    /// Appends one pair of decimal numbers.
    pub(crate) fn push_decimal(&mut self, offset: &[u8], len: &[u8]) -> Result<(), BadMap> {
        let number = |text| number::parse_decimal(text).ok_or(BadMap::Number);
        let (Number { value: offset, .. }, Number { value: len, .. }) = (number(offset)?, number(len)?);
        self.push(offset, len)
    }

    /// Checks the map against the logical size and cuts the content where its holes exceed `max_hole` bytes.
    /// Returns (bytes of data the map asks for, bytes of holes before the cut).
    pub(crate) fn settle(&mut self, size: u64, max_hole: u64) -> Result<(u64, u64), BadMap> {
        let mut before = 0;
        let mut data = 0u64;
        let mut holes = 0u64;
        self.end = size;
        let last = Segment { start: size, end: size };
        for segment in self.segments.iter().chain([&last]) {
            if segment.start < before || segment.end > size {
                return Err(BadMap::Order);
            }
            let hole = segment.start - before;
            if self.end == size && hole > max_hole - holes {
                self.end = before + (max_hole - holes);
                holes = max_hole;
            } else if self.end == size {
                holes += hole;
            }
            data += segment.end - segment.start;
            before = segment.end;
        }
        Ok((data, holes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(i64, i64)], size: u64, max_hole: u64, expect: Result<(u64, u64, u64), BadMap>) {
        let mut sparse = Sparse::default();
        let settled = pairs
            .iter()
            .try_for_each(|&(offset, len)| sparse.push(offset, len))
            .and_then(|()| sparse.settle(size, max_hole));
        assert_eq!(settled.map(|(data, holes)| (data, holes, sparse.end)), expect, "{pairs:?} of {size}");
    }

    #[test]
    fn maps_are_checked_and_holes_bounded() {
        check(&[], 10, 100, Ok((0, 10, 10)));
        check(&[(2, 5), (18, 3)], 25, 100, Ok((8, 17, 25)));
        check(&[(2, 5), (18, 3)], 25, 5, Ok((8, 5, 10)));
        check(&[(0, 5)], 1 << 62, 1 << 20, Ok((5, 1 << 20, 5 + (1 << 20))));
        check(&[(0, 5), (4, 5)], 25, 100, Err(BadMap::Order));
        check(&[(10, 5), (0, 5)], 25, 100, Err(BadMap::Order));
        check(&[(20, 6)], 25, 100, Err(BadMap::Order));
        check(&[(-1, 6)], 25, 100, Err(BadMap::Order));
        check(&[(i64::MAX, i64::MAX)], u64::MAX, 100, Ok((i64::MAX as u64, 100, 100)));
    }
}
