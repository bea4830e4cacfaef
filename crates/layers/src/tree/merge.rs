use super::arena::{Arena, NONE, Name, Node, ROOT, Shape};
use super::record::Record;
use super::walk::{End, Purpose, Walk};
use super::{Change, Tree};
use crate::anomaly_log::AnomalyLog;
use crate::{Anomaly, AnomalyKind, EntryTable, Kind};
use std::collections::HashSet;
use std::sync::OnceLock;

/// The prefix of a whiteout's name.
const WHITEOUT: &[u8] = b".wh.";

/// What is left of an opaque whiteout's name after that prefix.
const OPAQUE: &[u8] = b".wh..opq";

/// How many components of link targets all entries together may make the merge walk: less than a second of
/// work, and a thousand times what an honest image needs.
const LINK_STEPS: u64 = 1 << 24;

/// How many directories may be implied beside one for each entry. A path of 2,000 components implies 2,000.
const SPARE_DIRECTORIES: usize = 100_000;

/// Applies the layers one after the other, each entry in the order of the archive.
///
/// A whiteout concerns lower layers only, wherever it stands in its own layer (image-spec, `layer.md`,
/// "Whiteouts"), so what the layer itself brought is marked and spared.
pub(super) fn merge<'t>(tables: &[&'t EntryTable]) -> (Tree<'t>, Vec<(usize, Anomaly)>) {
    let arena = Arena::new(tables);
    let mut merge = Merge {
        layer: 0,
        directories: arena.entries().saturating_add(SPARE_DIRECTORIES),
        record: Record::new(arena.entries()),
        walk: Walk::new(LINK_STEPS),
        log: AnomalyLog::default(),
        last_parent: None,
        reported: HashSet::new(),
        arena,
    };
    let mut anomalies = Vec::new();
    let mut first = 0_u32;
    for (layer, table) in tables.iter().enumerate() {
        merge.begin(layer);
        if layer < merge.arena.layers() {
            merge.overlay_attributes(table);
            // That all entries can be numbered was seen to when the arena was made.
            let next = first.saturating_add(table.len() as u32);
            for entry in first..next {
                merge.apply(entry);
            }
            first = next;
        } else {
            let detail = || "the layers have more entries together than can be numbered".into();
            merge.log.note(AnomalyKind::LimitReached, 0, b"", detail);
        }
        let log = std::mem::take(&mut merge.log);
        anomalies.extend(log.finish().into_iter().map(|anomaly| (layer, anomaly)));
    }
    let Merge { arena, mut record, .. } = merge;
    for &(link, content) in arena.links() {
        if !record.is_hidden(link) {
            record.reveal(content);
        }
    }
    (Tree { arena, record, listing: OnceLock::new() }, anomalies)
}

struct Merge<'t> {
    arena: Arena<'t>,
    record: Record,
    walk: Walk<'t>,
    log: AnomalyLog,
    /// The layer in hand.
    layer: u32,
    /// How many directories may still be implied.
    directories: usize,
    /// Where the last entry's parent led: entries of one directory follow each other.
    last_parent: Option<(&'t [u8], u32)>,
    /// Parents that were reported already in this layer.
    reported: HashSet<(AnomalyKind, u32)>,
}

/// What the merge reads of an entry, once.
struct Item<'t> {
    entry: u32,
    path: &'t [u8],
    kind: Kind,
    offset: u64,
}

/// What is above the last component of a path, and that component.
fn split_last(path: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b'/', path).and_then(|at| path.split_at_checked(at)) {
        Some((parent, name)) => (parent, name.get(1..).unwrap_or_default()),
        None => (b"", path),
    }
}

impl<'t> Merge<'t> {
    fn begin(&mut self, layer: usize) {
        self.layer = layer as u32;
        self.last_parent = None;
        self.reported.clear();
    }

