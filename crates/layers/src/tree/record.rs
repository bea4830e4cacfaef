use super::Change;
use super::arena::NONE;
use crate::{Anomaly, AnomalyKind};
use std::collections::BTreeMap;

/// What became of the entries that are no longer shown.
#[derive(Debug)]
pub(super) struct Record {
    endings: Vec<Ending>,
    /// One bit for each entry: no runtime shows it.
    hidden: Vec<u64>,
}

/// How one entry ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) entry: u32,
    /// The entry that ended it; itself where it was never shown.
    pub(super) by: u32,
    /// The ending before this one at the same path.
    pub(super) before: u32,
    pub(super) change: Change,
}

impl Record {
    pub(super) fn new(entries: usize) -> Self {
        Self { endings: Vec::new(), hidden: vec![0; entries.div_ceil(64)] }
    }

    /// Notes an ending and gives its number.
    pub(super) fn end(&mut self, entry: u32, by: u32, change: Change, before: u32) -> u32 {
        self.hide(entry);
        // Each entry ends at most once, so that there are no more endings than entries.
        let number = u32::try_from(self.endings.len()).unwrap_or(NONE);
        self.endings.push(Ending { entry, by, before, change });
        number
    }

    /// Notes an entry that no runtime creates.
    pub(super) fn ignore(&mut self, entry: u32) {
        self.end(entry, entry, Change::Ignored, NONE);
    }

    pub(super) fn hide(&mut self, entry: u32) {
        if let Some(word) = self.hidden.get_mut(entry as usize / 64) {
            *word |= 1 << (entry % 64);
        }
    }

    pub(super) fn reveal(&mut self, entry: u32) {
        if let Some(word) = self.hidden.get_mut(entry as usize / 64) {
            *word &= !(1 << (entry % 64));
        }
    }

    pub(super) fn is_hidden(&self, entry: u32) -> bool {
        self.hidden.get(entry as usize / 64).is_none_or(|word| word & (1 << (entry % 64)) != 0)
    }

    pub(super) fn endings(&self) -> &[Ending] {
        &self.endings
    }

    pub(super) fn ending(&self, number: u32) -> Option<&Ending> {
        self.endings.get(number as usize)
    }
}

/// How many anomalies of one kind are told one by one.
const TOLD: u64 = 1_000;

/// Collects anomalies. A layer can hold a million of one kind; the first are told, the rest are counted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The layer in hand.
    pub(super) layer: usize,
    told: Vec<(usize, Anomaly)>,
    counts: BTreeMap<AnomalyKind, (u64, usize)>,
}

impl Notes {
    pub(super) fn add(&mut self, kind: AnomalyKind, offset: u64, path: &[u8], detail: String) {
        let (count, last) = self.counts.entry(kind).or_default();
        *count = count.saturating_add(1);
        *last = self.layer;
        if *count <= TOLD {
            self.told.push((self.layer, Anomaly { kind, offset, path: path.to_vec(), detail }));
        }
    }

    /// All that were told, and for each kind that was not told to the end the number of the others, with the
    /// layer of the last one.
    pub(super) fn finish(mut self) -> Vec<(usize, Anomaly)> {
        for (kind, (count, layer)) in self.counts {
            if let Some(more) = count.checked_sub(TOLD).filter(|&more| more > 0) {
                let detail = format!("{more} more of this kind");
                self.told.push((layer, Anomaly { kind, offset: 0, path: Vec::new(), detail }));
            }
        }
        self.told
    }
}
