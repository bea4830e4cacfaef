//! From a layer's archive to its facts: every file read once, gathered into batches, hashed and shown to all
//! file analyzers by a crew of threads, within a fixed amount of memory.

mod kept;
mod passing;
mod room;
mod runway;
mod side_by_side;
mod stages;
mod streams;
mod weight;

#[cfg(test)]
pub(crate) use passing::pass;
pub(crate) use stages::analyze_stages;

use crate::buffers::Buffers;
use crate::hashing::{Hashes, Sums, Taken, hash_files};
use crate::{
    Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, LayerFacts, Outcome, Signs, Want,
};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use kept::{End, Kept, Weighed};
use layers::{ChunkReader, ContentHashes, Entry, EntryData, Kind, TarReader};
use model::Gap;
use passing::Passing;
use room::{Held, Room};
use runway::{PIECE, Runway};
use sha2::{Digest as _, Sha256};
pub use side_by_side::run_analyzers;
use std::io::BufRead as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use streams::Streams;

/// All file contents that are in memory at any time, over all threads.
const BUFFERS: usize = 64 << 20;
/// A file up to this size is gathered whole and shown whole to every analyzer.
const GATHERED: u64 = 4 << 20;
/// Files beyond the gathered size that are held whole at any time. A larger one is held alone: a package database may be
/// 128 MiB.
const WHOLE: u64 = 32 << 20;
/// What an analyzer sees of a larger file that it did not ask for whole.
const HEAD: usize = 64 << 10;
/// What the gate sees.
const GATE: usize = 4 << 10;
/// Bytes of a batch, where there is room: enough to fill the lanes of the hasher, and so little that at the end of a
/// layer no thread is left alone with much of it.
const BATCH: usize = 2 << 20;
/// Files of a batch.
const BATCH_FILES: usize = 2048;

/// Counts what has been read so far, for whoever shows progress.
#[derive(Debug, Default)]
pub struct Progress {
    /// Files read.
    pub files: AtomicU64,
    /// Bytes of archives read.
    pub bytes: AtomicU64,
}

/// The threads that hash and analyze, shared by all layers that are being read.
pub struct Crew<'scope> {
    jobs: Sender<Job<'scope>>,
    streams: Streams<'scope>,
    batch_bytes: usize,
    /// So many layers are read at a time. One that only waits for its last batches holds up no other.
    turns: Room,
    whole: &'scope Room,
    progress: &'scope Progress,
    cancelled: &'scope AtomicBool,
    analyzers: &'scope [&'scope dyn FileAnalyzer],
    buffers: &'scope Pools,
}

/// Batches and pieces are of two sizes, so their buffers are kept apart.
#[derive(Default)]
struct Pools {
    batches: Buffers,
    pieces: Buffers,
}

struct Job<'scope> {
    batch: Batch,
    sums: Sums,
    end: Arc<End>,
    reply: Sender<Done>,
    /// What the batch of a large file needs for as long as it is in memory.
    held: Option<Held<'scope>>,
}

/// Files gathered from an archive, contents end to end.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    files: Vec<Opened>,
}

/// One file of a batch, or one that is streamed.
struct Opened {
    index: u32,
    entry: Entry,
    /// Where its bytes lie in the batch.
    range: Range<usize>,
    /// Whether they are all of the file.
    whole: bool,
    /// SHA-256 of a whole file; of a streamed one it comes at its end.
    sha256: [u8; 32],
}

/// What a job gives back.
#[derive(Default)]
struct Done {
    hashes: Vec<(u32, ContentHashes)>,
    facts: Vec<Weighed>,
    gaps: Vec<Gap>,
    /// Whether an analyzer failed.
    failed: bool,
    /// From where on facts need not be given back.
    end: Arc<End>,
    /// Files of which a fact was not.
    dropped: Vec<u32>,
}

impl Done {
    fn facts(&mut self, index: u32, facts: Vec<Fact>) {
        for fact in facts {
            let fact = Weighed::new(index, fact);
            if self.end.drops(&fact) {
                self.dropped.push(index);
            } else {
                self.facts.push(fact);
            }
        }
    }

    fn learned(&mut self, file: &Opened, learned: Learned) {
        self.failed |= learned.failed;
        self.facts(file.index, learned.facts);
        self.gaps.extend(learned.gaps.into_iter().map(|why| Gap::new(shown(&file.entry), why)));
    }
}

/// What a file taught beside the facts that analyzers note themselves.
#[derive(Debug, Default)]
pub(crate) struct Learned {
    /// Each stage before the facts about it.
    pub(crate) facts: Vec<Fact>,
    /// What could not be looked at.
    pub(crate) gaps: Vec<String>,
    /// Whether an analyzer or the decoder failed.
    failed: bool,
}