    fn apply(&mut self, entry: u32) {
        let place = self.arena.place(entry);
        let view = self.arena.table(place.layer).and_then(|table| table.get(place.entry as usize));
        let Some(view) = view else { return };
        let item = Item { entry, path: view.path, kind: view.kind, offset: view.offset };
        if matches!(view.kind, Kind::Character | Kind::Block) {
            self.device(&item, view.device);
        }
        let (parent, name) = split_last(item.path);
        match name {
            b"" if item.path.is_empty() => self.root(&item),
            b"" | b"." | b".." => self.record.ignore(entry),
            _ => match name.strip_prefix(WHITEOUT) {
                Some(target) => self.whiteout(&item, view.size, parent, target),
                None if matches!(item.kind, Kind::Unknown(_)) => self.record.ignore(entry),
                None => self.bring(&item, parent, name),
            },
        }
    }

    /// The root's own entry gives it its mode and owner. No runtime lets it become anything else.
    fn root(&mut self, item: &Item<'t>) {
        if item.kind == Kind::Directory {
            self.put(ROOT, item, Name { text: b"", entry: item.entry, end: 0, in_link: false });
        } else {
            self.note(AnomalyKind::FileParent, item, || "the root itself is to be no directory".into());
            self.record.ignore(item.entry);
        }
    }

    fn bring(&mut self, item: &Item<'t>, parent: &'t [u8], name: &'t [u8]) {
        let name = Name { text: name, entry: item.entry, end: item.path.len() as u32, in_link: false };
        let node = self.directory(item, parent).and_then(|parent| self.arena.child_or_new(parent, name));
        let Some(node) = node else {
            self.record.ignore(item.entry);
            return;
        };
        self.put(node, item, name);
        if item.kind == Kind::Hardlink {
            self.hardlink(item);
        }
    }

    /// Puts an entry at a node, in the place of whatever is there: only a directory over a directory leaves
    /// what is below.
    fn put(&mut self, node: u32, item: &Item<'t>, name: Name<'t>) {
        let there = *self.arena.node(node);
        if there.has(Node::LIVE) {
            let was_directory = matches!(self.arena.shape(node), Shape::Directory);
            if there.is_shown() && self.arena.place(there.entry).layer == self.layer {
                self.duplicate(item, there.entry);
            }
            if was_directory && item.kind == Kind::Directory {
                self.retire(node, item.entry, Change::Replaced);
            } else {
                self.end_below(node, item.entry, Change::ParentRemoved);
                self.end(node, item.entry, Change::Replaced);
            }
        }
        self.arena.show(node, name, false);
        self.touch(node);
    }

    fn duplicate(&mut self, item: &Item<'t>, before: u32) {
        let [before, after] = [before, item.entry].map(|entry| {
            let place = self.arena.place(entry);
            self.arena.table(place.layer).and_then(|table| table.get(place.entry as usize))
        });
        let (Some(before), Some(after)) = (before, after) else { return };
        let alike = (before.kind, before.mode, before.uid, before.gid)
            == (after.kind, after.mode, after.uid, after.gid);
        // A directory that is named twice in the same way is one that two readers read in the same way.
        if !(alike && after.kind == Kind::Directory) {
            let detail = || format!("the entry at byte {} has the same path", before.offset);
            self.note(AnomalyKind::DuplicatePath, item, detail);
        }
    }

    /// Finds what a hard link leads to. A link to a link of this kind is a link to its content.
    fn hardlink(&mut self, item: &Item<'t>) {
        let target = self.arena.link(item.entry);
        let (parent, name) = split_last(target);
        let node =
            self.existing_directory(item, parent).and_then(|parent| self.arena.live_child(parent, name));
        let detail = match node {
            None => "to nothing",
            Some(node) if matches!(self.arena.shape(node), Shape::Directory) => "to a directory",
            Some(node) if self.arena.node(node).entry == item.entry => "to itself",
            Some(node) => {
                let content = self.arena.content(self.arena.node(node).entry);
                self.arena.note_link(item.entry, content);
                let layer = self.arena.place(content).layer;
                if layer != self.layer {
                    let detail = || format!("{} of layer {layer}", String::from_utf8_lossy(target));
                    self.note(AnomalyKind::CrossLayerHardlink, item, detail);
                }
                return;
            }
        };
        let detail = || format!("{detail}: {}", String::from_utf8_lossy(target));
        self.note(AnomalyKind::DanglingHardlink, item, detail);
    }

