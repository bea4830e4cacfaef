use std::io::{self, BufRead};

/// Room for what must be seen before it is consumed: the longest magic, a skippable frame's header, a gzip header.
const HEAD: usize = 16;

/// Transported bytes: counted, and with a look ahead that works across the borders of the buffers below.
pub(crate) struct Input<R> {
    inner: R,
    head: [u8; HEAD],
    head_start: usize,
    head_end: usize,
    consumed: u64,
}

impl<R: BufRead> Input<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self { inner, head: [0; HEAD], head_start: 0, head_end: 0, consumed: 0 }
    }

    pub(crate) fn into_inner(self) -> R {
        self.inner
    }

    /// Bytes consumed so far.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// The next bytes; empty at the end only.
    pub(crate) fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.head_start < self.head_end {
            return Ok(self.head.get(self.head_start..self.head_end).unwrap_or_default());
        }
        fill(&mut self.inner)
    }

    /// Marks bytes of [`Self::fill_buf`] or [`Self::peek`] as read.
    pub(crate) fn consume(&mut self, count: usize) {
        self.consumed += count as u64;
        let from_head = count.min(self.head_end - self.head_start);
        self.head_start += from_head;
        if count > from_head {
            self.inner.consume(count - from_head);
        }
    }

    /// The next `count` bytes, at most 16, without consuming them; fewer at the end only.
    pub(crate) fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let count = count.min(HEAD);
        if self.head_start > 0 {
            self.head.copy_within(self.head_start..self.head_end, 0);
            self.head_end -= self.head_start;
            self.head_start = 0;
        }
        while self.head_end < count {
            let available = fill(&mut self.inner)?;
            let taken = available.len().min(count - self.head_end);
            if taken == 0 {
                break;
            }
            for (to, from) in self.head.iter_mut().skip(self.head_end).zip(available.iter().take(taken)) {
                *to = *from;
            }
            self.inner.consume(taken);
            self.head_end += taken;
        }
        Ok(self.head.get(..self.head_end.min(count)).unwrap_or_default())
    }

    /// Consumes one byte, if there is one.
    pub(crate) fn next_byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.fill_buf()?.first().copied();
        self.consume(usize::from(byte.is_some()));
        Ok(byte)
    }

    /// Consumes up to `count` bytes and says how many there were.
    pub(crate) fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let available = self.fill_buf()?.len();
            if available == 0 {
                break;
            }
            let taken = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            self.consume(taken);
            left -= taken as u64;
        }
        Ok(count - left)
    }

    /// Consumes everything and says how much there was.
    pub(crate) fn drain(&mut self) -> io::Result<u64> {
        self.skip(u64::MAX)
    }
}

fn fill<R: BufRead>(inner: &mut R) -> io::Result<&[u8]> {
    // The first call settles interruptions, so that the borrow of the second can be returned.
    loop {
        match inner.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    inner.fill_buf()
}
