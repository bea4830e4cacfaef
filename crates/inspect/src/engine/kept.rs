//! What is kept of a layer while it is read: facts up to a budget, and gaps up to a number, so that no layer fills the
//! memory with what is said about it.
//!
//! What is over the budget is dropped from the end of an order that depends on the layer alone, however its files come
//! in: first come facts that speak for themselves, then what scripts do and what was decoded, then mere names, each in
//! the order of the entries.

use super::weight::weight;
use crate::Fact;
use model::Gap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the facts of one layer may take in memory, about. The largest that was measured, a JavaScript
/// application of 39,000 scripts, takes a quarter of it.
const BUDGET: usize = 192 << 20;
/// Gaps of one layer that are told one by one.
const MAX_GAPS: usize = 1000;

/// A fact on its way, with the index of its entry.
#[derive(Debug)]
pub(super) struct Weighed {
    index: u32,
    weight: u32,
    fact: Fact,
}

impl Weighed {
    pub(super) fn new(index: u32, fact: Fact) -> Self {
        let weight = u32::try_from(weight(&fact)).unwrap_or(u32::MAX);
        Self { index, weight, fact }
    }

    /// Its place in the order in which facts are kept. Those of one rank about one file stay together.
    fn rank(&self) -> Rank {
        let rank = match self.fact {
            Fact::Mentions(_) => 2,
            Fact::Script(_) | Fact::Stage(_) | Fact::Staged { .. } => 1,
            _ => 0,
        };
        (rank, self.index)
    }
}

type Rank = (u8, u32);

/// Nothing of this rank or behind it is kept any more. It only moves to the front, so that whoever makes facts may look
/// at it and need not hand on what would be dropped.
#[derive(Debug)]
pub(super) struct End(AtomicU64);

impl Default for End {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl End {
    /// Whether the fact is dropped.
    pub(super) fn drops(&self, fact: &Weighed) -> bool {
        Self::number(fact.rank()) >= self.0.load(Ordering::Relaxed)
    }

    fn move_to(&self, rank: Rank) {
        self.0.fetch_min(Self::number(rank), Ordering::Relaxed);
    }

    fn number((rank, index): Rank) -> u64 {
        u64::from(rank) << 32 | u64::from(index)
    }
}

/// The facts and gaps of one layer.
#[derive(Debug)]
pub(super) struct Kept {
    facts: Vec<Weighed>,
    gaps: Vec<Gap>,
    budget: usize,
    /// What is kept takes this much.
    weight: usize,
    end: Arc<End>,
    /// Entries of which a fact was dropped.
    dropped: Vec<u32>,
    dropped_gaps: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self::within(BUDGET)
    }
}

impl Kept {
    fn within(budget: usize) -> Self {
        Self {
            facts: Vec::new(),
            gaps: Vec::new(),
            budget,
            weight: 0,
            end: Arc::default(),
            dropped: Vec::new(),
            dropped_gaps: 0,
        }
    }

    /// For whoever makes facts.
    pub(super) fn end(&self) -> Arc<End> {
        Arc::clone(&self.end)
    }

    /// Counts files of which a fact was dropped before it came here.
    pub(super) fn dropped(&mut self, files: &[u32]) {
        files.iter().for_each(|index| self.drop_fact(*index));
    }

    pub(super) fn facts(&mut self, facts: Vec<Weighed>) {
        for fact in facts {
            if self.end.drops(&fact) {
                self.drop_fact(fact.index);
            } else {
                self.weight += fact.weight as usize;
                self.facts.push(fact);
            }
        }
        // Sorting for every batch would take longer than reading.
        if self.weight > self.budget.saturating_add(self.budget / 8) {
            self.cut();
        }
    }

    pub(super) fn gaps(&mut self, gaps: Vec<Gap>) {
        self.gaps.extend(gaps);
        if self.gaps.len() > 2 * MAX_GAPS {
            self.cut_gaps();
        }
    }

    /// The facts and the gaps, each in an order that is the same every time; what was dropped is one gap more.
    pub(super) fn finish(mut self, path_of: impl Fn(u32) -> Option<String>) -> (Vec<(u32, Fact)>, Vec<Gap>) {
        if self.weight > self.budget {
            self.cut();
        }
        self.cut_gaps();
        if self.dropped_gaps > 0 {
            let why =
                format!("{} more of its files were not looked at, for reasons as above", self.dropped_gaps);
            self.gaps.push(Gap::new("", why));
        }
        self.dropped.sort_unstable();
        self.dropped.dedup();
        if let Some(first) = self.dropped.first() {
            let first = path_of(*first).unwrap_or_default();
            let why = format!(
                "what there is to know of its files takes more than {} MiB; it was not all kept of {} files, the first of \
                 which is {first}",
                self.budget >> 20,
                self.dropped.len(),
            );
            self.gaps.push(Gap::new("", why));
        }
        let of_stage = |fact: &Fact| matches!(fact, Fact::Stage(_) | Fact::Staged { .. });
        self.facts.sort_by_key(|fact| (fact.index, of_stage(&fact.fact), fact.rank().0));
        self.gaps.sort();
        (self.facts.into_iter().map(|fact| (fact.index, fact.fact)).collect(), self.gaps)
    }

    /// Keeps as much from the front of the order as the budget has room for. More facts can only move the end to the
    /// front, so it does not matter when this is done.
    fn cut(&mut self) {
        // The facts of one rank about one file came in together and stay in their order.
        self.facts.sort_by_key(Weighed::rank);
        let mut weight = 0_usize;
        let mut kept = 0;
        for group in self.facts.chunk_by(|one, next| one.rank() == next.rank()) {
            let more = weight + group.iter().map(|fact| fact.weight as usize).sum::<usize>();
            if more > self.budget {
                group.iter().take(1).for_each(|first| self.end.move_to(first.rank()));
                break;
            }
            weight = more;
            kept += group.len();
        }
        for index in self.facts.drain(kept..).map(|fact| fact.index).collect::<Vec<_>>() {
            self.drop_fact(index);
        }
        self.facts.shrink_to(2 * kept);
        self.weight = weight;
    }

    fn cut_gaps(&mut self) {
        self.gaps.sort();
        self.dropped_gaps += self.gaps.len().saturating_sub(MAX_GAPS);
        self.gaps.truncate(MAX_GAPS);
    }

    fn drop_fact(&mut self, index: u32) {
        // What is dropped of one file can be noted once for each rank; it is counted once in the end.
        if self.dropped.last() != Some(&index) {
            self.dropped.push(index);
        }
    }
}

#[cfg(test)]
mod tests;
