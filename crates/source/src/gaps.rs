use model::Gap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the streams of one layer had to leave out, as far as they were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gaps(Arc<Mutex<Vec<Gap>>>);

const MAX_GAPS: usize = 1000;

impl Gaps {
    pub(crate) fn add(&self, path: &[u8], why: impl AsRef<str>) {
        let mut gaps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gap = match gaps.len() {
            MAX_GAPS.. => return,
            length if length + 1 == MAX_GAPS => Gap::new("layer", "more files could not be read"),
            _ => Gap { what: model::escape_bytes(path), why: crate::content::clip(why.as_ref()) },
        };
        // A layer may be read more than once.
        if !gaps.contains(&gap) {
            gaps.push(gap);
        }
    }

    pub(crate) fn list(&self) -> Vec<Gap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