    /// The directory that an entry belongs into, made where it is missing.
    fn directory(&mut self, item: &Item<'t>, parent: &'t [u8]) -> Option<u32> {
        if let Some((path, node)) = self.last_parent
            && path == parent
        {
            return Some(node);
        }
        let mut purpose = Purpose::Place;
        let node = loop {
            let end = self.walk.run(&self.arena, parent, item.entry, purpose);
            if let Some(link) = self.walk.first_link {
                self.symlink_parent(item, link, purpose);
            }
            match end {
                End::Node(node) if matches!(self.arena.shape(node), Shape::Directory) => break node,
                End::Node(node) | End::Blocked(node) => self.clear_the_way(item, node)?,
                End::Missing(node) => break self.imply(item, node)?,
                // Overlay runtimes unpack a layer by itself and never see the links below it: for them the
                // path is what it says.
                End::TooManyLinks => purpose = Purpose::PlaceLiterally,
                End::OutOfSteps => {
                    self.out_of_steps(item);
                    purpose = Purpose::PlaceLiterally;
                }
            }
        };
        if parent.split(|&byte| byte == b'/').any(|name| name.starts_with(WHITEOUT)) {
            self.note_once(AnomalyKind::OddWhiteout, item, node, "has the name of a whiteout");
        }
        self.remember(parent, node);
        Some(node)
    }

    /// A way through links may change with what is added, so only plain ways are remembered. They change when
    /// something on them ends.
    fn remember(&mut self, parent: &'t [u8], node: u32) {
        self.last_parent = self.walk.first_link.is_none().then_some((parent, node));
    }

    /// Makes the directories that the walk found missing.
    fn imply(&mut self, item: &Item<'t>, mut node: u32) -> Option<u32> {
        for name in std::mem::take(&mut self.walk.missing) {
            self.count_implied(item)?;
            node = self.arena.child_or_new(node, name)?;
            self.arena.show(node, name, true);
            self.arena.node_mut(node).mark(Node::LIVE, self.layer);
        }
        Some(node)
    }

    fn count_implied(&mut self, item: &Item<'t>) -> Option<()> {
        if let Some(left) = self.directories.checked_sub(1) {
            self.directories = left;
            return Some(());
        }
        let detail = || "too many directories without an entry of their own".into();
        self.note(AnomalyKind::LimitReached, item, detail);
        None
    }

    /// Makes a directory of something that is none and has an entry below it. Runtimes that unpack into one
    /// root refuse the image here; overlay runtimes show the directory if the file is of a lower layer.
    fn clear_the_way(&mut self, item: &Item<'t>, node: u32) -> Option<()> {
        if let Shape::Other = self.arena.shape(node) {
            self.note_once(AnomalyKind::FileParent, item, node, "is no directory");
        }
        self.count_implied(item)?;
        self.end(node, item.entry, Change::Replaced);
        self.arena.node_mut(node).flags |= Node::LIVE | Node::IMPLIED;
        Some(())
    }

    fn whiteout(&mut self, item: &Item<'t>, size: u64, parent: &'t [u8], target: &'t [u8]) {
        let is_plain = item.kind == Kind::File && size == 0;
        if is_plain {
            self.record.hide(item.entry);
        } else {
            self.record.ignore(item.entry);
            let detail = || format!("{:?} of {size} bytes", item.kind);
            self.note(AnomalyKind::WhiteoutContent, item, detail);
        }
        let directory = self.whiteout_directory(item, parent);
        match target {
            // Some runtimes refuse these, others remove the directory itself or the one above it.
            b"" | b"." | b".." => self.note(AnomalyKind::OddWhiteout, item, || "names no file".into()),
            OPAQUE => {
                if let Some(directory) = directory {
                    self.clear(directory, item.entry, Change::Opaque);
                }
            }
            name => {
                if name.starts_with(WHITEOUT) {
                    self.note(AnomalyKind::OddWhiteout, item, || "metadata of AUFS".into());
                }
                match directory.and_then(|directory| self.arena.live_child(directory, name)) {
                    Some(node) => self.remove(item, node),
                    None => self.note(AnomalyKind::IdleWhiteout, item, String::new),
                }
            }
        }
    }

