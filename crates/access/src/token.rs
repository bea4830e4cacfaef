mod key;
mod verify;

pub use key::{KeyError, TokenKey};
pub use verify::{TokenError, Verifier};

use crate::header::LONGEST_TOKEN;
use crate::secret::{NoRandomness, random};
use crate::{Access, Identity, Principal, Scope, Secret, grant};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// Makes tokens for those who said who they are (Docker token authentication). A token is signed with ES256, holds for
/// one service and a few minutes, and allows what was asked for and granted.
#[derive(Debug)]
pub struct Minter {
    issuer: String,
    service: String,
    key: TokenKey,
    lifetime: u64,
}

/// The answer of the token service, as a client expects it.
#[derive(Debug, Clone)]
pub struct Minted {
    token: Secret,
    /// Seconds for which it holds.
    pub expires_in: u64,
    /// When it was made, in seconds since 1970.
    pub issued_at: u64,
    /// What it allows.
    pub access: Vec<Access>,
}

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The request names another service than this one.
    #[error("tokens of this service are not for the service that was asked for; ask for service={0}")]
    Service(String),
    /// The gate does not prove to itself who it is.
    #[error("there are no tokens for the gate itself")]
    Gate,
    /// More would be in the token than is ever read.
    #[error("the token would be longer than {LONGEST_TOKEN} bytes; ask for fewer scopes at once")]
    Long,
    /// The signature could not be made.
    #[error("the token cannot be signed")]
    Sign,
    /// There is no id for the token.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
}

/// How long a token holds where nothing else is said.
pub const LIFETIME: u64 = 300;

/// What a token says. Nothing else may be in it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    jti: String,
    access: Vec<Access>,
}

impl Minter {
    /// Tokens of this issuer for this service. The lifetime is brought between one minute, which clients take for the
    /// least, and an hour, as a token outlives the rights that it was made from.
    pub fn new(issuer: &str, service: &str, key: TokenKey, lifetime: u64) -> Self {
        let (issuer, service) = (issuer.to_owned(), service.to_owned());
        Self { issuer, service, key, lifetime: lifetime.clamp(60, 3600) }
    }

    /// Checks the tokens that this makes.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(&self.issuer, &self.service, &[&self.key], self.lifetime)
    }

    /// Makes a token with what is granted of the scopes. That less is granted than was asked for is no error here: what
    /// the token is shown for is refused then, with the reason. `now` is in seconds since 1970.
    pub fn mint(
        &self,
        principal: &Principal,
        service: &str,
        scopes: &[Scope],
        now: u64,
    ) -> Result<Minted, MintError> {
        if service != self.service {
            return Err(MintError::Service(self.service.clone()));
        }
        if *principal.identity() == Identity::Gate {
            return Err(MintError::Gate);
        }
        let claims = Claims {
            iss: self.issuer.clone(),
            sub: principal.to_string(),
            aud: self.service.clone(),
            exp: now.saturating_add(self.lifetime),
            nbf: now,
            iat: now,
            jti: URL_SAFE_NO_PAD.encode(random::<16>()?.as_slice()),
            access: grant(principal, scopes),
        };
        let body = serde_json::to_vec(&claims).map_err(|_| MintError::Sign)?;
        let message = format!("{}.{}", self.key.header(), URL_SAFE_NO_PAD.encode(body));
        let signature = self.key.sign(message.as_bytes()).ok_or(MintError::Sign)?;
        let token = Secret::new(format!("{message}.{signature}"));
        if token.expose().len() > LONGEST_TOKEN {
            return Err(MintError::Long);
        }
        Ok(Minted { token, expires_in: self.lifetime, issued_at: now, access: claims.access })
    }
}

impl Minted {
    /// The token itself.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The body of the answer. Old clients read `token`, others `access_token`.
    pub fn body(&self) -> Secret {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
            access_token: &'a str,
            expires_in: u64,
            issued_at: String,
        }
        let token = self.token.expose();
        let issued_at = rfc3339(self.issued_at);
        let body = Body { token, access_token: token, expires_in: self.expires_in, issued_at };
        Secret::new(serde_json::to_string(&body).unwrap_or_default())
    }
}

fn rfc3339(seconds: u64) -> String {
    let (day, second) = (model::Date::of_unix_seconds(seconds), seconds % 86_400);
    format!("{day}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests;
