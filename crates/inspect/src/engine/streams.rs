//! The hashes of large files: one thread takes them of all that are being read, side by side.
//!
//! Four files side by side cost what one costs alone, so whatever comes first waits for company as long as the
//! thread that reads it has room to run ahead.

use super::runway::{PIECE, Piece, Runway};
use super::{Done, content_hashes};
use crate::hashing::{BLOCK, STREAMS, StreamHasher, update_streams};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// All pieces in memory, over all readers.
const RUN_AHEAD: usize = 24 << 20;
/// More readers than this do not come at once.
const READERS: usize = 8;
/// Bytes of each stream between two looks at what has come in.
const STEP: usize = 128 << 10;

/// Where readers send their large files.
pub(super) struct Streams<'p> {
    messages: Sender<Message<'p>>,
    next: AtomicU64,
    pieces: usize,
}

impl<'p> Streams<'p> {
    /// For so many readers; and the end that the hashing thread listens to.
    pub(super) fn new(readers: usize) -> (Self, Receiver<Message<'p>>) {
        let (messages, receiver) = unbounded();
        let pieces = RUN_AHEAD / PIECE / readers.clamp(1, READERS);
        (Self { messages, next: AtomicU64::new(0), pieces }, receiver)
    }

    /// The room that one reader has.
    pub(super) fn runway(&self) -> Arc<Runway> {
        Runway::new(self.pieces)
    }

    /// Begins a file, of which MD5 is taken, and SHA-1 where it is asked for. It must be ended, or it breaks off.
    pub(super) fn open(
        &self,
        index: u32,
        sha1: bool,
        runway: &Arc<Runway>,
        reply: &Sender<Done>,
    ) -> Sending<'_, 'p> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let stream = Stream {
            id,
            index,
            hasher: StreamHasher::new(sha1),
            pieces: VecDeque::new(),
            at: 0,
            sha256: None,
            runway: Arc::clone(runway),
            reply: reply.clone(),
        };
        let _ = self.messages.send(Message::Open(stream));
        Sending { id, messages: &self.messages }
    }

    /// Lets nothing of this reader wait any longer.
    pub(super) fn hurry(&self, runway: &Runway) {
        runway.hurry();
        let _ = self.messages.send(Message::Hurry);
    }
}

/// A file on its way. Dropped before its end, it has no hashes.
pub(super) struct Sending<'s, 'p> {
    id: u64,
    messages: &'s Sender<Message<'p>>,
}

impl<'p> Sending<'_, 'p> {
    /// Sends the next bytes, which are whole blocks.
    pub(super) fn send(&self, piece: Piece<'p>) {
        let _ = self.messages.send(Message::Piece(self.id, piece));
    }

    /// Sends the last bytes, of any number. The hashes come by the reply.
    pub(super) fn end(self, rest: Piece<'p>, sha256: [u8; 32]) {
        let _ = self.messages.send(Message::End(self.id, rest, sha256));
    }
}

impl Drop for Sending<'_, '_> {
    fn drop(&mut self) {
        // After the end of a file its number means nothing any more.
        let _ = self.messages.send(Message::Break(self.id));
    }
}

pub(super) enum Message<'p> {
    Open(Stream<'p>),
    Piece(u64, Piece<'p>),
    End(u64, Piece<'p>, [u8; 32]),
    Break(u64),
    Hurry,
}

/// Hashes what comes in until nobody is left to send.
pub(super) fn hash(messages: &Receiver<Message<'_>>) {
    let mut open = VecDeque::new();
    loop {
        while let Ok(message) = messages.try_recv() {
            take(message, &mut open);
        }
        while let Some(at) = open.iter().position(Stream::is_done) {
            open.remove(at).into_iter().for_each(Stream::finish);
        }
        if !step(&mut open) {
            let Ok(message) = messages.recv() else { return };
            take(message, &mut open);
        }
    }
}

fn take<'p>(message: Message<'p>, open: &mut VecDeque<Stream<'p>>) {
    let mut add = |id, piece, sha256| {
        if let Some(stream) = open.iter_mut().find(|stream| stream.id == id) {
            stream.pieces.push_back(piece);
            stream.sha256 = sha256;
            stream.pass(0);
        }
    };
    match message {
        Message::Piece(id, piece) => add(id, piece, None),
        Message::End(id, piece, sha256) => add(id, piece, Some(sha256)),
        Message::Open(stream) => open.push_back(stream),
        Message::Break(id) => open.retain(|stream| stream.id != id || stream.sha256.is_some()),
        Message::Hurry => {}
    }
}

/// Hashes a little of up to four streams. `false` if nothing is to be done before the next message.
fn step<'p>(open: &mut VecDeque<Stream<'p>>) -> bool {
    let mut ready: Vec<&mut Stream<'p>> = open.iter_mut().filter(|stream| stream.is_ready()).collect();
    // A runway changes meanwhile, so each is asked once.
    ready.sort_by_cached_key(|stream| !stream.runway.is_short());
    let worthwhile = ready.len() >= STREAMS || ready.first().is_some_and(|stream| stream.runway.is_short());
    if !worthwhile {
        return false;
    }
    ready.truncate(STREAMS);
    let mut lanes: Vec<(&mut StreamHasher, &[u8])> = Vec::with_capacity(STREAMS);
    for Stream { hasher, pieces, at, .. } in &mut ready {
        let rest = rest(pieces, *at);
        lanes.push((hasher, rest.get(..STEP).unwrap_or(rest)));
    }
    let taken = update_streams(&mut lanes);
    for stream in ready {
        stream.pass(taken);
    }
    true
}

/// One large file that is being hashed.
pub(super) struct Stream<'p> {
    id: u64,
    /// Which entry of its layer it is.
    index: u32,
    hasher: StreamHasher,
    pieces: VecDeque<Piece<'p>>,
    /// Bytes of the first piece that are hashed.
    at: usize,
    /// Known from its end on.
    sha256: Option<[u8; 32]>,
    runway: Arc<Runway>,
    reply: Sender<Done>,
}

fn rest<'s>(pieces: &'s VecDeque<Piece<'_>>, at: usize) -> &'s [u8] {
    pieces.front().and_then(|piece| piece.bytes.get(at..)).unwrap_or_default()
}

impl Stream<'_> {
    /// Whether it has a whole block.
    fn is_ready(&self) -> bool {
        rest(&self.pieces, self.at).len() >= BLOCK
    }

    /// Moves on, and lets go of what is hashed.
    fn pass(&mut self, bytes: usize) {
        self.at += bytes;
        while !self.pieces.is_empty() && rest(&self.pieces, self.at).is_empty() {
            self.pieces.pop_front();
            self.at = 0;
        }
    }

    fn is_done(&self) -> bool {
        self.sha256.is_some() && self.pieces.len() <= 1 && !self.is_ready()
    }

    fn finish(self) {
        let hashes = self.hasher.finish(rest(&self.pieces, self.at));
        let hashes = self.sha256.map(|sha256| (self.index, content_hashes(hashes, sha256)));
        // The layer may have ended early; then nobody waits for this.
        let _ = self.reply.send(Done { hashes: hashes.into_iter().collect(), ..Done::default() });
    }
}

#[cfg(test)]
mod tests;
