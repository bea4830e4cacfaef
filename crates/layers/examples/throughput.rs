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
    let rounds = 5;
    let best = |run: &dyn Fn(&[u8]) -> u64| {
        let once = || {
            let start = Instant::now();
            let bytes: u64 = blobs.iter().map(|blob| run(blob)).sum();
            (start.elapsed(), bytes)
        };
        (0..rounds).map(|_| once()).min().unwrap_or((Duration::ZERO, 0))
    };
    let (inflate, bytes) = best(&|blob| drain(flate2::bufread::MultiGzDecoder::new(blob)));
    let (decoder, _) = best(&|blob| drain(Decoder::new(blob, "", &Limits::default())));
    let (hash, _) = best(&|blob| {
        let mut buffer = Sha256::new();
        buffer.update(blob);
        u64::from(buffer.finalize()[0]) + blob.len() as u64
    });
    let (whole, _) = best(&|blob| {
        let body = |archive: &mut TarReader<_>| {
            let mut entry = Entry::default();
            while let Ok(true) = archive.next_into(&mut entry) {}
        };
        read_layer(blob, &Declared::default(), &Limits::default(), &AtomicBool::new(false), body).1.diff_size
    });
    let speed = |time: Duration| bytes as f64 / time.as_secs_f64() / 1e6;
    println!("{bytes} bytes decompressed, best of {rounds}");
    println!("flate2 alone     {inflate:8.2?} {:6.0} MB/s", speed(inflate));
    println!(
        "decoder          {decoder:8.2?} {:6.0} MB/s, {:.3} of flate2",
        speed(decoder),
        decoder.as_secs_f64() / inflate.as_secs_f64()
    );
    println!("SHA-256 of blobs {hash:8.2?}");
    println!(
        "whole path       {whole:8.2?} {:6.0} MB/s, {:.3} of flate2",
        speed(whole),
        whole.as_secs_f64() / inflate.as_secs_f64()
    );
    Ok(())
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
    let mut archive = Vec::new();
    let count = 1_000_000u32;
    for number in 0..count {
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
    archive.resize(archive.len() + 1024, 0);
    for part in [10, 1] {
        let count = count / part;
        let bytes = archive.get(..count as usize * 1024).unwrap_or_default();
        let start = Instant::now();
        let mut reader = TarReader::new(BufReader::with_capacity(256 << 10, bytes), &Limits::default());
        let mut entry = Entry::default();
        while let Ok(true) = reader.next_into(&mut entry) {}
        let time = start.elapsed();
        println!("{} entries in {time:.2?}, {:.0?} each", reader.entries(), time / count);
    }
}
