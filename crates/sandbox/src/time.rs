//! The guest's time: the host's, and all waiting that was skipped.
//!
//! Waiting is skipped in jumps. Each call that waits for a time at most is known with the time at which it is over.
//! When nothing of the guest runs, its clock jumps to the earliest of these times, and what waits for it goes on as
//! if the time had passed. While a process computes nothing jumps, so that it gets what it would get anywhere.
//!
//! What stays real: clocks of processors (`CLOCK_PROCESS_CPUTIME_ID`, `getrusage`), the processor's own counter
//! (`rdtsc`), time limits of sockets (`SO_RCVTIMEO`) and of TCP itself, start times in `/proc/PID/stat`, and times of
//! a file that is asked for by its descriptor (`fstat`) and not by its name.

mod namespace;
mod stamps;
mod timers;

pub(crate) use self::namespace::align;
pub(crate) use self::stamps::Layout;
pub(crate) use self::timers::{Fires, Key, Timer};

use self::namespace::Leads;
use self::stamps::Stamps;
use self::timers::Timers;
use crate::clock::Clock;
use crate::spec::TimePolicy;
use std::collections::HashMap;

/// The most that is skipped in one run: what a program would do after that is not found out.
const MOST_SKIPPED: u64 = 30 * 86_400 * SECOND;

pub(crate) const SECOND: u64 = 1_000_000_000;

/// How long everything must have been quiet before a jump, while something may be on its way through the network. It
/// shrinks with each jump that nothing came of, and is back with each use of the network.
const GRACE: u64 = 100_000_000;
const LEAST_GRACE: u64 = 4_000_000;

/// How long to wait before looking again whether everything waits, at first and at most.
const SOON: u64 = 100_000;
const LATEST: u64 = 20_000_000;

/// How far the guest's clock is behind before a wait that has passed is forgotten.
const STALE: u64 = SECOND;

/// A call that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) number: i64,
    /// When it is over, in nanoseconds of the guest since the run began.
    pub(crate) deadline: u64,
    /// What it returns then.
    pub(crate) result: i64,
    /// Sets of descriptors that are empty then: their addresses and how long each is.
    pub(crate) sets: Option<([u64; 3], u64)>,
    /// Where the time that is left is told, for `select` and `ppoll`.
    pub(crate) left: u64,
    /// Whether the kernel would end it later than the guest's clock says.
    pub(crate) late: bool,
    /// Whether it was interrupted to be ended.
    pub(crate) finishing: bool,
}

/// What is known of waiting, and the guest's clocks.
#[derive(Debug)]
pub(crate) struct Time {
    clock: Clock,
    policy: TimePolicy,
    leads: Leads,
    waits: HashMap<i32, Wait>,
    timers: Timers,
    stamps: Stamps,
    network: bool,
    grace: u64,
    quiet_since: u64,
    look_at: u64,
    rest_until: u64,
    pause: u64,
    untold: u64,
    spent: bool,
    jumped_far: u64,
    attention: bool,
    answers: u64,
}

/// A jump that a file's time must not be on the wrong side of.
const FAR: u64 = 60 * SECOND;

/// How far the clock that files are stamped with may be behind.
const TICK: u64 = 10_000_000;

impl Time {
    pub(crate) fn new(clock: Clock, policy: TimePolicy) -> Self {
        Self {
            stamps: Stamps::begin(host_calendar()),
            leads: Leads::of(&clock, policy.uptime),
            clock,
            policy,
            waits: HashMap::new(),
            timers: Timers::default(),
            network: false,
            grace: GRACE,
            quiet_since: 0,
            look_at: 0,
            rest_until: 0,
            pause: SOON,
            untold: 0,
            spent: false,
            jumped_far: 0,
            attention: false,
            answers: 0,
        }
    }

    /// Whether the guest's clocks are answered here.
    pub(crate) fn watches_clocks(&self) -> bool {
        self.policy.skip || self.policy.ahead != 0
    }

    /// Whether waiting is skipped.
    pub(crate) fn skips(&self) -> bool {
        self.policy.skip && !self.spent
    }

    /// The guest's clock, in nanoseconds since the run began.
    pub(crate) fn now(&self) -> u64 {
        self.clock.guest()
    }

