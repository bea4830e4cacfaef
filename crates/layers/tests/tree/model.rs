//! The merged tree against a model that does the same in the dumbest way: a map from paths to what is there,
//! searched from end to end for every entry.

use crate::language::{blank, push};
use layers::{Change, Entry, EntryTable, Kind, Place, Tree};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

type Path = Vec<String>;

#[derive(Debug, Clone, Copy, PartialEq)]
enum There {
    Implied,
    Shown(Place),
}

#[derive(Default)]
struct Model {
    layers: Vec<Vec<Entry>>,
    there: BTreeMap<Path, There>,
    /// Brought by the layer in hand, or above something that was.
    touched: BTreeSet<Path>,
    contents: BTreeMap<Place, Place>,
    history: BTreeMap<Path, Vec<(Place, Change)>>,
    /// Entries that were never placed.
    ignored: BTreeSet<Place>,
}

enum Stop {
    Missing,
    Blocked(Path),
    TooManyLinks,
}

impl Model {
    fn merge(layers: &[Vec<Entry>]) -> Self {
        let mut model = Self { layers: layers.to_vec(), ..Self::default() };
        model.there.insert(Path::new(), There::Implied);
        for (layer, entries) in layers.iter().enumerate() {
            model.touched.clear();
            for (index, entry) in entries.iter().enumerate() {
                model.apply(Place { layer: layer as u32, entry: index as u32 }, entry);
            }
        }
        model
    }

    fn entry(&self, place: Place) -> &Entry {
        &self.layers[place.layer as usize][place.entry as usize]
    }

    fn apply(&mut self, place: Place, entry: &Entry) {
        let mut parent = split(&entry.path);
        let Some(name) = parent.pop() else { return self.root(place, entry) };
        if let Some(target) = name.strip_prefix(".wh.") {
            return self.whiteout(place, entry, parent, target);
        }
        let mut path = self.place(place, parent);
        path.push(name);
        self.put(place, entry, path);
        if entry.kind == Kind::Hardlink
            && let Some(path) = self.target(split(&entry.link))
            && let Some(There::Shown(target)) = self.there.get(&path)
            && *target != place
            && self.entry(*target).kind != Kind::Directory
        {
            let content = self.content(*target);
            self.contents.insert(place, content);
        }
    }

    fn root(&mut self, place: Place, entry: &Entry) {
        if entry.kind == Kind::Directory {
            self.put(place, entry, Path::new());
        } else {
            self.ignored.insert(place);
        }
    }

    fn put(&mut self, place: Place, entry: &Entry, path: Path) {
        let keep = self.is_directory(&path) && entry.kind == Kind::Directory;
        let below: Vec<Path> =
            self.there.keys().filter(|at| at.len() > path.len() && at.starts_with(&path)).cloned().collect();
        for gone in below.into_iter().filter(|_| !keep) {
            self.end(&gone, place, Change::ParentRemoved);
        }
        let change = match self.there.insert(path.clone(), There::Shown(place)) {
            Some(There::Shown(_)) => Change::Replaced,
            Some(There::Implied) | None => Change::Added,
        };
        let history = self.history.entry(path.clone()).or_default();
        // The entry itself may have made way for its directory here, and then for itself.
        if history.last() != Some(&(place, Change::Replaced)) {
            history.push((place, change));
        }
        for len in 0..=path.len() {
            self.touched.insert(path[..len].to_vec());
        }
    }

    fn whiteout(&mut self, place: Place, entry: &Entry, parent: Path, target: &str) {
        if entry.size > 0 || entry.kind != Kind::File {
            self.ignored.insert(place);
        }
        let Ok(directory) = self.walk(parent, true, true, 255) else { return };
        if !self.is_directory(&directory) {
            return;
        }
        let is_opaque = target == ".wh..opq";
        let mut top = directory;
        if !is_opaque {
            top.push(target.to_string());
        }
        let concerned: Vec<Path> = self.there.keys().filter(|at| at.starts_with(&top)).cloned().collect();
        for path in concerned.into_iter().filter(|path| !is_opaque || *path != top) {
            let change = match (is_opaque, path == top) {
                (true, _) => Change::Opaque,
                (false, true) => Change::Whiteout,
                (false, false) => Change::ParentRemoved,
            };
            if !self.touched.contains(&path) {
                self.end(&path, place, change);
            } else if let There::Shown(at) = self.there[&path]
                && at.layer != place.layer
            {
                self.end(&path, place, change);
                self.there.insert(path.clone(), There::Implied);
                self.touched.insert(path);
            }
        }
    }

