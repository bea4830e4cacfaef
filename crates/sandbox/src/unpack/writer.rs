use super::{Item, ItemKind, LONGEST, MOST_NOTES, Note, Unpacked};
use crate::error::{Failure, Step};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, linkat, mkdirat,
    openat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{BufRead, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The highest id that a guest has.
const HIGHEST: u32 = 65_535;
/// Whose files are that belong to somebody else.
const NOBODY: u32 = 65_534;

/// How deep a path may be.
const DEEPEST: usize = 512;

/// Writes what comes out of the pipe below the working directory, which is the root.
pub(super) fn write(mut from: impl BufRead, (entries, bytes): (u64, u64)) -> Result<Unpacked, Failure> {
    let mut tree = Tree { done: Unpacked::default(), times: Vec::new() };
    while let Some(item) = next(&mut from)? {
        tree.done.entries += 1;
        if tree.done.entries > entries {
            return Err(Failure::new("write a tree with more entries than are allowed", Errno::DQUOT));
        }
        let length = if let ItemKind::File { length } = item.kind { length } else { 0 };
        tree.done.bytes = tree.done.bytes.saturating_add(length);
        if tree.done.bytes > bytes {
            return Err(Failure::new("write a tree with more bytes than are allowed", Errno::DQUOT));
        }
        let mut content = from.by_ref().take(length);
        match tree.put(&item, &mut content) {
            Ok(()) => {}
            Err(errno @ (Errno::NOSPC | Errno::DQUOT | Errno::IO | Errno::ROFS)) => {
                return Err(Failure::new("write a file of the tree", errno));
            }
            Err(errno) => tree.note(&item, format!("not written: {}", std::io::Error::from(errno))),
        }
        // What was not taken must not be read as the next entry.
        let read = std::io::copy(&mut content, &mut std::io::sink()).step("read the content of a file")?;
        let _ = read;
    }
    // Times of directories last, since writing into them changes them.
    for (path, modified) in std::mem::take(&mut tree.times).into_iter().rev() {
        if let Ok((parent, name)) = parent(&path, false) {
            let _ = utimensat(&parent, name, &times(modified), AtFlags::SYMLINK_NOFOLLOW);
        }
    }
    Ok(tree.done)
}

fn next(from: &mut impl BufRead) -> Result<Option<Item>, Failure> {
    let step = "read an entry of the tree";
    if from.fill_buf().step(step)?.is_empty() {
        return Ok(None);
    }
    let mut length = [0; 4];
    from.read_exact(&mut length).step(step)?;
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(Failure::new(step, Errno::BADMSG));
    }
    let mut line = vec![0; length as usize];
    from.read_exact(&mut line).step(step)?;
    postcard::from_bytes(&line).map(Some).map_err(|_| Failure::new(step, Errno::BADMSG))
}

struct Tree {
    done: Unpacked,
    times: Vec<(Vec<u8>, i64)>,
}

impl Tree {
    fn put(&mut self, item: &Item, content: &mut impl Read) -> rustix::io::Result<()> {
        if item.path.iter().all(|byte| matches!(byte, b'/' | b'.'))
            && !item.path.windows(2).any(|pair| pair == b"..")
        {
            // The root itself.
            let root = open_directory(CWD, OsStr::new("/"))?;
            return self.dress(root.as_fd(), item);
        }
        let (parent, name) = parent(&item.path, true)?;
        let parent = parent.as_fd();
        let there = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
            .map(|found| FileType::from_raw_mode(found.st_mode));
        if item.kind == ItemKind::Directory {
            if matches!(there, Ok(kind) if kind != FileType::Directory) {
                self.note(item, "replaces what an entry before wrote".to_owned());
                unlinkat(parent, name, AtFlags::empty())?;
            }
            match mkdirat(parent, name, Mode::from(0o700)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            let made = open_directory(parent, name)?;
            self.times.push((item.path.clone(), item.modified));
            return self.dress(made.as_fd(), item);
        }
        match there {
            Err(Errno::NOENT) => {}
            // Not empty: `rmdir` says so, and the entry is not written.
            Ok(FileType::Directory) => unlinkat(parent, name, AtFlags::REMOVEDIR)?,
            Ok(_) => {
                self.note(item, "replaces what an entry before wrote".to_owned());
                unlinkat(parent, name, AtFlags::empty())?;
            }
            Err(errno) => return Err(errno),
        }
        match &item.kind {
            ItemKind::Link(target) => {
                symlinkat(OsStr::from_bytes(target), parent, name)?;
                self.own(parent, name, item);
                let _ = utimensat(parent, name, &times(item.modified), AtFlags::SYMLINK_NOFOLLOW);
                Ok(())
            }
            ItemKind::HardLink(target) => {
                let (directory, target) = self::parent(target, false)?;
                let found = statat(&directory, target, AtFlags::SYMLINK_NOFOLLOW)?;
                if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
                    return Err(Errno::ISDIR);
                }
                linkat(&directory, target, parent, name, AtFlags::empty())
            }
            ItemKind::Pipe => {
                rustix::fs::mknodat(parent, name, FileType::Fifo, Mode::from(0o600), 0)?;
                self.own(parent, name, item);
                rustix::fs::chmodat(parent, name, Mode::from(item.mode & 0o7777), AtFlags::empty())
            }
            ItemKind::File { .. } | ItemKind::Other | ItemKind::Directory => {
                if item.kind == ItemKind::Other {
                    self.note(item, "a device or socket: written as an empty file".to_owned());
                }
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let mut file = File::from(openat(parent, name, flags, Mode::from(0o600))?);
                copy(content, &mut file)?;
                self.dress(file.as_fd(), item)
            }
        }
    }

