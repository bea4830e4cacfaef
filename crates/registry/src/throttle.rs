use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Most addresses that are remembered. Beyond, the oldest are forgotten: memory stays bounded, and who has so many
/// addresses is not stopped by counting them.
const MOST: usize = 20_000;

/// Slows down who guesses passwords: after so many failures within a time, an address has to wait until it is over.
#[derive(Debug)]
pub(crate) struct Throttle {
    attempts: u32,
    window: Duration,
    failures: Mutex<HashMap<IpAddr, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    since: Instant,
}

impl Throttle {
    pub(crate) fn new(attempts: u32, window: Duration) -> Self {
        Self { attempts, window, failures: Mutex::default() }
    }

    /// How long an address has to wait; [`None`] where it may try.
    pub(crate) fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let failed = failures.get(&network(address))?;
        let left = self.window.checked_sub(now.saturating_duration_since(failed.since))?;
        (failed.count >= self.attempts && !left.is_zero()).then_some(left)
    }

    /// Counts a failure.
    pub(crate) fn failed(&self, address: IpAddr, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if failures.len() >= MOST {
            failures.retain(|_, failed| now.saturating_duration_since(failed.since) < self.window);
        }
        if failures.len() >= MOST {
            failures.clear();
        }
        let failed = failures.entry(network(address)).or_insert(Failures { count: 0, since: now });
        if now.saturating_duration_since(failed.since) >= self.window {
            *failed = Failures { count: 0, since: now };
        }
        failed.count = failed.count.saturating_add(1);
    }
}

/// Who has one IPv6 address has 2⁶⁴ of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_too_often_waits() {
        let throttle = Throttle::new(3, Duration::from_secs(60));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let one: IpAddr = "2001:db8::1".parse().expect("an address");
        let near: IpAddr = "2001:db8::2".parse().expect("an address");
        let other: IpAddr = "127.0.0.1".parse().expect("an address");
        for second in 0..3 {
            assert_eq!(throttle.wait(one, at(second)), None);
            throttle.failed(one, at(second));
        }
        assert_eq!(throttle.wait(near, at(10)), Some(Duration::from_secs(50)));
        assert_eq!(throttle.wait(other, at(10)), None);
        assert_eq!(throttle.wait(one, at(61)), None);
        throttle.failed(one, at(61));
        assert_eq!(throttle.wait(one, at(62)), None);
    }
}
