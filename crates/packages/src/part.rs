use crate::claims::{Allowance, Claims, Refused};
use crate::{DatabaseFile, Error, Promise, apk, dpkg, rpm};
use model::escape_bytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Reads one database file.
///
/// `path` is where it lies in the image, `bytes` is its whole content. Time and memory are linear in the
/// content; entries that cannot be read are counted in the part and come out of [`crate::Ownership::gaps`].
///
/// # Errors
/// The file is larger than [`DatabaseFile::max_size`], or its head is not that of its format.
pub fn parse(kind: DatabaseFile, path: &[u8], bytes: &[u8]) -> Result<Part, Error> {
    let size = bytes.len() as u64;
    if size > kind.max_size() {
        return Err(Error::TooLarge { path: escape_bytes(path), size, limit: kind.max_size() });
    }
    match kind {
        DatabaseFile::DpkgStatus => Ok(dpkg::status(bytes, None)),
        DatabaseFile::DpkgStatusEntry => Ok(dpkg::status(bytes, Some(dpkg::stem(path)))),
        DatabaseFile::DpkgList => Ok(dpkg::list(bytes, dpkg::stem(path))),
        DatabaseFile::DpkgSums => Ok(dpkg::sums(bytes, dpkg::stem(path))),
        DatabaseFile::DpkgDiversions => Ok(dpkg::diversions(bytes)),
        DatabaseFile::ApkInstalled => Ok(apk::installed(bytes)),
        DatabaseFile::RpmBerkeley
        | DatabaseFile::RpmNdb
        | DatabaseFile::RpmSqlite
        | DatabaseFile::RpmSqliteLog => rpm::database(kind, bytes).map_err(|fault| Error::Malformed {
            path: escape_bytes(path),
            kind,
            offset: fault.offset as u64,
            reason: fault.reason,
        }),
    }
}

/// What one database file says. To be cached with the layer that the file came from, and given to
/// [`crate::Ownership::build`] together with the other parts of the same file tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub(crate) content: Content,
    pub(crate) unread: Option<Unread>,
}

/// A package as its database names it. All texts are the image's own: escape them before printing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Package {
    /// Name without version or architecture.
    pub name: String,
    /// Version as the package manager prints it, with epoch and release where it has them.
    pub version: String,
    /// Architecture, empty where none is stated.
    pub architecture: String,
    /// The maintainer (dpkg, apk) or vendor (rpm), empty where none is stated.
    pub vendor: String,
    /// Which package manager's database says so.
    pub database: Database,
    /// The package was removed and only its configuration files are left (dpkg): it is not installed.
    pub removed: bool,
}

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Database {
    /// Debian, Ubuntu, distroless.
    Dpkg,
    /// Alpine, Wolfi.
    Apk,
    /// Fedora, Red Hat, SUSE, Amazon.
    Rpm,
}

/// The facts of one file, by the shape of its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    DpkgStatus(Vec<dpkg::Stanza>),
    DpkgList {
        stem: String,
        claims: Claims,
    },
    DpkgSums {
        stem: String,
        claims: Claims,
    },
    DpkgDiversions(Vec<dpkg::Diversion>),
    /// Databases that keep a package and its files together: apk and rpm.
    Packages(Vec<Installed>),
}

/// A package with everything it claims.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installed {
    pub(crate) package: Package,
    pub(crate) claims: Claims,
}

/// What of a file could not be read: how many entries, and one of them: where reading ended, else the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unread {
    pub(crate) count: u32,
    pub(crate) offset: u64,
    pub(crate) reason: Cow<'static, str>,
}

/// What grows while a file is read: the allowance that is left, and what could not be read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) allowance: Allowance,
    unread: Option<Unread>,
    ended: bool,
}

impl Reading {
    pub(crate) fn new() -> Self {
        Self { allowance: Allowance::default(), unread: None, ended: false }
    }

    /// Notes something that could not be read.
    pub(crate) fn skip(&mut self, offset: usize, reason: &'static str) {
        let (offset, reason) = (offset as u64, Cow::Borrowed(reason));
        let unread = self.unread.get_or_insert(Unread { count: 0, offset, reason });
        unread.count = unread.count.saturating_add(1);
    }

    /// Notes that nothing more is read. It is told before all that was skipped until then.
    fn end(&mut self, offset: usize) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let count = self.unread.as_ref().map_or(0, |unread| unread.count);
        let reason = Cow::Borrowed(
            "more than 1,000,000 paths, 100,000 packages or 64 MiB of text; from here on nothing is read",
        );
        self.unread = Some(Unread { count: count.saturating_add(1), offset: offset as u64, reason });
    }

    /// Whether one more package may be taken; a refusal is noted, and reading must end.
    pub(crate) fn admit(&mut self, offset: usize, package: &Package) -> bool {
        let texts = [&package.name, &package.version, &package.architecture, &package.vendor];
        self.admit_text(offset, texts.iter().map(|text| text.len()).sum())
    }

    /// As [`Self::admit`] for something of this many bytes.
    pub(crate) fn admit_text(&mut self, offset: usize, bytes: usize) -> bool {
        let admitted = self.allowance.take_package(bytes);
        if !admitted {
            self.end(offset);
        }
        admitted
    }

    /// Takes one claim. False when the file's allowance is used up and reading must end.
    pub(crate) fn take(
        &mut self,
        offset: usize,
        claims: &mut Claims,
        path: &[&[u8]],
        promise: Promise<'_>,
        config_file: bool,
    ) -> bool {
        match claims.push(path, promise, config_file, &mut self.allowance) {
            Ok(()) => true,
            Err(Refused::Root) => true,
            Err(Refused::Path(reason)) => {
                self.skip(offset, reason);
                true
            }
            Err(Refused::Full) => {
                self.end(offset);
                false
            }
        }
    }

    pub(crate) fn finish(self, content: Content) -> Part {
        Part { content, unread: self.unread }
    }
}

impl Part {
    /// Claims that make paths owned, as far as this part alone can tell; for reserving room.
    pub(crate) fn owned_claims(&self) -> impl Iterator<Item = &Claims> {
        let (list, installed) = match &self.content {
            Content::DpkgList { claims, .. } => (Some(claims), [].as_slice()),
            Content::Packages(installed) => (None, installed.as_slice()),
            Content::DpkgSums { .. } | Content::DpkgStatus(_) | Content::DpkgDiversions(_) => {
                (None, [].as_slice())
            }
        };
        list.into_iter().chain(installed.iter().map(|each| &each.claims))
    }

    /// All claims but those of configuration files, which are few.
    pub(crate) fn all_claims(&self) -> impl Iterator<Item = &Claims> {
        let sums = match &self.content {
            Content::DpkgSums { claims, .. } => Some(claims),
            _ => None,
        };
        sums.into_iter().chain(self.owned_claims())
    }
}
