//! Measures the reading of layers in ratios within one run: `throughput BLOB...` compares flate2 alone, the
//! decoder and the whole path over the same blobs; without arguments it reads an archive of a million entries.
#![allow(clippy::print_stdout)]

use layers::{Declared, Decoder, Entry, Limits, TarReader, read_layer};
use sha2::{Digest as _, Sha256};
use std::io::{BufReader, Read};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let blobs = std::env::args_os().skip(1).map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    if blobs.is_empty() {
        million_entries();
        return Ok(());
    }
    let flate2 = best(&blobs, |blob| drain(flate2::bufread::MultiGzDecoder::new(blob)));
    let decoder = best(&blobs, |blob| drain(Decoder::new(blob, "", &Limits::default())));
    let hashed = best(&blobs, |blob| {
        let mut hasher = Hasher(Sha256::new(), Sha256::new());
        hasher.0.update(blob);
        let mut reader = flate2::bufread::MultiGzDecoder::new(blob);
        let mut buffer = vec![0; 256 << 10];
        let mut total = 0;
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            hasher.1.update(buffer.get(..read).unwrap_or_default());
            total += read as u64;
        }
        total
    });
    let whole = best(&blobs, |blob| {
        let body = |archive: &mut TarReader<_>| {
            let mut entry = Entry::default();
            while let Ok(true) = archive.next_into(&mut entry) {}
        };
        read_layer(blob, &Declared::default(), &Limits::default(), &AtomicBool::new(false), body).1.diff_size
    });
    println!("{} bytes decompressed, best of {ROUNDS}; ratios are of processor time", flate2.bytes);
    for (name, run, base) in [
        ("flate2 alone", &flate2, &flate2),
        ("decoder", &decoder, &flate2),
        ("flate2 and two SHA-256", &hashed, &hashed),
        ("whole path", &whole, &hashed),
    ] {
        println!(
            "{name:24} {:8.2?} wall {:8.2?} processor {:5.0} MB/s, {:.3}",
            run.wall,
            run.processor,
            run.bytes as f64 / run.wall.as_secs_f64() / 1e6,
            run.processor.as_secs_f64() / base.processor.as_secs_f64(),
        );
    }
    Ok(())
}

/// Hashes of the transported bytes and of the archive.
struct Hasher(Sha256, Sha256);

const ROUNDS: usize = 7;

struct Run {
    wall: Duration,
    processor: Duration,
    bytes: u64,
}

fn best(blobs: &[Vec<u8>], run: impl Fn(&[u8]) -> u64) -> Run {
    let mut best = Run { wall: Duration::MAX, processor: Duration::MAX, bytes: 0 };
    for _ in 0..ROUNDS {
        let (start, processor) = (Instant::now(), processor_time());
        best.bytes = blobs.iter().map(|blob| run(blob)).sum();
        best.wall = best.wall.min(start.elapsed());
        best.processor = best.processor.min(processor_time().saturating_sub(processor));
    }
    best
}

/// User and system time of this process so far: on a shared machine the only time that can be compared.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn drain(mut reader: impl Read) -> u64 {
    let mut buffer = vec![0; 256 << 10];
    let mut total = 0;
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        total += read as u64;
    }
    total
}

fn million_entries() {
    for with_pax in [false, true] {
        println!("a PAX header with a time and an attribute before each entry: {with_pax}");
        measure_entries(&million(with_pax));
    }
}

const COUNT: u32 = 1_000_000;

fn million(with_pax: bool) -> Vec<u8> {
    let mut archive = Vec::new();
    for number in 0..COUNT {
        if with_pax {
            archive.extend(test_support::pax_header(&[
                (b"mtime", b"1700000000.123456789"),
                (b"SCHILY.xattr.security.capability", b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            ]));
        }
        let mut header = tar::Header::new_ustar();
        let name = format!("usr/share/a/directory/of/some/depth/{:03}/file-{number}.txt", number % 1000);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(1);
        header.set_mtime(1_700_000_000);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.push(b'x');
        archive.resize(archive.len() + 511, 0);
    }
    archive
}

fn measure_entries(archive: &[u8]) {
    for part in [10, 1] {
        let count = COUNT / part;
        let bytes = archive.get(..archive.len() / part as usize).unwrap_or_default();
        let start = processor_time();
        let mut reader = TarReader::new(BufReader::with_capacity(256 << 10, bytes), &Limits::default());
        let mut entry = Entry::default();
        while let Ok(true) = reader.next_into(&mut entry) {}
        let time = processor_time().saturating_sub(start);
        println!("{} entries in {time:.2?} of processor time, {:?} each", reader.entries(), time / count);
    }
}
