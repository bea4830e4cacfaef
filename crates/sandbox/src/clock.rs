//! The guest's time, in memory that the warden and the parent both map.
#![allow(unsafe_code)]

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The clock that the guest is shown: the host's, and all waiting that was skipped. The warden moves it, and the
/// parent's answers (NTP, `Date`, certificates) read it.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Mapped>);

/// What both sides map.
#[repr(C)]
#[derive(Debug)]
struct Page {
    /// `CLOCK_MONOTONIC` of the host, in nanoseconds, when the run began.
    began: AtomicU64,
    /// Nanoseconds that were skipped so far.
    skipped: AtomicU64,
    /// Nanoseconds between the host's calendar and the guest's when the run began, as two's complement.
    calendar: AtomicU64,
    /// How many answers are being made: nothing is skipped meanwhile.
    held: AtomicU64,
    /// How many were begun or given so far.
    answers: AtomicU64,
    /// When the guest last made a call that is looked at, in nanoseconds of the host since the run began.
    called: AtomicU64,
}

/// Keeps the guest's clock from jumping while an answer to it is made.
#[derive(Debug)]
pub struct Hold(Clock);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.page().answers.fetch_add(1, Ordering::AcqRel);
        self.0.page().held.fetch_sub(1, Ordering::AcqRel);
    }
}

#[derive(Debug)]
struct Mapped {
    page: *mut Page,
    memory: OwnedFd,
}

// SAFETY: the page is shared memory that stays mapped for as long as `Mapped` lives; it is only read and written
// through its atomics.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Clock {
    /// A clock that begins now, with the guest's calendar so many nanoseconds ahead of the host's.
    pub(crate) fn begin(calendar: i64) -> rustix::io::Result<Self> {
        let memory = memfd_create("clock", MemfdFlags::CLOEXEC)?;
        ftruncate(&memory, SIZE as u64)?;
        let clock = Self::map(memory)?;
        clock.page().began.store(monotonic(), Ordering::SeqCst);
        clock.page().calendar.store(calendar.cast_unsigned(), Ordering::SeqCst);
        Ok(clock)
    }

    /// The clock that another process began.
    pub(crate) fn map(memory: OwnedFd) -> rustix::io::Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory that Rust knows of. The
        // memory is never cut shorter: both sides have it from `begin`, and it is given to nobody else.
        let page = unsafe {
            mmap(std::ptr::null_mut(), SIZE, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &memory, 0)
        }?;
        Ok(Self(Arc::new(Mapped { page: page.cast(), memory })))
    }

    /// `CLOCK_MONOTONIC` of the host when the run began, in nanoseconds.
    pub(crate) fn began(&self) -> u64 {
        self.page().began.load(Ordering::Relaxed)
    }

    /// Nanoseconds of the host's clock since the run began.
    pub fn real(&self) -> u64 {
        monotonic().saturating_sub(self.began())
    }

    /// Nanoseconds of the guest's clock since the run began.
    pub fn guest(&self) -> u64 {
        self.guest_at(self.real())
    }

    /// The guest's time at a time of the host.
    pub fn guest_at(&self, real: u64) -> u64 {
        real.saturating_add(self.skipped())
    }

    /// Nanoseconds that were skipped so far.
    pub fn skipped(&self) -> u64 {
        self.page().skipped.load(Ordering::Acquire)
    }

    /// Skips so many nanoseconds of waiting: every clock of the guest jumps ahead.
    pub fn skip(&self, nanoseconds: u64) {
        let jump = |skipped: u64| Some(skipped.saturating_add(nanoseconds));
        let _ = self.page().skipped.fetch_update(Ordering::AcqRel, Ordering::Acquire, jump);
    }

    /// Keeps the guest's clock from jumping until it is dropped: whoever owes the guest an answer holds it from the
    /// moment at which it knows so until the answer is sent.
    pub fn hold(&self) -> Hold {
        self.page().held.fetch_add(1, Ordering::AcqRel);
        self.page().answers.fetch_add(1, Ordering::AcqRel);
        Hold(self.clone())
    }

    /// Whether somebody holds it, and a number that changes with each answer.
    pub(crate) fn answering(&self) -> (bool, u64) {
        (self.page().held.load(Ordering::Acquire) > 0, self.page().answers.load(Ordering::Acquire))
    }

    /// The guest made a call, at a time of the host.
    pub(crate) fn calls(&self, real: u64) {
        self.page().called.store(real, Ordering::Relaxed);
    }

    /// For how long the guest has made no call that is looked at, also none that is worth no event, such as asking
    /// for the time.
    pub fn calm(&self) -> Duration {
        Duration::from_nanos(self.real().saturating_sub(self.page().called.load(Ordering::Relaxed)))
    }

    /// Nanoseconds between the host's calendar and the guest's when the run began.
    pub fn calendar_shift(&self) -> i64 {
        self.page().calendar.load(Ordering::Relaxed).cast_signed()
    }

    /// Nanoseconds since the epoch as the guest is told.
    pub fn calendar(&self) -> i128 {
        let now = clock_gettime(ClockId::Realtime);
        let now = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec);
        now + i128::from(self.calendar_shift()) + i128::from(self.skipped())
    }

    pub(crate) fn memory(&self) -> BorrowedFd<'_> {
        self.0.memory.as_fd()
    }

    fn page(&self) -> &Page {
        // SAFETY: the mapping is as long as a page of memory, aligned to one, and zeroed by the kernel at first,
        // which is a valid `Page`; it lives as long as `self.0`.
        unsafe { &*self.0.page }
    }
}

const SIZE: usize = 4096;

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `map` with this length, and nothing refers to it any more: each
        // reference is bound to a borrow of `Mapped`.
        let _ = unsafe { munmap(self.page.cast(), SIZE) };
    }
}

fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    (now.tv_sec.unsigned_abs()).saturating_mul(1_000_000_000).saturating_add(now.tv_nsec.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_skips_the_other_sees() {
        let one = Clock::begin(-5).unwrap();
        let other = Clock::map(one.memory().try_clone_to_owned().unwrap()).unwrap();
        one.skip(3_600_000_000_000);
        other.skip(u64::MAX);
        assert_eq!((one.skipped(), other.calendar_shift()), (u64::MAX, -5));
        let hold = other.hold();
        assert_eq!(one.answering(), (true, 1));
        drop(hold);
        assert_eq!(one.answering(), (false, 2));
        assert!(one.guest() == u64::MAX && one.real() < 60_000_000_000);
    }
}
