use super::{GROUPS, Group, Sign, Signs};
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// All signs, so that one pass over a text finds which of them it has.
///
/// The pass takes two bytes at a time and asks of each pair which families of signs have it where. Only where two
/// pairs side by side are of one family is there anything to look at closely. Each sign is looked for by four of its
/// bytes that begin at an even place of it, and by four that begin at an odd one, as either may lie on the pairs.
pub(super) struct Sieve {
    /// By a pair of bytes: the families that have it as their first pair, and as their second.
    pairs: Box<[[Families; 2]; 1 << 16]>,
    /// By the first three of those four bytes.
    grams: Grams,
    /// The same of the last three, for the few signs that are told by no more than these.
    tails: Grams,
    /// The number of each group's first sign, and all of them.
    groups: Vec<(usize, Signs)>,
}

/// Signs by three of their bytes.
struct Grams {
    /// By a hash of the three: where the signs to compare begin among all, and how many they are.
    slots: Box<[(u16, u16); 1 << SLOT_BITS]>,
    known: Vec<Known>,
}

/// One bit for each family.
type Families = u16;

#[derive(Clone, Copy)]
struct Known {
    /// The first bytes of the sign, and where there are fewer, which bits of them count.
    key: u64,
    mask: u64,
    sign: Sign,
    number: u16,
    /// Where the three bytes stand in it.
    offset: u16,
}

/// The shortest sign.
pub(super) const GRAM: usize = 3;
const SLOT_BITS: u32 = 14;
/// What is looked for at one go: so many pairs.
const PAIRS: usize = 8;

pub(super) static SIEVE: LazyLock<Sieve> = LazyLock::new(|| {
    let mut signs = Vec::new();
    let mut groups = Vec::new();
    for group in GROUPS {
        let (start, mut all) = (signs.len(), Signs::default());
        signs.extend(group.signs());
        (start..signs.len()).for_each(|number| all.insert(number));
        groups.push((start, all));
    }
    Sieve::new(signs, groups)
});

impl Sieve {
    fn new(signs: Vec<Sign>, groups: Vec<(usize, Signs)>) -> Self {
        let mut sieve = Self {
            pairs: Box::new([[0; 2]; 1 << 16]),
            grams: Grams::new(&[]),
            tails: Grams::new(&[]),
            groups,
        };
        let ordinary = Ordinary::new();
        let mut families = [[0.0; 2]; Families::BITS as usize];
        let both = signs.iter().enumerate().flat_map(|sign| [(sign, 0), (sign, 1)]);
        let mut sought: Vec<_> = both
            .map(|(sign, parity)| {
                let windows = windows(sign.1.text, parity);
                let rarest = windows.iter().map(|window| ordinary.expects(window)).fold(1.0, f64::min);
                (rarest, sign, windows)
            })
            .collect();
        let (mut grams, mut tails) = (Vec::new(), Vec::new());
        // What is met most often chooses its family first.
        sought.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        for (_, (number, sign), windows) in sought {
            let choices =
                windows.iter().flat_map(|window| families.iter().enumerate().zip(std::iter::repeat(window)));
            let choices = choices.map(|((family, shares), window)| {
                let more = sieve.adds(window, family, &ordinary);
                let together = (shares[0] + more[0]) * (shares[1] + more[1]);
                let cost = together - shares[0] * shares[1] + ordinary.holds(window);
                (cost, family, window, more)
            });
            let best = choices.min_by(|one, other| one.0.total_cmp(&other.0));
            let Some((_, family, window, more)) = best else { continue };
            if let Some(shares) = families.get_mut(family) {
                *shares = [shares[0] + more[0], shares[1] + more[1]];
            }
            for (half, pair) in window.pairs() {
                for_each_pair(pair, |at| sieve.pairs[usize::from(at)][half] |= 1 << family);
            }
            let listed = if window.begins() { &mut grams } else { &mut tails };
            listed.push((window.gram_at, *sign, number));
        }
        (sieve.grams, sieve.tails) = (Grams::new(&grams), Grams::new(&tails));
        sieve
    }

    /// How much more of ordinary text a family would let through as its first pair, and as its second.
    fn adds(&self, window: &Window, family: usize, ordinary: &Ordinary) -> [f64; 2] {
        let mut more = [0.0; 2];
        for (half, pair) in window.pairs() {
            for_each_pair(pair, |at| {
                if self.pairs[usize::from(at)][half] >> family & 1 == 0 {
                    more[half] += ordinary.pair(at);
                }
            });
        }
        more
    }

