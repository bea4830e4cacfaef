//! MD5 and SHA-1 of files that come in pieces, up to four side by side.

use super::Hashes;
use super::md5::{self, BLOCK};
use sha1::{Digest as _, Sha1};

/// How many streams one step takes along: in vectors, four cost what one costs alone.
pub(crate) const LANES: usize = 4;

/// One file that is read in pieces.
pub(crate) struct StreamHasher {
    state: [u32; 4],
    /// Bytes hashed so far, whole blocks.
    bytes: u64,
    sha1: Option<Sha1>,
}

impl StreamHasher {
    /// Takes MD5, and SHA-1 where it is asked for.
    pub(crate) fn new(sha1: bool) -> Self {
        Self { state: md5::START, bytes: 0, sha1: sha1.then(Sha1::new) }
    }

    /// Hashes the last bytes of the file.
    pub(crate) fn finish(mut self, rest: &[u8]) -> Hashes {
        let bytes = self.bytes.wrapping_add(rest.len() as u64);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(rest);
        }
        Hashes {
            md5: Some(md5::finish(self.state, rest, bytes)),
            sha1: self.sha1.map(|sha1| sha1.finalize().into()),
        }
    }
}

/// Hashes as many whole blocks of every stream as the shortest has, and returns how many bytes of each that was.
pub(crate) fn update(streams: &mut [(&mut StreamHasher, &[u8])]) -> usize {
    let blocks = streams.iter().map(|(_, bytes)| bytes.len() / BLOCK).min().unwrap_or(0);
    let taken = blocks * BLOCK;
    for (hasher, bytes) in streams.iter_mut() {
        *bytes = bytes.get(..taken).unwrap_or_default();
        hasher.bytes = hasher.bytes.wrapping_add(taken as u64);
        if let Some(sha1) = &mut hasher.sha1 {
            sha1.update(bytes);
        }
    }
    for streams in streams.chunks_mut(LANES) {
        if !beside(streams) {
            for (hasher, bytes) in streams {
                md5::compress_alone(&mut hasher.state, bytes);
            }
        }
    }
    taken
}

/// MD5 of whole files, in their order. Those that go on when the others end go on alone.
pub(super) fn side_by_side<'f>(files: impl Iterator<Item = &'f [u8]>) -> impl Iterator<Item = [u8; 16]> {
    let mut streams: Vec<_> = files.map(|bytes| (StreamHasher::new(false), bytes)).collect();
    loop {
        let long = streams.iter_mut().filter(|(_, rest)| rest.len() >= BLOCK);
        let (mut lanes, mut rests): (Vec<_>, Vec<_>) =
            long.map(|(hasher, rest)| ((hasher, *rest), rest)).unzip();
        let taken = update(&mut lanes);
        if taken == 0 {
            break;
        }
        for rest in &mut rests {
            **rest = rest.get(taken..).unwrap_or_default();
        }
    }
    streams.into_iter().map(|(hasher, rest)| hasher.finish(rest).md5.unwrap_or_default())
}

#[cfg(target_arch = "x86_64")]
use vectors::beside;

/// Whether the streams were hashed side by side.
#[cfg(not(target_arch = "x86_64"))]
fn beside(_streams: &mut [(&mut StreamHasher, &[u8])]) -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
mod vectors {
    use super::super::md5::{self, BLOCK};
    use super::super::transpose;
    use super::super::vectors::Four;
    use super::{LANES, StreamHasher};
    use pulp::bytemuck::cast;
    use pulp::x86::V4;
    use std::arch::x86_64::__m128i;

    /// Hashes up to four streams side by side, if this machine can and there is more than one.
    pub(super) fn beside(streams: &mut [(&mut StreamHasher, &[u8])]) -> bool {
        let pulp::Arch::V4(simd) = pulp::Arch::new() else { return false };
        let [(_, filler), _, ..] = streams else { return false };
        // An idle lane reads the bytes of the first; its result is thrown away.
        let mut pieces: [&[u8]; LANES] = [filler; LANES];
        let mut states = [md5::START; LANES];
        for ((piece, state), (hasher, bytes)) in pieces.iter_mut().zip(&mut states).zip(streams.iter()) {
            (*piece, *state) = (bytes, hasher.state);
        }
        let mut words: [[u32; LANES]; 4] =
            std::array::from_fn(|word| std::array::from_fn(|lane| states[lane][word]));
        pulp::Simd::vectorize(simd, Compress { simd, pieces, words: &mut words });
        for (lane, (hasher, _)) in streams.iter_mut().enumerate() {
            hasher.state = words.map(|lanes| lanes.get(lane).copied().unwrap_or_default());
        }
        true
    }

