//! The server as a whole: everything is put together here, started, and ended in good order.

use crate::accounts::{self, Accounts};
use crate::audit::Audit;
use crate::config::{Config, Detonation, TlsMode, Upstream};
use crate::core::{Core, Judging, Settings, Which, Workers};
use crate::metrics::Metrics;
use crate::server::{self, Listening};
use crate::webhooks::{Event, Webhooks};
use crate::{Error, admin, console, harbor, health, keys, logs, metrics, oidc, page, tls, upkeep, upstream};
use access::{Identity, Limiter, Minter, Rate, Secret, Verifier};
use axum::Router;
use axum::routing::{MethodRouter, get};
use prometheus_client::registry::Registry as Counted;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::Store;
use tokio::sync::{broadcast, watch};

/// The name of the gate in tokens.
pub(crate) const SERVICE: &str = "roadstead";
/// How often is looked whether somebody asked to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What judges images, which the command line puts together.
#[derive(Clone)]
pub struct Engine {
    /// Makes the settings of one scan: rules, feeds, exceptions, cache.
    pub scan: Arc<dyn Fn() -> pipeline::Settings + Send + Sync>,
    /// How images are run, where the configuration asks for it.
    pub detonate: Option<pipeline::Detonate>,
}

/// What a person is told when the server has started.
#[derive(Debug)]
pub struct Started {
    /// Where it listens, with the port that the system chose.
    pub address: SocketAddr,
    /// How clients reach it.
    pub url: String,
    /// The secret to make the first administrator with; none where there is one.
    pub first_secret: Option<Secret>,
    /// The certificate that clients have to be given, where it was made here.
    pub certificate: Option<PathBuf>,
    /// The public key that releases are verified with.
    pub release_key: PathBuf,
    /// Names of the upstreams.
    pub upstreams: Vec<String>,
}

/// Everything that handlers need.
pub(crate) struct Gate {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) core: Core,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) front: registry::Registry,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) registry: Counted,
    pub(crate) metrics: Metrics,
    /// Tries of secrets that are not logins: of the first start, and of one's own password.
    pub(crate) tries: Limiter,
    /// Scans for a Harbor; none where it is not configured.
    pub(crate) harbor: Option<harbor::Queue>,
    /// Logins through an identity provider; none where none is configured.
    pub(crate) oidc: Option<oidc::Oidc>,
    /// Who is logged in to the console.
    pub(crate) sessions: console::Sessions,
    pub(crate) audit: Audit,
    /// When it was started.
    pub(crate) since: std::time::Instant,
    /// The digest of the rules that are in force, and the feeds; read when somebody asks first.
    pub(crate) knowledge: std::sync::OnceLock<(String, Vec<String>)>,
    /// How clients reach the gate.
    pub(crate) url: String,
    judging: Judging,
    workers: Mutex<Option<Workers>>,
    stop: watch::Receiver<bool>,
}

impl Gate {
    /// Whether the server is ending.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Workers that are alive.
    pub(crate) fn workers_alive(&self) -> usize {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.as_mut().map_or(0, Workers::alive)
    }

    /// Somebody's rights have changed: what was remembered of them is forgotten, and tokens they have no longer hold.
    pub(crate) fn end_sessions(&self, identity: &Identity) {
        self.accounts.forget();
        self.front.forget_logins();
        self.sessions.end_of(identity);
        self.verifier.cut(identity, accounts::now());
    }

    /// What decides has changed: what is held and released is looked at again.
    pub(crate) fn judge_again(&self) {
        self.core.judge_by(self.judging.clone());
    }
}

/// Reads what a configuration names, as far as that can be done without a data directory.
///
/// # Errors
/// Where a policy or a certificate cannot be used.
pub fn check(config: &Config) -> Result<(), Error> {
    policy(config)?;
    upstreams(config, "")?;
    if config.tls.mode == TlsMode::Files {
        tls::server_config(config)?;
    }
    Ok(())
}

