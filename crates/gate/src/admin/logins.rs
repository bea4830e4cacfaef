//! Logins through an identity provider, by whose secret clients of registries are let in: what there are, and their end.

use super::{Admin, Fail, Named, Somebody};
use crate::Gate;
use access::Identity;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Login;

type Gated = State<Arc<Gate>>;

/// All logins that have not ended, without their secrets.
pub(crate) async fn list(State(gate): Gated, _: Admin) -> Result<Json<Value>, Fail> {
    let logins = gate.store.logins().await?;
    let shown: Vec<Value> = logins.iter().filter(|login| login.expires > store::now()).map(shown).collect();
    Ok(Json(json!({ "logins": shown })))
}

/// Ends a login: its secret and every token that was got by it.
pub(crate) async fn end(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Fail> {
    finish(&gate, &name, admin.name()).await
}

/// One's own login.
pub(crate) async fn own(State(gate): Gated, somebody: Somebody) -> Result<Json<Value>, Fail> {
    let name = account(&gate, &somebody).await?;
    let login = gate.store.login(&name).await?.ok_or_else(|| missing(&name))?;
    Ok(Json(shown(&login)))
}

/// Logs out.
pub(crate) async fn end_own(State(gate): Gated, somebody: Somebody) -> Result<StatusCode, Fail> {
    let name = account(&gate, &somebody).await?;
    finish(&gate, &name, somebody.principal().as_str()).await
}

async fn account(gate: &Gate, somebody: &Somebody) -> Result<String, Fail> {
    let Identity::Oidc { issuer, subject } = somebody.principal().identity() else {
        return Err(Fail::missing("login through an identity provider; users of the gate have a password"));
    };
    let user = gate.store.user_of_identity(issuer, subject).await?;
    user.map(|user| user.name).ok_or_else(|| Fail::missing("such account"))
}

async fn finish(gate: &Gate, name: &str, by: &str) -> Result<StatusCode, Fail> {
    let user = gate.store.user(name).await?.ok_or_else(|| missing(name))?;
    if !gate.store.delete_login(name, by).await? {
        return Err(missing(name));
    }
    crate::people::users::end_sessions(gate, &user);
    Ok(StatusCode::NO_CONTENT)
}

fn missing(name: &str) -> Fail {
    Fail::missing(format!("login of {name}"))
}

fn shown(login: &Login) -> Value {
    json!({
        "name": login.user,
        "created": crate::webhooks::rfc3339(login.created),
        "expires": crate::webhooks::rfc3339(login.expires),
    })
}
