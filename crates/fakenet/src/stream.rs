use crate::Clock;
use crate::recorder::Flow;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What emulators speak over: a connection, the inside of TLS, a pipe in a test.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream of which every byte is counted, told and searched while it passes.
pub(crate) struct Tap<S> {
    inner: S,
    flow: Arc<Flow>,
    /// Whether this is the inside of TLS. The outermost tap counts; the innermost tells and searches.
    decrypted: bool,
    outermost: bool,
    /// Nothing is told any more: what follows is encrypted, and has a tap of its own inside.
    quiet: Arc<std::sync::atomic::AtomicBool>,
    heard: u64,
    spoken: u64,
    /// The guest's clock, where this tap holds it while an answer is owed.
    clock: Option<Arc<dyn Clock>>,
    owed: Option<Box<dyn Send>>,
}

impl<S> Tap<S> {
    pub(crate) fn outermost(inner: S, flow: Arc<Flow>) -> Self {
        let quiet = Arc::default();
        let (clock, owed) = (None, None);
        Self { inner, flow, decrypted: false, outermost: true, quiet, heard: 0, spoken: 0, clock, owed }
    }

    /// Holds this clock from what is heard until more is waited for.
    pub(crate) fn holding(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    pub(crate) fn decrypted(inner: S, flow: Arc<Flow>) -> Self {
        Self { decrypted: true, outermost: false, ..Self::outermost(inner, flow) }
    }

    /// Switches the telling off.
    pub(crate) fn silencer(&self) -> Arc<std::sync::atomic::AtomicBool> {
        Arc::clone(&self.quiet)
    }

    fn pass(&mut self, guest: bool, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len() as u64;
        if self.outermost {
            self.flow.count(guest, length);
            if let Some(packets) = &self.flow.recorder.packets {
                packets.segment(self.flow.id.0, self.flow.from, self.flow.to, guest, bytes);
            }
        }
        let offset = if guest { self.heard } else { self.spoken };
        if !self.quiet.load(std::sync::atomic::Ordering::Relaxed) {
            self.flow.said(guest, self.decrypted, offset, bytes);
            if guest && offset < self.flow.recorder.limits().watched {
                self.flow.watch(bytes);
            } else if guest {
                self.flow.recorder.lost(1);
            }
        }
        *(if guest { &mut self.heard } else { &mut self.spoken }) += length;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        match &polled {
            Poll::Ready(Ok(())) => {
                if self.owed.is_none() {
                    self.owed = self.clock.as_ref().map(|clock| clock.hold());
                }
                self.pass(true, buffer.filled().get(before..).unwrap_or_default());
            }
            // Whoever waits for the guest has answered, or owes nothing yet.
            Poll::Ready(Err(_)) | Poll::Pending => self.owed = None,
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        match &polled {
            Poll::Ready(Ok(written)) => self.pass(false, bytes.get(..*written).unwrap_or_default()),
            // A guest that does not listen must not keep its own clock from jumping.
            Poll::Ready(Err(_)) | Poll::Pending => self.owed = None,
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// A stream whose first bytes were already read.
pub(crate) struct Rewound {
    pub(crate) first: Vec<u8>,
    pub(crate) read: usize,
    pub(crate) inner: Box<dyn Stream>,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(rest) = this.first.get(this.read..).filter(|rest| !rest.is_empty()) {
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(rest.get(..count).unwrap_or_default());
            this.read += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.inner).poll_read(context, buffer)
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