/// Serves until `stop` is set; then ends what runs. `started` is called once, when clients can connect.
///
/// # Errors
/// Where it cannot start: the data directory is in use or cannot be written, a key or a certificate cannot be used, the
/// address cannot be listened on.
pub fn serve(
    config: Config,
    engine: Engine,
    stop: &Arc<AtomicBool>,
    started: impl FnOnce(&Started),
) -> Result<(), Error> {
    logs::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("gate")
        .build()
        .map_err(|source| Error::Runtime { what: "start the server's threads", source })?;
    let served = runtime.block_on(run(config, engine, Arc::clone(stop), started));
    // A scan that does not look up holds nobody back; its lease runs out, and the next start takes it up.
    runtime.shutdown_timeout(Duration::from_secs(2));
    served
}

async fn run(
    config: Config,
    engine: Engine,
    asked: Arc<AtomicBool>,
    started: impl FnOnce(&Started),
) -> Result<(), Error> {
    let (store, recovered) = store::Store::open(store::Options::new(&config.data_dir)).await?;
    tracing::info!(?recovered, "the store is open");
    let keys = keys::open(&config)?;
    let tls = tls::server_config(&config)?;
    let listener = server::listen(config.listen).await?;
    let address = listener.local_addr().map_err(|source| Error::Listen { address: config.listen, source })?;
    let url = config.base_url(address);

    let (stopping, stop) = watch::channel(false);
    let mut counted = Counted::with_prefix("roadstead");
    let metrics = Metrics::new(&mut counted);
    let audit = Audit::new(store.clone());
    let access = &config.access;
    let accounts =
        Arc::new(Accounts::new(store.clone(), &access.anonymous, access.password_checks, audit.clone()));
    let judging = judging(&config, engine)?;
    let upstreams = upstreams(&config, &url)?;
    let settings = settings(&config, upstreams, &store, &url, &judging, keys.signing.clone());
    let core = Core::new(store.clone(), settings)?;
    let minter = Minter::new(&url, SERVICE, keys.token, access.token_life.0.as_secs());
    let verifier = Arc::new(minter.verifier());
    let front = registry::Registry::new(
        store.clone(),
        Arc::clone(&accounts) as Arc<dyn registry::Accounts>,
        Arc::new(core.clone()),
        minter,
        Arc::clone(&verifier),
        registry_settings(&config),
        registry::Metrics::new(&mut counted),
    );
    let webhooks = Arc::new(Webhooks::new(&config.webhooks, store.clone(), &url)?);
    let first_secret = accounts::first_secret(&store).await?;
    let harbor = config.harbor.enabled.then(|| {
        let scratch = config.data_dir.join("scratch");
        harbor::Queue::new(core.clone(), config.harbor.queue, config.scan.workers, scratch)
    });
    let oidc = config.oidc.as_ref().map(|settings| {
        let minter = Minter::new(&url, SERVICE, keys.session, access.token_life.0.as_secs());
        oidc::Oidc::new(settings, oidc::redirect_uri(&url), minter).map_err(|error| Error::Setting {
            key: "oidc.issuer",
            whence: "the configuration".to_owned(),
            why: error.to_string(),
        })
    });
    let oidc = oidc.transpose()?;
    let gate = Arc::new(Gate {
        tries: Limiter::new(a_minute(20), a_minute(5), std::time::Instant::now()),
        config,
        store: store.clone(),
        core: core.clone(),
        accounts,
        verifier,
        front: front.clone(),
        webhooks: Arc::clone(&webhooks),
        registry: counted,
        metrics,
        harbor,
        oidc,
        sessions: console::Sessions::default(),
        audit: audit.clone(),
        since: std::time::Instant::now(),
        knowledge: std::sync::OnceLock::new(),
        url: url.clone(),
        judging,
        workers: Mutex::new(Some(core.start())),
        stop: stop.clone(),
    });

    let events = tokio::spawn(forward(core.events(), Arc::clone(&webhooks)));
    let sending = tokio::spawn(webhooks.run(stop.clone()));
    let mut kept_up = upkeep::start(&store, &gate.config.upkeep, &gate.metrics.upkeep, &stop);
    let limits = gate.config.limits.clone();
    let trusts_proxy = gate.config.tls.mode == TlsMode::Proxy;
    let open = gate.metrics.connections();
    let serving = tokio::spawn(server::serve(
        Listening { listener, tls, limits, trusts_proxy, open },
        router(&gate, front),
        stop,
    ));
    tracing::info!(%address, url, "serving");
    audit.write("start", serde_json::json!({ "version": env!("CARGO_PKG_VERSION") })).await;
    started(&told(&gate.config, address, url, first_secret));

    while !asked.load(Ordering::Relaxed) && !serving.is_finished() {
        tokio::time::sleep(LOOK).await;
    }
    tracing::info!("stopping: nothing new is taken, what runs may end");
    let _ = stopping.send(true);
    if let Some(harbor) = &gate.harbor {
        harbor.stop();
    }
    let cut = serving.await.unwrap_or(0);
    if cut > 0 {
        tracing::warn!(cut, "connections were cut, as they did not end in time");
    }
    let workers = gate.workers.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(workers) = workers {
        workers.stop().await;
    }
    while kept_up.join_next().await.is_some() {}
    events.abort();
    let _ = tokio::time::timeout(Duration::from_secs(5), sending).await;
    audit.write("stop", serde_json::json!({})).await;
    store.close().await;
    tracing::info!("stopped");
    Ok(())
}

