//! MD5 of sixteen files side by side: one 512-bit vector holds the same word of each.

use super::md5::{self, BLOCK};
use super::transpose;
use super::vectors::Sixteen;
use pulp::bytemuck::cast;
use pulp::x86::V4;
use std::arch::x86_64::__m512i;

/// How many files go side by side.
pub(super) const LANES: usize = 16;
/// A file longer than this part of all that is to be hashed would leave too many lanes idle for too long.
pub(super) const WORTHWHILE: usize = 4;
/// Below this many busy lanes, ending one file after the other is faster.
const COMPANY: usize = 3;

/// Hashes files side by side; `done` is given each file's number and MD5. The files come longest first:
/// the lanes then end together instead of leaving one long file to run alone.
pub(super) fn hash(
    simd: V4,
    files: impl Iterator<Item = usize>,
    contents: &[&[u8]],
    mut done: impl FnMut(usize, [u8; 16]),
) {
    let mut waiting = files;
    let mut lanes: [Option<Lane<'_>>; LANES] = std::array::from_fn(|_| None);
    let mut state = md5::START.map(|word| [word; LANES]);
    loop {
        let mut blocks = usize::MAX;
        let mut busy = 0;
        for (at, slot) in lanes.iter_mut().enumerate() {
            if slot.is_none()
                && let Some(file) = waiting.next()
            {
                *slot = Some(Lane::new(file, contents[file]));
                for (word, start) in state.iter_mut().zip(md5::START) {
                    word[at] = start;
                }
            }
            if let Some(lane) = slot {
                busy += 1;
                blocks = blocks.min(lane.run());
            }
        }
        if busy == 0 {
            return;
        }
        if busy < COMPANY {
            for (at, slot) in lanes.iter_mut().enumerate() {
                if let Some(lane) = slot.take() {
                    let file = lane.file;
                    done(file, lane.finish_alone(state.map(|word| word[at])));
                }
            }
            continue;
        }
        pulp::Simd::vectorize(simd, Compress { simd, lanes: &mut lanes, state: &mut state, blocks });
        for (at, slot) in lanes.iter_mut().enumerate() {
            if let Some(lane) = slot.take_if(|lane| lane.is_done()) {
                done(lane.file, md5::digest(state.map(|word| word[at])));
            }
        }
    }
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
        let (tail, tail_blocks) = md5::padding(rest, bytes.len() as u64);
        Self { file, bytes, at: 0, tail, tail_blocks }
    }

    fn whole(&self) -> usize {
        self.bytes.len() / BLOCK
    }

    /// How many blocks can be taken from one piece of memory now.
    fn run(&self) -> usize {
        if self.at < self.whole() {
            self.whole() - self.at
        } else {
            self.whole() + self.tail_blocks - self.at
        }
    }

    fn is_done(&self) -> bool {
        self.at == self.whole() + self.tail_blocks
    }

    /// The bytes of the next run.
    fn piece(&self) -> &[u8] {
        if self.at < self.whole() {
            &self.bytes[self.at * BLOCK..self.whole() * BLOCK]
        } else {
            &self.tail[(self.at - self.whole()) * BLOCK..self.tail_blocks * BLOCK]
        }
    }

    /// Ends a file that has no company left, from the state it has reached.
    fn finish_alone(mut self, mut state: [u32; 4]) -> [u8; 16] {
        while !self.is_done() {
            md5::compress_alone(&mut state, self.piece());
            self.at += self.run();
        }
        md5::digest(state)
    }
}

struct Compress<'f, 'l> {
    simd: V4,
    lanes: &'l mut [Option<Lane<'f>>; LANES],
    state: &'l mut [[u32; LANES]; 4],
    blocks: usize,
}

impl pulp::WithSimd for Compress<'_, '_> {
    type Output = ();

    /// Runs every lane through as many blocks as the shortest of them has, compiled for the instructions that `simd`
    /// proves to be there.
    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) {
        let Self { simd, lanes, state, blocks } = self;
        // An idle lane reads the bytes of another one; its result is thrown away.
        let filler = lanes.iter().flatten().next().map(Lane::piece).unwrap_or_default();
        let pieces: [&[u8]; LANES] = std::array::from_fn(|at| lanes[at].as_ref().map_or(filler, Lane::piece));
        let sines = md5::sines();
        let mut vectors: [__m512i; 4] = state.map(cast);
        for block in 0..blocks {
            let mut rows = [[0; BLOCK]; LANES];
            for (row, piece) in rows.iter_mut().zip(&pieces) {
                if let Some(bytes) = piece.get(block * BLOCK..).and_then(|bytes| bytes.first_chunk()) {
                    *row = *bytes;
                }
            }
            md5::compress(Sixteen(simd), &mut vectors, &transpose::sixteen(simd, rows), sines);
        }
        *state = vectors.map(cast);
        for lane in lanes.iter_mut().flatten() {
            lane.at += blocks;
        }
    }
}
