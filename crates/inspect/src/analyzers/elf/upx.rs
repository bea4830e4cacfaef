//! Unpacks what UPX packed, without running any of it.
//!
//! A packed program is a stub, followed by a chain of blocks, each with its sizes and method in front. The word
//! `UPX!` beside it is for the packer's own tool alone: the stub never reads it, so it may be wiped, and a block
//! that unpacks to an ELF header is proof enough.

mod lzma;
mod nrv;
#[cfg(test)]
pub(super) mod tests;

use lzma::Lzma;
use nrv::Nrv;
use std::sync::{Mutex, PoisonError};

/// What a packed program was, and how openly it was packed.
#[derive(Debug)]
pub(super) struct Unpacked {
    /// The program; empty where its blocks could not be unpacked.
    pub(super) bytes: Vec<u8>,
    /// Whether the marks are in place by which the packer's own tool would unpack it.
    pub(super) plain: bool,
    /// Whether all blocks were unpacked.
    pub(super) complete: bool,
}

/// Largest program that is unpacked, and how many times larger than its packed form.
const MAX_UNPACKED: usize = 64 << 20;
const MAX_RATIO: usize = 64;
/// Largest first block: it holds nothing but ELF and program headers.
const MAX_FIRST: usize = 16 << 10;
/// First blocks that are tried: each costs as much as a block, however small the file is.
const MAX_TRIES: usize = 16;
/// Blocks of a chain.
const MAX_BLOCKS: usize = 1024;
/// Where the chain may begin in what the headers of the stub leave of the file's start.
const SEARCHED: usize = 1024;
/// Places with the packer's mark that are tried.
const MAX_MARKS: usize = 16;
const MARK: &[u8] = b"UPX!";

/// Only one unpacked program is in memory at any time.
static UNPACKING: Mutex<()> = Mutex::new(());

/// Unpacks a program and hands it to `look`; none where it is not packed in this way.
pub(super) fn with_unpacked<T>(
    bytes: &[u8],
    headers_end: u64,
    little: bool,
    look: impl FnOnce(&Unpacked) -> T,
) -> Option<T> {
    let packed = Packed { bytes, little };
    let (start, first) = packed.find(usize::try_from(headers_end).ok()?)?;
    let _alone = UNPACKING.lock().unwrap_or_else(PoisonError::into_inner);
    let (bytes, complete) = packed.unpack(start, first);
    Some(look(&Unpacked { bytes, plain: packed.is_plain(start), complete }))
}

struct Packed<'b> {
    bytes: &'b [u8],
    little: bool,
}

/// What stands in front of each block (`b_info`).
struct Block {
    size: usize,
    packed: usize,
    method: u8,
    /// Where its bytes begin.
    at: usize,
}

/// Bytes of a `b_info`; `l_info` and `p_info` before the first are as long.
const HEAD: usize = 12;

