//! Logging in through an identity provider, for people: the requests that `access` leaves to its caller, and the two paths
//! that a browser sees. What comes out is a token for the administration, and a name and a secret for clients of
//! registries, which cannot come here: `docker login` sends them as name and password. Programs have robots.
//!
//! A person has one login, the last: what its groups give is written when it begins, its secret opens until it ends, and
//! with it everything ends that was got by it.
//!
//! Its cookie binds a login to the browser that began it, so that nobody is logged in as somebody else by a link. It opens
//! nothing. A login that began at the console ends there: with a session of it, and no token.

mod pending;
mod provider;

pub(crate) use provider::Oidc;

use crate::Gate;
use crate::admin::Fail;
use access::oidc::{Callback, Login, Pending};
use access::{Identity, Principal, Scope, Secret, SecretKind};
use axum::Router;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, COOKIE, HeaderValue, LOCATION, REFERRER_POLICY, SET_COOKIE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use provider::Trouble;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use store::User;

/// Where it lies.
pub(crate) const BASE: &str = "/auth/oidc";
const COOKIE_NAME: &str = "roadstead-login";

/// Every path, below [`BASE`].
pub(crate) fn routes() -> Vec<(&'static str, MethodRouter<Arc<Gate>>)> {
    vec![("/login", get(login)), ("/callback", get(callback))]
}

/// The two paths, where a provider is configured.
pub(crate) fn router(gate: &Arc<Gate>) -> Router {
    if gate.oidc.is_none() {
        return Router::new();
    }
    let router =
        routes().into_iter().fold(Router::new(), |router, (path, handlers)| router.route(path, handlers));
    Router::new().nest(BASE, router.with_state(Arc::clone(gate)))
}

/// Where the provider sends browsers back to.
pub(crate) fn redirect_uri(url: &str) -> String {
    format!("{url}{BASE}/callback")
}

#[derive(Deserialize)]
struct From {
    console: Option<String>,
}

/// Begins a login for a token, or for the console where the address says so.
async fn login(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(from): Query<From>,
) -> Result<Response, Fail> {
    begin(&gate, peer, from.console.map(|_| web::paths::QUEUE.to_owned())).await
}

/// Sends the browser to the provider. With `next`, a page of the console, the login ends there.
pub(crate) async fn begin(gate: &Gate, peer: SocketAddr, next: Option<String>) -> Result<Response, Fail> {
    let oidc = gate.oidc.as_ref().ok_or_else(|| Fail::missing("identity provider"))?;
    let admitted = gate.tries.admit(peer.ip(), None, Instant::now());
    admitted.map_err(|limited| Fail::too_many(&limited.to_string()))?;
    let (to, cookie) = oidc.begin(next).await.map_err(|trouble| told(&trouble))?;
    let secure = if gate.url.starts_with("https://") { "; Secure" } else { "" };
    let cookie = format!("{COOKIE_NAME}={cookie}; Path={BASE}; Max-Age=600; HttpOnly; SameSite=Lax{secure}");
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in [(LOCATION, to), (SET_COOKIE, cookie)] {
        headers.insert(
            name,
            HeaderValue::try_from(value)
                .map_err(|_| Fail::unavailable("the provider's address cannot be used"))?,
        );
    }
    Ok(response)
}

/// What the provider adds to the address. Others may add what they want.
#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// Ends a login: asks the provider who it was, and gives a token or a session.
async fn callback(
    State(gate): State<Arc<Gate>>,
    Query(back): Query<Back>,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let oidc = gate.oidc.as_ref().ok_or_else(|| Fail::missing("identity provider"))?;
    let begun = oidc.begun(cookie(&headers).unwrap_or_default());
    let (pending, next) = begun.map(|login| (login.pending, login.next)).unzip();
    let proved = prove(&gate, oidc, pending, &back).await;
    if let Some(next) = next.flatten() {
        return Ok(match proved {
            Ok((principal, opened)) => {
                let told = format!(
                    "You are logged in. Until {}, docker login takes the name {} and the secret {}, which is shown this once.",
                    crate::webhooks::rfc3339(opened.expires),
                    opened.user,
                    opened.secret.expose()
                );
                crate::console::let_in(&gate, &headers, &principal, &next, Some(told))
            }
            Err(fail) => crate::console::not_let_in(&gate, &fail, &next),
        });
    }
    let (principal, opened) = proved?;
    let scopes = [Scope::Admin, Scope::Catalog];
    let minted = oidc.minter.mint(&principal, crate::serve::SERVICE, &scopes, crate::accounts::now());
    let minted = minted.map_err(|error| Fail::unavailable(&error.to_string()))?;
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, "no-store".to_owned()),
        (REFERRER_POLICY, "no-referrer".to_owned()),
        (SET_COOKIE, format!("{COOKIE_NAME}=; Path={BASE}; Max-Age=0; HttpOnly; SameSite=Lax")),
    ];
    Ok((headers, page(&minted, &opened)?).into_response())
}

