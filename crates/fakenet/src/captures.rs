use events::Content;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Bodies, kept once each under their digest, until the space for them is used up.
pub(crate) struct Captures {
    directory: Option<PathBuf>,
    most: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    digests: BTreeSet<[u8; 32]>,
    bytes: u64,
}

/// What became of a body.
pub(crate) struct Capture {
    pub(crate) content: Content,
    /// Kept now, and not before.
    pub(crate) new: bool,
    /// It should have been kept and was not.
    pub(crate) lost: bool,
}

impl Captures {
    pub(crate) fn new(directory: Option<PathBuf>, most: u64) -> Self {
        Self { directory, most, kept: Mutex::default() }
    }

    pub(crate) fn keep(&self, bytes: &[u8]) -> Capture {
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        let mut capture = Capture {
            content: Content { sha256, length: bytes.len() as u64, kept: false },
            new: false,
            lost: false,
        };
        let Some(directory) = &self.directory else { return capture };
        let mut kept = self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.digests.contains(&sha256) {
            capture.content.kept = true;
            return capture;
        }
        if kept.bytes.saturating_add(bytes.len() as u64) > self.most {
            capture.lost = true;
            return capture;
        }
        match write(&directory.join(data_encoding::HEXLOWER.encode(&sha256)), bytes) {
            Ok(()) => {
                kept.digests.insert(sha256);
                kept.bytes += bytes.len() as u64;
                capture.new = true;
                capture.content.kept = true;
            }
            Err(_) => capture.lost = true,
        }
        capture
    }
}

/// Runs that go on at the same time keep the same body in one directory, each by a file of its own until it is whole.
fn write(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let part = path.with_extension(format!("part-{}", NUMBER.fetch_add(1, Relaxed)));
    std::fs::write(&part, bytes)?;
    std::fs::rename(part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_keep_the_same_body_at_once_lose_none() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..200_u32 {
            let body = number.to_le_bytes();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    let captures = Captures::new(Some(directory.path().to_owned()), 1 << 20);
                    scope.spawn(move || assert!(!captures.keep(&body).lost, "{number}"));
                }
            });
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 200);
    }
}
