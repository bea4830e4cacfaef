mod layout;
mod referrers;

pub use referrers::Referrer;

use super::backoff::Backoff;
use super::client::{Ask, Endpoint, is_passing, read_body, retry_after};
use super::{Pulled, Registry, fetch, hosts};
use crate::content::sha256;
use crate::error::Error;
use crate::locator::Locator;
use crate::options::Options;
use model::{Digest, ImageRef, RepositoryName};
use reqwest::blocking::Response;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use std::sync::PoisonError;

/// Where an image lies, to read small things beside it and to put small things there: signatures, statements, their
/// manifests. What it says is verified against digests, and against nothing else.
pub trait Repository: Send + Sync {
    /// The manifest or index of the image. What its tag means is asked for once, here: who goes on goes on with the
    /// digest, which is that of the bytes that came.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is none; [`Error::DigestMismatch`] where another came than was asked for, or than
    /// the registry says that it sent.
    fn root(&self) -> Result<Pulled, Error>;

    /// Manifests that hold signatures of this image in the older of cosign's formats.
    ///
    /// # Errors
    /// Where that cannot be found out. There being none is no error.
    fn signatures(&self, image: &Digest) -> Result<Vec<Pulled>, Error>;

    /// What refers to an image, of every kind: registries that filter by kind do not all know the kinds (OCI
    /// distribution specification, "Listing Referrers"). At most a thousand; nothing of it is verified.
    ///
    /// # Errors
    /// Where that cannot be found out.
    fn referrers(&self, image: &Digest) -> Result<Vec<Referrer>, Error>;

    /// A manifest by its digest, held against it.
    ///
    /// # Errors
    /// Where it is not there, or another is.
    fn manifest(&self, digest: &Digest) -> Result<Pulled, Error>;

    /// The bytes of a small blob, held against its digest.
    ///
    /// # Errors
    /// Where it is not there, is longer than `limit`, or hashes to something else.
    fn blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, Error>;

    /// Puts a blob there, unless it is there already.
    ///
    /// # Errors
    /// Where it is not taken.
    fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Error>;

    /// Puts a manifest there, under a tag or under its digest, and lists it as a referrer of an image where that is not
    /// done by itself.
    ///
    /// # Errors
    /// Where it is not taken, or another was.
    fn put_manifest(&self, new: &NewManifest<'_>) -> Result<Digest, Error>;
}

/// A manifest to be put somewhere.
#[derive(Debug, Clone, Copy)]
pub struct NewManifest<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Its media type.
    pub media_type: &'a str,
    /// The tag under which it is to be found; none for one that is found by its digest or as a referrer.
    pub tag: Option<&'a str>,
    /// The image that it refers to, and how the list of that image's referrers is to name it.
    pub refers: Option<(&'a Digest, &'a Referrer)>,
}

/// Opens the repository or layout of an image; `writes` asks for a token that may push.
///
/// # Errors
/// Where the locator means another kind of place, in which nothing lies beside an image, or the place cannot be opened.
pub fn repository(locator: &Locator, writes: bool, options: &Options) -> Result<Box<dyn Repository>, Error> {
    match locator {
        Locator::Registry(reference) => Ok(Box::new(Remote::new(reference, writes, options)?)),
        Locator::Oci { dir, tag } => Ok(Box::new(layout::Directory::new(dir, tag.as_deref(), options)?)),
        other => Err(Error::Locator {
            text: other.to_string(),
            why: "signatures lie beside images in registries and in OCI layouts; name one of these"
                .to_owned(),
        }),
    }
}

/// Opens the repository of an image at the first of these addresses, as [`crate::Remote::new`] understands them, to read
/// what lies beside the image.
///
/// # Errors
/// Where one of the addresses is none, or there is none at all.
pub fn repository_at(
    urls: &[String],
    repository: &RepositoryName,
    image: &Digest,
    options: &Options,
) -> Result<Box<dyn Repository>, Error> {
    let mut endpoints = super::pull::registry(urls, repository, options)?.endpoints;
    let endpoint = endpoints.drain(..).next().ok_or(Error::Cancelled)?;
    Ok(Box::new(Remote { endpoint, target: image.to_string() }))
}

