use crate::error::Error;
use crate::options::Options;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

/// The waits between the tries of one request. They double and are jittered, so that many clients that one
/// outage has stopped do not come back in step.
pub(crate) struct Backoff<'a> {
    options: &'a Options,
    tries: u32,
}

impl<'a> Backoff<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self { options, tries: 1 }
    }

    /// Waits before the next try; false where there is none left, or where the server asks for more patience
    /// than the limit.
    ///
    /// # Errors
    /// Where the work is cancelled while it waits.
    pub(crate) fn wait(&mut self, asked: Option<Duration>) -> Result<bool, Error> {
        let limits = &self.options.limits;
        if self.tries >= limits.attempts || asked.is_some_and(|asked| asked > limits.retry_after) {
            return Ok(false);
        }
        let doubled = limits.backoff.saturating_mul(1 << self.tries.saturating_sub(1).min(16));
        self.tries += 1;
        let jitter = f64::from(RandomState::new().hash_one(0) as u16) / f64::from(u16::MAX);
        let wait = doubled.min(LONGEST).mul_f64(0.5 + jitter / 2.0).max(asked.unwrap_or_default());
        sleep(wait, self.options)?;
        Ok(true)
    }
}

const LONGEST: Duration = Duration::from_secs(20);
/// How late a cancellation may be noticed.
const SLICE: Duration = Duration::from_millis(50);

fn sleep(wait: Duration, options: &Options) -> Result<(), Error> {
    let end = Instant::now() + wait;
    loop {
        if options.is_cancelled() {
            return Err(Error::Cancelled);
        }
        match end.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(SLICE)),
            _ => return Ok(()),
        }
    }
}
