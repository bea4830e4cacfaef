use crossbeam_channel::{Receiver, Sender, bounded};

/// So many of a thing may be under way at any time, whichever thread it is on.
pub(super) struct Permits {
    free: Receiver<()>,
    give_back: Sender<()>,
}

/// One of them. Dropping it lets the next one in.
pub(super) struct Permit(Sender<()>);

impl Permits {
    pub(super) fn new(count: usize) -> Self {
        let (give_back, free) = bounded(count);
        for _ in 0..count {
            // There is room for all of them.
            let _ = give_back.try_send(());
        }
        Self { free, give_back }
    }

    /// Waits for one.
    pub(super) fn take(&self) -> Option<Permit> {
        self.free.recv().ok().map(|()| Permit(self.give_back.clone()))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_given_than_there_are() {
        let permits = Permits::new(2);
        let (first, second) = (permits.take(), permits.take());
        assert!(first.is_some() && second.is_some());
        assert!(permits.free.is_empty());
        drop(first);
        assert!(permits.take().is_some());
        assert_eq!(permits.free.len(), 1);
    }
}
