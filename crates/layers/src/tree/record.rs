use super::Change;
use super::arena::NONE;

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
