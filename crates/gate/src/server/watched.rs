use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What is read to tell HTTP/1 from HTTP/2, before any limit of theirs holds.
const PREFACE: u64 = 24;

/// A stream that fails once it was silent in both directions for too long. The first bytes have less time, all of them
/// together: they are read before HTTP has limits of its own.
pub(super) struct Watched<S> {
    stream: S,
    idle: Duration,
    read: u64,
    last: Instant,
    /// Woken rarely and not moved with every byte: it looks at `last` and goes to sleep again.
    alarm: Pin<Box<Sleep>>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, first: Duration, idle: Duration) -> Self {
        let now = Instant::now();
        Self { stream, idle, read: 0, last: now, alarm: Box::pin(tokio::time::sleep_until(now + first)) }
    }

    fn moved(&mut self, bytes: u64) {
        let before = self.read;
        self.read = before.saturating_add(bytes);
        self.last = Instant::now();
        if before < PREFACE && self.read >= PREFACE {
            let until = self.last + self.idle;
            self.alarm.as_mut().reset(until);
        }
    }

    fn overdue(&mut self, context: &mut Context<'_>) -> bool {
        while self.alarm.as_mut().poll(context).is_ready() {
            let until = self.last + self.idle;
            if self.read < PREFACE || until <= Instant::now() {
                return true;
            }
            self.alarm.as_mut().reset(until);
        }
        false
    }
}

fn silent() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "it was silent for too long")
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                let bytes = buffer.filled().len() - before;
                if bytes > 0 {
                    self.moved(bytes as u64);
                }
                Poll::Ready(result)
            }
            Poll::Pending if self.overdue(context) => Poll::Ready(Err(silent())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> Watched<S> {
    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                if bytes > 0 {
                    self.last = Instant::now();
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending if self.overdue(context) => Poll::Ready(Err(silent())),
            other => other,
        }
    }
}
