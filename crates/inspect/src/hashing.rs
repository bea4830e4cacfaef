//! MD5, SHA-1 and SHA-256 of many files at once.
//!
//! Indicator lists and package databases are written in all three, so every file needs them, and MD5 alone
//! costs more than inflating does when it is computed file by file: each of its 64 steps waits for the one
//! before. Sixteen files side by side fill the machine's vectors instead. SHA-1 and SHA-256 have instructions
//! of their own and stay with their crates.

use layers::ContentHashes;
use sha2::Digest as _;

/// Hashes every file. The slices may lie anywhere; order is kept.
pub(crate) fn hash_files(files: &[&[u8]]) -> Vec<ContentHashes> {
    let md5 = md5_files(files);
    files
        .iter()
        .zip(md5)
        .map(|(bytes, md5)| ContentHashes {
            md5,
            sha1: sha1::Sha1::digest(bytes).into(),
            sha256: sha2::Sha256::digest(bytes).into(),
        })
        .collect()
}

/// All three hashes of one file that is read in pieces.
#[derive(Default)]
pub(crate) struct StreamHasher {
    md5: md5::Md5,
    sha1: sha1::Sha1,
    sha256: sha2::Sha256,
}

impl StreamHasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        // The pieces are cut so small that the second and third hash find them in the first cache.
        for piece in bytes.chunks(16 << 10) {
            self.md5.update(piece);
            self.sha1.update(piece);
            self.sha256.update(piece);
        }
    }

    pub(crate) fn finish(self) -> ContentHashes {
        ContentHashes {
            md5: self.md5.finalize().into(),
            sha1: self.sha1.finalize().into(),
            sha256: self.sha256.finalize().into(),
        }
    }
}

/// How many files go side by side: one 512-bit vector of 32-bit words, or two of 256.
const LANES: usize = 16;
const BLOCK: usize = 64;
type Words = [u32; LANES];

/// MD5 of every file (RFC 1321).
fn md5_files(files: &[&[u8]]) -> Vec<[u8; 16]> {
    let mut digests = vec![[0; 16]; files.len()];
    // Longest first: the lanes then end together instead of leaving one long file to run alone.
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_unstable_by_key(|&file| std::cmp::Reverse(files[file].len()));
    let mut waiting = order.into_iter();
    let mut lanes: [Option<Lane<'_>>; LANES] = std::array::from_fn(|_| None);
    let mut state = [[0; LANES]; 4];
    let dispatch = pulp::Arch::new();
    loop {
        let mut blocks = usize::MAX;
        let mut busy = 0;
        for (at, slot) in lanes.iter_mut().enumerate() {
            if slot.is_none()
                && let Some(file) = waiting.next()
            {
                *slot = Some(Lane::new(file, files[file]));
                for (word, start) in state.iter_mut().zip(START) {
                    word[at] = start;
                }
            }
            if let Some(lane) = slot {
                busy += 1;
                blocks = blocks.min(lane.run());
            }
        }
        if busy == 0 {
            return digests;
        }
        if busy < LANES / 4 {
            // A few long files are left: one by one is faster than vectors that are mostly empty.
            for (at, slot) in lanes.iter_mut().enumerate() {
                if let Some(lane) = slot.take() {
                    let file = lane.file;
                    digests[file] = if lane.at == 0 {
                        md5::Md5::digest(lane.bytes).into()
                    } else {
                        lane.finish_alone(std::array::from_fn(|word| state[word][at]))
                    };
                }
            }
            continue;
        }
        dispatch.dispatch(Compress { lanes: &mut lanes, state: &mut state, blocks });
        for (at, slot) in lanes.iter_mut().enumerate() {
            if let Some(lane) = slot.as_ref()
                && lane.is_done()
            {
                digests[lane.file] = bytes_of(std::array::from_fn(|word| state[word][at]));
                *slot = None;
            }
        }
    }
}

fn bytes_of(words: [u32; 4]) -> [u8; 16] {
    let mut digest = [0; 16];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

/// One file on its way through: its bytes, then one or two blocks of padding.
struct Lane<'a> {
    file: usize,
    bytes: &'a [u8],
    /// Blocks done.
    at: usize,
    tail: [u8; 2 * BLOCK],
    tail_blocks: usize,
}

impl<'a> Lane<'a> {
    fn new(file: usize, bytes: &'a [u8]) -> Self {
        let rest = &bytes[bytes.len() / BLOCK * BLOCK..];
        let mut tail = [0; 2 * BLOCK];
        tail[..rest.len()].copy_from_slice(rest);
        tail[rest.len()] = 0x80;
        let tail_blocks = if rest.len() < BLOCK - 8 { 1 } else { 2 };
        let bits = (bytes.len() as u64).wrapping_mul(8);
        tail[tail_blocks * BLOCK - 8..tail_blocks * BLOCK].copy_from_slice(&bits.to_le_bytes());
        Self { file, bytes, at: 0, tail, tail_blocks }
    }

    /// How many blocks can be taken from one piece of memory now.
    fn run(&self) -> usize {
        let whole = self.bytes.len() / BLOCK;
        if self.at < whole { whole - self.at } else { whole + self.tail_blocks - self.at }
    }

    fn is_done(&self) -> bool {
        self.at == self.bytes.len() / BLOCK + self.tail_blocks
    }

    /// The bytes of the next run.
    fn piece(&self) -> &[u8] {
        let whole = self.bytes.len() / BLOCK;
        if self.at < whole {
            &self.bytes[self.at * BLOCK..whole * BLOCK]
        } else {
            &self.tail[(self.at - whole) * BLOCK..self.tail_blocks * BLOCK]
        }
    }

    /// Ends a file that has no company left, from the state it has reached.
    fn finish_alone(mut self, state: [u32; 4]) -> [u8; 16] {
        let mut state = state.map(|word| [word]);
        while !self.is_done() {
            let mut words = [[0; 1]; 16];
            for (word, bytes) in words.iter_mut().zip(self.piece().chunks_exact(4)) {
                word[0] = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
            }
            compress(&mut state, &words);
            self.at += 1;
        }
        bytes_of(state.map(|[word]| word))
    }
}

struct Compress<'f, 'l> {
    lanes: &'l mut [Option<Lane<'f>>; LANES],
    state: &'l mut [Words; 4],
    blocks: usize,
}

