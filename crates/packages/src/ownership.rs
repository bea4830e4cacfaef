mod claimed;
mod dpkg;
mod resolver;

use crate::part::{Content, Package, Part, Unread};
use crate::{DatabaseFile, Promise, recognize};
use claimed::Claimed;
use model::{Gap, escape_bytes};
use resolver::Resolver;
use std::sync::atomic::{AtomicBool, Ordering};

/// Who owns which path in one file tree, and what they promised: the parts of all its database files joined.
///
/// Made for a few hundred thousand paths in a few dozen megabytes: paths and promises lie in one buffer each,
/// and the index over them holds four bytes a path.
#[derive(Debug, Default)]
pub struct Ownership {
    packages: Vec<Package>,
    claimed: Claimed,
    gaps: Vec<Gap>,
    inconsistencies: Vec<Inconsistency>,
    lacks_sums: AtomicBool,
}

/// Where a database contradicts itself. None of it need be hostile: images are slimmed by deleting what only
/// the package manager reads. But who adds files by hand may leave these traces, and a path's missing owner
/// means less where file lists are missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Inconsistency {
    /// A file list or digest list of a package that the status does not know. Its paths are not owned.
    ListWithoutPackage {
        /// The list's path in the image, as it lies there.
        path: Vec<u8>,
    },
    /// An installed package whose file list and digest list are both missing: what it owns is unknown.
    PackageWithoutList {
        /// Position in [`Ownership::packages`].
        package: usize,
    },
}

/// A package that owns a path, with what it promised. Others may own it too: see [`Owner::all`].
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The package.
    pub package: &'a Package,
    /// What it promised about the path.
    pub promise: Promise<'a>,
    /// Whether the package expects the file to be edited.
    pub config_file: bool,
    ownership: &'a Ownership,
    next: Option<u32>,
}

/// Most inconsistencies that are listed; a tree of a million stray lists is told by fewer.
const MAX_INCONSISTENCIES: usize = 1000;

impl Ownership {
    /// Joins the parts of one file tree.
    ///
    /// `parts` are all database files of the tree, each with its path. `resolve_parent` maps a path as a
    /// package wrote it (`bin/ls`) to where it lies (`usr/bin/ls`): it follows the symbolic links of all
    /// folders on the way and leaves the last name alone. It is called about once for each folder.
    pub fn build<'a>(
        parts: impl IntoIterator<Item = (&'a [u8], &'a Part)>,
        resolve_parent: &dyn Fn(&[u8]) -> Vec<u8>,
    ) -> Self {
        let parts: Vec<_> = parts.into_iter().collect();
        let mut ownership = Self::default();
        let claims = || parts.iter().flat_map(|(_, part)| part.owned_claims());
        ownership.claimed.reserve(
            claims().map(|claims| claims.len()).sum(),
            claims().map(|claims| claims.name_bytes()).sum(),
            parts.iter().flat_map(|(_, part)| part.all_claims()).map(|claims| claims.promise_bytes()).sum(),
        );
        let mut resolver = Resolver::new(resolve_parent);
        for (path, part) in &parts {
            if let Content::Packages(installed) = &part.content {
                for each in installed {
                    let package = ownership.add_package(each.package.clone());
                    for claim in each.claims.iter() {
                        ownership.claimed.insert(resolver.resolve(claim.path), package, &claim);
                    }
                }
            }
            if let Some(unread) = &part.unread {
                ownership.gaps.push(gap(path, unread));
            }
        }
        dpkg::join(&mut ownership, &parts, &mut resolver);
        ownership.claimed.finish();
        if let Some(refused) = ownership.claimed.refused() {
            ownership.gaps.push(Gap::new(
                "package databases",
                format!(
                    "{refused} claims are left out: together they name more than 1,000,000 paths or 64 MiB of them"
                ),
            ));
        }
        ownership
    }

    /// The package that owns a path, given as the file tree holds it: relative, without a leading slash.
    pub fn owner(&self, path: &[u8]) -> Option<Owner<'_>> {
        self.owner_at(self.claimed.find(path)?)
    }

    /// Whether no path is owned.
    pub fn is_empty(&self) -> bool {
        self.claimed.is_empty()
    }

    /// The packages that are installed, and the removed ones whose configuration files are left.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// What of the databases could not be read: a verdict over this tree is incomplete.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Where the databases contradict themselves; at most 1,000.
    pub fn inconsistencies(&self) -> &[Inconsistency] {
        &self.inconsistencies
    }

    /// Whether a promise was asked about and could not be compared, because the file's sum of that kind was not taken.
    pub fn lacks_sums(&self) -> bool {
        self.lacks_sums.load(Ordering::Relaxed)
    }

    fn owner_at(&self, record: u32) -> Option<Owner<'_>> {
        let claim = self.claimed.get(record)?;
        let package = self.packages.get(usize::try_from(claim.package).ok()?)?;
        Some(Owner {
            package,
            promise: claim.promise,
            config_file: claim.config_file,
            ownership: self,
            next: claim.next,
        })
    }

    fn add_package(&mut self, package: Package) -> u32 {
        let index = u32::try_from(self.packages.len()).unwrap_or(u32::MAX);
        self.packages.push(package);
        index
    }

    fn note(&mut self, inconsistency: Inconsistency) {
        if self.inconsistencies.len() < MAX_INCONSISTENCIES {
            self.inconsistencies.push(inconsistency);
        }
    }
}

impl<'a> Owner<'a> {
    /// This owner and all others of the same path.
    pub fn all(&self) -> impl Iterator<Item = Owner<'a>> + use<'a> {
        std::iter::successors(Some(*self), |owner| owner.ownership.owner_at(owner.next?))
    }

    /// Compares by a sum, or notes that it is lacking.
    pub(crate) fn with_sum<T>(&self, sum: Option<T>, agrees: impl FnOnce(T) -> bool) -> Option<bool> {
        if sum.is_none() {
            self.ownership.lacks_sums.store(true, Ordering::Relaxed);
        }
        sum.map(agrees)
    }
}

fn gap(path: &[u8], unread: &Unread) -> Gap {
    let kind =
        recognize(path).map_or_else(|| "package database".to_owned(), |kind: DatabaseFile| kind.to_string());
    let Unread { count, offset, reason } = unread;
    Gap::new(
        escape_bytes(path),
        format!("entries of this {kind} that cannot be read: {count}, such as at byte {offset}: {reason}"),
    )
}

#[cfg(test)]
mod tests;
