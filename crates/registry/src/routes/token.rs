use super::{Answer, no_method};
use crate::caller::{basic, seconds, shown};
use crate::handler::peer;
use crate::{Code, Refusal, Registry};
use access::{Credentials, MintError, Principal, Scope, parse_scopes};
use axum::Form;
use axum::body::Body;
use axum::extract::{FromRequest as _, Query};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::http::{Method, Response, StatusCode};

/// Where tokens are given.
pub(crate) const PATH: &str = "/token";
/// Largest form that is read.
pub(crate) const LARGEST_FORM: usize = 64 << 10;

type Pairs = Vec<(String, String)>;

/// `GET /token` (Docker token authentication) and `POST /token` (its OAuth 2 form, with a password only): gives a token
/// with what is granted of the scopes. That less is granted than was asked for is no error here.
pub(crate) async fn answer(registry: &Registry, request: axum::extract::Request) -> Answer {
    let (address, headers, method) = (peer(&request), request.headers().clone(), request.method().clone());
    let post = match method {
        Method::GET => false,
        Method::POST => true,
        _ => return Err(no_method("GET, POST")),
    };
    let pairs = if post { form(registry, request).await? } else { query(&request)? };
    let one = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let given = match shown(registry, &headers)? {
        Some(Credentials::Basic { name, password }) => Some((name, password)),
        Some(Credentials::Bearer(_)) => {
            return Err(unauthorized("a token gives no token: log in with name and password"));
        }
        None if post => match (one("grant_type"), one("username"), one("password")) {
            (Some("password"), Some(name), Some(password)) => {
                Some((name.to_owned(), access::Secret::new(password)))
            }
            _ => {
                return Err(unauthorized(
                    "grant_type=password with username and password is taken, and nothing else",
                ));
            }
        },
        None => None,
    };
    let principal = match given {
        Some((name, password)) => basic(registry, &headers, &name, password.expose(), address).await?,
        None => nobody(registry)?,
    };
    let scopes =
        parse_scopes(pairs.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.as_str()))
            .map_err(|error| Refusal::new(Code::Denied, error.to_string()).status(StatusCode::BAD_REQUEST))?;
    mint(registry, &principal, one("service"), &scopes)
}

fn mint(registry: &Registry, principal: &Principal, service: Option<&str>, scopes: &[Scope]) -> Answer {
    let service = service.unwrap_or(&registry.settings.service);
    let minted =
        registry.minter.mint(principal, service, scopes, seconds()).map_err(|error| match error {
            MintError::Service(_) | MintError::Long => {
                Refusal::new(Code::Denied, error.to_string()).status(StatusCode::BAD_REQUEST)
            }
            MintError::Gate => Refusal::new(Code::Denied, error.to_string()),
            MintError::Sign | MintError::Randomness(_) => {
                tracing::error!(%error, "no token could be made");
                Refusal::new(Code::Unknown, "no token could be made: the log of the registry says why")
            }
        })?;
    let mut response = Response::new(Body::from(minted.body().expose().to_owned()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Nobody gets a token where something is open to everybody, and is asked to log in where nothing is.
fn nobody(registry: &Registry) -> Result<Principal, Refusal> {
    let principal = registry.accounts.anonymous();
    if principal.rights().grants.is_empty() {
        return Err(unauthorized(
            "nothing is open to everybody here: log in with the name and password of an account",
        ));
    }
    Ok(principal)
}

fn query(request: &axum::extract::Request) -> Result<Pairs, Refusal> {
    Query::try_from_uri(request.uri())
        .map(|Query(pairs)| pairs)
        .map_err(|_| Refusal::new(Code::Denied, "the query cannot be read").status(StatusCode::BAD_REQUEST))
}

async fn form(registry: &Registry, request: axum::extract::Request) -> Result<Pairs, Refusal> {
    let reading = Form::from_request(request, &());
    match tokio::time::timeout(registry.settings.manifest_time, reading).await {
        Ok(Ok(Form(pairs))) => Ok(pairs),
        Ok(Err(_)) => {
            Err(Refusal::new(Code::Denied, "the form cannot be read: send application/x-www-form-urlencoded")
                .status(StatusCode::BAD_REQUEST))
        }
        Err(_) => {
            Err(Refusal::new(Code::Denied, "the form did not come in time")
                .status(StatusCode::REQUEST_TIMEOUT))
        }
    }
}

const BASIC: &str = "Basic realm=\"roadstead\"";

/// Clients try with GET after this.
fn unauthorized(why: &str) -> Refusal {
    Refusal::new(Code::Unauthorized, why).header(WWW_AUTHENTICATE, BASIC)
}