impl pulp::WithSimd for Compress<'_, '_> {
    type Output = ();

    /// Runs every lane through as many blocks as the shortest of them has. Compiled once for each set of
    /// vector instructions; the loops over lanes become vectors.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) {
        let Self { lanes, state, blocks } = self;
        {
            // An idle lane reads the bytes of another one; its result is thrown away.
            let filler = lanes.iter().flatten().next().map(Lane::piece).unwrap_or_default();
            let pieces: [&[u8]; LANES] =
                std::array::from_fn(|at| lanes[at].as_ref().map_or(filler, Lane::piece));
            let mut words = [[0; LANES]; 16];
            for block in 0..blocks {
                for (lane, piece) in pieces.iter().enumerate() {
                    let Some(bytes) = piece.get(block * BLOCK..block * BLOCK + BLOCK) else { return };
                    for word in 0..16 {
                        let at = word * 4;
                        words[word][lane] =
                            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
                    }
                }
                compress(state, &words);
            }
        }
        for lane in lanes.iter_mut().flatten() {
            lane.at += blocks;
        }
    }
}

const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
const SINES: [u32; 64] = {
    // floor(2^32 * |sin(i + 1)|), RFC 1321 section 3.4.
    [
        0xd76a_a478,
        0xe8c7_b756,
        0x2420_70db,
        0xc1bd_ceee,
        0xf57c_0faf,
        0x4787_c62a,
        0xa830_4613,
        0xfd46_9501,
        0x6980_98d8,
        0x8b44_f7af,
        0xffff_5bb1,
        0x895c_d7be,
        0x6b90_1122,
        0xfd98_7193,
        0xa679_438e,
        0x49b4_0821,
        0xf61e_2562,
        0xc040_b340,
        0x265e_5a51,
        0xe9b6_c7aa,
        0xd62f_105d,
        0x0244_1453,
        0xd8a1_e681,
        0xe7d3_fbc8,
        0x21e1_cde6,
        0xc337_07d6,
        0xf4d5_0d87,
        0x455a_14ed,
        0xa9e3_e905,
        0xfcef_a3f8,
        0x676f_02d9,
        0x8d2a_4c8a,
        0xfffa_3942,
        0x8771_f681,
        0x6d9d_6122,
        0xfde5_380c,
        0xa4be_ea44,
        0x4bde_cfa9,
        0xf6bb_4b60,
        0xbebf_bc70,
        0x289b_7ec6,
        0xeaa1_27fa,
        0xd4ef_3085,
        0x0488_1d05,
        0xd9d4_d039,
        0xe6db_99e5,
        0x1fa2_7cf8,
        0xc4ac_5665,
        0xf429_2244,
        0x432a_ff97,
        0xab94_23a7,
        0xfc93_a039,
        0x655b_59c3,
        0x8f0c_cc92,
        0xffef_f47d,
        0x8584_5dd1,
        0x6fa8_7e4f,
        0xfe2c_e6e0,
        0xa301_4314,
        0x4e08_11a1,
        0xf753_7e82,
        0xbd3a_f235,
        0x2ad7_d2bb,
        0xeb86_d391,
    ]
};

