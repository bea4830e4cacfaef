use super::package::Databases;
use crate::{Fact, ImageView, Outcome};
use layers::{EntryView, Kind, Place};
use model::{CONTROL, Class, Finding, REMOVED_BY, Role};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What controls that look at files ask about the image; what is dear is worked out at most once.
pub(super) struct Subjects<'i, 'v> {
    pub(super) image: &'i ImageView<'v>,
    reached: HashSet<Place>,
    /// Different indicators by finding, layer and path.
    indicators: BTreeMap<(String, usize, String), usize>,
    databases: OnceCell<Databases>,
}

/// The file that a finding is about.
pub(super) struct Subject<'t> {
    /// As the tree holds it: relative, in normal form.
    pub(super) path: Vec<u8>,
    pub(super) place: Place,
    pub(super) entry: EntryView<'t>,
    /// Whether the start of the image leads to it.
    pub(super) reached: bool,
}

/// Evidence that points to the finding's file and is no indicator in it.
const POINTERS: [&str; 7] = [CONTROL, REMOVED_BY, "path", "md5", "sha1", "sha256", "source"];

impl<'i, 'v> Subjects<'i, 'v> {
    pub(super) fn of(image: &'i ImageView<'v>, out: &Outcome) -> Self {
        let mut indicators: BTreeMap<_, BTreeSet<(&str, &str)>> = BTreeMap::new();
        for finding in &out.findings {
            if let (Some(path), Some(layer)) = (&finding.path, &finding.layer) {
                let pieces = finding.evidence.iter().filter(|piece| !POINTERS.contains(&piece.kind.as_str()));
                indicators
                    .entry((finding.id.clone(), layer.index, path.clone()))
                    .or_default()
                    .extend(pieces.map(|piece| (piece.kind.as_str(), piece.value.as_str())));
            }
        }
        Self {
            image,
            reached: out.chain.iter().map(|reached| image.tree.content(reached.place)).collect(),
            indicators: indicators.into_iter().map(|(key, pieces)| (key, pieces.len())).collect(),
            databases: OnceCell::new(),
        }
    }

    /// The file that a finding is about, where a control may look at it: it counts and does not convict, it is
    /// about a file, and this file is the one that a runtime shows at the path. A name that had to be escaped
    /// is given no benefit of any doubt.
    pub(super) fn of_finding(&self, finding: &Finding) -> Option<Subject<'v>> {
        if finding.role != Role::Corroborates || !matches!(finding.class, Class::File | Class::Reach) {
            return None;
        }
        let path = finding.path.as_ref()?.strip_prefix('/').filter(|path| !path.contains('\\'))?;
        let place = self.image.tree.get(path.as_bytes())?;
        if finding.layer.as_ref()?.index != place.layer as usize {
            return None;
        }
        let entry = self.image.tree.entry(self.image.tree.content(place))?;
        let content = entry.hashes.map(|hashes| hashes.sha256);
        if finding.content.is_some_and(|known| content.map(model::Digest::sha256) != Some(known)) {
            return None;
        }
        let reached =
            finding.reachable == Some(true) || self.reached.contains(&self.image.tree.content(place));
        Some(Subject { path: path.as_bytes().to_vec(), place, entry, reached })
    }

    /// How many different indicators findings of this id name in the finding's file.
    pub(super) fn indicators(&self, finding: &Finding) -> usize {
        let key = finding.layer.as_ref().zip(finding.path.as_ref());
        key.and_then(|(layer, path)| {
            self.indicators.get(&(finding.id.clone(), layer.index, path.clone())).copied()
        })
        .unwrap_or(0)
    }

    pub(super) fn databases(&self) -> &Databases {
        self.databases.get_or_init(|| Databases::of(self.image))
    }

    /// Whether a file lies there as data: the start does not lead to it, nothing may run it as it is, and it is
    /// no program.
    pub(super) fn is_data(&self, subject: &Subject<'_>) -> bool {
        !subject.reached
            && subject.entry.kind == Kind::File
            && subject.entry.mode & 0o6111 == 0
            && !is_program(self.image, subject.place)
    }
}

/// Whether a file is made to be run: a program by its head, or a script that names its interpreter.
pub(super) fn is_program(image: &ImageView<'_>, place: Place) -> bool {
    image.facts(place).any(|fact| match fact {
        Fact::Program(_) => true,
        Fact::Script(script) => !script.shebang.is_empty(),
        _ => false,
    })
}
