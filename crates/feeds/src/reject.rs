use std::collections::BTreeMap;

/// How many rows of one reason are shown.
const SHOWN: usize = 3;
/// Longest text of a row that is shown, in bytes before escaping.
const MAX_SHOWN: usize = 80;

/// Rows that were not taken over, for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The reason, to stand after the row.
    pub why: &'static str,
    /// How many rows.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// One row that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Line number, or number of the object in a document; the first is 1.
    pub row: u64,
    /// What stands there, cut and escaped.
    pub text: String,
}

/// Why a value was not taken over, and the value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) why: &'static str,
    pub(crate) text: String,
}

impl Refused {
    pub(crate) fn new(why: &'static str, text: impl AsRef<[u8]>) -> Self {
        let text = text.as_ref();
        let cut = text.get(..MAX_SHOWN).unwrap_or(text);
        let more = if cut.len() < text.len() { "…" } else { "" };
        Self { why, text: model::escape_bytes(cut) + more }
    }
}

/// Counts what was refused, by reason.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    reasons: BTreeMap<&'static str, Rejected>,
}

impl Tally {
    pub(crate) fn add(&mut self, row: u64, refused: Refused) {
        let rejected = self.reasons.entry(refused.why).or_insert_with(|| Rejected {
            why: refused.why,
            count: 0,
            examples: Vec::new(),
        });
        rejected.count += 1;
        if rejected.examples.len() < SHOWN {
            rejected.examples.push(Example { row, text: refused.text });
        }
    }

    /// The reasons, the most frequent first.
    pub(crate) fn into_rejected(self) -> Vec<Rejected> {
        let mut all: Vec<Rejected> = self.reasons.into_values().collect();
        all.sort_by_key(|rejected| std::cmp::Reverse(rejected.count));
        all
    }
}