fn told(config: &Config, address: SocketAddr, url: String, first_secret: Option<Secret>) -> Started {
    let keys = config.data_dir.join("keys");
    Started {
        address,
        url,
        first_secret,
        certificate: (config.tls.mode == TlsMode::SelfMade).then(|| keys.join("tls.crt")),
        release_key: keys.join("release.pub"),
        upstreams: config.upstreams.keys().map(ToString::to_string).collect(),
    }
}

/// What is answered to those who look after the machine, and to whoever follows a message.
pub(crate) fn operations() -> Vec<(&'static str, MethodRouter<Arc<Gate>>)> {
    vec![
        ("/healthz", get(health::healthz)),
        ("/readyz", get(health::readyz)),
        ("/metrics", get(metrics::metrics)),
        ("/", get(page::root)),
        ("/q/{*image}", get(page::page)),
    ]
}

/// Everything that is answered. What no route of ours has goes to the registry, which refuses what is not its own.
fn router(gate: &Arc<Gate>, front: registry::Registry) -> Router {
    let router =
        operations().into_iter().fold(Router::new(), |router, (path, handlers)| router.route(path, handlers));
    router
        .with_state(Arc::clone(gate))
        .merge(admin::router(Arc::clone(gate)))
        .merge(harbor::router(gate))
        .merge(oidc::router(gate))
        .merge(console::router(gate))
        .layer(axum::middleware::from_fn(logs::requests))
        .merge(registry::router(front))
}

fn judging(config: &Config, engine: Engine) -> Result<Judging, Error> {
    let which = match config.scan.detonate {
        Detonation::Off => None,
        Detonation::Pulled => Some(Which::Pulled),
        Detonation::All => Some(Which::All),
    };
    let detonate = engine.detonate.zip(which);
    Ok(Judging { scan: engine.scan, detonate, policy: Arc::new(policy(config)?) })
}

/// Far larger than any policy.
const LARGEST_POLICY: u64 = 1 << 20;

/// The policy of the configuration, or the one that is built in.
fn policy(config: &Config) -> Result<policy::Policy, Error> {
    let fail =
        |why: String| Error::Setting { key: "policy.file", whence: "the configuration".to_owned(), why };
    let Some(path) = &config.policy.file else {
        return policy::Policy::built_in(0).map_err(|error| fail(error.to_string()));
    };
    let shown = model::escape_text(&path.to_string_lossy());
    let mut text = String::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(LARGEST_POLICY + 1).read_to_string(&mut text));
    read.map_err(|source| Error::file("read the policy", path, source))?;
    text.parse().map_err(|error: policy::PolicyError| fail(format!("{shown}: {error}")))
}

