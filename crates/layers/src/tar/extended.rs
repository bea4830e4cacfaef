//! Headers that describe the next entry: PAX `x` and `g`, GNU `L` and `K`.

use super::content::EntryData;
use super::header::{self, Fields, Magic};
use super::pax::{BadRecord, MAX_EXTENDED, MAX_NAME};
use super::reader::{Stop, TarReader};
use crate::{AnomalyKind, zeros};
use std::io::{BufRead, Read};

impl<R: BufRead> TarReader<R> {
    /// Reads a header that describes the next entry.
    pub(super) fn read_extended(&mut self, fields: &Fields, start: u64) -> Result<(), Stop> {
        let what = match fields.flag {
            b'x' => "PAX header",
            b'g' => "global PAX header",
            b'L' => "GNU long name",
            _ => "GNU long link",
        };
        let Some(size) = u64::try_from(fields.size).ok() else {
            return Err(self.stop(AnomalyKind::BadNumber, start, || format!("a negative size of a {what}")));
        };
        if let Some(odd) = fields.odd {
            self.log.note(AnomalyKind::OddNumber, start, b"", || format!("{odd} of a {what}"));
        }
        if let Some(place) = header::dirty_padding(&self.block, fields) {
            self.log.note(AnomalyKind::DirtyPadding, start, b"", || format!("from byte {place} of a {what}"));
        }
        let customary = match fields.flag {
            b'x' | b'g' => fields.magic == Magic::Ustar && header::has_standard_version(&self.block),
            _ => fields.magic == Magic::Gnu,
        };
        if !customary {
            self.log.note(AnomalyKind::BadExtendedHeader, start, b"", || {
                format!("the magic of a {what} is one by which some readers do not take it for one")
            });
        }
        let limit = if matches!(fields.flag, b'L' | b'K') { MAX_NAME } else { MAX_EXTENDED };
        if size > limit {
            return Err(self.stop(AnomalyKind::LimitReached, start, || format!("a {what} of {size} bytes")));
        }
        self.extended.start.get_or_insert(start);
        let (repeated, buffer) = match fields.flag {
            b'x' => (self.extended.pax.pending, self.extended.pax.clear()),
            b'g' => {
                self.note_stray("a global header");
                (false, self.extended.global.clear())
            }
            flag => {
                let name =
                    if flag == b'L' { &mut self.extended.long_name } else { &mut self.extended.long_link };
                name.bytes.clear();
                (std::mem::replace(&mut name.pending, true), &mut name.bytes)
            }
        };
        if repeated {
            self.log.note(AnomalyKind::StrayExtendedHeader, start, b"", || {
                format!("a second {what} for one entry")
            });
        }
        self.content.set(size);
        let content = self.offset;
        let mut bytes = std::mem::take(buffer);
        let read = EntryData { reader: self }.read_to_end(&mut bytes);
        let slot = match fields.flag {
            b'x' => self.extended.pax.clear(),
            b'g' => self.extended.global.clear(),
            b'L' => &mut self.extended.long_name.bytes,
            _ => &mut self.extended.long_link.bytes,
        };
        *slot = bytes;
        let read = read.map_err(|source| Stop::Broken { offset: self.offset, source })?;
        if (read as u64) < size {
            return Err(
                self.stop(AnomalyKind::Truncated, start, || format!("the archive ends inside a {what}"))
            );
        }
        match fields.flag {
            b'x' => {
                self.parse_pax(content)?;
                Ok(())
            }
            b'g' => self.note_global(start, content),
            flag => {
                self.check_long_name(flag, start, what);
                Ok(())
            }
        }
    }

    fn parse_pax(&mut self, content: u64) -> Result<(), Stop> {
        let Self { extended, log, .. } = self;
        let parsed = extended.pax.parse(&mut |kind, at, detail| {
            log.note(kind, content + at as u64, b"", || detail);
        });
        self.check_pax(parsed, content)
    }

    /// Runtimes return a global header as an entry of its own: they apply its records to nothing, and remove what
    /// lies at its path before they find that there is nothing to unpack.
    fn note_global(&mut self, start: u64, content: u64) -> Result<(), Stop> {
        let Self { extended, log, block, .. } = self;
        let parsed = extended.global.parse(&mut |kind, at, detail| {
            log.note(kind, content + at as u64, b"", || detail);
        });
        log.note(AnomalyKind::GlobalHeader, start, b"", String::new);
        if parsed.is_ok() && extended.global.overrides {
            log.note(AnomalyKind::GlobalOverride, start, b"", || {
                "its records change later entries for some readers".to_owned()
            });
        }
        let name = header::name(block);
        let path = extended.global.path().unwrap_or(name);
        if !is_customary(path) {
            log.note(AnomalyKind::GlobalOverride, start, path, || {
                "runtimes remove what lies at the name of a global header".to_owned()
            });
        }
        self.check_pax(parsed, content)?;
        // In Go the records of a PAX header before a global one are lost.
        self.extended.clear();
        Ok(())
    }

    fn check_pax(&mut self, parsed: Result<(), BadRecord>, content: u64) -> Result<(), Stop> {
        parsed.map_err(|BadRecord { kind, at, why }| self.stop(kind, content + at as u64, || why.to_owned()))
    }

    fn check_long_name(&mut self, flag: u8, start: u64, what: &'static str) {
        let Self { extended, log, .. } = self;
        let name = if flag == b'L' { &extended.long_name } else { &extended.long_link };
        let text = header::text(&name.bytes);
        if zeros::first_other(name.bytes.get(text.len()..).unwrap_or_default()).is_some() {
            log.note(AnomalyKind::HiddenName, start, text, || format!("bytes after the NUL of a {what}"));
        }
        if text.is_empty() {
            log.note(AnomalyKind::ConflictingHeaders, start, b"", || format!("an empty {what}"));
        }
        if text.len() == name.bytes.len() {
            log.note(AnomalyKind::HiddenName, start, text, || format!("a {what} without its NUL"));
        }
    }
}

/// Names that git, GNU tar, Go and Python give to global headers.
fn is_customary(path: &[u8]) -> bool {
    let last = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    path.is_empty()
        || path.starts_with(b"PaxHeaders.")
        || path == b"././@PaxHeader"
        || last == b"pax_global_header"
        || last.starts_with(b"GlobalHead.")
}
