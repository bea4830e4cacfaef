use super::input::Input;
use super::sniff::GZIP_MAGIC;
use super::{Step, Tally};
use crate::AnomalyKind;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::io::{self, BufRead};

/// gzip, member by member. Go, and so every runtime, reads members as one stream; a reader of the first member
/// alone would see only the harmless half of a hostile layer.
pub(crate) struct Gzip {
    state: State,
    inflate: Decompress,
    crc: Crc,
    member_start: u64,
}

enum State {
    Between,
    Body,
    Trailer,
}

const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;
/// Optional bytes of one header that are ordinary: a file name, or the small extra fields of BGZF and eStargz.
const ORDINARY_FIELDS: u64 = 512;

impl Gzip {
    pub(crate) fn new() -> Self {
        Self { state: State::Between, inflate: Decompress::new(false), crc: Crc::new(), member_start: 0 }
    }

    pub(crate) fn step<R: BufRead>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        tally: &mut Tally,
    ) -> io::Result<Step> {
        match self.state {
            State::Between => self.open_member(input, tally),
            State::Body => self.inflate(input, out),
            State::Trailer => self.close_member(input, tally),
        }
    }

    fn open_member<R: BufRead>(&mut self, input: &mut Input<R>, tally: &mut Tally) -> io::Result<Step> {
        if !input.peek(GZIP_MAGIC.len())?.starts_with(&GZIP_MAGIC) {
            return Ok(Step::End);
        }
        self.member_start = input.consumed();
        let mut header = HeaderReader { input, crc: Crc::new() };
        let Some(fields) = header.read(self.member_start, tally)? else {
            return Ok(corrupt("the stream ends inside a gzip header"));
        };
        tally.skippable_bytes += fields;
        let total = tally.skippable_bytes;
        if fields > ORDINARY_FIELDS || total > 8 * ORDINARY_FIELDS && total > input.consumed() / 256 {
            tally.log.note(AnomalyKind::GzipFields, self.member_start, b"", || {
                format!("{fields} bytes in the optional fields of this header, {total} in all so far")
            });
        }
        tally.members += 1;
        self.inflate.reset(false);
        self.crc.reset();
        self.state = State::Body;
        Ok(Step::Again)
    }

    fn inflate<R: BufRead>(&mut self, input: &mut Input<R>, out: &mut [u8]) -> io::Result<Step> {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let available = input.fill_buf()?;
        let at_end = available.is_empty();
        let status = self.inflate.decompress(available, out, FlushDecompress::None);
        let consumed = usize::try_from(self.inflate.total_in() - before_in).unwrap_or(0);
        let produced = usize::try_from(self.inflate.total_out() - before_out).unwrap_or(0);
        input.consume(consumed);
        self.crc.update(out.get(..produced).unwrap_or_default());
        Ok(match status {
            Ok(Status::StreamEnd) => {
                self.state = State::Trailer;
                Step::Produced(produced)
            }
            Ok(_) if produced == 0 && at_end => corrupt("the stream ends inside a gzip member"),
            Ok(_) if produced == 0 && consumed == 0 => corrupt("the gzip member does not go on"),
            Ok(_) => Step::Produced(produced),
            Err(_) => Step::Fail(
                produced,
                AnomalyKind::CorruptCompression,
                "the deflate data is corrupt".to_owned(),
            ),
        })
    }

    fn close_member<R: BufRead>(&mut self, input: &mut Input<R>, tally: &mut Tally) -> io::Result<Step> {
        let &[c0, c1, c2, c3, l0, l1, l2, l3] = input.peek(8)? else {
            return Ok(corrupt("the stream ends inside a gzip trailer"));
        };
        let (crc, len) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([l0, l1, l2, l3]));
        let offset = input.consumed();
        input.consume(8);
        let (real_crc, real_len) = (self.crc.sum(), self.inflate.total_out() as u32);
        if crc != real_crc || len != real_len {
            tally.log.note(AnomalyKind::CorruptCompression, offset, b"", || {
                format!(
                    "the gzip trailer says CRC {crc:08x} and length {len}, the data have {real_crc:08x} and {real_len}"
                )
            });
        }
        self.state = State::Between;
        Ok(Step::Again)
    }
}

fn corrupt(why: &str) -> Step {
    Step::Fail(0, AnomalyKind::CorruptCompression, why.to_owned())
}

struct HeaderReader<'a, R> {
    input: &'a mut Input<R>,
    crc: Crc,
}

impl<R: BufRead> HeaderReader<'_, R> {
    /// Consumes one member header. Returns how many bytes its optional fields have; none at the end of input.
    fn read(&mut self, start: u64, tally: &mut Tally) -> io::Result<Option<u64>> {
        let mut fixed = [0; 10];
        for byte in &mut fixed {
            let Some(next) = self.next()? else { return Ok(None) };
            *byte = next;
        }
        let [_, _, _, flags, ..] = fixed;
        let mut fields = 0;
        if flags & FEXTRA != 0 {
            let (Some(low), Some(high)) = (self.next()?, self.next()?) else { return Ok(None) };
            let len = u16::from_le_bytes([low, high]);
            for _ in 0..len {
                let Some(_) = self.next()? else { return Ok(None) };
            }
            fields += u64::from(len);
        }
        for flag in [FNAME, FCOMMENT] {
            if flags & flag != 0 {
                loop {
                    match self.next()? {
                        None => return Ok(None),
                        Some(0) => break,
                        Some(_) => fields += 1,
                    }
                }
            }
        }
        if flags & FHCRC != 0 {
            let expect = self.crc.sum() as u16;
            let (Some(low), Some(high)) = (self.next()?, self.next()?) else { return Ok(None) };
            if u16::from_le_bytes([low, high]) != expect {
                tally.log.note(AnomalyKind::CorruptCompression, start, b"", || {
                    "the checksum of the gzip header is wrong".to_owned()
                });
            }
        }
        if flags & 0xe0 != 0 {
            tally.log.note(AnomalyKind::GzipFields, start, b"", || {
                format!("reserved flags are set in the gzip header: {flags:#04x}")
            });
        }
        Ok(Some(fields))
    }

    fn next(&mut self) -> io::Result<Option<u8>> {
        let byte = self.input.next_byte()?;
        if let Some(byte) = byte {
            self.crc.update(&[byte]);
        }
        Ok(byte)
    }
}