/// A repository of a registry. It speaks to the registry itself and to no mirror, as a mirror is not where things are
/// kept.
struct Remote {
    endpoint: Endpoint,
    target: String,
}

impl Remote {
    fn new(reference: &ImageRef, writes: bool, options: &Options) -> Result<Self, Error> {
        let options = Options { mirrors: Vec::new(), ..options.clone() };
        let mut endpoint = Registry::new(reference, &options)?.endpoints.pop().ok_or(Error::Cancelled)?;
        if writes {
            endpoint.actions = "pull,push";
        }
        Ok(Self { endpoint, target: reference.target() })
    }

    fn pulled(&self, target: &str) -> Result<Pulled, Error> {
        let wanted: Option<Digest> = target.parse().ok();
        let limit = self.endpoint.options.limits.manifest;
        let document = fetch(&self.endpoint, "manifests", target, limit, wanted.as_ref())?;
        Ok(Pulled {
            digest: wanted.unwrap_or_else(|| sha256(&document.bytes)),
            bytes: document.bytes,
            content_type: document.header,
        })
    }
}

impl Repository for Remote {
    fn root(&self) -> Result<Pulled, Error> {
        self.pulled(&self.target)
    }

    fn signatures(&self, image: &Digest) -> Result<Vec<Pulled>, Error> {
        match self.pulled(&signature_tag(image)) {
            Ok(found) => Ok(vec![found]),
            Err(Error::Missing { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn referrers(&self, image: &Digest) -> Result<Vec<Referrer>, Error> {
        self.list(image)
    }

    fn manifest(&self, digest: &Digest) -> Result<Pulled, Error> {
        self.pulled(&digest.to_string())
    }

    fn blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, Error> {
        fetch(&self.endpoint, "blobs", &digest.to_string(), limit, Some(digest))
            .map(|document| document.bytes)
    }

    /// OCI distribution specification, "POST then PUT".
    fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Error> {
        let path = format!("blobs/{digest}");
        match self.endpoint.get(Ask { path: &path, accept: None, from: 0, head: true }) {
            Ok(_) => return Ok(()),
            Err(Error::Missing { .. } | Error::Status { status: 405 | 501, .. }) => {}
            Err(error) => return Err(error),
        }
        let what = "an upload";
        let start = self.endpoint.url("blobs/uploads/")?;
        let answer = self.request(&Method::POST, &start, None, Some(Vec::new()))?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.refused(&answer, what));
        }
        let mut place = self.location(&answer)?;
        place.query_pairs_mut().append_pair("digest", &digest.to_string());
        let answer =
            self.request(&Method::PUT, &place, Some("application/octet-stream"), Some(bytes.to_vec()))?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT => self.check_digest(&answer, digest),
            _ => Err(self.refused(&answer, what)),
        }
    }

    fn put_manifest(&self, new: &NewManifest<'_>) -> Result<Digest, Error> {
        let digest = sha256(new.bytes);
        let target = new.tag.map_or_else(|| digest.to_string(), str::to_owned);
        let url = self.endpoint.url(&format!("manifests/{target}"))?;
        let answer = self.request(&Method::PUT, &url, Some(new.media_type), Some(new.bytes.to_vec()))?;
        if answer.status() != StatusCode::CREATED {
            return Err(self.refused(&answer, &format!("the manifest {target}")));
        }
        self.check_digest(&answer, &digest)?;
        // A registry that keeps a list of referrers says so (`OCI-Subject`).
        if let Some((image, referrer)) = new.refers
            && !answer.headers().contains_key("oci-subject")
        {
            self.list_referrer(image, referrer)?;
        }
        Ok(digest)
    }
}

impl Remote {
    /// One request with the patience and the credentials that it takes. Redirects are not followed: what is written is
    /// written where it was said to be.
    fn request(
        &self,
        method: &Method,
        url: &Url,
        content_type: Option<&str>,
        body: Option<Vec<u8>>,
    ) -> Result<Response, Error> {
        let endpoint = &self.endpoint;
        let is_own = url.origin() == endpoint.base.origin();
        let mut backoff = Backoff::new(&endpoint.options);
        let mut is_renewed = false;
        loop {
            let used = endpoint.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
            if let Some(Ok(value)) = content_type.map(HeaderValue::from_str) {
                let name = if body.is_some() { header::CONTENT_TYPE } else { header::ACCEPT };
                headers.insert(name, value);
            }
            // Another host than the registry sees no credentials, though the registry names it for uploads.
            if is_own && let Some(value) = used.header() {
                headers.insert(header::AUTHORIZATION, value);
            }
            let response = match endpoint.send(method.clone(), url, headers, body.clone()) {
                Ok(response) => response,
                Err(error @ Error::Network { .. }) => match backoff.wait(None)? {
                    true => continue,
                    false => return Err(error),
                },
                Err(error) => return Err(error),
            };
            match response.status() {
                StatusCode::UNAUTHORIZED if is_own && !is_renewed => {
                    endpoint.authorize(response.headers(), &used)?;
                    is_renewed = true;
                }
                status if is_passing(status) && backoff.wait(retry_after(response.headers()))? => {}
                _ => return Ok(response),
            }
        }
    }

