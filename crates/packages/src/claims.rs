use crate::Promise;
use serde::{Deserialize, Serialize};

/// Paths that one package claims, packed: an image may hold a million of them. Names and promises lie in one
/// buffer each, in the order of the records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    records: Vec<Record>,
    #[serde(with = "serde_bytes")]
    names: Vec<u8>,
    #[serde(with = "serde_bytes")]
    promises: Vec<u8>,
}

/// One path that a package claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim<'a> {
    /// Relative to the root, normal: no leading slash, no empty, `.` or `..` part.
    pub(crate) path: &'a [u8],
    pub(crate) promise: Promise<'a>,
    pub(crate) config_file: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    /// Length of the path; at most [`MAX_PATH`].
    name: u16,
    promise: PromiseKind,
    config_file: bool,
}

/// The kind of a stored promise, which tells how many bytes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum PromiseKind {
    None,
    Md5,
    Sha1,
    Sha256,
    /// Length of the target.
    Symlink(u16),
}

/// Longest path or link target in bytes: Linux's PATH_MAX. Nothing longer can be opened, and without a bound
/// one long directory name shared by a million files would be a million times its size.
pub(crate) const MAX_PATH: usize = 4096;

/// What may still be taken from one database file.
#[derive(Debug)]
pub(crate) struct Allowance {
    paths: usize,
    bytes: usize,
    packages: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { paths: 1_000_000, bytes: 64 << 20, packages: 100_000 }
    }
}

impl Allowance {
    /// Takes room for a package with so many bytes of text. False when there is none.
    pub(crate) fn take_package(&mut self, text: usize) -> bool {
        let left = self.packages.checked_sub(1).zip(self.bytes.checked_sub(text));
        if let Some((packages, bytes)) = left {
            (self.packages, self.bytes) = (packages, bytes);
        }
        left.is_some()
    }
}

/// Why a claim was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The path names nothing: the root itself. No loss.
    Root,
    /// The path cannot be one.
    Path(&'static str),
    /// The file's allowance is used up; nothing more will be taken.
    Full,
}

impl Claims {
    /// Takes a path, given in parts that are joined by slashes, and brings it to its normal form.
    pub(crate) fn push(
        &mut self,
        parts: &[&[u8]],
        promise: Promise<'_>,
        config_file: bool,
        allowance: &mut Allowance,
    ) -> Result<(), Refused> {
        // All of it is paid for before a byte is looked at, also what is then refused: one long folder name
        // may be joined to millions of files.
        let (kind, bytes) = PromiseKind::split(&promise)?;
        let len = parts.iter().map(|part| part.len()).fold(0, usize::saturating_add);
        allowance.paths = allowance.paths.checked_sub(1).ok_or(Refused::Full)?;
        allowance.bytes = allowance.bytes.checked_sub(bytes.len()).ok_or(Refused::Full)?;
        if len > MAX_PATH {
            return Err(Refused::Path("a path longer than 4,096 bytes"));
        }
        allowance.bytes = allowance.bytes.checked_sub(len).ok_or(Refused::Full)?;
        let start = self.names.len();
        let name = self.push_name(parts, start).inspect_err(|_| self.names.truncate(start))?;
        self.promises.extend_from_slice(bytes);
        self.records.push(Record { name, promise: kind, config_file });
        Ok(())
    }

    fn push_name(&mut self, parts: &[&[u8]], start: usize) -> Result<u16, Refused> {
        for part in parts.iter().flat_map(|part| part.split(|byte| *byte == b'/')) {
            match part {
                b"" | b"." => continue,
                b".." => return Err(Refused::Path("a path with a part `..`")),
                _ => {}
            }
            if memchr::memchr(0, part).is_some() {
                return Err(Refused::Path("a path with a NUL byte"));
            }
            if self.names.len() > start {
                self.names.push(b'/');
            }
            self.names.extend_from_slice(part);
        }
        match u16::try_from(self.names.len().saturating_sub(start)) {
            Ok(0) => Err(Refused::Root),
            Ok(name) => Ok(name),
            Err(_) => Err(Refused::Path("a path longer than 4,096 bytes")),
        }
    }

    /// Gives back what was reserved and not used; the claims live as long as the scan.
    pub(crate) fn shrink(mut self) -> Self {
        self.records.shrink_to_fit();
        self.names.shrink_to_fit();
        self.promises.shrink_to_fit();
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn name_bytes(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn promise_bytes(&self) -> usize {
        self.promises.len()
    }

    /// The claims in their order. They may come from a cache file, so no length is trusted: the first that
    /// does not fit ends the list.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Claim<'_>> {
        let (mut names, mut promises) = (self.names.as_slice(), self.promises.as_slice());
        self.records.iter().map_while(move |record| {
            let (path, rest) = names.split_at_checked(usize::from(record.name))?;
            names = rest;
            let (bytes, rest) = promises.split_at_checked(record.promise.len())?;
            promises = rest;
            Some(Claim { path, promise: record.promise.join(bytes), config_file: record.config_file })
        })
    }
}

impl PromiseKind {
    pub(crate) fn split<'a>(promise: &'a Promise<'_>) -> Result<(Self, &'a [u8]), Refused> {
        Ok(match promise {
            Promise::None => (Self::None, &[]),
            Promise::Md5(digest) => (Self::Md5, digest),
            Promise::Sha1(digest) => (Self::Sha1, digest),
            Promise::Sha256(digest) => (Self::Sha256, digest),
            Promise::Symlink(target) => match u16::try_from(target.len()) {
                Ok(len) if target.len() < MAX_PATH => (Self::Symlink(len), target),
                _ => return Err(Refused::Path("a link target longer than 4,096 bytes")),
            },
        })
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Symlink(len) => usize::from(len),
        }
    }

    pub(crate) fn join(self, bytes: &[u8]) -> Promise<'_> {
        let promise = match self {
            Self::None => None,
            Self::Md5 => bytes.try_into().ok().map(Promise::Md5),
            Self::Sha1 => bytes.try_into().ok().map(Promise::Sha1),
            Self::Sha256 => bytes.try_into().ok().map(Promise::Sha256),
            Self::Symlink(_) => Some(Promise::Symlink(bytes)),
        };
        promise.unwrap_or(Promise::None)
    }
}

#[cfg(test)]
mod tests;
