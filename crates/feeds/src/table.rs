use serde::{Deserialize, Serialize};

/// The hash functions that lists of files are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// 128 bits.
    Md5,
    /// 160 bits.
    Sha1,
    /// 256 bits.
    Sha256,
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
    pub(crate) fn of_digits(digits: usize) -> Option<Self> {
        let all = [Self::Md5, Self::Sha1, Self::Sha256];
        all.into_iter().find(|algorithm| algorithm.of_nothing().len() * 2 == digits)
    }

    /// The hash of no bytes at all. A list that holds it would convict every image.
    pub(crate) fn of_nothing(self) -> &'static [u8] {
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
/// The size of a row that holds for files of any size.
pub(crate) const ANY_SIZE: u64 = u64::MAX;

/// Hashes of one length with what is known of each, sorted, end to end in one buffer: a million of them are
/// written and read back in a few copies. `starts` holds where each bucket of equal first bits begins; there are
/// about as many buckets as hashes, up to a million, so that a look-up costs one visit to memory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Table<const N: usize> {
    #[serde(with = "serde_bytes")]
    hashes: Vec<u8>,
    labels: Vec<u32>,
    /// One for each hash, or none where no row names a size.
    sizes: Vec<u64>,
    #[serde(skip)]
    starts: Vec<u32>,
    #[serde(skip)]
    bits: u32,
}

/// What a table says of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) label: u32,
    pub(crate) size: u64,
}

impl Row {
    /// Whether the row is about files of this size.
    pub(crate) fn fits(self, size: u64) -> bool {
        self.size == ANY_SIZE || self.size == size
    }
}

impl<const N: usize> Default for Table<N> {
    fn default() -> Self {
        Self { hashes: Vec::new(), labels: Vec::new(), sizes: Vec::new(), starts: Vec::new(), bits: 0 }
    }
}

impl<const N: usize> Table<N> {
    /// Sorts rows of hash, label and size. The first label of a hash stays; a row for any size wins over one
    /// for a single size.
    pub(crate) fn of(mut rows: Vec<([u8; N], Row)>) -> Self {
        // The sort is stable, so that the first row of a hash comes first.
        rows.sort_by(|(a, row), (b, other)| {
            a.cmp(b).then_with(|| (row.size != ANY_SIZE).cmp(&(other.size != ANY_SIZE)))
        });
        rows.dedup_by(|later, first| later.0 == first.0);
        let sized = rows.iter().any(|(_, row)| row.size != ANY_SIZE);
        let mut table = Self {
            hashes: Vec::with_capacity(rows.len() * N),
            labels: rows.iter().map(|(_, row)| row.label).collect(),
            sizes: if sized { rows.iter().map(|(_, row)| row.size).collect() } else { Vec::new() },
            ..Self::default()
        };
        for (hash, _) in &rows {
            table.hashes.extend_from_slice(hash);
        }
        table.index();
        table
    }

    pub(crate) fn len(&self) -> usize {
        self.hashes.len() / N
    }

    /// Makes a table that was read back ready for look-ups; false where it is none.
    pub(crate) fn restore(&mut self, labels: usize) -> bool {
        let (hashes, rest) = self.hashes.as_chunks::<N>();
        let sound = rest.is_empty()
            && self.labels.len() == hashes.len()
            && (self.sizes.is_empty() || self.sizes.len() == hashes.len())
            && hashes.is_sorted()
            && self.labels.iter().all(|&label| (label as usize) < labels);
        if sound {
            self.index();
        }
        sound
    }