/// Runs `work` with a crew of `threads` at its side.
///
/// The crew ends when `work` returns. A panic in an analyzer is caught and becomes a gap of its file.
pub fn with_crew<T>(
    threads: usize,
    analyzers: &[&dyn FileAnalyzer],
    progress: &Progress,
    cancelled: &AtomicBool,
    work: impl FnOnce(&Crew<'_>) -> T,
) -> T {
    let threads = threads.clamp(1, 32);
    let buffers = Pools::default();
    let room = Room::new(WHOLE);
    let (pools, whole) = (&buffers, &room);
    std::thread::scope(|scope| {
        let (jobs, queue) = bounded(threads * 2);
        for _ in 0..threads {
            let queue: Receiver<Job<'_>> = queue.clone();
            scope.spawn(move || {
                for Job { batch, sums, end, reply, held } in queue {
                    // The layer may have ended early; then nobody waits for this.
                    let _ = reply.send(analyze_batch(&batch, sums, end, analyzers));
                    match held {
                        None => pools.batches.give(batch.bytes),
                        Some(held) => {
                            drop(batch);
                            drop(held);
                        }
                    }
                }
            });
        }
        drop(queue);
        let (streams, messages) = Streams::new(threads);
        scope.spawn(move || streams::hash(&messages));
        // Queued, running and being filled: three times as many batches as threads, and one for each layer.
        let batch_bytes = (BUFFERS / (threads * 4 + 2)).clamp(1 << 20, BATCH);
        let turns = Room::new(threads as u64);
        let crew =
            Crew { jobs, streams, batch_bytes, turns, whole, progress, cancelled, analyzers, buffers: pools };
        work(&crew)
    })
}

/// Runs one analyzer over an image. A panic in it becomes a gap.
pub fn run_analyzer(analyzer: &dyn ImageAnalyzer, image: &ImageView<'_>, out: &mut Outcome) {
    let ran = catch_unwind(AssertUnwindSafe(|| analyzer.analyze(image, out)));
    if ran.is_err() {
        out.failed = true;
        out.gaps.push(Gap::new(
            image.platform.to_string(),
            format!("the analyzer {} failed on this image; please report it", analyzer.name()),
        ));
    }
}

/// Reads a layer's archive to its end, and takes these sums of every file.
///
/// The facts hold everything but the anomalies and sums of the transport, which the caller knows.
pub fn read_entries(tar: &mut TarReader<ChunkReader>, sums: Sums, crew: &Crew<'_>) -> LayerFacts {
    let turn = crew.turns.take(1);
    let (reply, replies) = unbounded();
    let mut reading = Reading {
        crew,
        sums,
        facts: LayerFacts::default(),
        kept: Kept::default(),
        batch: Batch::default(),
        files: 0,
        reply,
        replies,
        waiting: 0,
        runway: crew.streams.runway(),
    };
    let mut entry = Entry::default();
    loop {
        if crew.cancelled.load(Ordering::Relaxed) {
            reading.gap("", "the scan was cancelled before the end of the layer");
            break;
        }
        match tar.next_into(&mut entry) {
            Ok(true) => reading.take(&mut entry, tar),
            Ok(false) => break,
            Err(stop) => {
                reading.gap("", &stop.to_string());
                break;
            }
        }
    }
    reading.send();
    drop(turn);
    reading.finish()
}

struct Reading<'c, 's> {
    crew: &'c Crew<'s>,
    sums: Sums,
    facts: LayerFacts,
    kept: Kept,
    batch: Batch,
    /// How many files the batch before it had.
    files: usize,
    reply: Sender<Done>,
    replies: Receiver<Done>,
    waiting: usize,
    /// How far the hashes of its large files may lie behind.
    runway: Arc<Runway>,
}

impl<'s> Reading<'_, 's> {
    fn take(&mut self, entry: &mut Entry, tar: &mut TarReader<ChunkReader>) {
        let Some(index) = self.facts.entries.push(entry) else {
            return self
                .gap(&shown(entry), "the layer has more names than can be kept; it was read no further");
        };
        let index = index as u32;
        if !matches!(entry.kind, Kind::File | Kind::Unknown(_)) {
            return;
        }
        self.crew.progress.files.fetch_add(1, Ordering::Relaxed);
        if entry.size <= GATHERED {
            self.gather(index, entry, tar);
        } else {
            self.stream(index, entry, tar);
        }
    }

    fn gather(&mut self, index: u32, entry: &mut Entry, tar: &mut TarReader<ChunkReader>) {
        let size = entry.size as usize;
        let limit = self.crew.batch_bytes;
        if self.batch.files.len() >= BATCH_FILES
            || (!self.batch.files.is_empty() && self.batch.bytes.len() + size > limit)
        {
            self.send();
        }
        if self.batch.bytes.capacity() == 0 {
            self.batch.files.reserve(self.files);
            self.batch.bytes = self.crew.buffers.batches.take(limit.max(size));
        }
        let start = self.batch.bytes.len();
        let mut sha256 = Sha256::new();
        fill(&mut self.batch.bytes, usize::MAX, &mut tar.data(), &mut sha256);
        let range = start..self.batch.bytes.len();
        if range.len() != size {
            self.batch.bytes.truncate(start);
            return self.gap(&shown(entry), "the file ends before its declared size; it was not analyzed");
        }
        let sha256 = sha256.finalize().into();
        self.batch.files.push(Opened { index, entry: std::mem::take(entry), range, whole: true, sha256 });
    }

    /// A large file goes piece by piece to the thread that hashes all of them, while this one reads on.
    fn stream(&mut self, index: u32, entry: &mut Entry, tar: &mut TarReader<ChunkReader>) {
        self.send();
        let crew = self.crew;
        let (size, path) = (entry.size, shown(entry));
        let mut data = tar.data();
        let mut sha256 = Sha256::new();
        let mut piece = self.runway.piece(&crew.buffers.pieces);
        fill(&mut piece.bytes, HEAD, &mut data, &mut sha256);
        let gate = gate_of(&piece.bytes);
        let whole = crew
            .analyzers
            .iter()
            .any(|analyzer| matches!(analyzer.wants(entry, gate), Want::Whole(limit) if size <= limit));
        if whole {
            let held = crew.whole.take(size);
            let mut bytes = Vec::new();
            bytes.reserve_exact(size as usize);
            bytes.extend_from_slice(&piece.bytes);
            drop(piece);
            fill(&mut bytes, usize::MAX, &mut data, &mut sha256);
            if bytes.len() as u64 != size {
                return self.gap(&path, "the file ends before its declared size; it was not analyzed");
            }
            let (entry, range) = (std::mem::take(entry), 0..bytes.len());
            let file = Opened { index, entry, range, whole: true, sha256: sha256.finalize().into() };
            let batch = Batch { bytes, files: vec![file] };
            return self.hand_over(batch, Some(held));
        }
        let (entry, range) = (std::mem::take(entry), 0..piece.bytes.len());
        let file = Opened { index, entry, range, whole: false, sha256: [0; 32] };
        let mut passing = Passing::new(crew.analyzers, &file.entry, gate_of(&piece.bytes));
        let head = if passing.is_empty() { Vec::new() } else { piece.bytes.clone() };
        let mut done = Done { end: self.kept.end(), ..Done::default() };
        analyze_file(&file, &piece.bytes, crew.analyzers, |analyzer| !passing.has(analyzer), &mut done);
        let taken = self.sums.of(&file.entry, gate_of(&piece.bytes));
        let open = || crew.streams.open(index, taken.sha1, &self.runway, &self.reply);
        let stream = (taken.md5 || taken.sha1).then(open);
        let mut read = 0;
        loop {
            fill(&mut piece.bytes, PIECE, &mut data, &mut sha256);
            read += piece.bytes.len() as u64;
            passing.pass(&piece.bytes);
            if piece.bytes.len() < PIECE {
                break;
            }
            if crew.cancelled.load(Ordering::Relaxed) {
                self.note(done);
                return self.gap(&path, "the scan was cancelled before the end of the file");
            }
            match &stream {
                Some(stream) => stream.send(piece),
                None => drop(piece),
            }
            piece = self.runway.piece(&crew.buffers.pieces);
        }
        if read != size {
            self.note(done);
            return self.gap(&path, "the file ends before its declared size; it was not analyzed");
        }
        let sha256 = sha256.finalize().into();
        match stream {
            Some(stream) => {
                stream.end(piece, sha256);
                self.waiting += 1;
            }
            None => done.hashes.push((index, content_hashes(Hashes::default(), sha256))),
        }
        let signs = Signs::of(&head);
        let head = FileView { entry: &file.entry, bytes: &head, whole: false, stages: &[], signs };
        done.learned(&file, passing.finish(&head));
        self.note(done);
    }

    fn send(&mut self) {
        if self.batch.files.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        self.files = batch.files.len();
        self.hand_over(batch, None);
        while let Ok(done) = self.replies.try_recv() {
            self.waiting -= 1;
            self.note(done);
        }
    }

    fn hand_over(&mut self, batch: Batch, held: Option<Held<'s>>) {
        let (end, reply) = (self.kept.end(), self.reply.clone());
        let job = Job { batch, sums: self.sums, end, reply, held };
        if self.crew.jobs.send(job).is_ok() {
            self.waiting += 1;
        } else {
            self.facts.failed = true;
            self.gap("", "the threads of the scan have ended before the end of the layer");
        }
    }

    fn note(&mut self, done: Done) {
        for (index, hashes) in &done.hashes {
            self.facts.entries.set_hashes(*index as usize, hashes);
        }
        self.kept.facts(done.facts);
        self.kept.dropped(&done.dropped);
        self.kept.gaps(done.gaps);
        self.facts.failed |= done.failed;
    }

    fn gap(&mut self, what: &str, why: &str) {
        self.kept.gaps(vec![Gap::new(what, why)]);
    }

    fn finish(mut self) -> LayerFacts {
        self.crew.streams.hurry(&self.runway);
        // Only those who answer hold an end now: whoever fails is not waited for.
        self.reply = unbounded().0;
        while self.waiting > 0 {
            let Ok(done) = self.replies.recv() else {
                self.facts.failed = true;
                self.gap("", "a thread of the scan failed before the end of the layer; please report it");
                break;
            };
            self.waiting -= 1;
            self.note(done);
        }
        let entries = &self.facts.entries;
        let path_of = |index| Some(format!("/{}", model::escape_bytes(entries.get(index as usize)?.path)));
        (self.facts.facts, self.facts.gaps) = self.kept.finish(path_of);
        self.facts
    }
}

