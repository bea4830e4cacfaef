use super::{Claims, TokenKey};
use crate::header::LONGEST_TOKEN;
use crate::jws::{Header, Parts, decode};
use crate::scope::USE_UPSTREAM;
use crate::{Access, Grant, Identity, Pattern, Principal, Rights};
use jsonwebtoken::{Algorithm, DecodingKey};
use model::RepositoryName;
use quick_cache::sync::Cache;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// Checks tokens. A token that held is remembered by its SHA-256 until it expires, as clients show one for many requests
/// and a signature costs more than all else that a request asks for.
pub struct Verifier {
    issuer: String,
    service: String,
    keys: Vec<Key>,
    lifetime: u64,
    known: Cache<[u8; 32], Arc<Known>>,
    cut: RwLock<Cut>,
}

struct Key {
    header: String,
    check: DecodingKey,
}

struct Known {
    principal: Principal,
    times: Times,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    not_before: u64,
    expires: u64,
    issued: u64,
}

/// Whose older tokens no longer hold.
#[derive(Default)]
struct Cut {
    everybody: u64,
    one: HashMap<Identity, u64>,
}

/// Why a token does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any that is made here.
    #[error("the token is longer than {LONGEST_TOKEN} bytes")]
    Long,
    /// Not three parts, or parts that cannot be read.
    #[error("the token is malformed")]
    Form,
    /// It brings its own key, or asks to be read in another way.
    #[error("the header of the token has the field {0}, which no token of this gate has")]
    Header(&'static str),
    /// It claims another algorithm.
    #[error("the token is not signed with ES256")]
    Algorithm,
    /// It names another key.
    #[error("the token is signed with a key that is not, or no longer, ours")]
    Key,
    /// The signature does not hold.
    #[error("the signature of the token does not hold")]
    Signature,
    /// What is signed is not what this gate signs.
    #[error("the claims of the token are not those of this gate")]
    Claims,
    /// Another issuer made it.
    #[error("the token was made by another issuer")]
    Issuer,
    /// It is for another service.
    #[error("the token is for another service")]
    Audience,
    /// Its time is over.
    #[error("the token has expired; ask for a new one")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet; compare the clocks")]
    Early,
    /// It was taken back.
    #[error("the token was taken back; ask for a new one")]
    Revoked,
}

/// Seconds by which clocks of several gates may differ.
const LEEWAY: u64 = 10;
/// Tokens that are remembered.
const REMEMBERED: usize = 8192;
/// Accounts whose tokens are cut off at once before everybody's are.
const MOST_CUT: usize = 10_000;

impl Verifier {
    /// Checks tokens of the issuer for the service, signed with one of the keys, made for `lifetime` seconds at most.
    pub fn new(issuer: &str, service: &str, keys: &[&TokenKey], lifetime: u64) -> Self {
        let key = |key: &&TokenKey| Key { header: key.header().to_owned(), check: key.check().clone() };
        Self {
            issuer: issuer.to_owned(),
            service: service.to_owned(),
            keys: keys.iter().map(key).collect(),
            lifetime,
            known: Cache::new(REMEMBERED),
            cut: RwLock::new(Cut::default()),
        }
    }

    /// Who shows the token, with what it allows and no more. `now` is in seconds since 1970.
    pub fn verify(&self, token: &str, now: u64) -> Result<Principal, TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Long);
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(known) = self.known.get(&digest) {
            self.in_time(&known.times, known.principal.identity(), now).inspect_err(|_| {
                self.known.remove(&digest);
            })?;
            return Ok(known.principal.clone());
        }
        let claims = self.claims(token)?;
        let times = Times { not_before: claims.nbf, expires: claims.exp, issued: claims.iat };
        let principal = holder(claims).ok_or(TokenError::Claims)?;
        self.in_time(&times, principal.identity(), now)?;
        self.known.insert(digest, Arc::new(Known { principal: principal.clone(), times }));
        Ok(principal)
    }

    /// Lets no token hold that the identity was given before this second or in it: its rights have changed, or its
    /// secret is known to others. Without this, tokens hold until they expire.
    pub fn cut(&self, identity: &Identity, now: u64) {
        let mut cut = self.cut.write().unwrap_or_else(PoisonError::into_inner);
        let past = now.saturating_sub(self.lifetime.saturating_add(2 * LEEWAY));
        cut.one.retain(|_, until| *until >= past);
        if cut.one.len() < MOST_CUT {
            cut.one.insert(identity.clone(), now);
        } else {
            cut.everybody = now;
            cut.one.clear();
        }
    }

    pub(super) fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        let parts = Parts::of(token).ok_or(TokenError::Form)?;
        // A token of ours has the very header that we write, so nothing of a foreign header is ever acted upon.
        let Some(key) = self.keys.iter().find(|key| key.header == parts.header) else {
            return Err(foreign(parts.header));
        };
        if !parts.is_signed_by(&key.check, Algorithm::ES256) {
            return Err(TokenError::Signature);
        }
        let claims: Claims = decode(parts.payload).ok_or(TokenError::Claims)?;
        if claims.iss != self.issuer {
            return Err(TokenError::Issuer);
        }
        if claims.aud != self.service {
            return Err(TokenError::Audience);
        }
        if claims.iat > claims.exp || claims.exp - claims.iat > self.lifetime || claims.nbf > claims.exp {
            return Err(TokenError::Claims);
        }
        Ok(claims)
    }

    fn in_time(&self, times: &Times, who: &Identity, now: u64) -> Result<(), TokenError> {
        if times.expires.saturating_add(LEEWAY) <= now {
            return Err(TokenError::Expired);
        }
        let later = now.saturating_add(LEEWAY);
        if times.not_before > later || times.issued > later {
            return Err(TokenError::Early);
        }
        let cut = self.cut.read().unwrap_or_else(PoisonError::into_inner);
        let one = if cut.one.is_empty() { None } else { cut.one.get(who) };
        if times.issued <= cut.everybody || one.is_some_and(|until| times.issued <= *until) {
            return Err(TokenError::Revoked);
        }
        Ok(())
    }
}

/// What is wrong with a header that is none of ours, for the log.
fn foreign(encoded: &str) -> TokenError {
    let Some(header) = Header::read(encoded) else { return TokenError::Form };
    match header.forbidden() {
        Some(field) => TokenError::Header(field),
        None if header.alg != "ES256" => TokenError::Algorithm,
        None => TokenError::Key,
    }
}

fn holder(claims: Claims) -> Option<Principal> {
    let identity: Identity = claims.sub.parse().ok()?;
    if identity == Identity::Gate {
        return None;
    }
    let mut rights = Rights::default();
    for access in claims.access {
        match (access.kind.as_str(), access.name.as_str()) {
            ("repository", _) => rights.grants.push(in_repository(&access)?),
            ("registry", "catalog") if access.actions == ["*"] => rights.catalog = true,
            ("registry", "admin") if access.actions == ["*"] => rights.admin = true,
            _ => return None,
        }
    }
    Some(Principal::new(identity, rights))
}

fn in_repository(access: &Access) -> Option<Grant> {
    let name: RepositoryName = access.name.parse().ok()?;
    let (mut actions, mut upstreams) = (Vec::new(), Vec::new());
    for text in &access.actions {
        match text.strip_prefix(USE_UPSTREAM) {
            Some(upstream) => upstreams.push(upstream.parse().ok()?),
            None => actions.push(text.parse().ok()?),
        }
    }
    Some(Grant { repositories: Pattern::exact(&name), actions, upstreams })
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Verifier({} for {})", self.issuer, self.service)
    }
}
