use crate::{Code, Refusal, Registry, Settings, routes};
use access::{Action, Credentials, Identity, Limited, Limiter, Principal};
use aws_lc_rs::{hmac, rand};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, WWW_AUTHENTICATE};
use model::RepositoryName;
use quick_cache::sync::Cache;
use std::net::IpAddr;
use std::time::Instant;
use tokio::sync::Semaphore;

/// Logins that are remembered.
const REMEMBERED: usize = 10_000;

/// Who asks, with the rights that they have now, and with what a token allows of them where they showed one.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    principal: Principal,
    token: Option<Principal>,
}

impl Caller {
    pub(crate) fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Nobody, who shows no token either.
    pub(crate) fn is_nobody(&self) -> bool {
        self.principal.is_anonymous() && self.token.is_none()
    }

    /// The same somebody with the rights of the token, which may be fewer than they have, or such as they had.
    pub(crate) fn token(&self) -> Option<&Principal> {
        self.token.as_ref()
    }
}

/// Names and passwords that were found right a moment ago, under a keyed hash: the cache holds no password. What their
/// owner may do is asked for anew with each request.
pub(crate) struct Logins {
    key: hmac::Key,
    known: Cache<[u8; 32], Known>,
    at_once: Semaphore,
    limiter: Limiter,
}

#[derive(Debug, Clone)]
struct Known {
    identity: Identity,
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
            limiter: Limiter::new(settings.logins_by_address, settings.logins_by_account, Instant::now()),
        }
    }

    pub(crate) fn forget(&self) {
        self.known.clear();
    }

    /// With the length of the name, so that no two pairs are written as one.
    fn named(&self, name: &str, password: &str) -> [u8; 32] {
        let mut signing = hmac::Context::with_key(&self.key);
        signing.update(&name.len().to_le_bytes());
        signing.update(name.as_bytes());
        signing.update(password.as_bytes());
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(signing.sign().as_ref()) {
            *to = *from;
        }
        key
    }
}

/// Finds out who asks. Without credentials it is nobody; with credentials that do not hold nobody is let in, not even as
/// nobody: whoever believes to be logged in is told.
pub(crate) async fn find(
    registry: &Registry,
    headers: &HeaderMap,
    address: IpAddr,
) -> Result<Caller, Refusal> {
    let Some(credentials) = shown(registry, headers)? else {
        return Ok(Caller { principal: registry.accounts.anonymous(), token: None });
    };
    match credentials {
        Credentials::Basic { name, password } => {
            let principal = basic(registry, headers, &name, password.expose(), address).await?;
            Ok(Caller { principal, token: None })
        }
        Credentials::Bearer(token) => {
            let token = registry.verifier.verify(token.expose(), seconds()).map_err(|error| {
                tracing::debug!(%error, "a token does not hold");
                refused(registry, headers, &error.to_string())
            })?;
            let principal = today(registry, headers, token.identity()).await?;
            Ok(Caller { principal, token: Some(token) })
        }
    }
}

/// Somebody with the rights that they have now.
async fn today(registry: &Registry, headers: &HeaderMap, identity: &Identity) -> Result<Principal, Refusal> {
    let principal = match identity {
        Identity::Anonymous => Some(registry.accounts.anonymous()),
        identity => registry.accounts.principal(identity).await.map_err(unavailable)?,
    };
    principal.ok_or_else(|| refused(registry, headers, "the account is gone or disabled"))
}

/// The credentials that a client shows.
pub(crate) fn shown(registry: &Registry, headers: &HeaderMap) -> Result<Option<Credentials>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::new(Code::Unauthorized, "there are two Authorization headers: send one")
            .status(axum::http::StatusCode::BAD_REQUEST));
    }
    let text = value.to_str().map_err(|_| refused(registry, headers, "the credentials are no text"))?;
    Credentials::parse(text).map(Some).map_err(|error| refused(registry, headers, &error.to_string()))
}

/// Who a name and a password are: from memory where they were right a moment ago.
pub(crate) async fn basic(
    registry: &Registry,
    headers: &HeaderMap,
    name: &str,
    password: &str,
    address: IpAddr,
) -> Result<Principal, Refusal> {
    let key = registry.logins.named(name, password);
    if let Some(known) = registry.logins.known.get(&key)
        && Instant::now() < known.until
    {
        return today(registry, headers, &known.identity).await;
    }
    let principal = login(registry, headers, name, password, address).await?;
    let until = Instant::now() + registry.settings.login_memory;
    registry.logins.known.insert(key, Known { identity: principal.identity().clone(), until });
    Ok(principal)
}

/// Seconds since 1970.
pub(crate) fn seconds() -> u64 {
    u64::try_from(store::now() / 1000).unwrap_or_default()
}

/// Why nobody is logged in by a name and a password.
#[derive(Debug, Clone)]
pub enum LoginRefusal {
    /// Too many tries, from this address or for this account.
    Limited(Limited),
    /// One of the two is wrong, or the account is disabled. Which, nobody is told.
    Wrong,
    /// Accounts cannot be read now.
    Unavailable(crate::Unavailable),
}

/// Checks a name and a password. Tries are bounded, and only so many are checked at a time: a check costs memory and time
/// on purpose, and must not become the way to stop the registry.
pub(crate) async fn prove(
    registry: &Registry,
    name: &str,
    password: &str,
    address: IpAddr,
) -> Result<Principal, LoginRefusal> {
    let logins = &registry.logins;
    logins.limiter.admit(address, Some(name), Instant::now()).map_err(LoginRefusal::Limited)?;
    let principal = {
        let _place = logins.at_once.acquire().await.map_err(|_| LoginRefusal::Wrong)?;
        registry.accounts.login(name, password).await.map_err(LoginRefusal::Unavailable)?
    };
    let Some(principal) = principal.filter(|principal| !principal.is_anonymous()) else {
        registry.metrics.logins_failed.inc();
        return Err(LoginRefusal::Wrong);
    };
    logins.limiter.succeeded(name, Instant::now());
    Ok(principal)
}

async fn login(
    registry: &Registry,
    headers: &HeaderMap,
    name: &str,
    password: &str,
    address: IpAddr,
) -> Result<Principal, Refusal> {
    prove(registry, name, password, address).await.map_err(|refusal| match refusal {
        LoginRefusal::Limited(limited) => Refusal::new(Code::TooManyRequests, limited.to_string())
            .retry_after(limited.retry_after.as_secs().max(1)),
        LoginRefusal::Wrong => {
            refused(registry, headers, "name or password are wrong, or the account is disabled")
        }
        LoginRefusal::Unavailable(error) => unavailable(error),
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
    wanted: &[(&RepositoryName, Action)],
    error: Option<&str>,
) -> Refusal {
    let scope = |(repository, action): &(&RepositoryName, Action)| {
        let actions = match action {
            Action::Pull | Action::QuarantineRead => "pull",
            Action::Push | Action::Overwrite => "pull,push",
            Action::Delete => "delete",
        };
        format!("repository:{repository}:{actions}")
    };
    let scopes: Vec<String> = wanted.iter().map(scope).collect();
    challenged(
        registry,
        headers,
        Some(scopes.join(" ")).filter(|scopes| !scopes.is_empty()).as_deref(),
        error,
    )
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
