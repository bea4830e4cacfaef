//! Exceptions from the policy: those that there are, and forms to ask, to approve and to withdraw. Who is no administrator
//! sees their own, and may ask.

use super::guard::{Sent, Trouble, Visitor};
use super::shown;
use crate::Gate;
use crate::people::Fail;
use crate::people::exceptions::{self, Scope};
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use model::Date;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use store::ExceptionRow;
use web::{Asked, Exception, ExceptionState, Moment, paths};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct About {
    repository: String,
    digest: String,
}

pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(about): Query<About>,
) -> Result<Response, Trouble> {
    let mut asked = Asked::default();
    // What an address says goes into the form only where it is the name of an image.
    if let Ok(image) = shown::image(&about.repository, &about.digest) {
        (asked.content, asked.repositories) = (image.digest.to_string(), image.repository.to_string());
    }
    let (viewer, decides) = (visitor.principal().as_str(), visitor.principal().is_admin());
    let rows = gate.store.exceptions(None).await?.into_iter().rev();
    let list = rows.filter(|row| decides || row.created_by == viewer);
    let list = list.map(|row| told(row, viewer, decides)).collect();
    let page = web::Exceptions { list, of_all: decides, asked };
    Ok(Html(web::exceptions(&visitor.frame(&gate), &page)).into_response())
}

fn told(row: ExceptionRow, viewer: &str, decides: bool) -> Exception {
    let now = store::now();
    let state = if row.withdrawn.is_some() {
        ExceptionState::Withdrawn
    } else if row.expires <= now {
        ExceptionState::Expired
    } else if row.holds(now) {
        ExceptionState::InForce
    } else {
        ExceptionState::Waiting
    };
    let part = |key: &str| row.scope.get(key).and_then(Value::as_str).map(str::to_owned);
    Exception {
        id: row.id,
        rule: part("rule"),
        content: part("content"),
        repositories: part("repositories"),
        path: part("path"),
        gap: part("gap"),
        asked: Moment(row.created),
        approved_by: row.approved.map(|(by, _)| by).filter(|_| decides),
        expires: Moment(row.expires),
        state,
        may_approve: decides && state == ExceptionState::Waiting && row.created_by != viewer,
        may_withdraw: decides && matches!(state, ExceptionState::Waiting | ExceptionState::InForce),
        reason: row.reason,
        asked_by: row.created_by,
    }
}

pub(super) async fn ask(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let ask = async || {
        let (scope, expires) = read(&sent)?;
        let row = exceptions::ask(&gate, visitor.principal(), &scope, sent.text("reason"), expires).await?;
        let who = if visitor.principal().is_admin() { "another administrator" } else { "an administrator" };
        Ok(format!("Exception {} is asked for. It holds when {who} approves.", row.id))
    };
    let done = ask().await;
    visitor.answer(&gate, paths::EXCEPTIONS, done)
}

fn read(sent: &Sent) -> Result<(Scope, i64), Fail> {
    let text = |name: &str| Some(sent.text(name).trim().to_owned()).filter(|text| !text.is_empty());
    let scope = Scope {
        rule: text("rule"),
        content: sent.read_any("content")?,
        repositories: sent.read_any("repositories")?,
        path: text("path"),
        gap: text("gap"),
    };
    Ok((scope, end_of(sent.read("expires")?)))
}

/// The end of a day, in milliseconds since 1970.
pub(super) fn end_of(day: Date) -> i64 {
    let text = format!("{day}T23:59:59Z");
    text.parse::<jiff::Timestamp>().map_or(0, jiff::Timestamp::as_millisecond)
}

pub(super) async fn approve(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let admin = visitor.admin()?;
    let id = sent.read::<i64>("id")?;
    let done = exceptions::approve(&gate, &admin, id).await;
    let told = |()| format!("Exception {id} holds. What it is for is looked at again.");
    visitor.answer(&gate, paths::EXCEPTIONS, done.map(told))
}

pub(super) async fn withdraw(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let admin = visitor.admin()?;
    let id = sent.read::<i64>("id")?;
    let done = exceptions::withdraw(&gate, &admin, id).await;
    visitor.answer(&gate, paths::EXCEPTIONS, done.map(|()| format!("Exception {id} is withdrawn.")))
}
