use super::{Answer, listed, no_method};
use crate::query::encoded;
use crate::request::Request;
use crate::{Code, Refusal, Registry};
use access::Action;
use axum::http::Method;
use serde_json::json;
use store::MAX_PAGE;

/// `GET /v2/<name>/tags/list`: the tags that serve something to whoever asks. Those who may read the quarantine see all.
pub(super) async fn answer(registry: &Registry, request: &Request) -> Answer {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(no_method("GET, HEAD"));
    }
    let pull = request.permit(registry, Action::Pull)?;
    let permit = request.permit(registry, Action::QuarantineRead).unwrap_or_else(|_| pull.clone());
    let n = request.query.page(registry.settings.page, MAX_PAGE)?;
    let last = request.query.one("last")?;
    if last.is_some_and(|last| last.parse::<model::Tag>().is_err()) {
        return Err(Refusal::new(Code::NameInvalid, "the parameter last is the last tag of the page before"));
    }
    let name = pull.repository();
    if registry.store.repository(name).await?.is_none() && !registry.quarantine.serves(&request.place) {
        return Err(Refusal::new(Code::NameUnknown, format!("there is no repository {name}")));
    }
    let page = match n {
        0 => Ok(Vec::new()),
        n => registry.store.tags(&permit, last, n).await,
    };
    let page = match page {
        Err(store::Error::NoRepository(_)) if registry.quarantine.serves(&request.place) => Vec::new(),
        page => page?,
    };
    let mut next = None;
    if page.len() == n
        && let Some(end) = page.last()
        && !registry.store.tags(&permit, Some(end.name.as_str()), 1).await?.is_empty()
    {
        next = Some(format!("/v2/{name}/tags/list?n={n}&last={}", encoded(end.name.as_str())));
    }
    let tags: Vec<&str> = page.iter().map(|row| row.name.as_str()).collect();
    listed("application/json", json!({"name": name, "tags": tags}).to_string().into_bytes(), next)
}
