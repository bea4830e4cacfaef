//! The law of the registry: whatever is done in whatever order, nobody without the right receives a byte of content that
//! is not released. A small model says what is released and who brought what; the registry is asked by everybody for
//! everything after each step.

use crate::house::{House, Image, OCI_IMAGE, body, name, run};
use model::Digest;
use proptest::prelude::*;
use reqwest::Method;
use std::collections::{BTreeMap, BTreeSet};

const REPOSITORIES: [&str; 2] = ["team/a", "team/b"];
const PUSHERS: [&str; 3] = ["pusher", "owner", "writer"];
const READERS: [&str; 6] = ["", "stranger", "puller", "writer", "pusher", "owner"];

#[derive(Debug, Clone)]
enum Step {
    Push { who: usize, repository: usize, image: usize, tag: usize },
    Mount { who: usize, from: usize, image: usize },
    Release { repository: usize, image: usize },
    Deny { repository: usize, image: usize },
    Revoke { repository: usize, image: usize },
    DeleteTag { repository: usize, tag: usize },
    DeleteManifest { repository: usize, image: usize },
    DeleteBlob { repository: usize, image: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (repository, image, tag, who) = (0..2_usize, 0..3_usize, 0..2_usize, 0..3_usize);
    prop_oneof![
        5 => (who.clone(), repository.clone(), image.clone(), tag.clone())
            .prop_map(|(who, repository, image, tag)| Step::Push { who, repository, image, tag }),
        1 => (who, repository.clone(), image.clone()).prop_map(|(who, from, image)| Step::Mount { who, from, image }),
        4 => (repository.clone(), image.clone()).prop_map(|(repository, image)| Step::Release { repository, image }),
        1 => (repository.clone(), image.clone()).prop_map(|(repository, image)| Step::Deny { repository, image }),
        1 => (repository.clone(), image.clone()).prop_map(|(repository, image)| Step::Revoke { repository, image }),
        1 => (repository.clone(), tag).prop_map(|(repository, tag)| Step::DeleteTag { repository, tag }),
        1 => (repository.clone(), image.clone()).prop_map(|(repository, image)| Step::DeleteManifest { repository, image }),
        1 => (repository, image).prop_map(|(repository, image)| Step::DeleteBlob { repository, image }),
    ]
}

/// What may be read, as a person would say it.
#[derive(Default)]
struct Model {
    /// Images that are released, by repository.
    released: BTreeSet<(usize, usize)>,
    /// Who brought which content where.
    brought: BTreeSet<(usize, String, Digest)>,
}

struct World {
    house: House,
    /// The first two share their layer.
    images: Vec<Image>,
    model: Model,
}

impl World {
    async fn new() -> Self {
        let shared = b"SECRET layer that two images share";
        let second = Image::with(shared, |manifest| manifest["annotations"] = serde_json::json!({"n": "2"}));
        let images = vec![Image::of(shared), second, Image::of(b"SECRET layer of the third image")];
        Self { house: House::new().await, images, model: Model::default() }
    }

    async fn take(&mut self, step: &Step) {
        let (house, images, model) = (&self.house, &self.images, &mut self.model);
        match *step {
            Step::Push { who, repository, image, tag } => {
                let (who, to, image) = (PUSHERS[who], REPOSITORIES[repository], &images[image]);
                for bytes in [&image.config_bytes, &image.layer_bytes] {
                    let digest = house.push_blob(who, to, bytes).await;
                    model.brought.insert((repository, who.to_owned(), digest));
                }
                let put = house.put_manifest(who, to, &format!("t{tag}"), OCI_IMAGE, &image.bytes).await;
                if put.status().is_success() {
                    model.brought.insert((repository, who.to_owned(), image.digest));
                }
            }
            Step::Mount { who, from, image } => {
                let (who, layer, to) = (PUSHERS[who], images[image].layer, 1 - from);
                let path = format!(
                    "/v2/{}/blobs/uploads/?mount={layer}&from={}",
                    REPOSITORIES[to], REPOSITORIES[from]
                );
                let answer = house.ask(who, Method::POST, &path).send().await.unwrap();
                if answer.status().as_u16() == 201 {
                    assert!(
                        readable(model, images, from, who, &layer),
                        "mounted by {who} who may not read it there"
                    );
                    model.brought.insert((to, who.to_owned(), layer));
                }
            }
            Step::Release { repository, image } => {
                let decision = crate::house::decided();
                let root = &images[image].digest;
                if house.store.release(&name(REPOSITORIES[repository]), root, decision).await.is_ok() {
                    model.released.insert((repository, image));
                }
            }
            Step::Deny { repository, image } | Step::Revoke { repository, image } => {
                let (repo, root) = (name(REPOSITORIES[repository]), &images[image].digest);
                let decision = crate::house::decided();
                let _ = match step {
                    Step::Deny { .. } => house.store.deny(&repo, root, decision).await,
                    _ => house.store.revoke(&repo, root, decision).await,
                };
                model.released.remove(&(repository, image));
            }
            Step::DeleteTag { repository, tag } => {
                house.delete("owner", &format!("/v2/{}/manifests/t{tag}", REPOSITORIES[repository])).await;
            }
            Step::DeleteManifest { repository, image } => {
                let path = format!("/v2/{}/manifests/{}", REPOSITORIES[repository], images[image].digest);
                if house.delete("owner", &path).await.status().is_success() {
                    model.released.remove(&(repository, image));
                }
            }
            Step::DeleteBlob { repository, image } => {
                let path = format!("/v2/{}/blobs/{}", REPOSITORIES[repository], images[image].layer);
                house.delete("owner", &path).await;
            }
        }
    }

