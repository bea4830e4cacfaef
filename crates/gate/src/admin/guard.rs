//! Who asks, and with what. Nothing below the guard is reached without it.

use super::OPEN;
use crate::Gate;
use crate::people::{Admin, Fail};
use access::{Credentials, Principal};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;

/// Far larger than any request.
const LARGEST: usize = 64 << 10;

/// Somebody with an account.
#[derive(Debug, Clone)]
pub(crate) struct Somebody(Principal);

impl Somebody {
    pub(crate) fn principal(&self) -> &Principal {
        &self.0
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let body = json!({ "errors": [{ "code": self.code(), "message": self.message(), "detail": {} }] });
        let mut response = (self.status(), Json(body)).into_response();
        if self.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(
                "Bearer realm=\"/token\",service=\"roadstead\",scope=\"registry:admin:*\"",
            );
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Stands before every path of the administration.
pub(super) async fn guard(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    // A path that is written in another way is no path of the list.
    if !OPEN.contains(&request.uri().path()) {
        match find(&gate, request.headers()).await {
            Ok(principal) => {
                request.extensions_mut().insert(Somebody(principal));
            }
            Err(fail) => return unkept(fail.into_response()),
        }
    }
    unkept(next.run(request).await)
}

/// An answer that nobody keeps.
fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn find(gate: &Gate, headers: &HeaderMap) -> Result<Principal, Fail> {
    let mut shown = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (shown.next(), shown.next()) else {
        return Err(Fail::unauthorized(
            "send one Authorization header with a token: ask GET /token?service=roadstead&scope=registry:admin:* for it",
        ));
    };
    let value = value.to_str().unwrap_or_default();
    let token = match Credentials::parse(value) {
        Ok(Credentials::Bearer(token)) => token,
        Ok(Credentials::Basic { .. }) => {
            return Err(Fail::unauthorized(
                "name and password buy a token at /token?service=roadstead&scope=registry:admin:*; send that",
            ));
        }
        Err(error) => return Err(Fail::unauthorized(&error.to_string())),
    };
    let held = gate.verifier.verify(token.expose(), crate::accounts::now());
    let held = held.map_err(|error| Fail::unauthorized(&error.to_string()))?;
    if held.is_anonymous() {
        return Err(Fail::unauthorized("the token is nobody's; log in"));
    }
    // A token outlives what it was made from: the account is looked at each time.
    let now = gate.accounts.of(held.identity()).await?;
    let now = now.ok_or_else(|| Fail::unauthorized("the account is gone, disabled or has expired"))?;
    let mut rights = now.rights().clone();
    rights.admin &= held.is_admin();
    Ok(Principal::new(held.identity().clone(), rights))
}

impl<S: Sync> FromRequestParts<S> for Somebody {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fail> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Fail::unauthorized("log in"))
    }
}

impl<S: Sync> FromRequestParts<S> for Admin {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fail> {
        let Somebody(principal) = Somebody::from_request_parts(parts, state).await?;
        Self::of(&principal).ok_or_else(|| {
            Fail::denied("this is for administrators, with a token for the scope registry:admin:*")
        })
    }
}

/// The fields of a request: JSON, of a bounded size, with no field that is not in the list (CVE-2019-16097). The content
/// type is one that no form of a web page can send.
pub(crate) struct Fields<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Fields<T> {
    type Rejection = Fail;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Fail> {
        let kind =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.split(';').next().map(str::trim) != Some("application/json") {
            return Err(Fail::invalid("send application/json"));
        }
        let bytes = axum::body::to_bytes(request.into_body(), LARGEST).await;
        let bytes = bytes.map_err(|_| Fail::invalid("the request broke off, or is larger than 64 KiB"))?;
        serde_json::from_slice(&bytes).map(Self).map_err(Fail::invalid)
    }
}

/// The query of a request, with no name that is not in the list.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fail> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|axum::extract::Query(asked)| Self(asked))
            .map_err(|error| Fail::invalid(error.body_text()))
    }
}

/// What the path names.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Sync + Send, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fail> {
        let named = axum::extract::Path::from_request_parts(parts, state).await;
        named.map(|axum::extract::Path(named)| Self(named)).map_err(|error| Fail::invalid(error.body_text()))
    }
}

pub(super) async fn unknown() -> Fail {
    Fail::missing("such path")
}

pub(super) async fn no_method() -> Fail {
    Fail::no_method("the path has no such method")
}