    struct Compress<'a> {
        simd: V4,
        pieces: [&'a [u8]; LANES],
        words: &'a mut [[u32; LANES]; 4],
    }

    impl pulp::WithSimd for Compress<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: pulp::Simd>(self, _simd: S) {
            let Self { simd, pieces, words } = self;
            let sines = md5::sines();
            let mut state: [__m128i; 4] = words.map(cast);
            let [a, b, c, d] = pieces.map(|piece| piece.as_chunks::<BLOCK>().0);
            for (((a, b), c), d) in a.iter().zip(b).zip(c).zip(d) {
                md5::compress(Four(simd), &mut state, &transpose::four(simd, [*a, *b, *c, *d]), sines);
            }
            *words = state.map(cast);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::md5::Md5;
    use proptest::prelude::*;

    /// Files of these sizes, pieces of so many blocks, and in each step these of the streams, by turns.
    fn check(sizes: &[usize], piece: usize, turns: &[u8]) {
        for with_sha1 in [false, true] {
            let files: Vec<Vec<u8>> = sizes
                .iter()
                .enumerate()
                .map(|(file, &size)| (0..size).map(|at| (at as u8).wrapping_mul(31) ^ file as u8).collect())
                .collect();
            let mut streams: Vec<(StreamHasher, &[u8])> =
                files.iter().map(|file| (StreamHasher::new(with_sha1), file.as_slice())).collect();
            let mut turn = 0;
            while streams.iter().any(|(_, rest)| rest.len() >= BLOCK) {
                let now = turns.get(turn % turns.len().max(1)).copied().unwrap_or(u8::MAX);
                // Every second turn is everybody's, so that each comes to its end.
                let now = if turn % 2 == 0 { now } else { u8::MAX };
                turn += 1;
                let mut chosen: Vec<(usize, (&mut StreamHasher, &[u8]))> = streams
                    .iter_mut()
                    .enumerate()
                    .filter(|(at, (_, rest))| now >> (at % 8) & 1 == 1 && rest.len() >= BLOCK)
                    .map(|(at, (hasher, rest))| (at, (hasher, &rest[..rest.len().min(piece * BLOCK)])))
                    .collect();
                let (at, mut lanes): (Vec<usize>, Vec<_>) = chosen.drain(..).unzip();
                let taken = update(&mut lanes);
                assert_eq!(taken == 0, at.is_empty(), "{sizes:?}");
                for at in at {
                    streams[at].1 = &streams[at].1[taken..];
                }
            }
            for ((hasher, rest), file) in streams.into_iter().zip(&files) {
                let expect = Hashes {
                    md5: Some(Md5::digest(file).into()),
                    sha1: with_sha1.then(|| Sha1::digest(file).into()),
                };
                assert_eq!(hasher.finish(rest), expect, "{} of {sizes:?}", file.len());
            }
        }
    }

    #[test]
    fn streams_side_by_side_are_as_files_alone() {
        check(&[], 1, &[]);
        check(&[0], 1, &[]);
        check(&[1, 55, 56, 63, 64, 65, 119, 120, 127, 128], 1, &[]);
        check(&[5000], 7, &[]);
        check(&[5000, 4000], 7, &[1, 2, 3]);
        check(&[4096, 4096, 4096], 64, &[]);
        check(&[4096, 9000, 1 << 16, 100, 64, 0, 70_000], 16, &[0b101, 0b1_1111, 0b100]);
    }

    #[test]
    fn the_rest_of_a_file_may_be_any_length() {
        let file: Vec<u8> = (0..1000).map(|at| at as u8).collect();
        for len in 0..file.len() {
            let hashes = StreamHasher::new(false).finish(&file[..len]);
            assert_eq!(hashes.md5, Some(Md5::digest(&file[..len]).into()), "{len} bytes");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_interleaving(
            sizes in prop::collection::vec(0usize..6000, 0..9),
            piece in 1usize..40,
            turns in prop::collection::vec(any::<u8>(), 1..20),
        ) {
            check(&sizes, piece, &turns);
        }
    }
}
