//! Timers of the guest. They are kept here and not in the kernel, which would let them go off by the host's clock.

use rustix::fd::OwnedFd;
use std::collections::BTreeMap;

/// The most timers of one run. Beyond it they are the kernel's, and late after a jump.
const MOST: usize = 4096;

/// Which timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// `alarm` and `setitimer`, of a process.
    Alarm(i32),
    /// `timer_create`, of a process, by its number there.
    Posix(i32, i32),
    /// `timerfd`, of a process, by its descriptor there.
    Descriptor(i32, i32),
}

/// What happens when it goes off.
#[derive(Debug)]
pub(crate) enum Fires {
    /// A signal, to a process or one of its threads, with a payload.
    Signal { signal: i32, thread: Option<i32>, value: u64 },
    /// A descriptor becomes readable.
    Descriptor(OwnedFd),
    /// Nothing: it is asked.
    Nothing,
}

/// A timer.
#[derive(Debug)]
pub(crate) struct Timer {
    /// When it goes off, in nanoseconds of the guest since the run began; none while it is not set.
    pub(crate) deadline: Option<u64>,
    /// How often after that; 0 for never.
    pub(crate) interval: u64,
    pub(crate) clock: i32,
    pub(crate) fires: Fires,
}

#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeMap<Key, Timer>);

impl Timers {
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Timer> {
        self.0.get_mut(&key)
    }

    /// False where there are too many.
    pub(crate) fn insert(&mut self, key: Key, timer: Timer) -> bool {
        let room = self.0.len() < MOST || self.0.contains_key(&key);
        if room {
            self.0.insert(key, timer);
        }
        room
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Timer> {
        self.0.remove(&key)
    }

    pub(super) fn forget(&mut self, group: i32, keep_alarm: bool) {
        self.0.retain(|key, _| match *key {
            Key::Alarm(of) => of != group || keep_alarm,
            Key::Posix(of, _) => of != group,
            Key::Descriptor(of, _) => of != group || keep_alarm,
        });
    }

    pub(super) fn earliest(&self) -> Option<u64> {
        self.0.values().filter_map(|timer| timer.deadline).min()
    }

    /// Those that go off by now; those that do so again are set again.
    pub(crate) fn due(&mut self, now: u64) -> Vec<Key> {
        let mut due = Vec::new();
        for (key, timer) in &mut self.0 {
            let Some(deadline) = timer.deadline.filter(|deadline| *deadline <= now) else { continue };
            due.push(*key);
            timer.deadline = match timer.interval {
                0 => None,
                interval => {
                    let passed = (now - deadline) / interval;
                    Some(deadline.saturating_add(interval.saturating_mul(passed + 1)))
                }
            };
        }
        due
    }

    /// What is left of a timer and how often it goes off, in nanoseconds.
    pub(crate) fn left(&self, key: Key, now: u64) -> (u64, u64) {
        let timer = self.0.get(&key);
        let left =
            timer.and_then(|timer| timer.deadline).map_or(0, |deadline| deadline.saturating_sub(now).max(1));
        (left, timer.map_or(0, |timer| timer.interval))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_go_off_once_or_at_their_interval() {
        let mut timers = Timers::default();
        let timer = |deadline, interval| Timer { deadline, interval, clock: 0, fires: Fires::Nothing };
        assert!(timers.insert(Key::Alarm(1), timer(Some(10), 0)));
        assert!(timers.insert(Key::Posix(1, 0), timer(Some(20), 5)));
        assert_eq!((timers.earliest(), timers.due(9)), (Some(10), vec![]));
        assert_eq!(timers.due(23), [Key::Alarm(1), Key::Posix(1, 0)]);
        assert_eq!((timers.earliest(), timers.left(Key::Posix(1, 0), 23)), (Some(25), (2, 5)));
        timers.forget(1, true);
        assert_eq!((timers.earliest(), timers.left(Key::Alarm(1), 23)), (None, (0, 0)));
        for index in 0..2 * MOST as i32 {
            timers.insert(Key::Alarm(index), timer(Some(1), 0));
        }
        assert!(timers.due(1).len() <= MOST);
    }
}
