//! Compressed payloads, within what is left of the budget.

use super::{Budget, Limit, StepKind};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What anything may inflate to, however small it is.
const SMALL: usize = 1 << 20;
/// What something larger may inflate to. Scripts reach a tenth of that.
const RATIO: usize = 256;
/// Memory that a dictionary may take, in KiB.
const DICTIONARY: u32 = 32 << 10;

/// Which compression the head of some bytes names.
pub(super) fn sniff(bytes: &[u8]) -> Option<StepKind> {
    match bytes {
        [0x1f, 0x8b, 8, ..] => Some(StepKind::Gzip),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => Some(StepKind::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(StepKind::Lzma),
        [0x5d, 0, 0, _, _, 0xff, 0xff, 0xff, ..] => Some(StepKind::Lzma),
        // RFC 1950: the first two bytes, read as one number, are a multiple of 31.
        [0x78, flags @ (0x01 | 0x5e | 0x9c | 0xda), ..] if (0x7800 + u16::from(*flags)) % 31 == 0 => {
            Some(StepKind::Zlib)
        }
        _ => None,
    }
}

/// Inflates; none where it is not of this kind, or passes a limit, which is noted.
pub(super) fn inflate(kind: StepKind, bytes: &[u8], budget: &mut Budget) -> Option<Vec<u8>> {
    // The fence is for the foreign decoders: a panic in one of them is one payload that cannot be read.
    catch_unwind(AssertUnwindSafe(|| match kind {
        StepKind::Gzip => bounded(flate2::bufread::MultiGzDecoder::new(bytes), bytes.len(), budget),
        StepKind::Zlib => bounded(flate2::bufread::ZlibDecoder::new(bytes), bytes.len(), budget),
        StepKind::Deflate => bounded(flate2::bufread::DeflateDecoder::new(bytes), bytes.len(), budget),
        StepKind::Bzip2 => bounded(bzip2_rs::DecoderReader::new(bytes), bytes.len(), budget),
        StepKind::Lzma if bytes.starts_with(b"\xfd7zXZ") => {
            bounded(lzma_rust2::XzReader::new_mem_limit(bytes, true, DICTIONARY), bytes.len(), budget)
        }
        StepKind::Lzma => {
            let reader = lzma_rust2::LzmaReader::new_mem_limit(bytes, DICTIONARY, None).ok()?;
            bounded(reader, bytes.len(), budget)
        }
        _ => None,
    }))
    .ok()
    .flatten()
}

fn bounded(reader: impl Read, len: usize, budget: &mut Budget) -> Option<Vec<u8>> {
    let honest = SMALL.max(len.saturating_mul(RATIO));
    let most = honest.min(budget.bytes);
    let mut out = Vec::new();
    // What comes before damage is what a lenient reader gets.
    let _ = reader.take(most as u64 + 1).read_to_end(&mut out);
    if out.len() > most {
        budget.note(if most == honest { Limit::Ratio } else { Limit::Bytes });
        return None;
    }
    (!out.is_empty() && budget.work(out.len())).then_some(out)
}
