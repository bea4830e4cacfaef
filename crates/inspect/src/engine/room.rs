use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// So much may be held at any time, over all threads: bytes of files, or turns.
pub(super) struct Room {
    all: u64,
    left: Mutex<u64>,
    more: Condvar,
}

/// What is held. Dropping it gives it back.
pub(super) struct Held<'r> {
    room: &'r Room,
    amount: u64,
}

impl Room {
    pub(super) fn new(all: u64) -> Self {
        Self { all, left: Mutex::new(all), more: Condvar::new() }
    }

    /// Waits until there is room for so much. What is larger than all of it gets all of it.
    pub(super) fn take(&self, amount: u64) -> Held<'_> {
        let amount = amount.min(self.all);
        let free = self.more.wait_while(self.left(), |left| *left < amount);
        *free.unwrap_or_else(PoisonError::into_inner) -= amount;
        Held { room: self, amount }
    }

    fn left(&self) -> MutexGuard<'_, u64> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.room.left() += self.amount;
        self.room.more.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_given_than_there_is() {
        let room = Room::new(10);
        let (first, second) = (room.take(4), room.take(6));
        assert_eq!(*room.left(), 0);
        drop(first);
        assert_eq!(*room.left(), 4);
        drop(second);
        let all = room.take(100);
        assert_eq!(*room.left(), 0);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| room.take(1).amount);
            drop(all);
            assert_eq!(waits.join().unwrap(), 1);
        });
        assert_eq!(*room.left(), 10);
    }
}