    fn end(&mut self, path: &Path, by: Place, change: Change) {
        if let Some(There::Shown(_)) = self.there.remove(path) {
            self.history.entry(path.clone()).or_default().push((by, change));
        }
        self.touched.remove(path);
    }

    /// The directory for an entry; whatever is in the way becomes one.
    fn place(&mut self, place: Place, parent: Path) -> Path {
        let mut links = 255;
        let directory = loop {
            let found = self.walk(parent.clone(), true, true, links);
            match found {
                Ok(path) => break path,
                Err(Stop::TooManyLinks) => links = 0,
                Err(Stop::Blocked(path)) => {
                    self.end(&path, place, Change::Replaced);
                    self.there.insert(path, There::Implied);
                }
                Err(Stop::Missing) => unreachable!("nothing is missing when placing"),
            }
        };
        for len in 0..=directory.len() {
            self.there.entry(directory[..len].to_vec()).or_insert(There::Implied);
        }
        directory
    }

    /// Where a hard link leads: links above it are followed.
    fn target(&self, mut parent: Path) -> Option<Path> {
        let name = parent.pop()?;
        let mut path = self.walk(parent, true, true, 255).ok()?;
        path.push(name);
        Some(path)
    }

    fn look(&self, path: Path, follow_last: bool) -> Result<Path, Stop> {
        self.walk(path, follow_last, false, 40)
    }

    fn walk(&self, path: Path, follow_last: bool, placing: bool, most: u32) -> Result<Path, Stop> {
        let (mut here, mut rest, mut links) = (Path::new(), VecDeque::from(path), 0);
        let mut blocked = None;
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                here.pop();
                blocked = blocked.filter(|file: &Path| here.starts_with(file));
                continue;
            }
            here.push(name);
            let entry = match self.there.get(&here) {
                None if placing => continue,
                None => return Err(Stop::Missing),
                Some(There::Implied) => continue,
                Some(There::Shown(place)) => self.entry(self.content(*place)),
            };
            let is_last = rest.is_empty();
            match entry.kind {
                Kind::Directory => {}
                Kind::Symlink if is_last && !follow_last => {}
                Kind::Symlink if most > 0 => {
                    links += 1;
                    if links > most {
                        return Err(Stop::TooManyLinks);
                    }
                    here.pop();
                    if entry.link.starts_with(b"/") {
                        here.clear();
                    }
                    for name in split(&entry.link).into_iter().rev() {
                        rest.push_front(name);
                    }
                }
                _ if is_last && !placing => {}
                _ if placing => blocked = Some(here.clone()),
                _ => return Err(Stop::Blocked(here)),
            }
        }
        blocked.map_or(Ok(here), |file| Err(Stop::Blocked(file)))
    }

    fn content(&self, place: Place) -> Place {
        self.contents.get(&place).copied().unwrap_or(place)
    }

    fn is_directory(&self, path: &Path) -> bool {
        match self.there.get(path) {
            Some(There::Implied) => true,
            Some(There::Shown(place)) => self.entry(*place).kind == Kind::Directory,
            None => false,
        }
    }

    fn shown(&self) -> BTreeMap<String, Place> {
        let shown = self.there.iter().filter_map(|(path, there)| match there {
            There::Shown(place) => Some((path.join("/"), *place)),
            There::Implied => None,
        });
        shown.collect()
    }
}

fn split(path: &[u8]) -> Path {
    let path = String::from_utf8_lossy(path).into_owned();
    path.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_string).collect()
}

fn tables(layers: &[Vec<Entry>]) -> Vec<EntryTable> {
    let table = |entries: &Vec<Entry>| {
        let mut table = EntryTable::default();
        entries.iter().for_each(|entry| push(&mut table, entry));
        table
    };
    layers.iter().map(table).collect()
}

fn shown(tree: &Tree<'_>) -> BTreeMap<String, Place> {
    tree.iter().map(|(path, place)| (String::from_utf8_lossy(&path).into_owned(), place)).collect()
}

