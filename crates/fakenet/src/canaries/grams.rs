/// Many texts, found in a stream by looking at every eighth place of it.
///
/// A text of fifteen bytes or more has eight whole bytes from some place that is a multiple of eight, wherever it
/// begins. So the first eight runs of eight bytes of each text are enough to know, and nearly all places of a stream
/// are passed by with one look into a table of bits.
pub(super) struct Grams {
    texts: Vec<Vec<u8>>,
    /// A run, whose it is, and where in it.
    runs: Vec<(u64, u32, u8)>,
    bits: Vec<u64>,
}

/// The shortest text that can be found.
pub(super) const SHORTEST: usize = 15;

const RUN: usize = 8;

/// The table has 2^20 bits: what is not there is told wrongly once in forty places.
const BITS: u32 = 20;

/// The longest text that can be found: what is kept of a stream between two pieces.
pub(super) const LONGEST: usize = 160;

/// Texts of which the beginning was seen and the end not yet. More at a time come from a stream that was made for it.
const WAITING: usize = 512;

fn place(run: u64) -> (usize, u64) {
    let hash = run.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - BITS);
    ((hash >> 6) as usize, 1 << (hash & 63))
}

fn run_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk::<RUN>().map(|run| u64::from_le_bytes(*run))
}

impl Grams {
    pub(super) fn new(texts: Vec<Vec<u8>>) -> Self {
        let mut runs = Vec::with_capacity(texts.len() * RUN);
        let mut bits = vec![0; 1 << (BITS - 6)];
        for (index, text) in texts.iter().enumerate() {
            if !(SHORTEST..=LONGEST).contains(&text.len()) {
                continue;
            }
            for at in 0..RUN {
                let Some(run) = run_at(text, at) else { continue };
                runs.push((run, index as u32, at as u8));
                let (word, bit) = place(run);
                if let Some(word) = bits.get_mut(word) {
                    *word |= bit;
                }
            }
        }
        runs.sort_unstable();
        Self { texts, runs, bits }
    }

    fn may_be(&self, run: u64) -> bool {
        let (word, bit) = place(run);
        self.bits.get(word).is_some_and(|word| word & bit != 0)
    }
}

/// Where a stream stands.
#[derive(Default)]
pub(super) struct Scan {
    /// The last bytes, and the place of the first of them.
    tail: Vec<u8>,
    base: u64,
    /// The next place to look at.
    next: u64,
    waiting: Vec<(u64, u32)>,
    pub(super) overran: bool,
}

impl Scan {
    /// Reads on, as far as `append` adds to the stream: which texts are complete now, and where each began.
    pub(super) fn feed(
        &mut self,
        grams: &Grams,
        append: impl FnOnce(&mut Vec<u8>),
        found: &mut Vec<(usize, u64)>,
    ) {
        append(&mut self.tail);
        let Self { tail, base, next, waiting, overran } = self;
        while let Some(run) = run_at(tail, (*next - *base) as usize) {
            if grams.may_be(run) {
                let from = grams.runs.partition_point(|(other, ..)| *other < run);
                for (_, text, at) in grams.runs.iter().skip(from).take_while(|(other, ..)| *other == run) {
                    if let Some(begin) = next.checked_sub(u64::from(*at)).filter(|begin| begin >= base) {
                        waiting.push((begin, *text));
                    }
                }
            }
            *next += RUN as u64;
        }
        waiting.retain(|(begin, text)| {
            let Some(whole) = grams.texts.get(*text as usize) else { return false };
            let here = tail.get((*begin - *base) as usize..).unwrap_or_default();
            if here.len() < whole.len() {
                return whole.starts_with(here);
            }
            if here.starts_with(whole) {
                found.push((*text as usize, *begin));
            }
            false
        });
        if waiting.len() > WAITING {
            waiting.truncate(WAITING);
            *overran = true;
        }
        let gone = tail.len().saturating_sub(LONGEST);
        tail.drain(..gone);
        *base += gone as u64;
    }
}
