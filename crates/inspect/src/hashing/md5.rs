//! MD5 (RFC 1321) of as many blocks at once as there are lanes.

pub(super) const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
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
pub(super) fn compress<const N: usize>(state: &mut [[u32; N]; 4], words: &[[u32; N]; 16]) {
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
    // The first two in the form that needs one operation less than that of the RFC.
    round!(0, |x, y, z| z ^ (x & (y ^ z)), 1, 0, [7, 12, 17, 22]);
    round!(1, |x, y, z| y ^ (z & (x ^ y)), 5, 1, [5, 9, 14, 20]);
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
