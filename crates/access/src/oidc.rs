//! Logging in with an identity provider (OpenID Connect, authorization code with PKCE): everything but the requests, which the
//! caller makes. The order is [`Discovery::read`], [`Provider::begin`], the browser, [`Pending::finish`], the request
//! for the token, [`Keys::read`], [`Provider::login`].

mod discovery;
mod id_token;
mod keys;

pub use discovery::Discovery;
pub use keys::Keys;

use crate::secret::{NoRandomness, random};
use crate::{Grant, Identity, Principal, Rights, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// An identity provider, as it is configured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Provider {
    /// Its name, a URL, exactly as it is in its tokens.
    pub issuer: String,
    /// What it knows this gate as.
    pub client_id: String,
    /// Where it sends the browser back to.
    pub redirect_uri: String,
    /// What is asked for beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that has the groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// What members of groups may do. Who is in none of them may do nothing.
    #[serde(default)]
    pub groups: Vec<GroupRights>,
}

/// What members of a group may do.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GroupRights {
    /// The group, exactly as the provider names it.
    pub group: String,
    /// Its members administer.
    #[serde(default)]
    pub admin: bool,
    /// Its members may list all repositories.
    #[serde(default)]
    pub catalog: bool,
    /// What its members may do where.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

/// A login that was begun. It is kept on the server, under a cookie of the browser that began it.
#[derive(Debug, Clone)]
pub struct Pending {
    state: String,
    nonce: String,
    verifier: Secret,
    begun: u64,
}

/// The code that came back, to be exchanged for a token.
#[derive(Debug)]
pub struct Exchange {
    code: Secret,
    verifier: Secret,
    nonce: String,
}

/// Somebody who logged in, with the rights that their groups give today. At the next login they are worked out anew, so
/// that a group that was left takes its rights along (CVE-2025-23208).
#[derive(Debug, Clone)]
pub struct Login {
    /// Who it is, with their rights.
    pub principal: Principal,
    /// What to call them; escaped, and nothing is decided by it.
    pub name: String,
    /// The groups that gave rights.
    pub groups: Vec<String>,
}

/// Why nobody is logged in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// A document of the provider cannot be used.
    #[error("the {document} of the identity provider cannot be used: {why}")]
    Document {
        /// Which one.
        document: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The browser came back with what was not sent, or too late.
    #[error("the login is not the one that was begun here, or took longer than 10 minutes; begin again")]
    State,
    /// The provider says no.
    #[error("the identity provider refuses: {0}")]
    Refused(String),
    /// The token about the person does not hold.
    #[error("the token of the identity provider does not hold: {0}")]
    Token(&'static str),
    /// There is no state, nonce or verifier.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// Seconds that a person has for logging in at the provider.
const LONGEST_LOGIN: u64 = 600;

fn scopes() -> Vec<String> {
    ["profile", "email", "groups"].map(str::to_owned).to_vec()
}

fn groups() -> String {
    "groups".to_owned()
}

impl Provider {
    /// Begins a login: where to send the browser, and what to keep until it comes back. `now` is in seconds since 1970.
    pub fn begin(&self, discovery: &Discovery, now: u64) -> Result<(String, Pending), OidcError> {
        let text =
            || -> Result<String, NoRandomness> { Ok(URL_SAFE_NO_PAD.encode(random::<32>()?.as_slice())) };
        let pending = Pending { state: text()?, nonce: text()?, verifier: Secret::new(text()?), begun: now };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(pending.verifier.expose().as_bytes()));
        let scope = std::iter::once("openid").chain(self.scopes.iter().map(String::as_str));
        let scope = scope.collect::<Vec<_>>().join(" ");
        let query = encode(&[
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &scope),
            ("state", &pending.state),
            ("nonce", &pending.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let separator = if discovery.authorization_endpoint().contains('?') { '&' } else { '?' };
        Ok((format!("{}{separator}{query}", discovery.authorization_endpoint()), pending))
    }

    /// The body of the request for the token, as `application/x-www-form-urlencoded`. The client's own secret, where
    /// there is one, goes into the Authorization header.
    pub fn exchange_body(&self, exchange: &Exchange) -> Secret {
        Secret::new(encode(&[
            ("grant_type", "authorization_code"),
            ("code", exchange.code.expose()),
            ("redirect_uri", &self.redirect_uri),
            ("client_id", &self.client_id),
            ("code_verifier", exchange.verifier.expose()),
        ]))
    }

    /// Who logged in, from the answer of the token endpoint.
    pub fn login(
        &self,
        answer: &[u8],
        exchange: &Exchange,
        keys: &Keys,
        now: u64,
    ) -> Result<Login, OidcError> {
        let person = id_token::verify(self, answer, &exchange.nonce, keys, now)?;
        let identity = Identity::oidc(&self.issuer, &person.subject)
            .ok_or(OidcError::Token("its subject cannot be used as a name"))?;
        let mut rights = Rights::default();
        let mut groups = Vec::new();
        for given in self.groups.iter().filter(|given| person.groups.contains(&given.group)) {
            rights.admin |= given.admin;
            rights.catalog |= given.catalog;
            rights.grants.extend(given.grants.iter().cloned());
            if !groups.contains(&given.group) {
                groups.push(given.group.clone());
            }
        }
        Ok(Login { principal: Principal::new(identity, rights), name: person.name, groups })
    }
}

impl Pending {
    /// Takes the query with which the browser came back. `issuer` is the parameter `iss` (RFC 9207), which says who
    /// answered, where the provider gives it.
    pub fn finish(self, provider: &Provider, query: &Callback<'_>, now: u64) -> Result<Exchange, OidcError> {
        let same = bool::from(self.state.as_bytes().ct_eq(query.state.as_bytes()));
        if !same || now < self.begun || now - self.begun > LONGEST_LOGIN {
            return Err(OidcError::State);
        }
        if query.issuer.is_some_and(|issuer| issuer != provider.issuer) {
            return Err(OidcError::State);
        }
        if let Some(error) = query.error {
            let text: String = error.chars().take(200).collect();
            return Err(OidcError::Refused(model::escape_text(&text)));
        }
        match query.code {
            Some(code) if !code.is_empty() && code.len() <= 4096 => {
                Ok(Exchange { code: Secret::new(code), verifier: self.verifier, nonce: self.nonce })
            }
            _ => Err(OidcError::State),
        }
    }

    /// What the pending login is found by when the browser comes back.
    pub fn state(&self) -> &str {
        &self.state
    }
}

/// The query with which the browser came back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Callback<'a> {
    /// `state`
    pub state: &'a str,
    /// `code`
    pub code: Option<&'a str>,
    /// `error`
    pub error: Option<&'a str>,
    /// `iss`
    pub issuer: Option<&'a str>,
}

/// `name=value&…` with everything but letters, digits and `-._~` escaped.
fn encode(pairs: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                text.push(char::from(byte));
            } else {
                text.push('%');
                for nibble in [byte >> 4, byte & 15] {
                    text.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
