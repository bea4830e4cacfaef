use super::grams::{self, Scan};
use super::needles::Needles;
use super::nested::{Nested, Wrapping};
use events::Coding;
use std::sync::Arc;

/// Finds canaries in a stream, however it is cut into pieces.
///
/// Three readings go over each piece: the fixed codings without white space, the differences of neighbours, and the
/// beginnings of compressed data, plain and in base64 or hexadecimal digits, which are unpacked and read again.
pub struct Watcher {
    needles: Arc<Needles>,
    fixed: Scan,
    differences: Scan,
    /// The last bytes, for the key of what stands in exclusive or.
    recent: Vec<u8>,
    offset: u64,
    nested: Vec<Nested>,
    starts: Starts,
    depth: u8,
    overran: bool,
}

/// A canary that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub canary: String,
    /// How it was coded.
    pub coding: Coding,
    /// Where the piece ends in which it became complete.
    pub offset: u64,
}

/// Longer texts are read in pieces of this size, so that no copy of them is made.
const PIECE: usize = 32 << 10;

/// How many compressed beginnings are followed at a time. Two bytes are enough to look like one.
const FOLLOWED: usize = 6;

/// Compressed in compressed in base64, and no further.
const DEEPEST: u8 = 3;

/// The last bytes of each reading that may begin something compressed.
#[derive(Default)]
struct Starts {
    raw: u32,
    text: u64,
}

impl Watcher {
    pub(super) fn new(needles: Arc<Needles>) -> Self {
        Self {
            needles,
            fixed: Scan::default(),
            differences: Scan::default(),
            recent: Vec::new(),
            offset: 0,
            nested: Vec::new(),
            starts: Starts::default(),
            depth: 0,
            overran: false,
        }
    }

    /// Another one for the same canaries, at the beginning of its stream.
    pub fn again(&self) -> Self {
        Self::new(Arc::clone(&self.needles))
    }

    pub(super) fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, ..self.again() }
    }

    /// Whether more was packed into the stream than is unpacked: something may be hidden in the rest.
    pub fn overran(&self) -> bool {
        self.overran
            || self.fixed.overran
            || self.differences.overran
            || self.nested.iter().any(Nested::overran)
    }

    /// Reads the next bytes; what was found in them.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut found = Vec::new();
        for piece in bytes.chunks(PIECE) {
            self.feed_piece(piece, &mut found);
        }
        found
    }

    fn feed_piece(&mut self, bytes: &[u8], found: &mut Vec<Seen>) {
        self.scan(bytes, found);
        let mut begun = 0;
        for (index, byte) in bytes.iter().enumerate() {
            let Some(wrapping) = self.starts_here(*byte) else { continue };
            // What is followed already sees the bytes up to here before a new one is added.
            self.follow(bytes.get(begun..=index).unwrap_or_default(), found);
            begun = index + 1;
            self.begin(wrapping);
        }
        self.follow(bytes.get(begun..).unwrap_or_default(), found);
    }

    /// Reads something whole as deflate without any head, as some clients send it.
    pub fn feed_bare(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut found = Vec::new();
        let mut nested = Nested::new(Wrapping::Bare, self.deeper());
        nested.feed(bytes, &mut found);
        self.overran |= nested.overran();
        found
    }

    fn scan(&mut self, bytes: &[u8], found: &mut Vec<Seen>) {
        let Self { needles, fixed, differences, recent, offset, .. } = self;
        let before = *offset - recent.len() as u64;
        *offset += bytes.len() as u64;
        let mut texts = Vec::new();
        let written = |tail: &mut Vec<u8>| {
            for word in bytes.split(u8::is_ascii_whitespace) {
                tail.extend_from_slice(word);
            }
        };
        fixed.feed(&needles.fixed, written, &mut texts);
        for (text, _) in texts.drain(..) {
            if let Some((canary, coding)) = needles.meaning(text) {
                found.push(Seen { canary, coding, offset: *offset });
            }
        }
        // The difference between the last byte of one piece and the first of the next belongs to the next.
        let last = recent.last().copied();
        recent.extend(bytes);
        let steps = |tail: &mut Vec<u8>| {
            tail.extend(last.iter().zip(bytes).map(|(one, other)| one ^ other));
            let after = bytes.get(1..).unwrap_or_default();
            tail.extend(bytes.iter().zip(after).map(|(one, other)| one ^ other));
        };
        differences.feed(&needles.differences, steps, &mut texts);
        for (text, begin) in texts {
            let byte = begin.checked_sub(before).and_then(|at| recent.get(at as usize));
            if let (Some((canary, first)), Some(byte)) = (needles.differing(text), byte)
                && *byte != first
            {
                found.push(Seen { canary, coding: Coding::Xor(byte ^ first), offset: *offset });
            }
        }
        let gone = recent.len().saturating_sub(grams::LONGEST + 1);
        recent.drain(..gone);
    }

    /// Whether compressed data begins with the bytes that end here.
    fn starts_here(&mut self, byte: u8) -> Option<Wrapping> {
        if self.depth >= DEEPEST {
            return None;
        }
        let starts = &mut self.starts;
        starts.raw = starts.raw << 8 | u32::from(byte);
        if !byte.is_ascii_whitespace() {
            starts.text = starts.text << 8 | u64::from(byte);
        }
        let last = |count: u32| starts.text & ((1_u64 << (8 * count)) - 1);
        // The last byte decides what it may be the end of; nearly all are the end of nothing.
        match byte {
            8 if starts.raw & 0xff_ffff == 0x1f_8b08 => Some(Wrapping::Gzip),
            // The two bytes of zlib are a multiple of 31, with the window that everybody uses.
            0x01 | 0x5e | 0x9c | 0xda if starts.raw & 0xff00 == 0x7800 => {
                Some(Wrapping::Zlib((starts.raw & 0xffff) as u16))
            }
            b'I' if last(4) == u64::from(u32::from_be_bytes(*b"H4sI")) => Some(Wrapping::Base64(*b"H4sI")),
            b'w' | b'o' | b'E' | b'4' => {
                let text = (last(3) as u32).to_be_bytes();
                let letters = [text[1], text[2], text[3]];
                matches!(&letters, b"eJw" | b"eNo" | b"eAE" | b"eF4")
                    .then_some(Wrapping::Base64Three(letters))
            }
            b'8' => {
                let digits = last(6).to_be_bytes();
                digits[2..].eq_ignore_ascii_case(b"1f8b08").then_some(Wrapping::Hex)
            }
            _ => None,
        }
    }

    fn begin(&mut self, wrapping: Wrapping) {
        self.nested.retain(|nested| !nested.over());
        if self.nested.len() >= FOLLOWED {
            // The oldest goes: had it been compressed data with something in it, it would have ended or shown it.
            let old = self.nested.remove(0);
            self.overran |= old.overran() || old.productive();
        }
        self.nested.push(Nested::new(wrapping, self.deeper()));
    }

    fn follow(&mut self, bytes: &[u8], found: &mut Vec<Seen>) {
        if bytes.is_empty() || self.nested.is_empty() {
            return;
        }
        for nested in &mut self.nested {
            let from = found.len();
            nested.feed(bytes, found);
            for seen in found.iter_mut().skip(from) {
                seen.offset = self.offset;
            }
        }
        self.overran |= self.nested.iter().any(Nested::overran);
        self.nested.retain(|nested| !nested.over());
    }
}
