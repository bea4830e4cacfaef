use crate::plan::Planned;
use crate::remains::Remains;
use crate::run::{Done, run};
use crate::stage::Staged;
use crate::{DetonateError, Image, Settings};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Runs that go on at the same time at most. Most of a run is waiting for something to happen.
const AT_A_TIME: u64 = 3;

/// Runs what depends on nothing of each other at the same time, and gives what came of each, in the order of the
/// plan; none where the time was used up before a run began.
pub(crate) fn at_once(
    image: &Image<'_>,
    staged: &Staged,
    wave: &[Planned],
    settings: &Settings,
    started: Instant,
    before: Option<&Remains>,
) -> Vec<Option<Result<Done, DetonateError>>> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<_>> = wave.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while let Some((planned, done)) = take(&next, wave, &done) {
            let left = settings.budget.saturating_sub(started.elapsed());
            if !left.is_zero() && !settings.is_cancelled() {
                settings.say(&format!("running {}", planned.context.name));
                let came = run(image, staged, planned, settings, left, before);
                *done.lock().unwrap_or_else(PoisonError::into_inner) = Some(came);
            }
        }
    };
    std::thread::scope(|scope| {
        let others = at_a_time().min(wave.len()).saturating_sub(1);
        (0..others).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    done.into_iter().map(|done| done.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

fn take<'a, T>(next: &AtomicUsize, wave: &'a [Planned], done: &'a [T]) -> Option<(&'a Planned, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((wave.get(index)?, done.get(index)?))
}

/// As many as the memory of this machine has room for, with what each may take.
fn at_a_time() -> usize {
    let each = sandbox::Limits::default().memory;
    let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    free.map_or(1, |free| (free / each).clamp(1, AT_A_TIME) as usize)
}

/// The bytes that the kernel says are there to be had.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(meminfo: &str, expect: Option<u64>) {
        assert_eq!(available(meminfo), expect, "{meminfo}");
    }

    #[test]
    fn memory_is_read_from_the_kernel_s_list() {
        check("MemTotal: 9 kB\nMemAvailable:    4194304 kB\n", Some(4 << 30));
        check("MemTotal: 9 kB\n", None);
        check("MemAvailable: much\n", None);
        check("MemAvailable: 99999999999999999999 kB\n", None);
        check("MemAvailable: 18446744073709551615 kB\n", None);
    }
}