    pub(super) fn search(&self, text: &[u8]) -> Signs {
        let mut found = Signs::default();
        let (pairs, _) = text.as_chunks::<2>();
        let (blocks, _) = pairs.as_chunks::<PAIRS>();
        let mut before = 0;
        for (block, at) in blocks.iter().zip((0..).step_by(2 * PAIRS)) {
            let has = block.map(|pair| self.pairs[usize::from(u16::from_le_bytes(pair))]);
            let hits: [Families; PAIRS] = std::array::from_fn(|at| match at.checked_sub(1) {
                None => before & has[at][1],
                Some(last) => has[last][0] & has[at][1],
            });
            before = has[PAIRS - 1][0];
            if hits.iter().fold(0, |all, hit| all | hit) != 0 {
                self.look(text, at, &hits, &mut found);
            }
        }
        let rest = (blocks.len() * 2 * PAIRS).saturating_sub(2);
        (rest..text.len()).for_each(|at| {
            self.grams.compare(text, at, &mut found);
            self.tails.compare(text, at, &mut found);
        });
        found
    }

    /// Looks closely at the pairs of a block that end what may be a sign.
    #[inline(never)]
    fn look(&self, text: &[u8], block: usize, hits: &[Families; PAIRS], found: &mut Signs) {
        let ends = hits.iter().zip(0..).fold(0_u32, |ends, (hit, at)| ends | u32::from(*hit != 0) << at);
        let mut ends = ends;
        while ends != 0 {
            let pair = block + 2 * ends.trailing_zeros() as usize;
            ends &= ends - 1;
            self.grams.compare(text, pair.saturating_sub(2), found);
            self.tails.compare(text, pair.saturating_sub(1), found);
        }
    }

    pub(super) fn group(&self, group: Group) -> (usize, Signs) {
        self.groups.get(group as usize).copied().unwrap_or_default()
    }
}

impl Grams {
    fn new(listed: &[(usize, Sign, usize)]) -> Self {
        let mut lists: BTreeMap<usize, Vec<Known>> = BTreeMap::new();
        for &(offset, sign, number) in listed {
            let Some(gram) = sign.text.as_bytes().get(offset..).and_then(<[u8]>::first_chunk) else {
                continue;
            };
            let list = lists.entry(slot(gram)).or_default();
            let known = Known::new(sign, number, offset);
            if !list.iter().any(|other| (other.number, other.offset) == (known.number, known.offset)) {
                list.push(known);
            }
        }
        let mut grams = Self { slots: Box::new([(0, 0); 1 << SLOT_BITS]), known: Vec::new() };
        for (slot, list) in lists {
            grams.slots[slot] = (grams.known.len() as u16, list.len() as u16);
            grams.known.extend(list);
        }
        grams
    }

    /// Compares the signs of which three bytes may stand here.
    #[inline]
    fn compare(&self, text: &[u8], at: usize, found: &mut Signs) {
        let Some(gram) = text.get(at..).and_then(<[u8]>::first_chunk) else { return };
        let (start, len) = self.slots[slot(gram)];
        let (start, len) = (usize::from(start), usize::from(len));
        for known in self.known.get(start..start + len).unwrap_or_default() {
            known.compare(text, at, found);
        }
    }
}

impl Known {
    fn new(sign: Sign, number: usize, offset: usize) -> Self {
        let mut key = [0; 8];
        let mut mask = [0; 8];
        for ((key, mask), byte) in key.iter_mut().zip(&mut mask).zip(sign.text.bytes()) {
            (*key, *mask) = (byte, u8::MAX);
        }
        let (key, mask) = (u64::from_le_bytes(key), u64::from_le_bytes(mask));
        Self { key, mask, sign, number: number as u16, offset: offset as u16 }
    }

    #[inline]
    fn compare(&self, text: &[u8], at: usize, found: &mut Signs) {
        let Some(start) = at.checked_sub(usize::from(self.offset)) else { return };
        let rest = text.get(start..).unwrap_or_default();
        // At the end of a text the whole comparison tells.
        let first = rest.first_chunk().map_or(self.key, |first| u64::from_le_bytes(*first));
        let number = usize::from(self.number);
        if (first ^ self.key) & self.mask == 0
            && !found.has(number)
            && rest.starts_with(self.sign.text.as_bytes())
            && (self.sign.fits)(text, start, start + self.sign.text.len())
        {
            found.insert(number);
        }
    }
}

