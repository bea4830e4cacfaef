use crate::Sums;
use layers::ContentHashes;
use std::io::{self, BufRead};

use super::parse::{self, Imported};

/// Lists of known bad hashes: sorted tables, indexed by the first bits, so that a look-up among a million costs
/// one visit to memory.
#[derive(Debug, Clone, Default)]
pub struct KnownHashes {
    md5: Table<16>,
    sha1: Table<20>,
    sha256: Table<32>,
    labels: Vec<Label>,
    feeds: Vec<String>,
}

/// What a list says of a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The name the list gives the file, escaped; empty where it gives none.
    pub name: String,
    /// Where the hash comes from: a publication, or the name of the imported list; escaped.
    pub source: String,
    /// Whether the name is that of a miner.
    pub miner: bool,
}

/// A hash of a file that is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'k> {
    /// Which of the file's hashes it is.
    pub algorithm: Algorithm,
    /// What the list says.
    pub label: &'k Label,
}

/// The hash functions that lists are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// 128 bits.
    Md5,
    /// 160 bits.
    Sha1,
    /// 256 bits.
    Sha256,
}

impl KnownHashes {
    /// What is known without any import: the two miners of the 2021 alert, both published by MD5 only.
    pub fn built_in() -> Self {
        const SOURCE: &str = "Aqua Nautilus, Supply chain threats using container images (2021)";
        let mut known = Self::default();
        let miner = Label { name: "xmrig, run by dao.py".to_owned(), source: SOURCE.to_owned(), miner: true };
        let renamed = Label { name: "xmrig, in openjdk and golang".to_owned(), ..miner.clone() };
        let labels = [known.add_label(miner), known.add_label(renamed)];
        let hashes: [[u8; 16]; 2] = [
            0x4873_e560_df68_ad96_c3de_0816_4b13_9b09_u128.to_be_bytes(),
            0x1657_2572_588c_2e24_1225_ea2b_f680_7eff_u128.to_be_bytes(),
        ];
        for (hash, label) in hashes.iter().zip(labels) {
            known.push(Algorithm::Md5, hash, label);
        }
        known.seal();
        known
    }

    /// Adds a plain list: one hash to a line, its length says of which kind; a label may follow after white
    /// space or a comma; `#` starts a comment. Where two lists name one hash, the first one's label stays.
    ///
    /// # Errors
    /// Where the list cannot be read. What was read until then is kept.
    pub fn import(&mut self, list: impl BufRead, name: &str) -> io::Result<Imported> {
        let imported = parse::read_list(self, list, name);
        self.seal();
        if let Ok(imported) = &imported {
            self.feeds.push(format!("{}@{}", model::escape_text(name), imported.digest));
        }
        imported
    }

    /// The first list entry that one of the hashes is on, SHA-256 before SHA-1 before MD5.
    pub fn find(&self, hashes: &ContentHashes) -> Option<Hit<'_>> {
        let found = |algorithm, label: Option<u32>| {
            Some(Hit { algorithm, label: self.labels.get(usize::try_from(label?).ok()?)? })
        };
        found(Algorithm::Sha256, self.sha256.find(&hashes.sha256))
            .or_else(|| found(Algorithm::Sha1, hashes.sha1.and_then(|sha1| self.sha1.find(&sha1))))
            .or_else(|| found(Algorithm::Md5, self.md5.find(&hashes.md5)))
    }

    /// The hashes that every file needs, so that none of the lists is asked in vain.
    pub fn sums(&self) -> Sums {
        if self.sha1.entries.is_empty() { Sums::Usual } else { Sums::WithSha1 }
    }

    /// How many different hashes are known.
    pub fn len(&self) -> usize {
        self.md5.entries.len() + self.sha1.entries.len() + self.sha256.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The imported lists as `name@digest`, in the order of import.
    pub fn feeds(&self) -> &[String] {
        &self.feeds
    }

    pub(super) fn len_of(&self, algorithm: Algorithm) -> usize {
        match algorithm {
            Algorithm::Md5 => self.md5.entries.len(),
            Algorithm::Sha1 => self.sha1.entries.len(),
            Algorithm::Sha256 => self.sha256.entries.len(),
        }
    }

    pub(super) fn add_label(&mut self, label: Label) -> u32 {
        self.labels.push(label);
        u32::try_from(self.labels.len() - 1).unwrap_or(u32::MAX)
    }

    /// Appends a hash; it is found only after [`Self::seal`].
    pub(super) fn push(&mut self, algorithm: Algorithm, hash: &[u8], label: u32) {
        match algorithm {
            Algorithm::Md5 => self.md5.push(hash, label),
            Algorithm::Sha1 => self.sha1.push(hash, label),
            Algorithm::Sha256 => self.sha256.push(hash, label),
        }
    }

    fn seal(&mut self) {
        self.md5.seal();
        self.sha1.seal();
        self.sha256.seal();
    }
}