fn shown(entry: &Entry) -> String {
    format!("/{}", model::escape_bytes(&entry.path))
}

/// Reads on until there are this many bytes, or no more, and takes their SHA-256 along the way.
fn fill(bytes: &mut Vec<u8>, limit: usize, data: &mut EntryData<'_, ChunkReader>, sha256: &mut Sha256) {
    while bytes.len() < limit
        && let Ok(next) = data.fill_buf()
        && !next.is_empty()
    {
        let len = next.len().min(limit - bytes.len());
        bytes.extend_from_slice(&next[..len]);
        data.consume_into(len, sha256);
    }
}

fn gate_of(bytes: &[u8]) -> &[u8] {
    bytes.get(..GATE).unwrap_or(bytes)
}

fn analyze_batch(batch: &Batch, sums: Sums, end: Arc<End>, analyzers: &[&dyn FileAnalyzer]) -> Done {
    let taken = |file: &Opened| {
        let bytes = &batch.bytes[file.range.clone()];
        (bytes, sums.of(&file.entry, gate_of(bytes)))
    };
    let contents: Vec<(&[u8], Taken)> = batch.files.iter().map(taken).collect();
    let hashes = hash_files(&contents);
    let mut done = Done { end, hashes: Vec::with_capacity(hashes.len()), ..Done::default() };
    for ((file, (bytes, _)), hashes) in batch.files.iter().zip(contents).zip(hashes) {
        done.hashes.push((file.index, content_hashes(hashes, file.sha256)));
        analyze_file(file, bytes, analyzers, |_| true, &mut done);
    }
    done
}