/// Who it was, with what the provider said of them written down.
async fn prove(
    gate: &Gate,
    oidc: &Oidc,
    pending: Option<Pending>,
    back: &Back,
) -> Result<(Principal, Opened), Fail> {
    let query = Callback {
        state: &back.state,
        code: back.code.as_deref(),
        error: back.error.as_deref(),
        issuer: back.iss.as_deref(),
    };
    let login = match oidc.finish(pending, &query).await {
        Ok(login) => login,
        Err(trouble) => {
            gate.audit.refused("oidc").await;
            return Err(told(&trouble));
        }
    };
    let opened = take(gate, &login).await?;
    // With the login before ends what was got by it.
    gate.sessions.end_of(login.principal.identity());
    let principal = gate.accounts.of(login.principal.identity()).await?;
    let principal = principal.ok_or_else(|| Fail::denied("the account is disabled"))?;
    gate.audit.logged_in(principal.as_str()).await;
    Ok((principal, opened))
}

/// The token, and beside it what clients of registries log in with.
fn page(minted: &access::Minted, opened: &Opened) -> Result<String, Fail> {
    let mut body: Value = serde_json::from_str(minted.body().expose()).map_err(Fail::invalid)?;
    body["registry"] = json!({
        "username": opened.user,
        "password": opened.secret.expose(),
        "expires": crate::webhooks::rfc3339(opened.expires),
    });
    Ok(body.to_string())
}

fn told(trouble: &Trouble) -> Fail {
    tracing::warn!(error = model::error_chain(trouble), "a login through the identity provider failed");
    match trouble {
        Trouble::Login(error) => Fail::denied(&error.to_string()),
        Trouble::Busy => Fail::too_many("too many logins are under way; try again in a minute"),
        Trouble::Request(..) | Trouble::Status(..) => Fail::unavailable(
            "the identity provider does not answer as it should; the log of the server says why",
        ),
    }
}

/// Our cookie among those that the browser has.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value)
}

/// By whom grants are given that follow from groups, and that are worked out anew with each login.
const FROM_GROUPS: &str = "groups";

/// How long a login holds: a day's work. Who left a group is out of it after that, whatever they do.
const LIFE: i64 = 12 * 3600 * 1000;

/// What a client of registries logs in with.
struct Opened {
    user: String,
    secret: Secret,
    expires: i64,
}

/// Writes what the provider said today: the account, the login, and the rights of its groups, each in place of what the
/// last login brought.
async fn take(gate: &Gate, login: &Login) -> Result<Opened, Fail> {
    let Identity::Oidc { issuer, subject } = login.principal.identity() else {
        return Err(Fail::denied("the provider named nobody"));
    };
    let (admin, rights) = (login.principal.is_admin(), login.principal.rights());
    let user = match gate.store.user_of_identity(issuer, subject).await? {
        Some(user) if user.disabled => return Err(Fail::denied("the account is disabled")),
        Some(user) if user.admin == admin => user.name,
        Some(user) => {
            gate.store.update_user(&User { admin, ..user.clone() }, FROM_GROUPS).await?;
            user.name
        }
        None => {
            let user = User {
                name: account_name(issuer, subject),
                password: None,
                identity: Some((issuer.clone(), subject.clone())),
                admin,
                disabled: false,
                created: store::now(),
            };
            gate.store.create_user(&user, FROM_GROUPS).await?;
            user.name
        }
    };
    // Before the rights: the secret of the last login must not get what this one brings.
    let opened = open(gate, user).await?;
    let who = login.principal.to_string();
    let mut wanted = std::collections::BTreeMap::<String, Vec<String>>::new();
    for grant in &rights.grants {
        let texts = crate::accounts::written(&grant.actions, &grant.upstreams, false);
        wanted.entry(grant.repositories.to_string()).or_default().extend(texts);
    }
    if rights.catalog {
        wanted.entry("**".to_owned()).or_default().push(crate::accounts::CATALOG.to_owned());
    }
    for old in gate.store.grants(Some(&who)).await? {
        // What an administrator granted by hand stays, and wins over a group's grant of the same repositories.
        let by_hand = old.created_by != FROM_GROUPS;
        if by_hand || wanted.get(&old.scope) == Some(&old.actions) {
            wanted.remove(&old.scope);
        } else if !wanted.contains_key(&old.scope) {
            gate.store.delete_grant(&who, &old.scope, FROM_GROUPS).await?;
        }
    }
    for (scope, actions) in wanted {
        let (principal, created_by) = (who.clone(), FROM_GROUPS.to_owned());
        let grant = store::Grant { principal, scope, actions, created_by, created: store::now() };
        gate.store.put_grant(&grant).await?;
    }
    gate.accounts.forget();
    Ok(opened)
}

/// Notes the login with a secret of its own.
async fn open(gate: &Gate, user: String) -> Result<Opened, Fail> {
    let (secret, hash) = access::new_secret(SecretKind::Login)
        .map_err(|_| Fail::unavailable("the system gives no random numbers"))?;
    let created = store::now();
    let expires = created + LIFE;
    let login = store::Login { user: user.clone(), secret: hash.to_string(), created, expires };
    gate.store.put_login(&login).await?;
    gate.accounts.forget();
    gate.front.forget_logins();
    Ok(Opened { user, secret, expires })
}

/// A name that nobody else can have and that has no password, but the secret of a login. The provider's own names change.
fn account_name(issuer: &str, subject: &str) -> String {
    let hash =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{issuer}\n{subject}").as_bytes());
    let hash: [u8; 32] = hash.as_ref().try_into().unwrap_or([0; 32]);
    format!("oidc-{}", &model::Digest::sha256(hash).hex()[..32])
}