    /// Owner, mode, attributes and time of what was just written. The owner comes first: changing it takes setuid
    /// bits and file capabilities away.
    fn dress(&mut self, place: BorrowedFd<'_>, item: &Item) -> rustix::io::Result<()> {
        let (uid, gid) = self.owner(item);
        if let Err(errno) = rustix::fs::fchown(place, Some(uid), Some(gid)) {
            self.unowned(item, errno);
        }
        rustix::fs::fchmod(place, Mode::from(item.mode & 0o7777))?;
        for (name, value) in &item.attributes {
            let takes = name.starts_with(b"user.") && !name.starts_with(b"user.overlay.")
                || name == b"security.capability";
            let set = CString::new(name.as_slice()).map_err(|_| Errno::INVAL).and_then(|plain| {
                if takes {
                    rustix::fs::fsetxattr(place, plain, value, XattrFlags::empty())
                } else {
                    Err(Errno::PERM)
                }
            });
            if let Err(errno) = set {
                let name = String::from_utf8_lossy(name).escape_debug().to_string();
                self.note(item, format!("attribute {name} left out: {}", std::io::Error::from(errno)));
            }
        }
        if item.kind != ItemKind::Directory {
            rustix::fs::futimens(place, &times(item.modified))?;
        }
        Ok(())
    }

    fn own(&mut self, parent: BorrowedFd<'_>, name: &OsStr, item: &Item) {
        let (uid, gid) = self.owner(item);
        if let Err(errno) = rustix::fs::chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
        {
            self.unowned(item, errno);
        }
    }

    /// A guest with one id gives everything to it, which is no news of one file.
    fn unowned(&mut self, item: &Item, errno: Errno) {
        if errno != Errno::INVAL {
            self.note(item, format!("its owner could not be set: {}", std::io::Error::from(errno)));
        }
    }

    fn owner(&mut self, item: &Item) -> (Uid, Gid) {
        let (uid, gid) = item.owner;
        if uid > HIGHEST || gid > HIGHEST {
            self.note(item, format!("owner {uid}:{gid} is above {HIGHEST}: given to {NOBODY}"));
        }
        let bounded = |id: u32| if id > HIGHEST { NOBODY } else { id };
        (Uid::from_raw(bounded(uid)), Gid::from_raw(bounded(gid)))
    }

    fn note(&mut self, item: &Item, what: String) {
        if self.done.notes.len() < MOST_NOTES {
            let path = item.path.iter().copied().take(4096).collect();
            self.done.notes.push(Note { path, what });
        } else {
            self.done.more_notes += 1;
        }
    }
}

fn copy(content: &mut impl Read, file: &mut File) -> rustix::io::Result<()> {
    let mut bytes = vec![0; 128 << 10];
    let code = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    loop {
        match content.read(&mut bytes).map_err(code)? {
            0 => return Ok(()),
            read => file.write_all(bytes.get(..read).unwrap_or_default()).map_err(code)?,
        }
    }
}

/// The directory of a path and its last name. Every directory on the way is opened by itself, and a link among them
/// is an error: who wrote the tree has resolved them.
fn parent(path: &[u8], make: bool) -> rustix::io::Result<(OwnedFd, &OsStr)> {
    let mut names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty() && *name != b".");
    let last = names.next_back().filter(|name| *name != b"..").ok_or(Errno::INVAL)?;
    let mut at = open_directory(CWD, OsStr::new("/"))?;
    for (depth, name) in names.enumerate() {
        if name == b".." || depth >= DEEPEST {
            return Err(Errno::INVAL);
        }
        let name = OsStr::from_bytes(name);
        at = match open_directory(at.as_fd(), name) {
            Err(Errno::NOENT) if make => {
                mkdirat(&at, name, Mode::from(0o755))?;
                open_directory(at.as_fd(), name)?
            }
            opened => opened?,
        };
    }
    Ok((at, OsStr::from_bytes(last)))
}

fn open_directory(at: BorrowedFd<'_>, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, Path::new(name), flags, Mode::empty())
}

fn times(modified: i64) -> Timestamps {
    let time = Timespec { tv_sec: modified, tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}

/// Takes away all that is in a directory, but not the directory.
pub(super) fn empty(place: &OwnedFd) -> Result<Unpacked, Failure> {
    // What lies too deep to be reached by open directories is moved up and met there again.
    let mut done = Unpacked::default();
    let mut moved = 0;
    clear(place.as_fd(), place.as_fd(), 0, &mut moved, &mut done.entries).step("take a tree away")?;
    while moved > 0 {
        moved = 0;
        clear(place.as_fd(), place.as_fd(), 0, &mut moved, &mut done.entries).step("take a tree away")?;
    }
    Ok(done)
}

fn clear(
    top: BorrowedFd<'_>,
    at: BorrowedFd<'_>,
    depth: usize,
    moved: &mut u64,
    done: &mut u64,
) -> rustix::io::Result<()> {
    for entry in Dir::read_from(at)? {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        *done += 1;
        match unlinkat(at, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {}
            result => {
                result?;
                continue;
            }
        }
        if depth > 100 {
            *moved += 1;
            rustix::fs::renameat(at, name, top, format!("deep-{}-{done}", *moved).as_str())?;
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let below = openat(at, name, flags, Mode::empty())?;
        clear(top, below.as_fd(), depth + 1, moved, done)?;
        drop(below);
        match unlinkat(at, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOTEMPTY) => {}
            result => result?,
        }
    }
    Ok(())
}
