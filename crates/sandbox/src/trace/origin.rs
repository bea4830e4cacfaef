//! Where a file comes from: the image, or what wrote it while the image ran.

use super::Tracer;
use events::{MAX_BYTES, Origin};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Stat, StatxFlags};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The most paths that are remembered. Beyond it the upper directory alone says what was written.
const MOST: usize = 200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Its content was changed, or it appeared.
    Written,
    /// Only rights, owners or times were changed, which copies an image's file to the upper directory as it is.
    Touched,
}

/// What the run has done to which path.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    marks: HashMap<u64, Mark>,
    planted: HashSet<Vec<u8>>,
    /// Files that were found to be the image's, by device, number and last change.
    image: HashSet<(u64, u64, i64, u64)>,
}

impl Origins {
    pub(crate) fn new(planted: &[PathBuf]) -> Self {
        let planted = planted.iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect();
        Self { marks: HashMap::new(), planted, image: HashSet::new() }
    }

    pub(crate) fn wrote(&mut self, path: &[u8]) {
        self.mark(path, Mark::Written);
    }

    pub(crate) fn touched(&mut self, path: &[u8]) {
        if self.get(path).is_none() {
            self.mark(path, Mark::Touched);
        }
    }

    fn mark(&mut self, path: &[u8], mark: Mark) {
        if self.marks.len() < MOST {
            self.marks.insert(hash(path), mark);
        }
    }

    fn get(&self, path: &[u8]) -> Option<Mark> {
        self.marks.get(&hash(path)).copied()
    }

    /// Whether only its rights, owners or times were changed.
    pub(crate) fn was_touched(&self, path: &[u8]) -> bool {
        self.get(path) == Some(Mark::Touched)
    }

    pub(super) fn is_planted(&self, path: &[u8]) -> bool {
        self.planted.contains(path)
    }

    /// Where a path leads, from what is known of it without asking the file system.
    pub(crate) fn named(&self, path: &[u8]) -> Origin {
        if self.planted.contains(path) {
            return Origin::Planted;
        }
        let kernel = [&b"/proc"[..], b"/sys", b"/dev"];
        if kernel
            .iter()
            .any(|top| path.strip_prefix(*top).is_some_and(|rest| matches!(rest.first(), None | Some(b'/'))))
            && !path.starts_with(b"/dev/shm/")
        {
            return Origin::Kernel;
        }
        match self.get(path) {
            Some(Mark::Written) => Origin::Written,
            _ => Origin::Image,
        }
    }
}

pub(super) fn hash(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

impl Tracer {
    /// Where a file comes from that is run or mapped, asked of the file system and not of names: `link` is its
    /// name as the kernel shows it, `at` a place under `/proc` that leads to it.
    pub(super) fn origin(&mut self, link: &[u8], at: &str, stat: &Stat) -> Origin {
        let version = (stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec);
        if self.origins.image.contains(&version) {
            return Origin::Image;
        }
        let origin = self.look_up_origin(link, at, stat);
        if origin == Origin::Image && self.origins.image.len() < MOST {
            self.origins.image.insert(version);
        }
        origin
    }

    fn look_up_origin(&self, link: &[u8], at: &str, stat: &Stat) -> Origin {
        if stat.st_nlink == 0 {
            return if link.starts_with(b"/memfd:") { Origin::Memory } else { Origin::Deleted };
        }
        if self.origins.is_planted(link) {
            return Origin::Planted;
        }
        // What lies on another mount than the root (`/dev/shm`, `/run`) is never the image's.
        let mount = |fd: rustix::fd::BorrowedFd<'_>, path: &OsStr, flags| {
            rustix::fs::statx(fd, path, flags, StatxFlags::MNT_ID).ok().map(|statx| statx.stx_mnt_id)
        };
        if let Some(root) = &self.root {
            use rustix::fd::AsFd;
            let here = mount(rustix::fs::CWD, OsStr::new(at), AtFlags::empty());
            if here != mount(root.as_fd(), OsStr::new(""), AtFlags::EMPTY_PATH) {
                return Origin::Written;
            }
        }
        if self.in_upper(link) && self.origins.get(link) != Some(Mark::Touched) {
            Origin::Written
        } else {
            Origin::Image
        }
    }

    fn in_upper(&self, path: &[u8]) -> bool {
        let path = path.get(1..).unwrap_or_default();
        if path.is_empty() || path.len() >= MAX_BYTES {
            return true;
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let upper =
            rustix::fs::openat2(&self.context.upper, OsStr::from_bytes(path), flags, Mode::empty(), resolve);
        let Ok(stat) = upper.and_then(rustix::fs::fstat) else { return false };
        FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice
    }
}
