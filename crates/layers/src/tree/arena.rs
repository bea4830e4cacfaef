use super::Place;
use crate::{EntryTable, Kind};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Stands for "none" where a node, an entry or an ending is referred to by number.
pub(super) const NONE: u32 = u32::MAX;

/// The node of the root directory. It is its own parent, as in the kernel.
pub(super) const ROOT: u32 = 0;

/// Every path that any layer ever touched, as nodes that borrow their names from the entry tables.
///
/// A node is never taken away: when its path is removed it only loses [`Node::LIVE`], so that its history
/// stays reachable by name. Entries of all layers are numbered through, which keeps a node at 32 bytes.
#[derive(Debug)]
pub(super) struct Arena<'t> {
    tables: Vec<&'t EntryTable>,
    /// The number of the first entry of each layer.
    starts: Vec<u32>,
    nodes: Vec<Node>,
    index: HashTable<u32>,
    /// Seeded at random in each process, so that no image can be built to collide.
    hasher: DefaultHashBuilder,
    /// Hard links with the entry that holds their content, in the order of the links.
    links: Vec<(u32, u32)>,
}

/// One path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// The directory that it is in.
    pub(super) parent: u32,
    /// What is there, or was there last. An implied directory has the entry here whose text names it.
    pub(super) entry: u32,
    /// Where the name ends in that entry's path, or in its link target.
    name_end: u32,
    /// The first of the nodes in this directory. Nodes that are no longer live are dropped from the list
    /// when somebody walks it, so that no one can make it be walked again and again for nothing.
    pub(super) child: u32,
    /// The next node in the same directory.
    pub(super) sibling: u32,
    /// The last thing that ended an entry here.
    pub(super) ending: u32,
    /// The layer for which `TOUCHED` and `CLEARED` were set.
    pub(super) layer: u32,
    /// See the constants.
    pub(super) flags: u8,
}

impl Node {
    /// A runtime shows it.
    pub(super) const LIVE: u8 = 1;
    /// A directory that no entry describes, created because something lies below it.
    pub(super) const IMPLIED: u8 = 2;
    /// It is in its parent's list.
    pub(super) const LINKED: u8 = 4;
    /// Its name is in the entry's link target, not in its path.
    const IN_LINK: u8 = 8;
    /// The layer brought it or something below it: the layer's own whiteouts spare it.
    pub(super) const TOUCHED: u8 = 16;
    /// Nothing of a lower layer is left below it.
    pub(super) const CLEARED: u8 = 32;

    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether something is there that an entry describes.
    pub(super) fn is_shown(&self) -> bool {
        self.flags & (Node::LIVE | Node::IMPLIED) == Node::LIVE
    }

    /// A mark that counts for one layer only.
    pub(super) fn marked(&self, flag: u8, layer: u32) -> bool {
        self.layer == layer && self.has(flag)
    }

    /// Sets such a mark.
    pub(super) fn mark(&mut self, flag: u8, layer: u32) {
        if self.layer != layer {
            self.flags &= !(Node::TOUCHED | Node::CLEARED);
            self.layer = layer;
        }
        self.flags |= flag;
    }
}

/// A name by where it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'p> {
    pub(super) text: &'p [u8],
    pub(super) entry: u32,
    pub(super) end: u32,
    pub(super) in_link: bool,
}

/// What a node is to someone who walks a path.
pub(super) enum Shape<'t> {
    Directory,
    /// A symbolic link, or a hard link to one: the entry that holds the target, and the target.
    Link(u32, &'t [u8]),
    Other,
}

