//! What analyzers look for in texts, looked for all at once.
//!
//! Most texts of an image hold nothing that any analyzer wants, and finding that out must not cost each of them a pass
//! over every byte. An analyzer that can learn nothing of one kind from a text without certain words declares these
//! as its [`Group`]; one pass tells which of them a text has, and whoever asked reads on only where there is one.
//! A sign says where to look. It never is a finding.

use std::sync::LazyLock;

/// Which signs a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs([u64; WORDS]);

/// A word that is looked for, where what is before and behind it allows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sign {
    text: &'static str,
    /// Given the text and where the word begins and ends in it.
    fits: fn(&[u8], usize, usize) -> bool,
}

/// Whose signs they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// What decodes or runs texts: [`crate::decode`].
    Decoding,
    /// Lines that a miner may stand in.
    Mining,
    /// What secrets begin with.
    Secrets,
    /// Calls of scripting languages that fetch, read, run or send.
    Acts,
}

const GROUPS: [Group; 4] = [Group::Decoding, Group::Mining, Group::Secrets, Group::Acts];
/// Room for all signs.
const WORDS: usize = 5;
/// How many bytes of a sign are looked at first.
const GRAM: usize = 3;
/// So many bits of a hash over these bytes choose a slot: as many slots as the nearest cache holds beside a text.
const SLOT_BITS: u32 = 14;
/// What is looked for at one go.
const BLOCK: usize = 8;
/// A NUL among the first bytes means that a file is no text.
const TEXT: usize = 512;

impl Signs {
    /// Every sign there is: of what was not searched.
    pub const ALL: Self = Self([u64::MAX; WORDS]);

    /// The signs in a file. What is no text is not searched, and may have any.
    pub fn of(bytes: &[u8]) -> Self {
        match memchr::memchr(0, bytes.get(..bytes.len().min(TEXT)).unwrap_or_default()) {
            Some(_) => Self::ALL,
            None => SIEVE.search(bytes),
        }
    }

    /// Whether there is any sign of this group.
    pub(crate) fn any_of(&self, group: Group) -> bool {
        self.meet(&SIEVE.group(group).1)
    }

    /// Whether both have one in common.
    pub(crate) fn meet(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).any(|(one, other)| one & other != 0)
    }

    /// Those of a group that are wanted, by their index in it.
    pub(crate) fn chosen(group: Group, wanted: impl Fn(usize) -> bool) -> Self {
        let mut chosen = Self::default();
        let (start, _) = SIEVE.group(group);
        let len = group.signs().len();
        (0..len).filter(|&at| wanted(at)).for_each(|at| chosen.insert(start + at));
        chosen
    }

    fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

impl Sign {
    /// A word wherever it stands.
    pub(crate) const fn anywhere(text: &'static str) -> Self {
        Self { text, fits: |_, _, _| true }
    }

    /// A word that counts only where this holds of the text and of where it begins and ends.
    pub(crate) const fn where_it(text: &'static str, fits: fn(&[u8], usize, usize) -> bool) -> Self {
        Self { text, fits }
    }
}

impl Group {
    fn signs(self) -> Vec<Sign> {
        match self {
            Self::Decoding => crate::decode::signs(),
            Self::Mining => crate::analyzers::miner::signs(),
            Self::Secrets => crate::analyzers::secrets::signs(),
            Self::Acts => crate::analyzers::acts::signs(),
        }
    }
}

/// All signs by three of their bytes: those that ordinary text has most seldom.
struct Sieve {
    /// The bucket of each hash, or 0.
    slots: Box<[u8; 1 << SLOT_BITS]>,
    buckets: Vec<Vec<Known>>,
    /// The number of each group's first sign, and all of them.
    groups: Vec<(usize, Signs)>,
}

struct Known {
    sign: Sign,
    number: usize,
    /// Where the three bytes stand in it.
    offset: usize,
}

static SIEVE: LazyLock<Sieve> = LazyLock::new(|| {
    let mut sieve =
        Sieve { slots: Box::new([0; 1 << SLOT_BITS]), buckets: vec![Vec::new()], groups: Vec::new() };
    let mut number = 0;
    for group in GROUPS {
        let (start, mut all) = (number, Signs::default());
        for sign in group.signs() {
            all.insert(number);
            sieve.add(sign, number);
            number += 1;
        }
        sieve.groups.push((start, all));
    }
    sieve
});

