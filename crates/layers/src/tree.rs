mod arena;
mod listing;
mod merge;
mod record;
mod walk;

use crate::{Anomaly, EntryTable, EntryView, Kind};
use arena::{Arena, NONE, Node, ROOT};
use listing::Listing;
use record::Record;
use std::sync::OnceLock;
use walk::{End, Purpose, Walk};

/// The merged view of an image: what a runtime would show after applying its layers in order, and what
/// became of everything else.
///
/// Source: OCI image-spec, `layer.md` ("Applying Changesets", "Whiteouts"), and the behaviour of containerd's
/// `archive.Apply` and of umoci, which resolve symbolic links of a path's parents inside the root. Where
/// runtimes refuse a layer or disagree over it, an anomaly says so, and the tree keeps what any of them may
/// show: hiding a file that one of them runs would be the worse error.
#[derive(Debug)]
pub struct Tree<'t> {
    arena: Arena<'t>,
    record: Record,
    /// Made when it is first asked for: many analyzers walk the whole tree.
    listing: OnceLock<Listing>,
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
    /// Never brought it at all: content in a whiteout, a type that no runtime creates, a root that is no
    /// directory.
    Ignored,
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
    /// (layer, anomaly); where a layer has many of one kind, the last one counts those that are left out.
    pub fn merge(tables: &[&'t EntryTable]) -> (Self, Vec<(usize, Anomaly)>) {
        merge::merge(tables)
    }

    /// The entry at a place.
    pub fn entry(&self, place: Place) -> Option<EntryView<'t>> {
        self.arena.table(place.layer)?.get(place.entry as usize)
    }

    /// What is at a path in normal form. Links are followed in all components but the last. None as well for
    /// a directory that no entry describes: see [`Tree::implied`].
    pub fn get(&self, path: &[u8]) -> Option<Place> {
        let purpose = Purpose::Look { follow_last: false };
        match Walk::new(u64::MAX).run(&self.arena, path, NONE, purpose) {
            End::Node(node) => self.shown(node),
            _ => None,
        }
    }

    /// Follows symbolic links inside the root, in every component and at the end. Gives the path where it
    /// ends, in normal form, and what is there.
    pub fn resolve(&self, path: &[u8]) -> Result<(Vec<u8>, Place), Unresolved> {
        let purpose = Purpose::Look { follow_last: true };
        match Walk::new(u64::MAX).run(&self.arena, path, NONE, purpose) {
            End::Node(node) => {
                let place = self.shown(node).ok_or(Unresolved::Missing)?;
                Ok((self.arena.path_of(node), place))
            }
            End::TooManyLinks => Err(Unresolved::TooManyLinks),
            End::Missing(_) | End::Blocked(_) | End::OutOfSteps => Err(Unresolved::Missing),
        }
    }

    /// Where a directory lies: its path with symbolic links followed, in normal form, whether an entry describes it or
    /// it is there only because something lies in it.
    pub fn directory(&self, path: &[u8]) -> Option<Vec<u8>> {
        let purpose = Purpose::Look { follow_last: true };
        match Walk::new(u64::MAX).run(&self.arena, path, NONE, purpose) {
            End::Node(node) => {
                matches!(self.arena.shape(node), arena::Shape::Directory).then(|| self.arena.path_of(node))
            }
            _ => None,
        }
    }

    /// The entry that holds the content of a file: itself, or what its hard links lead to. Mode, owner and
    /// size of a hard link are those of that entry too, as there is one file of several names.
    pub fn content(&self, place: Place) -> Place {
        self.arena.number(place).map_or(place, |entry| self.arena.place(self.arena.content(entry)))
    }

    /// Whether the entry at this place is part of what a runtime shows. A file is, too, when its own path was
    /// removed and a hard link to it is left.
    pub fn is_live(&self, place: Place) -> bool {
        self.arena.number(place).is_some_and(|entry| !self.record.is_hidden(entry))
    }

    /// Everything that a runtime shows, sorted by path. Directories that no entry describes are in
    /// [`Tree::implied`].
    pub fn iter(&self) -> impl Iterator<Item = (Vec<u8>, Place)> + '_ {
        self.listed().filter_map(|(path, node)| self.shown(node).map(|place| (path, place)))
    }

    /// The directories below the root that a runtime creates because something lies in them, although no entry
    /// describes them, sorted by path, with the last layer that brought something there. Their mode and owner are
    /// up to the runtime: those in use take 0755 and root.
    pub fn implied(&self) -> impl Iterator<Item = (Vec<u8>, u32)> + '_ {
        self.listed()
            .filter(|&(_, node)| node != ROOT && self.arena.node(node).has(Node::IMPLIED))
            .map(|(path, node)| (path, self.arena.node(node).layer))
    }

    /// All that happened to a path in normal form, oldest first. No link is followed. What entries above or
    /// below did is told where they ended what was at this path.
    pub fn history(&self, path: &[u8]) -> Vec<Event> {
        let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        let mut names = names;
        let Some(node) = names.try_fold(ROOT, |node, name| self.arena.child(node, name)) else {
            return Vec::new();
        };
        let mut endings = Vec::new();
        let mut number = self.arena.node(node).ending;
        while let Some(ending) = self.record.ending(number) {
            endings.push(*ending);
            number = ending.before;
        }
        let mut events = Vec::new();
        for ending in endings.iter().rev() {
            self.arrival(&mut events, ending.entry);
            events.push(Event { place: self.arena.place(ending.by), change: ending.change });
        }
        if self.arena.node(node).is_shown() {
            self.arrival(&mut events, self.arena.node(node).entry);
        }
        events
    }

    /// Every file, link or device that a layer ships and no runtime shows, with what removed it, in the order
    /// of removal.
    pub fn residue(&self) -> impl Iterator<Item = (Place, Event)> + '_ {
        let hidden = self.record.endings().iter().filter(|ending| self.record.is_hidden(ending.entry));
        let content = hidden.filter(|ending| self.arena.kind(ending.entry) != Some(Kind::Directory));
        content.map(|ending| {
            let event = Event { place: self.arena.place(ending.by), change: ending.change };
            (self.arena.place(ending.entry), event)
        })
    }

    /// An entry comes to a path, unless its coming was told already as the replacement of another.
    fn arrival(&self, events: &mut Vec<Event>, entry: u32) {
        let place = self.arena.place(entry);
        if events.last() != Some(&(Event { place, change: Change::Replaced })) {
            events.push(Event { place, change: Change::Added });
        }
    }

    fn listed(&self) -> impl Iterator<Item = (Vec<u8>, u32)> + '_ {
        self.listing.get_or_init(|| Listing::new(&self.arena)).iter(&self.arena)
    }

    fn shown(&self, node: u32) -> Option<Place> {
        let node = self.arena.node(node);
        node.is_shown().then(|| self.arena.place(node.entry))
    }
}
