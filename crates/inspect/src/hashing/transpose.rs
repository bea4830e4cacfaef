//! Turns sixteen blocks, one a row, into sixteen vectors, each with the same word of every block.

use pulp::bytemuck::cast;
use pulp::x86::V4;
use std::arch::x86_64::__m512i;

/// Little-endian words. The compiler would make gathers and scatters of the plain loops, which cost more than
/// all three hashes; four rounds of shuffles cost a tenth.
#[inline(always)]
pub(super) fn transpose(simd: V4, rows: [[u8; 64]; 16]) -> [[u32; 16]; 16] {
    let simd = simd.avx512f;
    let rows: [__m512i; 16] = rows.map(cast);
    let pairs =
        |rows: [__m512i; 16], low: fn(_, _, _) -> __m512i, high: fn(_, _, _) -> __m512i, step: usize| {
            // Row `at` and the row `step` further become the low and the high half of both.
            let mut mixed = rows;
            for at in (0..16).filter(|at| at & step == 0) {
                mixed[at] = low(simd, rows[at], rows[at + step]);
                mixed[at + step] = high(simd, rows[at], rows[at + step]);
            }
            mixed
        };
    let rows =
        pairs(rows, |s, a, b| s._mm512_unpacklo_epi32(a, b), |s, a, b| s._mm512_unpackhi_epi32(a, b), 1);
    let rows =
        pairs(rows, |s, a, b| s._mm512_unpacklo_epi64(a, b), |s, a, b| s._mm512_unpackhi_epi64(a, b), 2);
    // 0x88 takes the even quarters of both, 0xdd the odd ones.
    let even = |s: pulp::core_arch::x86::Avx512f, a, b| s._mm512_shuffle_i32x4::<0x88>(a, b);
    let odd = |s: pulp::core_arch::x86::Avx512f, a, b| s._mm512_shuffle_i32x4::<0xdd>(a, b);
    let rows = pairs(rows, even, odd, 4);
    let rows = pairs(rows, even, odd, 8);
    // After the rounds the word of row `at` is the one with these bits in another order.
    std::array::from_fn(|word| cast(rows[ROW_OF_WORD[word]]))
}

const ROW_OF_WORD: [usize; 16] = [0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_every_block_finds_its_place() {
        let pulp::Arch::V4(simd) = pulp::Arch::new() else { return };
        let rows = std::array::from_fn(|row| {
            std::array::from_fn(|at| if at % 4 == 0 { (row * 16 + at / 4) as u8 } else { 0 })
        });
        let words = transpose(simd, rows);
        for (word, lanes) in words.iter().enumerate() {
            for (lane, value) in lanes.iter().enumerate() {
                assert_eq!(*value as usize, lane * 16 + word, "word {word} of lane {lane}");
            }
        }
    }
}
