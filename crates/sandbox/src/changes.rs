//! What a run left behind: the difference between the tree that it began with and the one that it ended with.

use crate::message::{self, Answer};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, openat, openat2, statat};
use serde::{Deserialize, Serialize};
use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Something that the guest changed in its file system.
#[derive(Debug)]
pub struct Change {
    /// What it is.
    pub entry: Entry,
    /// The content of a file, to be read.
    pub content: Option<File>,
}

/// A place of the tree that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where, without a leading slash. Raw bytes of the guest.
    pub path: Vec<u8>,
    /// What is there now.
    pub kind: EntryKind,
    /// Its mode.
    pub mode: u32,
    /// Its owner, as the guest numbers them.
    pub owner: (u32, u32),
}

/// What stands at a place of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// A file that is new, or was opened for writing, or was given other attributes.
    File {
        /// Bytes.
        length: u64,
    },
    /// A directory that the image does not have, or all of whose content was taken away before (`emptied`).
    Directory {
        /// Whether what the image has in it is gone.
        emptied: bool,
    },
    /// A symbolic link.
    Link(Vec<u8>),
    /// A pipe, socket or device.
    Special,
    /// Nothing any more.
    Removed,
    /// A directory too deep to be looked into, or one that could not be read: what is below is not told.
    Unread,
}

/// The most places that are told of. What is beyond is told as one [`EntryKind::Unread`] with an empty path.
pub const MOST_CHANGES: usize = 500_000;

/// How deep the tree is walked.
const DEEPEST: usize = 300;

/// A file that the sandbox put there itself. It is no change for as long as nobody touches it.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    /// As the plan names it.
    pub(crate) asked: PathBuf,
    path: PathBuf,
    changed: (i64, u64),
}

impl Planted {
    /// What was just written to `path` of the tree below `root`.
    pub(crate) fn file(root: BorrowedFd<'_>, path: &Path) -> Option<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let found = openat2(root, path, flags, Mode::empty(), resolve).ok()?;
        let name = |descriptor: BorrowedFd<'_>| {
            use rustix::fd::AsRawFd;
            std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd())).ok()
        };
        let real = name(found.as_fd())?.strip_prefix(name(root)?).ok()?.to_owned();
        let changed = changed(&rustix::fs::fstat(&found).ok()?);
        Some(Self { asked: path.to_owned(), path: real, changed })
    }

    /// What stands at a name of the upper directory now.
    pub(crate) fn now(upper: BorrowedFd<'_>, name: &Path) -> Option<Self> {
        let found = statat(upper, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Self { asked: Path::new("/").join(name), path: name.to_owned(), changed: changed(&found) })
    }
}

fn changed(found: &Stat) -> (i64, u64) {
    (found.st_ctime, found.st_ctime_nsec)
}

/// Tells all changes over the socket, each file with its content.
pub(crate) fn tell(control: &OwnedFd, upper: BorrowedFd<'_>, lowers: &[OwnedFd], planted: &[Planted]) {
    let mut walk = Walk { control, lowers, planted, told: 0 };
    if walk.directory(upper, &mut Vec::new(), 0).is_none() && walk.told >= MOST_CHANGES {
        let entry = Entry { path: Vec::new(), kind: EntryKind::Unread, mode: 0, owner: (0, 0) };
        let _ = message::send(control, &Answer::Change(entry), &[]);
    }
}

struct Walk<'a> {
    control: &'a OwnedFd,
    lowers: &'a [OwnedFd],
    planted: &'a [Planted],
    told: usize,
}

impl Walk<'_> {
    /// None where nothing more is to be told.
    fn directory(&mut self, at: BorrowedFd<'_>, path: &mut Vec<u8>, depth: usize) -> Option<()> {
        let Ok(entries) = Dir::read_from(at) else { return self.unread(path) };
        for entry in entries {
            let Ok(entry) = entry else { return self.unread(path) };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let before = path.len();
            if before > 0 {
                path.push(b'/');
            }
            path.extend(name.to_bytes());
            self.entry(at, name, path, depth)?;
            path.truncate(before);
        }
        Some(())
    }

    fn entry(&mut self, at: BorrowedFd<'_>, name: &CStr, path: &mut Vec<u8>, depth: usize) -> Option<()> {
        let Ok(found) = statat(at, name, AtFlags::SYMLINK_NOFOLLOW) else { return self.unread(path) };
        let place = Path::new(OsStr::from_bytes(path));
        if self.planted.iter().any(|planted| planted.path == place && planted.changed == changed(&found)) {
            return Some(());
        }
        let mut content = None;
        let kind = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
                content = openat(at, name, flags, Mode::empty()).ok();
                if content.as_ref().is_some_and(|file| marked(file.as_fd(), "whiteout")) {
                    content = None;
                    EntryKind::Removed
                } else {
                    EntryKind::File { length: found.st_size.unsigned_abs() }
                }
            }
            FileType::CharacterDevice if found.st_rdev == 0 => EntryKind::Removed,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(at, name, Vec::new());
                EntryKind::Link(target.map(|target| target.into_bytes()).unwrap_or_default())
            }
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let Ok(below) = openat(at, name, flags, Mode::empty()) else { return self.unread(path) };
                if depth >= DEEPEST {
                    return self.unread(path);
                }
                let emptied = marked(below.as_fd(), "opaque");
                if emptied || !self.had(place) {
                    self.tell(path, EntryKind::Directory { emptied }, &found, None)?;
                }
                return self.directory(below.as_fd(), path, depth + 1);
            }
            _ => EntryKind::Special,
        };
        self.tell(path, kind, &found, content.as_ref().map(AsFd::as_fd))
    }

    /// Whether the image has a directory there.
    fn had(&self, place: &Path) -> bool {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        self.lowers.iter().any(|lower| openat2(lower, place, flags, Mode::empty(), resolve).is_ok())
    }

    fn unread(&mut self, path: &[u8]) -> Option<()> {
        let entry = Entry { path: path.to_vec(), kind: EntryKind::Unread, mode: 0, owner: (0, 0) };
        self.send(entry, None)
    }

    fn tell(
        &mut self,
        path: &[u8],
        kind: EntryKind,
        found: &Stat,
        content: Option<BorrowedFd<'_>>,
    ) -> Option<()> {
        let entry = Entry {
            path: path.to_vec(),
            kind,
            mode: found.st_mode & 0o7777,
            owner: (found.st_uid, found.st_gid),
        };
        self.send(entry, content)
    }

    fn send(&mut self, entry: Entry, content: Option<BorrowedFd<'_>>) -> Option<()> {
        self.told += 1;
        if self.told >= MOST_CHANGES {
            return None;
        }
        message::send(self.control, &Answer::Change(entry), content.as_slice()).ok()
    }
}

/// Whether the overlay left this mark.
fn marked(place: BorrowedFd<'_>, mark: &str) -> bool {
    ["user", "trusted"].iter().any(|space| {
        let mut value = [0; 2];
        rustix::fs::fgetxattr(place, format!("{space}.overlay.{mark}"), &mut value[..]).is_ok()
    })
}