    fn whiteout_directory(&mut self, item: &Item<'t>, parent: &'t [u8]) -> Option<u32> {
        if let Some((path, node)) = self.last_parent
            && path == parent
        {
            return Some(node);
        }
        let found = self.existing_directory(item, parent);
        if let Some(link) = self.walk.first_link {
            self.symlink_parent(item, link, Purpose::Place);
        }
        if let Some(node) = found {
            self.remember(parent, node);
        }
        found
    }

    /// The directory at a path, if there is one, found in the way in which a place for an entry is.
    fn existing_directory(&mut self, item: &Item<'t>, path: &'t [u8]) -> Option<u32> {
        match self.walk.run(&self.arena, path, item.entry, Purpose::Place) {
            End::Node(node) if matches!(self.arena.shape(node), Shape::Directory) => Some(node),
            End::OutOfSteps => {
                self.out_of_steps(item);
                None
            }
            _ => None,
        }
    }

    /// Removes what lower layers have at a node.
    fn remove(&mut self, item: &Item<'t>, node: u32) {
        let there = *self.arena.node(node);
        if !there.marked(Node::TOUCHED, self.layer) {
            self.end_below(node, item.entry, Change::ParentRemoved);
            self.end(node, item.entry, Change::Whiteout);
            return;
        }
        if there.is_shown() && self.arena.place(there.entry).layer == self.layer {
            // Runtimes that go by the order of the archive remove it, the others do not.
            self.note(AnomalyKind::OddWhiteout, item, || "its own layer brought this path before".into());
        } else {
            self.imply_anew(node, item.entry, Change::Whiteout);
        }
        self.clear(node, item.entry, Change::ParentRemoved);
    }

    /// Ends all that lower layers have below a node. What is marked as cleared is not walked a second time:
    /// a thousand whiteouts of nested directories would walk the same million nodes a thousand times.
    fn clear(&mut self, top: u32, by: u32, change: Change) {
        let layer = self.layer;
        let mut open = vec![top];
        while let Some(directory) = open.pop() {
            let this = self.arena.node_mut(directory);
            if this.marked(Node::CLEARED, layer) {
                continue;
            }
            this.mark(Node::CLEARED, layer);
            let mut cursor = std::mem::replace(&mut this.child, NONE);
            let mut kept = NONE;
            while cursor != NONE {
                let (node, there) = (cursor, *self.arena.node(cursor));
                cursor = there.sibling;
                if there.has(Node::LIVE) && there.marked(Node::TOUCHED, layer) {
                    self.arena.node_mut(node).sibling = kept;
                    kept = node;
                    if there.is_shown() && self.arena.place(there.entry).layer != layer {
                        self.imply_anew(node, by, change);
                    }
                    if there.child != NONE {
                        open.push(node);
                    }
                    continue;
                }
                self.arena.node_mut(node).flags &= !Node::LINKED;
                if there.has(Node::LIVE) {
                    self.end_below(node, by, change);
                    self.end(node, by, change);
                }
            }
            self.arena.node_mut(directory).child = kept;
        }
    }

    /// A directory whose own entry is removed, while the layer brings something below it.
    fn imply_anew(&mut self, node: u32, by: u32, change: Change) {
        self.retire(node, by, change);
        self.arena.node_mut(node).flags |= Node::IMPLIED;
    }

    /// Ends everything below a node, whichever layer brought it.
    fn end_below(&mut self, top: u32, by: u32, change: Change) {
        let first = std::mem::replace(&mut self.arena.node_mut(top).child, NONE);
        if first == NONE {
            return;
        }
        let mut open = vec![first];
        while let Some(node) = open.pop() {
            if node == NONE {
                continue;
            }
            let this = self.arena.node_mut(node);
            this.flags &= !Node::LINKED;
            let is_live = this.has(Node::LIVE);
            open.push(this.sibling);
            open.push(std::mem::replace(&mut this.child, NONE));
            if is_live {
                self.end(node, by, change);
            }
        }
    }

