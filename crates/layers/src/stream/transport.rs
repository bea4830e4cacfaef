use super::Hashed;
use model::Digest;
use sha2::{Digest as _, Sha256, Sha512};
use std::io::{self, BufRead, Read};

/// How much is asked of the reader below at a time.
const BLOCK: usize = 256 << 10;

/// The transported bytes, hashed as they come and never more of them than were declared.
pub(super) struct Transport<R> {
    inner: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    left: u64,
    len: u64,
    overrun: bool,
    sha256: Sha256,
    sha512: Option<Sha512>,
}

impl<R: Read> Transport<R> {
    pub(super) fn new(inner: R, most: u64, with_sha512: bool) -> Self {
        Self {
            inner,
            buffer: vec![0; BLOCK],
            start: 0,
            end: 0,
            left: most,
            len: 0,
            overrun: false,
            sha256: Sha256::new(),
            sha512: with_sha512.then(Sha512::new),
        }
    }

    /// Hashes the next block and passes over it.
    pub(super) fn skip_block(&mut self) -> io::Result<usize> {
        let len = self.fill_buf()?.len();
        self.consume(len);
        Ok(len)
    }

    pub(super) fn finish(self) -> Hashed {
        Hashed {
            sha256: Digest::sha256(self.sha256.finalize().into()),
            sha512: self.sha512.map(|sha512| Digest::sha512(sha512.finalize().into())),
            len: self.len,
            overrun: self.overrun,
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        if self.overrun {
            return Ok(());
        }
        let read = loop {
            match self.inner.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        let kept = u64::try_from(read).unwrap_or(u64::MAX).min(self.left);
        self.overrun = (read as u64) > kept;
        self.left -= kept;
        self.len += kept;
        self.start = 0;
        self.end = usize::try_from(kept).unwrap_or(0);
        let bytes = self.buffer.get(..self.end).unwrap_or_default();
        self.sha256.update(bytes);
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
        Ok(())
    }
}

impl<R: Read> Read for Transport<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        if let (Some(from), Some(to)) = (available.get(..count), out.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: Read> BufRead for Transport<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            self.start = 0;
            self.end = 0;
            self.refill()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.end);
    }
}
