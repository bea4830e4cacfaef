//! Paths as the guest means them.

use super::Tracer;
use super::memory::{self, Unreadable};
use events::{Descriptor, MAX_BYTES, Peer};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What a link of the kernel under `/proc` says.
pub(super) fn link(path: &str) -> Option<Vec<u8>> {
    let link = rustix::fs::readlinkat(CWD, path, Vec::with_capacity(256)).ok()?;
    let mut link = link.into_bytes();
    link.truncate(MAX_BYTES);
    Some(link)
}

/// What a descriptor of a task leads to, as the kernel names it.
pub(super) fn descriptor_link(tid: i32, descriptor: i32) -> Option<Vec<u8>> {
    link(&format!("/proc/{tid}/fd/{descriptor}"))
}

/// A copy of a descriptor of a process.
pub(super) fn take_descriptor(group: i32, descriptor: i32) -> Option<OwnedFd> {
    let pidfd = rustix::process::pidfd_open(Pid::from_raw(group)?, PidfdFlags::empty()).ok()?;
    rustix::process::pidfd_getfd(&pidfd, descriptor, PidfdGetfdFlags::empty()).ok()
}

/// What stands at a descriptor of a process.
pub(super) fn describe(group: i32, tid: i32, descriptor: i32) -> Descriptor {
    let Some(link) = descriptor_link(tid, descriptor) else { return Descriptor::Closed };
    let number = |prefix: &[u8]| -> Option<u64> {
        let digits = link.strip_prefix(prefix)?.strip_suffix(b"]")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    if let Some(pipe) = number(b"pipe:[") {
        return Descriptor::Pipe(pipe);
    }
    if number(b"socket:[").is_some() {
        return Descriptor::Socket(take_descriptor(group, descriptor).and_then(|socket| peer_of(&socket)));
    }
    match &link[..] {
        b"/dev/null" => Descriptor::Null,
        b"/dev/console" | b"/dev/tty" => Descriptor::Terminal,
        terminal if terminal.starts_with(b"/dev/pts/") => Descriptor::Terminal,
        file if file.starts_with(b"/") => Descriptor::File(events::bounded(file)),
        other => Descriptor::Other(events::bounded(other)),
    }
}

/// The other end of a socket that is connected.
pub(super) fn peer_of(socket: &OwnedFd) -> Option<Peer> {
    rustix::net::getpeername(socket).ok().flatten().map(|peer| super::sockets::peer(&peer))
}

impl Tracer {
    /// The path at `address`, absolute as far as the directory is known that it begins at.
    pub(super) fn path(&self, tid: i32, directory: i32, address: u64) -> Result<Vec<u8>, Unreadable> {
        Ok(self.absolute(tid, directory, &memory::text(tid, address)?))
    }

    pub(super) fn absolute(&self, tid: i32, directory: i32, path: &[u8]) -> Vec<u8> {
        if path.starts_with(b"/") {
            if !self.chrooted {
                return path.to_vec();
            }
            return join(&link(&format!("/proc/{tid}/root")).unwrap_or_default(), path);
        }
        let base = if directory == libc::AT_FDCWD {
            link(&format!("/proc/{tid}/cwd"))
        } else {
            descriptor_link(tid, directory)
        };
        join(&base.unwrap_or_else(|| b"?".to_vec()), path)
    }

    /// Opens a path of the guest for looking at it, without ever leaving the guest's tree.
    pub(super) fn open_in_guest(&self, path: &[u8], flags: OFlags) -> Option<OwnedFd> {
        let root = self.root.as_ref()?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = match flags.contains(OFlags::PATH) {
            true => flags | OFlags::CLOEXEC,
            false => flags | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY,
        };
        rustix::fs::openat2(root, OsStr::from_bytes(path), flags, Mode::empty(), resolve).ok()
    }

    /// Opens a regular file of the guest for reading; a pipe or a device would block or act.
    pub(super) fn read_in_guest(&self, path: &[u8]) -> Option<(OwnedFd, Stat)> {
        let at = self.open_in_guest(path, OFlags::PATH)?;
        let stat = rustix::fs::fstat(&at).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        let file = self.open_in_guest(path, OFlags::RDONLY)?;
        let stat = rustix::fs::fstat(&file).ok()?;
        (FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile).then_some((file, stat))
    }
}

/// `path` below `base`, without the steps that say nothing. Steps upwards stay: what they lead to depends on links.
pub(crate) fn join(base: &[u8], path: &[u8]) -> Vec<u8> {
    let mut joined = if base == b"/" { Vec::new() } else { base.to_vec() };
    for part in path.split(|&byte| byte == b'/').filter(|part| !matches!(part, &b"" | &b".")) {
        joined.push(b'/');
        joined.extend(part);
    }
    if joined.is_empty() {
        joined.push(b'/');
    }
    joined.truncate(MAX_BYTES);
    joined
}

/// Status of the file that a link of the kernel leads to.
pub(super) fn stat_of(link: &str) -> Option<Stat> {
    rustix::fs::statat(CWD, link, AtFlags::empty()).ok()
}

#[cfg(test)]
mod tests {
    use super::join;

    #[test]
    fn a_path_is_joined_as_bytes() {
        let check = |base: &str, path: &str, expect: &str| {
            assert_eq!(join(base.as_bytes(), path.as_bytes()), expect.as_bytes());
        };
        check("/", "a/./b//c", "/a/b/c");
        check("/srv", "../etc", "/srv/../etc");
        check("/", "", "/");
        check("/jail", "/bin/sh", "/jail/bin/sh");
        check("?", "x\n", "?/x\n");
    }
}
