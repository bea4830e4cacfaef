use super::blob::Blob;
use super::client::{Ask, Endpoint};
use super::{ACCEPT, Registry, base_url, fetch, hosts};
use crate::content::{Origin as _, sha256};
use crate::error::Error;
use crate::options::Options;
use model::{Digest, RepositoryName, Tag};
use std::io::Read;
use std::sync::Arc;

/// A repository of a registry, to be copied document by document and blob by blob. What [`crate::open`] reads to look at
/// an image, this hands on: the same rules hold for who sees credentials, where redirects lead and how long an answer may
/// take.
#[derive(Clone)]
pub struct Remote {
    registry: Arc<Registry>,
}

/// A manifest as a registry sent it. Its bytes hash to its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The digest that was asked for.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The `Content-Type` of the answer, raw.
    pub content_type: Option<String>,
}

impl Remote {
    /// A repository that answers at these addresses, which are asked in this order; `http://` counts as asking for HTTP.
    /// [`Options::mirrors`] are not asked.
    ///
    /// # Errors
    /// Where one of the addresses is none, or there is none at all.
    pub fn new(urls: &[String], repository: &RepositoryName, options: &Options) -> Result<Self, Error> {
        Ok(Self { registry: Arc::new(registry(urls, repository, options)?) })
    }

    /// The name by which [`crate::Login::registry`] means the registry at this address.
    ///
    /// # Errors
    /// Where it is no address.
    pub fn registry_name(url: &str) -> Result<String, Error> {
        Ok(name_of(&hosts::authority(&base_url(url)?)))
    }

    /// The digest that a tag points to, as the registry says: what is copied is then asked for by that digest. Asked with
    /// HEAD, which costs the rate limit of no registry.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is no such tag; others where the registry does not answer, or not as it should.
    pub fn resolve(&self, tag: &Tag) -> Result<Digest, Error> {
        let path = format!("manifests/{tag}");
        self.registry.first(|endpoint| {
            let named = match endpoint.get(Ask { path: &path, accept: Some(ACCEPT), from: 0, head: true }) {
                Ok(response) => response.headers().get("docker-content-digest").cloned(),
                // Some old registries know no HEAD; GET tells.
                Err(Error::Status { status: 405 | 501, .. }) => None,
                Err(error) => return Err(error),
            };
            match named.and_then(|value| value.to_str().ok()?.parse().ok()) {
                Some(digest) => Ok(digest),
                None => {
                    let limit = endpoint.options.limits.manifest;
                    Ok(sha256(&fetch(endpoint, "manifests", tag.as_str(), limit, None)?.bytes))
                }
            }
        })
    }

    /// A manifest by its digest, held against it.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is none, [`Error::DigestMismatch`] where the registry sent another.
    pub fn manifest(&self, digest: &Digest) -> Result<Pulled, Error> {
        let limit = self.registry.options.limits.manifest;
        let target = digest.to_string();
        let document =
            self.registry.first(|endpoint| fetch(endpoint, "manifests", &target, limit, Some(digest)))?;
        Ok(Pulled { digest: *digest, bytes: document.bytes, content_type: document.header })
    }

    /// The bytes of a blob of this size, not yet verified: they end with the declared size or with an error. Where the
    /// connection breaks, the rest is asked for; where nothing comes for long, it counts as broken.
    ///
    /// # Errors
    /// [`Error::Missing`] where there is none.
    pub fn blob(&self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send>, Error> {
        let registry = Arc::clone(&self.registry);
        Blob { registry, digest: *digest, size, is_foreign: false }.open()
    }
}

/// A repository at these addresses.
pub(super) fn registry(
    urls: &[String],
    repository: &RepositoryName,
    options: &Options,
) -> Result<Registry, Error> {
    let bases = urls.iter().map(|url| base_url(url)).collect::<Result<Vec<_>, _>>()?;
    let mut options = options.clone();
    let plain = bases.iter().filter(|base| base.scheme() == "http").map(hosts::authority);
    options.plain_http.extend(plain);
    let endpoints: Vec<Endpoint> = bases
        .into_iter()
        .map(|base| {
            let name = name_of(&hosts::authority(&base));
            Endpoint::new(base, name, repository.as_str(), None, &options)
        })
        .collect();
    if endpoints.is_empty() {
        return Err(Error::missing(repository.as_str(), "no address is known that answers for it"));
    }
    Ok(Registry { endpoints, options })
}

/// Docker's registry has a name that is not the host that answers.
fn name_of(authority: &str) -> String {
    match authority {
        "registry-1.docker.io" | "index.docker.io" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}
