//! Files that are looked for again and again and are not there, as a dynamic linker looks for libraries.
//!
//! The call that would open one is answered by the tracer, which has looked itself, and does not happen: the guest is
//! told what the record says, whatever its memory or its tree have become meanwhile, and does not stop a second time.

use super::Tracer;
use super::origin::hash;
use events::MAX_BYTES;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// How many paths are remembered; each takes the place of another one.
const MOST: usize = 4096;

/// Paths of which something was found. It only says where looking is worth it.
#[derive(Debug)]
pub(super) struct Known(Vec<u64>);

impl Known {
    pub(super) fn new() -> Self {
        Self(vec![0; MOST])
    }

    fn place(&mut self, hash: u64) -> Option<&mut u64> {
        self.0.get_mut((hash % MOST as u64) as usize)
    }

    pub(super) fn holds(&self, hash: u64) -> bool {
        self.0.get((hash % MOST as u64) as usize) == Some(&hash)
    }

    pub(super) fn note(&mut self, hash: u64) {
        if let Some(place) = self.place(hash) {
            *place = hash;
        }
    }
}

/// Flags of opening that change nothing about which file it is, and nothing in it.
pub(super) const ONLY_READS: u32 = (libc::O_CLOEXEC
    | libc::O_NONBLOCK
    | libc::O_NOCTTY
    | libc::O_DIRECTORY
    // O_LARGEFILE as the kernel numbers it: the C library has 0 for it.
    | 0o100_000) as u32;

impl Tracer {
    /// Whether opening `path`, as it was asked for, finds nothing. Only said where the guest itself would be told so:
    /// by who may search every directory, and where the way leads over no other mount, whose files may be different
    /// ones for each who looks.
    pub(super) fn is_absent(&mut self, tid: i32, path: &[u8], flags: u64) -> bool {
        let hash = hash(path);
        let plain = flags as u32 & !ONLY_READS == 0 && path.starts_with(b"/") && path.len() < MAX_BYTES;
        let searches =
            self.tasks.group(self.tasks.group_of(tid)).is_some_and(|group| group.searches) && !self.chrooted;
        let Some(root) = self.root.as_ref().filter(|_| plain && searches) else { return false };
        if !self.absent.holds(hash) {
            return false;
        }
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let found = rustix::fs::openat2(root, OsStr::from_bytes(path), flags, Mode::empty(), resolve);
        let absent = found.is_err_and(|errno| errno == Errno::NOENT);
        if !absent && let Some(place) = self.absent.place(hash) {
            *place = 0;
        }
        absent
    }

    /// A process may be about to give up rights: from now on it may be told of a directory that it cannot search.
    pub(super) fn restrict(&mut self, tid: i32) {
        let group = self.tasks.group_of(tid);
        if let Some(group) = self.tasks.group_mut(group) {
            group.searches = false;
        }
    }
}