    /// How long the guest's machine is up, in nanoseconds.
    pub(crate) fn uptime(&self) -> u64 {
        let before = u64::try_from(self.policy.uptime.as_nanos()).unwrap_or(u64::MAX);
        before.saturating_add(self.clock.guest())
    }

    /// What a clock of the guest shows, in nanoseconds; none for clocks that are not touched.
    pub(crate) fn reading(&self, clock: i32) -> Option<i128> {
        match clock {
            libc::CLOCK_REALTIME
            | libc::CLOCK_REALTIME_COARSE
            | libc::CLOCK_REALTIME_ALARM
            | libc::CLOCK_TAI => Some(self.clock.calendar()),
            libc::CLOCK_MONOTONIC
            | libc::CLOCK_MONOTONIC_RAW
            | libc::CLOCK_MONOTONIC_COARSE
            | libc::CLOCK_BOOTTIME
            | libc::CLOCK_BOOTTIME_ALARM => Some(i128::from(self.uptime())),
            _ => None,
        }
    }

    /// How far a clock of the guest is ahead of its kernel's, by which the kernel waits.
    pub(crate) fn lead(&self, clock: i32) -> i128 {
        let began = match clock {
            libc::CLOCK_MONOTONIC => self.leads.monotonic,
            libc::CLOCK_BOOTTIME | libc::CLOCK_BOOTTIME_ALARM => self.leads.boottime,
            _ => i128::from(self.clock.calendar_shift()),
        };
        began + i128::from(self.clock.skipped())
    }

    /// When a time of a clock of the guest comes, in nanoseconds since the run began.
    pub(crate) fn deadline(&self, clock: i32, at: i128) -> Option<u64> {
        let ahead = (at - self.reading(clock)?).max(0);
        Some(self.now().saturating_add(u64::try_from(ahead).unwrap_or(u64::MAX)))
    }

    /// When so many nanoseconds will have passed.
    pub(crate) fn after(&self, nanoseconds: u64) -> u64 {
        self.now().saturating_add(nanoseconds)
    }

    pub(crate) fn timers(&mut self) -> &mut Timers {
        &mut self.timers
    }

    /// A task waits.
    pub(crate) fn waits(&mut self, tid: i32, wait: Wait) {
        self.waits.insert(tid, wait);
        self.look_soon();
    }

    /// Something may wait that did not wait before.
    pub(crate) fn look_soon(&mut self) {
        self.look_at = 0;
        self.pause = SOON;
        self.attention = true;
    }

    /// Whether [`Time::look_soon`] was called since this was asked last.
    pub(crate) fn attention(&mut self) -> bool {
        std::mem::take(&mut self.attention)
    }

    pub(crate) fn wait_of(&self, tid: i32) -> Option<Wait> {
        self.waits.get(&tid).copied()
    }

    pub(crate) fn forget(&mut self, tid: i32) {
        self.waits.remove(&tid);
    }

    /// A process is gone, with its timers.
    pub(crate) fn forget_group(&mut self, group: i32) {
        self.timers.forget(group, false);
    }

    /// A process became another program: only its alarm stays.
    pub(crate) fn became(&mut self, group: i32) {
        self.timers.forget(group, true);
    }

    /// The network was used: answers may be on their way.
    pub(crate) fn network(&mut self) {
        self.network = true;
        self.grace = GRACE;
    }

    pub(crate) fn has_network(&self) -> bool {
        self.network
    }

    /// The guest did something.
    pub(crate) fn active(&mut self) {
        self.quiet_since = self.clock.real();
        self.clock.calls(self.quiet_since);
    }

    /// Whether it is time to look whether everything waits; otherwise for how long not.
    pub(crate) fn due(&mut self, real: u64) -> Result<(), u64> {
        if !self.skips() || (self.waits.is_empty() && self.timers.earliest().is_none()) {
            return Err(u64::MAX);
        }
        let (held, answers) = self.clock.answering();
        if answers != self.answers {
            self.answers = answers;
            self.grace = GRACE;
            self.quiet_since = real;
        }
        if held {
            return Err(SOON);
        }
        let next = self.look_at.max(self.rest_until);
        if real < next { Err(next - real) } else { Ok(()) }
    }

    /// Somebody was found to run, which took so long: a guest of many threads is not looked at for most of its time.
    pub(crate) fn looked(&mut self, took: u64) {
        self.rest_until = self.clock.real().saturating_add(took.saturating_mul(4).min(LATEST));
    }