impl<'t> Arena<'t> {
    /// An arena with the root directory in it. Layers whose entries cannot be numbered with 32 bits are left
    /// out; `layers` then tells how many are in.
    pub(super) fn new(tables: &[&'t EntryTable]) -> Self {
        let mut starts = Vec::with_capacity(tables.len());
        let mut total = 0_u32;
        for table in tables {
            let next = u32::try_from(table.len()).ok().and_then(|len| total.checked_add(len));
            // The last number is taken: it means none.
            let Some(next) = next.filter(|&next| next < NONE) else { break };
            starts.push(total);
            total = next;
        }
        let hasher = DefaultHashBuilder::default();
        let root = Node {
            parent: ROOT,
            entry: NONE,
            name_end: 0,
            child: NONE,
            sibling: NONE,
            ending: NONE,
            layer: NONE,
            flags: Node::LIVE | Node::IMPLIED | Node::LINKED,
        };
        // Reserved at once: growing would hold the old and the new half of a large tree side by side.
        let mut nodes = Vec::with_capacity((total as usize).saturating_add(1));
        nodes.push(root);
        let tables = tables.get(..starts.len()).unwrap_or_default().to_vec();
        let index = HashTable::with_capacity(total as usize);
        Self { tables, starts, nodes, index, hasher, links: Vec::new() }
    }

    pub(super) fn layers(&self) -> usize {
        self.tables.len()
    }

    pub(super) fn table(&self, layer: u32) -> Option<&'t EntryTable> {
        self.tables.get(layer as usize).copied()
    }

    /// How many entries all layers have together.
    pub(super) fn entries(&self) -> usize {
        self.tables.iter().map(|table| table.len()).sum()
    }

    pub(super) fn number(&self, place: Place) -> Option<u32> {
        let within = (place.entry as usize) < self.table(place.layer)?.len();
        let start = *self.starts.get(place.layer as usize)?;
        within.then(|| start.saturating_add(place.entry))
    }

    pub(super) fn place(&self, entry: u32) -> Place {
        // The layer in hand is asked for most.
        let layer = match self.starts.last() {
            Some(&start) if start <= entry => self.starts.len(),
            _ => self.starts.partition_point(|&start| start <= entry),
        };
        let layer = layer.saturating_sub(1);
        let start = self.starts.get(layer).copied().unwrap_or_default();
        Place { layer: layer as u32, entry: entry.saturating_sub(start) }
    }

