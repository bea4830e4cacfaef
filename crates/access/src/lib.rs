//! Who may do what.
//!
//! Comes in: who asks, with what proof, and for what. Goes out: a [`Permit`] that nobody else can make, or a refusal that
//! says what to do; tokens, secrets and password hashes, and whether those that are shown hold. Never: IO, but for
//! randomness (the time is given by the caller); a right that no grant gave; a secret in a message or a debug output.
#![forbid(unsafe_code)]

mod grant;
mod header;
mod jws;
mod limit;
pub mod oidc;
mod password;
mod permit;
mod principal;
mod scope;
mod secret;
mod token;

pub use grant::{Grant, GrantError, Pattern, Rights, Upstream, Upstreams};
pub use header::{Credentials, HeaderError, challenge};
pub use limit::{Limited, Limiter, Rate};
pub use password::{PasswordError, PasswordHash, hash_password, verify_password};
pub use permit::{Action, Permit, Refusal, authorize, authorize_through};
pub use principal::{AccountName, Identity, Principal};
pub use scope::{Access, MOST_SCOPES, Scope, ScopeError, grant, parse_scopes};
pub use secret::{
    NoRandomness, Secret, SecretHash, SecretKind, SecretRefusal, has_form, new_secret, verify_secret,
};
pub use token::{KeyError, LIFETIME, MintError, Minted, Minter, TokenError, TokenKey, Verifier};
