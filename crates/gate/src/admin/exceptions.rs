//! Exceptions from the policy: each with a reason, an end, and two persons.

use super::{Admin, Fail, Fields, Named};
use crate::Gate;
use crate::people::exceptions::{self, Scope};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::ExceptionRow;

type Gated = State<Arc<Gate>>;

/// All exceptions, those that ended included.
pub(crate) async fn list(State(gate): Gated, _: Admin) -> Result<Json<Value>, Fail> {
    let exceptions = gate.store.exceptions(None).await?;
    Ok(Json(json!({ "exceptions": exceptions.iter().map(shown).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    /// What it is about.
    scope: Scope,
    reason: String,
    expires: Timestamp,
}

/// Asks for an exception. It holds when an administrator who is somebody else approves.
pub(crate) async fn create(
    State(gate): Gated,
    admin: Admin,
    Fields(asked): Fields<Request>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let expires = asked.expires.as_millisecond();
    let row = exceptions::ask(&gate, admin.principal(), &asked.scope, &asked.reason, expires).await?;
    Ok((StatusCode::CREATED, Json(shown(&row))))
}

/// Approves an exception that somebody else asked for.
pub(crate) async fn approve(
    State(gate): Gated,
    admin: Admin,
    Named(id): Named<i64>,
) -> Result<StatusCode, Fail> {
    exceptions::approve(&gate, &admin, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// Withdraws an exception.
pub(crate) async fn withdraw(
    State(gate): Gated,
    admin: Admin,
    Named(id): Named<i64>,
) -> Result<StatusCode, Fail> {
    exceptions::withdraw(&gate, &admin, id).await.map(|()| StatusCode::NO_CONTENT)
}

fn shown(row: &ExceptionRow) -> Value {
    let time = crate::webhooks::rfc3339;
    json!({
        "id": row.id,
        "scope": row.scope,
        "reason": row.reason,
        "created_by": row.created_by,
        "created": time(row.created),
        "approved_by": row.approved.as_ref().map(|(by, _)| by),
        "approved": row.approved.as_ref().map(|(_, at)| time(*at)),
        "expires": time(row.expires),
        "withdrawn": row.withdrawn.map(time),
        "holds": row.holds(store::now()),
    })
}
