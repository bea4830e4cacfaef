//! Users: people with an account.

use super::{Admin, Fail};
use crate::Gate;
use access::{AccountName, Identity, Principal, Secret};
use std::net::SocketAddr;
use std::time::Instant;
use store::User;

/// What may be changed of a user; none leaves it as it is.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) admin: Option<bool>,
    pub(crate) disabled: Option<bool>,
    pub(crate) password: Option<Secret>,
}

/// A new user.
pub(crate) async fn create(
    gate: &Gate,
    by: &Admin,
    name: &AccountName,
    password: &Secret,
    admin: bool,
) -> Result<User, Fail> {
    let user = User {
        name: name.to_string(),
        password: Some(hashed(gate, password).await?),
        identity: None,
        admin,
        disabled: false,
        created: store::now(),
    };
    gate.store.create_user(&user, by.name()).await?;
    gate.accounts.forget();
    Ok(user)
}

/// Changes a user. Whoever was logged in as them logs in again.
pub(crate) async fn change(gate: &Gate, by: &Admin, name: &str, change: Change) -> Result<(), Fail> {
    let mut user = gate.store.user(name).await?.ok_or_else(|| Fail::missing(format!("user {name}")))?;
    user.admin = change.admin.unwrap_or(user.admin);
    user.disabled = change.disabled.unwrap_or(user.disabled);
    if let Some(password) = change.password {
        user.password = Some(hashed(gate, &password).await?);
    }
    if !user.admin || user.disabled {
        someone_else_administers(gate, name).await?;
    }
    save(gate, user, by.name()).await
}

/// Removes a user with all that was granted to them.
pub(crate) async fn remove(gate: &Gate, by: &Admin, name: &str) -> Result<(), Fail> {
    someone_else_administers(gate, name).await?;
    let user = gate.store.user(name).await?.ok_or_else(|| Fail::missing(format!("user {name}")))?;
    // Before the user: nobody who comes to have the name later finds them there.
    if let Some(identity) = identity(&user) {
        let who = identity.to_string();
        for grant in gate.store.grants(Some(&who)).await? {
            gate.store.delete_grant(&who, &grant.scope, by.name()).await?;
        }
    }
    if !gate.store.delete_user(name, by.name()).await? {
        return Err(Fail::missing(format!("user {name}")));
    }
    end_sessions(gate, &user);
    Ok(())
}

/// One's own password, for whoever knows the one before.
pub(crate) async fn own_password(
    gate: &Gate,
    who: &Principal,
    peer: SocketAddr,
    current: &Secret,
    password: &Secret,
) -> Result<(), Fail> {
    let Identity::User(name) = who.identity() else {
        return Err(Fail::denied("only users of the gate have a password here"));
    };
    admit(gate, peer, name.as_str())?;
    let user = gate.store.user(name.as_str()).await?.ok_or_else(|| Fail::missing(format!("user {name}")))?;
    let kept = user.password.as_deref().and_then(|text| text.parse().ok());
    if !gate.accounts.password(current.expose().to_owned(), kept).await {
        return Err(Fail::denied("the current password is another"));
    }
    let password = hashed(gate, password).await?;
    save(gate, User { password: Some(password), ..user }, who.as_str()).await
}

/// Takes a try of a secret that is no login.
pub(crate) fn admit(gate: &Gate, peer: SocketAddr, account: &str) -> Result<(), Fail> {
    let admitted = gate.tries.admit(peer.ip(), Some(account), Instant::now());
    admitted.map_err(|limited| Fail::too_many(&limited.to_string()))
}

/// A gate without an administrator could only be helped by who may write its files.
async fn someone_else_administers(gate: &Gate, name: &str) -> Result<(), Fail> {
    let users = gate.store.users().await?;
    if users.iter().any(|user| user.name != name && user.admin && !user.disabled) {
        return Ok(());
    }
    match users.iter().find(|user| user.name == name) {
        Some(user) if user.admin => {
            Err(Fail::conflict("this is the last administrator; make another one first"))
        }
        _ => Ok(()),
    }
}

async fn hashed(gate: &Gate, password: &Secret) -> Result<String, Fail> {
    let hash = gate.accounts.hash(password.expose().to_owned()).await;
    let hash = hash.ok_or_else(|| Fail::unavailable("the server is ending"))?.map_err(Fail::invalid)?;
    Ok(hash.as_str().to_owned())
}

async fn save(gate: &Gate, user: User, by: &str) -> Result<(), Fail> {
    if !gate.store.update_user(&user, by).await? {
        return Err(Fail::missing(format!("user {}", user.name)));
    }
    end_sessions(gate, &user);
    Ok(())
}

/// Whoever had a token has to show a secret again, and what was remembered of one is forgotten.
pub(crate) fn end_sessions(gate: &Gate, user: &User) {
    if let Some(identity) = identity(user) {
        gate.end_sessions(&identity);
    }
}

/// As whom a user is known where rights are asked for.
pub(crate) fn identity(user: &User) -> Option<Identity> {
    match &user.identity {
        Some((issuer, subject)) => Identity::oidc(issuer, subject),
        None => user.name.parse().ok().map(Identity::User),
    }
}
