use crate::label::Names;
use serde::{Deserialize, Serialize};

/// What a text of a feed names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TextKind {
    /// A host name; it stands for every name below it too.
    Domain,
    /// An address.
    Address,
    /// An address with a port, `192.0.2.1:3333`.
    Endpoint,
    /// A URL in normal form, without scheme.
    Url,
    /// An address of a currency.
    Wallet,
}

impl TextKind {
    /// In a word, as in evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Domain => "domain",
            Self::Address => "address",
            Self::Endpoint => "endpoint",
            Self::Url => "url",
            Self::Wallet => "wallet",
        }
    }
}

/// Texts by kind and value, sorted, with the label of each.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TextTable {
    kinds: Vec<TextKind>,
    texts: Names,
    labels: Vec<u32>,
}

impl TextTable {
    /// Sorts rows; the first label of a text stays.
    pub(crate) fn of(mut rows: Vec<(TextKind, String, u32)>) -> Self {
        rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        rows.dedup_by(|later, first| (later.0, &later.1) == (first.0, &first.1));
        let mut table = Self::default();
        for (kind, text, label) in rows {
            table.kinds.push(kind);
            table.texts.push(&text);
            table.labels.push(label);
        }
        table
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    pub(crate) fn restore(&mut self, labels: usize) -> bool {
        let key = |at: usize| Some((*self.kinds.get(at)?, self.texts.get(at)?));
        self.kinds.len() == self.labels.len()
            && self.texts.is_sound()
            && self.kinds.len() == self.texts.len()
            && self.labels.iter().all(|&label| (label as usize) < labels)
            && (1..self.len()).all(|at| key(at - 1) <= key(at))
    }

    /// The listed text as it is kept, and its label.
    pub(crate) fn find(&self, kind: TextKind, text: &str) -> Option<(&str, u32)> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let listed = (*self.kinds.get(middle)?, self.texts.get(middle)?);
            match listed.cmp(&(kind, text)) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some((listed.1, *self.labels.get(middle)?)),
            }
        }
        None
    }

    /// The longest listed name that a host is, or lies below.
    pub(crate) fn find_domain(&self, host: &str) -> Option<(&str, u32)> {
        let mut name = host;
        loop {
            if let Some(found) = self.find(TextKind::Domain, name) {
                return Some(found);
            }
            name = name.split_once('.')?.1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_at_borders_of_labels() {
        let table = TextTable::of(vec![
            (TextKind::Domain, "evil.example".to_owned(), 0),
            (TextKind::Domain, "deep.evil.example".to_owned(), 1),
            (TextKind::Domain, "evil.example".to_owned(), 2),
            (TextKind::Url, "other.invalid/x".to_owned(), 3),
        ]);
        assert_eq!(table.len(), 3);
        let check = |host: &str, expect: Option<u32>| {
            assert_eq!(table.find_domain(host).map(|found| found.1), expect, "{host}");
        };
        check("evil.example", Some(0));
        check("a.b.evil.example", Some(0));
        check("x.deep.evil.example", Some(1));
        check("notevil.example", None);
        check("example", None);
        check("evil.example.org", None);
        check("other.invalid", None);
        check("", None);
        check("...", None);
    }
}
