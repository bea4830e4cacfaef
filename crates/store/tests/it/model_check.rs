//! The store against a model in memory: random sequences of what people and the gate do, after each of which the store
//! gives exactly what the model allows, to exactly whom.
use crate::house::*;
use access::{Action, Permit};
use model::{Algorithm, Digest, RepositoryName};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;
use store::{Origin, ReleasedKind, State, Store};

/// All content there is.
struct World {
    blobs: Vec<(Digest, Vec<u8>)>,
    manifests: Vec<(Digest, String)>,
    /// What each manifest reaches in one step; whether as a manifest.
    links: HashMap<Digest, Vec<(Digest, bool)>>,
    content: HashMap<Digest, Digest>,
    repositories: Vec<RepositoryName>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            blobs: Vec::new(),
            manifests: Vec::new(),
            links: HashMap::new(),
            content: HashMap::new(),
            repositories: vec![name("a"), name("b")],
        };
        let blob = |world: &mut Self, algorithm, text: &str| {
            let digest = hashed(algorithm, text.as_bytes());
            world.blobs.push((digest, text.as_bytes().to_vec()));
            world.content.insert(digest, sha256(text.as_bytes()));
            (digest, text.len())
        };
        let config = blob(&mut world, Algorithm::Sha256, "config");
        let base = blob(&mut world, Algorithm::Sha256, "base");
        let base_long = blob(&mut world, Algorithm::Sha512, "base");
        let top = blob(&mut world, Algorithm::Sha256, "top");
        let one = world.image(config, &[base], Algorithm::Sha256);
        let two = world.image(config, &[base, top], Algorithm::Sha256);
        // The same layer by its other name, and the same image by its other name.
        world.image(config, &[base_long], Algorithm::Sha256);
        world.image(config, &[base], Algorithm::Sha512);
        // An honest image whose layer is the text of another image.
        let hidden = world.image(top, &[top], Algorithm::Sha256);
        let text = world.manifests.iter().find(|(digest, _)| *digest == hidden.0).unwrap().1.clone();
        let hidden_layer = blob(&mut world, Algorithm::Sha256, &text);
        world.image(config, &[hidden_layer], Algorithm::Sha256);
        let inner = world.index(&[one, two]);
        world.index(&[inner, hidden]);
        world
    }

    fn add(&mut self, algorithm: Algorithm, text: String, links: Vec<(Digest, bool)>) -> (Digest, usize) {
        let digest = hashed(algorithm, text.as_bytes());
        let length = text.len();
        self.content.insert(digest, sha256(text.as_bytes()));
        self.links.insert(digest, links);
        self.manifests.push((digest, text));
        (digest, length)
    }

    fn image(
        &mut self,
        config: (Digest, usize),
        layers: &[(Digest, usize)],
        algorithm: Algorithm,
    ) -> (Digest, usize) {
        let links = std::iter::once(&config).chain(layers).map(|(digest, _)| (*digest, false)).collect();
        self.add(algorithm, image_text(config, layers), links)
    }

    fn index(&mut self, children: &[(Digest, usize)]) -> (Digest, usize) {
        let links = children.iter().map(|(digest, _)| (*digest, true)).collect();
        self.add(Algorithm::Sha256, index_text(children), links)
    }

    fn all(&self) -> Vec<Digest> {
        let blobs = self.blobs.iter().map(|(digest, _)| *digest);
        blobs
            .chain(self.manifests.iter().map(|(digest, _)| *digest))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }
}

/// What one repository holds and decided.
#[derive(Default)]
struct Shelf {
    blobs: BTreeSet<Digest>,
    manifests: BTreeSet<Digest>,
    standings: BTreeMap<Digest, (State, Digest)>,
    /// What each released root released, and whether as a manifest.
    flat: BTreeMap<Digest, BTreeSet<(Digest, bool)>>,
    tags: BTreeMap<&'static str, (Digest, Option<Digest>)>,
}

