//! Registries, as the OCI distribution specification and Docker's token authentication describe them.

mod auth;
mod backoff;
mod blob;
pub(crate) mod challenge;
mod client;
mod credentials;
mod hosts;
mod pull;
mod push;
mod signature;

use crate::content::{Content, Document, DocumentRole, Origin, digest_like, sha256};
use crate::error::Error;
use crate::manifest::Descriptor;
use crate::open::Found;
use crate::options::Options;
use crate::resolve::{self, Root};
use blob::Blob;
use client::{Ask, Endpoint};
use model::{Digest, ImageRef};
pub use pull::{Pulled, Remote};
pub use push::{NewManifest, Referrer, Repository, repository, repository_at};
use reqwest::Url;
use reqwest::blocking::Response;
use reqwest::header;
pub use signature::is_signed;
use std::sync::Arc;

/// Opens an image in a registry. The tag is asked for once; from then on only digests are.
pub(crate) fn open(reference: &ImageRef, options: &Options) -> Result<Found, Error> {
    let registry = Arc::new(Registry::new(reference, options)?);
    let limit = options.limits.manifest;
    let document = registry.first(|endpoint| {
        fetch(endpoint, "manifests", &reference.target(), limit, reference.digest.as_ref())
    })?;
    let descriptor = Descriptor {
        media_type: String::new(),
        digest: reference.digest.unwrap_or_else(|| sha256(&document.bytes)),
        size: document.bytes.len() as u64,
        urls: None,
        annotations: None,
        platform: None,
        artifact_type: None,
    };
    let digest = descriptor.digest;
    let content = Whole { registry };
    let root = Root { descriptor, document: Some(document) };
    let resolved = resolve::resolve(&content, options, vec![root])?;
    Ok(Found { name: Some(reference.clone()), digest: Some(digest), resolved })
}

/// A repository and the hosts that answer for it, in the order in which they are asked.
pub(crate) struct Registry {
    endpoints: Vec<Endpoint>,
    options: Options,
}

impl Registry {
    fn new(reference: &ImageRef, options: &Options) -> Result<Self, Error> {
        let repository = &reference.repository;
        let mut options = options.clone();
        let mut endpoints = Vec::new();
        for mirror in options.mirrors.iter().filter(|mirror| mirror.registry == reference.registry) {
            let base = base_url(&mirror.base_url)?;
            let name = hosts::authority(&base);
            endpoints.push((base, name, Some(reference.registry.clone())));
        }
        // Whoever writes the address of a mirror with http:// has asked for it.
        options.plain_http.extend(
            endpoints.iter().filter(|(base, ..)| base.scheme() == "http").map(|(_, name, _)| name.clone()),
        );
        let secure = base_url(&format!("https://{}", reference.api_host()))?;
        let plain = base_url(&format!("http://{}", reference.api_host()))?;
        let base = if hosts::lists(&options.plain_http, &plain) { plain } else { secure };
        endpoints.push((base, reference.registry.clone(), None));
        let endpoints = endpoints
            .into_iter()
            .map(|(base, name, namespace)| Endpoint::new(base, name, repository, namespace, &options))
            .collect();
        Ok(Self { endpoints, options })
    }

    /// The answer of the first host that has one.
    fn first<T>(&self, ask: impl Fn(&Endpoint) -> Result<T, Error>) -> Result<T, Error> {
        let mut last = None;
        for endpoint in &self.endpoints {
            match ask(endpoint) {
                Err(Error::Cancelled) => return Err(Error::Cancelled),
                Err(error) => last = Some(error),
                found => return found,
            }
        }
        Err(last.unwrap_or(Error::Cancelled))
    }

    fn blob(&self, digest: &Digest, from: u64) -> Result<Response, Error> {
        let path = format!("blobs/{digest}");
        self.first(|endpoint| endpoint.get(Ask { path: &path, accept: None, from, head: false }))
    }
}

fn base_url(text: &str) -> Result<Url, Error> {
    let fail = || Error::Locator {
        text: crate::content::clip(text),
        why: "it is not the address of a registry; write https://host[:port][/path]".to_owned(),
    };
    let url: Url = text.parse().map_err(|_| fail())?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.host().is_some()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty();
    if is_plain { Ok(url) } else { Err(fail()) }
}

const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// Fetches a document of one endpoint, again where the connection breaks in it. Bytes that do not hash to the
/// digest that the endpoint itself names, or that was asked for, are refused here, so that another endpoint
/// may be asked.
fn fetch(
    endpoint: &Endpoint,
    kind: &str,
    target: &str,
    limit: u64,
    wanted: Option<&Digest>,
) -> Result<Document, Error> {
    let path = format!("{kind}/{target}");
    let what = format!("{}/{path}", endpoint.repository);
    let is_manifest = kind == "manifests";
    let accept = is_manifest.then_some(ACCEPT);
    let mut backoff = backoff::Backoff::new(&endpoint.options);
    let (bytes, header, named) = loop {
        let response = endpoint.get(Ask { path: &path, accept, from: 0, head: false })?;
        let text = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (header, named) = (text(header::CONTENT_TYPE.as_str()), text("docker-content-digest"));
        match client::read_body(response, limit, &what, &endpoint.options) {
            Ok(bytes) => break (bytes, header, named),
            Err(Error::Network { .. }) if backoff.wait(None)? => {}
            Err(error) => return Err(error),
        }
    };
    let named: Option<Digest> = named.and_then(|named| named.parse().ok());
    for expected in [wanted.copied(), named.filter(|_| is_manifest)].into_iter().flatten() {
        let computed = digest_like(&expected, &bytes);
        if computed != expected {
            return Err(Error::DigestMismatch {
                what: crate::content::clip(&what),
                expected: Box::new(expected),
                computed: Box::new(computed),
            });
        }
    }
    Ok(Document { bytes, header: header.filter(|_| is_manifest) })
}

/// A repository as the content of one image.
struct Whole {
    registry: Arc<Registry>,
}

impl Content for Whole {
    fn document(&self, descriptor: &Descriptor, role: DocumentRole, limit: u64) -> Result<Document, Error> {
        let kind = match role {
            DocumentRole::Manifest => "manifests",
            DocumentRole::Config => "blobs",
        };
        let target = descriptor.digest.to_string();
        self.registry.first(|endpoint| fetch(endpoint, kind, &target, limit, Some(&descriptor.digest)))
    }

    fn layer(&self, descriptor: &Descriptor) -> Arc<dyn Origin> {
        Arc::new(Blob {
            registry: Arc::clone(&self.registry),
            digest: descriptor.digest,
            size: descriptor.size,
            is_foreign: descriptor.urls.as_ref().is_some_and(|urls| !urls.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expect: bool) {
        assert_eq!(base_url(url).is_ok(), expect, "{url}");
    }

    #[test]
    fn the_address_of_a_mirror_is_an_address() {
        check("https://mirror.example", true);
        check("http://mirror.example:5000/hub", true);
        check("mirror.example", false);
        check("https://user@mirror.example", false);
        check("https://mirror.example/?x", false);
        check("ftp://mirror.example", false);
    }
}
