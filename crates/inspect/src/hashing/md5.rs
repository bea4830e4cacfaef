//! MD5 (RFC 1321) of as many messages at once as a word has lanes.

/// Bytes that are hashed at once.
pub(crate) const BLOCK: usize = 64;
pub(super) const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The same word of one message or of several side by side, and the five operations of MD5 on it.
pub(super) trait Lanes: Copy {
    type Word: Copy;

    fn splat(self, word: u32) -> Self::Word;
    fn add(self, a: Self::Word, b: Self::Word) -> Self::Word;
    fn rotate<const BY: i32>(self, word: Self::Word) -> Self::Word;
    /// Adds the function of this round to the sum of all that does not wait for `x`.
    fn mix<const ROUND: usize>(
        self,
        sum: Self::Word,
        x: Self::Word,
        y: Self::Word,
        z: Self::Word,
    ) -> Self::Word;
}

/// One message alone.
#[derive(Clone, Copy)]
pub(super) struct One;

impl Lanes for One {
    type Word = u32;

    #[inline(always)]
    fn splat(self, word: u32) -> u32 {
        word
    }

    #[inline(always)]
    fn add(self, a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }

    #[inline(always)]
    fn rotate<const BY: i32>(self, word: u32) -> u32 {
        word.rotate_left(BY.unsigned_abs())
    }

    /// In the forms that wait for `x`, the word of the step before, as few operations as possible.
    #[inline(always)]
    fn mix<const ROUND: usize>(self, sum: u32, x: u32, y: u32, z: u32) -> u32 {
        match ROUND {
            0 => sum.wrapping_add(z ^ (x & (y ^ z))),
            // No bit is in both halves, so their sum is as good as their union.
            1 => sum.wrapping_add(y & !z).wrapping_add(x & z),
            2 => sum.wrapping_add(x ^ (y ^ z)),
            _ => sum.wrapping_add(y ^ (x | !z)),
        }
    }
}

/// Runs one message through whole blocks; what is left of a block is not looked at.
pub(super) fn compress_alone(state: &mut [u32; 4], blocks: &[u8]) {
    pulp::Arch::new().dispatch(Alone { state, blocks });
}

struct Alone<'a> {
    state: &'a mut [u32; 4],
    blocks: &'a [u8],
}

impl pulp::WithSimd for Alone<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) {
        let sines = sines();
        for block in self.blocks.as_chunks::<BLOCK>().0 {
            let (words, _) = block.as_chunks::<4>();
            let words = std::array::from_fn(|at| words.get(at).map_or(0, |word| u32::from_le_bytes(*word)));
            compress(One, self.state, &words, sines);
        }
    }
}

/// Ends a message of so many bytes whose last ones are these: up to two blocks of padding.
pub(super) fn finish(mut state: [u32; 4], rest: &[u8], bytes: u64) -> [u8; 16] {
    compress_alone(&mut state, rest);
    let (tail, blocks) = padding(rest.as_chunks::<BLOCK>().1, bytes);
    compress_alone(&mut state, tail.get(..blocks * BLOCK).unwrap_or(&tail));
    digest(state)
}

/// The last bytes of a message, less than a block, with its padding; and how many blocks they are.
pub(super) fn padding(rest: &[u8], bytes: u64) -> ([u8; 2 * BLOCK], usize) {
    let mut tail = [0; 2 * BLOCK];
    for (to, from) in tail.iter_mut().zip(rest.iter().chain(&[0x80])) {
        *to = *from;
    }
    let blocks = if rest.len() < BLOCK - 8 { 1 } else { 2 };
    let bits = bytes.wrapping_mul(8).to_le_bytes();
    for (to, from) in tail.iter_mut().skip(blocks * BLOCK - bits.len()).zip(bits) {
        *to = from;
    }
    (tail, blocks)
}

pub(super) fn digest(state: [u32; 4]) -> [u8; 16] {
    let mut digest = [0; 16];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

/// The constants of all steps. To the compiler they are none: it would add a constant last, in the one chain of
/// operations that each step waits for, where a number from memory is added beside it.
#[inline(always)]
pub(super) fn sines() -> &'static [u32; 64] {
    std::hint::black_box(&SINES)
}

#[inline(always)]
pub(super) fn compress<L: Lanes>(
    lanes: L,
    state: &mut [L::Word; 4],
    words: &[L::Word; 16],
    sines: &[u32; 64],
) {
    let [mut a, mut b, mut c, mut d] = *state;
    // Four steps at a time with their shifts as constants: a rotation by a variable costs more.
    macro_rules! round {
        ($round:literal, $stride:literal, $first:literal, $shifts:expr) => {
            round!(@four 0, $round, $stride, $first, $shifts);
            round!(@four 1, $round, $stride, $first, $shifts);
            round!(@four 2, $round, $stride, $first, $shifts);
            round!(@four 3, $round, $stride, $first, $shifts);
        };
        (@four $four:literal, $round:literal, $stride:literal, $first:literal, $shifts:expr) => {
            round!(@step 0, a, b, c, d, $four, $round, $stride, $first, $shifts);
            round!(@step 1, d, a, b, c, $four, $round, $stride, $first, $shifts);
            round!(@step 2, c, d, a, b, $four, $round, $stride, $first, $shifts);
            round!(@step 3, b, c, d, a, $four, $round, $stride, $first, $shifts);
        };
        (@step $step:literal, $a:ident, $b:ident, $c:ident, $d:ident, $four:literal, $round:literal,
         $stride:literal, $first:literal, $shifts:expr) => {
            let word = words[(($four * 4 + $step) * $stride + $first) % 16];
            let sum = lanes.add($a, lanes.add(word, lanes.splat(sines[$round * 16 + $four * 4 + $step])));
            let sum = lanes.mix::<$round>(sum, $b, $c, $d);
            $a = lanes.add(lanes.rotate::<{ $shifts[$step] }>(sum), $b);
        };
    }
    round!(0, 1, 0, [7, 12, 17, 22]);
    round!(1, 5, 1, [5, 9, 14, 20]);
    round!(2, 3, 5, [4, 11, 16, 23]);
    round!(3, 7, 0, [6, 10, 15, 21]);
    for (word, change) in state.iter_mut().zip([a, b, c, d]) {
        *word = lanes.add(*word, change);
    }
}

static SINES: [u32; 64] = {
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
