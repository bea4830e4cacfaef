//! MD5 and SHA-1 of many files at once, where somebody can ask for them. SHA-256 is taken while the archive is read.
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

use layers::Entry;
use sha1::{Digest as _, Sha1};

/// Which hashes of files are computed, besides SHA-256.
///
/// What is not computed and then asked for is told by [`packages::Ownership::lacks_sums`]; the layers are then read
/// once more, with [`Sums::EVERY`]. So what is computed at first decides over time and never over a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sums {
    /// MD5 of every file, for lists; otherwise only of files that a package of dpkg may own by their place, and of
    /// those that a built-in hash may be of.
    pub every_md5: bool,
    /// SHA-1 of every file, for lists and apk databases that are written in it. It costs as much as MD5 and SHA-256.
    pub sha1: bool,
}

impl Sums {
    /// What most images are judged with.
    pub const USUAL: Self = Self { every_md5: false, sha1: false };
    /// All that anybody can ask for.
    pub const EVERY: Self = Self { every_md5: true, sha1: true };

    /// Those of one file, given what the gate sees of it.
    pub(crate) fn of(self, entry: &Entry, head: &[u8]) -> Taken {
        let md5 =
            self.every_md5 || packages::may_be_owned(&entry.path) || feeds::may_be_built_in(head, entry.size);
        Taken { md5, sha1: self.sha1 }
    }
}

/// Which hashes of one file are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) md5: bool,
    pub(crate) sha1: bool,
}

/// The hashes of a file besides its SHA-256.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Hashes {
    pub(crate) md5: Option<[u8; 16]>,
    pub(crate) sha1: Option<[u8; 20]>,
}

/// Hashes every file; order is kept.
pub(crate) fn hash_files(files: &[(&[u8], Taken)]) -> Vec<Hashes> {
    let mut hashes: Vec<Hashes> = files
        .iter()
        .map(|(bytes, taken)| Hashes { md5: None, sha1: taken.sha1.then(|| Sha1::digest(bytes).into()) })
        .collect();
    let (places, asked): (Vec<usize>, Vec<&[u8]>) = files
        .iter()
        .enumerate()
        .filter(|(_, (_, taken))| taken.md5)
        .map(|(at, (bytes, _))| (at, *bytes))
        .unzip();
    for (at, md5) in places.into_iter().zip(md5_files(&asked)) {
        hashes[at].md5 = Some(md5);
    }
    hashes
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
    for company in order.chunks(STREAMS) {
        let contents = company.iter().map(|&file| files[file]);
        for (&file, md5) in company.iter().zip(streams::side_by_side(contents)) {
            hashes[file] = md5;
        }
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

    /// The sums that are asked for, and MD5 of two files out of three at most.
    fn check(files: &[Vec<u8>]) {
        for (md5, sha1) in [(true, false), (true, true), (false, true)] {
            let taken = |at: usize| Taken { md5: md5 && at % 3 != 1, sha1 };
            let slices: Vec<_> =
                files.iter().enumerate().map(|(at, file)| (file.as_slice(), taken(at))).collect();
            for ((bytes, taken), hashes) in slices.iter().zip(hash_files(&slices)) {
                let expect = Hashes {
                    md5: taken.md5.then(|| Md5::digest(bytes).into()),
                    sha1: taken.sha1.then(|| Sha1::digest(bytes).into()),
                };
                assert_eq!(hashes, expect, "{} bytes", bytes.len());
                let alone = StreamHasher::new(taken.sha1).finish(bytes);
                let md5 = Some(Md5::digest(bytes).into());
                assert_eq!(alone, Hashes { md5, ..expect }, "{} bytes alone", bytes.len());
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
    fn md5_is_taken_of_what_somebody_can_ask_for() {
        let taken = |path: &str, head: &[u8], size, sums: Sums| {
            sums.of(&Entry { path: path.as_bytes().to_vec(), size, ..Entry::default() }, head).md5
        };
        let program = b"\x7fELF\x02\x01\x01\0\0";
        assert!(taken("app/a", program, 8 << 20, Sums::USUAL));
        assert!(!taken("app/a", b"a text", 100, Sums::USUAL));
        assert!(!taken("app/a", program, 200 << 20, Sums::USUAL), "no miner of 2021 is that large");
        assert!(taken("app/a", program, 200 << 20, Sums::EVERY));
        assert!(taken("usr/bin/a", program, 200 << 20, Sums::USUAL), "a package may say what it is");
    }

    #[test]
    fn md5_is_that_of_the_rfc() {
        let taken = Taken { md5: true, sha1: false };
        let hashes = hash_files(&[(b"message digest".as_slice(), taken); 20]);
        assert_eq!(
            hashes[7].md5.unwrap(),
            *b"\xf9\x6b\x69\x7d\x7c\xb7\x93\x8d\x52\x5a\x2f\x31\xaa\xf1\x61\xd0"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_mix_of_lengths(lengths in prop::collection::vec(0usize..5000, 0..70), seed in any::<u8>()) {
            check(&lengths.iter().map(|&len| (0..len).map(|at| (at as u8).wrapping_mul(31) ^ seed).collect()).collect::<Vec<_>>());
        }
    }
}
