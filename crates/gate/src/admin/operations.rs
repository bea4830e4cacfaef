//! What operating the gate needs besides: upstreams, the journal, webhooks.

use super::{Admin, Asked, Fail, Named};
use crate::Gate;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Gated = State<Arc<Gate>>;

/// The registries that may be pulled through, without their passwords.
pub(crate) async fn upstreams(State(gate): Gated, _: Admin) -> Json<Value> {
    let shown = gate.config.upstreams.iter().map(|(name, upstream)| {
        json!({
            "name": name,
            "url": upstream.url.clone().unwrap_or_else(|| format!("https://{name}")),
            "allow": upstream.allow,
            "deny": upstream.deny,
            "credentials": upstream.username.is_some(),
        })
    });
    Json(json!({ "upstreams": shown.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    #[serde(default)]
    after: i64,
    #[serde(default = "hundred")]
    n: usize,
}

fn hundred() -> usize {
    100
}

/// Entries of the journal, the oldest first.
pub(crate) async fn journal(
    State(gate): Gated,
    _: Admin,
    Asked(page): Asked<Page>,
) -> Result<Json<Value>, Fail> {
    let entries = gate.store.journal(page.after, page.n).await?;
    Ok(Json(json!({ "entries": entries })))
}

/// The last entry, to be kept elsewhere: `roadstead verify journal --anchor` holds the journal against it.
pub(crate) async fn journal_head(State(gate): Gated, _: Admin) -> Result<Json<Value>, Fail> {
    let head = gate.store.journal_head().await?;
    Ok(Json(json!(head)))
}

/// The webhooks of the configuration, without their secrets.
pub(crate) async fn webhooks(State(gate): Gated, _: Admin) -> Json<Value> {
    Json(json!({ "webhooks": gate.webhooks.list() }))
}

/// Sends a message to a webhook of the configuration. Its address stands there and not in the request, so that nobody has
/// us ask an address of their choice (CVE-2020-13788).
pub(crate) async fn test_webhook(
    State(gate): Gated,
    _: Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Fail> {
    if !gate.webhooks.test(&name).await? {
        return Err(Fail::missing(format!("webhook {name}")));
    }
    Ok(StatusCode::ACCEPTED)
}
