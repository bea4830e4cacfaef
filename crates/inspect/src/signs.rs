//! What analyzers look for in texts, looked for all at once.
//!
//! Most texts of an image hold nothing that any analyzer wants, and finding that out must not cost each of them a pass
//! over every byte. An analyzer that can learn nothing of one kind from a text without certain words declares these
//! as its [`Group`]; one pass tells which of them a text has, and whoever asked reads on only where there is one.
//! A sign says where to look. It never is a finding.

mod sieve;

use sieve::SIEVE;

/// Which signs a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs([u64; WORDS]);

/// A word that is looked for, where what is before and behind it allows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sign {
    text: &'static str,
    /// Given the text and where the word begins and ends in it.
    fits: fn(&[u8], usize, usize) -> bool,
}

/// Whose signs they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// What decodes or runs texts: [`crate::decode`].
    Decoding,
    /// Lines that a miner may stand in.
    Mining,
    /// What secrets begin with.
    Secrets,
    /// Calls of scripting languages that fetch, read, run or send.
    Acts,
    /// What a text has without which no rule of the product holds for it.
    Rules,
}

const GROUPS: [Group; 5] = [Group::Decoding, Group::Mining, Group::Secrets, Group::Acts, Group::Rules];
/// Room for all signs.
const WORDS: usize = 6;
/// A NUL among the first bytes means that a file is no text.
const TEXT: usize = 512;

impl Signs {
    /// Every sign there is: of what was not searched.
    pub const ALL: Self = Self([u64::MAX; WORDS]);

    /// The signs in a file. What is no text is not searched, and may have any.
    pub fn of(bytes: &[u8]) -> Self {
        match memchr::memchr(0, bytes.get(..bytes.len().min(TEXT)).unwrap_or_default()) {
            Some(_) => Self::ALL,
            None => SIEVE.search(bytes),
        }
    }

    /// Whether there is any sign of this group.
    pub(crate) fn any_of(&self, group: Group) -> bool {
        self.meet(&SIEVE.group(group).1)
    }

    /// Whether any of the product's content rules may hold for the text.
    pub fn may_fulfil_rules(&self) -> bool {
        self.any_of(Group::Rules)
    }

    /// Whether both have one in common.
    pub(crate) fn meet(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).any(|(one, other)| one & other != 0)
    }

    /// Those of a group that are wanted, by their index in it.
    pub(crate) fn chosen(group: Group, wanted: impl Fn(usize) -> bool) -> Self {
        let mut chosen = Self::default();
        let (start, _) = SIEVE.group(group);
        let len = group.signs().len();
        (0..len).filter(|&at| wanted(at)).for_each(|at| chosen.insert(start + at));
        chosen
    }

    fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

impl Sign {
    /// A word wherever it stands.
    pub(crate) const fn anywhere(text: &'static str) -> Self {
        Self { text, fits: |_, _, _| true }
    }

    /// A word that counts only where this holds of the text and of where it begins and ends.
    pub(crate) const fn where_it(text: &'static str, fits: fn(&[u8], usize, usize) -> bool) -> Self {
        Self { text, fits }
    }
}

impl Group {
    fn signs(self) -> Vec<Sign> {
        match self {
            Self::Decoding => crate::decode::signs(),
            Self::Mining => crate::analyzers::miner::signs(),
            Self::Secrets => crate::analyzers::secrets::signs(),
            Self::Acts => crate::analyzers::acts::signs(),
            Self::Rules => crate::rules::signs(),
        }
    }
}

#[cfg(test)]
mod tests;
