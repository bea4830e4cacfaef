use std::sync::{Mutex, PoisonError};

/// Buffers that went round once and go round again: memory that is given back to the system and asked for anew is
/// cleared by the kernel each time, which costs as much as a hash.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    free: Mutex<Vec<Vec<u8>>>,
}

/// More are not kept: what is free is no use, and memory is bounded. It is as many as are ever under way.
const MOST: usize = 24;

impl Buffers {
    /// An empty buffer with room for at least this much.
    pub(crate) fn take(&self, room: usize) -> Vec<u8> {
        let mut free = self.free();
        let fits = free.iter().rposition(|buffer| buffer.capacity() >= room);
        // One that is too small goes, so that they never become more; to grow it would copy what is worth nothing.
        let buffer = match fits {
            Some(at) => Some(free.swap_remove(at)),
            None => free.pop(),
        };
        drop(free);
        buffer.filter(|buffer| buffer.capacity() >= room).unwrap_or_else(|| Vec::with_capacity(room))
    }

    /// Gives a buffer back. Its bytes are gone.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut free = self.free();
        if free.len() < MOST && buffer.capacity() > 0 {
            free.push(buffer);
        }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
