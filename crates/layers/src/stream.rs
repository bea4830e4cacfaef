//! One layer in one pass: hashed as it comes, decompressed, hashed again, and read as an archive.
//!
//! One thread of its own reads, hashes and inflates, which is the slowest step; the calling thread hashes what
//! comes out and reads the archive. Buffers go round between the two, so nothing is allocated per chunk.

mod chunk;
mod transport;

pub use chunk::ChunkReader;

use crate::anomaly_log::AnomalyLog;
use crate::{Anomaly, AnomalyKind, Compression, DecodeSummary, Decoder, Limits, TarReader};
use chunk::{CHUNK, CHUNKS, Chunk};
use crossbeam_channel::{Receiver, Sender, bounded};
use model::{Algorithm, Digest};
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use transport::Transport;

/// What the manifest and the configuration say of a layer. All of it is the attacker's until it was compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// The descriptor's media type, empty where there is none.
    pub media_type: String,
    /// Of the transported bytes.
    pub digest: Option<Digest>,
    /// Length of the transported bytes. No more than this is ever read.
    pub size: Option<u64>,
    /// Of the archive, from the configuration.
    pub diff_id: Option<Digest>,
}

/// A layer as it was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// SHA-256 of the transported bytes, computed here.
    pub digest: Digest,
    /// Transported bytes.
    pub size: u64,
    /// SHA-256 of the archive, computed here.
    pub diff_id: Digest,
    /// Bytes of the archive.
    pub diff_size: u64,
    /// By the magic bytes.
    pub compression: Compression,
    /// gzip members or zstd frames; 0 for plain.
    pub members: u64,
    /// Everything odd: transport first, then compression, then the archive.
    pub anomalies: Vec<Anomaly>,
    /// Why the bytes stopped coming before their end: a reader that failed, or the scan that was cancelled. A gap
    /// over the whole layer; digests and sizes are then those of what came.
    pub broken: Option<String>,
}

/// The transported bytes of a layer as they were found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobSummary {
    /// SHA-256, computed here.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// A digest or a size that is not the declared one.
    pub anomalies: Vec<Anomaly>,
    /// As in [`LayerSummary::broken`].
    pub broken: Option<String>,
}

/// Reads one layer to its last byte. `body` gets the archive and takes from it what it wants; whatever it leaves is
/// read and accounted for afterwards. Memory is bounded by the chunks in flight, 2 MiB, and by what the format
/// needs: a zstd window within [`Limits::max_zstd_window_log`].
///
/// A panic of `body` comes out of this function once the reading thread has ended, which is as soon as the read
/// of `blob` that is under way returns. When `cancelled` becomes true the layer ends as if its bytes stopped coming.
pub fn read_layer<R, T>(
    blob: R,
    declared: &Declared,
    limits: &Limits,
    cancelled: &AtomicBool,
    body: impl FnOnce(&mut TarReader<ChunkReader>) -> T,
) -> (T, LayerSummary)
where
    R: Read + Send,
{
    let (full, to_parse) = bounded(CHUNKS);
    let (empty, to_fill) = bounded(CHUNKS);
    let transport =
        Transport::new(blob, declared.size.unwrap_or(limits.max_output), is_sha512(declared.digest));
    std::thread::scope(|scope| {
        let feeder = std::thread::Builder::new().name("layer".to_owned()).spawn_scoped(scope, move || {
            feed(transport, &declared.media_type, limits, cancelled, &full, &to_fill)
        });
        let reader = ChunkReader::new(to_parse, empty, is_sha512(declared.diff_id));
        let mut archive = TarReader::new(reader, limits);
        let value = body(&mut archive);
        let (reader, archive_anomalies) = archive.finish();
        let diff = reader.finish();
        let fed = match feeder {
            Ok(thread) => match thread.join() {
                Ok(fed) => fed,
                Err(panic) => std::panic::resume_unwind(panic),
            },
            Err(error) => Fed::nothing(format!("no thread could be started: {error}")),
        };
        (value, summarize(declared, fed, &diff, archive_anomalies))
    })
}

/// Hashes the transported bytes of a layer and compares them with what was declared, without looking into them:
/// enough where the facts of these very bytes are known already.
pub fn digest_only<R: Read>(
    blob: R,
    declared: &Declared,
    limits: &Limits,
    cancelled: &AtomicBool,
) -> BlobSummary {
    let mut transport =
        Transport::new(blob, declared.size.unwrap_or(limits.max_output), is_sha512(declared.digest));
    let mut broken = None;
    loop {
        if cancelled.load(Ordering::Relaxed) {
            broken = Some(CANCELLED.to_owned());
            break;
        }
        match transport.skip_block() {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                broken = Some(error.to_string());
                break;
            }
        }
    }
    let hashed = transport.finish();
    let mut log = AnomalyLog::default();
    if broken.is_none() {
        compare_blob(declared, &hashed, &mut log);
    }
    BlobSummary { digest: hashed.sha256, size: hashed.len, anomalies: log.finish(), broken }
}

