//! Metrics in the text of OpenMetrics, for whoever has the token, or for the loopback.

use crate::config::TlsMode;
use crate::{Gate, upkeep};
use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the gate counts besides the registry.
#[derive(Default)]
pub(crate) struct Metrics {
    jobs: Family<[(&'static str, String); 2], Gauge>,
    workers: Gauge,
    connections: Gauge,
    pub(crate) upkeep: upkeep::Counts,
}

impl Metrics {
    /// Registers everything.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self { upkeep: upkeep::Counts::new(registry), ..Self::default() };
        registry.register("jobs", "Jobs by kind and state", metrics.jobs.clone());
        registry.register("workers_alive", "Workers that are alive", metrics.workers.clone());
        registry.register("connections", "Connections that are open", metrics.connections.clone());
        metrics
    }

    /// Gives each family a sample, for the page that lists them all: those without one are not written.
    pub(crate) fn sample(&self) {
        let _ = self.jobs.get_or_create(&[("kind", "analyse".to_owned()), ("state", "waiting".to_owned())]);
    }

    /// Counts connections.
    pub(crate) fn connections(&self) -> Gauge {
        self.connections.clone()
    }
}

pub(crate) async fn metrics(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if !may_read(&gate, peer, &headers) {
        return (StatusCode::FORBIDDEN, "metrics are for the loopback, or for whoever has metrics.token\n")
            .into_response();
    }
    if let Ok(counts) = gate.store.job_counts().await {
        for (kind, waiting, running) in counts {
            for (state, count) in [("waiting", waiting), ("running", running)] {
                let labels = [("kind", kind.clone()), ("state", state.to_owned())];
                gate.metrics.jobs.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
    }
    gate.metrics.workers.set(i64::try_from(gate.workers_alive()).unwrap_or(i64::MAX));
    let mut text = String::new();
    match encode(&mut text, &gate.registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn may_read(gate: &Gate, peer: SocketAddr, headers: &HeaderMap) -> bool {
    let Some(token) = &gate.config.metrics.token else {
        // Behind a proxy on this machine everybody comes from the loopback.
        return peer.ip().to_canonical().is_loopback() && gate.config.tls.mode != TlsMode::Proxy;
    };
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    crate::same_secret(shown, token.expose())
}
