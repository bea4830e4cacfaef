//! One record out of what two see: the tracer's events and the network's, numbered in the order in which they came.

use crate::DetonateError;
use crate::novelty::Novelty;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use events::{Act, Event, Source, Spool, SpoolError, SpoolHead};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Events that may wait for the disk. Whoever makes more waits too: the guest, or the network that answers it.
const WAITING: usize = 8192;

/// How long what the network saw waits for what the tracer saw before that: the tracer hands over what it has each
/// hundredth of a second, and the network at once. Who spoke would be unknown if his start came behind his words.
const HELD: Duration = Duration::from_millis(300);
/// How often it is looked whether it waited long enough.
const LOOK: Duration = Duration::from_millis(50);

/// Where events go in.
#[derive(Clone)]
pub(crate) struct Inlet {
    to: Sender<(By, Event)>,
    clock: sandbox::Clock,
    novelty: Arc<Novelty>,
}

/// Who saw an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Tracer,
    Other,
}

impl Inlet {
    /// An event of the tracer, with the times that it has.
    pub(crate) fn traced(&self, event: Event) {
        self.novelty.see(&event.act);
        let _ = self.to.send((By::Tracer, event));
    }

    /// What the network or the host saw just now.
    pub(crate) fn seen(&self, source: Source, act: Act) {
        self.novelty.see(&act);
        let real = self.clock.real();
        let guest = self.clock.guest_at(real);
        let _ = self.to.send((By::Other, Event { number: 0, real, guest, source, act }));
    }
}

/// Who writes the record.
pub(crate) struct Recorder {
    writer: JoinHandle<Result<u64, SpoolError>>,
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
        let spool = Spool::begin(BufWriter::with_capacity(256 << 10, file), head).map_err(failed)?;
        let (to, from) = bounded(WAITING);
        let now = clock.clone();
        let writer = std::thread::spawn(move || write(&from, spool, || now.real()));
        Ok((Self { writer }, Inlet { to, clock, novelty }))
    }

    /// Waits until everything is written; all inlets must be gone by then.
    pub(crate) fn finish(self, path: &Path) -> Result<u64, DetonateError> {
        let written = self.writer.join().unwrap_or(Err(SpoolError::NoRecord));
        written.map_err(|source| DetonateError::Record {
            path: model::escape_text(&path.to_string_lossy()),
            source,
        })
    }
}

/// Writes what comes in until nobody is left to bring more, and gives how much it was.
fn write<W: Write>(
    from: &Receiver<(By, Event)>,
    mut spool: Spool<W>,
    now: impl Fn() -> u64,
) -> Result<u64, SpoolError> {
    let mut order = Order::default();
    let mut written = 0;
    loop {
        let came = from.recv_timeout(LOOK);
        let over = came == Err(RecvTimeoutError::Disconnected);
        for mut event in order.next(came.ok(), if over { u64::MAX } else { now() }) {
            event.number = written;
            spool.add(&event)?;
            written += 1;
        }
        if over {
            spool.finish()?;
            return Ok(written);
        }
    }
}

/// Puts what two saw in the order in which it happened.
#[derive(Default)]
struct Order {
    held: VecDeque<Event>,
}

impl Order {
    /// Takes an event in, and gives what is to be written at a time, in order.
    fn next(&mut self, came: Option<(By, Event)>, now: u64) -> Vec<Event> {
        let mut until = now.saturating_sub(HELD.as_nanos() as u64);
        let mut traced = None;
        match came {
            Some((By::Tracer, event)) => {
                until = until.max(event.real);
                traced = Some(event);
            }
            Some((By::Other, event)) => self.held.push_back(event),
            None => {}
        }
        let mut out = Vec::new();
        while self.held.front().is_some_and(|held| held.real < until) || self.held.len() > WAITING {
            out.extend(self.held.pop_front());
        }
        out.extend(traced);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::HostAct;

    /// Events by who saw them and when, in the order in which they come in, all of them at one time of the writer.
    fn check(came: &[(By, u64)], now: u64, expect: &[u64]) {
        let mut order = Order::default();
        let mut out = Vec::new();
        for (by, real) in came {
            let act = Act::Host(HostAct::Skipped { nanoseconds: 1 });
            let event = Event { number: 0, real: *real, guest: *real, source: Source::Host, act };
            out.extend(order.next(Some((*by, event)), now));
        }
        out.extend(order.next(None, u64::MAX));
        let found: Vec<u64> = out.iter().map(|event| event.real).collect();
        assert_eq!(found, expect, "{came:?}");
    }

    #[test]
    fn words_stand_behind_the_start_of_who_said_them() {
        let (tracer, other) = (By::Tracer, By::Other);
        check(&[(other, 20), (tracer, 10), (tracer, 30)], 30, &[10, 20, 30]);
        check(&[(tracer, 10), (other, 20), (other, 25), (tracer, 22)], 30, &[10, 20, 22, 25]);
        check(&[(other, 20), (other, 25)], 30, &[20, 25]);
        // Who saw something too long ago is waited for no more.
        check(&[(other, 20), (tracer, 10)], 400_000_000, &[20, 10]);
    }
}