    /// Where an upload goes on.
    fn location(&self, answer: &Response) -> Result<Url, Error> {
        let host = hosts::shown(answer.url());
        let refuse = |why: String| Error::Unsafe { host: host.clone(), why };
        let next = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|location| answer.url().join(location).ok())
            .ok_or_else(|| refuse("it takes an upload without saying where to".to_owned()))?;
        if answer.url().scheme() == "https" && next.scheme() != "https" {
            return Err(refuse(format!("it sends an upload from TLS to {} without", hosts::shown(&next))));
        }
        Ok(next)
    }

    /// What the registry says that it has taken, where it says so.
    fn check_digest(&self, answer: &Response, expected: &Digest) -> Result<(), Error> {
        let named = answer.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        match named.map(str::parse::<Digest>) {
            Some(Ok(computed)) if computed.algorithm() == expected.algorithm() && computed != *expected => {
                Err(Error::DigestMismatch {
                    what: format!("what {} says that it has taken", hosts::shown(answer.url())),
                    expected: Box::new(*expected),
                    computed: Box::new(computed),
                })
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, answer: &Response, what: &str) -> Error {
        let advice = match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                "it wants other credentials; name a Docker configuration of somebody who may push there"
            }
            StatusCode::METHOD_NOT_ALLOWED => "it takes nothing; it may be a mirror or read-only",
            StatusCode::NOT_FOUND => "it has no such repository, or you may not know of it",
            StatusCode::TOO_MANY_REQUESTS => "its rate limit is used up; wait, or log in",
            status if status.is_server_error() => "it is out of order; try again later",
            _ => "it is not understood; check that a registry answers there",
        };
        Error::Status {
            host: hosts::shown(answer.url()),
            status: answer.status().as_u16(),
            what: crate::content::clip(&format!("{what} in {}", self.endpoint.repository)),
            advice: advice.to_owned(),
        }
    }

    /// A document of any kind: its bytes, held against nothing.
    fn document(&self, url: &Url, accept: &str) -> Result<Option<(Vec<u8>, HeaderMap)>, Error> {
        let answer = self.request(&Method::GET, url, Some(accept), None)?;
        match answer.status() {
            StatusCode::OK => {
                let headers = answer.headers().clone();
                let limit = self.endpoint.options.limits.manifest;
                let body = read_body(answer, limit, "a list of referrers", &self.endpoint.options)?;
                Ok(Some((body, headers)))
            }
            // Registries that know no referrers say so in several ways.
            StatusCode::NOT_FOUND
            | StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => Ok(None),
            _ => Err(self.refused(&answer, "a list of referrers")),
        }
    }
}

/// The tag under which cosign and its kin look for signatures of an image.
fn signature_tag(image: &Digest) -> String {
    format!("{}-{}.sig", image.algorithm().name(), image.hex())
}
