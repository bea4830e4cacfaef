use super::Hashed;
use crossbeam_channel::{Receiver, Sender};
use model::Digest;
use sha2::{Digest as _, Sha256, Sha512};
use std::io::{self, BufRead, Read};

/// Bytes in one chunk: large enough that handing over costs nothing, small enough to stay in the cache between
/// the thread that inflates and the one that hashes.
pub(super) const CHUNK: usize = 256 << 10;
/// Chunks of one layer in flight: so few that they stay near the processors, and enough for either side to run ahead.
pub(super) const CHUNKS: usize = 8;

pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) len: usize,
}

/// Bytes that one hash is fed before it is the other's turn. SHA-256 is one long chain of steps that wait for each
/// other; a processor works on two chains at once where they stand this close, and the second costs half.
const TURN: usize = 64;

/// The archive of a layer in chunks, hashed as it is consumed. Its slices are those of the chunks themselves.
pub struct ChunkReader {
    full: Receiver<Chunk>,
    empty: Sender<Vec<u8>>,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    len: u64,
    sha256: Sha256,
    sha512: Option<Sha512>,
}

impl ChunkReader {
    pub(super) fn new(full: Receiver<Chunk>, empty: Sender<Vec<u8>>, with_sha512: bool) -> Self {
        Self {
            full,
            empty,
            bytes: Vec::new(),
            start: 0,
            end: 0,
            len: 0,
            sha256: Sha256::new(),
            sha512: with_sha512.then(Sha512::new),
        }
    }

    pub(super) fn finish(self) -> Hashed {
        Hashed {
            sha256: Digest::sha256(self.sha256.finalize().into()),
            sha512: self.sha512.map(|sha512| Digest::sha512(sha512.finalize().into())),
            len: self.len,
            overrun: false,
        }
    }

    fn next_chunk(&mut self) {
        let used = std::mem::take(&mut self.bytes);
        self.start = 0;
        self.end = 0;
        if !used.is_empty() {
            // Where the other side is gone, nobody needs the buffer.
            let _ = self.empty.try_send(used);
        }
        let Ok(Chunk { bytes, len }) = self.full.recv() else { return };
        self.bytes = bytes;
        self.end = len;
        self.len += len as u64;
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(self.bytes.get(..len).unwrap_or_default());
        }
    }

    /// Consumes bytes that another hash is taken of as well.
    pub(crate) fn consume_into(&mut self, count: usize, other: &mut Sha256) {
        let end = self.start.saturating_add(count).min(self.end);
        for turn in self.bytes.get(self.start..end).unwrap_or_default().chunks(TURN) {
            self.sha256.update(turn);
            other.update(turn);
        }
        self.start = end;
    }
}

impl BufRead for ChunkReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            self.next_chunk();
        }
        Ok(self.bytes.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        let end = self.start.saturating_add(count).min(self.end);
        self.sha256.update(self.bytes.get(self.start..end).unwrap_or_default());
        self.start = end;
    }
}

impl Read for ChunkReader {
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
