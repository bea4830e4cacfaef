//! Calls that wait or tell the time: where the guest's clock meets the kernel's.

use super::calls::{Entry, FUTEX_WAIT, IO_PGETEVENTS};
use super::kernel::{self, Call};
use super::memory::{self, Unreadable};
use super::task::Later;
use super::watch::status;
use super::{Next, Tracer, arch, narrowed};
use crate::time::{SECOND, Wait};
use events::{Act, HostAct, Source};

/// Whether anybody runs.
enum Idle {
    Runs,
    /// Everybody waits; where `network`, somebody for what the network may still bring.
    Waits {
        network: bool,
    },
}

/// What the kernel gives a process that it broke off in a call.
const BROKEN_OFF: std::ops::RangeInclusive<i64> = -516..=-512;

impl Tracer {
    pub(super) fn wait_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        if !self.time.watches_clocks() {
            return Next::On;
        }
        let Ok(Some((wait, absolute))) = self.decode_wait(tid, entry, call) else { return Next::On };
        let pure = matches!(entry.number, libc::SYS_nanosleep | libc::SYS_clock_nanosleep);
        if pure && self.skip_at_once(tid, &wait) {
            return Next::Answer(0);
        }
        self.time.waits(tid, wait);
        let Some((clock, at, which)) = absolute else { return Next::On };
        let lead = self.time.lead(clock);
        if lead >= 0 {
            return Next::On;
        }
        // The kernel's clock is ahead, so that it would not wait at all: it is given the time that it would know the
        // same moment by, below what the stack may be used for.
        let place = call.stack.wrapping_sub(2048) & !15;
        if kernel::write(tid, place, &timespec(at - lead)) {
            arch::set_argument(tid, which, place);
            let value = call.arguments.get(which).copied().unwrap_or(0);
            return Next::Later(Box::new(Later::Register { which, value, then: None }));
        }
        Next::On
    }

    /// What a call waits for, and where it names a time of a clock: which, when, and by which argument.
    #[allow(clippy::type_complexity)]
    fn decode_wait(
        &self,
        tid: i32,
        entry: Entry,
        call: &Call,
    ) -> Result<Option<(Wait, Option<(i32, i128, usize)>)>, Unreadable> {
        let [a, b, c, d, e, f] = call.arguments;
        let [timed_out, again] = [i64::from(-libc::ETIMEDOUT), i64::from(-libc::EAGAIN)];
        let milliseconds = |value: u64| u64::from(value as u32).saturating_mul(1_000_000);
        let mut sets = None;
        let mut left = 0;
        let mut result = 0;
        let mut absolute = None;
        let relative = match entry.number {
            libc::SYS_nanosleep => duration(tid, a, 1)?,
            libc::SYS_clock_nanosleep => {
                if b as i32 & libc::TIMER_ABSTIME != 0 {
                    absolute = Some((a as i32, time(tid, c)?, 2));
                }
                if self.time.reading(a as i32).is_none() {
                    return Ok(None);
                }
                duration(tid, c, 1)?
            }
            libc::SYS_poll => milliseconds(c),
            libc::SYS_epoll_wait | libc::SYS_epoll_pwait => milliseconds(d),
            libc::SYS_ppoll => {
                left = c;
                duration(tid, c, 1)?
            }
            libc::SYS_epoll_pwait2 => duration(tid, d, 1)?,
            libc::SYS_select | libc::SYS_pselect6 => {
                sets = Some(([b, c, d], (a as u32 as u64).div_ceil(64).min(1 << 14) * 8));
                left = e;
                duration(tid, e, if entry.number == libc::SYS_select { 1000 } else { 1 })?
            }
            libc::SYS_futex => {
                result = timed_out;
                let realtime = b as i32 & libc::FUTEX_CLOCK_REALTIME != 0;
                let clock = match b as i32 & 0x7f {
                    libc::FUTEX_WAIT => None,
                    libc::FUTEX_LOCK_PI => Some(libc::CLOCK_REALTIME),
                    _ if realtime => Some(libc::CLOCK_REALTIME),
                    _ => Some(libc::CLOCK_MONOTONIC),
                };
                if let Some(clock) = clock {
                    absolute = Some((clock, time(tid, d)?, 3));
                }
                duration(tid, d, 1)?
            }
            libc::SYS_rt_sigtimedwait => {
                result = again;
                duration(tid, c, 1)?
            }
            libc::SYS_semtimedop => {
                result = again;
                duration(tid, d, 1)?
            }
            libc::SYS_io_getevents | IO_PGETEVENTS => duration(tid, e, 1)?,
            FUTEX_WAIT | libc::SYS_futex_waitv => {
                let (place, clock) = if entry.number == FUTEX_WAIT { (e, f) } else { (d, e) };
                let which = if entry.number == FUTEX_WAIT { 4 } else { 3 };
                result = timed_out;
                absolute = Some((clock as i32, time(tid, place)?, which));
                0
            }
            // `mq_timedsend` and `mq_timedreceive`.
            _ => {
                result = timed_out;
                absolute = Some((libc::CLOCK_REALTIME, time(tid, e)?, 4));
                0
            }
        };
        let deadline = match absolute {
            Some((clock, at, _)) => match self.time.deadline(clock, at) {
                Some(deadline) => deadline,
                None => return Ok(None),
            },
            None if relative == 0 => return Ok(None),
            None => self.time.after(relative),
        };
        let late = absolute.is_some_and(|(clock, _, _)| self.time.lead(clock) != 0);
        let wait = Wait { number: entry.number, deadline, result, sets, left, late, finishing: false };
        Ok(Some((wait, absolute)))
    }

    /// Where nobody else runs and nobody waits for something earlier, a sleep is over before it begins.
    fn skip_at_once(&mut self, tid: i32, wait: &Wait) -> bool {
        if !self.time.skips() {
            return false;
        }
        match self.idle(tid) {
            Idle::Waits { network: false } => {}
            Idle::Waits { network: true } | Idle::Runs => return false,
        }
        self.time.forget(tid);
        if self.time.earliest().is_some_and(|earliest| earliest < wait.deadline) {
            return false;
        }
        self.time.jump(wait.deadline)
    }

    /// Whether anybody runs but one task, whose state is known.
    fn idle(&mut self, but: i32) -> Idle {
        let has_network = self.time.has_network();
        let mut network = false;
        let tasks: Vec<(i32, bool, bool)> = self
            .tasks
            .all()
            .filter(|(tid, task)| *tid != but && !task.listening)
            .map(|(tid, task)| (tid, task.fresh, task.vforking))
            .collect();
        for (tid, fresh, vforking) in tasks {
            let Ok(line) = std::fs::read(format!("/proc/{tid}/stat")) else { return Idle::Runs };
            match status(&line).map(|status| status.state) {
                Some(b'S') if !fresh => {}
                // The kernel makes it wait until its child has memory of its own.
                Some(b'D') if vforking => continue,
                // Its parent is told of its end once the tracer was; a first thread is told of when the others end.
                Some(b'Z') if self.tasks.outlived(tid) => continue,
                _ => return Idle::Runs,
            }
            let wait = self.time.wait_of(tid);
            if wait.is_none() && !has_network {
                continue;
            }
            let Some((number, arguments)) = call_in_progress(tid) else { return Idle::Runs };
            if wait.is_some_and(|wait| !goes_on(&wait, number, &arguments)) {
                self.time.forget(tid);
            }
            network |= has_network && TAKES_ANSWERS.contains(&number);
        }
        // Who is about to be answered looks as who waits for anything else.
        if self.opens.owed() { Idle::Runs } else { Idle::Waits { network } }
    }

    /// Ends what is over and jumps ahead where everybody waits. Gives how long nothing is to be done.
    pub(super) fn consider(&mut self, real: u64) -> u64 {
        self.end_what_is_over();
        if let Err(pause) = self.time.due(real) {
            return pause.min(self.time.until_next());
        }
        match self.idle(0) {
            Idle::Runs => {
                self.time.looked(self.context.clock.real().saturating_sub(real));
                return self.time.runs(real).min(self.time.until_next());
            }
            Idle::Waits { network: true } => {
                if let Some(left) = self.time.grace_left(real) {
                    return left.min(self.time.until_next());
                }
            }
            Idle::Waits { network: false } => {}
        }
        // A wait that is over by every clock is the kernel's to end: it does so now, or has done so already.
        if let Some(earliest) = self.time.earliest().filter(|earliest| *earliest > self.time.now()) {
            if !self.time.jump(earliest) {
                self.tell(Source::Host, Act::Host(HostAct::Limit { what: "waiting".into() }));
            }
            self.end_what_is_over();
            self.time.look_soon();
            return 100_000;
        }
        self.time.runs(real).min(self.time.until_next())
    }

    fn end_what_is_over(&mut self) {
        for tid in self.time.over() {
            if !kernel::interrupt(tid) {
                self.time.forget(tid);
            }
        }
        let now = self.time.now();
        for key in self.time.timers().due(now) {
            self.fire(key);
        }
    }

    /// A task was stopped: where its wait is over, the call returns as if its time had passed.
    pub(super) fn finish_wait(&mut self, tid: i32) {
        let Some(wait) = self.time.wait_of(tid) else { return };
        let Some((number, result, arguments)) = arch::interrupted(tid) else { return };
        let interrupted = i64::from(-libc::EINTR);
        let waits =
            goes_on(&wait, number, &arguments) && (BROKEN_OFF.contains(&result) || result == interrupted);
        if !waits {
            self.time.forget(tid);
        }
        if !waits || !wait.finishing || wait.deadline > self.time.now() {
            // Stopped for another reason, or in another call: nothing happened that the guest should learn of.
            if result == interrupted {
                arch::set_result(tid, -513);
            }
            return;
        }
        self.time.forget(tid);
        if let Some((sets, length)) = wait.sets {
            let empty = vec![0; length as usize];
            for set in sets.into_iter().filter(|set| *set != 0) {
                kernel::write(tid, set, &empty);
            }
        }
        if wait.left != 0 {
            kernel::write(tid, wait.left, &[0; 16]);
        }
        arch::answer(tid, wait.result);
    }

    pub(super) fn clock_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        if !self.time.watches_clocks() {
            return Next::On;
        }
        let [a, b, ..] = call.arguments;
        let fault = Next::Answer(i64::from(-libc::EFAULT));
        let realtime = || self.time.reading(libc::CLOCK_REALTIME).unwrap_or(0);
        match entry.number {
            libc::SYS_clock_gettime => {
                let Some(reading) = self.time.reading(a as i32) else { return Next::On };
                if kernel::write(tid, b, &timespec(reading)) { Next::Answer(0) } else { fault }
            }
            libc::SYS_gettimeofday => {
                let mut value = timespec(realtime());
                if let Some((_, fraction)) = value.split_first_chunk_mut::<8>() {
                    let microseconds = fraction.first_chunk().map_or(0, |f| u64::from_le_bytes(*f)) / 1000;
                    fraction.copy_from_slice(&microseconds.to_le_bytes());
                }
                let told =
                    (a == 0 || kernel::write(tid, a, &value)) && (b == 0 || kernel::write(tid, b, &[0; 8]));
                if told { Next::Answer(0) } else { fault }
            }
            libc::SYS_time => {
                let seconds = i64::try_from(realtime().div_euclid(i128::from(SECOND))).unwrap_or(0);
                let told = a == 0 || kernel::write(tid, a, &seconds.to_le_bytes());
                if told { Next::Answer(seconds) } else { fault }
            }
            libc::SYS_times => Next::Later(Box::new(Later::Ticks)),
            _ => Next::Later(Box::new(Later::Uptime { address: a })),
        }
    }

    /// Writes the guest's uptime into the file that stands at its `/proc/uptime`.
    pub(super) fn refresh_uptime(&mut self) {
        let Some(file) = &self.context.uptime else { return };
        let hundredths = self.time.uptime() / 10_000_000;
        let idle = hundredths / 10 * 19;
        let text = format!("{}.{:02} {}.{:02}\n", hundredths / 100, hundredths % 100, idle / 100, idle % 100);
        let written = rustix::io::pwrite(file, text.as_bytes(), 0).unwrap_or(0);
        let _ = rustix::fs::ftruncate(file, written as u64);
    }
}