#[inline(always)]
fn compress<const N: usize>(state: &mut [[u32; N]; 4], words: &[[u32; N]; 16]) {
    let [mut a, mut b, mut c, mut d] = *state;
    // Four steps at a time with their shifts as constants: a rotation by a variable is no vector instruction.
    macro_rules! round {
        ($round:literal, $mix:expr, $stride:literal, $first:literal, $shifts:expr) => {
            round!(@four 0, $round, $mix, $stride, $first, $shifts);
            round!(@four 1, $round, $mix, $stride, $first, $shifts);
            round!(@four 2, $round, $mix, $stride, $first, $shifts);
            round!(@four 3, $round, $mix, $stride, $first, $shifts);
        };
        (@four $four:literal, $round:literal, $mix:expr, $stride:literal, $first:literal, $shifts:expr) => {
            round!(@step 0, a, b, c, d, $four, $round, $mix, $stride, $first, $shifts);
            round!(@step 1, d, a, b, c, $four, $round, $mix, $stride, $first, $shifts);
            round!(@step 2, c, d, a, b, $four, $round, $mix, $stride, $first, $shifts);
            round!(@step 3, b, c, d, a, $four, $round, $mix, $stride, $first, $shifts);
        };
        (@step $step:literal, $a:ident, $b:ident, $c:ident, $d:ident, $four:literal, $round:literal, $mix:expr,
         $stride:literal, $first:literal, $shifts:expr) => {
            $a = step::<N, { $shifts[$step] }>(
                $mix, &$a, &$b, &$c, &$d,
                &words[(($four * 4 + $step) * $stride + $first) % 16],
                SINES[$round * 16 + $four * 4 + $step],
            );
        };
    }
    round!(0, |x, y, z| (x & y) | (!x & z), 1, 0, [7, 12, 17, 22]);
    round!(1, |x, y, z| (x & z) | (y & !z), 5, 1, [5, 9, 14, 20]);
    round!(2, |x, y, z| x ^ y ^ z, 3, 5, [4, 11, 16, 23]);
    round!(3, |x, y, z| y ^ (x | !z), 7, 0, [6, 10, 15, 21]);
    for (word, change) in state.iter_mut().zip([a, b, c, d]) {
        for lane in 0..N {
            word[lane] = word[lane].wrapping_add(change[lane]);
        }
    }
}

#[inline(always)]
fn step<const N: usize, const SHIFT: u32>(
    mix: impl Fn(u32, u32, u32) -> u32,
    a: &[u32; N],
    b: &[u32; N],
    c: &[u32; N],
    d: &[u32; N],
    word: &[u32; N],
    sine: u32,
) -> [u32; N] {
    let mut next = [0; N];
    for lane in 0..N {
        next[lane] = a[lane]
            .wrapping_add(mix(b[lane], c[lane], d[lane]))
            .wrapping_add(word[lane])
            .wrapping_add(sine)
            .rotate_left(SHIFT)
            .wrapping_add(b[lane]);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(files: &[Vec<u8>]) {
        let slices: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        for (bytes, hashes) in slices.iter().zip(hash_files(&slices)) {
            let mut alone = StreamHasher::default();
            alone.update(bytes);
            assert_eq!(hashes, alone.finish(), "{} bytes", bytes.len());
        }
    }

    #[test]
    fn side_by_side_is_as_one_by_one() {
        check(&[]);
        check(&[Vec::new()]);
        check(&(0..200).map(|len| vec![len as u8; len]).collect::<Vec<_>>());
        check(&(0..40).map(|n| vec![n as u8; n * 1000]).collect::<Vec<_>>());
        let mut uneven = vec![vec![7; 100_000]];
        uneven.extend((0..50).map(|n| vec![1; n]));
        check(&uneven);
    }

    #[test]
    fn md5_is_that_of_the_rfc() {
        let digest = md5_files(&[b"message digest"])[0];
        assert_eq!(digest, *b"\xf9\x6b\x69\x7d\x7c\xb7\x93\x8d\x52\x5a\x2f\x31\xaa\xf1\x61\xd0");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_mix_of_lengths(lengths in prop::collection::vec(0usize..5000, 0..70), seed in any::<u8>()) {
            check(&lengths.iter().map(|&len| (0..len).map(|at| (at as u8).wrapping_mul(31) ^ seed).collect()).collect::<Vec<_>>());
        }
    }
}
