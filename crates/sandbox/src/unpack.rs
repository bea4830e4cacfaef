//! Writes an image's tree to a disk without trusting a word of it, and takes it away again.
//!
//! The one who writes is a process of its own in a user namespace like the guest's, whose root is the directory
//! that it writes to: there is nothing outside of it to name. Within it no link is followed.

mod writer;

use crate::calls::{self, Fork};
use crate::error::{Failure, SandboxError, Step};
use crate::message::{self, Answer, Job};
use crate::warden::identity;
use crate::warden::{ARGUMENT, Ids};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::thread::UnshareFlags;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Where the tree lies in the directory: that one nobody else may enter, since files of the tree keep their setuid
/// bits.
const TREE: &str = "tree";

/// The most notes that are kept; the rest are counted.
const MOST_NOTES: usize = 1000;

/// The longest head of an item: paths, links and attributes.
const LONGEST: u32 = 1 << 20;

/// One entry of the tree, in an order in which a directory comes before what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Where, as raw bytes; a leading slash changes nothing.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: ItemKind,
    /// Its mode, with the setuid, setgid and sticky bits.
    pub mode: u32,
    /// User and group, as the image numbers them.
    pub owner: (u32, u32),
    /// When it was changed, in seconds since the epoch.
    pub modified: i64,
    /// Extended attributes by name.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What an entry of the tree is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ItemKind {
    /// A file. As many bytes of content follow through [`Unpack::data`].
    File {
        /// Bytes.
        length: u64,
    },
    /// A directory.
    Directory,
    /// A symbolic link with this text.
    Link(Vec<u8>),
    /// Another name for a file that was written before.
    HardLink(Vec<u8>),
    /// A pipe with a name.
    Pipe,
    /// A device or socket: an empty file is written in its place, with a note.
    Other,
}

/// How a tree was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Unpacked {
    /// Where it lies: a lower directory for [`crate::Root`], with [`crate::Owners::Sandbox`].
    pub root: PathBuf,
    /// How many entries were written.
    pub entries: u64,
    /// How many bytes of content.
    pub bytes: u64,
    /// What is not as the image has it, in order.
    pub notes: Vec<Note>,
    /// How many more notes there were.
    pub more_notes: u64,
}

/// An entry that is not as the image has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Which, as raw bytes.
    pub path: Vec<u8>,
    /// What is different, and why.
    pub what: String,
}

/// A tree that is being written.
#[derive(Debug)]
pub struct Unpack {
    to: Option<BufWriter<File>>,
    control: OwnedFd,
    writer: Child,
    root: PathBuf,
    /// How many bytes of content the last file still wants.
    open: u64,
    line: Vec<u8>,
}

