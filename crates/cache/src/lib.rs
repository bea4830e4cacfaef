//! Keeps what was learned.
//!
//! Comes in: a key that names everything a value depends on, and the value. Goes out: the same value, or
//! nothing. Never: a value that is not whole, a file outside the cache directory, more bytes than the bound,
//! or an error that stops a scan: what cannot be kept is computed again.
//!
//! Several processes may use one directory at once. A value is written beside its place and renamed into it,
//! so a reader sees all of it or none; each carries a hash of itself, so what a crash or a full disk has cut
//! short is not taken for whole.
#![forbid(unsafe_code)]

mod evict;
mod key;

pub use key::{Key, KeyBuilder};

use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

/// First bytes of every value; the number is raised when the form of values changes.
const MAGIC: &[u8; 8] = b"rstead01";
/// A value beyond this is not read back: nothing that is kept comes near it.
const LARGEST: u64 = 1 << 30;

/// Kinds of values, each in a folder of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// What was learned from a layer's bytes.
    Facts,
    /// What was said of an image.
    Verdicts,
    /// Which bytes on this disk were hashed already, and to what.
    Stamps,
}

impl Shelf {
    const ALL: [Self; 3] = [Self::Facts, Self::Verdicts, Self::Stamps];

    fn folder(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Verdicts => "verdicts",
            Self::Stamps => "stamps",
        }
    }
}

/// A cache directory. Cheap to open; nothing is created before the first value is kept.
#[derive(Debug)]
pub struct Cache {
    root: PathBuf,
    limit: u64,
    written: AtomicBool,
}

/// Why the cache directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Listing or removing failed.
    #[error("cannot use the cache directory {path}; name another with --cache-dir, or run with --no-cache")]
    Directory {
        /// The directory.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Cache {
    /// The cache in `root`, which [`Cache::tidy`] holds below `limit` bytes.
    pub fn new(root: impl Into<PathBuf>, limit: u64) -> Self {
        Self { root: root.into(), limit, written: AtomicBool::new(false) }
    }

    /// The value kept under a key. Anything that is missing, cut short, altered or of another form is none.
    pub fn get<T: DeserializeOwned>(&self, shelf: Shelf, key: &Key) -> Option<T> {
        let path = self.path(shelf, key);
        // A link in the cache directory was not put there by us.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(&path, flags, Mode::empty()).ok()?);
        let len = file.metadata().ok().filter(|meta| meta.is_file() && meta.len() <= LARGEST)?.len();
        let mut bytes = Vec::with_capacity(usize::try_from(len).ok()?);
        (&file).take(LARGEST).read_to_end(&mut bytes).ok()?;
        let payload_len = bytes.len().checked_sub(32)?;
        let (payload, hash) = bytes.split_at(payload_len);
        if Sha256::digest(payload).as_slice() != hash {
            return None;
        }
        let value = postcard::from_bytes(payload.strip_prefix(MAGIC)?).ok()?;
        // The time of the last use decides what is evicted first.
        let _ = file.set_modified(SystemTime::now());
        Some(value)
    }

    /// Whether something is kept under a key; whether it is whole only [`Cache::get`] tells.
    pub fn has(&self, shelf: Shelf, key: &Key) -> bool {
        self.path(shelf, key).symlink_metadata().is_ok_and(|meta| meta.is_file())
    }

    /// Keeps a value. Failure is silent on purpose: a full disk must not fail a scan whose result is at hand.
    pub fn put<T: Serialize>(&self, shelf: Shelf, key: &Key, value: &T) {
        if self.try_put(shelf, key, value).is_ok() {
            self.written.store(true, Ordering::Relaxed);
        }
    }

    /// Evicts the values longest unused until the bound holds. Looks at the directory only when this process
    /// has added to it.
    pub fn tidy(&self) {
        if self.written.swap(false, Ordering::Relaxed) {
            // Another process may be evicting the same files; what is gone is gone.
            let _ = evict::evict(&self.root, self.limit);
        }
    }

    /// Removes every value.
    ///
    /// # Errors
    /// When the directory cannot be listed or a file in it not removed.
    pub fn clear(&self) -> Result<(), Error> {
        evict::evict(&self.root, 0).map(drop).map_err(|source| Error::Directory {
            path: model::escape_text(&self.root.to_string_lossy()),
            source,
        })
    }

    fn try_put<T: Serialize>(&self, shelf: Shelf, key: &Key, value: &T) -> io::Result<()> {
        let path = self.path(shelf, key);
        let folder = path.parent().unwrap_or(&self.root);
        create_private(folder)?;
        let file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
        let mut out = Hashing { out: BufWriter::with_capacity(256 << 10, file), hash: Sha256::new() };
        out.write_all(MAGIC)?;
        let mut out = postcard::to_io(value, out).map_err(io::Error::other)?;
        let hash = out.hash.finalize();
        out.out.write_all(&hash)?;
        let file = out.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.persist(&path).map_err(|failed| failed.error)?;
        Ok(())
    }

    fn path(&self, shelf: Shelf, key: &Key) -> PathBuf {
        let name = key.hex();
        let (fan, _) = name.split_at(2);
        self.root.join(shelf.folder()).join(fan).join(&name)
    }
}

