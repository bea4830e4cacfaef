use crate::clock::Clock;
use events::{Act, Event, HostAct, LostWhy, Source};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The longest event that goes through the pipe, as a spool bounds it.
pub(crate) const LONGEST: usize = 4 << 20;

/// Writes events to the parent: each as its length in four bytes, least first, and then as postcard.
///
/// The pipe holds back the guest where the parent is slow, so that nothing is lost to speed.
#[derive(Debug)]
pub struct Reporter(Arc<Mutex<Pipe>>);

#[derive(Debug)]
struct Pipe {
    to: BufWriter<File>,
    clock: Clock,
    next: u64,
    most: u64,
    lost: u64,
    line: Vec<u8>,
    broken: bool,
}

impl Reporter {
    pub(crate) fn new(pipe: File, clock: Clock, most: u64) -> Self {
        let to = BufWriter::with_capacity(64 << 10, pipe);
        let pipe = Pipe { to, clock, next: 0, most, lost: 0, line: Vec::new(), broken: false };
        Self(Arc::new(Mutex::new(pipe)))
    }

    fn pipe(&self) -> MutexGuard<'_, Pipe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another hand on the same pipe: numbers go on where they are.
    pub(crate) fn another(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Says that something happened, now. False where it was not taken: more than a run may have, or nobody
    /// listens. What was not taken is counted and told by [`Reporter::flush`] at the end.
    pub fn act(&mut self, source: Source, act: Act) -> bool {
        let mut pipe = self.pipe();
        if pipe.next >= pipe.most {
            pipe.lost = pipe.lost.saturating_add(1);
            return false;
        }
        pipe.put(source, act)
    }

    /// Hands over what is buffered. Call it when the guest is quiet, so that the parent sees what happens while
    /// it happens.
    pub fn flush(&mut self) {
        let mut pipe = self.pipe();
        pipe.broken |= pipe.to.flush().is_err();
    }

    /// How many events were written so far.
    pub fn count(&self) -> u64 {
        self.pipe().next
    }

    /// Tells what was lost and hands over the rest.
    pub(crate) fn finish(&mut self) {
        let mut pipe = self.pipe();
        let count = std::mem::take(&mut pipe.lost);
        if count > 0 {
            pipe.put(Source::Host, Act::Host(HostAct::Lost { why: LostWhy::TooMany, count }));
        }
        drop(pipe);
        self.flush();
    }

    /// As [`Reporter::act`], for the few words at the end that are said whatever the limit.
    pub(crate) fn say(&mut self, act: HostAct) {
        self.pipe().put(Source::Host, Act::Host(act));
    }
}

impl Pipe {
    fn put(&mut self, source: Source, act: Act) -> bool {
        if self.broken {
            return false;
        }
        let real = self.clock.real();
        let event = Event { number: self.next, real, guest: self.clock.guest_at(real), source, act };
        self.line.clear();
        let Ok(line) = postcard::to_extend(&event, std::mem::take(&mut self.line)) else { return false };
        self.line = line;
        if self.line.len() > LONGEST {
            self.lost = self.lost.saturating_add(1);
            return false;
        }
        let length = (self.line.len() as u32).to_le_bytes();
        self.broken |= self.to.write_all(&length).and_then(|()| self.to.write_all(&self.line)).is_err();
        self.next += 1;
        !self.broken
    }
}
