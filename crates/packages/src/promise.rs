use crate::Owner;
use sha1::Digest as _;

/// What a package said about a path that it owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Promise<'a> {
    /// Nothing that can be compared.
    None,
    /// MD5 of the file's content (dpkg, old rpm and apk).
    Md5([u8; 16]),
    /// SHA-1 of the file's content or, for a symbolic link, of its target (apk).
    Sha1([u8; 20]),
    /// SHA-256, likewise (rpm, new apk).
    Sha256([u8; 32]),
    /// The path is a symbolic link with this target (rpm).
    Symlink(&'a [u8]),
}

/// How what lies at a path compares with what its owners promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Agreement {
    /// It is what an owner promised.
    Agrees,
    /// Each owner that promised anything promised something else.
    Differs,
    /// It differs, and the owner expects people to edit it.
    ConfigChanged,
    /// No owner promised anything that can be compared.
    Unpromised,
}

/// Compares a regular file by the digests of its content.
///
/// Where several packages own the path, the promise of one is enough: packages may bring one file together,
/// and rpm lets one of two architectures win.
///
/// A promise that is written in a sum which was not taken cannot be compared. Then [`crate::Ownership::lacks_sums`]
/// holds from here on, and nothing that was concluded counts before it is concluded with all sums.
pub fn agreement(
    owner: &Owner<'_>,
    md5: Option<&[u8; 16]>,
    sha1: Option<&[u8; 20]>,
    sha256: &[u8; 32],
) -> Agreement {
    judge(owner, |promise| match promise {
        Promise::None => None,
        Promise::Md5(digest) => owner.with_sum(md5, |md5| digest == *md5),
        Promise::Sha1(digest) => owner.with_sum(sha1, |sha1| digest == *sha1),
        Promise::Sha256(digest) => Some(digest == *sha256),
        Promise::Symlink(_) => Some(false),
    })
}

/// Compares a symbolic link by its target, byte for byte as it lies in the image.
///
/// A promised MD5 is always that of a regular file, so a link in its place differs.
pub fn link_agreement(owner: &Owner<'_>, target: &[u8]) -> Agreement {
    judge(owner, |promise| match promise {
        Promise::None => None,
        Promise::Md5(_) => Some(false),
        Promise::Sha1(digest) => Some(sha1::Sha1::digest(target).as_slice() == digest),
        Promise::Sha256(digest) => Some(sha2::Sha256::digest(target).as_slice() == digest),
        Promise::Symlink(promised) => Some(promised == target),
    })
}

fn judge(owner: &Owner<'_>, agrees: impl Fn(Promise<'_>) -> Option<bool>) -> Agreement {
    let mut verdict = Agreement::Unpromised;
    for claim in owner.all() {
        match agrees(claim.promise) {
            None => {}
            Some(true) => return Agreement::Agrees,
            Some(false) if claim.config_file && verdict != Agreement::Differs => {
                verdict = Agreement::ConfigChanged;
            }
            Some(false) if claim.config_file => {}
            Some(false) => verdict = Agreement::Differs,
        }
    }
    verdict
}

#[cfg(test)]
mod tests;
