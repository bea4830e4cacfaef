//! Being the scanner of a Harbor: its pluggable scanner API, version 1. Harbor sends an image and a token for it, and asks
//! for the report until there is one.
//!
//! The API has no word for malware, so each finding becomes a vulnerability that no package has: with that, Harbor's own
//! gate (*prevent vulnerable images from running*) holds images back. What was not looked at is reported as well.

mod queue;
mod shape;

pub(crate) use queue::Queue;

use crate::Gate;
use access::Credentials;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use queue::State as Stands;
use serde_json::json;
use shape::{Asked, ReportForm};
use std::sync::Arc;

/// Where it lies; the address that an administrator of Harbor writes as the scanner's endpoint.
pub(crate) const BASE: &str = "/harbor/api/v1";
/// Far larger than any request for a scan.
const LARGEST: usize = 64 << 10;
const REFRESH_AFTER: HeaderName = HeaderName::from_static("refresh-after");
const API_KEY: HeaderName = HeaderName::from_static("x-scanneradapter-api-key");

/// Every path, below [`BASE`].
pub(crate) fn routes() -> Vec<(&'static str, MethodRouter<Arc<Gate>>)> {
    vec![("/metadata", get(metadata)), ("/scan", post(scan)), ("/scan/{id}/report", get(report))]
}

/// The adapter as a router, where the configuration wants one.
pub(crate) fn router(gate: &Arc<Gate>) -> Router {
    if gate.harbor.is_none() {
        return Router::new();
    }
    let router =
        routes().into_iter().fold(Router::new(), |router, (path, handlers)| router.route(path, handlers));
    let router = router
        .fallback(async || fail(StatusCode::NOT_FOUND, "there is no such path"))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(gate), guard))
        .with_state(Arc::clone(gate));
    Router::new().nest(BASE, router)
}

/// Harbor proves itself in one of the three ways that its form offers.
async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let secret = gate.config.harbor.secret.as_ref();
    match secret {
        Some(secret) if shows(request.headers(), secret.expose()) => next.run(request).await,
        _ => fail(
            StatusCode::UNAUTHORIZED,
            "the adapter wants harbor.secret: as the password of Basic, as Bearer, or as an API key",
        ),
    }
}

fn shows(headers: &HeaderMap, secret: &str) -> bool {
    if let Some(key) = headers.get(API_KEY) {
        return crate::same_secret(key.to_str().unwrap_or_default(), secret);
    }
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    match shown.map(Credentials::parse) {
        Some(Ok(Credentials::Basic { password, .. })) => crate::same_secret(password.expose(), secret),
        Some(Ok(Credentials::Bearer(token))) => crate::same_secret(token.expose(), secret),
        _ => false,
    }
}

async fn metadata() -> Response {
    typed(StatusCode::OK, shape::METADATA, &shape::metadata())
}

async fn scan(State(gate): State<Arc<Gate>>, request: Request<Body>) -> Response {
    let Some(queue) = &gate.harbor else { return fail(StatusCode::NOT_FOUND, "there is no adapter") };
    let body = axum::body::to_bytes(request.into_body(), LARGEST).await;
    let Ok(body) = body else { return fail(StatusCode::BAD_REQUEST, "the request is larger than 64 KiB") };
    let asked: Asked = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => {
            return fail(StatusCode::BAD_REQUEST, &format!("this is no request for a scan: {error}"));
        }
    };
    let target = match asked.target(&gate.config.harbor.registries) {
        Ok(target) => target,
        Err(why) => return fail(StatusCode::UNPROCESSABLE_ENTITY, &why),
    };
    match queue.push(asked, target) {
        Some(id) => typed(StatusCode::ACCEPTED, shape::SCANNING, &json!({ "id": id })),
        None => fail(StatusCode::SERVICE_UNAVAILABLE, "too many scans are waiting; try again later"),
    }
}

async fn report(State(gate): State<Arc<Gate>>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
    let Some(form) = ReportForm::wanted(accepted) else {
        return fail(
            StatusCode::NOT_ACCEPTABLE,
            &format!("reports are given as {}", ReportForm::NAMES.join(" or ")),
        );
    };
    match gate.harbor.as_ref().and_then(|queue| queue.state(&id)) {
        Some(Stands::Waiting) => {
            let mut response = StatusCode::FOUND.into_response();
            let headers = response.headers_mut();
            headers.insert(REFRESH_AFTER, HeaderValue::from_static("5"));
            if let Ok(here) = HeaderValue::try_from(format!("{BASE}/scan/{id}/report")) {
                headers.insert(LOCATION, here);
            }
            response
        }
        Some(Stands::Done(done)) => typed(StatusCode::OK, form.name(), &shape::report(&done, form)),
        Some(Stands::Failed(why)) => fail(StatusCode::INTERNAL_SERVER_ERROR, &why),
        None => {
            fail(StatusCode::NOT_FOUND, "there is no such scan, or the server was started since; scan again")
        }
    }
}

fn typed(status: StatusCode, kind: &'static str, body: &serde_json::Value) -> Response {
    (status, [(CONTENT_TYPE, kind)], body.to_string()).into_response()
}

fn fail(status: StatusCode, why: &str) -> Response {
    let message = model::escape_text(&why.chars().take(2000).collect::<String>());
    typed(status, shape::ERROR, &json!({ "error": { "message": message } }))
}
