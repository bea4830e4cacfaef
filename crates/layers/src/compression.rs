//! From transported bytes to the archive.
//!
//! gzip is RFC 1952 with every member, zstd is RFC 8878 with every frame. The magic bytes decide, as they do in
//! containerd and Docker; the declared media type is only compared with them.

mod gzip;
mod input;
mod sniff;
mod zstd;

pub use sniff::Compression;

use crate::anomaly_log::AnomalyLog;
use crate::{Anomaly, AnomalyKind, Limits};
use input::Input;
use std::io::{self, BufRead, Read};

/// Reads the archive out of the transported bytes of a layer, whatever their compression. Never fails over what
/// the bytes say: corruption, bombs and trailing bytes end the output and are in the summary. Errors are those of
/// the reader below. The input is read to its very end.
pub struct Decoder<R> {
    input: Input<R>,
    format: Format,
    compression: Compression,
    declared: String,
    limits: Limits,
    tally: Tally,
    /// Why decoding ended early; noted once the bytes that were left are counted.
    ended: Option<Ended>,
}

enum Format {
    Start,
    Plain,
    Gzip(Box<gzip::Gzip>),
    Zstd(Box<zstd::Zstd>),
    Trailing(Trailing),
    Drain,
    Done,
}

/// What a format counts while it decodes.
#[derive(Default)]
struct Tally {
    members: u64,
    skippable_bytes: u64,
    decompressed: u64,
    log: AnomalyLog,
}

struct Ended {
    kind: AnomalyKind,
    offset: u64,
    why: String,
}

#[derive(Default)]
struct Trailing {
    start: u64,
    count: u64,
    first_other: Option<u64>,
}

/// What one step of a format did.
enum Step {
    /// So many bytes were written to the output.
    Produced(usize),
    /// Nothing yet; ask again.
    Again,
    /// The compressed stream is at its end; what follows belongs to nothing.
    End,
    /// So many bytes were written, and then it could not go on.
    Fail(usize, AnomalyKind, String),
}

/// What is known once the input is read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeSummary {
    /// By the magic bytes.
    pub compression: Compression,
    /// gzip members or zstd frames; 0 for plain.
    pub members: u64,
    /// Bytes in skippable zstd frames and in optional gzip header fields: transported and never shown.
    pub skippable_bytes: u64,
    /// Transported bytes.
    pub compressed_len: u64,
    /// Bytes of the archive.
    pub decompressed_len: u64,
    /// What was odd, in order; offsets count transported bytes.
    pub anomalies: Vec<Anomaly>,
}

impl<R: BufRead> Decoder<R> {
    /// Wraps a reader at the first transported byte. `declared` is the descriptor's media type, empty where there
    /// is none; a media type that names no known compression is compared with nothing.
    pub fn new(input: R, declared: &str, limits: &Limits) -> Self {
        Self {
            input: Input::new(input),
            format: Format::Start,
            compression: Compression::Plain,
            declared: declared.to_owned(),
            limits: limits.clone(),
            tally: Tally::default(),
            ended: None,
        }
    }

    /// The reader below and the summary. Whole once [`Read::read`] has returned 0.
    pub fn finish(mut self) -> (R, DecodeSummary) {
        self.note_end(0);
        if self.tally.members > 1 {
            let members = self.tally.members;
            self.tally.log.note(AnomalyKind::SeveralMembers, 0, b"", || format!("{members} members"));
        }
        let compressed_len = self.input.consumed();
        let summary = DecodeSummary {
            compression: self.compression,
            members: self.tally.members,
            skippable_bytes: self.tally.skippable_bytes,
            compressed_len,
            decompressed_len: self.tally.decompressed,
            anomalies: self.tally.log.finish(),
        };
        (self.input.into_inner(), summary)
    }