    /// Everybody asks for everything.
    async fn check(&self, after: &Step) {
        let mut content: BTreeMap<Digest, &[u8]> = BTreeMap::new();
        for image in &self.images {
            content.insert(image.digest, &image.bytes);
            content.insert(image.config, &image.config_bytes);
            content.insert(image.layer, &image.layer_bytes);
        }
        for (repository, named) in REPOSITORIES.iter().enumerate() {
            let mut paths: Vec<String> =
                ["t0", "t1"].map(|tag| format!("/v2/{named}/manifests/{tag}")).into();
            for digest in content.keys() {
                paths.push(format!("/v2/{named}/manifests/{digest}"));
                paths.push(format!("/v2/{named}/blobs/{digest}"));
            }
            for who in READERS {
                for path in &paths {
                    for (method, range) in
                        [(Method::GET, None), (Method::HEAD, None), (Method::GET, Some("bytes=1-4"))]
                    {
                        let mut request = self.house.ask(who, method.clone(), path);
                        if let Some(range) = range {
                            request = request.header("range", range);
                        }
                        let answer = request.send().await.unwrap();
                        let status = answer.status();
                        let digest = answer.headers().get("docker-content-digest").cloned();
                        let got = body(answer).await;
                        let at = format!("{method} {path} by {who:?} after {after:?}: {status}");
                        if !status.is_success() {
                            assert!(digest.is_none(), "{at}");
                            assert!(!got.windows(6).any(|window| window == b"SECRET"), "{at}");
                            continue;
                        }
                        let digest: Digest = digest.expect("a digest").to_str().unwrap().parse().unwrap();
                        assert!(readable(&self.model, &self.images, repository, who, &digest), "{at}");
                        let whole = content[&digest];
                        match (method == Method::HEAD, range) {
                            (true, _) => assert!(got.is_empty(), "{at}"),
                            (false, None) => assert_eq!(got, whole, "{at}"),
                            (false, Some(_)) => assert_eq!(got, whole[1..5], "{at}"),
                        }
                    }
                }
            }
            // And what is released is there for those who may pull.
            for (released_in, image) in &self.model.released {
                if *released_in == repository {
                    let path = format!("/v2/{named}/manifests/{}", self.images[*image].digest);
                    let status = self.house.get("puller", &path).await.status();
                    assert!(status.is_success(), "{path} after {after:?}: {status}");
                }
            }
        }
    }
}

fn readable(model: &Model, images: &[Image], repository: usize, who: &str, digest: &Digest) -> bool {
    let pulls = ["puller", "writer", "pusher", "owner"].contains(&who);
    let reads_back = ["pusher", "owner"].contains(&who);
    let reached = |image: &Image| [image.digest, image.config, image.layer].contains(digest);
    let released = model.released.iter().any(|(at, image)| *at == repository && reached(&images[*image]));
    pulls && (released || reads_back && model.brought.contains(&(repository, who.to_owned(), *digest)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn nobody_receives_what_is_not_released(steps in proptest::collection::vec(step(), 4..14)) {
        run(async {
            let mut world = World::new().await;
            for step in &steps {
                world.take(step).await;
                world.check(step).await;
            }
        });
    }
}
