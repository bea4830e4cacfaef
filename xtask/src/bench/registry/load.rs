//! What is asked of a registry, and how long it took.

use super::client::Client;
use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Where a registry listens, and what it asks for.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) authorization: Option<String>,
    pub(super) repository: String,
}

/// A blob that is pushed and pulled.
pub(super) struct Blob {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: String,
}

/// Requests of one kind.
pub(super) struct Rate {
    pub(super) per_second: f64,
    pub(super) p99: Duration,
}

impl Target {
    pub(super) fn connect(&self) -> Result<Client> {
        Client::connect(self.address, self.authorization.as_deref())
    }
}

impl Blob {
    /// A tar archive with one file of `size` bytes that nothing compresses; another one for each `seed`.
    pub(super) fn layer(size: usize, seed: u64) -> Result<Self> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut noise = Vec::with_capacity(size + 8);
        while noise.len() < size {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            noise.extend_from_slice(&state.to_le_bytes());
        }
        noise.truncate(size);
        let mut header = [0_u8; 512];
        let name = format!("data-{seed}");
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[108..116].copy_from_slice(b"0000000\0");
        header[116..124].copy_from_slice(b"0000000\0");
        header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        header[136..148].copy_from_slice(b"00000000000\0");
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut bytes = header.to_vec();
        bytes.append(&mut noise);
        bytes.resize(bytes.len().next_multiple_of(512) + 1024, 0);
        Ok(Self::of(bytes))
    }

    pub(super) fn of(bytes: Vec<u8>) -> Self {
        let hash = Sha256::digest(&bytes);
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { digest: format!("sha256:{hex}"), bytes }
    }
}

/// Pushes blobs as docker does, each in one piece, over `connections` at once.
pub(super) fn push(target: &Target, blobs: &[Blob], connections: usize) -> Result<Duration> {
    spread(target, blobs.len(), connections, |client, at| {
        let blob = &blobs[at];
        let (answer, _) = client.ask("POST", &format!("/v2/{}/blobs/uploads/", target.repository), &[])?;
        let location = answer.header("location").context("an upload has no location")?.to_owned();
        let path = path_of(&location);
        let (answer, body) = client.send_body("PATCH", path, "application/octet-stream", &blob.bytes)?;
        expect(answer.status, 202, &body)?;
        let location = answer.header("location").context("an upload has no location")?.to_owned();
        let path = path_of(&location);
        let joined = format!("{path}{}digest={}", if path.contains('?') { '&' } else { '?' }, blob.digest);
        let (answer, body) = client.send_body("PUT", &joined, "application/octet-stream", &[])?;
        expect(answer.status, 201, &body)
    })
}

/// Pulls blobs and forgets them.
pub(super) fn pull(target: &Target, blobs: &[Blob], connections: usize) -> Result<Duration> {
    spread(target, blobs.len(), connections, |client, at| {
        let blob = &blobs[at];
        let read = client.drain(&format!("/v2/{}/blobs/{}", target.repository, blob.digest), None)?;
        if read != blob.bytes.len() as u64 {
            bail!("{} has {read} bytes", blob.digest);
        }
        Ok(())
    })
}

/// Pulls one blob over many connections at once, each reader slow enough that all are under way together.
pub(super) fn pull_slowly(target: &Target, blob: &Blob, connections: usize) -> Result<()> {
    let path = format!("/v2/{}/blobs/{}", target.repository, blob.digest);
    spread(target, connections, connections, |client, _| {
        client.drain(&path, Some(Duration::from_millis(20))).map(|_| ())
    })
    .map(|_| ())
}

/// Asks the same thing again and again over `connections` at once.
pub(super) fn rate(
    target: &Target,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    requests: usize,
    connections: usize,
) -> Result<Rate> {
    let started = Instant::now();
    let mut times = std::thread::scope(|scope| -> Result<Vec<Duration>> {
        let workers: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(move || -> Result<Vec<Duration>> {
                    let mut client = target.connect()?;
                    let mut times = Vec::with_capacity(requests / connections);
                    for _ in 0..requests / connections {
                        let asked = Instant::now();
                        let (answer, body) = client.ask(method, path, headers)?;
                        expect(answer.status, 200, &body)?;
                        times.push(asked.elapsed());
                    }
                    Ok(times)
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow::anyhow!("a client panicked"))??);
        }
        Ok(all)
    })?;
    let taken = started.elapsed();
    times.sort_unstable();
    let p99 = times.get(times.len() * 99 / 100).copied().context("nothing was asked")?;
    Ok(Rate { per_second: times.len() as f64 / taken.as_secs_f64(), p99 })
}

pub(super) fn expect(status: u16, wanted: u16, body: &[u8]) -> Result<()> {
    if status == wanted {
        return Ok(());
    }
    bail!(
        "answered with {status} instead of {wanted}: {}",
        String::from_utf8_lossy(&body[..body.len().min(300)])
    );
}

/// Path and query of a location, which may be a whole address.
fn path_of(location: &str) -> &str {
    let after = location.split_once("://").map_or(location, |(_, rest)| rest);
    if after.len() == location.len() { location } else { after.find('/').map_or("/", |at| &after[at..]) }
}

/// Runs `work` for 0..count, shared among `connections` clients; gives the time until the last is done.
fn spread(
    target: &Target,
    count: usize,
    connections: usize,
    work: impl Fn(&mut Client, usize) -> Result<()> + Sync,
) -> Result<Duration> {
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..connections.min(count))
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut client = target.connect()?;
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        if at >= count {
                            return Ok(());
                        }
                        work(&mut client, at)?;
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        }
        Ok(())
    })?;
    Ok(started.elapsed())
}
