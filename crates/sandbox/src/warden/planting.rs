//! Files that are put over the image: what a runtime writes (`/etc/hosts`), and the persona of the plan.

use super::root::{Laid, covering, within};
use crate::changes::Planted;
use crate::spec::{Persona, Spec};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::path::{Component, Path, PathBuf};

/// How deep a directory may lie that is made for a planted file.
const DEEPEST: usize = 64;

/// Puts all of it there. What cannot be is a limitation: an image may have made a directory of `/etc/hosts`.
pub(super) fn plant(spec: &Spec, laid: &Laid, limitations: &mut Vec<String>) -> Vec<Planted> {
    let mut planted = Vec::new();
    let Ok(root) =
        rustix::fs::open(&laid.root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    else {
        limitations.push("nothing could be planted: the guest's root cannot be opened".to_owned());
        return planted;
    };
    let mut given = runtime(spec);
    given.retain(|file| !spec.decoys.left_out.contains(&file.path));
    let mut made = Vec::new();
    for persona in given.iter().chain(spec.persona.iter().filter(|persona| !covering(persona))) {
        match put(root.as_fd(), persona, &mut made) {
            Ok(()) => planted.extend(Planted::file(root.as_fd(), &persona.path)),
            Err(errno) => limitations.push(format!(
                "{} could not be put into the guest: {}",
                persona.path.display().to_string().escape_debug(),
                std::io::Error::from(errno)
            )),
        }
    }
    // Last, since what is put into a directory changes it.
    planted.extend(made.iter().filter_map(|path| Planted::file(root.as_fd(), path)));
    planted
}

/// Makes the sockets that have a name in the tree; an image that has something else there keeps it.
pub(super) fn sockets(spec: &Spec, laid: &Laid, planted: &mut Vec<Planted>) -> Vec<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(root) = rustix::fs::open(&laid.root, flags, Mode::empty()) else { return Vec::new() };
    let mut made = Vec::new();
    let mut directories = Vec::new();
    for path in &spec.decoys.sockets {
        if let Ok(socket) = listener(root.as_fd(), path, &mut directories) {
            planted.extend(Planted::file(root.as_fd(), path));
            made.push(socket);
        }
        // A directory that was planted before has changed by this.
        for known in planted.iter_mut().filter(|known| path.parent() == Some(&known.asked)) {
            if let Some(now) = Planted::file(root.as_fd(), &known.asked) {
                *known = now;
            }
        }
    }
    planted.extend(directories.iter().filter_map(|path| Planted::file(root.as_fd(), path)));
    made
}

fn listener(root: BorrowedFd<'_>, path: &Path, made: &mut Vec<PathBuf>) -> rustix::io::Result<OwnedFd> {
    use rustix::fd::AsRawFd;
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let parent = directory(root, path.parent().unwrap_or(Path::new("/")), DEEPEST, made)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let place = Path::new("/proc/self/fd").join(parent.as_raw_fd().to_string()).join(name);
    bind(&socket, &SocketAddrUnix::new(&place)?)?;
    rustix::fs::chmodat(&parent, name, Mode::from(0o660), AtFlags::empty())?;
    listen(&socket, 16)?;
    Ok(socket)
}

/// What container runtimes write.
fn runtime(spec: &Spec) -> Vec<Persona> {
    let file = |path: &str, text: String| Persona {
        path: PathBuf::from(path),
        mode: if path == "/.dockerenv" { 0o755 } else { 0o644 },
        owner: (0, 0),
        bytes: text.into_bytes(),
    };
    let mut hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\n\
                     ff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
        .to_owned();
    let mut resolver = String::new();
    if let Some(network) = &spec.network {
        hosts.push_str(&format!("{}\t{}\n", network.ipv4, spec.hostname));
        resolver = format!("nameserver {}\n", network.gateway4);
    }
    vec![
        file("/.dockerenv", String::new()),
        file("/etc/hosts", hosts),
        file("/etc/hostname", format!("{}\n", spec.hostname)),
        file("/etc/resolv.conf", resolver),
    ]
}

/// Writes one file; a file or link of the image at its name is replaced, never written through.
fn put(root: BorrowedFd<'_>, persona: &Persona, made: &mut Vec<PathBuf>) -> rustix::io::Result<()> {
    let name = persona.path.file_name().ok_or(Errno::INVAL)?;
    let parent = directory(root, persona.path.parent().unwrap_or(Path::new("/")), DEEPEST, made)?;
    match unlinkat(&parent, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&parent, name, flags, Mode::from(0o600))?;
    let mut file = File::from(file);
    file.write_all(&persona.bytes).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let (uid, gid) = (Uid::from_raw(persona.owner.0), Gid::from_raw(persona.owner.1));
    // A guest with one id has no other to give it to.
    let _ = rustix::fs::fchown(&file, Some(uid), Some(gid));
    rustix::fs::fchmod(&file, Mode::from(persona.mode & 0o7777))
}

/// Opens the directory that a process is to start in, once the guest's tree is the root; it is made where it is
/// missing, as runtimes do.
///
/// A process that is not the guest's yet still has descriptors that lead out of the guest, and an image may give one
/// of them as its working directory: `/proc/self/fd/7` (CVE-2024-21626). No such link is followed.
pub(super) fn start_directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open("/", flags, Mode::empty())?;
    directory(root.as_fd(), path, DEEPEST, &mut Vec::new())
}

/// Opens a directory of the guest, and makes it and those above it where they are missing.
fn directory(
    root: BorrowedFd<'_>,
    path: &Path,
    deepest: usize,
    made: &mut Vec<PathBuf>,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY;
    match within(root, path, flags) {
        Err(Errno::NOENT) if deepest > 0 => {}
        opened => return opened,
    }
    let Some(Component::Normal(name)) = path.components().next_back() else { return Err(Errno::NOENT) };
    let parent = directory(root, path.parent().unwrap_or(Path::new("/")), deepest - 1, made)?;
    match mkdirat(&parent, name, Mode::from(0o755)) {
        Ok(()) => {
            made.push(path.to_owned());
            within(root, path, flags)
        }
        // A link that leads nowhere.
        Err(errno) => Err(errno),
    }
}
