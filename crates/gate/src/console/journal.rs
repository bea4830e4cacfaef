//! The journal, the newest entries first.

use super::guard::{Trouble, Visitor};
use crate::Gate;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;
use web::{Entry, Moment};

const PAGE: i64 = 50;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    after: Option<i64>,
}

pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    visitor.admin()?;
    let head = gate.store.journal_head().await?.seq;
    let last = (head - PAGE).max(0);
    let after = asked.after.unwrap_or(last).clamp(0, last);
    let entries = gate.store.journal(after, PAGE as usize).await?;
    let page = web::Journal {
        entries: entries.into_iter().rev().map(told).collect(),
        head,
        broken: None,
        older: (after > 0).then(|| (after - PAGE).max(0)),
        newer: (after < last).then(|| (after + PAGE).min(last)),
    };
    Ok(Html(web::journal(&visitor.frame(&gate), &page)).into_response())
}

fn told(entry: store::journal::Entry) -> Entry {
    let body: Value = serde_json::from_str(&entry.body).unwrap_or_default();
    let part = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    Entry {
        number: entry.seq,
        time: Moment(entry.time),
        kind: entry.kind,
        image: part("repository").zip(part("digest")),
        body: entry.body,
        hash: entry.hash,
    }
}
