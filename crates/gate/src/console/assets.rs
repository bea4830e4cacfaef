//! The files that pages link to. Their addresses have the hash of what they hold, so that browsers keep them.

use super::guard::{Trouble, unknown};
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

pub(super) async fn file(Path((hash, name)): Path<(String, String)>) -> Result<Response, Trouble> {
    let Some(file) = web::asset(&hash, &name) else { return Err(unknown().await) };
    let headers = [(CONTENT_TYPE, file.media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, file.bytes.as_slice()).into_response())
}
