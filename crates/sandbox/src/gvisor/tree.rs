//! The guest's tree as the warden sees it: what is run is looked at, and kept, from outside of gVisor.

use super::launch::Runtime;
use crate::error::{Failure, Step};
use crate::trace::{Origins, copy};
use events::{Content, MAX_BYTES, Origin};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The longest content that is kept, and the most of one run.
const LONGEST: u64 = 64 << 20;
const MOST: u64 = 1 << 30;

pub(super) struct Tree {
    root: OwnedFd,
    /// Where the root lies for the warden.
    base: Vec<u8>,
    upper: OwnedFd,
    captures: Option<OwnedFd>,
    origins: Origins,
    kept: HashSet<[u8; 32]>,
    bytes: u64,
}

/// A file of the tree.
pub(super) struct Found {
    /// Its path with all links followed.
    pub(super) path: Vec<u8>,
    pub(super) stat: Stat,
}

/// What came of keeping content.
pub(super) enum Kept {
    New(Content),
    Known(Content),
    Lost,
}

impl Tree {
    pub(super) fn new(
        runtime: &Runtime,
        upper: OwnedFd,
        captures: Option<OwnedFd>,
        planted: &[PathBuf],
    ) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(&runtime.root, flags, Mode::empty()).step("open the guest's root")?;
        let base = runtime.root.as_os_str().as_bytes().to_vec();
        Ok(Self {
            root,
            base,
            upper,
            captures,
            origins: Origins::new(planted),
            kept: HashSet::new(),
            bytes: 0,
        })
    }

    /// Where a path leads in the tree. What lies on a file system of gVisor's own (`/proc`, `/dev`) is not there.
    pub(super) fn find(&self, path: &[u8]) -> Option<Found> {
        let at = self.open(path, OFlags::PATH)?;
        let stat = rustix::fs::fstat(&at).ok()?;
        let name =
            rustix::fs::readlinkat(CWD, format!("/proc/self/fd/{}", at.as_raw_fd()), Vec::new()).ok()?;
        let path = name.to_bytes().strip_prefix(&self.base[..])?.to_vec();
        Some(Found { path: if path.is_empty() { b"/".to_vec() } else { path }, stat })
    }

    /// Where a path of the guest leads, by its name and by what was done to it.
    pub(super) fn named(&self, path: &[u8]) -> Origin {
        match self.origins.named(path) {
            Origin::Image if self.in_upper(path) && !self.origins.was_touched(path) => Origin::Written,
            origin => origin,
        }
    }

    pub(super) fn wrote(&mut self, path: &[u8]) {
        self.origins.wrote(path);
    }

    pub(super) fn touched(&mut self, path: &[u8]) {
        self.origins.touched(path);
    }

    /// Whether it is known as written, and not only found so.
    pub(super) fn is_written(&self, path: &[u8]) -> bool {
        self.origins.named(path) == Origin::Written
    }

    /// The beginning of a regular file.
    pub(super) fn begins(&self, path: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(file) = self.read(path) {
            let _ = File::from(file).take(256).read_to_end(&mut bytes);
        }
        bytes
    }

    /// Keeps what stands at a path now.
    pub(super) fn keep(&mut self, path: &[u8]) -> Kept {
        let Some(file) = self.read(path) else { return Kept::Lost };
        let length = rustix::fs::fstat(&file).map_or(u64::MAX, |stat| stat.st_size.unsigned_abs());
        if length > LONGEST || self.bytes.saturating_add(length) > MOST {
            return Kept::Lost;
        }
        let Ok(content) = copy(File::from(file), self.captures.as_ref()) else { return Kept::Lost };
        self.bytes = self.bytes.saturating_add(content.length);
        if self.kept.insert(content.sha256) { Kept::New(content) } else { Kept::Known(content) }
    }

    fn in_upper(&self, path: &[u8]) -> bool {
        let path = path.get(1..).unwrap_or_default();
        if path.is_empty() || path.len() >= MAX_BYTES {
            return false;
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let found = rustix::fs::openat2(&self.upper, OsStr::from_bytes(path), flags, Mode::empty(), resolve);
        found.and_then(rustix::fs::fstat).is_ok_and(|stat| is_file(&stat))
    }

    /// Opens a regular file; a pipe would make us wait.
    fn read(&self, path: &[u8]) -> Option<OwnedFd> {
        let regular = |file: &OwnedFd| rustix::fs::fstat(file).is_ok_and(|stat| is_file(&stat));
        self.open(path, OFlags::PATH).filter(regular)?;
        self.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY).filter(regular)
    }

    fn open(&self, path: &[u8], flags: OFlags) -> Option<OwnedFd> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let path = OsStr::from_bytes(path);
        rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve).ok()
    }
}

pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}
