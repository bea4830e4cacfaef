//! The facts of layers: kept ones where the bytes are known to be the same, else read.

use crate::Settings;
use crate::settings::{feeds_id, file_analyzers_id};
use cache::{Cache, Key, KeyBuilder, Shelf};
use inspect::{Crew, LayerFacts, Sums, Transport, read_entries};
use layers::{Declared, Kind, read_layer};
use model::{Algorithm, Digest, Gap, ImageConfig};
use source::{Image, Layer, Stamp};
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file that changed this short a time ago may change again within the same tick of the kernel's clock,
/// so its stamp proves nothing yet.
const SETTLED_NS: i128 = 2_000_000_000;

/// One layer, read.
pub(crate) struct ReadLayer {
    pub(crate) facts: Arc<LayerFacts>,
    /// Whether another run would read the same.
    pub(crate) lasting: bool,
    /// The hashes of files that were taken.
    sums: Sums,
    /// The file that the bytes came from, as it was before they were read.
    stamp: Option<Stamp>,
}

/// The hashes of files that are taken when an image is read for the first time.
///
/// MD5 and SHA-1 of every file cost a tenth of a scan each and are of use to few: they are computed where a list asks for
/// them, MD5 where packages of dpkg put files, and SHA-1 where the history hints at apk, whose databases are written in
/// it. Places and histories are claims and decide nothing: where a database turns up that promises more, the layers are
/// read once more with [`Sums::EVERY`], and what was concluded before is thrown away.
pub(crate) fn first_sums(image: &Image, settings: &Settings) -> Sums {
    let sums = settings.sums();
    Sums { sha1: sums.sha1 || hints_at_apk(&image.config), ..sums }
}

fn hints_at_apk(config: &ImageConfig) -> bool {
    let hints = ["apk", "apko", "alpine"];
    config.history.iter().any(|step| {
        step.created_by.split(|c: char| !c.is_ascii_alphabetic()).any(|word| hints.contains(&word))
    })
}

/// The layers of an image, bottom first. What it shares with another image, whose layers were read before, is not read
/// again.
///
/// Several layers are read at once, the largest first, so that the threads end together. One more is opened, to be
/// read as soon as another only waits for what is made of it.
pub(crate) fn read_layers(
    image: &Image,
    others: &[ReadLayer],
    sums: Sums,
    settings: &Settings,
    crew: &Crew<'_>,
) -> Vec<ReadLayer> {
    let mut order: Vec<usize> = (0..image.layers.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(image.layers.get(index).and_then(|layer| layer.size)));
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<ReadLayer>>> = image.layers.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..settings.jobs.clamp(1, 8).saturating_add(1).min(image.layers.len()) {
            scope.spawn(|| {
                while let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (Some(layer), Some(slot)) = (image.layers.get(index), done.get(index)) else { break };
                    let read = catch_unwind(AssertUnwindSafe(|| {
                        shared(layer, others, sums, settings)
                            .unwrap_or_else(|| facts_of(layer, sums, settings, crew))
                    }));
                    let read = read.unwrap_or_else(|_| unread("reading it failed; please report it"));
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
                }
            });
        }
    });
    done.into_iter()
        .map(|slot| {
            let read = slot.into_inner().unwrap_or_else(PoisonError::into_inner);
            read.unwrap_or_else(|| unread("it was not read"))
        })
        .collect()
}

/// How many entries of a layer are regular files.
pub(crate) fn count_files(facts: &LayerFacts) -> u64 {
    facts.entries.iter().filter(|entry| entry.kind == Kind::File).count() as u64
}

/// What the layer's bytes hash to, where that is known without reading them: a registry's clients all verify
/// the declared digest, and a local file that has not changed since it was hashed is still the same.
pub(crate) fn verified_digest(layer: &Layer, cache: &Cache) -> Option<Digest> {
    match layer.stamp() {
        Some(stamp) => cache.get(Shelf::Stamps, &stamp_key(&stamp)),
        None => layer
            .digest
            .filter(|digest| layer.is_verified_by_clients() && digest.algorithm() == Algorithm::Sha256),
    }
}

/// A layer of the other image with the same bytes: by its digest where every client checks it, by the file that it
/// lies in, and otherwise by hashing what declares the same digest.
fn shared(layer: &Layer, others: &[ReadLayer], sums: Sums, settings: &Settings) -> Option<ReadLayer> {
    if declares_sha512(layer) {
        return None;
    }
    let stamp = layer.stamp();
    let fits = |other: &&ReadLayer| other.lasting && other.sums == sums;
    let digest = |other: &ReadLayer| other.facts.transport.as_ref().map(|transport| transport.digest);
    let declared = layer.digest.or(layer.diff_id);
    let found = others.iter().filter(fits).find(|other| {
        let same_file = stamp.is_some() && stamp == other.stamp;
        let checked = layer.is_verified_by_clients() && declared.is_some() && digest(other) == declared;
        same_file || checked
    });
    let found = found.or_else(|| {
        let same =
            others.iter().filter(fits).find(|other| declared.is_some() && digest(other) == declared)?;
        let summary = layers::digest_only(
            layer.open().ok()?,
            &Declared::default(),
            &settings.limits,
            settings.cancelled(),
        );
        (summary.broken.is_none() && digest(same) == Some(summary.digest)).then_some(same)
    })?;
    settings.watch.progress.bytes.fetch_add(layer.size.unwrap_or(0), Ordering::Relaxed);
    Some(ReadLayer { facts: Arc::clone(&found.facts), lasting: true, sums, stamp })
}