fn slot(gram: &[u8; GRAM]) -> usize {
    let [first, second, third] = *gram;
    (u32::from_le_bytes([first, second, third, 0]).wrapping_mul(0x9e37_79b1) >> (32 - SLOT_BITS)) as usize
}

/// Four bytes by which a sign is looked for. The first or the last of a short one is any.
struct Window {
    bytes: [Option<u8>; 4],
    /// Where the first three that are given stand in the sign.
    gram_at: usize,
}

impl Window {
    /// Whether the first three bytes are those that are given.
    fn begins(&self) -> bool {
        self.bytes[0].is_some()
    }

    fn pairs(&self) -> [(usize, [Option<u8>; 2]); 2] {
        let [first, second, third, fourth] = self.bytes;
        [(0, [first, second]), (1, [third, fourth])]
    }
}

/// The windows of a word that begin at its even or its odd places; those that reach beyond it only where there is no
/// other.
fn windows(word: &str, parity: usize) -> Vec<Window> {
    let word = word.as_bytes();
    let whole = word.array_windows::<4>().enumerate().filter(|(at, _)| at % 2 == parity);
    let whole: Vec<_> = whole.map(|(gram_at, bytes)| Window { bytes: bytes.map(Some), gram_at }).collect();
    if !whole.is_empty() {
        return whole;
    }
    let mut short = Vec::new();
    if parity == 1
        && let Some(&[first, second, third]) = word.first_chunk()
    {
        short.push(Window { bytes: [None, Some(first), Some(second), Some(third)], gram_at: 0 });
    }
    if let Some(&[first, second, third]) = word.last_chunk()
        && let gram_at = word.len() - GRAM
        && gram_at % 2 == parity
    {
        short.push(Window { bytes: [Some(first), Some(second), Some(third), None], gram_at });
    }
    short
}

fn for_each_pair([first, second]: [Option<u8>; 2], mut each: impl FnMut(u16)) {
    let range = |byte: Option<u8>| byte.map_or(0..=u8::MAX, |byte| byte..=byte);
    for first in range(first) {
        range(second).for_each(|second| each(u16::from_le_bytes([first, second])));
    }
}

/// How often bytes stand in ordinary text, by a sample of it. It decides what the search costs, never what it finds.
struct Ordinary {
    pairs: Vec<f64>,
    /// How often the sample has four bytes, and three beside any other.
    fours: HashMap<[Option<u8>; 4], f64>,
}

const SAMPLE: &[u8] = include_bytes!("ordinary.txt");

impl Ordinary {
    fn new() -> Self {
        /// How much is told by the pairs of the sample; the rest is told by its single bytes, as it is short.
        const TOLD: f64 = 0.7;
        let each = 1.0 / SAMPLE.len() as f64;
        let mut bytes = [each / 4.0; 256];
        SAMPLE.iter().for_each(|&byte| bytes[usize::from(byte)] += each);
        let alone = |pair: u16| pair.to_le_bytes().map(|byte| bytes[usize::from(byte)]);
        let mut pairs: Vec<f64> =
            (0..=u16::MAX).map(alone).map(|[first, second]| first * second * (1.0 - TOLD)).collect();
        for &pair in SAMPLE.array_windows() {
            if let Some(share) = pairs.get_mut(usize::from(u16::from_le_bytes(pair))) {
                *share += each * TOLD;
            }
        }
        let mut fours = HashMap::new();
        for window in SAMPLE.array_windows::<4>() {
            let [first, second, third, fourth] = window.map(Some);
            for known in
                [[first, second, third, fourth], [None, second, third, fourth], [first, second, third, None]]
            {
                *fours.entry(known).or_default() += each;
            }
        }
        Self { pairs, fours }
    }

    fn pair(&self, at: u16) -> f64 {
        self.pairs.get(usize::from(at)).copied().unwrap_or_default()
    }

    /// How often the sample has just these bytes.
    fn holds(&self, window: &Window) -> f64 {
        self.fours.get(&window.bytes).copied().unwrap_or_default()
    }

    /// How often bytes like these are expected, if pairs stood beside each other by chance.
    fn expects(&self, window: &Window) -> f64 {
        let of = |pair| {
            let mut share = 0.0;
            for_each_pair(pair, |at| share += self.pair(at));
            share
        };
        window.pairs().into_iter().map(|(_, pair)| of(pair)).product()
    }
}
