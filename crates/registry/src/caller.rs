use crate::throttle::Throttle;
use crate::{Code, Refusal, Registry, Settings, routes};
use access::{Action, Credentials, Identity, Principal};
use aws_lc_rs::{hmac, rand};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use model::RepositoryName;
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// Credentials that are remembered.
const REMEMBERED: usize = 10_000;

/// Who asks, and how much of what they may do they made use of: a token may be for less than its owner has.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    principal: Principal,
    scopes: Option<Arc<Scopes>>,
}

/// What a token was made for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Scopes {
    pub(crate) repositories: Vec<(RepositoryName, Vec<Action>)>,
    pub(crate) catalog: bool,
}

impl Caller {
    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Nobody, who shows no token either.
    pub(crate) fn is_nobody(&self) -> bool {
        self.principal.is_anonymous() && self.scopes.is_none()
    }

    /// Whether what was shown is for this. A right of its owner is looked for elsewhere.
    pub(crate) fn covers(&self, repository: &RepositoryName, action: Action) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| {
            scopes.repositories.iter().any(|(name, actions)| name == repository && actions.contains(&action))
        })
    }

    pub(crate) fn covers_catalog(&self) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.catalog)
    }
}

/// Credentials that were found good a moment ago, under a keyed hash: the cache holds no password. What their owner may
/// do is asked for anew with each request.
pub(crate) struct Logins {
    key: hmac::Key,
    known: Cache<[u8; 32], Known>,
    at_once: Semaphore,
    throttle: Throttle,
}

#[derive(Debug, Clone)]
struct Known {
    identity: Identity,
    scopes: Option<Arc<Scopes>>,
    until: Instant,
}

impl Logins {
    pub(crate) fn new(settings: &Settings) -> Self {
        // Without randomness there would be no keys and no tokens either; the process would not have come so far.
        let mut bytes = [0; 32];
        let known = if rand::fill(&mut bytes).is_ok() { REMEMBERED } else { 0 };
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &bytes),
            known: Cache::new(known),
            at_once: Semaphore::new(settings.logins_at_once),
            throttle: Throttle::new(settings.login_attempts, settings.login_window),
        }
    }

    pub(crate) fn forget(&self) {
        self.known.clear();
    }

    fn named(&self, header: &[u8]) -> [u8; 32] {
        let mut name = [0; 32];
        for (to, from) in name.iter_mut().zip(hmac::sign(&self.key, header).as_ref()) {
            *to = *from;
        }
        name
    }
}

/// Finds out who asks. Without credentials it is nobody; with credentials that do not hold nobody is let in, not even as
/// nobody: whoever believes to be logged in is told.
pub(crate) async fn find(
    registry: &Registry,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<Caller, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        return Ok(Caller { principal: registry.accounts.anonymous(), scopes: None });
    };
    if values.next().is_some() {
        return Err(Refusal::new(Code::Unauthorized, "there are two Authorization headers: send one")
            .status(axum::http::StatusCode::BAD_REQUEST));
    }
    let name = registry.logins.named(value.as_bytes());
    let known = registry.logins.known.get(&name).filter(|known| Instant::now() < known.until);
    let known = match known {
        Some(known) => known,
        None => {
            let known = prove(registry, headers, value.as_bytes(), address).await?;
            registry.logins.known.insert(name, known.clone());
            known
        }
    };
    let principal = match &known.identity {
        Identity::Anonymous => Some(registry.accounts.anonymous()),
        identity => registry.accounts.principal(identity).await.map_err(unavailable)?,
    };
    let principal = principal.ok_or_else(|| refused(registry, headers, "the account is gone or disabled"))?;
    Ok(Caller { principal, scopes: known.scopes })
}

