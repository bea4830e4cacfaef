use crate::feed::Feed;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// First bytes of every kept import; the number is raised when the form changes.
const MAGIC: &[u8; 8] = b"rsfeed01";
/// Ending of the files.
const ENDING: &str = "feed";
/// The largest file that is read back: 16 million hashes with a name each stay below it.
const LARGEST: u64 = 4 << 30;
/// Longest name under which an import is kept.
const MAX_NAME: usize = 64;

/// A directory in which imports are kept, each in a file of its own that carries a checksum of itself. Nothing
/// is made before the first import is kept.
#[derive(Debug)]
pub struct FeedDirectory {
    root: PathBuf,
}

/// Why kept imports cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoredError {
    /// The name cannot be that of a file.
    #[error(
        "{name} cannot be the name of a feed: letters, digits, dots, hyphens and underscores, at most 64 of them, \
         the first a letter or digit; choose one with --name"
    )]
    Name {
        /// The name; escaped.
        name: String,
    },
    /// There is no import of this name.
    #[error("there is no feed {name} in {directory}; `roadstead feeds list` shows what there is")]
    Missing {
        /// The name; escaped.
        name: String,
        /// Where it was looked for; escaped.
        directory: String,
    },
    /// A file or the directory cannot be read or written.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Of which path; escaped.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not what was written.
    #[error("{path} is damaged: {why}; import the feed again")]
    Damaged {
        /// Which file; escaped.
        path: String,
        /// In which way.
        why: &'static str,
    },
}

impl FeedDirectory {
    /// The imports below a data directory.
    pub fn new(data_dir: &Path) -> Self {
        Self { root: data_dir.join("feeds") }
    }

    /// Keeps a feed under its name. An earlier import of that name is replaced, whole or not at all.
    ///
    /// # Errors
    /// Where the name cannot be used or the directory not written.
    pub fn put(&self, feed: &Feed) -> Result<PathBuf, StoredError> {
        let path = self.path(&feed.name)?;
        let failed = |what| {
            let path = shown(&path);
            move |source| StoredError::Io { what, path, source }
        };
        let body = postcard::to_allocvec(feed)
            .map_err(|error| failed("write")(io::Error::other(error.to_string())))?;
        std::fs::create_dir_all(&self.root).map_err(failed("write"))?;
        let mut file = tempfile::NamedTempFile::new_in(&self.root).map_err(failed("write"))?;
        let sum: [u8; 32] = Sha256::digest(&body).into();
        for part in [MAGIC.as_slice(), &sum, &body] {
            file.write_all(part).map_err(failed("write"))?;
        }
        file.as_file().sync_all().map_err(failed("write"))?;
        file.persist(&path).map_err(|error| failed("write")(error.error))?;
        Ok(path)
    }

    /// The import of this name.
    ///
    /// # Errors
    /// Where there is none, or it is not what was written.
    pub fn get(&self, name: &str) -> Result<Feed, StoredError> {
        let path = self.path(name)?;
        match File::open(&path) {
            Ok(file) => read(&path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.missing(name)),
            Err(source) => Err(StoredError::Io { what: "read", path: shown(&path), source }),
        }
    }

    /// The names of all imports, sorted; none where there is no directory yet.
    ///
    /// # Errors
    /// Where the directory is there and cannot be read.
    pub fn names(&self) -> Result<Vec<String>, StoredError> {
        let failed = |source| StoredError::Io { what: "read", path: shown(&self.root), source };
        let listing = match std::fs::read_dir(&self.root) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(failed(source)),
        };
        let mut names = Vec::new();
        for entry in listing {
            let name = entry.map_err(failed)?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(ENDING)?.strip_suffix('.'));
            names.extend(stem.filter(|stem| is_name(stem)).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }

    /// Removes the import of this name.
    ///
    /// # Errors
    /// Where there is none, or it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), StoredError> {
        let path = self.path(name)?;
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.missing(name)),
            Err(source) => Err(StoredError::Io { what: "remove", path: shown(&path), source }),
        }
    }

    fn missing(&self, name: &str) -> StoredError {
        StoredError::Missing { name: model::escape_text(name), directory: shown(&self.root) }
    }

    /// A name becomes part of a path, so nothing else than a plain one may pass.
    fn path(&self, name: &str) -> Result<PathBuf, StoredError> {
        if is_name(name) {
            Ok(self.root.join(format!("{name}.{ENDING}")))
        } else {
            Err(StoredError::Name { name: model::escape_text(name) })
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

fn read(path: &Path, file: File) -> Result<Feed, StoredError> {
    let failed = |source| StoredError::Io { what: "read", path: shown(path), source };
    let damaged = |why| StoredError::Damaged { path: shown(path), why };
    let len = file.metadata().map_err(failed)?.len();
    if len > LARGEST {
        return Err(damaged("it is larger than any import"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err(damaged("it is no import, or one of another version"));
    };
    let Some((sum, body)) = rest.split_first_chunk::<32>() else { return Err(damaged("it is cut short")) };
    if Sha256::digest(body).as_slice() != sum {
        return Err(damaged("its checksum is wrong"));
    }
    let mut feed: Feed = postcard::from_bytes(body).map_err(|_| damaged("it cannot be read"))?;
    if !feed.restore() {
        return Err(damaged("it does not add up"));
    }
    Ok(feed)
}

fn shown(path: &Path) -> String {
    model::escape_text(&path.to_string_lossy())
}

#[cfg(test)]
mod tests;
