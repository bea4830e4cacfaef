//! What a run left in its file system, as a layer for the next start of the same container.

use crate::{DetonateError, Image};
use sandbox::{Entry, EntryKind, Item, ItemKind, Unpack};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// The most that is carried over.
const MOST_ENTRIES: u64 = 200_000;
const MOST_BYTES: u64 = 1 << 30;
/// Files among it that are remembered by their paths.
const MOST_FILES: usize = 20_000;

/// A layer that is being written.
pub(crate) struct Writing<'a> {
    image: &'a Image<'a>,
    /// What it lies on top of, the top first.
    below: Vec<PathBuf>,
    files: BTreeMap<Vec<u8>, bool>,
    directory: PathBuf,
    unpack: Unpack,
    made: BTreeSet<Vec<u8>>,
    left: u64,
    whole: bool,
}

/// A layer that was written.
pub(crate) struct Remains {
    /// Directories to lay over the image, the top first.
    pub(crate) roots: Vec<PathBuf>,
    /// Absolute paths of the files that the run left, with whether each may be run.
    pub(crate) files: BTreeMap<Vec<u8>, bool>,
    directory: PathBuf,
    /// Whether it holds all that the run left: what a run took away is there again.
    pub(crate) whole: bool,
}

impl<'a> Writing<'a> {
    /// Begins a layer in a directory of this name, over what the run had begun with.
    pub(crate) fn begin(
        image: &'a Image<'a>,
        directory: PathBuf,
        before: Option<&Remains>,
    ) -> Result<Self, DetonateError> {
        std::fs::create_dir_all(&directory).map_err(|source| DetonateError::Stage {
            directory: model::escape_text(&directory.to_string_lossy()),
            source,
        })?;
        let unpack = Unpack::begin(&directory, MOST_ENTRIES, MOST_BYTES).map_err(DetonateError::Sandbox)?;
        let below = before.map(|before| before.roots.clone()).unwrap_or_default();
        let (made, files) = (BTreeSet::new(), BTreeMap::new());
        Ok(Self { image, below, files, directory, unpack, made, left: MOST_BYTES, whole: true })
    }

    /// Adds a change; the content is read where there is one.
    pub(crate) fn add(&mut self, entry: &Entry, content: Option<&mut File>) -> Result<(), DetonateError> {
        let kind = match &entry.kind {
            EntryKind::File { length } if *length <= self.left => ItemKind::File { length: *length },
            EntryKind::Directory { emptied: false } => ItemKind::Directory,
            EntryKind::Link(text) => ItemKind::Link(text.clone()),
            _ => {
                self.whole = false;
                return Ok(());
            }
        };
        self.parents(&entry.path)?;
        if kind == ItemKind::Directory && !self.made.insert(entry.path.clone()) {
            return Ok(());
        }
        let item = Item {
            path: entry.path.clone(),
            kind,
            mode: entry.mode & 0o7777,
            owner: entry.owner,
            modified: 0,
            attributes: Vec::new(),
        };
        self.unpack.entry(&item).map_err(DetonateError::Sandbox)?;
        if let ItemKind::File { length } = item.kind {
            if self.files.len() < MOST_FILES {
                self.files.insert([b"/", entry.path.as_slice()].concat(), entry.mode & 0o111 != 0);
            }
            self.left = self.left.saturating_sub(length);
            self.content(length, content)?;
        }
        Ok(())
    }

    fn content(&mut self, length: u64, mut content: Option<&mut File>) -> Result<(), DetonateError> {
        let mut buffer = vec![0; 64 << 10];
        let mut left = length;
        while left > 0 {
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let part = buffer.get_mut(..most).unwrap_or_default();
            let read = content.as_mut().and_then(|content| content.read(part).ok()).unwrap_or(0);
            if read == 0 {
                part.fill(0);
            }
            let part = part.get(..if read == 0 { most } else { read }).unwrap_or_default();
            self.unpack.data(part).map_err(DetonateError::Sandbox)?;
            left -= part.len() as u64;
        }
        Ok(())
    }

    /// The directories above a change show through this layer, so they are given what they are in the image.
    fn parents(&mut self, path: &[u8]) -> Result<(), DetonateError> {
        for (at, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let parent = path.get(..at).unwrap_or_default();
            if parent.is_empty() || !self.made.insert(parent.to_vec()) {
                continue;
            }
            let (mode, owner) =
                self.image.tree.get(parent).and_then(|place| self.image.tree.entry(place)).map_or(
                    (0o755, (0, 0)),
                    |entry| {
                        let number = |id: u64| u32::try_from(id).unwrap_or(0);
                        (entry.mode, (number(entry.uid.into()), number(entry.gid.into())))
                    },
                );
            let item = Item {
                path: parent.to_vec(),
                kind: ItemKind::Directory,
                mode,
                owner,
                modified: 0,
                attributes: Vec::new(),
            };
            self.unpack.entry(&item).map_err(DetonateError::Sandbox)?;
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Remains, DetonateError> {
        let written = self.unpack.finish().map_err(DetonateError::Sandbox)?;
        let roots = std::iter::once(written.root).chain(self.below).collect();
        Ok(Remains { roots, files: self.files, directory: self.directory, whole: self.whole })
    }
}

impl Remains {
    pub(crate) fn remove(self) -> Result<(), DetonateError> {
        sandbox::remove(&self.directory).map_err(DetonateError::Sandbox)
    }
}
