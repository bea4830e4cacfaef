use super::{Answer, listed, no_method};
use crate::query::encoded;
use crate::request::Request;
use crate::{Code, Refusal, Registry};
use access::Action;
use axum::http::Method;
use model::RepositoryName;
use serde_json::json;
use store::MAX_PAGE;

/// `GET /v2/_catalog`: the repositories that whoever asks may pull something from. One request looks at a bounded number
/// of them, so a page may have fewer than were asked for; the Link says that there are more.
pub(super) async fn answer(registry: &Registry, request: &Request) -> Answer {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(no_method("GET, HEAD"));
    }
    request.may_list(registry)?;
    let n = request.query.page(registry.settings.page, MAX_PAGE)?;
    let mut last = request.query.one("last")?.map(str::to_owned);
    if last.as_deref().is_some_and(|last| last.parse::<RepositoryName>().is_err()) {
        return Err(Refusal::new(
            Code::NameInvalid,
            "the parameter last is the last repository of the page before",
        ));
    }
    let (mut shown, mut looked, mut more) = (Vec::new(), 0, n > 0);
    if more {
        'pages: loop {
            let names = registry.store.repositories(last.as_deref(), MAX_PAGE).await?;
            if names.is_empty() {
                more = false;
                break;
            }
            for name in names {
                if shown.len() == n || looked == registry.settings.catalog_looks {
                    break 'pages;
                }
                looked += 1;
                last = Some(name.to_string());
                if visible(registry, request, &name).await? {
                    shown.push(name);
                }
            }
        }
    }
    let next = last.filter(|_| more).map(|last| format!("/v2/_catalog?n={n}&last={}", encoded(&last)));
    listed("application/json", json!({ "repositories": shown }).to_string().into_bytes(), next)
}

/// Whether a repository holds something that whoever asks may read: its name alone may tell what a team works on. The
/// token is for the catalog and names no repository, so this looks at the rights of its owner.
async fn visible(registry: &Registry, request: &Request, name: &RepositoryName) -> Result<bool, Refusal> {
    let place = registry.quarantine.place(name, None);
    let Ok(pull) = request.right_in(&place, Action::Pull) else { return Ok(false) };
    if request.right_in(&place, Action::QuarantineRead).is_ok() {
        return Ok(true);
    }
    Ok(!registry.store.tags(&pull, None, 1).await?.is_empty())
}
