//! The scans that Harbor asked for. They live in memory: they carry tokens, which are not to lie on a disk, and Harbor asks
//! again for what is lost.

use super::shape::{Asked, Done, Target};
use crate::core::{Core, Which};
use aws_lc_rs::rand;
use model::Digest;
use source::{Locator, Login};
use std::collections::HashMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long a report is kept for being asked for. Harbor gives up after half an hour.
const LIFE: Duration = Duration::from_secs(3600);
/// Reports that are kept at most.
const MOST: usize = 1000;

/// How a scan stands.
#[derive(Clone)]
pub(super) enum State {
    Waiting,
    Done(Arc<Done>),
    Failed(String),
}

/// Scans that wait, run, or are done. A clone is the same.
#[derive(Clone)]
pub(crate) struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    scans: Mutex<HashMap<String, (Instant, State)>>,
    waiting: usize,
    seats: Arc<Semaphore>,
    core: Core,
    scratch: PathBuf,
    stop: Arc<AtomicBool>,
}

impl Queue {
    /// At most `waiting` scans wait, and `workers` run at once.
    pub(crate) fn new(core: Core, waiting: usize, workers: usize, scratch: PathBuf) -> Self {
        let (scans, seats) = (Mutex::default(), Arc::new(Semaphore::new(workers)));
        Self { inner: Arc::new(Inner { scans, waiting, seats, core, scratch, stop: Arc::default() }) }
    }

    /// Gives up what runs.
    pub(crate) fn stop(&self) {
        self.inner.stop.store(true, Ordering::Relaxed);
        self.inner.seats.close();
    }

    /// Takes a scan, and gives its name; none where too many wait.
    pub(super) fn push(&self, asked: Asked, target: Target) -> Option<String> {
        let id = self.enter()?;
        let (inner, name) = (Arc::clone(&self.inner), id.clone());
        tokio::spawn(async move {
            // Tokens are good for minutes, so that waiting is short or in vain; Harbor is told either way.
            let Ok(_seat) = Arc::clone(&inner.seats).acquire_owned().await else { return };
            let working = Arc::clone(&inner);
            let scanned = tokio::task::spawn_blocking(move || scan(&working, &asked, target)).await;
            let state = match scanned {
                Ok(Ok(done)) => State::Done(Arc::new(done)),
                Ok(Err(why)) => State::Failed(why),
                Err(_) => State::Failed("the scan panicked; the log of the server says more".to_owned()),
            };
            if let State::Failed(why) = &state {
                tracing::warn!(scan = name, why, "a scan for Harbor failed");
            }
            let mut scans = inner.scans.lock().unwrap_or_else(PoisonError::into_inner);
            scans.insert(name, (Instant::now(), state));
        });
        Some(id)
    }

    fn enter(&self) -> Option<String> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        let id = Digest::sha256(bytes).hex()[..32].to_owned();
        let mut scans = self.inner.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.retain(|_, (since, state)| matches!(state, State::Waiting) || since.elapsed() < LIFE);
        let waiting = scans.values().filter(|(_, state)| matches!(state, State::Waiting)).count();
        if waiting >= self.inner.waiting {
            return None;
        }
        while scans.len() >= MOST.max(self.inner.waiting + 1) {
            let ended = scans.iter().filter(|(_, (_, state))| !matches!(state, State::Waiting));
            let Some(oldest) = ended.min_by_key(|(_, (since, _))| *since).map(|(id, _)| id.clone()) else {
                break;
            };
            scans.remove(&oldest);
        }
        scans.insert(id.clone(), (Instant::now(), State::Waiting));
        Some(id)
    }

    /// How a scan stands; none where there is none of this name.
    pub(super) fn state(&self, id: &str) -> Option<State> {
        let scans = self.inner.scans.lock().unwrap_or_else(PoisonError::into_inner);
        scans.get(id).map(|(_, state)| state.clone())
    }
}

/// Scans one image of Harbor's registry. What is said of a failure goes to Harbor, so it holds no secret.
fn scan(inner: &Inner, asked: &Asked, target: Target) -> Result<Done, String> {
    let locator: Locator = target.locator.parse().map_err(|error| format!("{error}"))?;
    let judging = inner.core.judging();
    let mut settings = (judging.scan)();
    settings.source.cancelled = Arc::clone(&inner.stop);
    if target.plain_http {
        settings.source.plain_http.push(target.registry.clone());
    }
    // A token that is sent as it is goes the way of Docker's configuration, which knows such; the file is unlinked with it.
    let mut file = None;
    match target.authorization {
        None => {}
        Some(access::Credentials::Basic { name, password }) => {
            let login =
                Login { registry: target.registry, user: name, password: password.expose().to_owned() };
            settings.source.logins.push(login);
        }
        Some(access::Credentials::Bearer(token)) => {
            let config =
                serde_json::json!({ "auths": { target.registry: { "registrytoken": token.expose() } } });
            let written = tempfile::NamedTempFile::new_in(&inner.scratch).and_then(|mut kept| {
                kept.write_all(config.to_string().as_bytes())?;
                Ok(kept)
            });
            let kept = written.map_err(|error| format!("cannot keep the token for the scan: {error}"))?;
            settings.source.docker_config = Some(kept.path().to_owned());
            file = Some(kept);
        }
    }
    if let Some((detonate, Which::All)) = &judging.detonate {
        let scratch = Some(inner.scratch.clone());
        settings.detonate = Some(pipeline::Detonate { scratch, ..detonate.clone() });
    }
    let report = pipeline::scan(&locator, &settings).map_err(|error| model::error_chain(&error));
    drop(file);
    Ok(Done { artifact: asked.artifact.clone(), report: report?, generated: store::now() })
}
