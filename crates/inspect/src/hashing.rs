//! MD5, SHA-1 and SHA-256 of many files at once.
//!
//! Indicator lists and package databases are written in all three, so every file needs them. For SHA-1 and
//! SHA-256 machines have instructions; MD5 alone costs more than inflating does when it is computed file by file,
//! because each of its 64 steps waits for the one before. Sixteen files side by side fill the machine's vectors
//! instead. This is our own code because no crate hashes several messages at once without `unsafe`; the tests
//! hold it against the crate that hashes one.

#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod md5;
#[cfg(target_arch = "x86_64")]
mod transpose;

use ::sha1::Sha1;
use layers::ContentHashes;
use sha2::{Digest as _, Sha256};

/// Hashes every file; order is kept.
pub(crate) fn hash_files(files: &[&[u8]]) -> Vec<ContentHashes> {
    let md5 = md5_files(files);
    files
        .iter()
        .zip(md5)
        .map(|(bytes, md5)| {
            let mut sha1 = Sha1::new();
            let mut sha256 = Sha256::new();
            for block in bytes.chunks(BLOCK) {
                sha1.update(block);
                sha256.update(block);
            }
            ContentHashes { md5, sha1: sha1.finalize().into(), sha256: sha256.finalize().into() }
        })
        .collect()
}

/// The block of all three functions. They take turns block by block: each is one long chain of steps that wait
/// for each other, and a processor works on the chains of several functions at once when they stand this close.
const BLOCK: usize = 64;

fn md5_files(files: &[&[u8]]) -> Vec<[u8; 16]> {
    let mut hashes = vec![[0; 16]; files.len()];
    let mut order: Vec<usize> = (0..files.len()).collect();
    #[cfg(target_arch = "x86_64")]
    if let pulp::Arch::V4(simd) = pulp::Arch::new() {
        // Longest first: the lanes then end together instead of leaving one long file to run alone.
        order.sort_unstable_by_key(|&file| std::cmp::Reverse(files[file].len()));
        let beside = order.split_off(outliers(&order, files));
        lanes::hash(simd, beside.into_iter(), files, |file, md5| hashes[file] = md5);
    }
    for file in order {
        hashes[file] = ::md5::Md5::digest(files[file]).into();
    }
    hashes
}

/// How many of the longest files outweigh the others so far that they would run through the lanes alone.
#[cfg(target_arch = "x86_64")]
fn outliers(order: &[usize], files: &[&[u8]]) -> usize {
    let mut left: usize = files.iter().map(|bytes| bytes.len()).sum();
    order
        .iter()
        .take_while(|&&file| {
            let outweighs = files[file].len().saturating_mul(lanes::WORTHWHILE) > left;
            left -= files[file].len();
            outweighs
        })
        .count()
}

/// All three hashes of one file that is read in pieces.
#[derive(Default)]
pub(crate) struct StreamHasher {
    md5: ::md5::Md5,
    sha1: Sha1,
    sha256: Sha256,
}

impl StreamHasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(BLOCK) {
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
        let hashes = hash_files(&[b"message digest".as_slice(); 20]);
        assert_eq!(hashes[7].md5, *b"\xf9\x6b\x69\x7d\x7c\xb7\x93\x8d\x52\x5a\x2f\x31\xaa\xf1\x61\xd0");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_mix_of_lengths(lengths in prop::collection::vec(0usize..5000, 0..70), seed in any::<u8>()) {
            check(&lengths.iter().map(|&len| (0..len).map(|at| (at as u8).wrapping_mul(31) ^ seed).collect()).collect::<Vec<_>>());
        }
    }
}