fn facts_of(layer: &Layer, sums: Sums, settings: &Settings, crew: &Crew<'_>) -> ReadLayer {
    if declares_sha512(layer) {
        return ReadLayer { lasting: false, ..read(layer, sums, settings, crew) };
    }
    let Some(cache) = &settings.cache else { return read(layer, sums, settings, crew) };
    let stamp = layer.stamp();
    let known = verified_digest(layer, cache).or_else(|| hashed_digest(layer, sums, settings, cache));
    if let Some(digest) = known
        && let Some(facts) = cache.get::<LayerFacts>(Shelf::Facts, &facts_key(&digest, sums, settings))
        && facts.transport.as_ref().is_some_and(|transport| transport.digest == digest)
    {
        settings.watch.progress.bytes.fetch_add(layer.size.unwrap_or(0), Ordering::Relaxed);
        return ReadLayer { facts: Arc::new(facts), lasting: true, sums, stamp };
    }
    let read = read(layer, sums, settings, crew);
    if read.lasting
        && let Some(transport) = &read.facts.transport
    {
        cache.put(Shelf::Facts, &facts_key(&transport.digest, sums, settings), &*read.facts);
        remember_stamp(layer, stamp, transport.digest, cache);
    }
    read
}

/// Where facts for the declared digest are at hand, hashing the bytes tells whether they hold, at a fraction
/// of the cost of reading them.
fn hashed_digest(layer: &Layer, sums: Sums, settings: &Settings, cache: &Cache) -> Option<Digest> {
    let stamp = layer.stamp()?;
    let declared = layer.digest.or(layer.diff_id).filter(|digest| digest.algorithm() == Algorithm::Sha256)?;
    if !cache.has(Shelf::Facts, &facts_key(&declared, sums, settings)) {
        return None;
    }
    let blob = layer.open().ok()?;
    let summary = layers::digest_only(blob, &Declared::default(), &settings.limits, settings.cancelled());
    if summary.broken.is_some() {
        return None;
    }
    remember_stamp(layer, Some(stamp), summary.digest, cache);
    Some(summary.digest)
}

fn remember_stamp(layer: &Layer, before: Option<Stamp>, digest: Digest, cache: &Cache) {
    let Some(before) = before else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i128);
    let settled = now - before.mtime_ns.max(before.ctime_ns) > SETTLED_NS;
    if settled && layer.stamp() == Some(before) {
        cache.put(Shelf::Stamps, &stamp_key(&before), &digest);
    }
}

fn read(layer: &Layer, sums: Sums, settings: &Settings, crew: &Crew<'_>) -> ReadLayer {
    // Bytes that changed while they were read are another file.
    let stamp = layer.stamp();
    let blob = match layer.open() {
        Ok(blob) => Counted { blob, bytes: &settings.watch.progress.bytes },
        Err(error) => return unread(&format!("it cannot be opened: {}", model::error_chain(&error))),
    };
    // Next to nothing is declared to the reader: what it learns then depends on the bytes alone and can be kept.
    // The declarations are compared with what it computed afterwards. SHA-512 is computed only where it is
    // declared, so there the reader compares, and nothing is kept.
    let declared = Declared {
        digest: layer.digest.filter(is_sha512),
        diff_id: layer.diff_id.filter(is_sha512),
        ..Declared::default()
    };
    let (mut facts, summary) = read_layer(blob, &declared, &settings.limits, settings.cancelled(), |tar| {
        read_entries(tar, sums, crew)
    });
    facts.bytes = summary.diff_size;
    facts.bytes_read = summary.diff_size;
    facts.anomalies.extend(summary.anomalies);
    // Of bytes that stopped coming no sum says anything: a broken connection must not look like a forged layer.
    facts.transport = summary.broken.is_none().then_some(Transport {
        digest: summary.digest,
        size: summary.size,
        diff_id: summary.diff_id,
        compression: summary.compression,
    });
    let mut lasting = !settings.is_cancelled() && !facts.failed;
    let left = layer.gaps();
    lasting &= left.is_empty();
    facts.gaps.extend(left);
    if let Some(why) = summary.broken {
        facts.gaps.push(Gap::new(
            "",
            format!("reading it broke off: {why}; scan again, and where it stays so, push the image again"),
        ));
        lasting = false;
    }
    let stamp = stamp.filter(|stamp| layer.stamp() == Some(*stamp));
    ReadLayer { facts: Arc::new(facts), lasting, sums, stamp }
}

/// Everything is kept under SHA-256; a layer that is declared by another sum is read each time, as nothing that
/// is kept says whether it has that sum.
fn declares_sha512(layer: &Layer) -> bool {
    layer.digest.iter().chain(&layer.diff_id).any(is_sha512)
}

fn is_sha512(digest: &Digest) -> bool {
    digest.algorithm() == Algorithm::Sha512
}

fn unread(why: &str) -> ReadLayer {
    let facts = LayerFacts { gaps: vec![Gap::new("", why)], ..LayerFacts::default() };
    ReadLayer { facts: Arc::new(facts), lasting: false, sums: Sums::USUAL, stamp: None }
}

fn facts_key(digest: &Digest, sums: Sums, settings: &Settings) -> Key {
    KeyBuilder::new("facts")
        .text(env!("CARGO_PKG_VERSION"))
        .text(&file_analyzers_id(&settings.rules))
        .text(&feeds_id(settings))
        .text(&format!("{sums:?} {:?}", settings.limits))
        .text(&digest.to_string())
        .finish()
}

fn stamp_key(stamp: &Stamp) -> Key {
    KeyBuilder::new("stamp").text(&format!("{stamp:?}")).finish()
}

/// Counts what is read, for the progress bar.
struct Counted<'a, R> {
    blob: R,
    bytes: &'a AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.blob.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