impl Shelf {
    /// As what a digest may be read: `Some(true)` as a manifest.
    fn gives(&self, digest: &Digest) -> Option<bool> {
        let flat = |manifest| self.flat.values().any(|set| set.contains(&(*digest, manifest)));
        if self.manifests.contains(digest) && flat(true) {
            Some(true)
        } else if self.blobs.contains(digest) && flat(false) {
            Some(false)
        } else {
            None
        }
    }

    fn reach(&self, world: &World, root: &Digest) -> BTreeSet<(Digest, bool)> {
        let mut reached = BTreeSet::from([(*root, true)]);
        let mut left = vec![*root];
        while let Some(parent) = left.pop() {
            if !self.manifests.contains(&parent) {
                continue;
            }
            for (child, manifest) in &world.links[&parent] {
                if reached.insert((*child, *manifest)) && *manifest {
                    left.push(*child);
                }
            }
        }
        reached
    }

    /// Everything above a digest and the other names of it.
    fn above(&self, world: &World, rows: &BTreeSet<Digest>, digest: &Digest) -> BTreeSet<Digest> {
        let mut found = BTreeSet::from([*digest]);
        if rows.contains(digest) {
            found.extend(rows.iter().filter(|other| world.content[other] == world.content[digest]));
        }
        if let Some((_, content)) = self.standings.get(digest) {
            found.extend(
                self.standings.iter().filter(|(_, (_, other))| other == content).map(|(digest, _)| *digest),
            );
        }
        loop {
            let parents: Vec<Digest> = self
                .manifests
                .iter()
                .filter(|parent| world.links[parent].iter().any(|(child, _)| found.contains(child)))
                .filter(|parent| !found.contains(parent))
                .copied()
                .collect();
            if parents.is_empty() {
                return found;
            }
            found.extend(parents);
        }
    }

    fn end(&mut self, roots: &[Digest]) {
        for root in roots {
            self.flat.remove(root);
            self.standings.get_mut(root).unwrap().0 = State::Quarantined;
        }
        self.disapprove();
    }