impl Unpack {
    /// Begins to write a tree below an empty directory of the caller's. Not more than so many entries and bytes are
    /// taken.
    ///
    /// # Errors
    /// When the process that writes cannot be started.
    pub fn begin(directory: &Path, entries: u64, bytes: u64) -> Result<Self, SandboxError> {
        let made = |step| move |errno: Errno| SandboxError::Spawn { step, source: errno.into() };
        let (out, to) = pipe_with(PipeFlags::CLOEXEC).map_err(made("make a pipe"))?;
        let bound = message::in_memory(&(entries, bytes)).map_err(|_| SandboxError::Garbled)?;
        let place = place(directory)?;
        let (control, writer) = call(Job::Unpack(Ids::here()), &[place.as_fd(), out.as_fd(), bound.as_fd()])?;
        drop(out);
        let to = Some(BufWriter::with_capacity(256 << 10, File::from(to)));
        Ok(Self { to, control, writer, root: directory.join(TREE), open: 0, line: Vec::new() })
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// When the writer is gone, or the file before has not all of its content.
    pub fn entry(&mut self, item: &Item) -> Result<(), SandboxError> {
        if self.open > 0 {
            return Err(short(Errno::INVAL));
        }
        self.line.clear();
        let line = std::mem::take(&mut self.line);
        self.line = postcard::to_extend(item, line).map_err(|_| SandboxError::Garbled)?;
        let length = u32::try_from(self.line.len()).ok().filter(|length| *length <= LONGEST);
        let length = length.ok_or_else(|| short(Errno::NAMETOOLONG))?;
        let to = self.to.as_mut().ok_or(SandboxError::Gone)?;
        let written = to.write_all(&length.to_le_bytes()).and_then(|()| to.write_all(&self.line));
        written.map_err(|_| SandboxError::Gone)?;
        if let ItemKind::File { length } = item.kind {
            self.open = length;
        }
        Ok(())
    }

    /// Writes content of the file that was named last.
    ///
    /// # Errors
    /// When the writer is gone, or it is more than was said.
    pub fn data(&mut self, bytes: &[u8]) -> Result<(), SandboxError> {
        let left = self.open.checked_sub(bytes.len() as u64);
        self.open = left.ok_or_else(|| short(Errno::FBIG))?;
        let to = self.to.as_mut().ok_or(SandboxError::Gone)?;
        to.write_all(bytes).map_err(|_| SandboxError::Gone)
    }

    /// Ends the tree.
    ///
    /// # Errors
    /// When the disk is full, a bound was met, or the writer is gone.
    pub fn finish(mut self) -> Result<Unpacked, SandboxError> {
        if self.open > 0 {
            return Err(short(Errno::INVAL));
        }
        let flushed = self.to.take().map(|mut to| to.flush());
        let heard = hear(&self.control, &mut self.writer)?;
        flushed.ok_or(SandboxError::Gone)?.map_err(|_| SandboxError::Gone)?;
        Ok(Unpacked { root: self.root.clone(), ..heard })
    }
}

impl Drop for Unpack {
    fn drop(&mut self) {
        // The end of the pipe is the end of the writer.
        self.to.take();
        let _ = self.writer.wait();
    }
}

/// Takes away a directory that [`Unpack`] or a run wrote to, with the rights that it was written with.
///
/// # Errors
/// When something of it is left.
pub fn remove(directory: &Path) -> Result<(), SandboxError> {
    let place = place(directory)?;
    let (control, mut writer) = call(Job::Remove(Ids::here()), &[place.as_fd()])?;
    hear(&control, &mut writer)?;
    std::fs::remove_dir(directory)
        .map_err(|source| SandboxError::Spawn { step: "take away the emptied directory", source })
}

fn short(errno: Errno) -> SandboxError {
    SandboxError::Step(Failure::new("write the content that was announced", errno))
}

fn place(directory: &Path) -> Result<OwnedFd, SandboxError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, directory, flags, Mode::empty())
        .map_err(|errno| SandboxError::Spawn { step: "open the directory for a tree", source: errno.into() })
}

fn call(job: Job, with: &[rustix::fd::BorrowedFd<'_>]) -> Result<(OwnedFd, Child), SandboxError> {
    let (control, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|errno| SandboxError::Spawn { step: "make a pair of sockets", source: errno.into() })?;
    let writer = Command::new("/proc/self/exe")
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|source| SandboxError::Spawn {
            step: "start the program again; is /proc mounted?",
            source,
        })?;
    message::send(&control, &job, with).map_err(|_| SandboxError::Gone)?;
    Ok((control, writer))
}

fn hear(control: &OwnedFd, writer: &mut Child) -> Result<Unpacked, SandboxError> {
    let heard = message::receive(control, RecvFlags::empty());
    let _ = writer.wait();
    match heard {
        Ok(Some((Answer::Unpacked(unpacked), _))) => Ok(unpacked),
        Ok(Some((Answer::Failed(failure), _))) => Err(SandboxError::Step(failure)),
        Ok(Some(_)) => Err(SandboxError::Garbled),
        _ => Err(SandboxError::Gone),
    }
}

