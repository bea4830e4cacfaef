//! Calls that set or ask timers, and what happens when one goes off.

use super::calls::Entry;
use super::kernel::{self, Call};
use super::memory::{self, Unreadable};
use super::paths::{descriptor_link, take_descriptor};
use super::task::Later;
use super::waiting::duration;
use super::{Next, Tracer};
use crate::time::{Fires, Key, SECOND, Timer};
use rustix::fd::AsRawFd;

/// A call for a timer, to be finished when it returns.
#[derive(Debug)]
pub(super) enum TimerCall {
    Made { clock: i32, event: Option<[u8; 24]>, at: u64 },
    Set { descriptor: i32, absolute: bool, interval: u64, value: u64 },
    Asked { descriptor: i32, at: u64 },
}

impl Tracer {
    pub(super) fn timer_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        if !self.time.skips() {
            return Next::On;
        }
        match self.decode_timer(tid, entry, call) {
            Ok(next) => next,
            Err(Unreadable) => Next::Answer(i64::from(-libc::EFAULT)),
        }
    }

    fn decode_timer(&mut self, tid: i32, entry: Entry, call: &Call) -> Result<Next, Unreadable> {
        let [a, b, c, d, ..] = call.arguments;
        let group = self.tasks.group_of(tid);
        let alarm = Key::Alarm(group);
        let posix = Key::Posix(group, a as i32);
        let now = self.time.now();
        Ok(match entry.number {
            libc::SYS_alarm => {
                let (left, _) = self.time.timers().left(alarm, now);
                self.set_alarm(group, u64::from(a as u32) * SECOND, 0);
                Next::Answer(left.div_ceil(SECOND).cast_signed())
            }
            libc::SYS_setitimer | libc::SYS_getitimer if a as i32 != libc::ITIMER_REAL => Next::On,
            libc::SYS_getitimer => {
                let left = self.time.timers().left(alarm, now);
                answer_written(kernel::write(tid, b, &interval_and_value(left, 1000)))
            }
            libc::SYS_setitimer => {
                let left = self.time.timers().left(alarm, now);
                if b != 0 {
                    let (interval, value) = (duration(tid, b, 1000)?, duration(tid, b + 16, 1000)?);
                    self.set_alarm(group, value, interval);
                }
                answer_written(c == 0 || kernel::write(tid, c, &interval_and_value(left, 1000)))
            }
            libc::SYS_timer_create => {
                if self.time.reading(a as i32).is_none() {
                    return Ok(Next::On);
                }
                let event = if b == 0 { None } else { Some(memory::array::<24>(tid, b)?) };
                Next::Later(Box::new(Later::Timer(TimerCall::Made { clock: a as i32, event, at: c })))
            }
            libc::SYS_timer_settime => {
                let left = self.time.timers().left(posix, now);
                let Some(clock) = self.time.timers().get_mut(posix).map(|timer| timer.clock) else {
                    return Ok(Next::On);
                };
                let (interval, value) = (duration(tid, c, 1)?, duration(tid, c + 16, 1)?);
                let deadline = if b as i32 & libc::TIMER_ABSTIME != 0 {
                    self.time.deadline(clock, i128::from(value))
                } else {
                    Some(self.time.after(value))
                };
                if let Some(timer) = self.time.timers().get_mut(posix) {
                    timer.interval = interval;
                    timer.deadline = deadline.filter(|_| value > 0);
                }
                self.time.look_soon();
                answer_written(d == 0 || kernel::write(tid, d, &interval_and_value(left, 1)))
            }
            libc::SYS_timer_gettime => {
                if self.time.timers().get_mut(posix).is_none() {
                    return Ok(Next::On);
                }
                let left = self.time.timers().left(posix, now);
                answer_written(kernel::write(tid, b, &interval_and_value(left, 1)))
            }
            libc::SYS_timer_delete => {
                self.time.timers().remove(posix);
                Next::On
            }
            libc::SYS_timerfd_settime => {
                let (interval, value) = (duration(tid, c, 1)?, duration(tid, c + 16, 1)?);
                let absolute = b as i32 & libc::TFD_TIMER_ABSTIME != 0;
                let set = TimerCall::Set { descriptor: a as i32, absolute, interval, value };
                Next::Later(Box::new(Later::Timer(set)))
            }
            _ => Next::Later(Box::new(Later::Timer(TimerCall::Asked { descriptor: a as i32, at: b }))),
        })
    }

    fn set_alarm(&mut self, group: i32, value: u64, interval: u64) {
        if value == 0 {
            self.time.timers().remove(Key::Alarm(group));
            return;
        }
        let deadline = Some(self.time.after(value));
        let fires = Fires::Signal { signal: libc::SIGALRM, thread: None, value: 0 };
        let timer = Timer { deadline, interval, clock: libc::CLOCK_REALTIME, fires };
        self.time.timers().insert(Key::Alarm(group), timer);
        self.time.look_soon();
    }

    pub(super) fn timer_done(&mut self, tid: i32, call: TimerCall, result: i64) {
        if result != 0 {
            return;
        }
        let group = self.tasks.group_of(tid);
        match call {
            TimerCall::Made { clock, event, at } => {
                let Ok(id) = memory::array::<4>(tid, at).map(i32::from_le_bytes) else { return };
                let fires = match event {
                    None => Fires::Signal { signal: libc::SIGALRM, thread: None, value: id as u64 },
                    Some(event) => self.fires(group, &event),
                };
                let timer = Timer { deadline: None, interval: 0, clock, fires };
                self.time.timers().insert(Key::Posix(group, id), timer);
            }
            TimerCall::Set { descriptor, absolute, interval, value } => {
                let key = Key::Descriptor(group, descriptor);
                self.time.timers().remove(key);
                if value == 0 {
                    return;
                }
                let clock = if absolute { timerfd_clock(tid, descriptor) } else { libc::CLOCK_MONOTONIC };
                let deadline = match absolute {
                    true => self.time.deadline(clock, i128::from(value)),
                    false => Some(self.time.after(value)),
                };
                let Some(held) = take_descriptor(group, descriptor) else { return };
                if let Some(deadline) = deadline.filter(|_| absolute) {
                    let left = deadline.saturating_sub(self.time.now());
                    kernel::set_timerfd(held.as_raw_fd(), left, interval);
                }
                let timer = Timer { deadline, interval, clock, fires: Fires::Descriptor(held) };
                self.time.timers().insert(key, timer);
                self.time.look_soon();
            }
            TimerCall::Asked { descriptor, at } => {
                let key = Key::Descriptor(group, descriptor);
                if self.time.timers().get_mut(key).is_some() {
                    let now = self.time.now();
                    let left = self.time.timers().left(key, now);
                    kernel::write(tid, at, &interval_and_value(left, 1));
                }
            }
        }
    }

    /// What a `sigevent` asks for.
    fn fires(&self, group: i32, event: &[u8; 24]) -> Fires {
        let number = |at: usize| {
            let bytes = event.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, i32::from_le_bytes)
        };
        let value = event.first_chunk().map_or(0, |value| u64::from_le_bytes(*value));
        let signal = number(8);
        match number(12) {
            libc::SIGEV_NONE => Fires::Nothing,
            libc::SIGEV_THREAD_ID => {
                let wanted = number(16).unsigned_abs();
                let thread = self.tasks.all().find(|(_, task)| task.group == group && task.pid == wanted);
                Fires::Signal { signal, thread: thread.map(|(tid, _)| tid), value }
            }
            _ => Fires::Signal { signal, thread: None, value },
        }
    }

    /// A timer goes off.
    pub(super) fn fire(&mut self, key: Key) {
        let interval = self.time.timers().get_mut(key).map_or(0, |timer| timer.interval);
        let Some(timer) = self.time.timers().get_mut(key) else { return };
        let still = match (&timer.fires, key) {
            (Fires::Signal { signal, thread, value }, Key::Alarm(group) | Key::Posix(group, _)) => {
                let number = if let Key::Posix(_, number) = key { number } else { 0 };
                kernel::timer_signal(group, *thread, *signal, number, *value)
            }
            (Fires::Descriptor(held), Key::Descriptor(group, descriptor)) => {
                let still = descriptor_link(group, descriptor);
                let still = still.is_some_and(|link| link == b"anon_inode:[timerfd]");
                still && kernel::set_timerfd(held.as_raw_fd(), 1, interval)
            }
            _ => true,
        };
        let posix = matches!(key, Key::Posix(..));
        if !still || (interval == 0 && !posix) {
            self.time.timers().remove(key);
        }
        self.time.active();
    }
}

/// The clock of a timer descriptor.
fn timerfd_clock(tid: i32, descriptor: i32) -> i32 {
    let info = std::fs::read_to_string(format!("/proc/{tid}/fdinfo/{descriptor}")).unwrap_or_default();
    let clock = info.lines().find_map(|line| line.strip_prefix("clockid: ")?.trim().parse().ok());
    clock.unwrap_or(libc::CLOCK_MONOTONIC)
}

fn answer_written(written: bool) -> Next {
    Next::Answer(if written { 0 } else { i64::from(-libc::EFAULT) })
}

/// An interval and a value as timers tell them; `unit` 1000 for `itimerval`.
fn interval_and_value((left, interval): (u64, u64), unit: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, value) in bytes.chunks_exact_mut(16).zip([interval, left]) {
        let (seconds, fraction) = place.split_at_mut(8);
        seconds.copy_from_slice(&(value / SECOND).to_le_bytes());
        fraction.copy_from_slice(&(value % SECOND / unit).to_le_bytes());
    }
    bytes
}
