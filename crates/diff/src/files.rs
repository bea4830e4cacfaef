use crate::face::Known;
use layers::{EntryView, Kind, Place};
use model::PlatformChanges;
use std::collections::HashMap;

/// A file or link of the new image that the old one had not, or not so.
pub(crate) struct Delta {
    /// Where it lies in the new image, in normal form.
    pub(crate) path: Vec<u8>,
    pub(crate) place: Place,
    /// What was at the path before.
    pub(crate) before: Option<Place>,
    /// Whether the content, or where the link leads, is another; if not, the rights are.
    pub(crate) content: bool,
}

/// What changed among the files, and nothing of what did not.
#[derive(Default)]
pub(crate) struct Deltas {
    pub(crate) list: Vec<Delta>,
    /// Contents of the old image whose path is gone, with one such path.
    pub(crate) gone: HashMap<[u8; 32], Vec<u8>>,
    pub(crate) removed: u64,
}

/// Compares the two trees path by path. What both have from a layer that they share is the same without a look.
/// A path is looked up as a runtime would, so a directory that became a link to where its files lie now is no
/// change of these.
pub(crate) fn compare(
    old: &Known<'_>,
    new: &Known<'_>,
    shared: u32,
    visit: &mut impl FnMut(bool, &[u8]),
) -> Deltas {
    let mut deltas = Deltas::default();
    for (path, place) in new.face.image.tree.iter() {
        visit(true, &path);
        let Some(now) = new.entry(place).filter(is_file_or_link) else { continue };
        let before = old.face.image.tree.get(&path);
        if before == Some(place) && place.layer < shared {
            continue;
        }
        let then = before.and_then(|before| old.entry(before));
        let content = then.is_none_or(|then| !is_same_content(&then, &now));
        let rights = then.is_none_or(|then| then.mode != now.mode)
            || before.and_then(|before| old.capability(before)) != new.capability(place);
        if content || (rights && now.kind == Kind::File) {
            // A directory in the way is no file that it was.
            let before = before.filter(|_| then.as_ref().is_some_and(is_file_or_link));
            deltas.list.push(Delta { path, place, before, content });
        }
    }
    for (path, place) in old.face.image.tree.iter() {
        visit(false, &path);
        let Some(then) = old.entry(place).filter(is_file_or_link) else { continue };
        let now = new.face.image.tree.get(&path);
        if now == Some(place) && place.layer < shared {
            continue;
        }
        if now.is_none() {
            deltas.removed += 1;
            if let Some(hashes) = then.hashes.filter(|_| then.size > 0) {
                deltas.gone.entry(hashes.sha256).or_insert(path);
            }
        }
    }
    deltas
}

/// The numbers.
pub(crate) fn count(deltas: &Deltas, new: &Known<'_>, into: &mut PlatformChanges) {
    into.removed = deltas.removed;
    for delta in &deltas.list {
        if delta.before.is_some() {
            into.changed += 1;
            continue;
        }
        into.added += 1;
        let hashes = new.entry(delta.place).and_then(|entry| entry.hashes);
        into.moved += u64::from(hashes.is_some_and(|hashes| deltas.gone.contains_key(&hashes.sha256)));
    }
}

/// Where in the old image the same contents lie, for those that are asked for.
pub(crate) fn find_contents(old: &Known<'_>, asked: &mut HashMap<[u8; 32], Option<Vec<u8>>>) {
    if asked.is_empty() {
        return;
    }
    for (path, place) in old.face.image.tree.iter() {
        if let Some(hashes) = old.entry(place).and_then(|entry| entry.hashes)
            && let Some(found @ None) = asked.get_mut(&hashes.sha256)
        {
            *found = Some(path);
        }
    }
}

fn is_file_or_link(entry: &EntryView<'_>) -> bool {
    matches!(entry.kind, Kind::File | Kind::Symlink | Kind::Character | Kind::Block)
}

/// A file without a hash was not read whole, which is a gap elsewhere; then size and place must do.
fn is_same_content(then: &EntryView<'_>, now: &EntryView<'_>) -> bool {
    then.kind == now.kind
        && match (then.hashes, now.hashes) {
            (Some(then), Some(now)) => then.sha256 == now.sha256,
            (None, None) => then.link == now.link && then.size == now.size && then.device == now.device,
            _ => false,
        }
}
