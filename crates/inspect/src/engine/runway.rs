//! How far a thread that reads may run ahead of the one that hashes: so many pieces and no more.

use crate::buffers::Buffers;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A piece of a large file: whole blocks, whatever the hash.
pub(super) const PIECE: usize = 1 << 20;

/// The pieces that one reader may have under way.
pub(super) struct Runway {
    free: Receiver<()>,
    give: Sender<()>,
    hurried: AtomicBool,
}

impl Runway {
    pub(super) fn new(pieces: usize) -> Arc<Self> {
        let (give, free) = bounded(pieces.max(1));
        while give.try_send(()).is_ok() {}
        Arc::new(Self { free, give, hurried: AtomicBool::new(false) })
    }

    /// An empty piece, as soon as there is room for one.
    pub(super) fn piece<'p>(self: &Arc<Self>, buffers: &'p Buffers) -> Piece<'p> {
        // The other end is in this very structure, so it cannot be gone.
        let _ = self.free.recv();
        Piece { bytes: buffers.take(PIECE), runway: Arc::clone(self), buffers }
    }

    /// Whether the reader will have to wait soon, or waits already.
    pub(super) fn is_short(&self) -> bool {
        self.hurried.load(Ordering::Acquire) || self.free.len() * 2 <= self.free.capacity().unwrap_or(0)
    }

    /// From now on nothing of this reader waits for company.
    pub(super) fn hurry(&self) {
        self.hurried.store(true, Ordering::Release);
    }
}

/// Bytes of a large file. Wherever it ends, its buffer goes round and its reader gets room for another one.
pub(super) struct Piece<'p> {
    pub(super) bytes: Vec<u8>,
    runway: Arc<Runway>,
    buffers: &'p Buffers,
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        self.buffers.give(std::mem::take(&mut self.bytes));
        let _ = self.runway.give.try_send(());
    }
}
