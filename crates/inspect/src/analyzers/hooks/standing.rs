use crate::ImageView;
use layers::{Kind, Place};
use packages::{Agreement, agreement, link_agreement};

/// How a file stands to the packages of the image.
///
/// The database is the image maker's to write, so being genuine proves nothing. It only means that the file does
/// not stand out, and no finding that convicts hangs on more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A package owns it, and it is what the package promised.
    Genuine,
    /// A package owns it without a promise that can be compared.
    Owned,
    /// A package owns it, and it is something else.
    Changed,
    /// No package owns it.
    Unowned,
}

/// How the file at a path stands, by the path at which it is looked for and by the one where it lies in the end.
pub fn standing(image: &ImageView<'_>, path: &[u8], place: Place) -> Standing {
    let content = image.tree.content(place);
    let Some(entry) = image.tree.entry(content) else { return Standing::Unowned };
    if entry.kind == Kind::Symlink {
        // The link may be the package's own; then it counts as what it leads to.
        let own = image.ownership.owner(path).map(|owner| link_agreement(&owner, entry.link));
        return match (own, image.tree.resolve(path)) {
            (Some(Agreement::Differs), _) => Standing::Changed,
            (_, Ok((target, place))) => standing_of_file(image, &target, place),
            (_, Err(_)) => Standing::Unowned,
        };
    }
    standing_of_file(image, path, place)
}

fn standing_of_file(image: &ImageView<'_>, path: &[u8], place: Place) -> Standing {
    let content = image.tree.content(place);
    let Some(entry) = image.tree.entry(content) else { return Standing::Unowned };
    let Some(owner) = image.ownership.owner(path) else { return Standing::Unowned };
    let Some(hashes) = entry.hashes else { return Standing::Owned };
    match agreement(&owner, hashes.md5.as_ref(), hashes.sha1.as_ref(), &hashes.sha256) {
        Agreement::Agrees => Standing::Genuine,
        Agreement::Unpromised => Standing::Owned,
        Agreement::Differs | Agreement::ConfigChanged => Standing::Changed,
    }
}
