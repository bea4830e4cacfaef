use super::layout;
use anyhow::{Result, bail};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

const BUFFER: usize = 256 << 10;

/// What no reader of an image can do without: inflate every layer and hash it as it is and as it was
/// transported. Layers are taken by as many threads as a scan has, the largest first.
pub(crate) fn run(layout: &Path, threads: usize) -> Result<()> {
    let mut layers = layout::layers(layout)?;
    layers.sort_by_key(|(_, path)| std::cmp::Reverse(path.metadata().map_or(0, |meta| meta.len())));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1))
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    while let Some((media_type, path)) = layers.get(next.fetch_add(1, Ordering::Relaxed)) {
                        inflate_and_hash(media_type, path)?;
                    }
                    Ok(())
                })
            })
            .collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => done?,
                Err(_) => bail!("a thread failed"),
            }
        }
        Ok(())
    })
}

fn inflate_and_hash(media_type: &str, path: &Path) -> Result<()> {
    let mut transported = Hashing { inner: File::open(path)?, hash: Sha256::new() };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let input = std::io::BufReader::with_capacity(BUFFER, &mut transported);
    let mut inflated: Box<dyn Read> = match media_type.rsplit(['+', '.']).next() {
        Some("gzip") => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
        Some("zstd") => Box::new(zstd::stream::read::Decoder::with_buffer(input)?),
        _ => Box::new(input),
    };
    loop {
        let read = inflated.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    drop(inflated);
    std::hint::black_box((hash.finalize(), transported.hash.finalize()));
    Ok(())
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
