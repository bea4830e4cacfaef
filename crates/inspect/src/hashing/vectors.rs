//! The operations of MD5 on vectors, each of which holds the same word of several messages.
//!
//! They are spelled out because the compiler makes worse of loops over four lanes: half of them stay scalar.

use super::md5::Lanes;
use pulp::bytemuck::cast;
use pulp::x86::V4;
use std::arch::x86_64::{__m128i, __m512i};

// The truth tables of the functions of the four rounds, with `x` as the highest bit of the row.
const F: i32 = 0xca;
const G: i32 = 0xe4;
const H: i32 = 0x96;
const I: i32 = 0x39;

/// Four messages side by side: each step takes as long as one of a message alone.
#[derive(Clone, Copy)]
pub(super) struct Four(pub(super) V4);

impl Lanes for Four {
    type Word = __m128i;

    #[inline(always)]
    fn splat(self, word: u32) -> __m128i {
        cast([word; 4])
    }

    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        self.0.sse2._mm_add_epi32(a, b)
    }

    #[inline(always)]
    fn rotate<const BY: i32>(self, word: __m128i) -> __m128i {
        self.0.avx512f._mm_rol_epi32::<BY>(word)
    }

    #[inline(always)]
    fn mix<const ROUND: usize>(self, sum: __m128i, x: __m128i, y: __m128i, z: __m128i) -> __m128i {
        let simd = self.0.avx512f;
        let mixed = match ROUND {
            0 => simd._mm_ternarylogic_epi32::<F>(x, y, z),
            1 => simd._mm_ternarylogic_epi32::<G>(x, y, z),
            2 => simd._mm_ternarylogic_epi32::<H>(x, y, z),
            _ => simd._mm_ternarylogic_epi32::<I>(x, y, z),
        };
        self.add(sum, mixed)
    }
}

/// Sixteen messages side by side: as many as fit.
#[derive(Clone, Copy)]
pub(super) struct Sixteen(pub(super) V4);

impl Lanes for Sixteen {
    type Word = __m512i;

    #[inline(always)]
    fn splat(self, word: u32) -> __m512i {
        cast([word; 16])
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        self.0.avx512f._mm512_add_epi32(a, b)
    }

    #[inline(always)]
    fn rotate<const BY: i32>(self, word: __m512i) -> __m512i {
        self.0.avx512f._mm512_rol_epi32::<BY>(word)
    }

    #[inline(always)]
    fn mix<const ROUND: usize>(self, sum: __m512i, x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        let simd = self.0.avx512f;
        let mixed = match ROUND {
            0 => simd._mm512_ternarylogic_epi32::<F>(x, y, z),
            1 => simd._mm512_ternarylogic_epi32::<G>(x, y, z),
            2 => simd._mm512_ternarylogic_epi32::<H>(x, y, z),
            _ => simd._mm512_ternarylogic_epi32::<I>(x, y, z),
        };
        self.add(sum, mixed)
    }
}
