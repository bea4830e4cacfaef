use super::input::Input;
use super::sniff::{ZSTD_MAGIC, is_skippable};
use super::{Step, Tally};
use crate::AnomalyKind;
use std::io::{self, BufRead};
use zstd::stream::raw::{DParameter, Decoder, Operation};

/// zstd, frame by frame. Skippable frames are found by us, as the library passes over them in silence and a
/// payload fits in them.
pub(crate) struct Zstd {
    state: State,
    decoder: Decoder<'static>,
}

enum State {
    Between,
    Frame,
}

impl Zstd {
    pub(crate) fn new(max_window_log: u32) -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(max_window_log.clamp(10, 27)))?;
        Ok(Self { state: State::Between, decoder })
    }

    pub(crate) fn step<R: BufRead>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        tally: &mut Tally,
    ) -> io::Result<Step> {
        match self.state {
            State::Between => self.open_frame(input, tally),
            State::Frame => self.decompress(input, out),
        }
    }

    fn open_frame<R: BufRead>(&mut self, input: &mut Input<R>, tally: &mut Tally) -> io::Result<Step> {
        let head = input.peek(8)?;
        if head.starts_with(&ZSTD_MAGIC) {
            tally.members += 1;
            self.decoder.reinit()?;
            self.state = State::Frame;
            return Ok(Step::Again);
        }
        if !is_skippable(head) {
            return Ok(Step::End);
        }
        let &[_, _, _, _, l0, l1, l2, l3] = head else {
            return Ok(corrupt("the stream ends inside the header of a skippable frame"));
        };
        let len = u64::from(u32::from_le_bytes([l0, l1, l2, l3]));
        let offset = input.consumed();
        input.consume(8);
        let found = input.skip(len)?;
        tally.skippable_bytes += found;
        tally
            .log
            .note(AnomalyKind::SkippableFrame, offset, b"", || format!("{found} bytes that nothing shows"));
        Ok(if found < len { corrupt("the stream ends inside a skippable frame") } else { Step::Again })
    }

    fn decompress<R: BufRead>(&mut self, input: &mut Input<R>, out: &mut [u8]) -> io::Result<Step> {
        let available = input.fill_buf()?;
        let at_end = available.is_empty();
        let status = match self.decoder.run_on_buffers(available, out) {
            Ok(status) => status,
            Err(error) => {
                let why = error.to_string();
                let kind = if why.contains("too much memory") {
                    AnomalyKind::LimitReached
                } else {
                    AnomalyKind::CorruptCompression
                };
                return Ok(Step::Fail(0, kind, format!("the zstd frame cannot be read: {why}")));
            }
        };
        input.consume(status.bytes_read);
        if status.remaining == 0 {
            self.state = State::Between;
        } else if status.bytes_written == 0 && at_end {
            return Ok(corrupt("the stream ends inside a zstd frame"));
        } else if status.bytes_written == 0 && status.bytes_read == 0 {
            return Ok(corrupt("the zstd frame does not go on"));
        }
        Ok(Step::Produced(status.bytes_written))
    }
}

fn corrupt(why: &str) -> Step {
    Step::Fail(0, AnomalyKind::CorruptCompression, why.to_owned())
}