impl Label {
    pub(super) fn new(name: &str, source: &str) -> Self {
        let miner = name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| {
            [
                "miner",
                "coinminer",
                "cryptominer",
                "bitcoinminer",
                "xmrig",
                "xmrigcc",
                "xmr",
                "cpuminer",
                "srbminer",
            ]
            .iter()
            .any(|family| word.eq_ignore_ascii_case(family))
        });
        Self { name: name.to_owned(), source: model::escape_text(source), miner }
    }
}

impl Algorithm {
    /// The lower-case name, as in evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// The one whose hashes have this many hexadecimal digits.
    pub(super) fn of_digits(digits: usize) -> Option<Self> {
        let all = [Self::Md5, Self::Sha1, Self::Sha256];
        all.into_iter().find(|algorithm| algorithm.of_nothing().len() * 2 == digits)
    }

    /// The hash of no bytes at all. A list that holds it would convict every image.
    pub(super) fn of_nothing(self) -> &'static [u8] {
        match self {
            Self::Md5 => b"\xd4\x1d\x8c\xd9\x8f\x00\xb2\x04\xe9\x80\x09\x98\xec\xf8\x42\x7e",
            Self::Sha1 => b"\xda\x39\xa3\xee\x5e\x6b\x4b\x0d\x32\x55\xbf\xef\x95\x60\x18\x90\xaf\xd8\x07\x09",
            Self::Sha256 => {
                b"\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55"
            }
        }
    }
}

/// Most bits that number a bucket.
const MAX_BITS: u32 = 20;

/// Hashes of one length with the index of their label, sorted. `starts` holds where each bucket of equal first
/// bits begins; there are about as many buckets as hashes, up to a million.
#[derive(Debug, Clone)]
struct Table<const N: usize> {
    entries: Vec<([u8; N], u32)>,
    starts: Vec<u32>,
    bits: u32,
}

impl<const N: usize> Default for Table<N> {
    fn default() -> Self {
        Self { entries: Vec::new(), starts: Vec::new(), bits: 0 }
    }
}

impl<const N: usize> Table<N> {
    fn push(&mut self, hash: &[u8], label: u32) {
        if let Ok(hash) = hash.try_into() {
            self.entries.push((hash, label));
        }
    }

    fn seal(&mut self) {
        // The sort is stable, so that the first label of a hash is the one that stays.
        self.entries.sort_by_key(|entry| entry.0);
        self.entries.dedup_by(|later, first| later.0 == first.0);
        self.bits = self.entries.len().checked_ilog2().unwrap_or(0).min(MAX_BITS);
        self.starts = vec![0; (1 << self.bits) + 1];
        for (hash, _) in &self.entries {
            if let Some(count) = self.starts.get_mut(bucket(hash, self.bits) + 1) {
                *count += 1;
            }
        }
        let mut total = 0;
        for start in &mut self.starts {
            total += *start;
            *start = total;
        }
    }

    fn find(&self, hash: &[u8; N]) -> Option<u32> {
        let at = bucket(hash, self.bits);
        let (start, end) = (*self.starts.get(at)? as usize, *self.starts.get(at + 1)? as usize);
        let entries = self.entries.get(start..end)?;
        let found = entries.binary_search_by(|entry| entry.0.cmp(hash)).ok()?;
        entries.get(found).map(|entry| entry.1)
    }
}

fn bucket(hash: &[u8], bits: u32) -> usize {
    let first = hash.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first));
    // No bits are one bucket, and a shift by the whole width is none.
    first.checked_shr(u32::BITS - bits).unwrap_or(0) as usize
}