/// Every live path with its kind, content and target; directories alike, whether an entry describes them.
fn look(tree: &Tree<'_>) -> BTreeMap<Vec<u8>, (Kind, u64, Vec<u8>)> {
    let implied = tree.implied().map(|(path, _)| (path, (Kind::Directory, 0, Vec::new())));
    let shown = tree.iter().map(|(path, place)| {
        let entry = tree.entry(tree.content(place)).expect("an entry");
        (path, (entry.kind, entry.size, entry.link.to_vec()))
    });
    shown.chain(implied).collect()
}

fn path(depth: usize) -> impl Strategy<Value = String> {
    vec(select(vec!["a", "b", "c"]), 1..=depth).prop_map(|names| names.join("/"))
}

/// No dot at the end: it asks for a directory, which the model does not know.
fn target() -> impl Strategy<Value = String> {
    let names = vec(select(vec!["a", "b", "c", "..", "."]), 0..=3);
    let last = select(vec!["a", "b", "c", ".."]);
    (any::<bool>(), names, last).prop_map(|(absolute, mut names, last)| {
        names.push(last);
        if absolute { "/" } else { "" }.to_string() + &names.join("/")
    })
}

fn whiteout() -> impl Strategy<Value = Entry> {
    let parent = prop_oneof![1 => Just(String::new()), 4 => path(3).prop_map(|path| path + "/")];
    let name = prop_oneof![3 => select(vec![".wh.a", ".wh.b", ".wh.c"]), 1 => Just(".wh..wh..opq")];
    (parent, name, prop_oneof![9 => Just(0_u64), 1 => Just(7)])
        .prop_map(|(parent, name, size)| Entry { size, ..blank(&(parent + name), Kind::File) })
}

fn plain() -> impl Strategy<Value = Entry> {
    prop_oneof![
        3 => path(4).prop_map(|path| blank(&path, Kind::Directory)),
        4 => (path(4), 1..9_u64).prop_map(|(path, size)| Entry { size, ..blank(&path, Kind::File) }),
        1 => path(3).prop_map(|path| blank(&path, Kind::Fifo)),
        1 => Just(blank("", Kind::Directory)),
    ]
}

fn with_symlinks() -> impl Strategy<Value = Entry> {
    let symlink = (path(3), target())
        .prop_map(|(path, link)| Entry { link: link.into(), ..blank(&path, Kind::Symlink) });
    prop_oneof![8 => plain(), 3 => symlink, 1 => Just(blank("", Kind::File))]
}

fn with_links() -> impl Strategy<Value = Entry> {
    let hardlink = (path(3), path(3))
        .prop_map(|(path, link)| Entry { link: link.into(), ..blank(&path, Kind::Hardlink) });
    prop_oneof![4 => with_symlinks(), 1 => hardlink]
}

fn layers<S: Strategy<Value = Entry> + 'static>(entry: impl Fn() -> S) -> impl Strategy<Value = Layers> {
    vec(vec(prop_oneof![4 => entry().boxed(), 1 => whiteout().boxed()], 0..14), 1..5).prop_map(Layers)
}

/// Says in a failure only what matters.
#[derive(Clone)]
struct Layers(Vec<Vec<Entry>>);