/// What one user's images hold is nobody else's to read.
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        KeyBuilder::new("test").text(text).finish()
    }

    fn check(damage: impl Fn(&mut Vec<u8>), expect: Option<Vec<u32>>) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path(), 1 << 20);
        cache.put(Shelf::Facts, &key("a"), &vec![1u32, 2, 300]);
        let path = cache.path(Shelf::Facts, &key("a"));
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(cache.get::<Vec<u32>>(Shelf::Facts, &key("a")), expect);
        assert_eq!(cache.get::<Vec<u32>>(Shelf::Verdicts, &key("a")), None);
        assert_eq!(cache.get::<Vec<u32>>(Shelf::Facts, &key("b")), None);
    }

    #[test]
    fn a_value_comes_back_whole_or_not_at_all() {
        check(|_| (), Some(vec![1, 2, 300]));
        check(|bytes| bytes.truncate(bytes.len() - 1), None);
        check(|bytes| bytes[9] ^= 1, None);
        check(|bytes| bytes[0] ^= 1, None);
        check(|bytes| bytes.clear(), None);
        check(|bytes| bytes.push(0), None);
    }

    #[test]
    fn a_link_in_the_cache_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path().join("cache"), 1 << 20);
        cache.put(Shelf::Facts, &key("a"), &7u32);
        let path = cache.path(Shelf::Facts, &key("a"));
        let elsewhere = dir.path().join("elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert_eq!(cache.get::<u32>(Shelf::Facts, &key("a")), None);
    }

    #[test]
    fn the_bound_holds_and_what_was_used_last_stays() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::new(dir.path(), 40_000);
        for n in 0..20u32 {
            cache.put(Shelf::Facts, &key(&n.to_string()), &vec![n; 4_000]);
            let path = cache.path(Shelf::Facts, &key(&n.to_string()));
            let old = SystemTime::now() - std::time::Duration::from_secs(1_000 - u64::from(n) * 10);
            File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        }
        assert!(cache.get::<Vec<u32>>(Shelf::Facts, &key("0")).is_some());
        cache.tidy();
        let kept = (0..20u32).filter(|n| cache.get::<Vec<u32>>(Shelf::Facts, &key(&n.to_string())).is_some());
        let kept: Vec<u32> = kept.collect();
        assert!(kept.contains(&0), "used last: {kept:?}");
        assert!(kept.contains(&19) && !kept.contains(&1), "{kept:?}");
        cache.clear().unwrap();
        assert_eq!(cache.get::<Vec<u32>>(Shelf::Facts, &key("19")), None);
    }

    #[test]
    fn several_writers_and_readers_see_whole_values_only() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4u32 {
                let root = dir.path();
                scope.spawn(move || {
                    let cache = Cache::new(root, 100_000);
                    for round in 0..50u32 {
                        cache.put(Shelf::Facts, &key("shared"), &vec![round; 1_000]);
                        if let Some(values) = cache.get::<Vec<u32>>(Shelf::Facts, &key("shared")) {
                            assert_eq!(values.len(), 1_000);
                            assert!(values.iter().all(|value| *value == values[0]));
                        }
                        if writer == 0 {
                            cache.tidy();
                        }
                    }
                });
            }
        });
    }
}