const CANCELLED: &str = "the scan was cancelled";

fn is_sha512(digest: Option<Digest>) -> bool {
    digest.is_some_and(|digest| digest.algorithm() == Algorithm::Sha512)
}

/// A stream's hashes and length.
pub(crate) struct Hashed {
    pub(crate) sha256: Digest,
    pub(crate) sha512: Option<Digest>,
    pub(crate) len: u64,
    /// More bytes came than were declared.
    pub(crate) overrun: bool,
}

struct Fed {
    hashed: Option<Hashed>,
    decoded: Option<DecodeSummary>,
    broken: Option<String>,
}

impl Fed {
    fn nothing(why: String) -> Self {
        Self { hashed: None, decoded: None, broken: Some(why) }
    }
}

fn feed<R: Read>(
    transport: Transport<R>,
    media_type: &str,
    limits: &Limits,
    cancelled: &AtomicBool,
    full: &Sender<Chunk>,
    to_fill: &Receiver<Vec<u8>>,
) -> Fed {
    let mut decoder = Decoder::new(transport, media_type, limits);
    let mut allocated = 0;
    let broken = loop {
        if cancelled.load(Ordering::Relaxed) {
            break Some(CANCELLED.to_owned());
        }
        let buffer = match to_fill.try_recv() {
            Ok(buffer) => Some(buffer),
            Err(_) if allocated < CHUNKS => {
                allocated += 1;
                Some(vec![0; CHUNK])
            }
            Err(_) => to_fill.recv().ok(),
        };
        // A reader that is gone has panicked; there is no one left to read for.
        let Some(mut buffer) = buffer else { break None };
        let (len, result) = fill(&mut decoder, &mut buffer);
        if len > 0 && full.send(Chunk { bytes: buffer, len }).is_err() {
            break None;
        }
        match result {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    let (transport, decoded) = decoder.finish();
    Fed { hashed: Some(transport.finish()), decoded: Some(decoded), broken }
}

/// Fills a buffer as far as the input goes. True when there may be more.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> (usize, io::Result<bool>) {
    let mut len = 0;
    while let Some(free) = buffer.get_mut(len..).filter(|free| !free.is_empty()) {
        match reader.read(free) {
            Ok(0) => return (len, Ok(false)),
            Ok(read) => len += read,
            Err(error) => return (len, Err(error)),
        }
    }
    (len, Ok(true))
}

fn summarize(declared: &Declared, fed: Fed, diff: &Hashed, archive: Vec<Anomaly>) -> LayerSummary {
    let mut log = AnomalyLog::default();
    let Fed { hashed, decoded, broken } = fed;
    if let (None, Some(hashed)) = (&broken, &hashed) {
        compare_blob(declared, hashed, &mut log);
        if let Some(expect) = declared.diff_id {
            let found =
                if is_sha512(Some(expect)) { diff.sha512.unwrap_or(diff.sha256) } else { diff.sha256 };
            if found != expect {
                log.note(AnomalyKind::DiffIdMismatch, 0, b"", || {
                    format!("the configuration says {expect}, the archive is {found}")
                });
            }
        }
    }
    let mut anomalies = log.finish();
    let (compression, members) = match decoded {
        Some(decoded) => {
            anomalies.extend(decoded.anomalies);
            (decoded.compression, decoded.members)
        }
        None => (Compression::Plain, 0),
    };
    anomalies.extend(archive);
    LayerSummary {
        digest: hashed.as_ref().map_or(diff.sha256, |hashed| hashed.sha256),
        size: hashed.as_ref().map_or(0, |hashed| hashed.len),
        diff_id: diff.sha256,
        diff_size: diff.len,
        compression,
        members,
        anomalies,
        broken,
    }
}

fn compare_blob(declared: &Declared, hashed: &Hashed, log: &mut AnomalyLog) {
    let len = hashed.len;
    if hashed.overrun {
        let most = declared.size.unwrap_or(len);
        let kind =
            if declared.size.is_some() { AnomalyKind::SizeMismatch } else { AnomalyKind::LimitReached };
        log.note(kind, len, b"", || format!("more than {most} bytes came; the rest was not read"));
    } else if let Some(size) = declared.size
        && size != len
    {
        log.note(AnomalyKind::SizeMismatch, len, b"", || format!("declared with {size} bytes, {len} came"));
    }
    if let Some(expect) = declared.digest {
        let found =
            if is_sha512(Some(expect)) { hashed.sha512.unwrap_or(hashed.sha256) } else { hashed.sha256 };
        if found != expect {
            log.note(AnomalyKind::DigestMismatch, 0, b"", || {
                format!("declared as {expect}, the bytes are {found}")
            });
        }
    }
}

#[cfg(test)]
mod tests;