impl Sieve {
    fn add(&mut self, sign: Sign, number: usize) {
        let grams = sign.text.as_bytes().array_windows::<GRAM>().enumerate();
        let rarest = grams.min_by_key(|(_, gram)| commonness(gram));
        let Some((offset, &[first, second, third])) = rarest else { return };
        let Some(slot) = self.slots.get_mut(slot(u32::from_le_bytes([first, second, third, 0]))) else {
            return;
        };
        if *slot == 0 {
            // Beyond as many as a byte can tell apart, hashes share a bucket.
            let next = self.buckets.len().min(255);
            *slot = next as u8;
            self.buckets.resize_with(self.buckets.len().max(next + 1), Vec::new);
        }
        if let Some(bucket) = self.buckets.get_mut(usize::from(*slot)) {
            bucket.push(Known { sign, number, offset });
        }
    }

    fn search(&self, text: &[u8]) -> Signs {
        let mut found = Signs::default();
        let mut at = 0;
        let eight = |at: usize| text.get(at..).and_then(<[u8]>::first_chunk::<8>);
        while let (Some(low), Some(high)) = (eight(at), eight(at + BLOCK / 2)) {
            let (low, high) = (u64::from_le_bytes(*low), u64::from_le_bytes(*high));
            let bucket = |gram: u64| self.slots[slot(gram as u32)];
            let first = bucket(low) | bucket(low >> 8) | bucket(low >> 16) | bucket(low >> 24);
            let second = bucket(high) | bucket(high >> 8) | bucket(high >> 16) | bucket(high >> 24);
            if first | second != 0 {
                self.look(text, at..at + BLOCK, &mut found);
            }
            at += BLOCK;
        }
        self.look(text, at..text.len(), &mut found);
        found
    }

    /// Looks closely at every position of a range.
    #[inline(never)]
    fn look(&self, text: &[u8], range: std::ops::Range<usize>, found: &mut Signs) {
        for at in range {
            let Some(&[first, second, third]) = text.get(at..).and_then(|rest| rest.first_chunk::<GRAM>())
            else {
                return;
            };
            let bucket = self.slots[slot(u32::from_le_bytes([first, second, third, 0]))];
            for known in self.buckets.get(usize::from(bucket)).map_or(&[][..], Vec::as_slice) {
                let Some(start) = at.checked_sub(known.offset) else { continue };
                if !found.has(known.number)
                    && text.get(start..).is_some_and(|rest| rest.starts_with(known.sign.text.as_bytes()))
                    && (known.sign.fits)(text, start, start + known.sign.text.len())
                {
                    found.insert(known.number);
                }
            }
        }
    }

    fn group(&self, group: Group) -> (usize, Signs) {
        self.groups.get(group as usize).copied().unwrap_or_default()
    }
}

/// A slot for the three lower bytes: the multiplier drops the fourth. Of many that were tried it is the one with
/// which the groups that code is full of share the fewest slots with those that are looked for.
fn slot(gram: u32) -> usize {
    (gram.wrapping_mul(0x00df_754f << 8) >> (32 - SLOT_BITS)) as usize
}

/// Roughly how often three bytes stand in code and prose.
fn commonness(gram: &[u8; GRAM]) -> u32 {
    /// What is more common than its letters.
    const COMMON: &[&[u8; GRAM]] = &[
        b" sh", b"/us", b"Buf", b"Con", b"Fil", b"Req", b"Tok", b"\\u0", b"_co", b"acc", b"ack", b"ase",
        b"ash", b"axi", b"bas", b"bin", b"cat", b"cce", b"ch(", b"cho", b"ck.", b"com", b"cry", b"enc",
        b"equ", b"eth", b"fro", b"get", b"ght", b"hos", b"iev", b"ify", b"igh", b"ll(", b"lop", b"nam",
        b"nvi", b"omp", b"ost", b"our", b"pac", b"per", b"que", b"rce", b"req", b"rev", b"ryp", b"sen",
        b"sou", b"str", b"tch", b"tho", b"ues", b"uff", b"urc", b"url", b"val", b"web", b"wri", b"ypt",
    ];
    let of = |byte: u8| match byte {
        b' ' => 16,
        b'e' => 12,
        b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 10,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'h' => 8,
        b'.' | b'(' | b'"' | b'\'' | b'/' | b'=' | b'_' | b'-' => 6,
        b'a'..=b'z' => 5,
        b'0'..=b'9' => 4,
        _ => 3,
    };
    let letters: u32 = gram.iter().map(|&byte| of(byte)).sum();
    letters + if COMMON.contains(&gram) { 100 } else { 0 }
}

#[cfg(test)]
mod tests;