/// Calls in which a task may wait for what the network brings.
const TAKES_ANSWERS: &[i64] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_connect,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_select,
    libc::SYS_pselect6,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
];

/// Whether a call is still the one that waits. The next one may have the same number and no end: who waits for a lock
/// for as long as it takes must not be told that his time is over. One with an end of its own would have been seen.
fn goes_on(wait: &Wait, number: i64, arguments: &[u64; 6]) -> bool {
    (number == wait.number || number == libc::SYS_restart_syscall) && narrowed(wait.number as u32, arguments)
}

/// Number and arguments of the call that a task waits in; none where it runs.
fn call_in_progress(tid: i32) -> Option<(i64, [u64; 6])> {
    let line = std::fs::read_to_string(format!("/proc/{tid}/syscall")).ok()?;
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    }
    Some((number, arguments))
}

/// A `timespec`, in nanoseconds; `unit` 1000 for a `timeval`.
fn time_in(tid: i32, address: u64, unit: i128) -> Result<i128, Unreadable> {
    let bytes = memory::array::<16>(tid, address)?;
    let (seconds, fraction) = (bytes.first_chunk(), bytes.last_chunk());
    let seconds = seconds.map_or(0, |seconds| i64::from_le_bytes(*seconds));
    let fraction = fraction.map_or(0, |fraction| i64::from_le_bytes(*fraction));
    Ok(i128::from(seconds) * i128::from(SECOND) + i128::from(fraction) * unit)
}

fn time(tid: i32, address: u64) -> Result<i128, Unreadable> {
    time_in(tid, address, 1)
}

/// The same where it is a length: none below zero, and none beyond what the clock can hold.
pub(super) fn duration(tid: i32, address: u64, unit: i128) -> Result<u64, Unreadable> {
    let nanoseconds = time_in(tid, address, unit)?;
    Ok(u64::try_from(nanoseconds.max(0)).unwrap_or(u64::MAX).min(u64::MAX / 4))
}

fn timespec(nanoseconds: i128) -> [u8; 16] {
    let second = i128::from(SECOND);
    let seconds = i64::try_from(nanoseconds.div_euclid(second)).unwrap_or(i64::MAX);
    let fraction = i64::try_from(nanoseconds.rem_euclid(second)).unwrap_or(0);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seconds.to_le_bytes());
    bytes[8..].copy_from_slice(&fraction.to_le_bytes());
    bytes
}
