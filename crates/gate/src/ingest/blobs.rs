//! The blobs of one manifest, several at once.
use super::{GATE, Ingest, IngestError, Walk};
use model::Digest;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use store::{LinkKind, Manifest};

/// How far fetching is.
#[derive(Debug, Clone, Default)]
pub(super) struct Count {
    pub(super) done: usize,
    pub(super) of: usize,
    pub(super) bytes: u64,
    pub(super) total: u64,
}

/// One blob that a manifest names.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    digest: Digest,
    size: u64,
    /// Whether it may lie elsewhere. Elsewhere is never asked.
    optional: bool,
}

/// Bytes between two words about progress.
const PIECE: usize = 256 << 10;

impl Walk<'_> {
    pub(super) fn blobs(&self, manifest: &Manifest, digest: &Digest) -> Result<(), IngestError> {
        let (ingest, limits) = (self.ingest, self.ingest.limits);
        if manifest.layers().len() > limits.layers {
            let why = format!("{} has {} layers", digest.short(), manifest.layers().len());
            return Err(ingest.refused(why));
        }
        let mut wanted = BTreeMap::new();
        for link in manifest.links() {
            if link.kind == LinkKind::Config && link.size > limits.config {
                return Err(ingest.refused(format!("its configuration has {} bytes", link.size)));
            }
            wanted.insert(
                link.digest,
                Wanted { digest: link.digest, size: link.size, optional: link.optional },
            );
        }
        {
            let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
            count.of += wanted.len();
            count.total = wanted.values().fold(count.total, |total, blob| total.saturating_add(blob.size));
            if count.total > limits.bytes {
                let why = format!("it has {} bytes, {} are taken", count.total, limits.bytes);
                return Err(ingest.refused(why));
            }
            ingest.say(&count);
        }
        let queue = Mutex::new(wanted.into_values());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let fetch = || -> Result<(), IngestError> {
            while let Some(blob) = next() {
                self.blob(blob)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..limits.at_once.max(1)).map(|_| scope.spawn(fetch)).collect();
            let mut result = fetch();
            for other in others {
                let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                // One that ran into the cancellation says less than the one that failed by itself.
                result = match (result, other) {
                    (Err(IngestError::Passing(_)), Err(error)) => Err(error),
                    (Ok(()), other) => other,
                    (result, _) => result,
                };
            }
            result
        })
    }

    fn blob(&self, wanted: Wanted) -> Result<(), IngestError> {
        let ingest = self.ingest;
        let held = ingest.wait(ingest.store.blob(ingest.repository, &wanted.digest))?;
        match held {
            Some(held) if held.size != wanted.size => {
                let why = format!(
                    "{} is declared with {} bytes and has {}",
                    wanted.digest.short(),
                    wanted.size,
                    held.size
                );
                return Err(ingest.refused(why));
            }
            Some(_) => self.step(wanted.size, true),
            None => self.copy(wanted)?,
        }
        Ok(())
    }

    fn copy(&self, wanted: Wanted) -> Result<(), IngestError> {
        let Ingest { store, repository, .. } = *self.ingest;
        let ingest = self.ingest;
        let mut stream = match self.remote.blob(&wanted.digest, wanted.size) {
            Ok(stream) => stream,
            Err(source::Error::Missing { .. }) if wanted.optional => return Ok(()),
            Err(source::Error::Missing { .. }) => {
                let why =
                    format!("it has a manifest that names {}, and not that blob", wanted.digest.short());
                return Err(ingest.refused(why));
            }
            Err(error) => {
                return Err(match ingest.failed(error) {
                    // It gave the manifest, so that it gives nothing else is no answer to whether it has any.
                    IngestError::Missing(why) => IngestError::Passing(why),
                    error => error,
                });
            }
        };
        let mut incoming =
            store.incoming(wanted.digest.algorithm(), wanted.size).map_err(|error| ingest.kept(error))?;
        let mut buffer = vec![0; PIECE];
        loop {
            let read = stream.read(&mut buffer).map_err(|error| self.broken(&wanted, &error))?;
            if read == 0 {
                break;
            }
            let piece = buffer.get(..read).unwrap_or_default();
            incoming.write_all(piece).map_err(|error| self.unwritten(&wanted, error))?;
            self.step(read as u64, false);
        }
        let sealed = incoming.seal(&wanted.digest).map_err(|error| match error {
            store::Error::Digest { .. } => {
                ingest.refused(format!("the bytes of {} are others: {error}", wanted.digest.short()))
            }
            error => ingest.kept(error),
        })?;
        if sealed.size() != wanted.size {
            let why = format!(
                "{} is declared with {} bytes and has {}",
                wanted.digest.short(),
                wanted.size,
                sealed.size()
            );
            return Err(ingest.refused(why));
        }
        ingest.wait(store.admit(repository, sealed, GATE))?;
        self.step(0, true);
        Ok(())
    }

    /// A stream that broke for good: what ended it is the connection, or the upstream's own doing.
    fn broken(&self, wanted: &Wanted, error: &std::io::Error) -> IngestError {
        let (upstream, blob) = (&self.ingest.far.upstream, wanted.digest.short());
        if self.ingest.patience.cancelled.load(Ordering::Relaxed) {
            return self.ingest.failed(source::Error::Cancelled);
        }
        let chain = error.get_ref().and_then(|inner| inner.downcast_ref::<source::Error>());
        let why = model::escape_text(&chain.map_or_else(|| error.to_string(), source::Error::chain));
        match chain {
            Some(source::Error::Unsafe { .. }) => self.ingest.refused(why),
            _ => IngestError::Passing(format!("the upstream {upstream} broke off in {blob}: {why}")),
        }
    }

    /// A disk that takes no more.
    fn unwritten(&self, wanted: &Wanted, source: std::io::Error) -> IngestError {
        let path = self.ingest.store.directory().to_owned();
        let source = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                store::Error::Full { path }
            }
            std::io::ErrorKind::FileTooLarge => store::Error::TooLarge { limit: wanted.size },
            _ => store::Error::Io { doing: "write below", path, source },
        };
        self.ingest.kept(source)
    }

    fn step(&self, bytes: u64, done: bool) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.bytes = count.bytes.saturating_add(bytes);
        if done {
            count.done += 1;
        }
        self.ingest.say(&count);
    }
}
