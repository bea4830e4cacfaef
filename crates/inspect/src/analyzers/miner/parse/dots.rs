//! Where dots stand, found sixty-four bytes at a time: code has one in every other word, and a search that begins anew
//! behind each of them takes most of its time to begin.

/// Calls `each` with the place of every dot, until it says that this is enough.
pub(super) fn for_each(text: &[u8], each: impl FnMut(usize) -> bool) {
    #[cfg(target_arch = "x86_64")]
    if let pulp::Arch::V4(simd) = pulp::Arch::new() {
        return pulp::Simd::vectorize(simd, vectors::Dots { simd, text, each });
    }
    one_by_one(text, 0, each);
}

/// Those from here on.
fn one_by_one(text: &[u8], start: usize, mut each: impl FnMut(usize) -> bool) {
    let rest = text.get(start..).unwrap_or_default();
    memchr::memchr_iter(b'.', rest).all(|at| each(start + at));
}

#[cfg(target_arch = "x86_64")]
mod vectors {
    use pulp::bytemuck::cast;
    use pulp::x86::V4;
    use std::arch::x86_64::__m512i;

    const BLOCK: usize = 64;

    pub(super) struct Dots<'t, F> {
        pub(super) simd: V4,
        pub(super) text: &'t [u8],
        pub(super) each: F,
    }

    impl<F: FnMut(usize) -> bool> pulp::WithSimd for Dots<'_, F> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _simd: S) {
            let Self { simd, text, mut each } = self;
            let dot: __m512i = cast([b'.'; BLOCK]);
            let (blocks, _) = text.as_chunks::<BLOCK>();
            for (block, start) in blocks.iter().zip((0..).step_by(BLOCK)) {
                let mut dots = simd.avx512bw._mm512_cmpeq_epi8_mask(cast(*block), dot);
                while dots != 0 {
                    if !each(start + dots.trailing_zeros() as usize) {
                        return;
                    }
                    dots &= dots - 1;
                }
            }
            super::one_by_one(text, blocks.len() * BLOCK, each);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_dot_is_found_until_it_is_enough(text in "[a.]{0,300}", most in 1_usize..200) {
            let expect: Vec<_> = text.match_indices('.').map(|(at, _)| at).take(most).collect();
            let mut found = Vec::new();
            for_each(text.as_bytes(), |at| {
                found.push(at);
                found.len() < most
            });
            prop_assert_eq!(found, expect);
        }
    }
}
