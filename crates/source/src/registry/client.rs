use super::auth::Authorization;
use super::backoff::Backoff;
use super::hosts;
use crate::error::Error;
use crate::options::Options;
use reqwest::blocking::{Client, Response};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One host that answers for one repository: the registry itself, or a mirror.
pub(crate) struct Endpoint {
    /// `https://host[:port][/prefix]`.
    pub(crate) base: Url,
    /// The name of the host for credentials: `docker.io`, or host and port.
    pub(crate) name: String,
    pub(crate) repository: String,
    /// The registry that a mirror is asked to stand in for.
    pub(crate) namespace: Option<String>,
    /// What a token is asked for.
    pub(crate) actions: &'static str,
    pub(crate) options: Options,
    pub(crate) authorization: Mutex<Authorization>,
    clients: Mutex<HashMap<String, Client>>,
}

/// What is asked of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// Below the repository: `manifests/latest`, `blobs/sha256:…`.
    pub(crate) path: &'a str,
    pub(crate) accept: Option<&'static str>,
    /// The first byte that is wanted.
    pub(crate) from: u64,
    /// Whether the headers are all that is wanted.
    pub(crate) head: bool,
}

const MAX_REDIRECTS: usize = 5;

impl Endpoint {
    pub(crate) fn new(
        base: Url,
        name: String,
        repository: &str,
        namespace: Option<String>,
        options: &Options,
    ) -> Self {
        Self {
            base,
            name,
            repository: repository.to_owned(),
            namespace,
            actions: "pull",
            options: options.clone(),
            authorization: Mutex::default(),
            clients: Mutex::default(),
        }
    }

    /// Asks until there is an answer of status 200 or 206, with tokens, redirects and patience as they are
    /// called for.
    ///
    /// # Errors
    /// Where the content is not there, is refused, or no try gets through.
    pub(crate) fn get(&self, ask: Ask<'_>) -> Result<Response, Error> {
        let mut backoff = Backoff::new(&self.options);
        let mut is_renewed = false;
        loop {
            let used = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let (response, is_own) = match self.follow(ask, &used) {
                Ok(found) => found,
                Err(error @ Error::Network { .. }) => match backoff.wait(None)? {
                    true => continue,
                    false => return Err(error),
                },
                Err(error) => return Err(error),
            };
            match response.status() {
                StatusCode::OK | StatusCode::PARTIAL_CONTENT => return Ok(response),
                StatusCode::UNAUTHORIZED if is_own && !is_renewed => {
                    self.authorize(response.headers(), &used)?;
                    is_renewed = true;
                }
                status if is_passing(status) && backoff.wait(retry_after(response.headers()))? => {}
                _ => return Err(self.refused(ask, response)),
            }
        }
    }

    /// One try over all its redirects. The second value tells whether the answer is the endpoint's own.
    fn follow(&self, ask: Ask<'_>, authorization: &Authorization) -> Result<(Response, bool), Error> {
        let mut url = self.url(ask.path)?;
        for _ in 0..=MAX_REDIRECTS {
            let is_own = url.origin() == self.base.origin();
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            if let Some(accept) = ask.accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            if ask.from > 0
                && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", ask.from))
            {
                headers.insert(header::RANGE, range);
            }
            // Only the host that asked for credentials gets them: not the storage that it redirects to, nor
            // what that redirects to in turn (CVE-2020-15157 and its many kin).
            if is_own && let Some(value) = authorization.header() {
                headers.insert(header::AUTHORIZATION, value);
            }
            let method = if ask.head { Method::HEAD } else { Method::GET };
            let response = self.send(method, &url, headers, None)?;
            if !response.status().is_redirection() || response.status() == StatusCode::NOT_MODIFIED {
                return Ok((response, is_own));
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let next =
                location.and_then(|location| url.join(location).ok()).ok_or_else(|| Error::Unsafe {
                    host: hosts::shown(&url),
                    why: "it redirects without saying where to".to_owned(),
                })?;
            if url.scheme() == "https" && next.scheme() != "https" {
                let why = format!("it redirects from TLS to {} without", hosts::shown(&next));
                return Err(Error::Unsafe { host: hosts::shown(&url), why });
            }
            url = next;
        }
        let why = format!("it redirects more than {MAX_REDIRECTS} times");
        Err(Error::Unsafe { host: hosts::shown(&self.base), why })
    }

    /// Sends one request and follows nothing.
    pub(crate) fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Option<Vec<u8>>,
    ) -> Result<Response, Error> {
        if self.options.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let request = self.client(url)?.request(method, url.clone()).headers(headers);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        request.send().map_err(|error| network(url, error))
    }

