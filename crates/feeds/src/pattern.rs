use crate::feed::nibble;
use crate::reject::Refused;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Longest pattern, in bytes that it fixes or leaves open.
const MAX_BYTES: usize = 4096;
/// Most gaps of one pattern.
const MAX_SEGMENTS: usize = 32;
/// Shortest run without an open bit: below it a pattern is looked for everywhere and found by chance.
const MIN_ANCHOR: usize = 4;

/// A byte pattern as ClamAV writes it in `.ndb` files, as far as it is cheap to look for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pattern {
    pub(crate) label: u32,
    /// Whether it is about programs only, or about any file.
    pub(crate) only_elf: bool,
    pub(crate) place: PatternPlace,
    pub(crate) segments: Vec<Segment>,
    /// Which run is looked for first: segment, first byte in it, length.
    pub(crate) anchor: (u32, u32, u32),
}

/// Where a pattern starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PatternPlace {
    /// Anywhere.
    Anywhere,
    /// From this offset on, at most that much further.
    FromStart(u64, u64),
    /// This far before the end, at most that much further.
    FromEnd(u64, u64),
}

/// Bytes that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Segment {
    /// Bytes of any value before it, at least and at most; of the first segment none.
    pub(crate) gap: (u32, Option<u32>),
    /// Values, as far as `masks` fixes their bits.
    #[serde(with = "serde_bytes")]
    pub(crate) values: Vec<u8>,
    /// Which bits of each value are fixed.
    #[serde(with = "serde_bytes")]
    pub(crate) masks: Vec<u8>,
}

impl Segment {
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_at(&self, bytes: &[u8], at: usize) -> bool {
        let end = at.checked_add(self.len());
        end.and_then(|end| bytes.get(at..end)).is_some_and(|bytes| {
            bytes.iter().zip(&self.values).zip(&self.masks).all(|((byte, value), mask)| byte & mask == *value)
        })
    }
}

impl Pattern {
    /// The run that is looked for first.
    pub(crate) fn anchor(&self) -> Option<&[u8]> {
        let (segment, start, len) = self.anchor;
        let segment = self.segments.get(segment as usize)?;
        segment.values.get(start as usize..)?.get(..len as usize).filter(|run| !run.is_empty())
    }

    /// Whether a pattern that was read back adds up.
    pub(crate) fn is_sound(&self) -> bool {
        self.anchor().is_some()
            && self.segments.len() <= MAX_SEGMENTS
            && self.segments.iter().all(|segment| {
                segment.values.len() == segment.masks.len()
                    && segment.gap.1.is_none_or(|most| most >= segment.gap.0)
            })
    }

    /// Reads target, offset and hexadecimal signature.
    pub(crate) fn parse(target: &[u8], offset: &[u8], signature: &[u8], label: u32) -> Result<Self, Refused> {
        let only_elf = match target {
            b"0" => false,
            b"6" => true,
            _ => return Err(Refused::new("is for a kind of file other than ELF and any", target)),
        };
        let place =
            place(offset).ok_or_else(|| Refused::new("has an offset other than *, n and EOF-n", offset))?;
        let segments = segments(signature)?;
        let anchor = anchor(&segments)
            .ok_or_else(|| Refused::new("has no four bytes in a row that are fixed", signature))?;
        Ok(Self { label, only_elf, place, segments, anchor })
    }
}

fn place(offset: &[u8]) -> Option<PatternPlace> {
    let text = str::from_utf8(offset).ok()?;
    if text == "*" {
        return Some(PatternPlace::Anywhere);
    }
    let (at, shift) = match text.split_once(',') {
        Some((at, shift)) => (at, shift.parse().ok()?),
        None => (text, 0),
    };
    match at.strip_prefix("EOF-") {
        Some(at) => Some(PatternPlace::FromEnd(at.parse().ok()?, shift)),
        None => Some(PatternPlace::FromStart(at.parse().ok()?, shift)),
    }
}

