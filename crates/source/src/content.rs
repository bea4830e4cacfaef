use crate::error::Error;
use crate::manifest::Descriptor;
use model::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;

/// Where the documents and layers of one image come from: a registry, a layout, an archive, a local store.
pub(crate) trait Content: Send + Sync {
    /// The manifest, index or configuration of this descriptor: at most `limit` bytes, not yet verified.
    fn document(&self, descriptor: &Descriptor, role: DocumentRole, limit: u64) -> Result<Document, Error>;

    /// The layer of this descriptor. Nothing is fetched before it is opened.
    fn layer(&self, descriptor: &Descriptor) -> Arc<dyn Origin>;

    /// Whether it is in order that content is absent: a local store holds the one platform that was pulled.
    fn is_partial(&self) -> bool {
        false
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentRole {
    Manifest,
    Config,
}

pub(crate) struct Document {
    pub(crate) bytes: Vec<u8>,
    /// The `Content-Type` of the HTTP answer, where there was one.
    pub(crate) header: Option<String>,
}

/// The bytes of one layer.
pub(crate) trait Origin: Send + Sync {
    /// The bytes from the start. They may end with an error and never pass the declared length.
    fn open(&self) -> Result<Box<dyn Read + Send>, Error>;

    /// See [`Stamp`].
    fn stamp(&self) -> Option<Stamp> {
        None
    }

    /// Whether whoever pulls this layer checks it against its declared digest, so that these bytes and no
    /// others can be meant.
    fn is_verified_by_clients(&self) -> bool {
        false
    }

    /// What could not be read while a stream was read, and did not end it.
    fn gaps(&self) -> Vec<model::Gap> {
        Vec::new()
    }
}

/// Where bytes lie in a local file and when it last changed. Two equal stamps mean the same bytes, as far as
/// the kernel's clock tells, so a cache need not read again what it verified before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// Device of the file.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
    /// Its length in bytes.
    pub size: u64,
    /// Last change of its content, in nanoseconds since 1970.
    pub mtime_ns: i128,
    /// Last change of its inode, which no program can set back, in nanoseconds since 1970.
    pub ctime_ns: i128,
    /// First byte inside the file.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

impl Stamp {
    pub(crate) fn of(metadata: &std::fs::Metadata, offset: u64, length: u64) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            offset,
            length,
        }
    }
}

/// A run of bytes of an open file. Reading does not move the file's position, so that many threads may read
/// one archive.
#[derive(Debug, Clone)]
pub(crate) struct FileSlice {
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

impl FileSlice {
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        Some(Stamp::of(&self.file.metadata().ok()?, self.offset, self.length))
    }
}

impl Read for FileSlice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.length).unwrap_or(usize::MAX).min(buffer.len());
        let Some(target) = buffer.get_mut(..wanted).filter(|target| !target.is_empty()) else { return Ok(0) };
        let read = self.file.read_at(target, self.offset)?;
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the file ends {} bytes before its declared end", self.length),
            ));
        }
        self.offset = self.offset.saturating_add(read as u64);
        self.length = self.length.saturating_sub(read as u64);
        Ok(read)
    }
}

impl Origin for FileSlice {
    fn open(&self) -> Result<Box<dyn Read + Send>, Error> {
        Ok(Box::new(self.clone()))
    }

    fn stamp(&self) -> Option<Stamp> {
        Self::stamp(self)
    }
}

/// A layer that cannot be opened, with the reason. It stays in the image, so that it is counted.
pub(crate) struct Absent {
    pub(crate) what: String,
    pub(crate) advice: String,
}

impl Origin for Absent {
    fn open(&self) -> Result<Box<dyn Read + Send>, Error> {
        Err(Error::missing(&self.what, &self.advice))
    }
}

/// Ends with an error where a stream goes on after `left` bytes: a layer that is longer than declared must
/// not fill whatever reads it.
pub(crate) struct Capped<R> {
    inner: R,
    left: u64,
    declared: u64,
}

impl<R: Read> Capped<R> {
    pub(crate) fn new(inner: R, declared: u64) -> Self {
        Self { inner, left: declared, declared }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("there are more than the declared {} bytes", self.declared),
                )),
            };
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(buffer.get_mut(..wanted).unwrap_or_default())?;
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// Reads all of a stream, at most `limit` bytes.
///
/// # Errors
/// Where it is longer, or reading fails.
pub(crate) fn read_limited(
    stream: &mut dyn Read,
    limit: u64,
    what: &str,
    failed: impl FnOnce(io::Error) -> Error,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    stream.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { what: crate::content::clip(what), limit });
    }
    Ok(bytes)
}

/// The digest of bytes under the hash function of another digest.
pub(crate) fn digest_like(like: &Digest, bytes: &[u8]) -> Digest {
    match like.algorithm() {
        model::Algorithm::Sha256 => Digest::sha256(Sha256::digest(bytes).into()),
        model::Algorithm::Sha512 => Digest::sha512(Sha512::digest(bytes).into()),
    }
}

/// A path for messages. Escaped.
pub(crate) fn show(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    model::escape_bytes(path.as_os_str().as_bytes())
}

/// A text of the image's or of a server's for messages: escaped, and cut where it is longer than anyone reads.
/// A name of four megabytes in each of a thousand messages would be a way to fill the memory.
pub(crate) fn clip(text: &str) -> String {
    clip_at(text, 300)
}

/// The same with at most so many characters of it.
pub(crate) fn clip_at(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", model::escape_text(text.get(..end).unwrap_or_default())),
        None => model::escape_text(text),
    }
}

/// The SHA-256 digest of bytes.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Digest::sha256(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(declared: u64, bytes: &[u8], expect: Result<&[u8], &str>) {
        let mut read = Vec::new();
        let result = Capped::new(bytes, declared).read_to_end(&mut read);
        match expect {
            Ok(expect) => {
                result.unwrap();
                assert_eq!(read, expect);
            }
            Err(part) => {
                assert!(result.unwrap_err().to_string().contains(part));
                assert!(read.len() as u64 <= declared);
            }
        }
    }

    #[test]
    fn a_stream_keeps_within_its_declared_length() {
        check(3, b"abc", Ok(b"abc"));
        check(4, b"abc", Ok(b"abc"));
        check(2, b"abc", Err("more than the declared 2 bytes"));
        check(0, b"a", Err("more than"));
    }

    #[test]
    fn a_slice_of_a_file_that_shrank_is_an_error() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"0123456789", 0).unwrap();
        let mut slice = FileSlice { file: Arc::new(file), offset: 4, length: 6 };
        let mut text = String::new();
        slice.clone().read_to_string(&mut text).unwrap();
        assert_eq!(text, "456789");
        slice.file.set_len(6).unwrap();
        assert!(slice.read_to_end(&mut Vec::new()).unwrap_err().to_string().contains("4 bytes before"));
    }
}
