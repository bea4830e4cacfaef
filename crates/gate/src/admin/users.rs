//! Users, and what each may change of their own.

use super::{Admin, Fail, Fields, Named, Somebody};
use crate::Gate;
use crate::accounts::{self, SetupError};
use crate::people::users;
use access::{AccountName, Secret};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use store::User;

type Gated = State<Arc<Gate>>;

/// A secret in a request.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
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
    users::admit(&gate, peer, "setup")?;
    let SetUp { secret, name, password } = fields;
    match accounts::set_up(&gate.accounts, secret.expose(), &name, password.expose()).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(json!({ "name": name, "admin": true })))),
        Err(SetupError::Store(error)) => Err(error.into()),
        Err(error @ SetupError::Secret) => Err(Fail::denied(&error.to_string())),
        Err(error) => Err(Fail::invalid(error)),
    }
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
    let OwnPassword { current, password } = fields;
    users::own_password(&gate, somebody.principal(), peer, &current, &password).await?;
    Ok(StatusCode::NO_CONTENT)
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
    let user = users::create(&gate, &admin, &fields.name, &fields.password, fields.admin).await?;
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
    let Change { admin: admins, disabled, password } = fields;
    let change = users::Change { admin: admins, disabled, password };
    users::change(&gate, &admin, &name, change).await.map(|()| StatusCode::NO_CONTENT)
}

/// Removes a user with all that was granted to them.
pub(crate) async fn remove(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Fail> {
    users::remove(&gate, &admin, &name).await.map(|()| StatusCode::NO_CONTENT)
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
