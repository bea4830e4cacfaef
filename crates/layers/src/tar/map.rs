//! Where the maps of sparse files are read from: header blocks, records, or the content itself.

use super::content::EntryData;
use super::header::{self, BLOCK, Fields, Magic};
use super::number;
use super::pax::SparseVersion;
use super::reader::{Stop, TarReader, read_block};
use super::sparse::{BadMap, MAX_SEGMENTS};
use crate::{AnomalyKind, Entry, zeros};
use std::io::{BufRead, Read};

impl<R: BufRead> TarReader<R> {
    /// Sets up the content of a sparse file. True when it is one in a PAX format, which may rename it.
    pub(super) fn read_sparse(
        &mut self,
        fields: &Fields,
        start: u64,
        has_content: bool,
        entry: &mut Entry,
    ) -> Result<bool, Stop> {
        let old = fields.flag == b'S';
        let version = self.extended.pax.sparse_version();
        if self.extended.pax.sparse.present && (old || version.is_none()) {
            // Go takes such a file as it is stored, and other readers expand it or refuse.
            self.log.note(AnomalyKind::ConflictingHeaders, start, b"", || {
                "sparse records of no version that runtimes know".to_owned()
            });
        }
        if !old && version.is_none() {
            return Ok(false);
        }
        if !has_content {
            return Err(self.stop(AnomalyKind::BadSparseMap, start, || {
                "a sparse map on an entry without content".into()
            }));
        }
        self.content.sparse.clear();
        let read = if old {
            self.read_old_map(fields, start, entry)
        } else {
            let size = match self.extended.pax.sparse_size() {
                None => Ok(()),
                Some(None) => Err(BadMap::Number),
                Some(Some(size)) => match u64::try_from(size.value) {
                    Ok(size) => {
                        entry.size = size;
                        Ok(())
                    }
                    Err(_) => Err(BadMap::Order),
                },
            };
            match (size, version) {
                (Err(bad), _) => Err(MapError::Bad(bad)),
                (Ok(()), Some(SparseVersion::InData)) => self.read_map_in_data(),
                (Ok(()), _) => self.content.sparse.push_records(&self.extended.pax).map_err(MapError::Bad),
            }
        };
        let budget = self.limits.max_sparse_hole.saturating_sub(self.holes);
        let settled =
            read.and_then(|()| self.content.sparse.settle(entry.size, budget).map_err(MapError::Bad));
        let (data, holes) = match settled {
            Ok(settled) => settled,
            Err(MapError::Bad(bad @ BadMap::TooLong)) => {
                return Err(self.stop(AnomalyKind::LimitReached, start, || bad.why().to_owned()));
            }
            Err(MapError::Bad(bad)) => {
                return Err(self.stop(AnomalyKind::BadSparseMap, start, || bad.why().to_owned()));
            }
            Err(MapError::Stop(stop)) => return Err(stop),
        };
        self.content.is_sparse = true;
        self.holes += holes;
        self.log.note(AnomalyKind::Sparse, start, header::name(&self.block), || {
            format!("{data} of {} bytes are stored", entry.size)
        });
        if self.content.sparse.end < entry.size {
            let end = self.content.sparse.end;
            self.log.note(AnomalyKind::LimitReached, start, header::name(&self.block), || {
                format!("the holes of a sparse file: {} bytes, read up to {end}", entry.size)
            });
        }
        if data != self.content.stored {
            let stored = self.content.stored;
            self.log.note(AnomalyKind::BadSparseMap, start, header::name(&self.block), || {
                format!("the sparse map covers {data} bytes and {stored} are stored")
            });
        }
        Ok(!old)
    }

    fn read_old_map(&mut self, fields: &Fields, start: u64, entry: &mut Entry) -> Result<(), MapError> {
        if fields.magic != Magic::Gnu {
            return Err(MapError::Bad(BadMap::Number));
        }
        let (pairs, mut more, size) = header::gnu_sparse(&self.block);
        let size = size.ok_or(BadMap::Number)?;
        if !size.plain {
            self.log.note(AnomalyKind::OddNumber, start, b"", || "the size of a sparse file".to_owned());
        }
        entry.size = u64::try_from(size.value).map_err(|_| BadMap::Order)?;
        self.content.sparse.push_fields(pairs)?;
        while more {
            let at = self.offset;
            let mut block = [0; BLOCK];
            let read = read_block(&mut self.input, &mut self.offset, &mut block).map_err(MapError::Stop)?;
            if read < BLOCK {
                return Err(MapError::Stop(self.stop(AnomalyKind::Truncated, at, || {
                    "the archive ends inside a sparse map".to_owned()
                })));
            }
            let (pairs, further, padding) = header::gnu_sparse_extension(&block);
            more = further;
            if zeros::first_other(padding).is_some() {
                self.log.note(AnomalyKind::DirtyPadding, at, b"", || "after a sparse map".to_owned());
            }
            let before = self.content.sparse.segments.len();
            self.content.sparse.push_fields(pairs)?;
            if more && self.content.sparse.segments.len() == before {
                // Empty blocks would chain without end; no writer makes one.
                return Err(MapError::Bad(BadMap::Count));
            }
        }
        Ok(())
    }

    /// Version 1.0: decimal lines in the first blocks of the content, padded to a whole block.
    fn read_map_in_data(&mut self) -> Result<(), MapError> {
        let mut lines = Lines::default();
        let count = lines.next(self)?;
        let count = number::parse_decimal(&count).ok_or(BadMap::Number)?.value;
        let count = usize::try_from(count).map_err(|_| BadMap::Number)?;
        if count > MAX_SEGMENTS {
            return Err(MapError::Bad(BadMap::TooLong));
        }
        for _ in 0..count {
            let offset = lines.next(self)?;
            let len = lines.next(self)?;
            self.content.sparse.push_decimal(&offset, &len)?;
        }
        let rest = lines.bytes.get(lines.at..).unwrap_or_default();
        if zeros::first_other(rest).is_some() {
            let offset = self.offset;
            self.log.note(AnomalyKind::DirtyPadding, offset, b"", || "after a sparse map".to_owned());
        }
        Ok(())
    }
}

enum MapError {
    Bad(BadMap),
    Stop(Stop),
}

impl From<BadMap> for MapError {
    fn from(bad: BadMap) -> Self {
        Self::Bad(bad)
    }
}

/// Lines out of whole blocks of content.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    at: usize,
}

impl Lines {
    fn next<R: BufRead>(&mut self, reader: &mut TarReader<R>) -> Result<Vec<u8>, MapError> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', rest) {
                let line = rest.get(..end).unwrap_or_default().to_vec();
                self.at += end + 1;
                return Ok(line);
            }
            // No number takes a block, so a line that spans two whole ones is none.
            if rest.len() > BLOCK {
                return Err(MapError::Bad(BadMap::Number));
            }
            self.bytes.drain(..self.at);
            self.at = 0;
            let before = self.bytes.len();
            EntryData { reader }
                .take(BLOCK as u64)
                .read_to_end(&mut self.bytes)
                .map_err(|source| MapError::Stop(Stop::Broken { offset: reader.offset, source }))?;
            if self.bytes.len() - before < BLOCK {
                return Err(MapError::Bad(BadMap::Count));
            }
        }
    }
}
