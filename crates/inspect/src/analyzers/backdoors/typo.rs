use super::detections::TYPO;
use crate::analyzers::start::base_name;
use crate::{ImageView, Outcome};
use layers::Place;
use std::collections::{BTreeMap, HashSet};

/// Most names that are compared.
const MAX_NAMES: usize = 16 << 10;
/// Most findings.
const MAX_FINDINGS: usize = 16;
/// Of shorter names every other word is near.
const SHORTEST: usize = 5;

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Index {
    Npm,
    Pypi,
}

/// The popular package of which a name is one slip away.
pub(super) fn imitated(index: Index, name: &str) -> Option<&'static str> {
    let known = || popular(index);
    // A scope is its owner's, so a name in it is nobody else's.
    if name.starts_with('@') || name.len() > 64 || known().any(|known| known == name) {
        return None;
    }
    let edges = |name: &str| (name.bytes().next(), name.bytes().last());
    known().filter(|known| known.len() >= SHORTEST && known.len().abs_diff(name.len()) <= 1).find(|known| {
        let (first, last) = edges(name);
        let (known_first, known_last) = edges(known);
        (first == known_first || last == known_last) && strsim::osa_distance(known, name) == 1
    })
}

fn popular(index: Index) -> impl Iterator<Item = &'static str> {
    let list = match index {
        Index::Npm => include_str!("../../../data/popular-npm.txt"),
        Index::Pypi => include_str!("../../../data/popular-pypi.txt"),
    };
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Tells of installed packages whose name is almost a popular one.
pub(super) fn judge(image: &ImageView<'_>, out: &mut Outcome) {
    let mut seen = HashSet::new();
    let mut found: BTreeMap<(Index, String), (Place, &'static str)> = BTreeMap::new();
    for (path, place) in image.tree.iter() {
        let Some((index, name)) = installed(&path) else { continue };
        if seen.len() >= MAX_NAMES {
            break;
        }
        if !seen.insert((index, name.clone())) {
            continue;
        }
        if let Some(known) = imitated(index, &name) {
            found.entry((index, name)).or_insert((place, known));
        }
    }
    for ((_, name), (place, known)) in found.into_iter().take(MAX_FINDINGS) {
        let why = format!("The package {} is one letter away from {known}.", model::escape_text(&name));
        out.findings.push(image.finding_at(&TYPO, why, place).with_evidence("imitates", known, None));
    }
}

/// The package that a file at this path belongs to, told by the file that every installation leaves.
fn installed(path: &[u8]) -> Option<(Index, String)> {
    match base_name(path) {
        b"package.json" => {
            let folder = path.strip_suffix(b"/package.json")?;
            let name = base_name(folder);
            let outer = folder.get(..folder.len().checked_sub(name.len())?)?;
            let direct = outer == b"node_modules/" || outer.ends_with(b"/node_modules/");
            Some((Index::Npm, str::from_utf8(name).ok().filter(|_| direct)?.to_owned()))
        }
        b"METADATA" => {
            let folder = base_name(path.strip_suffix(b"/METADATA")?).strip_suffix(b".dist-info")?;
            let name = folder.split(|&byte| byte == b'-').next()?;
            let name = str::from_utf8(name).ok()?.to_ascii_lowercase().replace(['_', '.'], "-");
            Some((Index::Pypi, name))
        }
        _ => None,
    }
}
