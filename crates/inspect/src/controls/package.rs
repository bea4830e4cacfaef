use super::subject::{Subject, Subjects, is_program};
use super::{Control, Step, Why};
use crate::ImageView;
use layers::Kind;
use model::Finding;
use packages::{Agreement, agreement};
use std::collections::BTreeSet;

/// G1: a package owns the file and promised just this content. What distributions ship is looked at by many, and
/// their cron jobs, modules and scripts are in every image.
///
/// The database is the image's own word: whoever makes an image can write into it what he likes. So this lowers
/// by two levels what counts with others, never what convicts, and says nothing where the database gives itself
/// away.
pub(super) fn is_promised(all: &Subjects<'_, '_>, subject: &Subject<'_>, finding: &Finding) -> Option<Why> {
    // Packages promise contents. A mode or a capability that was added afterwards leaves the content as it was.
    if NOT_OF_CONTENT.contains(&finding.id.as_str()) || subject.entry.kind != Kind::File {
        return None;
    }
    let owner = all.image.ownership.owner(&subject.path)?;
    let hashes = subject.entry.hashes?;
    if agreement(&owner, hashes.md5.as_ref(), hashes.sha1.as_ref(), &hashes.sha256) != Agreement::Agrees {
        return None;
    }
    let content = all.image.tree.content(subject.place);
    all.databases().may_speak_for(content.layer).then(|| Why {
        control: Control::Package,
        step: Step::TwoLevels,
        because: format!("the package {} owns it and promised this content", owner.package.name),
    })
}

/// Findings about a mode or a capability.
pub(super) const NOT_OF_CONTENT: [&str; 2] = ["S-ESC-FCAP", "S-ESC-SUID"];

/// What is wrong with the package databases of an image, as far as the image shows it.
pub(super) struct Databases {
    contradictory: bool,
    /// The lowest layer that brings part of a database, and with it a program that nothing explains.
    suspect_from: Option<u32>,
}

impl Databases {
    pub(super) fn of(image: &ImageView<'_>) -> Self {
        let (mut brought, mut unexplained) = (BTreeSet::new(), BTreeSet::new());
        for (path, place) in image.tree.iter() {
            let content = image.tree.content(place);
            if packages::recognize(&path).is_some() {
                brought.insert(content.layer);
            } else if is_unexplained(image, &path, content) {
                unexplained.insert(content.layer);
            }
        }
        Self {
            contradictory: !image.ownership.inconsistencies().is_empty(),
            suspect_from: brought.intersection(&unexplained).next().copied(),
        }
    }

    /// Whether their word is taken for a file of this layer. One that contradicts itself is believed in nothing;
    /// one that came together with an unexplained program is not believed about that layer and those above it.
    fn may_speak_for(&self, layer: u32) -> bool {
        !self.contradictory && self.suspect_from.is_none_or(|from| layer < from)
    }
}

/// A program of no package, in a place where only packages put programs.
fn is_unexplained(image: &ImageView<'_>, path: &[u8], content: layers::Place) -> bool {
    const BY_HAND: [&[u8]; 3] = [b"usr/local/", b"opt/", b"srv/"];
    let may_run = || {
        let entry = image.tree.entry(content);
        entry.is_some_and(|entry| entry.kind == Kind::File && entry.mode & 0o111 != 0)
    };
    !BY_HAND.iter().any(|folder| path.starts_with(folder))
        && may_run()
        && is_program(image, content)
        && image.ownership.owner(path).is_none()
}
