//! Users, and what each may change of their own.

use super::{Admin, Fail, Fields, Named, Somebody};
use crate::Gate;
use crate::accounts::{self, SetupError};
use access::{AccountName, Identity, Secret};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use store::User;

type Gated = State<Arc<Gate>>;

/// A secret in a request.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

fn maybe_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    secret(deserializer).map(Some)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetUp {
    #[serde(deserialize_with = "secret")]
    secret: Secret,
    name: AccountName,
    #[serde(deserialize_with = "secret")]
    password: Secret,
}

/// Exchanges the secret of the first start for the first administrator.
pub(crate) async fn set_up(
    State(gate): Gated,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Fields(fields): Fields<SetUp>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    admit(&gate, peer, "setup")?;
    let SetUp { secret, name, password } = fields;
    match accounts::set_up(&gate.accounts, secret.expose(), &name, password.expose()).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(json!({ "name": name, "admin": true })))),
        Err(SetupError::Store(error)) => Err(error.into()),
        Err(error @ SetupError::Secret) => Err(Fail::denied(&error.to_string())),
        Err(error) => Err(Fail::invalid(error)),
    }
}

fn admit(gate: &Gate, peer: SocketAddr, account: &str) -> Result<(), Fail> {
    let admitted = gate.tries.admit(peer.ip(), Some(account), Instant::now());
    admitted.map_err(|limited| Fail::too_many(&limited.to_string()))
}

/// Who asks.
pub(crate) async fn me(somebody: Somebody) -> Json<Value> {
    let principal = somebody.principal();
    let rights = principal.rights();
    Json(
        json!({ "who": principal.as_str(), "admin": rights.admin, "catalog": rights.catalog, "grants": rights.grants }),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnPassword {
    #[serde(deserialize_with = "secret")]
    current: Secret,
    #[serde(deserialize_with = "secret")]
    password: Secret,
}

/// One's own password, for whoever knows the one before.
pub(crate) async fn own_password(
    State(gate): Gated,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    somebody: Somebody,
    Fields(fields): Fields<OwnPassword>,
) -> Result<StatusCode, Fail> {
    let Identity::User(name) = somebody.principal().identity() else {
        return Err(Fail::denied("only users of the gate have a password here"));
    };
    admit(&gate, peer, name.as_str())?;
    let user = gate.store.user(name.as_str()).await?.ok_or_else(|| Fail::missing(format!("user {name}")))?;
    let kept = user.password.as_deref().and_then(|text| text.parse().ok());
    if !gate.accounts.password(fields.current.expose().to_owned(), kept).await {
        return Err(Fail::denied("the current password is another"));
    }
    let password = hashed(&gate, &fields.password).await?;
    save(&gate, User { password: Some(password), ..user }, somebody.principal().as_str()).await
}

/// All users.
pub(crate) async fn list(State(gate): Gated, _: Admin) -> Result<Json<Value>, Fail> {
    let users = gate.store.users().await?;
    Ok(Json(json!({ "users": users.iter().map(shown).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    name: AccountName,
    #[serde(deserialize_with = "secret")]
    password: Secret,
    #[serde(default)]
    admin: bool,
}

/// A new user.
pub(crate) async fn create(
    State(gate): Gated,
    admin: Admin,
    Fields(fields): Fields<NewUser>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let password = hashed(&gate, &fields.password).await?;
    let user = User {
        name: fields.name.to_string(),
        password: Some(password),
        identity: None,
        admin: fields.admin,
        disabled: false,
        created: store::now(),
    };
    gate.store.create_user(&user, admin.name()).await?;
    gate.accounts.forget();
    Ok((StatusCode::CREATED, Json(shown(&user))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    admin: Option<bool>,
    disabled: Option<bool>,
    #[serde(default, deserialize_with = "maybe_secret")]
    password: Option<Secret>,
}

/// What an administrator may change of a user.
pub(crate) async fn change(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
    Fields(fields): Fields<Change>,
) -> Result<StatusCode, Fail> {
    let mut user = gate.store.user(&name).await?.ok_or_else(|| Fail::missing(format!("user {name}")))?;
    user.admin = fields.admin.unwrap_or(user.admin);
    user.disabled = fields.disabled.unwrap_or(user.disabled);
    if let Some(password) = fields.password {
        user.password = Some(hashed(&gate, &password).await?);
    }
    if !user.admin || user.disabled {
        someone_else_administers(&gate, &name).await?;
    }
    save(&gate, user, admin.name()).await
}

/// Removes a user with all that was granted to them.
pub(crate) async fn remove(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Fail> {
    someone_else_administers(&gate, &name).await?;
    let user = gate.store.user(&name).await?.ok_or_else(|| Fail::missing(format!("user {name}")))?;
    // Before the user: nobody who comes to have the name later finds them there.
    if let Some(identity) = identity(&user) {
        let who = identity.to_string();
        for grant in gate.store.grants(Some(&who)).await? {
            gate.store.delete_grant(&who, &grant.scope, admin.name()).await?;
        }
    }
    if !gate.store.delete_user(&name, admin.name()).await? {
        return Err(Fail::missing(format!("user {name}")));
    }
    end_sessions(&gate, &user);
    Ok(StatusCode::NO_CONTENT)
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

async fn save(gate: &Gate, user: User, by: &str) -> Result<StatusCode, Fail> {
    if !gate.store.update_user(&user, by).await? {
        return Err(Fail::missing(format!("user {}", user.name)));
    }
    end_sessions(gate, &user);
    Ok(StatusCode::NO_CONTENT)
}

/// Whoever had a token has to show a secret again, and what was remembered of one is forgotten.
pub(super) fn end_sessions(gate: &Gate, user: &User) {
    if let Some(identity) = identity(user) {
        gate.end_sessions(&identity);
    }
}

/// As whom a user is known where rights are asked for.
fn identity(user: &User) -> Option<Identity> {
    match &user.identity {
        Some((issuer, subject)) => Identity::oidc(issuer, subject),
        None => user.name.parse().ok().map(Identity::User),
    }
}

fn shown(user: &User) -> Value {
    json!({
        "name": user.name,
        "admin": user.admin,
        "disabled": user.disabled,
        "identity": user.identity.as_ref().map(|(issuer, subject)| json!({ "issuer": issuer, "subject": subject })),
        "created": crate::webhooks::rfc3339(user.created),
    })
}
