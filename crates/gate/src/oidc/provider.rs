//! What is asked of the provider.

use super::pending::{self, Begun};
use crate::accounts::now;
use crate::config;
use crate::outbound::{self, Outbound};
use access::Minter;
use access::oidc::{Callback, Discovery, GroupRights, Keys, Login, OidcError, Pending, Provider};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Largest answer that is read.
const LARGEST: usize = 256 << 10;
/// How long what the provider says of itself is believed.
const LIFE: Duration = Duration::from_secs(600);

/// Why a login came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It does not hold.
    #[error(transparent)]
    Login(#[from] OidcError),
    /// Too many at once.
    #[error("too many logins are under way")]
    Busy,
    /// The provider cannot be asked.
    #[error("cannot ask the identity provider for its {0}")]
    Request(&'static str, #[source] outbound::Error),
    /// It refuses.
    #[error("the identity provider answers {1} when it is asked for its {0}")]
    Status(&'static str, u16),
}

/// The identity provider of the configuration.
pub(crate) struct Oidc {
    provider: Provider,
    secret: Option<config::Secret>,
    outbound: Outbound,
    begun: Begun,
    discovery: Mutex<Option<(Instant, Discovery)>>,
    pub(super) minter: Minter,
}

impl Oidc {
    pub(crate) fn new(
        settings: &config::Oidc,
        redirect_uri: String,
        minter: Minter,
    ) -> Result<Self, outbound::Error> {
        let group = |group: &config::OidcGroup| GroupRights {
            group: group.name.clone(),
            admin: group.admin,
            catalog: group.catalog,
            grants: group.grants.clone(),
        };
        let provider = Provider {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            redirect_uri,
            scopes: settings.scopes.clone(),
            groups_claim: settings.groups_claim.clone(),
            groups: settings.groups.iter().map(group).collect(),
        };
        Ok(Self {
            provider,
            secret: settings.client_secret.clone(),
            outbound: Outbound::new(settings.allow_private)?,
            begun: Begun::default(),
            discovery: Mutex::new(None),
            minter,
        })
    }

    /// Where to send the browser, and the cookie that it is known by when it comes back; `next` is where it goes in the
    /// console then.
    pub(super) async fn begin(&self, next: Option<String>) -> Result<(String, String), Trouble> {
        let (to, pending) = self.provider.begin(&self.discovery().await?, now())?;
        let cookie = self.begun.put(pending::Login { pending, next }).ok_or(Trouble::Busy)?;
        Ok((to, cookie))
    }

    /// The login of the browser that began it. It can be finished once.
    pub(super) fn begun(&self, cookie: &str) -> Option<pending::Login> {
        self.begun.take(cookie)
    }

    /// Who logged in, where it is the browser that began it.
    pub(super) async fn finish(
        &self,
        pending: Option<Pending>,
        query: &Callback<'_>,
    ) -> Result<Login, Trouble> {
        let pending = pending.ok_or(OidcError::State)?;
        let exchange = pending.finish(&self.provider, query, now())?;
        let discovery = self.discovery().await?;
        let mut headers = vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("accept", "application/json".to_owned()),
        ];
        if let Some(secret) = &self.secret {
            // Both are encoded as in a form before they are joined (RFC 6749, 2.3.1).
            let pair = format!("{}:{}", encoded(&self.provider.client_id), encoded(secret.expose()));
            headers.push(("authorization", format!("Basic {}", STANDARD.encode(pair))));
        }
        let body = self.provider.exchange_body(&exchange).expose().as_bytes().to_vec();
        let answer = self.ask("token", Method::POST, discovery.token_endpoint(), &headers, body).await?;
        let keys = self.ask("keys", Method::GET, discovery.keys_uri(), &[], Vec::new()).await?;
        Ok(self.provider.login(&answer, &exchange, &Keys::read(&keys)?, now())?)
    }

    async fn discovery(&self) -> Result<Discovery, Trouble> {
        let mut held = self.discovery.lock().await;
        if let Some((since, discovery)) = held.as_ref()
            && since.elapsed() < LIFE
        {
            return Ok(discovery.clone());
        }
        let url = Discovery::url(&self.provider.issuer);
        let bytes = self.ask("discovery document", Method::GET, &url, &[], Vec::new()).await?;
        let discovery = Discovery::read(&bytes, &self.provider.issuer)?;
        *held = Some((Instant::now(), discovery.clone()));
        Ok(discovery)
    }

    async fn ask(
        &self,
        what: &'static str,
        method: Method,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Vec<u8>, Trouble> {
        let answer = self.outbound.send(method, url, headers, body).await;
        let answer = answer.map_err(|error| Trouble::Request(what, error))?;
        if !answer.status().is_success() {
            return Err(Trouble::Status(what, answer.status().as_u16()));
        }
        Outbound::body(answer, LARGEST).await.map_err(|error| Trouble::Request(what, error))
    }
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