    /// Somebody runs: looking again costs, and more each time.
    pub(crate) fn runs(&mut self, real: u64) -> u64 {
        let pause = self.pause;
        self.pause = (pause * 2).min(LATEST);
        self.look_at = real.saturating_add(pause);
        self.quiet_since = real;
        pause
    }

    /// How much longer everything must be quiet, with an answer of the network awaited: for the grace, or for as long
    /// as the jump would be, since who wakes up every few milliseconds is never quiet for longer.
    pub(crate) fn grace_left(&mut self, real: u64) -> Option<u64> {
        let ahead = self.earliest().map_or(u64::MAX, |earliest| earliest.saturating_sub(self.now()));
        let quiet = real.saturating_sub(self.quiet_since);
        let left = self.grace.min(ahead.saturating_add(quiet) / 2).saturating_sub(quiet);
        self.look_at = real.saturating_add(left);
        (left > 0).then_some(left)
    }

    /// The earliest time at which something goes on.
    pub(crate) fn earliest(&self) -> Option<u64> {
        let waits = self.waits.values().filter(|wait| !wait.finishing).map(|wait| wait.deadline).min();
        waits.into_iter().chain(self.timers.earliest()).min()
    }

    /// Jumps to a time. False where the run has skipped all that it may.
    pub(crate) fn jump(&mut self, to: u64) -> bool {
        let ahead = to.saturating_sub(self.now());
        if ahead == 0 {
            return true;
        }
        if self.clock.skipped().saturating_add(ahead) > MOST_SKIPPED {
            self.spent = true;
            return false;
        }
        self.clock.skip(ahead);
        if ahead >= FAR {
            self.jumped_far = self.clock.real();
        }
        self.stamps.jumped(host_calendar(), self.clock.skipped());
        self.untold = self.untold.saturating_add(ahead);
        self.grace = (self.grace / 2).max(LEAST_GRACE);
        for wait in self.waits.values_mut() {
            wait.late = true;
        }
        true
    }

    /// What was skipped since this was asked last.
    pub(crate) fn untold(&mut self) -> Option<u64> {
        let untold = std::mem::take(&mut self.untold);
        (untold > 0).then_some(untold)
    }

    /// Takes out who has waited long enough by the guest's clock though not by the kernel's.
    pub(crate) fn over(&mut self) -> Vec<i32> {
        let now = self.now();
        self.waits.retain(|_, wait| wait.finishing || wait.late || wait.deadline.saturating_add(STALE) > now);
        let mut over = Vec::new();
        for (&tid, wait) in &mut self.waits {
            if wait.late && !wait.finishing && wait.deadline <= now {
                wait.finishing = true;
                over.push(tid);
            }
        }
        over
    }

    /// How long until the next wait or timer is over that the kernel does not end by itself.
    pub(crate) fn until_next(&self) -> u64 {
        let late =
            self.waits.values().filter(|wait| wait.late && !wait.finishing).map(|wait| wait.deadline).min();
        let next = late.into_iter().chain(self.timers.earliest()).min();
        next.map_or(u64::MAX, |next| next.saturating_sub(self.now()))
    }

    /// How long to wait before a file is changed: the kernel would stamp it with a time before the last jump.
    pub(crate) fn unsettled(&self) -> Option<std::time::Duration> {
        let since = self.clock.real().saturating_sub(self.jumped_far);
        (self.jumped_far > 0 && since < TICK).then(|| std::time::Duration::from_nanos(TICK - since))
    }

    /// Whether times of files are shown otherwise than the host has them.
    pub(crate) fn stamps_differ(&self) -> bool {
        self.watches_clocks() && (self.clock.skipped() > 0 || self.clock.calendar_shift() != 0)
    }

    /// A time of a file as the guest's clock had it, where that is another.
    pub(crate) fn shift_stamp(&self, stamp: [u8; 16], layout: Layout) -> Option<[u8; 16]> {
        self.stamps.shift(stamp, layout, self.clock.calendar_shift(), host_calendar())
    }
}

fn host_calendar() -> i128 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    i128::from(now.tv_sec) * i128::from(SECOND) + i128::from(now.tv_nsec)
}
