use super::backoff::Backoff;
use super::challenge::{self, Challenge};
use super::client::{Endpoint, is_passing, read_body, retry_after};
use super::credentials::{self, Credentials};
use super::hosts;
use crate::error::Error;
use base64::Engine as _;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;
use std::fmt;
use std::sync::PoisonError;

/// What is sent with each request to an endpoint, once it has asked for something.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Authorization(Option<String>);

impl Authorization {
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(self.0.as_deref()?).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Authorization(…)" } else { "Authorization(none)" })
    }
}

impl Endpoint {
    /// Answers the challenge of a registry (Docker token authentication; OAuth 2.0 for identity tokens). Does
    /// nothing where another thread has answered it since.
    ///
    /// # Errors
    /// Where no challenge can be answered: there are no credentials, or the token service is none to trust.
    pub(crate) fn authorize(&self, headers: &HeaderMap, used: &Authorization) -> Result<(), Error> {
        let mut current = self.authorization.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != *used {
            return Ok(());
        }
        let challenges: Vec<Challenge> = headers
            .get_all(header::WWW_AUTHENTICATE)
            .iter()
            .take(8)
            .filter_map(|value| value.to_str().ok())
            .flat_map(challenge::parse)
            .collect();
        let credentials = credentials::look_up(&self.name, &self.repository, &self.options)?;
        let of = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        let value = match (&credentials, of("bearer"), of("basic")) {
            (Some(Credentials::Registry(token)), Some(_), _) => format!("Bearer {token}"),
            (_, Some(bearer), _) => format!("Bearer {}", self.token(bearer, credentials.as_ref())?),
            (Some(Credentials::Password { user, password }), _, Some(_)) => basic(user, password),
            _ => {
                return Err(Error::Credentials {
                    host: hosts::shown(&self.base),
                    why: "it asks for some and there are none; name a Docker configuration that has them"
                        .to_owned(),
                });
            }
        };
        *current = Authorization(Some(value));
        Ok(())
    }

    /// Fetches a token for this repository and for what is to be done there, whatever the challenge asks for.
    fn token(&self, challenge: &Challenge, credentials: Option<&Credentials>) -> Result<String, Error> {
        let host = hosts::shown(&self.base);
        let refuse = |why: String| Error::Unsafe { host: host.clone(), why };
        let realm = challenge.parameter("realm").unwrap_or_default();
        let mut url: Url = realm.parse().map_err(|_| {
            refuse(format!("its token service {} is no address", crate::content::clip(realm)))
        })?;
        if !hosts::may_issue_tokens(&url, &hosts::authority(&self.base), &self.options) {
            let service = hosts::shown(&url);
            return Err(refuse(format!(
                "its token service {service} is another host, which would see the credentials; list {service} as a \
                 token realm if that is meant"
            )));
        }
        hosts::check_scheme(&url, &self.options)?;
        let scope = format!("repository:{}:{}", self.repository, self.actions);
        let service = challenge.parameter("service").unwrap_or_default();
        let mut headers = HeaderMap::new();
        let (method, body) = match credentials {
            Some(Credentials::Identity(token)) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("service", service),
                    ("client_id", "roadstead"),
                    ("scope", &scope),
                    ("refresh_token", token),
                ];
                let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(header::CONTENT_TYPE, form_type);
                // The query of an address and a form are encoded alike.
                let mut encoder = self.base.clone();
                encoder.query_pairs_mut().clear().extend_pairs(form);
                (Method::POST, encoder.query().map(str::to_owned))
            }
            other => {
                if let Some(Credentials::Password { user, password }) = other
                    && let Some(value) = Authorization(Some(basic(user, password))).header()
                {
                    headers.insert(header::AUTHORIZATION, value);
                }
                let mut query = url.query_pairs_mut();
                if !service.is_empty() {
                    query.append_pair("service", service);
                }
                query.append_pair("scope", &scope);
                drop(query);
                (Method::GET, None)
            }
        };
        self.fetch_token(&method, &url, &headers, body.as_deref())
    }

    fn fetch_token(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: Option<&str>,
    ) -> Result<String, Error> {
        let mut backoff = Backoff::new(&self.options);
        loop {
            let answer =
                self.send(method.clone(), url, headers.clone(), body.map(|body| body.as_bytes().to_vec()));
            let answer = answer.and_then(|response| {
                let (status, wait) = (response.status(), retry_after(response.headers()));
                let body = read_body(
                    response,
                    self.options.limits.token,
                    "the answer of the token service",
                    &self.options,
                );
                Ok((status, wait, body?))
            });
            let (status, body) = match answer {
                Ok((status, wait, _)) if is_passing(status) && backoff.wait(wait)? => continue,
                Ok((status, _, body)) => (status, body),
                Err(error @ Error::Network { .. }) => match backoff.wait(None)? {
                    true => continue,
                    false => return Err(error),
                },
                Err(error) => return Err(error),
            };
            let host = hosts::shown(url);
            if !status.is_success() {
                return Err(Error::Status {
                    host,
                    status: status.as_u16(),
                    what: format!("a token for {}", self.repository),
                    advice: "it does not accept the credentials, or wants some; check them and the name"
                        .to_owned(),
                });
            }
            // The parser's own words could quote the token.
            let token = serde_json::from_slice::<Token>(&body)
                .ok()
                .and_then(|token| token.token.or(token.access_token));
            return match token
                .filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()) && !token.is_empty())
            {
                Some(token) => Ok(token),
                None => Err(Error::Credentials { host, why: "its token service gave no token".to_owned() }),
            };
        }
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}
