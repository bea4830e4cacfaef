//! Keeps what appeared while the image ran: what is executed from outside of the image, and what was written and is
//! about to be gone.

use super::Tracer;
use super::paths::{link, stat_of};
use events::{Act, Content, Descriptor, FileAct, FileOp, HostAct, LostWhy, Origin, STANDARD, Source};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};

/// The longest content that is kept.
const LONGEST: u64 = 64 << 20;

/// The most bytes that are kept of one run.
const MOST: u64 = 1 << 30;

/// The most files whose digest is remembered.
const MOST_KNOWN: usize = 50_000;

/// What was kept so far.
#[derive(Debug, Default)]
pub(super) struct Captures {
    bytes: u64,
    kept: HashSet<[u8; 32]>,
    /// How many texts were given to interpreters.
    pub(super) texts: usize,
    known: HashMap<Version, Content>,
}

/// A file as it stood at a time: device, number, length, change of content and of status.
type Version = (u64, u64, i64, (i64, u64), (i64, u64));

fn version(stat: &Stat) -> Version {
    let nanoseconds = |value: u64| value;
    (
        stat.st_dev,
        stat.st_ino,
        stat.st_size,
        (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
        (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
    )
}

impl Tracer {
    /// Keeps a program that begins and is not the image's.
    pub(super) fn keep_executed(&mut self, name: &[u8], place: &str, origin: Origin) -> Option<Content> {
        if matches!(origin, Origin::Image | Origin::Kernel | Origin::Planted) {
            return None;
        }
        self.tell_written(name);
        let file =
            rustix::fs::open(place, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty());
        match file {
            Ok(file) => self.keep(file, name),
            Err(_) => {
                self.lost(LostWhy::Unreadable);
                None
            }
        }
    }

    /// Keeps a file that was written in the run and is about to lose its name or content.
    pub(super) fn keep_before_loss(&mut self, path: &[u8]) {
        if self.origins.named(path) != Origin::Written {
            return;
        }
        self.tell_written(path);
        if let Some((file, stat)) = self.read_in_guest(path)
            && stat.st_size > 0
        {
            self.keep(file, path);
        }
    }

    fn keep(&mut self, file: OwnedFd, name: &[u8]) -> Option<Content> {
        let stat = rustix::fs::fstat(&file).ok()?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        if let Some(content) = self.captures.known.get(&version(&stat)) {
            return Some(content.clone());
        }
        let length = stat.st_size.unsigned_abs();
        if length > LONGEST || self.captures.bytes.saturating_add(length) > MOST {
            self.lost(LostWhy::Content);
            return None;
        }
        let content = match self.copy(File::from(file)) {
            Ok(content) => content,
            Err(_) => {
                self.lost(LostWhy::Content);
                return None;
            }
        };
        if self.captures.known.len() < MOST_KNOWN {
            self.captures.known.insert(version(&stat), content.clone());
        }
        if self.captures.kept.insert(content.sha256) {
            let (content, path) = (content.clone(), Some(events::bounded(name)));
            self.tell(Source::Host, Act::Host(HostAct::Captured { content, path, given: None }));
        }
        Some(content)
    }

    /// Keeps bytes that stand in no file; none where they were kept before.
    pub(super) fn keep_bytes(&mut self, bytes: &[u8]) -> std::io::Result<Option<Content>> {
        if self.captures.kept.contains(&<[u8; 32]>::from(Sha256::digest(bytes))) {
            return Ok(None);
        }
        let content = self.copy(bytes)?;
        self.captures.kept.insert(content.sha256);
        Ok(Some(content))
    }

    fn copy(&mut self, from: impl Read) -> std::io::Result<Content> {
        let content = copy(from, self.context.captures.as_ref())?;
        if content.kept {
            self.captures.bytes = self.captures.bytes.saturating_add(content.length);
        }
        Ok(content)
    }

    /// Tells of a file that was written to and has not been told of, whoever has it open.
    fn tell_written(&mut self, path: &[u8]) {
        for group in self.tasks.groups() {
            let Some(writing) = self.tasks.group_mut(group).map(|group| &mut group.writing) else { continue };
            let before = writing.len();
            writing.retain(|_, open| open != path);
            if writing.len() != before {
                self.wrote(group, path);
            }
        }
    }

    /// A descriptor is used again: what it was open at for writing was closed.
    pub(super) fn reopened(&mut self, group: i32, descriptor: i32, path: Option<Vec<u8>>) {
        let Some(writing) = self.tasks.group_mut(group).map(|group| &mut group.writing) else { return };
        let before = match path {
            Some(path) if writing.len() < MOST_WRITING => writing.insert(descriptor, path),
            _ => writing.remove(&descriptor),
        };
        if let Some(before) = before
            && !self
                .tasks
                .group(group)
                .is_some_and(|group| group.writing.values().any(|open| *open == before))
        {
            self.wrote(group, &before);
        }
    }

    /// A descriptor was put at another number: both lead to the same file.
    pub(super) fn copied(&mut self, group: i32, tid: i32, number: i32) {
        let path = link(&format!("/proc/{tid}/fd/{number}"));
        let path = path.filter(|path| {
            self.tasks.group(group).is_some_and(|group| group.writing.values().any(|open| open == path))
        });
        self.reopened(group, number, path);
    }

    /// A program begins: descriptors that do not outlive that are closed.
    pub(super) fn close_on_exec(&mut self, group: i32, tid: i32, standard: &[Descriptor; STANDARD]) {
        let writing = self.tasks.group(group).map(|group| group.writing.clone()).unwrap_or_default();
        for (descriptor, path) in writing {
            if link(&format!("/proc/{tid}/fd/{descriptor}")).as_deref() != Some(&path[..]) {
                self.reopened(group, descriptor, None);
            }
        }
        // What its parent opened for it to write to.
        for (number, descriptor) in (0..).zip(standard).skip(1) {
            if let Descriptor::File(path) = descriptor
                && self.origins.named(path) == Origin::Written
            {
                self.reopened(group, number, Some(path.to_vec()));
            }
        }
    }

    /// The last thread of a process ends.
    pub(super) fn close_all(&mut self, tid: i32) {
        let group = self.tasks.group_of(tid);
        self.keep_given(group);
        let writing: BTreeMap<i32, Vec<u8>> =
            self.tasks.group_mut(group).map(|group| std::mem::take(&mut group.writing)).unwrap_or_default();
        let paths: HashSet<Vec<u8>> = writing.into_values().collect();
        for path in paths {
            self.wrote(group, &path);
        }
    }

    fn wrote(&mut self, group: i32, path: &[u8]) {
        let Some(process) = self.tasks.group(group).map(|group| group.leader) else { return };
        let at = self.open_in_guest(path, OFlags::PATH);
        let bytes =
            at.and_then(|at| rustix::fs::fstat(at).ok()).map_or(0, |stat| stat.st_size.unsigned_abs());
        let act = FileAct {
            process,
            op: FileOp::Wrote { bytes },
            path: events::bounded(path),
            origin: Origin::Written,
            result: 0,
        };
        self.tell(Source::Call, Act::File(act));
    }

    /// Where the file comes from that a descriptor of a task leads to.
    pub(super) fn origin_of_descriptor(&mut self, tid: i32, descriptor: i32) -> Option<(Vec<u8>, Origin)> {
        let place = format!("/proc/{tid}/fd/{descriptor}");
        let name = link(&place)?;
        let stat = stat_of(&place)?;
        let origin = self.origin(&name, &place, &stat);
        Some((name, origin))
    }
}

/// The most files that one process is remembered to have open for writing.
const MOST_WRITING: usize = 4096;

/// Keeps a content under its digest, where there is a directory for it.
pub(crate) fn copy(from: impl Read, directory: Option<&OwnedFd>) -> std::io::Result<Content> {
    let mut from = from.take(LONGEST);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    // Runs that go on at the same time keep what they bring in one directory.
    let part = format!("part-{}", rustix::process::getpid().as_raw_nonzero());
    let mut to = match directory {
        Some(directory) => Some(File::from(rustix::fs::openat(directory, &part, flags, 0o600.into())?)),
        None => None,
    };
    let mut hasher = Sha256::new();
    let mut block = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        let read = from.read(&mut block)?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        length += read as u64;
        if let Some(to) = &mut to {
            to.write_all(bytes)?;
        }
    }
    let sha256: [u8; 32] = hasher.finalize().into();
    if let Some(directory) = directory {
        let name: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        rustix::fs::renameat(directory, &part, directory, &name)?;
    }
    Ok(Content { sha256, length, kept: directory.is_some() })
}
