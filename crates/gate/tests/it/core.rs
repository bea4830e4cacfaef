//! The heart of the gate against registries that are honest and others.
mod artifacts;
mod crash;
mod hostile;
mod people;
mod pull;
mod rules;
mod signatures;

use access::{Action, Permit};
use gate::core::{Judging, Settings, Workers};
use gate::{Core, Upstream, Upstreams};
use model::{Digest, RepositoryName, Tag};
use registry::{Arrival, Quarantine as _, Reference, Standing};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use test_support::{Image, ImageBuilder, Layer, LayerBuilder, RunningRegistry, standin};

/// The name of the upstream in all tests.
pub(crate) const UPSTREAM: &str = "up.example";

/// A gate with one upstream.
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) core: Core,
    workers: Workers,
}

/// A policy that runs nothing and adds these rules.
pub(crate) fn policy(rules: &str) -> Arc<gate::Policy> {
    let text =
        format!("schema = \"roadstead.policy/v1\"\nextends = \"default\"\ndetonate = \"never\"\n{rules}");
    Arc::new(text.parse().unwrap())
}

/// What judges in these tests: everything that is built in.
pub(crate) fn judging(rules: &str) -> Judging {
    let scan = || pipeline::Settings {
        source: source::Options::default(),
        limits: Default::default(),
        jobs: 1,
        cache: None,
        indicators: feeds::Indicators::new(Vec::new()),
        rules: Default::default(),
        exceptions: Default::default(),
        today: model::Date::of_unix_seconds(1_800_000_000),
        endpoints: false,
        detonate: None,
        watch: Arc::default(),
    };
    Judging { scan: Arc::new(scan), detonate: None, policy: policy(rules) }
}

impl Bench {
    /// A gate over a folder, with an upstream at this address.
    pub(crate) async fn open(folder: &Path, url: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let (store, _) = Store::open(store::Options::new(folder)).await.unwrap();
        let mut settings = Settings::new(&store, judging(""));
        let upstream = Upstream { urls: vec![url.to_owned()], ..Upstream::default() };
        settings.upstreams = Upstreams::new(
            BTreeMap::from([(UPSTREAM.parse().unwrap(), upstream)]),
            vec!["gate.example".to_owned()],
        );
        settings.base_url = "https://gate.example".to_owned();
        settings.workers = 2;
        settings.keys = Some(gate::Keys {
            release: Arc::new(attest::ReleaseKey::generate()),
            evidence: Arc::new(attest::EvidenceKey::generate()),
        });
        change(&mut settings);
        let core = Core::new(store.clone(), settings).unwrap();
        let workers = core.start();
        Self { store, core, workers }
    }

    pub(crate) async fn close(self) {
        self.workers.stop().await;
        self.store.close().await;
    }

    /// Somebody asks for content of the upstream.
    pub(crate) async fn pull(&self, name: &str, reference: &str) -> Standing {
        arrive(&self.core, name, reference).await
    }

    /// Whether a pull of this digest gets bytes.
    pub(crate) async fn gives(&self, name: &str, digest: &Digest) -> bool {
        self.store.released(&permit(name), digest).await.unwrap().is_some()
    }
}

pub(crate) async fn arrive(core: &Core, name: &str, reference: &str) -> Standing {
    let permit = permit(name);
    let reference = match reference.parse::<Digest>() {
        Ok(digest) => Reference::Digest(digest),
        Err(_) => Reference::Tag(reference.parse::<Tag>().unwrap()),
    };
    core.arrive(Arrival { permit: &permit, reference: &reference, head: false }).await
}

/// The right to pull: of the upstream, where the name says so.
pub(crate) fn permit(name: &str) -> Permit {
    let repository: RepositoryName = name.parse().unwrap();
    let permit = Permit::for_tests("user:dev", &repository, Action::Pull);
    match name.starts_with(UPSTREAM) {
        true => permit.with_upstream_for_tests(&UPSTREAM.parse().unwrap()),
        false => permit,
    }
}

/// An image that is clean, and another one for each text.
pub(crate) fn clean(text: &str) -> Image {
    let layer = |name: &str, text: &str| {
        let tar = LayerBuilder::new().file(name, 0o755, standin::program(text)).build();
        Layer::new(tar)
    };
    ImageBuilder::new().layer(layer("app/base", "base")).layer(layer("app/serve", text)).build()
}

pub(crate) fn digest(image: &Image) -> Digest {
    image.digest().parse().unwrap()
}

pub(crate) fn url(registry: &RunningRegistry) -> String {
    format!("http://{}", registry.host())
}

/// What a standing tells people.
pub(crate) fn told(standing: &Standing) -> String {
    match standing {
        Standing::Released(digest, warning) => {
            format!("released {digest} {}", warning.as_deref().unwrap_or_default())
        }
        Standing::Held { message, .. } => format!("held {message}"),
        Standing::Denied { message, .. } => format!("denied {message}"),
        Standing::Unknown => "unknown".to_owned(),
        Standing::Unavailable { message, .. } => format!("unavailable {message}"),
    }
}

/// Fails unless a standing tells this.
pub(crate) fn tells(standing: &Standing, parts: &[&str]) {
    let told = told(standing);
    for part in parts {
        assert!(told.contains(part), "{told:?} lacks {part:?}");
    }
}

/// Asks until it is so, and fails where that takes too long.
pub(crate) async fn until(mut so: impl AsyncFnMut() -> bool, within: Duration) {
    let start = std::time::Instant::now();
    while !so().await {
        assert!(start.elapsed() < within, "it did not come about within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
