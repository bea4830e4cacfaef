use crate::content::Origin;
use crate::error::Error;
use crate::gaps::Gaps;
use base64::Engine as _;
use flate2::read::MultiGzDecoder;
use model::Gap;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// A layer that an engine has unpacked, put together again byte for byte: its files, and between them the
/// headers and padding that the engine noted down when it took the archive apart (tar-split).
///
/// A file that is missing or has another length is shown as zeros and noted as a gap, so that the rest of the
/// layer is read; the layer then no longer hashes to its diffID, which its reader sees.
pub(crate) struct SplitLayer {
    /// The notes, compressed with gzip.
    pub(crate) notes: PathBuf,
    /// The unpacked files.
    pub(crate) files: PathBuf,
    pub(crate) gaps: Gaps,
}

impl Origin for SplitLayer {
    fn open(&self) -> Result<Box<dyn Read + Send>, Error> {
        let notes = match crate::tar_index::open_regular(&self.notes) {
            Err(Error::Io { path, source }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::missing(
                    path,
                    "the store keeps no notes of this layer; pull the image again",
                ));
            }
            opened => opened?,
        };
        let root = rustix::fs::open(&self.files, DIRECTORY, Mode::empty())
            .map_err(|errno| Error::io(&self.files, errno.into()))?;
        Ok(Box::new(Joined::new(MultiGzDecoder::new(notes), root, self.gaps.clone())))
    }

    fn gaps(&self) -> Vec<Gap> {
        self.gaps.list()
    }
}

impl SplitLayer {
    pub(crate) fn new(notes: PathBuf, files: PathBuf) -> Self {
        Self { notes, files, gaps: Gaps::default() }
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const REGULAR: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
/// The longest note: an extended header of a megabyte and more, in Base64.
const MAX_NOTE: u64 = 16 << 20;

pub(crate) struct Joined<R> {
    notes: BufReader<R>,
    root: OwnedFd,
    line: Vec<u8>,
    raw: Vec<u8>,
    taken: usize,
    file: Option<Segment>,
    gaps: Gaps,
}

struct Segment {
    name: Vec<u8>,
    /// None where it could not be opened, or has ended before its time.
    file: Option<File>,
    left: u64,
}

#[derive(Deserialize)]
struct Note {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    name_raw: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    payload: Option<String>,
}

impl<R: Read> Joined<R> {
    pub(crate) fn new(notes: R, root: OwnedFd, gaps: Gaps) -> Self {
        let (line, raw) = (Vec::new(), Vec::new());
        Self { notes: BufReader::with_capacity(64 << 10, notes), root, line, raw, taken: 0, file: None, gaps }
    }

    /// Takes the next note; false after the last one.
    fn next(&mut self) -> io::Result<bool> {
        self.line.clear();
        self.notes.by_ref().take(MAX_NOTE).read_until(b'\n', &mut self.line)?;
        if self.line.is_empty() {
            return Ok(false);
        }
        let broken =
            |why: &str| io::Error::new(io::ErrorKind::InvalidData, format!("the notes of the layer {why}"));
        if self.line.len() as u64 == MAX_NOTE {
            return Err(broken("have a line beyond any sense"));
        }
        let note: Note = serde_json::from_slice(&self.line).map_err(|_| broken("are damaged"))?;
        let decode = |text: &str| {
            base64::engine::general_purpose::STANDARD.decode(text).map_err(|_| broken("are damaged"))
        };
        match note.kind {
            1 => {
                let name = match (note.name_raw.as_deref(), note.name) {
                    (Some(raw), _) => decode(raw)?,
                    (None, name) => name.unwrap_or_default().into_bytes(),
                };
                let left = note.size.unwrap_or(0);
                if left > 0 {
                    let file = self.open(&name, left);
                    self.file = Some(Segment { name, file, left });
                }
            }
            2 => {
                self.raw = decode(note.payload.as_deref().unwrap_or_default())?;
                self.taken = 0;
            }
            _ => return Err(broken("are of a kind that is not known")),
        }
        Ok(true)
    }

    fn open(&self, name: &[u8], size: u64) -> Option<File> {
        let opened = open_inside(&self.root, name).map(File::from).map_err(io::Error::from);
        let checked = opened.and_then(|file| {
            let metadata = file.metadata()?;
            match metadata.is_file() {
                true if metadata.len() == size => Ok(file),
                true => Err(io::Error::other(format!("it has {} bytes and had {size}", metadata.len()))),
                false => Err(io::Error::other("it is no regular file any more")),
            }
        });
        checked.map_err(|error| self.miss(name, &error)).ok()
    }

    fn miss(&self, name: &[u8], error: &io::Error) {
        let why = format!("the store has lost it since the image came ({error}); zeros stand for it");
        self.gaps.add(name, why);
    }
}

impl<R: Read> Read for Joined<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let ready = self.raw.get(self.taken..).unwrap_or_default();
            if !ready.is_empty() {
                let length = ready.len().min(buffer.len());
                let (target, source) = (buffer.get_mut(..length), ready.get(..length));
                target.unwrap_or_default().copy_from_slice(source.unwrap_or_default());
                self.taken += length;
                return Ok(length);
            }
            if let Some(mut segment) = self.file.take() {
                let wanted = usize::try_from(segment.left).unwrap_or(usize::MAX).min(buffer.len());
                let target = buffer.get_mut(..wanted).unwrap_or_default();
                let read = match segment.file.as_mut().map(|file| file.read(target)) {
                    Some(Ok(read)) if read > 0 => read,
                    Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => 0,
                    other => {
                        if let Some(result) = other {
                            let error = result.err().unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
                            self.miss(&segment.name, &error);
                            segment.file = None;
                        }
                        target.fill(0);
                        wanted
                    }
                };
                segment.left = segment.left.saturating_sub(read as u64);
                self.file = Some(segment).filter(|segment| segment.left > 0);
                if read > 0 {
                    return Ok(read);
                }
                continue;
            }
            if !self.next()? {
                return Ok(0);
            }
        }
    }
}