impl Packed<'_> {
    /// The start of the chain: its first block unpacks to an ELF header.
    fn find(&self, headers_end: usize) -> Option<(usize, Vec<u8>)> {
        let regular = headers_end.checked_add(2 * HEAD)?;
        let near = (0..SEARCHED / 4).filter_map(|number| headers_end.checked_add(number * 4));
        let marks = memchr::memmem::find_iter(self.bytes, MARK).take(MAX_MARKS);
        // The mark is the second word of `l_info`.
        let marked = marks.filter_map(|at| (at + 2 * HEAD).checked_sub(4));
        let places = [regular].into_iter().chain(marked).chain(near);
        let blocks = places.filter_map(|at| Some((at, self.block(at)?)));
        let mut first = blocks.filter(|(_, block)| (52..=MAX_FIRST).contains(&block.size)).take(MAX_TRIES);
        first.find_map(|(at, block)| {
            let first = self.unpack_block(&block)?;
            first.starts_with(b"\x7fELF").then_some((at, first))
        })
    }

    fn block(&self, at: usize) -> Option<Block> {
        let method = *self.bytes.get(at.checked_add(8)?)?;
        let block = Block {
            size: self.u32(at)? as usize,
            packed: self.u32(at.checked_add(4)?)? as usize,
            method,
            at: at.checked_add(HEAD)?,
        };
        let known = matches!(method, 2..=10 | 14);
        let fits = block.packed > 0 && block.packed <= block.size && block.size <= MAX_UNPACKED;
        (known && fits && block.at.checked_add(block.packed)? <= self.bytes.len()).then_some(block)
    }

    fn unpack_block(&self, block: &Block) -> Option<Vec<u8>> {
        let source = self.bytes.get(block.at..block.at.checked_add(block.packed)?)?;
        if block.packed == block.size {
            return Some(source.to_vec());
        }
        let size = block.size;
        let width = |method: u8| match method % 3 {
            2 => 4,
            0 => 1,
            _ => 2,
        };
        match block.method {
            2..=4 => nrv::unpack(source, size, Nrv::B, width(block.method)),
            5..=7 => nrv::unpack(source, size, Nrv::D, width(block.method)),
            8..=10 => nrv::unpack(source, size, Nrv::E, width(block.method)),
            14 => {
                let [bits, literal]: [u8; 2] = *source.first_chunk()?;
                let parameters = Lzma {
                    literal_context: u32::from(literal & 15),
                    literal_position: u32::from(literal >> 4),
                    position: u32::from(bits & 7),
                };
                lzma::unpack(source.get(2..)?, size, parameters)
            }
            _ => None,
        }
    }

    /// Unpacks the chain, and puts each block where the unpacked headers say that the segment lies it is of.
    fn unpack(&self, start: usize, first: Vec<u8>) -> (Vec<u8>, bool) {
        let limit = MAX_UNPACKED.min(self.bytes.len().saturating_mul(MAX_RATIO));
        let mut left = limit;
        let header = super::parse::load_spans(&first);
        let headers = first.len();
        // What is left of the segments behind the headers, in the order in which they were packed.
        let mut spans = header.into_iter().filter_map(|(offset, size)| {
            let cut = headers.saturating_sub(offset).min(size);
            Some((offset.checked_add(cut)?, size.checked_sub(cut)?)).filter(|span| span.1 > 0)
        });
        let mut current = spans.next();
        let mut output = first;
        let Some(block) = self.block(start) else { return (output, false) };
        let mut at = block.at + block.packed;
        for _ in 0..MAX_BLOCKS {
            let Some(block) = self.block(at) else {
                // The end: a block of no size, or the stub that follows the last.
                return (output, current.is_none());
            };
            // Blocks that unpack to the same place over and over cost as much as others.
            let Some(rest) = left.checked_sub(block.size) else { return (output, false) };
            left = rest;
            let Some(bytes) = self.unpack_block(&block) else { return (output, false) };
            at = block.at + block.packed;
            let place = current.map_or(output.len(), |(offset, _)| offset.max(headers));
            let Some(end) = place.checked_add(bytes.len()).filter(|&end| end <= limit) else {
                return (output, false);
            };
            if output.len() < end {
                output.resize(end, 0);
            }
            if let Some(target) = output.get_mut(place..end) {
                target.copy_from_slice(&bytes);
            }
            current = match current {
                Some((offset, size)) if size > bytes.len() => {
                    Some((offset + bytes.len(), size - bytes.len()))
                }
                _ => spans.next(),
            };
        }
        (output, false)
    }

    /// Whether the packer's own tool would know it: the mark before the chain and behind it, and sizes between
    /// that agree with the chain.
    fn is_plain(&self, start: usize) -> bool {
        let word = |back: usize| start.checked_sub(back).and_then(|at| self.u32(at));
        let mark = start.checked_sub(20).and_then(|at| self.bytes.get(at..at + 4));
        let sizes = word(8).is_some_and(|size| size > 0) && word(4).is_some_and(|size| size > 0);
        // The second mark ends the file, unless something was appended to the packed program.
        let rest = self.bytes.get(start..).unwrap_or_default();
        mark == Some(MARK) && sizes && memchr::memmem::find(rest, MARK).is_some()
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}
