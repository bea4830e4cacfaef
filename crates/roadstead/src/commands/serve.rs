use crate::cli::Serve;
use crate::{env_vars, interrupt, settings, terminal};
use cache::Cache;
use feeds::Indicators;
use gate::config::{Detonation, KEYS, Kind, Overlay};
use gate::{Config, Engine, Started};
use pipeline::{Detonate, Settings, Watch};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use verdict::Exceptions;

pub(crate) fn run(args: &Serve) -> anyhow::Result<u8> {
    let config = config(args)?;
    let engine = engine(&config)?;
    if args.check_config {
        // What the file names is read as well: a policy that cannot be read is no configuration that is fine.
        gate::check(&config)?;
        std::io::stdout().lock().write_all(config.shown().as_bytes())?;
        return Ok(0);
    }
    let stop = interrupt::flag()?;
    // What the server itself takes at most, and a little for its workers.
    interrupt::be_patient(config.limits.drain.0 + Duration::from_secs(15));
    gate::serve(config, engine, &stop, told)?;
    Ok(0)
}

/// What flags, environment and file come to.
fn config(args: &Serve) -> anyhow::Result<Config> {
    let mut from_environment = std::collections::BTreeMap::new();
    for key in KEYS {
        let Some(name) = key.env else { continue };
        let Some(text) = env_vars::serve(name)? else { continue };
        let values = match key.kind {
            Kind::List => {
                text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
            }
            _ => vec![text],
        };
        from_environment.insert(name, values);
    }
    for name in env_vars::like_serve() {
        let known = KEYS.iter().any(|key| key.env == Some(name.as_str()));
        // Kubernetes sets such variables for a service that is called roadstead, and `sign` has one of its own.
        let is_service =
            ["_PORT", "_SERVICE_", "_TCP", "ROADSTEAD_PASSWORD"].iter().any(|part| name.contains(part));
        if !known && !is_service {
            terminal::note(&format!("warning: no key has the variable {}", model::escape_text(&name)));
        }
    }
    let home = env_vars::data_dir().map(|folder| folder.join("gate").to_string_lossy().into_owned());
    let default =
        |key: &gate::config::Key| home.clone().filter(|_| key.key == "data-dir").map(|path| vec![path]);
    let environment = |key: &gate::config::Key| from_environment.get(key.env?).cloned();
    let flags = |key: &gate::config::Key| args.flags.get(key.flag?).cloned();
    let overlays = [
        Overlay { name: "the environment", get: &environment },
        Overlay { name: "the command line", get: &flags },
    ];
    Ok(gate::config::load(&default, args.config.as_deref(), &overlays)?)
}

/// What judges images: rules, feeds and exceptions are read once, and each scan is given them.
fn engine(config: &Config) -> anyhow::Result<Engine> {
    let scan = &config.scan;
    let mut all = Vec::new();
    for path in &scan.feeds {
        all.push(settings::import(path, |import| import)?.0);
    }
    let indicators = Indicators::new(all);
    let rules = settings::rules(&scan.rules, false)?;
    let exceptions = match &config.policy.exceptions {
        Some(path) => settings::exceptions(path, false)?,
        None => Exceptions::default(),
    };
    let jobs = match scan.jobs {
        0 => std::thread::available_parallelism().map_or(1, Into::into),
        jobs => jobs,
    };
    let (kept, size) = (config.data_dir.join("cache"), scan.cache_size.0);
    let settings = move || Settings {
        source: source::Options::default(),
        limits: layers::Limits::default(),
        jobs,
        cache: Some(Cache::new(kept.clone(), size)),
        indicators: indicators.clone(),
        rules: rules.clone(),
        exceptions: exceptions.clone(),
        today: settings::today(),
        endpoints: false,
        detonate: None,
        watch: Arc::new(Watch::default()),
    };
    Ok(Engine { scan: Arc::new(settings), detonate: detonate(config) })
}

/// How images are run; none where this machine cannot, which is said: what the policy wants to be run is held then.
fn detonate(config: &Config) -> Option<Detonate> {
    if config.scan.detonate == Detonation::Off {
        return None;
    }
    if let Some(lacks) = settings::cannot_run() {
        terminal::note(&format!(
            "warning: images cannot be run on this machine ({lacks}); `roadstead doctor` says what to do.\n\
             Those that the policy wants to be run are held. A policy with detonate = \"never\" wants none to be."
        ));
        return None;
    }
    Some(Detonate {
        scratch: None,
        keep: None,
        duration: config.scan.detonate_duration.0,
        thorough: false,
        pcap: None,
        timeline: None,
        alone: false,
        engine: sandbox::Engine::Native,
    })
}

/// What a person wants to know of a server that has started.
fn told(started: &Started) {
    let Started { url, address, .. } = started;
    let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host);
    let shown = |path: &PathBuf| model::escape_text(&path.to_string_lossy());
    let mut lines = vec![format!("roadstead: listening on {address}, reached as {url}")];
    if let Some(secret) = &started.first_secret {
        let secret = secret.expose();
        lines.push(format!(
            "\nThere is no administrator yet. Make one with this secret, which is shown once and good for a day:\n\n  \
             curl --json '{{\"secret\":\"{secret}\",\"name\":\"admin\",\"password\":\"A LONG PASSWORD\"}}' {url}/api/v1/setup\n"
        ));
    }
    if let Some(certificate) = &started.certificate {
        lines.push(format!(
            "Clients trust it by {}: for Docker, /etc/docker/certs.d/{host}/ca.crt",
            shown(certificate)
        ));
    }
    lines.push(format!("Log in:        docker login {host}"));
    match started.upstreams.first() {
        Some(upstream) if upstream == "docker.io" => {
            lines.push(format!("Pull through:  docker pull {host}/docker.io/library/debian:12"));
        }
        Some(upstream) => lines.push(format!("Pull through:  docker pull {host}/{upstream}/REPOSITORY:TAG")),
        None => {
            lines.push("Pull through:  no upstreams are configured; see `roadstead serve --help`".to_owned())
        }
    }
    lines.push(format!(
        "Verify:        cosign verify --insecure-ignore-tlog --key {} {host}/REPOSITORY:TAG",
        shown(&started.release_key)
    ));
    terminal::note(&lines.join("\n"));
}