    /// Ends what is at a node, which is left empty.
    fn end(&mut self, node: u32, by: u32, change: Change) {
        self.retire(node, by, change);
        let there = *self.arena.node(node);
        // A remembered parent may lead through anything but a file.
        if there.has(Node::IMPLIED) || self.arena.kind(there.entry) != Some(Kind::File) {
            self.last_parent = None;
        }
        let gone = Node::LIVE | Node::IMPLIED | Node::TOUCHED | Node::CLEARED;
        self.arena.node_mut(node).flags &= !gone;
    }

    /// Ends the entry at a node and says so in its history; the node stays as it is.
    fn retire(&mut self, node: u32, by: u32, change: Change) {
        let there = *self.arena.node(node);
        if there.is_shown() {
            self.arena.node_mut(node).ending = self.record.end(there.entry, by, change, there.ending);
        }
    }

    /// Marks a node and all above it as this layer's.
    fn touch(&mut self, mut node: u32) {
        loop {
            let this = self.arena.node_mut(node);
            if this.marked(Node::TOUCHED, self.layer) {
                return;
            }
            this.mark(Node::TOUCHED, self.layer);
            node = this.parent;
        }
    }

    /// A device of number 0/0 is how overlay file systems write a whiteout: some runtimes then hide the path.
    fn device(&mut self, item: &Item<'t>, (major, minor): (u32, u32)) {
        if item.kind == Kind::Character && (major, minor) == (0, 0) {
            self.note(AnomalyKind::OddWhiteout, item, || "character device 0/0".into());
        } else {
            let class = if item.kind == Kind::Block { "block" } else { "character" };
            self.note(AnomalyKind::Device, item, || format!("{class} device {major}/{minor}"));
        }
    }

    /// Attributes with which overlay file systems make a directory opaque or move it. A runtime that sets
    /// them as they stand shows another tree than one that does not.
    fn overlay_attributes(&mut self, table: &'t EntryTable) {
        for (index, name, _) in table.xattrs() {
            if name.starts_with(b"trusted.overlay.") || name.starts_with(b"user.overlay.") {
                let Some(view) = table.get(index) else { continue };
                let detail = || format!("extended attribute {}", String::from_utf8_lossy(name));
                self.log.note(AnomalyKind::OddWhiteout, view.offset, view.path, detail);
            }
        }
    }

    fn symlink_parent(&mut self, item: &Item<'t>, link: u32, purpose: Purpose) {
        if purpose == Purpose::PlaceLiterally || !self.reported.insert((AnomalyKind::SymlinkParent, link)) {
            return;
        }
        let node = self.arena.node(link);
        let (layer, target) = match self.arena.shape(link) {
            Shape::Link(_, target) => (self.arena.place(node.entry).layer, target),
            Shape::Directory | Shape::Other => return,
        };
        self.log.note(AnomalyKind::SymlinkParent, item.offset, item.path, || {
            let path = self.arena.path_of(link);
            let [path, target] = [&path, target].map(String::from_utf8_lossy);
            format!("{path} is a link of layer {layer} to {target}")
        });
    }

    fn out_of_steps(&mut self, item: &Item<'t>) {
        self.note(AnomalyKind::LimitReached, item, || {
            "symbolic links above entries cost too many steps".into()
        });
    }

    /// Reports a parent once in a layer.
    fn note_once(&mut self, kind: AnomalyKind, item: &Item<'t>, parent: u32, what: &str) {
        if self.reported.insert((kind, parent)) {
            self.log.note(kind, item.offset, item.path, || {
                format!("{} {what}", String::from_utf8_lossy(&self.arena.path_of(parent)))
            });
        }
    }

    fn note(&mut self, kind: AnomalyKind, item: &Item<'t>, detail: impl FnOnce() -> String) {
        self.log.note(kind, item.offset, item.path, detail);
    }
}
