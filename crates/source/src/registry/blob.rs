use super::Registry;
use super::backoff::Backoff;
use crate::content::Origin;
use crate::error::Error;
use model::Digest;
use reqwest::StatusCode;
use reqwest::blocking::Response;
use reqwest::header::{self, HeaderMap};
use std::io::{self, Read};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A layer in a registry.
pub(crate) struct Blob {
    pub(crate) registry: Arc<Registry>,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    pub(crate) is_foreign: bool,
}

impl Origin for Blob {
    fn is_verified_by_clients(&self) -> bool {
        true
    }

    fn open(&self) -> Result<Box<dyn Read + Send>, Error> {
        if self.size > self.registry.options.limits.layer {
            let limit = self.registry.options.limits.layer;
            return Err(Error::TooLarge { what: self.digest.to_string(), limit });
        }
        let mut reader = Reader {
            registry: Arc::clone(&self.registry),
            digest: self.digest,
            size: self.size,
            at: 0,
            body: None,
            resumptions: 0,
            watch: Watch::default(),
        };
        match reader.connect() {
            Ok(()) => Ok(Box::new(reader)),
            Err(Error::Missing { what, .. }) if self.is_foreign => Err(Error::missing(
                what,
                "it is a foreign layer that the registry does not keep, and the addresses that the image names for \
                 it are never followed",
            )),
            Err(error) => Err(error),
        }
    }
}

/// The bytes of a blob. Where the connection breaks, the rest is asked for.
struct Reader {
    registry: Arc<Registry>,
    digest: Digest,
    size: u64,
    at: u64,
    body: Option<Response>,
    resumptions: u32,
    watch: Watch,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.at >= self.size {
            return Ok(0);
        }
        let wanted = usize::try_from(self.size - self.at).unwrap_or(usize::MAX).min(buffer.len());
        loop {
            if self.registry.options.is_cancelled() {
                return Err(io::Error::other(Error::Cancelled));
            }
            let Some(body) = &mut self.body else {
                self.resume()?;
                continue;
            };
            match self.watch.read(body, buffer.get_mut(..wanted).unwrap_or_default()) {
                Ok(read) if read > 0 => {
                    self.at = self.at.saturating_add(read as u64);
                    return Ok(read);
                }
                _ => self.body = None,
            }
        }
    }
}

impl Reader {
    /// Connects again after a break, a limited number of times for the whole blob.
    fn resume(&mut self) -> io::Result<()> {
        self.resumptions += 1;
        if self.resumptions > self.registry.options.limits.resumptions {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the connection broke {} times, the last time at byte {}", self.resumptions, self.at),
            ));
        }
        let registry = Arc::clone(&self.registry);
        let mut backoff = Backoff::new(&registry.options);
        loop {
            match self.connect() {
                Ok(()) => return Ok(()),
                Err(Error::Network { .. }) if backoff.wait(None).map_err(io::Error::other)? => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }

    /// Asks for everything from the current position.
    fn connect(&mut self) -> Result<(), Error> {
        if self.at >= self.size {
            return Ok(());
        }
        let mut response = self.registry.blob(&self.digest, self.at)?;
        let host = super::hosts::shown(response.url());
        let refuse = |why: String| Error::Unsafe { host: host.clone(), why };
        let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
        let skipped = match (is_part, content_range(response.headers())) {
            (true, Some((start, total)))
                if start == self.at && total.is_none_or(|total| total == self.size) =>
            {
                0
            }
            (true, range) => {
                return Err(refuse(format!(
                    "asked for the bytes of {} from {}, it sent another part: {range:?}",
                    self.digest.short(),
                    self.at
                )));
            }
            (false, _) => self.at,
        };
        let expected = self.size - (self.at - skipped);
        if let Some(length) = response.content_length().filter(|length| *length > expected) {
            return Err(refuse(format!(
                "it sends {length} bytes for {}, which is declared to have {expected}",
                self.digest.short()
            )));
        }
        // A server that ignores the range sends everything once more.
        let mut buffer = vec![0; 64 << 10];
        let mut left = skipped;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = self.watch.read(&mut response, buffer.get_mut(..wanted).unwrap_or_default());
            let read = read.and_then(|read| match (read, self.registry.options.is_cancelled()) {
                (_, true) => Err(io::Error::other(Error::Cancelled)),
                (0, _) => Err(io::ErrorKind::UnexpectedEof.into()),
                (read, _) => Ok(read),
            });
            let read = read.map_err(|source| Error::Network { host: host.clone(), source: source.into() })?;
            left = left.saturating_sub(read as u64);
        }
        self.body = Some(response);
        Ok(())
    }
}

/// `bytes START-END/TOTAL`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, if total == "*" { None } else { Some(total.parse().ok()?) }))
}

/// Tells a slow connection from one that is kept open on purpose: a server that sends a byte each half minute
/// never runs into a timeout. Only the time spent in waiting for it counts.
#[derive(Default)]
struct Watch {
    waited: Duration,
    bytes: u64,
}

const WINDOW: Duration = Duration::from_secs(60);
const LEAST: u64 = 64 << 10;

impl Watch {
    fn read(&mut self, body: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        let read = body.read(buffer);
        self.waited += start.elapsed();
        self.bytes += *read.as_ref().unwrap_or(&0) as u64;
        if self.waited >= WINDOW {
            let is_slow = self.bytes < LEAST;
            *self = Self::default();
            if is_slow {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn check(value: &'static str, expect: Option<(u64, Option<u64>)>) {
        let headers = HeaderMap::from_iter([(header::CONTENT_RANGE, HeaderValue::from_static(value))]);
        assert_eq!(content_range(&headers), expect, "{value}");
    }

    #[test]
    fn ranges_are_read() {
        check("bytes 5-9/10", Some((5, Some(10))));
        check("bytes 0-9/*", Some((0, None)));
        check("bytes */10", None);
        check("bytes 5-9", None);
        check("items 5-9/10", None);
        check("bytes 99999999999999999999-9/10", None);
    }
}
