//! Files that are too large to be held are searched while they pass, piece by piece.

use super::Learned;
use crate::{FactSink, FileAnalyzer, FileView, Part, Search};
use layers::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Nothing that is looked for across the border of two pieces may reach further than this into either.
const SEAM: usize = 4 << 10;

/// A search; none once it failed.
type Searching = Option<Box<dyn Search>>;

/// The searches through one file.
pub(super) struct Passing<'a> {
    searches: Vec<(&'a dyn FileAnalyzer, Searching)>,
    /// The end of what passed last.
    seam: Vec<u8>,
    /// Line on which the next piece begins.
    line: u32,
}

impl<'a> Passing<'a> {
    pub(super) fn new(analyzers: &[&'a dyn FileAnalyzer], entry: &Entry, head: &[u8]) -> Self {
        let search = |analyzer: &&'a dyn FileAnalyzer| {
            let search = catch_unwind(AssertUnwindSafe(|| analyzer.search(entry, head)));
            Some((*analyzer, Some(search.ok()??)))
        };
        Self { searches: analyzers.iter().filter_map(search).collect(), seam: Vec::new(), line: 1 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.searches.is_empty()
    }

    /// Whether this analyzer reads the file in this way.
    pub(super) fn has(&self, analyzer: &dyn FileAnalyzer) -> bool {
        self.searches.iter().any(|(one, _)| one.name() == analyzer.name())
    }

    /// Shows the next bytes of the file.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        if self.searches.is_empty() {
            return;
        }
        if !self.seam.is_empty() {
            let mut seam = std::mem::take(&mut self.seam);
            let before = self.line.saturating_sub(lines(&seam));
            seam.extend_from_slice(bytes.get(..bytes.len().min(SEAM)).unwrap_or_default());
            self.look(Part { bytes: &seam, line: before, seam: true });
        }
        self.look(Part { bytes, line: self.line, seam: false });
        self.line = self.line.saturating_add(lines(bytes));
        self.seam = bytes.get(bytes.len().saturating_sub(SEAM)..).unwrap_or_default().to_vec();
    }

    fn look(&mut self, part: Part<'_>) {
        for (_, search) in &mut self.searches {
            let looked = search.as_mut().map(|search| catch_unwind(AssertUnwindSafe(|| search.look(&part))));
            if looked.is_some_and(|looked| looked.is_err()) {
                *search = None;
            }
        }
    }

    /// What was found, for the file that begins with these bytes.
    pub(super) fn finish(self, head: &FileView<'_>) -> Learned {
        let mut passed = Learned::default();
        for (analyzer, search) in self.searches {
            let found = search.map(|search| {
                catch_unwind(AssertUnwindSafe(|| {
                    let mut sink = FactSink::default();
                    let told = search.finish(head, &mut sink);
                    (sink.into_facts(), told)
                }))
            });
            let name = analyzer.name();
            match found {
                Some(Ok((facts, told))) => {
                    passed.facts.extend(facts);
                    passed.gaps.extend(told.err().map(|why| format!("{name}: {why}")));
                }
                _ => {
                    passed.failed = true;
                    passed.gaps.push(format!("the analyzer {name} failed on this file; please report it"));
                }
            }
        }
        passed
    }
}

fn lines(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) struct Passed {
    pub(crate) facts: Vec<crate::Fact>,
    pub(crate) gaps: Vec<String>,
    /// Names of the analyzers that searched the file.
    pub(crate) by: Vec<&'static str>,
}

/// What the searches find in a file of which these are the first bytes, as the engine lets it pass; nothing where it is
/// held.
#[cfg(test)]
pub(crate) fn pass(entry: &Entry, bytes: &[u8], analyzers: &[&dyn FileAnalyzer]) -> Passed {
    let gate = super::gate_of(bytes);
    let holds = |analyzer: &&dyn FileAnalyzer| matches!(analyzer.wants(entry, gate), crate::Want::Whole(limit) if entry.size <= limit);
    if entry.size <= super::GATHERED || analyzers.iter().any(holds) {
        return Passed { facts: Vec::new(), gaps: Vec::new(), by: Vec::new() };
    }
    let mut passing = Passing::new(analyzers, entry, gate);
    bytes.chunks(super::PIECE).for_each(|piece| passing.pass(piece));
    let by = passing.searches.iter().map(|(analyzer, _)| analyzer.name()).collect();
    let head = bytes.get(..super::HEAD).unwrap_or(bytes);
    let Learned { facts, gaps, .. } = passing.finish(&FileView {
        entry,
        bytes: head,
        whole: false,
        stages: &[],
        signs: crate::Signs::of(head),
    });
    Passed { facts, gaps, by }
}

#[cfg(test)]
mod tests;