    pub(super) fn path(&self, entry: u32) -> &'t [u8] {
        let place = self.place(entry);
        self.table(place.layer).map(|table| table.path(place.entry as usize)).unwrap_or_default()
    }

    pub(super) fn link(&self, entry: u32) -> &'t [u8] {
        let place = self.place(entry);
        self.table(place.layer).map(|table| table.link(place.entry as usize)).unwrap_or_default()
    }

    pub(super) fn kind(&self, entry: u32) -> Option<Kind> {
        let place = self.place(entry);
        self.table(place.layer)?.kind(place.entry as usize)
    }

    /// The entry that holds the content: itself, unless it is a hard link that leads somewhere.
    pub(super) fn content(&self, entry: u32) -> u32 {
        let found = self.links.binary_search_by_key(&entry, |&(link, _)| link);
        found.ok().and_then(|at| self.links.get(at)).map_or(entry, |&(_, content)| content)
    }

    /// Notes where a hard link leads. Links come in ascending order, because entries do.
    pub(super) fn note_link(&mut self, link: u32, content: u32) {
        self.links.push((link, content));
    }

    pub(super) fn links(&self) -> &[(u32, u32)] {
        &self.links
    }

    /// Node numbers come from this arena alone and nodes are never taken away, so this cannot miss.
    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    pub(super) fn node_mut(&mut self, node: u32) -> &mut Node {
        &mut self.nodes[node as usize]
    }

    /// The last component of a node's path; empty for the root.
    pub(super) fn name(&self, node: u32) -> &'t [u8] {
        let text = self.text_to_name(self.node(node));
        text.iter().rposition(|&byte| byte == b'/').and_then(|at| text.get(at + 1..)).unwrap_or(text)
    }

    /// The whole path of a node.
    pub(super) fn path_of(&self, mut node: u32) -> Vec<u8> {
        let mut names = Vec::new();
        while node != ROOT {
            names.push(self.name(node));
            node = self.node(node).parent;
        }
        names.reverse();
        names.join(&b'/')
    }

    pub(super) fn shape(&self, node: u32) -> Shape<'t> {
        let node = self.node(node);
        if node.has(Node::IMPLIED) {
            return Shape::Directory;
        }
        match self.kind(node.entry) {
            Some(Kind::Directory) => Shape::Directory,
            Some(Kind::Symlink) => Shape::Link(node.entry, self.link(node.entry)),
            Some(Kind::Hardlink) => {
                let content = self.content(node.entry);
                let is_link = self.kind(content) == Some(Kind::Symlink);
                if is_link { Shape::Link(content, self.link(content)) } else { Shape::Other }
            }
            _ => Shape::Other,
        }
    }

    /// What has this name in a directory, live or not.
    pub(super) fn child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one((parent, name));
        self.index.find(hash, |&node| self.is_named(node, parent, name)).copied()
    }

    pub(super) fn live_child(&self, parent: u32, name: &[u8]) -> Option<u32> {
        self.child(parent, name).filter(|&node| self.node(node).has(Node::LIVE))
    }

    /// The node of a name in a directory; made, not live yet, where it is new. None when the numbers are used
    /// up.
    pub(super) fn child_or_new(&mut self, parent: u32, name: Name<'t>) -> Option<u32> {
        let hash = self.hasher.hash_one((parent, name.text));
        let known = self.index.find(hash, |&node| self.is_named(node, parent, name.text));
        if let Some(&node) = known {
            return Some(node);
        }
        let node = u32::try_from(self.nodes.len()).ok().filter(|&node| node != NONE)?;
        self.nodes.push(Node {
            parent,
            entry: name.entry,
            name_end: name.end,
            child: NONE,
            sibling: NONE,
            ending: NONE,
            layer: NONE,
            flags: if name.in_link { Node::IN_LINK } else { 0 },
        });
        // Taken out for a moment, because growing reads the names of the nodes through the arena.
        let mut index = std::mem::take(&mut self.index);
        index.insert_unique(hash, node, |&moved| {
            self.hasher.hash_one((self.node(moved).parent, self.name(moved)))
        });
        self.index = index;
        Some(node)
    }

    /// Makes a node live with the entry that is there, or with the one that implies it.
    pub(super) fn show(&mut self, node: u32, name: Name<'t>, implied: bool) {
        let this = self.node_mut(node);
        this.entry = name.entry;
        this.name_end = name.end;
        this.flags &= !(Node::IMPLIED | Node::IN_LINK);
        this.flags |= Node::LIVE;
        if implied {
            this.flags |= Node::IMPLIED;
        }
        if name.in_link {
            this.flags |= Node::IN_LINK;
        }
        if !this.has(Node::LINKED) {
            this.flags |= Node::LINKED;
            let parent = this.parent;
            let sibling = std::mem::replace(&mut self.node_mut(parent).child, node);
            self.node_mut(node).sibling = sibling;
        }
    }

    /// The live nodes in a directory, in no order.
    pub(super) fn children(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let mut cursor = self.node(node).child;
        std::iter::from_fn(move || {
            let node = (cursor != NONE).then_some(cursor)?;
            cursor = self.node(node).sibling;
            Some(node)
        })
        .filter(|&node| self.node(node).has(Node::LIVE))
    }

    fn text_to_name(&self, node: &Node) -> &'t [u8] {
        if node.entry == NONE {
            return b"";
        }
        let text = if node.has(Node::IN_LINK) { self.link(node.entry) } else { self.path(node.entry) };
        text.get(..node.name_end as usize).unwrap_or_default()
    }

    fn is_named(&self, node: u32, parent: u32, name: &[u8]) -> bool {
        let node = self.node(node);
        if node.parent != parent {
            return false;
        }
        let before = self.text_to_name(node).strip_suffix(name);
        before.is_some_and(|before| matches!(before.last(), None | Some(b'/')))
    }
}
