use crate::Error;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Largest file of rules.
const MAX_FILE: u64 = 4 << 20;
/// All files of a folder together.
const MAX_TOTAL: u64 = 64 << 20;
/// Files of a folder, of any sort.
const MAX_FILES: usize = 10_000;
/// Folders in folders.
const MAX_DEPTH: usize = 16;

/// One file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path under the folder of its pack, with `/` between.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl Source {
    /// What its rules are about, as the modules that it imports say. The question is for the import at the start of
    /// a line, as the language has it; within a comment or a string it does no harm but to ask for another place of
    /// the rules, which the compiler then says.
    pub(crate) fn subject(&self) -> Result<Subject, Error> {
        match (self.imports(b"\"image\""), self.imports(b"\"behavior\"")) {
            (true, true) => Err(Error::Both { file: self.name.clone() }),
            (true, false) => Ok(Subject::Places),
            (false, true) => Ok(Subject::Runs),
            (false, false) => Ok(Subject::Content),
        }
    }

    fn imports(&self, module: &[u8]) -> bool {
        self.bytes.split(|&byte| byte == b'\n').any(|line| {
            let line = line.trim_ascii();
            line.strip_prefix(b"import").is_some_and(|rest| rest.trim_ascii().starts_with(module))
        })
    }
}

/// What rules are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// What files hold.
    Content,
    /// Where files lie.
    Places,
    /// What an image does when it is run.
    Runs,
}

/// The files of rules in a folder and the folders below it, in the order of their names. A file instead of a folder is
/// a pack of one.
pub(crate) fn read(root: &Path) -> Result<Vec<Source>, Error> {
    let mut sources = Vec::new();
    let is_file = fs::metadata(root).map_err(|source| Error::Read { path: root.into(), source })?.is_file();
    let paths = if is_file { vec![root.to_owned()] } else { walk(root)? };
    let mut total = 0;
    for path in paths {
        if !is_file && !is_rules(&path) {
            continue;
        }
        let bytes = read_file(&path)?;
        total += bytes.len() as u64;
        if total > MAX_TOTAL {
            return Err(Error::TooMuch { path: root.into(), what: "holds more than 64 MiB of rules" });
        }
        let below = if is_file { path.file_name().map(Path::new) } else { path.strip_prefix(root).ok() };
        let name = model::escape_text(&below.unwrap_or(&path).to_string_lossy());
        sources.push(Source { name, bytes });
    }
    if sources.is_empty() {
        return Err(Error::Empty { path: root.into() });
    }
    Ok(sources)
}

/// A file within the limit.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let unread = |source| Error::Read { path: path.into(), source };
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(unread)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::TooMuch { path: path.into(), what: "is larger than 4 MiB" });
    }
    Ok(bytes)
}

/// Digest of sources with their names.
pub(crate) fn digest(sources: &[Source]) -> String {
    let mut hash = Sha256::new();
    for source in sources {
        for part in [source.name.as_bytes(), &source.bytes] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    model::Digest::sha256(hash.finalize().into()).to_string()
}

fn is_rules(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yar" || ending == "yara")
}

/// All files below a folder, in the order of their paths. Links to folders are not followed.
pub(crate) fn walk(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let unread = |source| Error::Read { path: folder.clone(), source };
        if depth > MAX_DEPTH {
            return Err(Error::TooMuch { path: folder, what: "lies too deep" });
        }
        for entry in fs::read_dir(&folder).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let kind = entry.file_type().map_err(unread)?;
            if kind.is_dir() {
                folders.push((entry.path(), depth + 1));
            } else {
                files.push(entry.path());
            }
            if files.len() + folders.len() > MAX_FILES {
                return Err(Error::TooMuch { path: root.into(), what: "holds more than 10000 files" });
            }
        }
    }
    files.sort();
    Ok(files)
}