fn settings(
    config: &Config,
    upstreams: upstream::Upstreams,
    store: &Store,
    url: &str,
    judging: &Judging,
    keys: crate::Keys,
) -> Settings {
    let quarantine = &config.quarantine;
    Settings {
        upstreams,
        base_url: url.to_owned(),
        wait: quarantine.wait.0,
        retry_after: quarantine.retry_after.0,
        tag_life: quarantine.tag_life.0,
        minimum_age: quarantine.minimum_age.0,
        workers: config.scan.workers,
        approvals: config.policy.approvals,
        scan_time: config.scan.timeout.0,
        rescan_every: quarantine.rescan_every.0,
        keys: config.signing.enabled.then_some(keys),
        ..Settings::new(store, judging.clone())
    }
}

fn upstreams(config: &Config, url: &str) -> Result<upstream::Upstreams, Error> {
    let made = |(name, upstream): (&access::Upstream, &Upstream)| {
        let address = upstream.url.clone().unwrap_or_else(|| default_address(name));
        let login = upstream.username.clone().zip(upstream.password.as_ref());
        let made = upstream::Upstream {
            urls: vec![address],
            login: login.map(|(user, password)| (user, password.expose().to_owned())),
            allow: upstream.allow.clone(),
            deny: upstream.deny.clone(),
            token_realms: upstream.token_realms.clone(),
            redirect_hosts: Vec::new(),
            signature_keys: upstream
                .signature_keys
                .iter()
                .map(|path| keys::trusted(path))
                .collect::<Result<_, _>>()?,
            minimum_age: upstream.minimum_age.map(|span| span.0),
        };
        Ok((name.clone(), made))
    };
    let own = url.split_once("://").map(|(_, host)| host.trim_end_matches('/').to_owned());
    let made = config.upstreams.iter().map(made).collect::<Result<_, Error>>()?;
    Ok(upstream::Upstreams::new(made, own.into_iter().collect()))
}

/// Docker's registry answers under another name than people write.
pub(crate) fn default_address(name: &access::Upstream) -> String {
    match name.as_str() {
        "docker.io" => "https://registry-1.docker.io".to_owned(),
        name => format!("https://{name}"),
    }
}

fn registry_settings(config: &Config) -> registry::Settings {
    let realm = config.public_url.as_deref().map(|url| format!("{}/token", url.trim_end_matches('/')));
    registry::Settings {
        service: SERVICE.to_owned(),
        realm,
        secure: config.tls.mode != TlsMode::Off,
        logins_by_address: a_minute(config.access.logins_per_address),
        logins_by_account: a_minute(config.access.logins_per_account),
        logins_at_once: config.access.password_checks,
        ..registry::Settings::default()
    }
}

/// So many a minute, all of them at once where somebody wants.
fn a_minute(tries: u32) -> Rate {
    Rate { burst: tries.max(1), refill: Duration::from_secs(60) / tries.max(1) }
}

/// Brings what happens to the webhooks' queue.
async fn forward(mut events: broadcast::Receiver<crate::Event>, webhooks: Arc<Webhooks>) {
    loop {
        match events.recv().await {
            Ok(event) => webhooks.tell(&Event::of(event)).await,
            Err(broadcast::error::RecvError::Lagged(missed)) => {
                tracing::error!(missed, "events came faster than they could be noted for webhooks");
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Whether two secrets are the same, in a time that does not tell how much of them is.
pub(crate) fn same_secret(shown: &str, kept: &str) -> bool {
    // Their hashes have one length, so that the length tells nothing either.
    let hash = |text: &str| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    aws_lc_rs::constant_time::verify_slices_are_equal(hash(shown).as_ref(), hash(kept).as_ref()).is_ok()
}
