//! The page that messages to clients point to. It says where to look and nothing about the image: whoever opens it has not
//! said who they are.

use crate::Gate;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use model::{Digest, RepositoryName};
use std::sync::Arc;

pub(crate) async fn page(State(gate): State<Arc<Gate>>, Path(image): Path<String>) -> Response {
    let parsed = image.rsplit_once('@').and_then(|(name, digest)| {
        Some((name.parse::<RepositoryName>().ok()?, digest.parse::<Digest>().ok()?))
    });
    let Some((repository, digest)) = parsed else {
        return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
    };
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
