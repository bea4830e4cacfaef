use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Bounds how often somebody may try to log in: by the address that they come from, and by the account that they name.
///
/// Each has a bucket of tries that fills up again with time. Buckets stand in a table of fixed size under a keyed hash:
/// no flood of addresses costs memory or empties the bucket of another, and nobody can choose with whom they share one.
/// Two that share one by chance wait longer than they had to, never shorter.
pub struct Limiter {
    start: Instant,
    hash: RandomState,
    addresses: Buckets,
    accounts: Buckets,
}

/// How many tries there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Tries at once.
    pub burst: u32,
    /// Time after which there is one more.
    pub refill: Duration,
}

/// Too many tries. The answer is 429.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many tries; wait {} seconds", .retry_after.as_secs().max(1))]
pub struct Limited {
    /// After how long the next try is taken.
    pub retry_after: Duration,
}

/// For each bucket the time at which it is full again, in milliseconds since the start (the generic cell rate
/// algorithm), so that one number says it all.
struct Buckets {
    full_at: Box<[AtomicU64]>,
    rate: Rate,
}

/// 512 KiB for each of the two tables.
const BUCKETS: usize = 1 << 16;

impl Limiter {
    /// Bounds tries from one address, and tries for one account from wherever they come.
    pub fn new(by_address: Rate, by_account: Rate, start: Instant) -> Self {
        let (addresses, accounts) = (Buckets::new(by_address), Buckets::new(by_account));
        Self { start, hash: RandomState::new(), addresses, accounts }
    }

    /// Takes a try, or says how long to wait. An IPv6 address counts with its whole /64, which one person has. What is
    /// refused takes nothing, so that who goes on trying does not wait for ever.
    pub fn admit(&self, address: IpAddr, account: Option<&str>, now: Instant) -> Result<(), Limited> {
        let now = self.millis(now);
        self.addresses.take(self.bucket(&network(address)), now)?;
        match account {
            Some(account) => self.accounts.take(self.bucket(account), now),
            None => Ok(()),
        }
    }

    /// Gives the try for the account back, as it was the owner's. Otherwise strangers' tries and a busy robot's would
    /// add up.
    pub fn succeeded(&self, account: &str, now: Instant) {
        self.accounts.give_back(self.bucket(account), self.millis(now));
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }

    fn bucket<T: Hash + ?Sized>(&self, key: &T) -> usize {
        self.hash.hash_one(key) as usize % BUCKETS
    }
}

impl Buckets {
    fn new(rate: Rate) -> Self {
        let rate = Rate { burst: rate.burst.max(1), refill: rate.refill.max(Duration::from_millis(1)) };
        Self { full_at: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), rate }
    }

    fn refill(&self) -> u64 {
        u64::try_from(self.rate.refill.as_millis()).unwrap_or(u64::MAX)
    }

    fn take(&self, bucket: usize, now: u64) -> Result<(), Limited> {
        let Some(slot) = self.full_at.get(bucket) else { return Ok(()) };
        let room = self.refill().saturating_mul(u64::from(self.rate.burst));
        let taken = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let next = full_at.max(now).saturating_add(self.refill());
            (next - now <= room).then_some(next)
        });
        taken.map(drop).map_err(|full_at| {
            let next = full_at.max(now).saturating_add(self.refill());
            Limited { retry_after: Duration::from_millis((next - now).saturating_sub(room)) }
        })
    }

    fn give_back(&self, bucket: usize, now: u64) {
        let Some(slot) = self.full_at.get(bucket) else { return };
        let back = |full_at: u64| Some(full_at.saturating_sub(self.refill()).max(now.min(full_at)));
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, back);
    }
}

/// What one person has: an IPv4 address, or a /64 of IPv6.
fn network(address: IpAddr) -> [u8; 8] {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            [0, 0, 0, 4, a, b, c, d]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, g, h, ..] = address.octets();
            [a, b, c, d, e, f, g, h]
        }
    }
}

impl Rate {
    /// Tries from one address where nothing else is said: a machine that builds logs in often.
    pub const ADDRESS: Self = Self { burst: 60, refill: Duration::from_secs(1) };
    /// Failed tries for one account where nothing else is said.
    pub const ACCOUNT: Self = Self { burst: 10, refill: Duration::from_secs(6) };
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (addresses, accounts) = (self.addresses.rate, self.accounts.rate);
        formatter.debug_struct("Limiter").field("addresses", &addresses).field("accounts", &accounts).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Rate = Rate { burst: 3, refill: Duration::from_secs(10) };
    const MANY: Rate = Rate { burst: 1_000_000, refill: Duration::from_millis(1) };

    /// What becomes of tries at these seconds, from one address.
    fn check(seconds: &[u64], expect: &str) {
        let start = Instant::now();
        let limiter = Limiter::new(ONE, MANY, start);
        let tried = seconds.iter().map(|second| {
            let now = start + Duration::from_secs(*second);
            match limiter.admit([10, 0, 0, 1].into(), None, now) {
                Ok(()) => "ok".to_owned(),
                Err(limited) => limited.retry_after.as_secs().to_string(),
            }
        });
        assert_eq!(tried.collect::<Vec<_>>().join(" "), expect, "{seconds:?}");
    }

    #[test]
    fn tries_run_out_and_come_back() {
        check(&[0, 0, 0, 0], "ok ok ok 10");
        check(&[0, 0, 0, 4, 9, 10, 10], "ok ok ok 6 1 ok 10");
        check(&[0, 0, 0, 100, 100, 100, 100], "ok ok ok ok ok ok 10");
        check(&[0, 10, 20, 30, 40], "ok ok ok ok ok");
        check(&[0, 0, 0, 0, 0, 0, 0, 10], "ok ok ok 10 10 10 10 ok");
    }

    #[test]
    fn an_account_is_bounded_from_wherever_it_is_tried() {
        let start = Instant::now();
        let limiter = Limiter::new(MANY, ONE, start);
        let admit =
            |at: u8, account: &str| limiter.admit([10, 0, 0, at].into(), Some(account), start).is_ok();
        assert!(admit(1, "alice") && admit(2, "alice") && admit(3, "alice"));
        assert!(!admit(4, "alice") && admit(4, "bob"));
        limiter.succeeded("alice", start);
        assert!(admit(5, "alice") && !admit(6, "alice"));
        // Nobody gets more than a full bucket by succeeding.
        (0..10).for_each(|_| limiter.succeeded("bob", start));
        assert!(admit(1, "bob") && admit(1, "bob") && admit(1, "bob") && !admit(1, "bob"));
    }

    #[test]
    fn one_person_is_one_address() {
        let start = Instant::now();
        let limiter = Limiter::new(ONE, MANY, start);
        let admit = |address: &str| limiter.admit(address.parse().unwrap(), None, start).is_ok();
        assert!(admit("2001:db8::1") && admit("2001:db8::2") && admit("2001:db8:0:0:ffff::3"));
        assert!(!admit("2001:db8::4") && admit("2001:db8:0:1::4"));
        assert!(admit("192.0.2.1") && admit("::ffff:192.0.2.1") && admit("192.0.2.1") && !admit("192.0.2.1"));
    }

    #[test]
    fn a_flood_of_addresses_frees_nobody() {
        let start = Instant::now();
        let limiter = Limiter::new(ONE, MANY, start);
        let admit = |address: u32| limiter.admit(IpAddr::from(address.to_be_bytes()), None, start).is_ok();
        (0..3).for_each(|_| assert!(admit(7)));
        let admitted = (100..300_000).filter(|address| admit(*address)).count();
        assert!(admitted > 0);
        assert!(!admit(7));
    }
}
