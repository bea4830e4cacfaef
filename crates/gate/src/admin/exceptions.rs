//! Exceptions from the policy: each with a reason, an end, and two persons.

use super::{Admin, Fail, Fields, Named};
use crate::Gate;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use model::{Date, Digest};
use serde::{Deserialize, Serialize};
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
pub(crate) struct Request {
    /// What it is about.
    scope: Scope,
    reason: String,
    expires: Timestamp,
}

/// What an exception is about, as the policy reads it: a content, or a rule with a place in repositories.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repositories: Option<policy::Pattern>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<String>,
}

impl Scope {
    /// Refuses here what the policy could not use: an exception that lifts nothing is one that nobody notices.
    fn check(&self, reason: &str, by: &str, expires: i64) -> Result<Value, Fail> {
        let exception = policy::Exception {
            id: "new".to_owned(),
            rule: self.rule.clone(),
            content: self.content,
            repositories: self.repositories.clone(),
            path: self.path.clone(),
            gap: self.gap.clone(),
            reason: reason.to_owned(),
            created_by: by.to_owned(),
            approved_by: None,
            expires: Date::of_unix_seconds(u64::try_from(expires / 1000).unwrap_or(0)),
        };
        policy::Exceptions::new(vec![exception]).map_err(Fail::invalid)?;
        serde_json::to_value(self).map_err(Fail::invalid)
    }
}

/// Asks for an exception. It holds when an administrator who is somebody else approves.
pub(crate) async fn create(
    State(gate): Gated,
    admin: Admin,
    Fields(asked): Fields<Request>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let reason = super::images::reason(&asked.reason)?;
    let expires = asked.expires.as_millisecond();
    if expires <= store::now() {
        return Err(Fail::invalid("expires is in the past"));
    }
    if expires > store::now() + LONGEST {
        return Err(Fail::invalid("an exception ends within a year; ask again then"));
    }
    let scope = asked.scope.check(&reason, admin.name(), expires)?;
    let new = NewException { scope, reason, created_by: admin.name().to_owned(), expires };
    let row = gate.store.create_exception(&new).await?;
    Ok((StatusCode::CREATED, Json(shown(&row))))
}

/// A year, in milliseconds.
const LONGEST: i64 = 366 * 86_400_000;

/// Approves an exception that somebody else asked for.
pub(crate) async fn approve(
    State(gate): Gated,
    admin: Admin,
    Named(id): Named<i64>,
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
    Named(id): Named<i64>,
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
