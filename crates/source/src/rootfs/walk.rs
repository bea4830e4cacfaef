use super::header::{self, Member};
use crate::gaps::Gaps;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

/// A tar archive of a directory, made while it is read. The walk holds the names of the directories that it
/// is in and nothing of the files' content. It follows no link, and every file is opened from the directory
/// that it was listed in: whoever swaps a directory for a link meanwhile leads it nowhere.
pub(crate) struct Walk {
    root_device: u64,
    levels: Vec<Level>,
    path: Vec<u8>,
    linked: HashMap<(u64, u64), Box<[u8]>>,
    linked_bytes: usize,
    pending: Vec<u8>,
    taken: usize,
    file: Option<Open>,
    is_over: bool,
    gaps: Gaps,
}

struct Level {
    dir: OwnedFd,
    /// Names still to come, the next one last.
    names: Vec<CString>,
    /// Length of the path of this directory.
    path: usize,
}

struct Open {
    file: File,
    left: u64,
    size: u64,
}

/// Each level holds a directory open.
const MAX_DEPTH: usize = 200;
/// Bytes of remembered paths of files with several links; further ones are shown as files of their own.
const MAX_LINKED: usize = 64 << 20;
/// Bytes of one file that lie in no block of the disk: anyone can make terabytes of them at once, and reading
/// them takes as long as reading any others.
const MAX_HOLES: u64 = 4 << 30;
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const REGULAR: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Walk {
    pub(crate) fn open(dir: &Path, gaps: Gaps) -> io::Result<Self> {
        let dir = rustix::fs::open(dir, DIRECTORY, Mode::empty())?;
        let root_device = rustix::fs::fstat(&dir)?.st_dev;
        let names = names(&dir)?;
        Ok(Self {
            root_device,
            levels: vec![Level { dir, names, path: 0 }],
            path: Vec::new(),
            linked: HashMap::new(),
            linked_bytes: 0,
            pending: Vec::new(),
            taken: 0,
            file: None,
            is_over: false,
            gaps,
        })
    }

    /// Puts the next member's header into `pending`, or the end of the archive.
    fn next(&mut self) {
        loop {
            let Some(level) = self.levels.last_mut() else {
                self.is_over = true;
                self.pending.resize(1024, 0);
                return;
            };
            self.path.truncate(level.path);
            let Some(name) = level.names.pop() else {
                self.levels.pop();
                continue;
            };
            self.path.extend_from_slice(name.as_bytes());
            match rustix::fs::statat(&level.dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => {
                    if let Err(errno) = self.member(&name, &stat) {
                        self.miss(errno);
                    }
                }
                Err(errno) => self.miss(errno),
            }
            if !self.pending.is_empty() {
                return;
            }
        }
    }

    /// One entry of the current directory. An entry that cannot be opened is left out and noted.
    fn member(&mut self, name: &CString, stat: &Stat) -> Result<(), Errno> {
        let Some(level) = self.levels.last() else { return Ok(()) };
        let kind = FileType::from_raw_mode(stat.st_mode);
        let mut member = Member {
            path: &[],
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mtime: stat.st_mtime,
            ..Member::default()
        };
        if name.as_bytes().starts_with(b".wh.") {
            self.gaps.add(&self.path, "in a layer, a file of this name would mean that another was removed");
        }
        match kind {
            FileType::Directory => {
                self.path.push(b'/');
                let opened =
                    rustix::fs::openat(&level.dir, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
                let entered = match opened {
                    Ok(dir) => self.enter(dir),
                    Err(errno) => {
                        self.miss(errno);
                        None
                    }
                };
                member.kind = b'5';
                member.path = &self.path;
                header::write(&member, &mut self.pending);
                self.levels.extend(entered);
            }
            FileType::RegularFile => {
                let id = (stat.st_dev, stat.st_ino);
                if let Some(first) = self.linked.get(&id) {
                    let linked = Member { kind: b'1', link: first, path: &self.path, ..member };
                    header::write(&linked, &mut self.pending);
                    return Ok(());
                }
                let file = rustix::fs::openat(&level.dir, name, REGULAR, Mode::empty())?;
                let opened = rustix::fs::fstat(&file)?;
                if (opened.st_dev, opened.st_ino) != id {
                    self.gaps.add(&self.path, "it was replaced while the directory was read");
                    return Ok(());
                }
                let size = u64::try_from(opened.st_size).unwrap_or(0);
                let stored = u64::try_from(opened.st_blocks).unwrap_or(0).saturating_mul(512);
                if size.saturating_sub(stored) > MAX_HOLES {
                    let why =
                        format!("{size} bytes of which {stored} are stored: its holes are too large to read");
                    self.gaps.add(&self.path, &why);
                    return Ok(());
                }
                if stat.st_nlink > 1 && self.linked_bytes < MAX_LINKED {
                    self.linked_bytes += self.path.len() + 64;
                    self.linked.insert(id, self.path.as_slice().into());
                }
                member.kind = b'0';
                member.size = size;
                member.capability = capability(&file);
                member.path = &self.path;
                header::write(&member, &mut self.pending);
                self.file = (size > 0).then(|| Open { file: File::from(file), left: size, size });
            }
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&level.dir, name, Vec::new())?;
                let link = Member { kind: b'2', link: target.as_bytes(), path: &self.path, ..member };
                header::write(&link, &mut self.pending);
            }
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Fifo => {
                member.kind = match kind {
                    FileType::CharacterDevice => b'3',
                    FileType::BlockDevice => b'4',
                    _ => b'6',
                };
                member.device = (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
                member.path = &self.path;
                header::write(&member, &mut self.pending);
            }
            // A socket has no content and no place in an archive; no image can carry one.
            FileType::Socket => {}
            FileType::Unknown => self.gaps.add(&self.path, "it is of a type that is not known"),
        }
        Ok(())
    }

    /// The entries of a directory, where they are to be shown.
    fn enter(&self, dir: OwnedFd) -> Option<Level> {
        let miss = |why: &str| {
            self.gaps.add(&self.path, why);
            None
        };
        let Ok(stat) = rustix::fs::fstat(&dir) else { return miss("it cannot be read") };
        if stat.st_dev != self.root_device {
            // What the kernel makes up is no content of the root file system.
            return match rustix::fs::fstatfs(&dir) {
                Ok(system) if PSEUDO.contains(&(system.f_type as u32)) => None,
                _ => miss("another file system is mounted there; name it on its own to have it read"),
            };
        }
        if self.levels.len() >= MAX_DEPTH {
            return miss("it lies deeper than the limit");
        }
        match names(&dir) {
            Ok(names) => Some(Level { dir, names, path: self.path.len() }),
            Err(error) => miss(&format!("its entries cannot be listed ({error})")),
        }
    }

    fn miss(&self, errno: Errno) {
        self.gaps.add(&self.path, format!("it cannot be read ({})", io::Error::from(errno)));
    }
}

