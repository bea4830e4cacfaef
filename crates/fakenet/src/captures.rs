use events::Content;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;

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

fn write(path: &std::path::Path, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, bytes)?;
    std::fs::rename(part, path)
}
