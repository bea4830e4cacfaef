//! Logging in and out.

use super::guard::{Sent, Trouble, Visitor, sentence};
use crate::Gate;
use crate::people::Fail;
use access::{Identity, Principal};
use axum::extract::{ConnectInfo, Query, State};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use registry::LoginRefusal;
use serde::Deserialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use web::paths;

/// Longest address that is gone on to.
const LONGEST: usize = 2000;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    next: String,
}

/// Where one says who one is.
pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    visitor: Option<Visitor>,
    Query(asked): Query<Asked>,
) -> Response {
    let next = own(&asked.next);
    if visitor.is_some() {
        return Redirect::to(next).into_response();
    }
    drawn(&gate, StatusCode::OK, String::new(), next, None)
}

/// Takes a name and a password.
pub(super) async fn log_in(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    sent: Sent,
) -> Response {
    let (name, next) = (sent.text("name").trim(), own(sent.text("next")));
    let refused = match gate.front.log_in(name, sent.text("password"), peer.ip()).await {
        Ok(principal) if is_person(&principal) => return let_in(&gate, &headers, &principal, next, None),
        Ok(_) => Fail::denied(
            "robots have no pages here; they use the registry and the interface of the administration",
        ),
        Err(LoginRefusal::Limited(limited)) => Fail::too_many(&limited.to_string()),
        Err(LoginRefusal::Wrong) => {
            Fail::unauthorized("name or password are wrong, or the account is disabled")
        }
        Err(LoginRefusal::Unavailable(error)) => {
            tracing::error!(%error, "accounts cannot be read");
            Fail::unavailable("accounts cannot be read now; the log of the server says why")
        }
    };
    drawn(&gate, refused.status(), name.to_owned(), next, Some(sentence(refused.message())))
}

/// Begins a login through the identity provider.
pub(super) async fn provider(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    Ok(crate::oidc::begin(&gate, peer, Some(own(&asked.next).to_owned())).await?)
}

/// Ends the session.
pub(super) async fn log_out(State(gate): State<Arc<Gate>>, visitor: Visitor) -> Response {
    gate.sessions.end(visitor.key());
    let mut response = Redirect::to(paths::LOGIN).into_response();
    set(&mut response, &gate, "", Some(0));
    response
}

/// Begins a session for somebody who has proved who they are. `told` is said on the first page.
pub(crate) fn let_in(
    gate: &Gate,
    headers: &HeaderMap,
    principal: &Principal,
    next: &str,
    told: Option<String>,
) -> Response {
    // Whoever knows the id of the session before, by whatever way, has nothing of this one.
    if let Some(before) = cookie(gate, headers) {
        gate.sessions.end_of_id(before);
    }
    let now = Instant::now();
    let Some(id) = gate.sessions.begin(principal.identity().clone(), now) else {
        return not_let_in(gate, &Fail::unavailable("the system gives no random numbers"), next);
    };
    let from_elsewhere = told.is_some();
    if let (Some(told), Some(session)) = (told, gate.sessions.find(&id, true, now)) {
        gate.sessions.tell(session.key, true, told);
    }
    let mut response =
        if from_elsewhere { go_on(own(next)) } else { Redirect::to(own(next)).into_response() };
    set(&mut response, gate, &id, None);
    response
}

/// Says on the page where one logs in why somebody was not.
pub(crate) fn not_let_in(gate: &Gate, fail: &Fail, next: &str) -> Response {
    drawn(gate, fail.status(), String::new(), own(next), Some(sentence(fail.message())))
}

fn is_person(principal: &Principal) -> bool {
    matches!(principal.identity(), Identity::User(_) | Identity::Oidc { .. })
}

fn drawn(gate: &Gate, status: StatusCode, name: String, next: &str, message: Option<String>) -> Response {
    let frame = web::Frame { version: env!("CARGO_PKG_VERSION").to_owned(), ..web::Frame::default() };
    let provider = gate.config.oidc.as_ref().map(|oidc| {
        let issuer = oidc.issuer.split_once("://").map_or(oidc.issuer.as_str(), |(_, rest)| rest);
        issuer.split('/').next().unwrap_or_default().to_owned()
    });
    let next = if next == paths::QUEUE { String::new() } else { next.to_owned() };
    let login = web::Login { name, provider, next, message };
    (status, Html(web::login(&frame, &login))).into_response()
}

/// The page where one logs in, with where it goes on.
pub(super) fn address(next: &str) -> String {
    if next == paths::QUEUE {
        return paths::LOGIN.to_owned();
    }
    // Of all that `own` lets through, these mean something in a query.
    let mut address = format!("{}?next=", paths::LOGIN);
    for character in own(next).chars() {
        match character {
            '&' => address.push_str("%26"),
            '?' => address.push_str("%3F"),
            '=' => address.push_str("%3D"),
            '%' => address.push_str("%25"),
            '+' => address.push_str("%2B"),
            plain => address.push(plain),
        }
    }
    address
}

/// An address that lies in the console; the start of it in place of any other. Only characters that mean nothing to a
/// header or to HTML, and no way to another host: what comes after `/console` is the end, a `/` or a `?`.
pub(super) fn own(next: &str) -> &str {
    let rest = next.strip_prefix(paths::QUEUE).filter(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@?&=%+".contains(&byte);
    let leads_out = [paths::LOGIN, paths::LOGOUT].iter().any(|path| next.starts_with(path));
    match rest {
        Some(_) if next.len() <= LONGEST && next.bytes().all(plain) && !leads_out => next,
        _ => paths::QUEUE,
    }
}

/// A page that leads to another page of ours at once. A redirect would not do: a browser that comes from another site shows
/// no cookie that is `SameSite=Strict`, however often it is redirected, until a page of ours sends it.
pub(super) fn go_on(next: &str) -> Response {
    let next = own(next).replace('&', "&amp;");
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Roadstead</title>\
         <meta http-equiv=\"refresh\" content=\"0;url={next}\"></head>\
         <body><main><h1>Roadstead</h1><p><a href=\"{next}\">Go on to the console</a></p></main></body></html>"
    );
    Html(page).into_response()
}

/// The name of the cookie. Where it goes over TLS alone, the browser itself holds that no other host and no plain
/// connection has set it.
fn cookie_name(gate: &Gate) -> &'static str {
    if gate.url.starts_with("https://") { "__Host-roadstead-console" } else { "roadstead-console" }
}

/// The id that a browser shows, where it shows one.
pub(super) fn cookie<'a>(gate: &Gate, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = cookie_name(gate);
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn set(response: &mut Response, gate: &Gate, id: &str, life: Option<u32>) {
    let secure = if gate.url.starts_with("https://") { "; Secure" } else { "" };
    let life = life.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
    let cookie = format!("{}={id}; Path=/; HttpOnly; SameSite=Strict{secure}{life}", cookie_name(gate));
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::own;

    #[test]
    fn nothing_leads_out_of_the_console() {
        let check = |next: &str, expect: &str| assert_eq!(own(next), expect, "{next}");
        let image = "/console/image?repository=team/app&digest=sha256:ab";
        check(image, image);
        check("/console", "/console");
        check("/console?state=denied", "/console?state=denied");
        for other in [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "/consoles",
            "/console@evil.example",
            "/console.evil.example",
            "/console\\..\\x",
            "/console/\r\nSet-Cookie: a=b",
            "/console/\"><script>",
            "/console/login",
            "/console/logout",
            " /console/x",
            "/console/a b",
            "/q/x",
        ] {
            check(other, "/console");
        }
        check(&format!("/console/{}", "a".repeat(2000)), "/console");
    }
}