/// Magic numbers of file systems without files of their own: proc, sysfs, cgroup, cgroup2, devpts, debugfs,
/// tracefs, securityfs, bpf, mqueue, configfs, pstore, binfmt_misc, selinuxfs.
const PSEUDO: [u32; 14] = [
    0x9fa0,
    0x6265_6572,
    0x27_e0eb,
    0x6367_7270,
    0x1cd1,
    0x6462_6720,
    0x7472_6163,
    0x7363_6673,
    0xcafe_4a11,
    0x1980_0202,
    0x6265_6570,
    0x6165_676c,
    0x4249_4e4d,
    0xf97c_ff8c,
];

/// The names in a directory, sorted so that the last one comes first in the walk.
fn names(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_bytes() != b"." && name.to_bytes() != b".." {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(names)
}

/// The file capabilities, which let a program do what else only root may.
fn capability(file: &OwnedFd) -> Option<Vec<u8>> {
    let mut value = [0; 64];
    let length = rustix::fs::fgetxattr(file.as_fd(), "security.capability", &mut value).ok()?;
    value.get(..length).map(<[u8]>::to_vec)
}

impl Read for Walk {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let ready = self.pending.get(self.taken..).unwrap_or_default();
            if !ready.is_empty() {
                let length = ready.len().min(buffer.len());
                let (target, source) = (buffer.get_mut(..length), ready.get(..length));
                target.unwrap_or_default().copy_from_slice(source.unwrap_or_default());
                self.taken += length;
                return Ok(length);
            }
            self.pending.clear();
            self.taken = 0;
            if let Some(open) = &mut self.file {
                if open.left == 0 {
                    header::pad(open.size, &mut self.pending);
                    if open.file.read(&mut [0]).unwrap_or(0) > 0 {
                        self.gaps
                            .add(&self.path, "it grew while it was read; the bytes added last are left out");
                    }
                    self.file = None;
                    continue;
                }
                let wanted = usize::try_from(open.left).unwrap_or(usize::MAX).min(buffer.len());
                let target = buffer.get_mut(..wanted).unwrap_or_default();
                let read = match open.file.read(target) {
                    Ok(0) => Err("it shrank while it was read; zeros stand for the rest".to_owned()),
                    Ok(read) => Ok(read),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => {
                        Err(format!("it cannot be read to its end ({error}); zeros stand for the rest"))
                    }
                };
                let read = read.unwrap_or_else(|why| {
                    self.gaps.add(&self.path, why);
                    // The header has promised its length.
                    target.fill(0);
                    wanted
                });
                open.left = open.left.saturating_sub(read as u64);
                return Ok(read);
            }
            if self.is_over {
                return Ok(0);
            }
            self.next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt as _, symlink};

    /// What the `tar` crate reads from the walk of a directory.
    fn read(dir: &Path, gaps: &Gaps) -> Vec<(String, char, String, Vec<u8>)> {
        let mut archive = tar::Archive::new(Walk::open(dir, gaps.clone()).unwrap());
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            let link = entry.link_name_bytes().map(|link| String::from_utf8_lossy(&link).into_owned());
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            (path, char::from(entry.header().entry_type().as_byte()), link.unwrap_or_default(), bytes)
        });
        entries.collect()
    }

    fn row(path: &str, kind: char, link: &str, bytes: &[u8]) -> (String, char, String, Vec<u8>) {
        (path.to_owned(), kind, link.to_owned(), bytes.to_vec())
    }

    #[test]
    fn a_directory_becomes_an_archive() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        std::fs::create_dir_all(at("usr/bin")).unwrap();
        std::fs::write(at("usr/bin/b"), vec![7; 100_000]).unwrap();
        std::fs::hard_link(at("usr/bin/b"), at("usr/bin/c")).unwrap();
        std::fs::write(at("a"), b"").unwrap();
        std::fs::create_dir(at("größe")).unwrap();
        let long = "n".repeat(200);
        std::fs::write(at(&long), b"long").unwrap();
        symlink("/etc/passwd", at("z")).unwrap();
        symlink("usr", at("lib")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RUSR).unwrap();
        let gaps = Gaps::default();
        let expect = [
            row("a", '0', "", b""),
            row("größe/", '5', "", b""),
            row("lib", '2', "usr", b""),
            row(&long, '0', "", b"long"),
            row("pipe", '6', "", b""),
            row("usr/", '5', "", b""),
            row("usr/bin/", '5', "", b""),
            row("usr/bin/b", '0', "", &[7; 100_000]),
            row("usr/bin/c", '1', "usr/bin/b", b""),
            row("z", '2', "/etc/passwd", b""),
        ];
        let mut rows = read(dir.path(), &gaps);
        rows.sort();
        let mut expect = expect.to_vec();
        expect.sort();
        assert_eq!(rows, expect);
        assert!(gaps.list().is_empty(), "{:?}", gaps.list());
    }

    #[test]
    fn what_changes_while_it_is_read_is_a_gap_and_no_damage() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), vec![7; 2000]).unwrap();
        std::fs::write(dir.path().join("b"), vec![8; 2000]).unwrap();
        std::fs::write(dir.path().join(".wh.x"), b"hidden").unwrap();
        let gaps = Gaps::default();
        let mut walk = Walk::open(dir.path(), gaps.clone()).unwrap();
        let mut bytes = vec![0; 512 * 2 + 512 + 100];
        walk.read_exact(&mut bytes).unwrap();
        File::options().write(true).open(dir.path().join("a")).unwrap().set_len(100).unwrap();
        walk.read_to_end(&mut bytes).unwrap();
        let names: Vec<String> = tar::Archive::new(bytes.as_slice())
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        assert_eq!(names, [".wh.x", "a", "b"]);
        let gaps = gaps.list();
        assert_eq!(gaps.len(), 2, "{gaps:?}");
        assert!(gaps[1].why.contains("shrank"));
        assert!(gaps[0].why.contains("removed"));
    }

    #[test]
    fn a_deep_tree_ends_in_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let mut at = rustix::fs::open(dir.path(), DIRECTORY, Mode::empty()).unwrap();
        for _ in 0..MAX_DEPTH + 5 {
            rustix::fs::mkdirat(&at, "d", Mode::RWXU).unwrap();
            at = rustix::fs::openat(&at, "d", DIRECTORY, Mode::empty()).unwrap();
        }
        let gaps = Gaps::default();
        let count = read(dir.path(), &gaps).len();
        assert_eq!(count, MAX_DEPTH);
        assert!(gaps.list()[0].why.contains("deeper"));
    }

    #[test]
    fn numbers_that_do_not_fit_are_extended() {
        let mut out = Vec::new();
        let member = Member {
            path: b"a",
            kind: b'0',
            uid: u32::MAX,
            mtime: -1,
            capability: Some(vec![1, 0, 2]),
            ..Member::default()
        };
        header::write(&member, &mut out);
        let file = tempfile::tempfile().unwrap();
        out.resize(out.len() + 1024, 0);
        file.write_all_at(&out, 0).unwrap();
        let mut archive = tar::Archive::new(file);
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let records: Vec<(String, Vec<u8>)> = entry
            .pax_extensions()
            .unwrap()
            .unwrap()
            .map(|record| record.unwrap())
            .map(|record| (record.key().unwrap().to_owned(), record.value_bytes().to_vec()))
            .collect();
        assert_eq!(
            records,
            [
                ("uid".to_owned(), u32::MAX.to_string().into_bytes()),
                ("mtime".to_owned(), b"-1".to_vec()),
                ("SCHILY.xattr.security.capability".to_owned(), vec![1, 0, 2]),
            ]
        );
    }
}
