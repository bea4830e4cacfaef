//! Turns blocks, one a row, into sixteen vectors, each with the same word of every block.

use pulp::bytemuck::cast;
use pulp::x86::V4;
use std::arch::x86_64::{__m128i, __m512i};

/// Little-endian words. The compiler would make gathers and scatters of the plain loops, which cost more than
/// the hash; four rounds of shuffles cost a tenth.
#[inline(always)]
pub(super) fn sixteen(simd: V4, rows: [[u8; 64]; 16]) -> [__m512i; 16] {
    let simd = simd.avx512f;
    let mut rows: [__m512i; 16] = rows.map(cast);
    pairs::<1>(&mut rows, |a, b| (simd._mm512_unpacklo_epi32(a, b), simd._mm512_unpackhi_epi32(a, b)));
    pairs::<2>(&mut rows, |a, b| (simd._mm512_unpacklo_epi64(a, b), simd._mm512_unpackhi_epi64(a, b)));
    // 0x88 takes the even quarters of both, 0xdd the odd ones.
    let quarters = |a, b| (simd._mm512_shuffle_i32x4::<0x88>(a, b), simd._mm512_shuffle_i32x4::<0xdd>(a, b));
    pairs::<4>(&mut rows, quarters);
    pairs::<8>(&mut rows, quarters);
    // After the rounds the word of row `at` is the one with these bits in another order.
    std::array::from_fn(|word| rows[ROW_OF_WORD[word]])
}

/// Row `at` and the row `STEP` further become the low and the high half of both. A function that is not a constant
/// would be called instead of inlined, with all rows in memory.
#[inline(always)]
fn pairs<const STEP: usize>(rows: &mut [__m512i; 16], mix: impl Fn(__m512i, __m512i) -> (__m512i, __m512i)) {
    for at in (0..16).filter(|at| at & STEP == 0) {
        (rows[at], rows[at + STEP]) = mix(rows[at], rows[at + STEP]);
    }
}

/// The same of four blocks: a quarter of each makes a quarter of the vectors.
#[inline(always)]
pub(super) fn four(simd: V4, rows: [[u8; 64]; 4]) -> [__m128i; 16] {
    let simd = simd.sse2;
    let rows: [[__m128i; 4]; 4] = rows.map(cast);
    let quarters: [[__m128i; 4]; 4] = std::array::from_fn(|quarter| {
        let [a, b, c, d] = rows.map(|row| row[quarter]);
        let low = (simd._mm_unpacklo_epi32(a, b), simd._mm_unpacklo_epi32(c, d));
        let high = (simd._mm_unpackhi_epi32(a, b), simd._mm_unpackhi_epi32(c, d));
        [
            simd._mm_unpacklo_epi64(low.0, low.1),
            simd._mm_unpackhi_epi64(low.0, low.1),
            simd._mm_unpacklo_epi64(high.0, high.1),
            simd._mm_unpackhi_epi64(high.0, high.1),
        ]
    });
    cast(quarters)
}

const ROW_OF_WORD: [usize; 16] = [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15];

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<const N: usize>() -> [[u8; 64]; N] {
        std::array::from_fn(|row| {
            std::array::from_fn(|at| if at % 4 == 0 { (row * 16 + at / 4) as u8 } else { 0 })
        })
    }

    fn check<const N: usize>(words: [[u32; N]; 16]) {
        for (word, lanes) in words.iter().enumerate() {
            for (lane, value) in lanes.iter().enumerate() {
                assert_eq!(*value as usize, lane * 16 + word, "word {word} of lane {lane}");
            }
        }
    }

    #[test]
    fn every_word_of_every_block_finds_its_place() {
        let pulp::Arch::V4(simd) = pulp::Arch::new() else { return };
        check(sixteen(simd, rows()).map(cast::<_, [u32; 16]>));
        check(four(simd, rows()).map(cast::<_, [u32; 4]>));
    }
}
