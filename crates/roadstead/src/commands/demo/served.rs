//! The gate of the demo: on the loopback, on a directory that goes with it, with an account for this run.

use anyhow::{Context as _, bail};
use gate::config::{Access, Limits, Log, LogFormat, Quarantine, Scan, Span, Upstream};
use gate::{Administrator, Config, Engine};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// A gate that runs, and ends when this is dropped.
pub(super) struct Served {
    /// `http://127.0.0.1:PORT`.
    pub(super) url: String,
    /// `127.0.0.1:PORT`, as images are named.
    pub(super) host: String,
    /// The account of this run, and its password.
    pub(super) name: &'static str,
    pub(super) password: String,
    /// The public key that releases are verified with.
    pub(super) release_key: PathBuf,
    /// The same account, asking how images stand.
    pub(super) administrator: Administrator,
    running: Running,
}

impl Served {
    /// Starts a gate on an empty directory, with one upstream, and makes its first account.
    pub(super) fn start(data: &Path, upstream: &str, engine: Engine) -> anyhow::Result<Self> {
        let config = config(data, upstream)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let asked = Arc::clone(&stop);
        let serve = move || {
            gate::serve(config, engine, &asked, |started| {
                let secret = started.first_secret.as_ref().map(|secret| secret.expose().to_owned());
                // Whoever does not listen any more has given up, and ends it.
                let _ = tell.send((started.url.clone(), secret, started.release_key.clone()));
            })
        };
        let thread = std::thread::Builder::new().name("gate".to_owned()).spawn(serve);
        let running = Running { stop, thread: Some(thread.context("cannot start a thread")?) };
        let Ok((url, Some(secret), release_key)) = told.recv() else {
            running.end().context("cannot start the gate")?;
            bail!("the gate ended before it had started");
        };
        // As random as can be, and of no more use to anybody once the account is made.
        let password: String = secret.chars().skip(PREFIX.len()).take(PASSWORD).collect();
        let administrator = Administrator::first(&url, &secret, NAME, &password)?;
        let host = url.split_once("://").map_or(url.as_str(), |(_, host)| host).to_owned();
        Ok(Self { url, host, name: NAME, password, release_key, administrator, running })
    }

    /// Ends it, and says what went wrong with that.
    pub(super) fn end(self) -> anyhow::Result<()> {
        self.running.end().context("the gate did not end in good order")
    }
}

const NAME: &str = "demo";
/// How the secret of a first start begins, before its random digits.
const PREFIX: &str = "rdst_admin_";
/// Hexadecimal digits of the password.
const PASSWORD: usize = 20;

/// The thread of a gate. It is asked to end, and waited for, whatever becomes of the rest.
struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), gate::Error>>>,
}

impl Running {
    fn end(mut self) -> anyhow::Result<()> {
        match self.join() {
            Some(Ok(ended)) => Ok(ended?),
            Some(Err(_)) => bail!("it failed; please report the lines above"),
            None => Ok(()),
        }
    }

    fn join(&mut self) -> Option<std::thread::Result<Result<(), gate::Error>>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Something else has gone wrong already, and is told.
        let _ = self.join();
    }
}

fn config(data: &Path, upstream: &str) -> anyhow::Result<Config> {
    let hub = Upstream { url: Some(upstream.to_owned()), ..Upstream::default() };
    Ok(Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: data.to_owned(),
        upstreams: [("docker.io".parse().context("the upstream has no name")?, hub)].into(),
        limits: Limits { drain: Span(Duration::from_secs(2)), ..Limits::default() },
        quarantine: Quarantine { retry_after: Span(Duration::from_secs(1)), ..Quarantine::default() },
        scan: Scan { detonate_duration: Span(super::LONGEST), ..Scan::default() },
        // One account asks for all there is within seconds.
        access: Access { logins_per_account: 600, ..Access::default() },
        log: Log { format: LogFormat::Text, level: "error".to_owned() },
        ..Config::default()
    })
}
