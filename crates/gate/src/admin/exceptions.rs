//! Exceptions from the policy: each with a reason, an end, and two persons.

use super::{Admin, Fail, Fields, Somebody};
use crate::Gate;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{ExceptionRow, NewException};

type Gated = State<Arc<Gate>>;

/// All exceptions, those that ended included.
pub(crate) async fn list(State(gate): Gated, _: Admin) -> Result<Json<Value>, Fail> {
    let exceptions = gate.store.exceptions(None).await?;
    Ok(Json(json!({ "exceptions": exceptions.iter().map(shown).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// What it is about, as the policy reads it.
    scope: Value,
    reason: String,
    expires: Timestamp,
}

/// Asks for an exception. Whoever looks after images may; it holds when an administrator who is somebody else approves.
pub(crate) async fn create(
    State(gate): Gated,
    admin: Admin,
    Fields(asked): Fields<Asked>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let reason = super::images::reason(&asked.reason)?;
    let expires = asked.expires.as_millisecond();
    if expires <= store::now() {
        return Err(Fail::invalid("expires is in the past"));
    }
    if expires > store::now() + LONGEST {
        return Err(Fail::invalid("an exception ends within a year; ask again then"));
    }
    let new = NewException { scope: asked.scope, reason, created_by: admin.name().to_owned(), expires };
    let row = gate.store.create_exception(&new).await?;
    Ok((StatusCode::CREATED, Json(shown(&row))))
}

/// A year, in milliseconds.
const LONGEST: i64 = 366 * 86_400_000;

/// Approves an exception that somebody else asked for.
pub(crate) async fn approve(
    State(gate): Gated,
    admin: Admin,
    Path(id): Path<i64>,
) -> Result<StatusCode, Fail> {
    if !gate.store.approve_exception(id, admin.name()).await? {
        return Err(Fail::conflict(
            "there is no such exception that waits, or it was you who asked for it; somebody else has to approve",
        ));
    }
    gate.judge_again();
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraws an exception.
pub(crate) async fn withdraw(
    State(gate): Gated,
    admin: Admin,
    _: Somebody,
    Path(id): Path<i64>,
) -> Result<StatusCode, Fail> {
    if !gate.store.withdraw_exception(id, admin.name()).await? {
        return Err(Fail::missing(format!("exception {id} that holds")));
    }
    gate.judge_again();
    Ok(StatusCode::NO_CONTENT)
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
