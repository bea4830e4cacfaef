use inspect::analyzers::hooks::{Standing, standing};
use inspect::{Fact, ImageView, Reached};
use layers::{EntryView, Kind, Place};
use model::{Change, ChangeKind, Digest, Finding, Severity, State};
use std::collections::HashMap;

/// One platform of one of the two images: what was read of it and what was found.
#[derive(Debug, Clone, Copy)]
pub struct Face<'a> {
    /// The image.
    pub image: &'a ImageView<'a>,
    /// What its start leads to.
    pub chain: &'a [Reached],
    /// What was found in it.
    pub findings: &'a [Finding],
}

/// The same, with what is asked of it again and again.
pub(crate) struct Known<'a> {
    pub(crate) face: Face<'a>,
    /// The content of what the start certainly leads to, with the surest way.
    reached: HashMap<Place, &'a Reached>,
    capabilities: HashMap<Place, &'a [u8]>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(face: Face<'a>) -> Self {
        let mut reached = HashMap::new();
        for step in face.chain.iter().filter(|step| step.certain) {
            reached.entry(face.image.tree.content(step.place)).or_insert(step);
        }
        let mut capabilities = HashMap::new();
        for (layer, view) in face.image.layers.iter().enumerate() {
            for (entry, name, value) in view.facts.entries.xattrs() {
                if name == b"security.capability" {
                    capabilities.insert(Place { layer: layer as u32, entry: entry as u32 }, value);
                }
            }
        }
        Self { face, reached, capabilities }
    }

    pub(crate) fn entry(&self, place: Place) -> Option<EntryView<'a>> {
        self.face.image.tree.entry(self.face.image.tree.content(place))
    }

    pub(crate) fn reached(&self, place: Place) -> Option<&'a Reached> {
        self.reached.get(&self.face.image.tree.content(place)).copied()
    }

    pub(crate) fn capability(&self, place: Place) -> Option<&'a [u8]> {
        self.capabilities.get(&self.face.image.tree.content(place)).copied()
    }

    pub(crate) fn standing(&self, path: &[u8], place: Place) -> Standing {
        standing(self.face.image, path, place)
    }

    /// Whether a file is run or loaded: a program by its head, a script that may be executed, or whatever the start
    /// leads to.
    pub(crate) fn is_program(&self, place: Place) -> bool {
        let Some(entry) = self.entry(place).filter(|entry| entry.kind == Kind::File) else { return false };
        self.reached(place).is_some()
            || self.face.image.facts(place).any(|fact| match fact {
                Fact::Program(_) => true,
                Fact::Script(script) => entry.mode & 0o111 != 0 && !script.shebang.is_empty(),
                _ => false,
            })
    }

    /// The package that owns a path, with its version.
    pub(crate) fn package(&self, path: &[u8]) -> Option<String> {
        let package = self.face.image.ownership.owner(path)?.package;
        let text = format!("{} {} {}", manager(package), package.name, package.version);
        Some(model::escape_text(&text))
    }

    /// What a file is, for people and for baselines.
    pub(crate) fn state(&self, path: &[u8], place: Place) -> State {
        let Some(entry) = self.entry(place) else { return State::default() };
        State {
            value: (entry.kind == Kind::Symlink).then(|| model::escape_bytes(entry.link)),
            sha256: entry.hashes.map(|hashes| Digest::sha256(hashes.sha256)),
            mode: (entry.kind == Kind::File).then(|| format!("{:04o}", entry.mode & 0o7777)),
            package: self.package(path),
        }
    }

    /// A change of the file at a place of this image.
    pub(crate) fn change(
        &self,
        kind: ChangeKind,
        severity: Severity,
        path: &[u8],
        place: Place,
        what: impl Into<String>,
    ) -> Change {
        Change {
            platform: self.face.image.platform.to_string(),
            path: Some(shown(path)),
            layer: self.face.image.layer_ref(self.face.image.tree.content(place).layer as usize),
            after: Some(self.state(path, place)),
            reached: self.reached(place).map(|step| model::escape_text(&step.how)),
            ..Change::new(kind, severity, what)
        }
    }
}

/// A path as people see it.
pub(crate) fn shown(path: &[u8]) -> String {
    format!("/{}", model::escape_bytes(path))
}

/// The name of a package manager.
pub(crate) fn manager(package: &packages::Package) -> &'static str {
    match package.database {
        packages::Database::Dpkg => "dpkg",
        packages::Database::Apk => "apk",
        packages::Database::Rpm => "rpm",
    }
}