fn segments(signature: &[u8]) -> Result<Vec<Segment>, Refused> {
    let mut done: Vec<Segment> = Vec::new();
    let mut open = Segment { gap: (0, Some(0)), values: Vec::new(), masks: Vec::new() };
    let mut total = 0;
    let mut rest = signature;
    while let Some((&first, after)) = rest.split_first() {
        let gap = match first {
            b'*' => {
                rest = after;
                (0, None)
            }
            b'{' => {
                let end = memchr::memchr(b'}', after);
                let inside = end.and_then(|end| after.get(..end));
                let gap = inside.and_then(braces);
                let gap = gap.ok_or_else(|| Refused::new("has a gap that cannot be read", rest))?;
                rest = after.get(inside.map_or(0, <[u8]>::len) + 1..).unwrap_or_default();
                gap
            }
            b'(' | b'!' | b'[' => {
                return Err(Refused::new("has alternatives or ranges, which are not looked for", rest));
            }
            _ => {
                let [high, low, after @ ..] = rest else {
                    return Err(Refused::new("has half a byte at its end", rest));
                };
                let (Some(high), Some(low)) = (half(*high), half(*low)) else {
                    return Err(Refused::new("is not hexadecimal", rest));
                };
                open.values.push(high.0 << 4 | low.0);
                open.masks.push(high.1 << 4 | low.1);
                total += 1;
                if total > MAX_BYTES {
                    return Err(Refused::new("is longer than 4096 bytes", signature));
                }
                rest = after;
                continue;
            }
        };
        if open.values.is_empty() {
            return Err(Refused::new("has a gap at its start or two in a row", signature));
        }
        let next = Segment { gap, values: Vec::new(), masks: Vec::new() };
        done.push(std::mem::replace(&mut open, next));
        if done.len() >= MAX_SEGMENTS {
            return Err(Refused::new("has more than 32 gaps", signature));
        }
    }
    if open.values.is_empty() {
        return Err(Refused::new("is empty or ends in a gap", signature));
    }
    done.push(open);
    Ok(done)
}

/// Value and mask of half a byte.
fn half(digit: u8) -> Option<(u8, u8)> {
    if digit == b'?' { Some((0, 0)) } else { nibble(digit).map(|value| (value, 0xf)) }
}

/// `n`, `-n`, `n-`, `n-m`.
fn braces(inside: &[u8]) -> Option<(u32, Option<u32>)> {
    let text = str::from_utf8(inside).ok()?;
    let (least, most) = match text.split_once('-') {
        None => {
            let exact = text.parse().ok()?;
            (exact, Some(exact))
        }
        Some(("", most)) => (0, Some(most.parse().ok()?)),
        Some((least, "")) => (least.parse().ok()?, None),
        Some((least, most)) => (least.parse().ok()?, Some(most.parse().ok()?)),
    };
    most.is_none_or(|most| most >= least).then_some((least, most))
}

/// The longest run of fixed bytes. A run of one repeated byte is found everywhere, so any other is taken before it.
fn anchor(segments: &[Segment]) -> Option<(u32, u32, u32)> {
    let mut best = None;
    for (segment, number) in segments.iter().zip(0_u32..) {
        let mut start = 0;
        for run in segment.masks.chunk_by(|a, b| (*a == 0xff) == (*b == 0xff)) {
            let bytes = segment.values.get(start..start + run.len()).unwrap_or_default();
            if run.first() == Some(&0xff) && run.len() >= MIN_ANCHOR {
                let varied = bytes.iter().any(|byte| Some(byte) != bytes.first());
                // Of equals the first.
                best = best.max(Some((varied, run.len(), Reverse((number, start)))));
            }
            start += run.len();
        }
    }
    let (_, len, Reverse((segment, start))) = best?;
    Some((segment, u32::try_from(start).ok()?, u32::try_from(len).ok()?))
}