/// Opens a file below a directory; links on the way stay inside it, as they did when the layer was unpacked
/// there, and the last part may be none. The names are the image's own: without this, `../../etc/shadow`
/// would be read from the host and shown as part of the layer.
fn open_inside(root: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    match rustix::fs::openat2(root, name, REGULAR, Mode::empty(), resolve) {
        // A kernel before 5.6, or a sandbox that does not know the call.
        Err(Errno::NOSYS | Errno::PERM) => open_step_by_step(root, name),
        opened => opened,
    }
}

fn open_step_by_step(root: &OwnedFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    let mut parts: Vec<&[u8]> =
        name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    let last = parts.pop().ok_or(Errno::ISDIR)?;
    if parts.contains(&&b".."[..]) || last == b".." {
        return Err(Errno::ACCESS);
    }
    let mut parent = rustix::fs::openat(root, ".", DIRECTORY, Mode::empty())?;
    for part in parts {
        parent = rustix::fs::openat(&parent, part, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    }
    rustix::fs::openat(&parent, last, REGULAR, Mode::empty())
}

/// What the notes and the files of a directory make.
#[cfg(test)]
fn join(notes: &[u8], files: &std::path::Path, gaps: &Gaps) -> io::Result<Vec<u8>> {
    let root = rustix::fs::open(files, DIRECTORY, Mode::empty())?;
    let mut bytes = Vec::new();
    Joined::new(notes, root, gaps.clone()).take(1 << 20).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(notes: &str, expect: Result<&[u8], &str>, gaps: &[&str]) {
        let outer = tempfile::tempdir().unwrap();
        std::fs::write(outer.path().join("secret"), "host").unwrap();
        let dir = outer.path().join("diff");
        std::fs::create_dir_all(dir.join("usr/bin")).unwrap();
        std::fs::write(dir.join("usr/bin/a"), "12345").unwrap();
        std::os::unix::fs::symlink("/usr/bin", dir.join("bin")).unwrap();
        std::os::unix::fs::symlink("../secret", dir.join("out")).unwrap();
        std::os::unix::fs::symlink(outer.path(), dir.join("up")).unwrap();
        let found = Gaps::default();
        match (join(notes.as_bytes(), &dir, &found), expect) {
            (Ok(bytes), Ok(expect)) => assert_eq!(bytes, expect, "{notes}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{notes}: {error}"),
            (found, _) => panic!("{notes}: {found:?}"),
        }
        let names: Vec<String> = found.list().into_iter().map(|gap| gap.what).collect();
        assert_eq!(names, gaps, "{notes}");
    }

    #[test]
    fn notes_and_files_make_the_layer() {
        let file = |name: &str, size: u64| {
            format!("{{\"type\":1,\"name\":\"{name}\",\"size\":{size},\"position\":1}}\n")
        };
        let raw = "{\"type\":2,\"payload\":\"eHl6\",\"position\":0}\n";
        check(&format!("{raw}{}{raw}", file("usr/bin/a", 5)), Ok(b"xyz12345xyz"), &[]);
        check(&file("./bin/a", 5), Ok(b"12345"), &[]);
        check("{\"type\":1,\"name_raw\":\"dXNyL2Jpbi9h\",\"size\":5}\n", Ok(b"12345"), &[]);
        check(&file("usr", 0), Ok(b""), &[]);
        check(&format!("{}{raw}", file("gone", 3)), Ok(b"\0\0\0xyz"), &["gone"]);
        check(&file("usr/bin/a", 4), Ok(b"\0\0\0\0"), &["usr/bin/a"]);
        for escape in ["../secret", "out", "up/secret", "/../secret"] {
            check(&file(escape, 4), Ok(b"\0\0\0\0"), &[escape]);
        }
        check("{\"type\":3}", Err("not known"), &[]);
        check("{", Err("damaged"), &[]);
        check("{\"type\":2,\"payload\":\"!\"}", Err("damaged"), &[]);
    }

    #[test]
    fn without_the_newer_call_nothing_escapes_either() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/b"), "").unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("root")).unwrap();
        let root = rustix::fs::open(dir.path(), DIRECTORY, Mode::empty()).unwrap();
        for (name, expect) in
            [("a/b", true), ("./a//b", true), ("../etc/passwd", false), ("root/etc/passwd", false)]
        {
            assert_eq!(open_step_by_step(&root, name.as_bytes()).is_ok(), expect, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_notes_break_the_reader(notes in "(\\{\"type\":[0-3],\"(size|name|payload)\":(1|\"[a-z./]{0,4}\")\\}\n|\\PC{0,20}\n){0,5}") {
            let dir = tempfile::tempdir().unwrap();
            let _ = join(notes.as_bytes(), dir.path(), &Gaps::default());
        }
    }
}