/// The writer's side: splits off a process in a user namespace, and has it write or take away.
pub(crate) fn serve(control: &OwnedFd, ids: Ids, with: Vec<OwnedFd>, away: bool) -> u8 {
    let answer = match work(control, ids, with, away) {
        Ok(()) => return 0,
        Err(failure) => Answer::Failed(failure),
    };
    let _ = message::send(control, &answer, &[]);
    1
}

fn work(control: &OwnedFd, ids: Ids, with: Vec<OwnedFd>, away: bool) -> Result<(), Failure> {
    rustix::process::umask(Mode::from(0o022));
    let mut with = with.into_iter();
    let place = with.next().ok_or_else(|| Failure::new("be given a directory", Errno::BADMSG))?;
    if let (Ids::Range(base), false) = (ids, away) {
        let (uid, gid) = (rustix::fs::Uid::from_raw(base), rustix::fs::Gid::from_raw(base));
        rustix::fs::fchown(&place, Some(uid), Some(gid)).step("own the directory for a tree")?;
    }
    if !away {
        rustix::fs::fchmod(&place, Mode::from(0o700)).step("close the directory for a tree")?;
    }
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (mine, its) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .step("make a pair of sockets")?;
    let child = match calls::fork().step("split off the writer")? {
        Fork::Child => {
            drop(mine);
            let result = enter(&its, ids, own, &place, away)
                .and_then(|()| if away { writer::empty(&place) } else { write(with) });
            let answer = result.map_or_else(Answer::Failed, Answer::Unpacked);
            let _ = message::send(control, &answer, &[]);
            calls::leave(0);
        }
        Fork::Parent(child) => child,
    };
    drop((its, with, place));
    if let Ok(Some((true, _))) = message::receive::<bool>(&mine, RecvFlags::empty()) {
        let process = PathBuf::from(format!("/proc/{}", child.as_raw_nonzero()));
        let mapped = identity::map_as(&process, ids, (0, 0), own).is_ok();
        let _ = message::send(&mine, &mapped, &[]);
    }
    while matches!(
        rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty()),
        Err(Errno::INTR)
    ) {}
    Ok(())
}

/// Enters a user namespace, and makes the directory the only one that there is.
fn enter(line: &OwnedFd, ids: Ids, own: (u32, u32), place: &OwnedFd, away: bool) -> Result<(), Failure> {
    calls::unshare(UnshareFlags::NEWUSER).step("make a user namespace")?;
    let step = "map the ids of the user namespace";
    if ids == Ids::Single {
        identity::map_as(Path::new("/proc/self"), ids, (0, 0), own).step(step)?;
    } else {
        message::send(line, &true, &[]).step(step)?;
        let mapped = message::receive::<bool>(line, RecvFlags::empty()).step(step)?;
        if !mapped.is_some_and(|(mapped, _)| mapped) {
            return Err(Failure::new(step, Errno::PERM));
        }
        let (uid, gid) = (rustix::process::Uid::ROOT, rustix::process::Gid::ROOT);
        rustix::thread::set_thread_groups(&[]).step("leave all groups")?;
        rustix::thread::set_thread_res_gid(gid, gid, gid).step("become the tree's owner")?;
        rustix::thread::set_thread_res_uid(uid, uid, uid).step("become the tree's owner")?;
    }
    rustix::process::fchdir(place).step("enter the directory for a tree")?;
    rustix::process::chroot(".").step("make the directory the only one")?;
    if away {
        return Ok(());
    }
    rustix::fs::mkdirat(place, TREE, Mode::from(0o755))
        .step("make the tree's root; is the directory empty?")?;
    rustix::process::chroot(TREE).step("make the tree the only directory")?;
    rustix::process::chdir("/").step("enter the tree")
}

fn write(mut with: std::vec::IntoIter<OwnedFd>) -> Result<Unpacked, Failure> {
    let missing = || Failure::new("be given a pipe", Errno::BADMSG);
    let from = with.next().ok_or_else(missing)?;
    let bound: (u64, u64) = message::from_memory(with.next().ok_or_else(missing)?).step("read the bounds")?;
    writer::write(BufReader::with_capacity(256 << 10, File::from(from)), bound)
}