async fn prove(
    registry: &Registry,
    headers: &HeaderMap,
    value: &[u8],
    address: IpAddr,
) -> Result<Known, Refusal> {
    let text =
        std::str::from_utf8(value).map_err(|_| refused(registry, headers, "the credentials are no text"))?;
    match Credentials::parse(text) {
        Ok(Credentials::Basic { name, password }) => {
            let principal = login(registry, headers, &name, password.expose(), address).await?;
            let until = Instant::now() + registry.settings.login_memory;
            Ok(Known { identity: principal.identity().clone(), scopes: None, until })
        }
        Ok(Credentials::Bearer(token)) => {
            let _ = token;
            Err(refused(registry, headers, "tokens are not taken yet"))
        }
        Err(error) => Err(refused(registry, headers, &error.to_string())),
    }
}

/// Checks a name and a password. Who fails too often has to wait, and only so many are checked at a time: a check costs
/// memory and time on purpose, and must not become the way to stop the registry.
pub(crate) async fn login(
    registry: &Registry,
    headers: &HeaderMap,
    name: &str,
    password: &str,
    address: IpAddr,
) -> Result<Principal, Refusal> {
    let logins = &registry.logins;
    if let Some(wait) = logins.throttle.wait(address, Instant::now()) {
        return Err(Refusal::new(
            Code::TooManyRequests,
            "too many failed logins from this address: wait, then try again",
        )
        .retry_after(wait.as_secs() + 1));
    }
    let principal = {
        let _place =
            logins.at_once.acquire().await.map_err(|_| refused(registry, headers, "no logins are taken"))?;
        registry.accounts.login(name, password).await.map_err(unavailable)?
    };
    principal.filter(|principal| !principal.is_anonymous()).ok_or_else(|| {
        logins.throttle.failed(address, Instant::now());
        registry.metrics.logins_failed.inc();
        refused(registry, headers, "name or password are wrong, or the account is disabled")
    })
}

fn unavailable(error: crate::Unavailable) -> Refusal {
    tracing::error!(%error, "accounts cannot be read");
    Refusal::new(Code::Unknown, "accounts cannot be read now: try again, and tell whoever runs the registry")
        .status(axum::http::StatusCode::SERVICE_UNAVAILABLE)
        .retry_after(5)
}

/// Credentials that do not hold.
fn refused(registry: &Registry, headers: &HeaderMap, why: &str) -> Refusal {
    let challenge =
        access::challenge(&realm(registry, headers), &registry.settings.service, None, Some("invalid_token"));
    Refusal::new(Code::Unauthorized, why).header(WWW_AUTHENTICATE, &challenge)
}

/// The refusal that tells a client where to log in and what for.
pub(crate) fn challenge(
    registry: &Registry,
    headers: &HeaderMap,
    wanted: Option<(&RepositoryName, Action)>,
    error: Option<&str>,
) -> Refusal {
    let scope = wanted.map(|(repository, action)| {
        let actions = match action {
            Action::Pull | Action::QuarantineRead => "pull",
            Action::Push | Action::Overwrite => "pull,push",
            Action::Delete => "delete",
        };
        format!("repository:{repository}:{actions}")
    });
    challenged(registry, headers, scope.as_deref(), error)
}

/// As [`challenge`] for the catalog.
pub(crate) fn challenge_catalog(registry: &Registry, headers: &HeaderMap, error: Option<&str>) -> Refusal {
    challenged(registry, headers, Some("registry:catalog:*"), error)
}

fn challenged(registry: &Registry, headers: &HeaderMap, scope: Option<&str>, error: Option<&str>) -> Refusal {
    let message = match error {
        Some(_) => "the token is for something else: get one for the scope in WWW-Authenticate",
        None => "log in: `docker login` with the name and password of an account here, or of a robot",
    };
    let challenge = access::challenge(&realm(registry, headers), &registry.settings.service, scope, error);
    Refusal::new(Code::Unauthorized, message).header(WWW_AUTHENTICATE, &challenge)
}

/// Where tokens are given. What a client writes into `Host` comes back to that client alone.
fn realm(registry: &Registry, headers: &HeaderMap) -> String {
    if let Some(realm) = &registry.settings.realm {
        return realm.clone();
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if registry.settings.secure { "https" } else { "http" };
    format!("{scheme}://{host}{}", routes::token::PATH)
}
