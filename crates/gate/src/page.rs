//! The page that messages to clients point to. A browser is sent on to the console; everything else is told where to look,
//! and nothing about the image: whoever opens it has not said who they are.

use crate::Gate;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use model::{Digest, RepositoryName};
use std::sync::Arc;

/// The start: of the console for a browser, and of nothing for others.
pub(crate) async fn root(State(gate): State<Arc<Gate>>, headers: HeaderMap) -> Response {
    if is_browser(&headers) {
        return Redirect::to(web::paths::QUEUE).into_response();
    }
    let url = &gate.url;
    let text = format!(
        "images are at {url}/v2/, the administration at {url}/api/v1/, the console at {url}/console\n"
    );
    (StatusCode::NOT_FOUND, text).into_response()
}

/// Browsers ask for HTML by name; clients of registries and scripts do not.
fn is_browser(headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.any(|value| value.contains("text/html"))
}

pub(crate) async fn page(
    State(gate): State<Arc<Gate>>,
    Path(image): Path<String>,
    headers: HeaderMap,
) -> Response {
    let parsed = image.rsplit_once('@').and_then(|(name, digest)| {
        Some((name.parse::<RepositoryName>().ok()?, digest.parse::<Digest>().ok()?))
    });
    let Some((repository, digest)) = parsed else {
        return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
    };
    if is_browser(&headers) {
        return Redirect::to(&web::paths::image(repository.as_str(), &digest.to_string())).into_response();
    }
    let url = &gate.url;
    let text = format!(
        "{repository}@{digest}\n\nHow it stands, and by which report, is told to administrators:\n\n  \
         TOKEN=$(curl -u NAME '{url}/token?service=roadstead&scope=registry:admin:*' | jq -r .token)\n  \
         curl -H \"Authorization: Bearer $TOKEN\" '{url}/api/v1/image?repository={repository}&digest={digest}'\n  \
         curl -H \"Authorization: Bearer $TOKEN\" '{url}/api/v1/image/report?repository={repository}&digest={digest}'\n"
    );
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, text).into_response()
}
