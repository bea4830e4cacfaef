//! The first account. There is no default password (CVE-2026-4404): a secret is printed once, and whoever reads it makes
//! the first administrator with it.

use super::{Accounts, now};
use access::{AccountName, Secret, SecretHash, SecretKind};
use store::{Store, User};
use tokio::sync::Mutex;

/// Where the hash of the secret is kept until it was used.
const SETTING: &str = "setup-secret";
/// For how long it can be used.
const LIFE: u64 = 24 * 3600;

/// Why there is no first account.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// The secret is not the one that was printed, or was used.
    #[error(
        "the secret is not the right one, was used, or has expired; the server prints a new one when it starts"
    )]
    Secret,
    /// The password is none.
    #[error(transparent)]
    Password(#[from] access::PasswordError),
    /// The server ends.
    #[error("the server is ending")]
    Ending,
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// A secret to make the first administrator with, where there is none yet. Each start makes a new one, as the one before
/// was printed and is not kept.
pub(crate) async fn first_secret(store: &Store) -> Result<Option<Secret>, crate::Error> {
    let users = store.users().await?;
    if users.iter().any(|user| user.admin && !user.disabled) {
        return Ok(None);
    }
    let (secret, hash) = access::new_secret(SecretKind::Admin)
        .map_err(|error| crate::Error::Keys { what: "make the first secret", why: error.to_string() })?;
    store.set_setting(SETTING, &format!("{hash} {}", now() + LIFE)).await?;
    Ok(Some(secret))
}

/// Makes the first administrator for whoever has the secret, once.
pub(crate) async fn set_up(
    accounts: &Accounts,
    secret: &str,
    name: &AccountName,
    password: &str,
) -> Result<(), SetupError> {
    // Two who have the same secret do not both become the first.
    static ONE: Mutex<()> = Mutex::const_new(());
    let _one = ONE.lock().await;
    let kept = accounts.store.setting(SETTING).await?;
    let kept = kept.as_deref().and_then(|text| text.split_once(' '));
    let hash: Option<SecretHash> = kept.and_then(|(hash, _)| hash.parse().ok());
    let expires = kept.and_then(|(_, expires)| expires.parse().ok());
    access::verify_secret(SecretKind::Admin, secret, hash.as_ref(), Some(expires.unwrap_or(0)), now())
        .map_err(|_| SetupError::Secret)?;
    let hash = accounts.hash(password.to_owned()).await.ok_or(SetupError::Ending)??;
    let user = User {
        name: name.to_string(),
        password: Some(hash.as_str().to_owned()),
        identity: None,
        admin: true,
        disabled: false,
        created: store::now(),
    };
    accounts.store.create_user(&user, "setup").await?;
    accounts.store.set_setting(SETTING, "").await?;
    accounts.forget();
    Ok(())
}
