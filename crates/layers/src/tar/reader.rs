use super::content::{Content, EntryData};
use super::entry::{self, Built, Extended};
use super::header::{self, BLOCK, Block, Checksum, Fields};
use crate::anomaly_log::AnomalyLog;
use crate::{Anomaly, AnomalyKind, Entry, Kind, Limits, zeros};
use std::io::{self, BufRead};

/// Reads an archive from front to back in bounded memory. Every entry comes out in the order of the archive;
/// every byte is an entry's, padding that was checked, or named in [`Self::anomalies`].
pub struct TarReader<R> {
    pub(super) input: R,
    /// Bytes of the archive consumed.
    pub(super) offset: u64,
    pub(super) content: Content,
    pub(super) block: Block,
    pub(super) extended: Extended,
    pub(super) log: AnomalyLog,
    pub(super) limits: Limits,
    state: State,
    entries: u64,
    names: u64,
    /// Zeros that sparse files expanded to.
    pub(super) holes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// After the end marker, or at the end of input where an archive may end.
    Ended,
    Stopped(AnomalyKind, u64),
}

/// Why no further entry can be read. Runtimes refuse the layer at this point; the anomaly of the same kind is
/// a gap that covers everything after it.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// The archive itself says nothing that can be read from here on.
    #[error("the archive cannot be read past offset {offset} ({}); {}", kind.name(), advice(*kind))]
    Unreadable {
        /// The anomaly that was noted.
        kind: AnomalyKind,
        /// Offset in the decompressed stream.
        offset: u64,
    },
    /// The reader below failed.
    #[error("the layer's bytes stopped coming at offset {offset}; fetch it again")]
    Broken {
        /// Offset in the decompressed stream.
        offset: u64,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

/// What a person can do where nothing more is read.
fn advice(kind: AnomalyKind) -> &'static str {
    match kind {
        AnomalyKind::LimitReached => {
            "it goes beyond what is read of one layer; make several smaller layers of it"
        }
        _ => "rebuild the layer",
    }
}

impl<R: BufRead> TarReader<R> {
    /// Starts at the first block.
    pub fn new(input: R, limits: &Limits) -> Self {
        Self {
            input,
            offset: 0,
            content: Content::default(),
            block: [0; BLOCK],
            extended: Extended::default(),
            log: AnomalyLog::default(),
            limits: limits.clone(),
            state: State::Open,
            entries: 0,
            names: 0,
            holes: 0,
        }
    }