    fn index(&mut self) {
        let (hashes, _) = self.hashes.as_chunks::<N>();
        self.bits = hashes.len().checked_ilog2().unwrap_or(0).min(MAX_BITS);
        self.starts = vec![0; (1 << self.bits) + 1];
        for hash in hashes {
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

    pub(crate) fn find(&self, hash: &[u8; N]) -> Option<Row> {
        self.find_counted(hash, &mut 0)
    }

    /// As [`Self::find`]; `compared` counts the hashes that were looked at.
    fn find_counted(&self, hash: &[u8; N], compared: &mut u32) -> Option<Row> {
        let at = bucket(hash, self.bits);
        let (start, end) = (*self.starts.get(at)? as usize, *self.starts.get(at + 1)? as usize);
        let found = self.hashes.as_chunks::<N>().0.get(start..end)?.binary_search_by(|listed| {
            *compared += 1;
            listed.cmp(hash)
        });
        let index = start + found.ok()?;
        let size = if self.sizes.is_empty() { ANY_SIZE } else { *self.sizes.get(index)? };
        Some(Row { label: *self.labels.get(index)?, size })
    }
}

fn bucket(hash: &[u8], bits: u32) -> usize {
    let first = hash.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first));
    // No bits are one bucket, and a shift by the whole width is none.
    first.checked_shr(u32::BITS - bits).unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    fn row(label: u32) -> Row {
        Row { label, size: ANY_SIZE }
    }

    #[test]
    fn a_look_up_among_many_compares_a_handful() {
        let hash = |number: u32| -> [u8; 32] { Sha256::digest(number.to_le_bytes()).into() };
        let listed = 200_000;
        let table = Table::of((0..listed).map(|number| (hash(number), row(number))).collect());
        let (mut most, mut all) = (0, 0);
        for number in 0..listed * 2 {
            let mut compared = 0;
            let found = table.find_counted(&hash(number), &mut compared);
            assert_eq!(found, (number < listed).then_some(row(number)));
            most = most.max(compared);
            all += compared;
        }
        assert!(most <= 5, "{most} comparisons for one look-up");
        assert!(all < listed * 2 * 2, "{all} comparisons for {} look-ups", listed * 2);
    }

    #[test]
    fn hashes_of_one_beginning_are_searched_by_halves() {
        let hash = |number: u32| -> [u8; 20] {
            let mut hash = [0; 20];
            hash[16..].copy_from_slice(&number.to_be_bytes());
            hash
        };
        let table = Table::of((0..100_000).map(|number| (hash(number), row(number))).collect());
        let mut compared = 0;
        assert_eq!(table.find_counted(&hash(77_777), &mut compared), Some(row(77_777)));
        assert!(compared <= 18, "{compared}");
    }

    #[test]
    fn a_row_for_any_size_wins() {
        let sized = Row { label: 1, size: 7 };
        let table = Table::of(vec![([1; 16], sized), ([1; 16], row(2)), ([2; 16], sized)]);
        assert_eq!((table.len(), table.find(&[1; 16])), (2, Some(row(2))));
        assert!(table.find(&[2; 16]).is_some_and(|row| row.fits(7) && !row.fits(8)));
    }

    #[test]
    fn a_table_that_does_not_add_up_is_none() {
        let good = Table::of(vec![([1; 16], row(0)), ([2; 16], row(1))]);
        let check = |change: &dyn Fn(&mut Table<16>), labels, sound| {
            let mut table = good.clone();
            change(&mut table);
            assert_eq!(table.restore(labels), sound);
        };
        check(&|_| {}, 2, true);
        check(&|_| {}, 1, false);
        check(&|table| table.hashes.truncate(20), 2, false);
        check(&|table| table.hashes.reverse(), 2, false);
        check(&|table| table.labels.truncate(1), 2, false);
        check(&|table| table.sizes.push(1), 2, false);
    }

    proptest! {
        #[test]
        fn exactly_what_is_listed_is_found(rows in proptest::collection::vec(any::<[u8; 16]>(), 0..200), other: [u8; 16]) {
            let table = Table::of(rows.iter().map(|hash| (*hash, row(0))).collect());
            prop_assert!(rows.iter().all(|hash| table.find(hash).is_some()));
            prop_assert_eq!(table.find(&other).is_some(), rows.contains(&other));
        }
    }
}
