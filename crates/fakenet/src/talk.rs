use crate::recorder::Flow;
use crate::server::Shared;
use crate::stream::{Rewound, Stream};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// A conversation with a guest over a stream. All reading is bounded in size and time.
pub(crate) struct Talk {
    pub(crate) flow: Arc<Flow>,
    pub(crate) shared: Arc<Shared>,
    /// Whether it is inside of TLS.
    pub(crate) tls: bool,
    /// How many layers were taken off already: TLS, SOCKS, CONNECT, upgrades.
    pub(crate) depth: u8,
    /// The port that the guest believes to speak to: behind a proxy another one than the flow's.
    pub(crate) port: u16,
    pub(crate) io: Box<dyn Stream>,
    /// Read, and not yet used.
    pub(crate) ahead: Vec<u8>,
    /// Switches off the telling of the tap below: what follows is encrypted.
    pub(crate) silencer: Option<Arc<AtomicBool>>,
}

fn ended() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

fn too_long() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

impl Talk {
    /// Waits for more bytes; an error at the end of the stream or when the guest is silent for too long.
    pub(crate) async fn more(&mut self) -> io::Result<()> {
        let idle = self.flow.recorder.limits().idle;
        if self.more_within(idle).await? { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }

    /// Waits for more bytes so long; false where none came.
    pub(crate) async fn more_within(&mut self, time: Duration) -> io::Result<bool> {
        if self.ahead.len() >= self.flow.recorder.limits().frame {
            return Err(too_long());
        }
        let mut chunk = [0; 8192];
        match timeout(time, self.io.read(&mut chunk)).await {
            Err(_) => Ok(false),
            Ok(Ok(0)) => Err(ended()),
            Ok(Ok(count)) => {
                self.ahead.extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(true)
            }
            Ok(Err(error)) => Err(error),
        }
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut from = 0;
        loop {
            let rest = self.ahead.get(from..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let mut line: Vec<u8> = self.ahead.drain(..=from + at).collect();
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            from = self.ahead.len();
            self.more().await?;
        }
    }

    /// So many bytes.
    pub(crate) async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        if count > self.flow.recorder.limits().frame {
            return Err(too_long());
        }
        while self.ahead.len() < count {
            self.more().await?;
        }
        Ok(self.ahead.drain(..count).collect())
    }

    /// A fixed number of bytes.
    pub(crate) async fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.exactly(N).await?;
        bytes.try_into().map_err(|_| ended())
    }

    /// One byte.
    pub(crate) async fn byte(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>().await?[0])
    }

    /// Answers.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let idle = self.flow.recorder.limits().idle;
        let write = async {
            self.io.write_all(bytes.as_ref()).await?;
            self.io.flush().await
        };
        timeout(idle, write).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    /// Reads to the end of the stream, as far as so much is kept; what is over is read and not kept.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let most = self.flow.recorder.limits().body as usize;
        let mut all = std::mem::take(&mut self.ahead);
        while let Ok(()) = self.more().await {
            let new = std::mem::take(&mut self.ahead);
            if all.len() <= most {
                all.extend(new);
            }
        }
        all
    }

    pub(crate) fn step(&self, protocol: &str, what: impl AsRef<[u8]>) {
        self.flow.step(protocol, what);
    }

    /// The stream from where it stands, for what reads by itself.
    pub(crate) fn into_stream(self) -> Rewound {
        Rewound { first: self.ahead, read: 0, inner: self.io }
    }
}