    /// The client for one host. Its addresses were checked and are the only ones it connects to.
    fn client(&self, url: &Url) -> Result<Client, Error> {
        hosts::check_scheme(url, &self.options)?;
        let key = url.origin().ascii_serialization();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let is_named = url.host() == self.base.host()
            || hosts::lists(&self.options.redirect_hosts, url)
            || hosts::lists(&self.options.token_realms, url);
        let addresses = hosts::resolve(url, !is_named)?;
        let limits = &self.options.limits;
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(limits.connect)
            .timeout(limits.read)
            .resolve_to_addrs(url.host_str().unwrap_or_default(), &addresses)
            .build()
            .map_err(|error| network(url, error))?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    pub(crate) fn url(&self, path: &str) -> Result<Url, Error> {
        let prefix = self.base.path().trim_end_matches('/');
        let mut url = self.base.clone();
        url.set_path(&format!("{prefix}/v2/{}/{path}", self.repository));
        if let Some(namespace) = &self.namespace {
            url.query_pairs_mut().append_pair("ns", namespace);
        }
        Ok(url)
    }

    /// Why there is nothing: in the registry's own words where it has some, since only it knows them.
    fn refused(&self, ask: Ask<'_>, response: Response) -> Error {
        let (host, status) = (hosts::shown(response.url()), response.status());
        let what = format!("{}/{}", self.repository, ask.path);
        let advice = match status {
            StatusCode::NOT_FOUND => {
                return Error::missing(
                    format!("{what} at {host}"),
                    "check the name, the tag and the registry",
                );
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "it wants credentials, or other ones; name a Docker configuration that has them, and check the name"
            }
            StatusCode::TOO_MANY_REQUESTS => "its rate limit is used up; wait, or log in",
            status if status.is_server_error() => "it is out of order; try again later",
            _ => "it is not understood; check that a registry answers there",
        };
        // Whoever is not logged in is told so in words of ours: registries say little more than the status there.
        let said = if status == StatusCode::UNAUTHORIZED { None } else { said(response, &self.options) };
        Error::Status {
            host,
            status: status.as_u16(),
            what: crate::content::clip(&what),
            advice: said.unwrap_or_else(|| advice.to_owned()),
        }
    }
}

/// What a registry says of a refusal (OCI distribution specification, "Error Codes"): the first message of the body, if
/// that is of this form.
fn said(response: Response, options: &Options) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        errors: Vec<Said>,
    }
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    let body = read_body(response, LONGEST_REFUSAL, "a refusal", options).ok()?;
    let said = serde_json::from_slice::<Body>(&body).ok()?.errors.into_iter().next()?.message;
    let said = said.trim();
    (!said.is_empty()).then(|| crate::content::clip_at(said, LONGEST_MESSAGE))
}

/// Bytes of a body that is looked at for a message.
const LONGEST_REFUSAL: u64 = 64 << 10;
/// Characters of the message that are shown: a gate names rule, findings, files, layers and a page.
const LONGEST_MESSAGE: usize = 1500;

const USER_AGENT: &str = concat!("roadstead/", env!("CARGO_PKG_VERSION"));

/// Whether trying again may help.
pub(crate) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

/// The wait that a server asks for, in seconds; a date is taken for no wish.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// An error of the connection. The address is left out, as a signed one would be a secret.
pub(crate) fn network(url: &Url, error: reqwest::Error) -> Error {
    Error::Network { host: hosts::shown(url), source: error.without_url().into() }
}

/// Reads all of a small body, within a limit of bytes and of time.
///
/// # Errors
/// Where it passes a limit, or the connection breaks: then it is worth another try.
pub(crate) fn read_body(
    mut response: Response,
    limit: u64,
    what: &str,
    options: &Options,
) -> Result<Vec<u8>, Error> {
    let too_large = || Error::TooLarge { what: crate::content::clip(what), limit };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let host = hosts::shown(response.url());
    let start = Instant::now();
    let mut body = Vec::new();
    let mut buffer = vec![0; 32 << 10];
    loop {
        if options.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let read =
            response.read(&mut buffer).and_then(|read| match start.elapsed() > options.limits.document {
                true => Err(std::io::ErrorKind::TimedOut.into()),
                false => Ok(read),
            });
        let read = read.map_err(|source| Error::Network { host: host.clone(), source: source.into() })?;
        if read == 0 {
            return Ok(body);
        }
        body.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if body.len() as u64 > limit {
            return Err(too_large());
        }
    }
}
