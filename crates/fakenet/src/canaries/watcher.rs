use super::needles::{Needles, States};
use super::nested::{Nested, Wrapping};
use events::Coding;
use std::sync::Arc;

/// Finds canaries in a stream, however it is cut into pieces.
///
/// Four readings go over each byte: the fixed codings without white space, the differences of neighbours, and the
/// beginnings of compressed data, plain and in base64 or hexadecimal digits, which are unpacked and read again.
pub struct Watcher {
    needles: Arc<Needles>,
    states: States,
    /// The last bytes, for the key of what stands in exclusive or.
    recent: [u8; RECENT],
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
    /// Where it ends in the stream; for what was unpacked, where the packed data stood then.
    pub offset: u64,
}

/// Longer than the longest part that is looked for.
const RECENT: usize = 64;

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
            states: needles.start(),
            needles,
            recent: [0; RECENT],
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
        self.overran || self.nested.iter().any(Nested::overran)
    }

    /// Reads the next bytes; what was found in them.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut found = Vec::new();
        let mut begun = 0;
        for (index, byte) in bytes.iter().enumerate() {
            self.step(*byte, &mut found);
            let Some(wrapping) = self.starts_here(*byte) else { continue };
            // What is followed already sees the bytes up to here before a new one is added.
            self.follow(bytes.get(begun..=index).unwrap_or_default(), &mut found);
            begun = index + 1;
            self.begin(wrapping);
        }
        self.follow(bytes.get(begun..).unwrap_or_default(), &mut found);
        found
    }

    /// Reads something whole as deflate without any head, as some clients send it.
    pub fn feed_bare(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let mut found = Vec::new();
        let mut nested = Nested::new(Wrapping::Bare, self.deeper());
        nested.feed(bytes, &mut found);
        self.overran |= nested.overran();
        found
    }

    fn step(&mut self, byte: u8, found: &mut Vec<Seen>) {
        let offset = self.offset + 1;
        let at = |back: u64, recent: &[u8; RECENT]| recent[((offset - back) as usize) % RECENT];
        if self.offset > 0 {
            let difference = byte ^ at(1, &self.recent);
            let Self { needles, states, recent, .. } = self;
            needles.difference(states, difference, |canary, length, first| {
                let begin = if length as u64 == 1 { byte } else { at(length as u64 - 1, recent) };
                let key = begin ^ first;
                if key != 0 {
                    found.push(Seen { canary: needles.name(canary), coding: Coding::Xor(key), offset });
                }
            });
        }
        self.recent[(offset as usize) % RECENT] = byte;
        self.offset = offset;
        if !byte.is_ascii_whitespace() {
            let Self { needles, states, .. } = self;
            needles.fixed(states, byte, |meaning| {
                found.push(Seen { canary: needles.name(meaning.canary), coding: meaning.coding, offset });
            });
        }
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
        if starts.raw & 0xff_ffff == 0x1f_8b08 {
            return Some(Wrapping::Gzip);
        }
        // The two bytes of zlib are a multiple of 31, with the window that everybody uses.
        if matches!(starts.raw & 0xffff, 0x7801 | 0x785e | 0x789c | 0x78da) {
            return Some(Wrapping::Zlib((starts.raw & 0xffff) as u16));
        }
        let last = |count: u32| starts.text & (1_u64 << (8 * count)).wrapping_sub(1);
        if last(4) == u64::from(u32::from_be_bytes(*b"H4sI")) {
            return Some(Wrapping::Base64(*b"H4sI"));
        }
        if matches!(&(last(3) as u32).to_be_bytes()[1..], b"eJw" | b"eNo" | b"eAE" | b"eF4") {
            let text = (last(4) as u32).to_be_bytes();
            return Some(Wrapping::Base64Three([text[1], text[2], text[3]]));
        }
        let hex = last(6).to_be_bytes();
        if hex[2..].eq_ignore_ascii_case(b"1f8b08") {
            return Some(Wrapping::Hex);
        }
        None
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
