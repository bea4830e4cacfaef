use crate::Promise;
use crate::claims::{Claim, PromiseKind};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher as _;

/// Paths with the packages that claim them. Where several claim one path, their records form a chain, the
/// first claim first.
#[derive(Debug, Default)]
pub(super) struct Claimed {
    records: Vec<Record>,
    names: Vec<u8>,
    promises: Vec<u8>,
    /// Positions of the first records of all paths, by the hash of the path.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    refused: u64,
}

#[derive(Debug)]
struct Record {
    name: u32,
    promise: u32,
    package: u32,
    /// The next claim of the same path; its own position where there is none.
    next: u32,
    name_len: u16,
    kind: PromiseKind,
    config_file: bool,
}

/// One claim as it is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) package: u32,
    pub(super) promise: Promise<'a>,
    pub(super) config_file: bool,
    pub(super) next: Option<u32>,
}

/// Bounds over all database files of a tree together; one file's are in [`crate::claims::Allowance`].
const MAX_RECORDS: usize = 1_000_000;
const MAX_BYTES: usize = 64 << 20;

/// Most packages held for one path. Packages share folders and a few files; a path that a thousand packages
/// claim would cost a thousand steps for each of them.
const MAX_OWNERS: usize = 64;

impl Claimed {
    pub(super) fn reserve(&mut self, records: usize, names: usize, promises: usize) {
        self.records.reserve_exact(records.min(MAX_RECORDS));
        self.names.reserve_exact(names.min(MAX_BYTES));
        self.promises.reserve_exact(promises.min(MAX_BYTES));
        // Nothing is in the index yet, so nothing is hashed anew.
        self.index.reserve(records.min(MAX_RECORDS), |_| 0);
    }

    /// Gives back what was reserved and not used.
    pub(super) fn finish(&mut self) {
        self.records.shrink_to_fit();
        self.names.shrink_to_fit();
        self.promises.shrink_to_fit();
        let (records, names, hasher) = (&self.records, &self.names, &self.hasher);
        self.index.shrink_to_fit(|position| hasher.hash_one(name_of(records, names, *position)));
    }

    /// Bytes held on the heap.
    #[cfg(test)]
    pub(super) fn heap_size(&self) -> usize {
        let records = self.records.capacity() * size_of::<Record>();
        records + self.names.capacity() + self.promises.capacity() + self.index.allocation_size()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many claims were left out because the bounds were reached; none where none was.
    pub(super) fn refused(&self) -> Option<u64> {
        (self.refused > 0).then_some(self.refused)
    }

    /// The position of a path's first claim.
    pub(super) fn find(&self, path: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(path);
        self.index.find(hash, |position| name_of(&self.records, &self.names, *position) == path).copied()
    }

    pub(super) fn get(&self, position: u32) -> Option<Held<'_>> {
        let record = self.records.get(position as usize)?;
        let start = record.promise as usize;
        let bytes = self.promises.get(start..start.checked_add(record.kind.len())?)?;
        Some(Held {
            package: record.package,
            promise: record.kind.join(bytes),
            config_file: record.config_file,
            next: (record.next != position).then_some(record.next),
        })
    }

    /// Adds a claim of `package` at `path`, which is the claim's own path resolved. A package's second claim of
    /// one path adds its promise to the first.
    pub(super) fn insert(&mut self, path: &[u8], package: u32, claim: &Claim<'_>) {
        let (last, owners) = match self.chain(path, package) {
            Chain::Mine(position) => return self.amend(position, claim),
            Chain::Others { last, owners } => (Some(last), owners),
            Chain::Unclaimed => (None, 0),
        };
        if owners >= MAX_OWNERS {
            return;
        }
        if self.push(path, package, claim, last).is_none() {
            self.refused = self.refused.saturating_add(1);
        }
    }

    /// Adds what `claim` promises where `package` claims the path already, and only there.
    pub(super) fn promise(&mut self, path: &[u8], package: u32, claim: &Claim<'_>) {
        if let Chain::Mine(position) = self.chain(path, package) {
            self.amend(position, claim);
        }
    }

    fn chain(&self, path: &[u8], package: u32) -> Chain {
        let Some(mut position) = self.find(path) else { return Chain::Unclaimed };
        for owners in 1..=MAX_OWNERS {
            let Some(record) = self.records.get(position as usize) else { break };
            if record.package == package {
                return Chain::Mine(position);
            }
            if record.next == position {
                return Chain::Others { last: position, owners };
            }
            position = record.next;
        }
        Chain::Others { last: position, owners: MAX_OWNERS }
    }

    fn amend(&mut self, position: u32, claim: &Claim<'_>) {
        let has_promise =
            self.records.get(position as usize).is_some_and(|record| record.kind != PromiseKind::None);
        let stored = if has_promise { None } else { self.store_promise(&claim.promise) };
        let Some(record) = self.records.get_mut(position as usize) else { return };
        record.config_file |= claim.config_file;
        if let Some((start, kind)) = stored {
            (record.promise, record.kind) = (start, kind);
        } else if !has_promise {
            self.refused = self.refused.saturating_add(1);
        }
    }

    fn push(&mut self, path: &[u8], package: u32, claim: &Claim<'_>, last: Option<u32>) -> Option<()> {
        let position = u32::try_from(self.records.len()).ok()?;
        let name_len = u16::try_from(path.len()).ok()?;
        let shared = last.and_then(|last| self.records.get(last as usize)).map(|record| record.name);
        let more = if shared.is_some() { 0 } else { path.len() };
        if self.records.len() >= MAX_RECORDS || self.names.len().checked_add(more)? > MAX_BYTES {
            return None;
        }
        let (promise, kind) = self.store_promise(&claim.promise)?;
        let name = match shared {
            Some(name) => name,
            None => {
                let start = u32::try_from(self.names.len()).ok()?;
                self.names.extend_from_slice(path);
                start
            }
        };
        let config_file = claim.config_file;
        self.records.push(Record { name, promise, package, next: position, name_len, kind, config_file });
        match last.and_then(|last| self.records.get_mut(last as usize)) {
            Some(last) => last.next = position,
            None => {
                let (records, names, hasher) = (&self.records, &self.names, &self.hasher);
                self.index.insert_unique(hasher.hash_one(path), position, |position| {
                    hasher.hash_one(name_of(records, names, *position))
                });
            }
        }
        Some(())
    }

    fn store_promise(&mut self, promise: &Promise<'_>) -> Option<(u32, PromiseKind)> {
        let (kind, bytes) = PromiseKind::split(promise).ok()?;
        if self.promises.len().checked_add(bytes.len())? > MAX_BYTES {
            return None;
        }
        let start = u32::try_from(self.promises.len()).ok()?;
        self.promises.extend_from_slice(bytes);
        Some((start, kind))
    }
}

enum Chain {
    Mine(u32),
    Others { last: u32, owners: usize },
    Unclaimed,
}

fn name_of<'n>(records: &[Record], names: &'n [u8], position: u32) -> &'n [u8] {
    let name = records.get(position as usize).and_then(|record| {
        let start = record.name as usize;
        names.get(start..start.checked_add(usize::from(record.name_len))?)
    });
    name.unwrap_or_default()
}
