//! Whether the process is there, and whether it does its work.

use crate::Gate;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The store takes writes and workers are alive. Upstreams are told and do not count: what is here is served without them.
pub(crate) async fn readyz(State(gate): State<Arc<Gate>>) -> (StatusCode, Json<Value>) {
    let store = match tokio::time::timeout(Duration::from_secs(5), gate.store.ready()).await {
        Ok(Ok(())) => "ok",
        Ok(Err(error)) => {
            tracing::error!(error = model::error_chain(&error), "the store is not ready");
            "does not take writes"
        }
        Err(_) => "does not answer",
    };
    let workers = gate.workers_alive();
    let ready = store == "ok" && workers > 0 && !gate.is_stopping();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "ready": ready, "store": store, "workers": workers, "stopping": gate.is_stopping() });
    (status, Json(body))
}
