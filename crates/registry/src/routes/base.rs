use super::{Answer, listed, no_method};
use crate::request::Request;
use crate::{Registry, caller};
use axum::http::Method;

/// `GET /v2/`: whether a registry is here and the login holds. Who is nobody is asked to log in, and by that told where:
/// this is how clients find the token service, even where everybody may pull.
pub(super) async fn answer(registry: &Registry, request: &Request) -> Answer {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(no_method("GET, HEAD"));
    }
    if request.caller.is_nobody() {
        return Err(caller::challenge(registry, &request.headers, &[], None));
    }
    listed("application/json", b"{}".to_vec(), None)
}