impl std::fmt::Debug for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for layer in &self.0 {
            writeln!(f, "layer")?;
            for entry in layer {
                let [path, link] = [&entry.path, &entry.link].map(|text| String::from_utf8_lossy(text));
                writeln!(f, "  {path} {:?} {} {link}", entry.kind, entry.size)?;
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tree_is_what_the_model_is(Layers(layers) in layers(with_links)) {
        let tables = tables(&layers);
        let (tree, _) = Tree::merge(&tables.iter().collect::<Vec<_>>());
        let model = Model::merge(&layers);
        prop_assert_eq!(shown(&tree), model.shown());
        let paths: Vec<_> = tree.iter().map(|(path, _)| path).collect();
        prop_assert!(paths.is_sorted(), "{:?}", paths);
        let implied: BTreeSet<Path> = tree.implied().map(|(path, _)| split(&path)).collect();
        let expect = model.there.iter().filter(|(path, there)| !path.is_empty() && **there == There::Implied);
        prop_assert_eq!(implied, expect.map(|(path, _)| path.clone()).collect::<BTreeSet<_>>());
        for place in shown(&tree).into_values() {
            prop_assert_eq!(tree.content(place), model.content(place));
        }
        for (path, expect) in &model.history {
            let events = tree.history(path.join("/").as_bytes());
            let events: Vec<_> = events.iter().map(|event| (event.place, event.change)).collect();
            prop_assert_eq!(&events, expect, "{:?}", path);
        }
    }

    #[test]
    fn paths_resolve_as_in_the_model(Layers(layers) in layers(with_links), path in target()) {
        let tables = tables(&layers);
        let (tree, _) = Tree::merge(&tables.iter().collect::<Vec<_>>());
        let model = Model::merge(&layers);
        let expect = |follow| {
            let path = model.look(split(path.as_bytes()), follow).ok()?;
            match model.there.get(&path)? {
                There::Shown(place) => Some((path.join("/").into_bytes(), *place)),
                There::Implied => None,
            }
        };
        prop_assert_eq!(tree.resolve(path.as_bytes()).ok(), expect(true));
        prop_assert_eq!(tree.get(path.as_bytes()), expect(false).map(|(_, place)| place));
    }

    #[test]
    fn what_is_not_live_is_residue(Layers(layers) in layers(with_links)) {
        let tables = tables(&layers);
        let (tree, _) = Tree::merge(&tables.iter().collect::<Vec<_>>());
        let residue: Vec<Place> = tree.residue().map(|(place, _)| place).collect();
        let model = Model::merge(&layers);
        let live: BTreeSet<Place> =
            model.shown().into_values().flat_map(|place| [place, model.content(place)]).collect();
        let mut expect = Vec::new();
        for (layer, entries) in layers.iter().enumerate() {
            for (index, entry) in entries.iter().enumerate() {
                let place = Place { layer: layer as u32, entry: index as u32 };
                prop_assert_eq!(tree.is_live(place), live.contains(&place), "{:?}", place);
                let is_whiteout = split(&entry.path).last().is_some_and(|name| name.starts_with(".wh."));
                let ships = entry.kind != Kind::Directory && (!is_whiteout || model.ignored.contains(&place));
                if ships && !live.contains(&place) {
                    expect.push(place);
                }
            }
        }
        let mut sorted = residue;
        sorted.sort_unstable();
        prop_assert_eq!(sorted, expect);
    }

    #[test]
    fn history_ends_where_the_tree_is(Layers(layers) in layers(with_links)) {
        let tables = tables(&layers);
        let (tree, _) = Tree::merge(&tables.iter().collect::<Vec<_>>());
        let shown = shown(&tree);
        for path in Model::merge(&layers).history.keys().map(|path| path.join("/")) {
            let last = *tree.history(path.as_bytes()).last().expect("an event");
            let arrived = matches!(last.change, Change::Added | Change::Replaced).then_some(last.place);
            match shown.get(&path) {
                Some(place) => prop_assert_eq!(arrived, Some(*place)),
                // What was replaced by a directory that is only implied names the entry below.
                None => prop_assert!(last.change != Change::Added, "{} {:?}", path, last),
            }
        }
    }

    #[test]
    fn layers_may_be_squashed(Layers(layers) in layers(with_symlinks), at in 0_usize..5) {
        let tables = tables(&layers);
        let all: Vec<_> = tables.iter().collect();
        let (below, above) = all.split_at(at.min(all.len()));
        let (tree, _) = Tree::merge(below);
        let mut squashed = EntryTable::default();
        for (path, (kind, size, link)) in look(&tree) {
            let path = String::from_utf8_lossy(&path).into_owned();
            push(&mut squashed, &Entry { size, link, ..blank(&path, kind) });
        }
        let again: Vec<_> = std::iter::once(&squashed).chain(above.iter().copied()).collect();
        prop_assert_eq!(look(&Tree::merge(&again).0), look(&Tree::merge(&all).0));
    }

    #[test]
    fn whiteouts_may_stand_anywhere_in_their_layer(Layers(layers) in layers(plain)) {
        let front: Vec<Vec<Entry>> = layers
            .iter()
            .map(|layer| {
                let is_whiteout = |entry: &&Entry| String::from_utf8_lossy(&entry.path).contains(".wh.");
                let (front, rest): (Vec<_>, Vec<_>) = layer.iter().partition(is_whiteout);
                front.into_iter().chain(rest).cloned().collect()
            })
            .collect();
        let [here, there] = [tables(&layers), tables(&front)];
        let [here, there] = [&here, &there].map(|tables| look(&Tree::merge(&tables.iter().collect::<Vec<_>>()).0));
        prop_assert_eq!(here, there);
    }
}
