use access::{Identity, Principal};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Who is remembered at most; beyond, all are forgotten, and memory stays bounded.
const MOST: usize = 10_000;
/// For how long. Changes through the gate are seen at once, those that somebody makes in the database after this.
const LIFE: Duration = Duration::from_secs(10);

/// Rights that were read a moment ago. Every request asks for them, and most are from the same few.
#[derive(Default)]
pub(super) struct Known {
    entries: RwLock<HashMap<Identity, Entry>>,
    /// Rises with each change: what was being read meanwhile is not kept.
    turn: AtomicU64,
}

struct Entry {
    principal: Option<Principal>,
    read: Instant,
    until: Option<u64>,
}

impl Known {
    pub(super) fn get(&self, identity: &Identity) -> Option<Option<Principal>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(identity)?;
        let holds = entry.read.elapsed() < LIFE && entry.until.is_none_or(|until| super::now() < until);
        holds.then(|| entry.principal.clone())
    }

    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    pub(super) fn put(
        &self,
        turn: u64,
        identity: &Identity,
        principal: Option<Principal>,
        until: Option<u64>,
    ) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if turn != self.turn.load(Ordering::Acquire) {
            return;
        }
        if entries.len() >= MOST {
            entries.clear();
        }
        entries.insert(identity.clone(), Entry { principal, read: Instant::now(), until });
    }

    pub(super) fn clear(&self) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        self.turn.fetch_add(1, Ordering::AcqRel);
        entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept() {
        let known = Known::default();
        let who: Identity = "user:a".parse().unwrap();
        let turn = known.turn();
        known.clear();
        known.put(turn, &who, None, None);
        assert!(known.get(&who).is_none());
        known.put(known.turn(), &who, None, None);
        assert_eq!(known.get(&who), Some(None));
        known.put(known.turn(), &who, None, Some(super::super::now()));
        assert!(known.get(&who).is_none());
    }
}