fn content_hashes(hashes: Hashes, sha256: [u8; 32]) -> ContentHashes {
    ContentHashes { md5: hashes.md5, sha1: hashes.sha1, sha256 }
}

/// Shows a file to those analyzers that are asked about it, and what is decoded out of it to all.
fn analyze_file(
    file: &Opened,
    bytes: &[u8],
    analyzers: &[&dyn FileAnalyzer],
    is_asked: impl Fn(&dyn FileAnalyzer) -> bool,
    done: &mut Done,
) {
    let signs = Signs::of(bytes);
    let view = FileView { entry: &file.entry, bytes, whole: file.whole, stages: &[], signs };
    for analyzer in analyzers.iter().filter(|analyzer| is_asked(**analyzer)) {
        let outcome = catch_unwind(AssertUnwindSafe(|| match analyzer.wants(view.entry, gate_of(bytes)) {
            Want::Nothing => Ok(Vec::new()),
            Want::Whole(limit) if !view.whole => {
                Err(format!("it is larger than the {limit} bytes that are read of such a file"))
            }
            Want::AtHand | Want::Whole(_) => {
                let mut facts = FactSink::default();
                analyzer.analyze(&view, &mut facts).map(|()| facts.into_facts())
            }
        }));
        match outcome {
            Ok(Ok(facts)) => done.facts(file.index, facts),
            Ok(Err(why)) => {
                done.gaps.push(Gap::new(shown(&file.entry), format!("{}: {why}", analyzer.name())))
            }
            Err(_) => {
                done.failed = true;
                done.gaps.push(Gap::new(
                    shown(&file.entry),
                    format!("the analyzer {} failed on this file; please report it", analyzer.name()),
                ));
            }
        }
    }
    done.learned(file, analyze_stages(&view, analyzers));
}

#[cfg(test)]
mod tests;
