//! Images that come through the gate are run before they are released. A program of its own, as a sandbox is kept by the
//! program that starts it, started again. It needs what sandboxes need, and says where that is missing.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails says where, and this one has a `main`"
)]

use access::{Action, Permit};
use gate::core::{Judging, Settings, Which};
use gate::{Core, Upstream, Upstreams};
use model::RepositoryName;
use registry::{Arrival, Quarantine as _, Reference, Standing};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use test_support::{FakeRegistry, Image, ImageBuilder, Layer, LayerBuilder, standin, wallet};

const UPSTREAM: &str = "up.example";

fn main() -> ExitCode {
    if let Some(code) = sandbox::warden_main() {
        return code;
    }
    if std::env::args().any(|argument| argument == "--list") {
        println!("what_comes_from_an_upstream_is_run_first: test");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = sandbox::probe_host(folder.path()).into_iter().find(|found| found.needed && !found.there);
    if let Some(missing) = missing {
        assert!(std::env::var_os("CI").is_none(), "{} is missing, and CI tests with it", missing.name);
        println!("SKIPPED: {}: {}", missing.name, missing.note);
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(what_comes_from_an_upstream_is_run_first());
    println!("what comes from an upstream is run first: ok");
    ExitCode::SUCCESS
}

/// An image that starts this program.
fn image(program: Vec<u8>) -> Image {
    let tar = LayerBuilder::new().file("app", 0o755, program).build();
    ImageBuilder::new().layer(Layer::new(tar)).config(|config| config.entrypoint(&["/app"])).build()
}

async fn what_comes_from_an_upstream_is_run_first() {
    let calm = image(standin::program("calm"));
    let miner = image(standin::acting_miner(&["agent/1.0"], ([203, 0, 113, 7], 3333), &wallet::monero(7)));
    let registry = FakeRegistry::new().image("team/calm", "1", &calm).image("team/app", "1", &miner).start();
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(store::Options::new(folder.path())).await.unwrap();
    let detonate = pipeline::Detonate {
        scratch: None,
        keep: None,
        duration: Duration::from_secs(20),
        thorough: false,
        pcap: None,
        timeline: None,
        alone: false,
        engine: sandbox::Engine::Native,
    };
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
    // The policy that is built in holds what has to be run and was not.
    let policy = Arc::new(gate::Policy::built_in(0).unwrap());
    let judging = Judging { scan: Arc::new(scan), detonate: Some((detonate, Which::Pulled)), policy };
    let mut settings = Settings::new(&store, judging);
    let upstream = Upstream { urls: vec![format!("http://{}", registry.host())], ..Upstream::default() };
    settings.upstreams = Upstreams::new([(UPSTREAM.parse().unwrap(), upstream)].into(), Vec::new());
    settings.wait = Duration::from_secs(120);
    let core = Core::new(store.clone(), settings).unwrap();
    let workers = core.start();
    let pull = async |name: &str| {
        let repository: RepositoryName = name.parse().unwrap();
        let permit = Permit::for_tests("user:dev", &repository, Action::Pull)
            .with_upstream_for_tests(&UPSTREAM.parse().unwrap());
        let reference = Reference::Tag("1".parse().unwrap());
        core.arrive(Arrival { permit: &permit, reference: &reference, head: false }).await
    };
    let standing = pull("up.example/team/calm").await;
    assert_eq!(standing, Standing::Released(calm.digest().parse().unwrap(), None));
    let standing =
        store.standing(&"up.example/team/calm".parse().unwrap(), &calm.digest().parse().unwrap()).await;
    let evidence = store.evidence(&standing.unwrap().unwrap().evidence.unwrap()).await.unwrap().unwrap();
    let report: model::Report = serde_json::from_slice(&evidence).unwrap();
    assert!(report.coverage.runs > 0, "{:?}", report.gaps);
    let Standing::Denied { message, detail } = pull("up.example/team/app").await else {
        panic!("it is denied")
    };
    assert!(detail.to_string().contains("\"D-"), "{message}: {detail}");
    workers.stop().await;
    store.close().await;
}
