//! One file for each route, with one function `answer` of the same shape. [`to`] is the only place that chooses.

mod base;
mod blob;
mod catalog;
mod manifest;
mod referrers;
mod tags;
pub(crate) mod token;
mod upload;

use crate::request::Request;
use crate::{Code, Refusal, Registry, Route};
use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, LINK, LOCATION};
use axum::http::{Response, StatusCode};
use bytes::Bytes;

type Answer = Result<Response<Body>, Refusal>;

/// Answers a request whose route and caller are known.
pub(crate) async fn to(registry: &Registry, request: &Request, body: Body, route: Route) -> Answer {
    match route {
        Route::Base => base::answer(registry, request).await,
        Route::Catalog => catalog::answer(registry, request).await,
        Route::Blob(_, digest) => blob::answer(registry, request, digest).await,
        Route::Uploads(_) => upload::begin(registry, request, body).await,
        Route::Upload(_, id) => upload::answer(registry, request, body, id).await,
        Route::Manifest(_, reference) => manifest::answer(registry, request, body, reference).await,
        Route::Tags(_) => tags::answer(registry, request).await,
        Route::Referrers(_, subject) => referrers::answer(registry, request, subject).await,
    }
}

/// An empty answer.
fn empty(status: StatusCode, headers: impl IntoIterator<Item = (HeaderName, String)>) -> Answer {
    with(status, headers, Body::empty())
}

fn with(status: StatusCode, headers: impl IntoIterator<Item = (HeaderName, String)>, body: Body) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        let value = HeaderValue::try_from(value)
            .map_err(|_| Refusal::new(Code::Unknown, format!("the answer's {name} cannot be written")))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// A document that lists something, with where the next page begins.
fn listed(media_type: &'static str, body: Vec<u8>, next: Option<String>) -> Answer {
    let mut response = Response::new(Body::from(Bytes::from(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(axum::http::header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(next) = next
        && let Ok(value) = HeaderValue::try_from(format!("<{next}>; rel=\"next\""))
    {
        headers.insert(LINK, value);
    }
    Ok(response)
}

/// The refusal of a method that the route does not have.
fn no_method(allowed: &'static str) -> Refusal {
    Refusal::new(Code::Unsupported, format!("this path takes {allowed} only")).header(ALLOW, allowed)
}

/// Where something was made.
fn made(location: String, digest: &model::Digest) -> [(HeaderName, String); 2] {
    [(LOCATION, location), (crate::serve::CONTENT_DIGEST, digest.to_string())]
}
