//! One record out of what two see: the tracer's events and the network's, numbered in the order in which they came.

use crate::DetonateError;
use crate::novelty::Novelty;
use crossbeam_channel::{Receiver, Sender, bounded};
use events::{Act, Event, Source, Spool, SpoolHead};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Events that may wait for the disk. Whoever makes more waits too: the guest, or the network that answers it.
const WAITING: usize = 8192;

/// Where events go in.
#[derive(Clone)]
pub(crate) struct Inlet {
    to: Sender<Event>,
    clock: sandbox::Clock,
    begin: u64,
    novelty: Arc<Novelty>,
}

impl Inlet {
    /// An event of the tracer, with the times that it has.
    pub(crate) fn traced(&self, event: Event) {
        self.novelty.see(&event.act);
        let _ = self.to.send(event);
    }

    /// What the network or the host saw just now.
    pub(crate) fn seen(&self, source: Source, act: Act) {
        self.novelty.see(&act);
        let real = self.clock.real().saturating_sub(self.begin);
        let guest = real.saturating_add(self.clock.skipped());
        let _ = self.to.send(Event { number: 0, real, guest, source, act });
    }
}

/// Who writes the record.
pub(crate) struct Recorder {
    writer: JoinHandle<Result<u64, events::SpoolError>>,
}

impl Recorder {
    /// Begins a record in a file.
    pub(crate) fn begin(
        path: &Path,
        head: &SpoolHead,
        clock: sandbox::Clock,
        novelty: Arc<Novelty>,
    ) -> Result<(Self, Inlet), DetonateError> {
        let shown = model::escape_text(&path.to_string_lossy());
        let failed = |source| DetonateError::Record { path: shown.clone(), source };
        let file = File::create(path).map_err(|error| failed(error.into()))?;
        let mut spool = Spool::begin(BufWriter::with_capacity(256 << 10, file), head).map_err(failed)?;
        let (to, from): (Sender<Event>, Receiver<Event>) = bounded(WAITING);
        let writer = std::thread::spawn(move || {
            let mut written = 0;
            for mut event in from {
                event.number = written;
                spool.add(&event)?;
                written += 1;
            }
            spool.finish()?;
            Ok(written)
        });
        let begin = clock.real();
        Ok((Self { writer }, Inlet { to, clock, begin, novelty }))
    }

    /// Waits until everything is written; all inlets must be gone by then.
    pub(crate) fn finish(self, path: &Path) -> Result<u64, DetonateError> {
        let written = self.writer.join().unwrap_or(Err(events::SpoolError::NoRecord));
        written.map_err(|source| DetonateError::Record {
            path: model::escape_text(&path.to_string_lossy()),
            source,
        })
    }
}