    fn disapprove(&mut self) {
        let approved: Vec<bool> = self
            .tags
            .values()
            .map(|(_, approved)| approved.is_some_and(|digest| self.gives(&digest) == Some(true)))
            .collect();
        for ((_, tag), approved) in self.tags.values_mut().zip(approved) {
            if !approved {
                *tag = None;
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Blob(usize, usize),
    Mount(usize, usize),
    Put(usize, usize, Option<&'static str>),
    Tag(usize, usize, &'static str),
    DeleteTag(usize, &'static str),
    DeleteBlob(usize, usize),
    DeleteManifest(usize, usize),
    Release(usize, usize),
    Deny(usize, usize),
    Revoke(usize, usize),
    Hold(usize, usize),
    Collect,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let repo = 0usize..2;
    let tag = prop_oneof![Just("latest"), Just("stable")];
    let any = 0usize..16;
    prop_oneof![
        6 => (repo.clone(), any.clone()).prop_map(|(r, n)| Step::Blob(r, n)),
        2 => (repo.clone(), any.clone()).prop_map(|(r, n)| Step::Mount(r, n)),
        8 => (repo.clone(), any.clone(), proptest::option::of(tag.clone())).prop_map(|(r, n, t)| Step::Put(r, n, t)),
        2 => (repo.clone(), any.clone(), tag.clone()).prop_map(|(r, n, t)| Step::Tag(r, n, t)),
        1 => (repo.clone(), tag).prop_map(|(r, t)| Step::DeleteTag(r, t)),
        1 => (repo.clone(), any.clone()).prop_map(|(r, n)| Step::DeleteBlob(r, n)),
        2 => (repo.clone(), any.clone()).prop_map(|(r, n)| Step::DeleteManifest(r, n)),
        8 => (repo.clone(), any.clone()).prop_map(|(r, n)| Step::Release(r, n)),
        2 => (repo.clone(), any.clone()).prop_map(|(r, n)| Step::Deny(r, n)),
        2 => (repo.clone(), any.clone()).prop_map(|(r, n)| Step::Revoke(r, n)),
        2 => (repo, any).prop_map(|(r, n)| Step::Hold(r, n)),
        1 => Just(Step::Collect),
        1 => Just(Step::Reopen),
    ]
}

/// The store and the model side by side.
struct Twins {
    directory: tempfile::TempDir,
    store: Store,
    world: World,
    shelves: Vec<Shelf>,
    /// Digests that have a row, in whichever repository.
    rows: BTreeSet<Digest>,
}

impl Twins {
    async fn new() -> Self {
        let base = std::path::Path::new("/dev/shm");
        let directory = if base.is_dir() { tempfile::tempdir_in(base) } else { tempfile::tempdir() }.unwrap();
        let (store, _) = open_at(directory.path()).await;
        let world = World::new();
        for repository in &world.repositories {
            store.create_repository(repository, &Origin::Hosted).await.unwrap();
        }
        let shelves = world.repositories.iter().map(|_| Shelf::default()).collect();
        Self { directory, store, world, shelves, rows: BTreeSet::new() }
    }

    fn content_of_row(&self, digest: &Digest) -> Digest {
        if self.rows.contains(digest) { self.world.content[digest] } else { *digest }
    }

    async fn take(&mut self, step: Step) {
        let all = self.world.all();
        let manifest = |world: &World, n: usize| world.manifests[n % world.manifests.len()].clone();
        match step {
            Step::Blob(r, n) => {
                let (digest, bytes) = self.world.blobs[n % self.world.blobs.len()].clone();
                push_blob_as(&self.store, &self.world.repositories[r], digest.algorithm(), &bytes)
                    .await
                    .unwrap();
                self.shelves[r].blobs.insert(digest);
                self.rows.insert(digest);
            }
            Step::Mount(r, n) => {
                let (digest, _) = self.world.blobs[n % self.world.blobs.len()];
                let (from, to) = (&self.world.repositories[r], &self.world.repositories[1 - r]);
                if let Some(token) = self.store.released(&pull(from), &digest).await.unwrap() {
                    let mounted = self.store.mount(&token, to, "pusher").await.unwrap().is_some();
                    assert_eq!(mounted, self.shelves[r].blobs.contains(&digest));
                    if mounted {
                        self.shelves[1 - r].blobs.insert(digest);
                    }
                }
            }
            Step::Put(r, n, tag) => {
                let (digest, text) = manifest(&self.world, n);
                let tags: Vec<&str> = tag.into_iter().collect();
                let put = put_as(&self.store, &self.world.repositories[r], &text, &tags, Some(digest)).await;
                let links = &self.world.links[&digest];
                let shelf = &mut self.shelves[r];
                let complete =
                    links.iter().all(|(child, is_manifest)| *is_manifest || shelf.blobs.contains(child));
                assert_eq!(put.is_ok(), complete, "{put:?}");
                if complete {
                    shelf.manifests.insert(digest);
                    self.rows.insert(digest);
                    let content = self.world.content[&digest];
                    shelf.standings.entry(digest).or_insert((State::Quarantined, content)).1 = content;
                    if let Some(tag) = tag {
                        self.point(r, tag, digest);
                    }
                }
            }
            Step::Tag(r, n, name) => {
                let (digest, _) = manifest(&self.world, n);
                let put =
                    self.store.put_tag(&self.world.repositories[r], &tag(name), &digest, "pusher").await;
                assert_eq!(put.is_ok(), self.shelves[r].manifests.contains(&digest));
                if put.is_ok() {
                    self.point(r, name, digest);
                }
            }
            Step::DeleteTag(r, name) => {
                let deleted =
                    self.store.delete_tag(&self.world.repositories[r], &tag(name), "pusher").await.unwrap();
                assert_eq!(deleted, self.shelves[r].tags.remove(name).is_some());
            }
            Step::DeleteBlob(r, n) => {
                let (digest, _) = self.world.blobs[n % self.world.blobs.len()];
                let deleted =
                    self.store.delete_blob(&self.world.repositories[r], &digest, "pusher").await.unwrap();
                assert_eq!(deleted, self.shelves[r].blobs.remove(&digest));
            }
            Step::DeleteManifest(r, n) => {
                let (digest, _) = manifest(&self.world, n);
                let deleted =
                    self.store.delete_manifest(&self.world.repositories[r], &digest, "pusher").await.unwrap();
                let shelf = &mut self.shelves[r];
                assert_eq!(deleted, shelf.manifests.remove(&digest));
                if deleted {
                    shelf.flat.remove(&digest);
                    shelf.tags.retain(|_, (newest, _)| *newest != digest);
                    let standing = shelf.standings.get_mut(&digest).unwrap();
                    if standing.0 == State::Released {
                        standing.0 = State::Quarantined;
                    }
                    shelf.disapprove();
                }
            }
            Step::Release(r, n) => {
                let (root, _) = manifest(&self.world, n);
                let released = self.store.release(&self.world.repositories[r], &root, decision()).await;
                let reached = self.shelves[r].reach(&self.world, &root);
                let blocked = reached.iter().any(|(digest, _)| {
                    self.shelves[r].standings.iter().any(|(name, (state, content))| {
                        matches!(state, State::Denied | State::Revoked)
                            && *name != root
                            && (name == digest
                                || (self.rows.contains(digest) && *content == self.world.content[digest]))
                    })
                });
                let shelf = &mut self.shelves[r];
                let possible = shelf.manifests.contains(&root) && !blocked;
                assert_eq!(released.is_ok(), possible, "{released:?}");
                if possible {
                    let here = reached.into_iter().filter(|(digest, is_manifest)| match is_manifest {
                        true => shelf.manifests.contains(digest),
                        false => shelf.blobs.contains(digest),
                    });
                    let set: BTreeSet<_> = here.collect();
                    for (newest, approved) in shelf.tags.values_mut() {
                        if set.contains(&(*newest, true)) {
                            *approved = Some(*newest);
                        }
                    }
                    shelf.flat.insert(root, set);
                    shelf.standings.get_mut(&root).unwrap().0 = State::Released;
                    shelf.disapprove();
                }
            }
            Step::Deny(r, n) | Step::Revoke(r, n) => {
                let digest = all[n % all.len()];
                let name = &self.world.repositories[r];
                let state = if matches!(step, Step::Deny(..)) {
                    self.store.deny(name, &digest, decision()).await.unwrap();
                    State::Denied
                } else {
                    self.store.revoke(name, &digest, decision()).await.unwrap();
                    State::Revoked
                };
                let content = self.content_of_row(&digest);
                let shelf = &mut self.shelves[r];
                let above = shelf.above(&self.world, &self.rows, &digest);
                let reaches =
                    |set: &BTreeSet<(Digest, bool)>| set.iter().any(|(digest, _)| above.contains(digest));
                let ended: Vec<Digest> = shelf
                    .flat
                    .iter()
                    .filter(|(root, set)| above.contains(root) || reaches(set))
                    .map(|(root, _)| *root)
                    .collect();
                shelf.end(&ended);
                shelf.standings.entry(digest).or_insert((state, content)).0 = state;
            }
            Step::Hold(r, n) => {
                let digest = all[n % all.len()];
                self.store.hold(&self.world.repositories[r], &digest, decision()).await.unwrap();
                let content = self.content_of_row(&digest);
                let shelf = &mut self.shelves[r];
                shelf.flat.remove(&digest);
                shelf.standings.entry(digest).or_insert((State::Quarantined, content)).0 = State::Quarantined;
                shelf.disapprove();
            }
            Step::Collect => {
                self.store.collect(Duration::ZERO).await.unwrap();
                for shelf in &mut self.shelves {
                    let named: BTreeSet<Digest> = shelf
                        .manifests
                        .iter()
                        .flat_map(|parent| &self.world.links[parent])
                        .filter(|(_, is_manifest)| !is_manifest)
                        .map(|(digest, _)| *digest)
                        .collect();
                    shelf.blobs.retain(|digest| named.contains(digest));
                }
                self.rows.retain(|digest| {
                    self.shelves
                        .iter()
                        .any(|shelf| shelf.blobs.contains(digest) || shelf.manifests.contains(digest))
                });
            }
            Step::Reopen => {
                self.store.close().await;
                let (store, recovered) = open_at(self.directory.path()).await;
                assert_eq!(recovered, store::Recovered::default());
                self.store = store;
            }
        }
    }

    fn point(&mut self, r: usize, name: &'static str, digest: Digest) {
        let shelf = &mut self.shelves[r];
        let released = shelf.flat.values().any(|set| set.contains(&(digest, true)));
        let entry = shelf.tags.entry(name).or_insert((digest, None));
        entry.0 = digest;
        if released {
            entry.1 = Some(digest);
        }
    }

    async fn compare(&self, done: &[Step]) {
        for (name, shelf) in self.world.repositories.iter().zip(&self.shelves) {
            for digest in self.world.all() {
                let token = self.store.released(&pull(name), &digest).await.unwrap();
                let kind = token.as_ref().map(|token| matches!(token.kind(), ReleasedKind::Manifest { .. }));
                assert_eq!(kind, shelf.gives(&digest), "{digest} in {name} after {done:?}");
                if let Some(token) = token {
                    let file = self.store.open_released(&token).await.unwrap();
                    assert_eq!(file.size(), token.size());
                }
                for action in [Action::Push, Action::Delete, Action::Overwrite, Action::QuarantineRead] {
                    let permit = Permit::for_tests("pusher", name, action);
                    assert!(self.store.released(&permit, &digest).await.unwrap().is_none());
                }
                let stranger = Permit::for_tests("stranger", name, Action::QuarantineRead);
                let read = self.store.read_back(&stranger, &digest).await.unwrap();
                assert!(
                    read.is_none() || shelf.gives(&digest).is_some(),
                    "{digest} in {name} after {done:?}"
                );
                let pusher = self.store.read_back(&read_back(name), &digest).await.unwrap();
                let denied = shelf
                    .standings
                    .get(&digest)
                    .is_some_and(|(state, _)| matches!(state, State::Denied | State::Revoked));
                assert!(
                    pusher.is_none() || !denied || shelf.gives(&digest).is_some(),
                    "{digest} after {done:?}"
                );
            }
            for text in ["latest", "stable"] {
                let seen = self.store.approved_tag(&pull(name), &tag(text)).await.unwrap();
                let seen = seen.map(|tag| (tag.newest, tag.released.map(|token| *token.digest())));
                let expected = shelf.tags.get(text).map(|(newest, approved)| {
                    (*newest, approved.filter(|digest| shelf.gives(digest) == Some(true)))
                });
                assert_eq!(seen, expected, "{text} in {name} after {done:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_given_that_the_model_does_not_allow(steps in proptest::collection::vec(step(), 1..60)) {
        run(async {
            let mut twins = Twins::new().await;
            // Most sequences begin where there is something to decide on.
            for r in 0..2 {
                for n in 0..twins.world.blobs.len() {
                    if (n + steps.len()) % 4 != 0 {
                        twins.take(Step::Blob(r, n)).await;
                    }
                }
            }
            for (n, step) in steps.iter().enumerate() {
                twins.take(*step).await;
                twins.compare(&steps[..=n]).await;
            }
            twins.store.close().await;
            let database = twins.directory.path().join("roadstead.db");
            let checked = tokio::task::spawn_blocking(move || store::journal::verify(&database, None)).await.unwrap();
            assert_eq!(checked.unwrap().broken, None);
        });
    }
}
