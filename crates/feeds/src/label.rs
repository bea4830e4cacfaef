use model::Severity;
use serde::{Deserialize, Serialize};

/// What a feed says of an indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label<'f> {
    /// The name the feed gives it, escaped; empty where it gives none.
    pub name: &'f str,
    /// What the row says of its own origin, escaped: a link, an event, a day; empty where it says nothing.
    pub origin: &'f str,
    /// The publication, or the name of the feed; escaped.
    pub source: &'f str,
    /// The most that a finding from this feed may weigh.
    pub severity: Severity,
}

impl Label<'_> {
    /// Whether the name is that of a miner.
    pub fn is_miner(&self) -> bool {
        const FAMILIES: &[&str] = &[
            "miner",
            "coinminer",
            "cryptominer",
            "bitcoinminer",
            "xmrig",
            "xmrigcc",
            "xmr",
            "cpuminer",
            "srbminer",
        ];
        self.name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|word| FAMILIES.iter().any(|family| word.eq_ignore_ascii_case(family)))
    }
}

/// Texts by number, end to end: a list of a million rows has a million names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Names {
    text: String,
    ends: Vec<u32>,
}

impl Names {
    /// Appends a text and gives its number. A text beyond four gigabytes of them is empty.
    pub(crate) fn push(&mut self, text: &str) -> u32 {
        if u32::try_from(self.text.len() + text.len()).is_ok() {
            self.text.push_str(text);
        }
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        u32::try_from(self.ends.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn get(&self, number: usize) -> Option<&str> {
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)? as usize,
            None => 0,
        };
        self.text.get(start..*self.ends.get(number)? as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn is_sound(&self) -> bool {
        self.ends.is_sorted() && self.ends.iter().all(|&end| self.text.is_char_boundary(end as usize))
    }
}
