//! What stands before every page: who asks, whether it was a page of ours that sends, and the headers of every answer.

use super::login;
use super::session::{Key, Session};
use crate::Gate;
use crate::people::{Admin, Fail};
use access::{Identity, Principal};
use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest as _, FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use std::sync::Arc;
use std::time::Instant;
use web::paths;

/// Far larger than any form.
const LARGEST: usize = 64 << 10;
/// What a form sends with the token of its session.
const CSRF: &str = "csrf";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// Nothing from elsewhere, nothing inline, no frame around it: an image's text that got into a page unescaped would still
/// run nowhere and lead nowhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Somebody who is logged in, with the rights that they have now.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    principal: Principal,
    session: Session,
}

impl Visitor {
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    pub(super) fn key(&self) -> Key {
        self.session.key
    }

    /// As an administrator. To everybody else what is only for them is not there.
    pub(super) fn admin(&self) -> Result<Admin, Fail> {
        Admin::of(&self.principal).ok_or_else(|| Fail::missing("such page"))
    }

    /// What their pages have around them. It takes the sentence that was left for the next page.
    pub(super) fn frame(&self, gate: &Gate) -> web::Frame {
        web::Frame {
            viewer: Some(web::Viewer { name: self.name(), is_admin: self.principal.is_admin() }),
            csrf: self.session.csrf.clone(),
            notice: gate.sessions.told(self.session.key),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn name(&self) -> String {
        match self.principal.identity() {
            Identity::User(name) => name.to_string(),
            Identity::Oidc { subject, .. } => subject.clone(),
            _ => self.principal.to_string(),
        }
    }

    /// The answer to a form: what happened, or why not, is told on the page to which it leads. What is not there, or cannot
    /// be answered now, is a page of its own.
    pub(super) fn answer(
        &self,
        gate: &Gate,
        to: &str,
        done: Result<String, Fail>,
    ) -> Result<Response, Trouble> {
        match done {
            Ok(message) => gate.sessions.tell(self.session.key, true, message),
            Err(fail) if fail.status() == StatusCode::NOT_FOUND || fail.status().is_server_error() => {
                return Err(fail.into());
            }
            Err(fail) => gate.sessions.tell(self.session.key, false, fail.message().to_owned()),
        }
        Ok(Redirect::to(to).into_response())
    }
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Fail::unauthorized("log in").into())
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Trouble> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}

/// The fields of a form whose token was found right.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent(Arc<Vec<(String, String)>>);

impl Sent {
    /// A field; empty where it is not there.
    pub(super) fn text(&self, name: &str) -> &str {
        let mut all = self.0.iter().filter(|(found, _)| found == name);
        all.next().map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A field that may be there several times.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A field as what it has to be.
    pub(super) fn read<T: std::str::FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, Fail> {
        self.text(name).trim().parse().map_err(|error: T::Err| Fail::invalid(format!("{name}: {error}")))
    }

    /// As [`Sent::read`], of a field that may be empty.
    pub(super) fn read_any<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Fail> {
        if self.text(name).trim().is_empty() { Ok(None) } else { self.read(name).map(Some) }
    }
}

impl<S: Sync> FromRequestParts<S> for Sent {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Trouble> {
        let none = || Fail::invalid("send a form").into();
        parts.extensions.get::<Self>().cloned().ok_or_else(none)
    }
}

/// Why there is no page. The guard draws one that says so, as it knows whom for.
#[derive(Debug, Clone)]
pub(super) struct Trouble(Arc<Fail>);

impl From<Fail> for Trouble {
    fn from(fail: Fail) -> Self {
        Self(Arc::new(fail))
    }
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        Fail::from(error).into()
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.0.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// What no page is at.
pub(super) async fn unknown() -> Trouble {
    Fail::missing("such page").into()
}

pub(super) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let mut visitor = None;
    let mut response = match admit(&gate, request, &mut visitor).await {
        Ok(Admitted::In(request)) => next.run(request).await,
        Ok(Admitted::Elsewhere(response)) => response,
        Err(fail) => Trouble::from(fail).into_response(),
    };
    if let Some(Trouble(fail)) = response.extensions_mut().remove::<Trouble>() {
        response = problem(visitor.as_ref(), &fail);
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ] {
        // A file of a report brings a policy that is narrower, and files of ours are kept.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// What becomes of a request.
enum Admitted {
    /// It is answered by its page.
    In(Request),
    /// It is answered here: by a way to where one logs in.
    Elsewhere(Response),
}

async fn admit(gate: &Gate, request: Request, found: &mut Option<Visitor>) -> Result<Admitted, Fail> {
    let path = request.uri().path();
    if path.starts_with(paths::ASSETS) {
        return Ok(Admitted::In(request));
    }
    let is_fragment = [paths::QUEUE_ROWS, paths::IMAGE_STANDING].contains(&path);
    let is_login = [paths::LOGIN, paths::LOGIN_PROVIDER].contains(&path);
    *found = visitor(gate, request.headers(), !is_fragment).await?;
    let sends = ![Method::GET, Method::HEAD].contains(request.method());
    if sends && is_foreign(gate, &request) {
        return Err(Fail::denied("the form was sent by a page of another site"));
    }
    let Some(visitor) = found.as_ref().filter(|_| !is_login || !sends) else {
        if is_login {
            return if sends { with_form(request, None).await } else { Ok(Admitted::In(request)) };
        }
        if is_fragment {
            return Err(Fail::unauthorized("log in"));
        }
        return Ok(Admitted::Elsewhere(log_in_first(&request)));
    };
    let mut admitted = if sends {
        let csrf = visitor.session.csrf.clone();
        with_form(request, Some(&csrf)).await?
    } else {
        Admitted::In(request)
    };
    if let Admitted::In(request) = &mut admitted {
        request.extensions_mut().insert(visitor.clone());
    }
    Ok(admitted)
}

/// Who shows a session. Rights are asked for anew: whoever lost them, or the account, has no session any more.
async fn visitor(gate: &Gate, headers: &HeaderMap, used: bool) -> Result<Option<Visitor>, Fail> {
    let Some(id) = login::cookie(gate, headers) else { return Ok(None) };
    let Some(session) = gate.sessions.find(id, used, Instant::now()) else { return Ok(None) };
    let Some(principal) = gate.accounts.of(&session.identity).await? else {
        gate.sessions.end(session.key);
        return Ok(None);
    };
    Ok(Some(Visitor { principal, session }))
}

/// To the page where one logs in, and from there to what was asked for. A browser that comes from another site shows no
/// cookie that is `SameSite=Strict`; it is sent to the same page once more, by a page of ours, and shows it then.
fn log_in_first(request: &Request) -> Response {
    let asked = request.uri().path_and_query().map_or(paths::QUEUE, |asked| asked.as_str());
    let next = login::own(asked);
    if request.method() == Method::GET && shown(request.headers(), &FETCH_SITE) == Some("cross-site") {
        return login::go_on(next);
    }
    let next = if request.method() == Method::GET { next } else { paths::QUEUE };
    Redirect::to(&login::address(next)).into_response()
}

/// Whether a page of another site sends this. Browsers say so by themselves, and no page can make them say otherwise.
fn is_foreign(gate: &Gate, request: &Request) -> bool {
    let headers = request.headers();
    if let Some(site) = shown(headers, &FETCH_SITE) {
        return site != "same-origin";
    }
    let Some(origin) = shown(headers, &ORIGIN) else {
        // Neither is sent by what is no browser, which holds no session of somebody else.
        return headers.contains_key(FETCH_SITE) || headers.contains_key(ORIGIN);
    };
    let host = shown(headers, &HOST).or_else(|| request.uri().host()).unwrap_or_default();
    let (_, from) = origin.split_once("://").unwrap_or_default();
    origin != gate.url.trim_end_matches('/') && (from.is_empty() || !from.eq_ignore_ascii_case(host))
}

fn shown<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

/// Reads a form, and compares its token with the one that it has to have.
async fn with_form(request: Request, csrf: Option<&str>) -> Result<Admitted, Fail> {
    let (mut parts, body) = request.into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return Err(Fail::invalid("send application/x-www-form-urlencoded"));
    }
    let bytes = axum::body::to_bytes(body, LARGEST).await;
    let bytes = bytes.map_err(|_| Fail::invalid("the form broke off, or is larger than 64 KiB"))?;
    let mut form = Request::new(Body::from(bytes));
    *form.method_mut() = Method::POST;
    *form.uri_mut() = Uri::from_static("/");
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    form.headers_mut().insert(CONTENT_TYPE, kind);
    let fields = Form::<Vec<(String, String)>>::from_request(form, &()).await;
    let Form(fields) = fields.map_err(|error| Fail::invalid(error.body_text()))?;
    let sent = Sent(Arc::new(fields));
    if csrf.is_some_and(|csrf| !crate::same_secret(sent.text(CSRF), csrf)) {
        return Err(Fail::denied(
            "the form is none of this session: load the page again, and send it from there",
        ));
    }
    parts.extensions.insert(sent);
    Ok(Admitted::In(Request::from_parts(parts, Body::empty())))
}

/// A page that says what is wrong.
fn problem(visitor: Option<&Visitor>, fail: &Fail) -> Response {
    let frame = visitor.map_or_else(web::Frame::default, |visitor| web::Frame {
        // What was left for the next page is not for this one.
        notice: None,
        viewer: Some(web::Viewer { name: visitor.name(), is_admin: visitor.principal.is_admin() }),
        csrf: visitor.session.csrf.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    let advice = match fail.status() {
        StatusCode::NOT_FOUND => "Look for it among the images. What you may not see is not there.",
        StatusCode::UNAUTHORIZED => "Log in, and try it again.",
        StatusCode::TOO_MANY_REQUESTS => "Wait a while, and try it again.",
        status if status.is_server_error() => "Try it again; tell whoever runs the gate if it stays so.",
        _ => "Go back, and load the page again.",
    };
    let shown = web::Problem {
        status: fail.status().as_u16(),
        message: sentence(fail.message()),
        advice: advice.to_owned(),
    };
    (fail.status(), Html(web::problem(&frame, &shown))).into_response()
}

/// A message as a sentence of a page.
pub(super) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
    let end = if message.ends_with(['.', '!', '?']) || message.is_empty() { "" } else { "." };
    format!("{first}{}{end}", characters.as_str())
}
