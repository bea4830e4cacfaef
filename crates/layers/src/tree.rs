use crate::{Anomaly, EntryTable, EntryView};

/// The merged view of an image: what a runtime would show after applying its layers in order, and what
/// became of everything else.
///
/// Source: OCI image-spec, `layer.md` ("Applying Changesets", "Whiteouts"), and the behaviour of containerd's
/// `archive.Apply`, which resolves symbolic links of a path's parents inside the root.
#[derive(Debug)]
pub struct Tree<'t> {
    tables: Vec<&'t EntryTable>,
}

/// Where an entry is: which layer, and its index in that layer's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Layer from the bottom.
    pub layer: u32,
    /// Index in the layer's table.
    pub entry: u32,
}

/// One thing that happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// The entry that did it.
    pub place: Place,
    /// What it did.
    pub change: Change,
}

/// What an entry did to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Brought it.
    Added,
    /// Put something else in its place.
    Replaced,
    /// Removed it by a whiteout of its own name.
    Whiteout,
    /// Removed it by an opaque whiteout of a directory above it.
    Opaque,
    /// Removed it by removing or replacing a directory above it.
    ParentRemoved,
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unresolved {
    /// Nothing is there.
    Missing,
    /// More than 40 symbolic links, or a circle of them.
    TooManyLinks,
}

impl<'t> Tree<'t> {
    /// Merges the tables of all layers, bottom first. The second value holds what is odd about them as
    /// (layer, anomaly).
    pub fn merge(tables: &[&'t EntryTable]) -> (Self, Vec<(usize, Anomaly)>) {
        (Self { tables: tables.to_vec() }, Vec::new())
    }

    /// The entry at a place.
    pub fn entry(&self, place: Place) -> Option<EntryView<'t>> {
        self.tables.get(place.layer as usize)?.get(place.entry as usize)
    }

    /// What is at a path in normal form, without following a link in its last component.
    pub fn get(&self, _path: &[u8]) -> Option<Place> {
        None
    }

    /// Follows symbolic links inside the root, in every component and at the end. Gives the path where it
    /// ends, in normal form, and what is there.
    pub fn resolve(&self, _path: &[u8]) -> Result<(Vec<u8>, Place), Unresolved> {
        Err(Unresolved::Missing)
    }

    /// The entry that holds the content of a file: itself, or what its hard links lead to.
    pub fn content(&self, place: Place) -> Place {
        place
    }

    /// Whether the entry at this place is part of what a runtime shows.
    pub fn is_live(&self, _place: Place) -> bool {
        false
    }

    /// Everything that a runtime shows, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (Vec<u8>, Place)> + '_ {
        std::iter::empty()
    }

    /// All that happened to a path, oldest first.
    pub fn history(&self, _path: &[u8]) -> Vec<Event> {
        Vec::new()
    }

    /// Every file, link or device that a layer ships and no runtime shows, with what removed it.
    pub fn residue(&self) -> impl Iterator<Item = (Place, Event)> + '_ {
        std::iter::empty()
    }
}
