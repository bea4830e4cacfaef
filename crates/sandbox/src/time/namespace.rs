//! The clocks of the guest's kernel. They are told apart from those that the guest is shown, which the tracer answers:
//! the kernel waits by its own, so that a wait for a time of day or of the machine is over by them.

use super::SECOND;
use crate::clock::Clock;
use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// The time namespace of the processes that this one starts.
const OFFSETS: &str = "/proc/self/timens_offsets";

/// Has the kernel's clocks since the start of the machine show the uptime that the guest is told, to the nanosecond:
/// were they ahead by a fraction of a second, every shorter wait for a time would be over before it began.
pub(crate) fn align(clock: &Clock, uptime: Duration) -> std::io::Result<()> {
    let monotonic = nanoseconds(uptime) - i128::from(clock.began());
    let mut lines = String::new();
    for (name, offset) in [("monotonic", monotonic), ("boottime", monotonic - asleep())] {
        let second = i128::from(SECOND);
        lines.push_str(&format!("{name} {} {}\n", offset.div_euclid(second), offset.rem_euclid(second)));
    }
    std::fs::write(OFFSETS, lines)
}

/// How far the clocks of a run that skipped nothing are ahead of its kernel's, in nanoseconds: of those since the
/// machine started, without and with the time that it was asleep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Leads {
    pub(super) monotonic: i128,
    pub(super) boottime: i128,
}

impl Leads {
    pub(super) fn of(clock: &Clock, uptime: Duration) -> Self {
        // A kernel without time namespaces has no such file, and its clocks are the host's.
        let lines = std::fs::read_to_string(OFFSETS).unwrap_or_default();
        let told = nanoseconds(uptime) - i128::from(clock.began());
        Self {
            monotonic: told - offset(&lines, "monotonic"),
            boottime: told - asleep() - offset(&lines, "boottime"),
        }
    }
}

fn offset(lines: &str, clock: &str) -> i128 {
    let line = lines.lines().find_map(|line| line.strip_prefix(clock));
    let mut numbers =
        line.unwrap_or_default().split_whitespace().map(|word| word.parse::<i64>().unwrap_or(0));
    let seconds = numbers.next().map_or(0, i128::from);
    seconds * i128::from(SECOND) + numbers.next().map_or(0, i128::from)
}

fn nanoseconds(duration: Duration) -> i128 {
    i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX / 2)
}

/// How long the host has been asleep since it started, in nanoseconds.
fn asleep() -> i128 {
    let [monotonic, boottime] = [ClockId::Monotonic, ClockId::Boottime].map(|clock| {
        let now = clock_gettime(clock);
        i128::from(now.tv_sec) * i128::from(SECOND) + i128::from(now.tv_nsec)
    });
    boottime - monotonic
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_as_the_kernel_writes_them() {
        let check = |lines: &str, expect: [i128; 2]| {
            assert_eq!(["monotonic", "boottime"].map(|clock| offset(lines, clock)), expect, "{lines}");
        };
        check(
            "monotonic      931139 250000000\nboottime           -2         1\n",
            [931_139_250_000_000, -1_999_999_999],
        );
        check("monotonic           0         0\nboottime            0         0\n", [0, 0]);
        check("", [0, 0]);
        check("monotonic x\n", [0, 0]);
    }
}
