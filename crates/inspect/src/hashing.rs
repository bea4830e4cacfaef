//! MD5 and, where somebody asks for it, SHA-1 of many files at once. SHA-256 is taken while the archive is read.
//!
//! MD5 is one long chain of steps that wait for each other, so a processor that hashes file by file idles most of the
//! time. Sixteen files side by side fill the machine's vectors instead, and large files that come in pieces go four
//! side by side. This is our own code because no crate hashes several messages at once without `unsafe`; the tests
//! hold it against the crate that hashes one, which alone is slower, too.

#[cfg(target_arch = "x86_64")]
mod lanes;
mod md5;
mod streams;
#[cfg(target_arch = "x86_64")]
mod transpose;
#[cfg(target_arch = "x86_64")]
mod vectors;

pub(crate) use md5::BLOCK;
pub(crate) use streams::{LANES as STREAMS, StreamHasher, update as update_streams};

use sha1::{Digest as _, Sha1};

/// Which hashes of files are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sums {
    /// MD5 and SHA-256: what most lists, dpkg and rpm are written in.
    Usual,
    /// SHA-1 as well, for lists and apk databases that are written in it. It costs as much as both others.
    WithSha1,
}

/// The hashes of a file besides its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hashes {
    pub(crate) md5: [u8; 16],
    pub(crate) sha1: Option<[u8; 20]>,
}

/// Hashes every file; order is kept.
pub(crate) fn hash_files(files: &[&[u8]], sums: Sums) -> Vec<Hashes> {
    let with_sha1 = |bytes| (sums == Sums::WithSha1).then(|| Sha1::digest(bytes).into());
    let md5 = md5_files(files);
    files.iter().zip(md5).map(|(bytes, md5)| Hashes { md5, sha1: with_sha1(bytes) }).collect()
}

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
        hashes[file] = md5::finish(md5::START, files[file], files[file].len() as u64);
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

#[cfg(test)]
mod tests {
    use super::*;
    use ::md5::Md5;
    use proptest::prelude::*;

    fn check(files: &[Vec<u8>]) {
        let slices: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        for sums in [Sums::Usual, Sums::WithSha1] {
            for (bytes, hashes) in slices.iter().zip(hash_files(&slices, sums)) {
                let expect = Hashes {
                    md5: Md5::digest(bytes).into(),
                    sha1: (sums == Sums::WithSha1).then(|| Sha1::digest(bytes).into()),
                };
                assert_eq!(hashes, expect, "{} bytes", bytes.len());
                assert_eq!(StreamHasher::new(sums).finish(bytes), expect, "{} bytes alone", bytes.len());
            }
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
        let hashes = hash_files(&[b"message digest".as_slice(); 20], Sums::Usual);
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