    /// By the magic bytes; [`Compression::Plain`] until the first byte was read.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    fn start(&mut self) -> io::Result<()> {
        let head = self.input.peek(sniff::MAGIC_LEN)?;
        self.compression = sniff::sniff(head);
        if let Some(declared) = sniff::declared_compression(&self.declared)
            && declared != self.compression
        {
            let found = self.compression.name();
            let named = self.declared.clone();
            self.tally.log.note(AnomalyKind::MediaTypeMismatch, 0, b"", || {
                format!("declared as {named}, the bytes are {found}")
            });
        }
        self.format = match self.compression {
            Compression::Plain => Format::Plain,
            Compression::Gzip => Format::Gzip(Box::new(gzip::Gzip::new())),
            Compression::Zstd => match zstd::Zstd::new(self.limits.max_zstd_window_log) {
                Ok(zstd) => Format::Zstd(Box::new(zstd)),
                Err(error) => self.fail(AnomalyKind::LimitReached, format!("zstd cannot start: {error}")),
            },
            Compression::Xz | Compression::Bzip2 | Compression::Lz4 => {
                let why = format!("{} is not a compression of image layers", self.compression.name());
                self.fail(AnomalyKind::UnsupportedCompression, why)
            }
        };
        if self.declared.ends_with("+encrypted") {
            self.format = self.fail(AnomalyKind::UnsupportedCompression, "the layer is encrypted".to_owned());
        }
        Ok(())
    }

    fn fail(&mut self, kind: AnomalyKind, why: String) -> Format {
        self.ended = Some(Ended { kind, offset: self.input.consumed(), why });
        Format::Drain
    }

    fn note_end(&mut self, left: u64) {
        if let Some(Ended { kind, offset, why }) = self.ended.take() {
            self.tally.log.note(kind, offset, b"", || match left {
                0 => why,
                left => format!("{why}; {left} transported bytes were not decompressed"),
            });
        }
    }

    /// How much output is still allowed, or why none is.
    fn allowance(&self) -> Result<usize, String> {
        let Limits { max_output, max_ratio, ratio_floor, .. } = self.limits;
        let out = self.tally.decompressed;
        if out >= max_output {
            return Err(format!("more than {max_output} bytes come out of this layer"));
        }
        if out > ratio_floor && out / max_ratio.max(1) > self.input.consumed() {
            return Err(format!("more than {max_ratio} bytes come out of one"));
        }
        Ok(usize::try_from(max_output - out).unwrap_or(usize::MAX))
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let allowed = match self.allowance() {
                Ok(allowed) => allowed.min(out.len()),
                Err(why) if matches!(self.format, Format::Plain | Format::Gzip(_) | Format::Zstd(_)) => {
                    self.format = self.fail(AnomalyKind::LimitReached, why);
                    continue;
                }
                Err(_) => 0,
            };
            let out = out.get_mut(..allowed).unwrap_or_default();
            let step = match &mut self.format {
                Format::Start => {
                    self.start()?;
                    continue;
                }
                Format::Plain => copy(&mut self.input, out)?,
                Format::Gzip(gzip) => gzip.step(&mut self.input, out, &mut self.tally)?,
                Format::Zstd(zstd) => zstd.step(&mut self.input, out, &mut self.tally)?,
                Format::Trailing(trailing) => {
                    trailing.read(&mut self.input)?;
                    trailing.note(&mut self.tally.log);
                    self.format = Format::Done;
                    return Ok(0);
                }
                Format::Drain => {
                    let left = self.input.drain()?;
                    self.note_end(left);
                    self.format = Format::Done;
                    return Ok(0);
                }
                Format::Done => return Ok(0),
            };
            let produced = match step {
                Step::Again => continue,
                Step::Produced(produced) => produced,
                Step::End => {
                    let start = self.input.consumed();
                    self.format = Format::Trailing(Trailing { start, ..Trailing::default() });
                    continue;
                }
                Step::Fail(produced, kind, why) => {
                    self.format = self.fail(kind, why);
                    produced
                }
            };
            if produced > 0 {
                self.tally.decompressed += produced as u64;
                return Ok(produced);
            }
        }
    }
}

fn copy<R: BufRead>(input: &mut Input<R>, out: &mut [u8]) -> io::Result<Step> {
    let available = input.fill_buf()?;
    let count = available.len().min(out.len());
    match (available.get(..count), out.get_mut(..count)) {
        (Some(from), Some(to)) if count > 0 => to.copy_from_slice(from),
        _ => return Ok(Step::End),
    }
    input.consume(count);
    Ok(Step::Produced(count))
}

impl Trailing {
    fn read<R: BufRead>(&mut self, input: &mut Input<R>) -> io::Result<()> {
        loop {
            let bytes = input.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            if self.first_other.is_none()
                && let Some(other) = crate::zeros::first_other(bytes)
            {
                self.first_other = Some(self.start + self.count + other as u64);
            }
            let count = bytes.len();
            self.count += count as u64;
            input.consume(count);
        }
    }

    fn note(&self, log: &mut AnomalyLog) {
        let Self { start, count, first_other } = *self;
        match first_other {
            None if count == 0 => {}
            None => log.note(AnomalyKind::PaddedCompressed, start, b"", || format!("{count} zero bytes")),
            Some(other) => log.note(AnomalyKind::TrailingCompressed, start, b"", || {
                format!("{count} bytes after the end of the compressed stream, the first that is not zero at {other}")
            }),
        }
    }
}

#[cfg(test)]
mod tests;
