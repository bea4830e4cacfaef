//! Keeps the tracer and the guest on one processor for as long as they take turns.
//!
//! A guest that stops at a call waits for the tracer, and the tracer for the guest: only one of the two runs. On two
//! processors each stop wakes an idle one, which in a virtual machine takes ten times as long as to switch. A guest that
//! computes has no use for the tracer at its side, and gets all processors.

use super::{kernel, memory};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Stops of a second from which on taking turns costs more than a second processor could bring, and below which it
/// does not.
const MANY: u64 = 4000;
const FEW: u64 = 2000;

pub(super) struct Beside {
    /// Where this process may run, and with it the guest.
    all: CpuSet,
    /// The processor that both are kept on; none where there is only one.
    one: Option<CpuSet>,
    /// Whether they are now.
    together: bool,
    /// Stops and nanoseconds of processor time until the last look.
    seen: (u64, u64),
}

impl Beside {
    /// Chooses a processor for both. Runs that begin together choose different ones.
    pub(super) fn new() -> Self {
        let all = sched_getaffinity(None).unwrap_or_default();
        let own: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&at| all.is_set(at)).collect();
        let choice = std::process::id() as usize % own.len().max(1);
        let one = own.get(choice).filter(|_| own.len() > 1).map(|&at| {
            let mut one = CpuSet::new();
            one.set(at);
            one
        });
        let together = one.as_ref().is_some_and(|one| sched_setaffinity(None, one).is_ok());
        Self { all, one, together, seen: (0, 0) }
    }

    /// Has a process that comes to be traced run where the others do.
    pub(super) fn join(&self, process: Pid) {
        if let Some(one) = self.one.as_ref().filter(|_| self.together) {
            let _ = sched_setaffinity(Some(process), one);
        }
    }

    /// Decides anew once a second, by how often the guest stopped and how long it ran in all; `elapsed` nanoseconds
    /// have passed since the last look.
    pub(super) fn look(&mut self, stops: u64, used: u64, elapsed: u64, tasks: impl Iterator<Item = Pid>) {
        let (stopped, ran) = (stops.saturating_sub(self.seen.0), used.saturating_sub(self.seen.1));
        self.seen = (stops, used);
        let Some(one) = &self.one else { return };
        let rate = |time: u64| stopped.saturating_mul(1_000_000_000) / time.max(1);
        // Of the time that it had, which on a machine with much to do is a small part of a second.
        let computes = ran > elapsed / 20 && rate(ran) < FEW;
        let together = if self.together { !computes } else { rate(elapsed) > MANY };
        if together != self.together {
            self.together = together;
            let set = if together { one } else { &self.all };
            self.put(set, tasks);
        }
    }

    /// The guest has chosen processors itself, and from now on has all that it chooses from.
    pub(super) fn part(&mut self, others: impl Iterator<Item = Pid>) {
        if std::mem::take(&mut self.together) {
            self.put(&self.all, others);
        }
        self.one = None;
    }

    fn put(&self, set: &CpuSet, tasks: impl Iterator<Item = Pid>) {
        let _ = sched_setaffinity(None, set);
        for task in tasks {
            // Who has ended meanwhile is nowhere.
            let _ = sched_setaffinity(Some(task), set);
        }
    }

    /// `sched_getaffinity` has returned. Who asked sees all processors: programs start as many threads as that,
    /// and a machine of one processor is a sign of a sandbox.
    pub(super) fn show_all(&self, tid: i32, address: u64, result: i64) {
        let length = usize::try_from(result).unwrap_or(0).min(CpuSet::MAX_CPU / 8);
        let Some(one) = self.one.as_ref().filter(|_| length > 0) else { return };
        if memory::some(tid, address, length) == bytes(one, length) {
            kernel::write(tid, address, &bytes(&self.all, length));
        }
    }
}

/// The first bytes of a set, as the kernel writes it.
fn bytes(set: &CpuSet, length: usize) -> Vec<u8> {
    let bit = |at: usize| u8::from(set.is_set(at)) << (at % 8);
    (0..length).map(|at| (at * 8..at * 8 + 8).map(bit).sum()).collect()
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = sched_setaffinity(None, &self.all);
    }
}