    /// The next entry; none at the end of the archive. Content of the entry before that was not read is skipped.
    ///
    /// # Errors
    ///
    /// [`Stop`] when nothing after this point can be read; calling again gives the same.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Stop> {
        let mut entry = Entry::default();
        Ok(self.next_into(&mut entry)?.then_some(entry))
    }

    /// As [`Self::next_entry`], into an entry whose buffers are used again: a layer may have millions. False at the
    /// end of the archive; the entry means nothing then.
    ///
    /// # Errors
    ///
    /// As for [`Self::next_entry`].
    pub fn next_into(&mut self, entry: &mut Entry) -> Result<bool, Stop> {
        match self.state {
            State::Open => {}
            State::Ended => return Ok(false),
            State::Stopped(kind, offset) => return Err(Stop::Unreadable { kind, offset }),
        }
        let read = self.read_next(entry);
        if let Err(Stop::Broken { .. }) = &read {
            // Going on after a failed read would begin in the middle of a block.
            let offset = self.offset;
            let _ =
                self.stop(AnomalyKind::Truncated, offset, || "the layer's bytes stopped coming".to_owned());
        }
        read
    }

    fn read_next(&mut self, entry: &mut Entry) -> Result<bool, Stop> {
        self.extended.clear();
        loop {
            if !self.skip_content()? {
                return Ok(false);
            }
            let start = self.offset;
            if !self.next_header()? {
                return Ok(false);
            }
            let fields = match header::fields(&self.block) {
                Ok(fields) => fields,
                Err(field) => {
                    return Err(self
                        .stop(AnomalyKind::BadNumber, start, || format!("the field {field} is no number")));
                }
            };
            match fields.flag {
                b'x' | b'g' | b'L' | b'K' => self.read_extended(&fields, start)?,
                _ => return self.read_entry(&fields, start, entry).map(|()| true),
            }
        }
    }

    /// The content of the entry that was returned last. May be called again; it goes on where it was.
    pub fn data(&mut self) -> EntryData<'_, R> {
        EntryData { reader: self }
    }

    /// Bytes of the archive read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Entries returned so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// What was odd so far, in order. Of each kind only the first hundred are kept.
    pub fn anomalies(&self) -> &[Anomaly] {
        self.log.kept()
    }

    /// Reads whatever is left of the input, accounts for it, and gives the input back with all anomalies. Entries
    /// that nobody asked for, bytes after a [`Stop`] and bytes after the end marker are named here.
    pub fn finish(mut self) -> (R, Vec<Anomaly>) {
        // A broken reader below is reported by whoever owns it.
        let _ = self.account_for_rest();
        (self.input, self.log.finish())
    }

    fn account_for_rest(&mut self) -> Result<(), Stop> {
        if self.state == State::Open {
            let before = self.entries;
            let from = self.offset;
            let mut entry = Entry::default();
            let walked = loop {
                match self.next_into(&mut entry) {
                    Ok(true) => {}
                    walked => break walked,
                }
            };
            let unread = self.entries - before;
            if unread > 0 {
                self.log.note(AnomalyKind::LimitReached, from, b"", || {
                    format!("reading ended here; {unread} entries after it were not looked at")
                });
            }
            if let Err(stop @ Stop::Broken { .. }) = walked {
                return Err(stop);
            }
        }
        let start = self.offset;
        let mut count = 0u64;
        let mut others = 0u64;
        let mut first_other = None;
        loop {
            let bytes = fill(&mut self.input, self.offset)?;
            if bytes.is_empty() {
                break;
            }
            if let Some(other) = zeros::first_other(bytes) {
                first_other.get_or_insert(start + count + other as u64);
                others += zeros::count_others(bytes);
            }
            let len = bytes.len();
            count += len as u64;
            self.input.consume(len);
            self.offset += len as u64;
        }
        match (self.state, first_other) {
            (State::Stopped(kind, _), _) if count > 0 => self.log.note(kind, start, b"", || {
                format!(
                    "{count} bytes from here to the end of the layer were not read, {others} of them not zero"
                )
            }),
            (State::Ended, Some(first)) => self.log.note(AnomalyKind::TrailingData, first, b"", || {
                format!("{count} bytes after the end of the archive, {others} of them not zero")
            }),
            _ => {}
        }
        Ok(())
    }

    /// Reads a block with a right checksum. False at the end of the archive.
    fn next_header(&mut self) -> Result<bool, Stop> {
        let start = self.offset;
        match self.read_block()? {
            BLOCK => {}
            0 => return Ok(self.end("the archive has no end marker")),
            read => {
                return Err(self
                    .stop(AnomalyKind::Truncated, start, || format!("{read} bytes where a header is due")));
            }
        }
        if zeros::first_other(&self.block).is_none() {
            return match self.read_block()? {
                BLOCK if zeros::first_other(&self.block).is_none() => {
                    self.note_stray("the end of the archive");
                    self.state = State::Ended;
                    Ok(false)
                }
                BLOCK => Err(self.stop(AnomalyKind::TrailingData, start + BLOCK as u64, || {
                    "a header after one zero block: some readers go on here, runtimes refuse".to_owned()
                })),
                0 => Ok(self.end("the end marker is one block instead of two")),
                read => Err(self.stop(AnomalyKind::Truncated, start + BLOCK as u64, || {
                    format!("{read} bytes where the end marker goes on")
                })),
            };
        }
        match header::checksum(&self.block) {
            Checksum::Right => Ok(true),
            Checksum::Signed => {
                self.log.note(AnomalyKind::OddNumber, start, header::name(&self.block), || {
                    "a checksum of signed bytes".to_owned()
                });
                Ok(true)
            }
            Checksum::Wrong => {
                Err(self.stop(AnomalyKind::BadChecksum, start, || "no header has this checksum".to_owned()))
            }
        }
    }

    fn read_entry(&mut self, fields: &Fields, start: u64, entry: &mut Entry) -> Result<(), Stop> {
        let offset = self.extended.start.unwrap_or(start);
        if fields.size < 0 && matches!(entry::kind(fields.flag), Kind::File | Kind::Unknown(_)) {
            // Even where an extended header says better: Go looks at the header first.
            return Err(self.stop(AnomalyKind::BadNumber, start, || "a negative size".to_owned()));
        }
        let Built { stored, has_content } =
            entry::build(&self.block, fields, &mut self.extended, entry, offset, &mut self.log);
        if has_content {
            let Some(size) = u64::try_from(stored).ok() else {
                return Err(self.stop(AnomalyKind::BadNumber, start, || "a negative size".to_owned()));
            };
            self.content.set(size);
        } else {
            self.content.set(0);
        }
        let sparse_name = self.read_sparse(fields, start, has_content, entry)?;
        entry::finish_path(&mut self.extended, sparse_name, entry, offset, &mut self.log);
        if entry.path.is_empty() && fields.flag != b'5' {
            self.log.note(AnomalyKind::AmbiguousName, offset, b"", || {
                "no directory, and named as the root".to_owned()
            });
        }
        self.entries += 1;
        if self.entries > self.limits.max_entries {
            let most = self.limits.max_entries;
            return Err(self.stop(AnomalyKind::LimitReached, offset, || format!("more than {most} entries")));
        }
        let xattrs =
            entry.xattrs.iter().map(|(name, value)| name.len() + value.len() + XATTR_COST).sum::<usize>();
        self.names += (entry.path.len() + entry.link.len() + xattrs) as u64;
        if self.names > self.limits.max_names {
            let most = self.limits.max_names;
            return Err(
                self.stop(AnomalyKind::LimitReached, offset, || format!("more than {most} bytes of names"))
            );
        }
        Ok(())
    }

    /// Skips what was not read of the last content and checks its padding. False where the archive ends.
    fn skip_content(&mut self) -> Result<bool, Stop> {
        self.content.is_sparse = false;
        while self.content.stored > 0 {
            let available = fill(&mut self.input, self.offset)?.len();
            if available == 0 {
                let left = self.content.stored;
                let offset = self.offset;
                return Err(self.stop(AnomalyKind::Truncated, offset, || {
                    format!("the archive ends {left} bytes before the end of an entry")
                }));
            }
            let taken = usize::try_from(self.content.stored).unwrap_or(usize::MAX).min(available);
            self.input.consume(taken);
            self.content.stored -= taken as u64;
            self.offset += taken as u64;
        }
        self.skip_padding()
    }

    fn skip_padding(&mut self) -> Result<bool, Stop> {
        let mut others = 0;
        let mut first_other = None;
        let mut at_end = false;
        while self.content.padding > 0 {
            let available = fill(&mut self.input, self.offset)?;
            if available.is_empty() {
                at_end = true;
                break;
            }
            let taken = usize::try_from(self.content.padding).unwrap_or(usize::MAX).min(available.len());
            let padding = available.get(..taken).unwrap_or_default();
            if let Some(other) = zeros::first_other(padding) {
                first_other.get_or_insert(self.offset + other as u64);
                others += zeros::count_others(padding);
            }
            self.input.consume(taken);
            self.content.padding -= taken as u64;
            self.offset += taken as u64;
        }
        if let Some(first) = first_other {
            self.log.note(AnomalyKind::DirtyPadding, first, b"", || {
                format!("{others} bytes that are not zero after the content of an entry")
            });
        }
        Ok(if at_end { self.end("the archive ends in the padding of its last entry") } else { true })
    }

    fn read_block(&mut self) -> Result<usize, Stop> {
        read_block(&mut self.input, &mut self.offset, &mut self.block)
    }

    fn end(&mut self, why: &'static str) -> bool {
        self.note_stray("the end of the archive");
        self.log.note(AnomalyKind::NoEndMarker, self.offset, b"", || why.to_owned());
        self.state = State::Ended;
        false
    }

    pub(super) fn note_stray(&mut self, what: &'static str) {
        if self.extended.is_pending() {
            let offset = self.extended.start.unwrap_or(self.offset);
            self.log.note(AnomalyKind::StrayExtendedHeader, offset, b"", || {
                format!("an extended header before {what}")
            });
        }
    }

    pub(super) fn stop(&mut self, kind: AnomalyKind, offset: u64, detail: impl FnOnce() -> String) -> Stop {
        self.log.note(kind, offset, header::name(&self.block), detail);
        self.state = State::Stopped(kind, offset);
        self.content.set(0);
        Stop::Unreadable { kind, offset }
    }
}

fn fill<R: BufRead>(input: &mut R, offset: u64) -> Result<&[u8], Stop> {
    // The first call settles interruptions, so that the borrow of the second can be returned.
    loop {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(Stop::Broken { offset, source }),
            Ok(_) => break,
        }
    }
    input.fill_buf().map_err(|source| Stop::Broken { offset, source })
}

/// What an attribute costs beyond its bytes: a million empty ones must count too.
const XATTR_COST: usize = 32;

/// Fills a block as far as the input goes.
pub(super) fn read_block<R: BufRead>(
    input: &mut R,
    offset: &mut u64,
    block: &mut Block,
) -> Result<usize, Stop> {
    let mut read = 0;
    while read < BLOCK {
        let available = fill(input, *offset)?;
        let taken = available.len().min(BLOCK - read);
        match (block.get_mut(read..read + taken), available.get(..taken)) {
            (Some(to), Some(from)) if taken > 0 => to.copy_from_slice(from),
            _ => break,
        }
        input.consume(taken);
        *offset += taken as u64;
        read += taken;
    }
    Ok(read)
}
