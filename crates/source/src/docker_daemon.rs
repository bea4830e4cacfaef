use crate::archive;
use crate::content::{digest_like, read_limited};
use crate::error::Error;
use crate::layout::same_reference;
use crate::open::Found;
use crate::options::Options;
use crate::resolve::Resolved;
use crate::stored::{self, StoredLayer};
use crate::tar_index::{TarIndex, spool};
use crate::tar_split::SplitLayer;
use model::{Digest, ImageConfig};
use reqwest::StatusCode;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens an image of the Docker daemon: from its files where they can be read and know it, else over its
/// socket.
pub(crate) fn open(name: &str, options: &Options) -> Result<Found, Error> {
    for driver in DRIVERS {
        let store = Store { root: &options.storage.docker, driver };
        if let Ok(Some(id)) = store.find(name) {
            return store.open(name, &id, options);
        }
    }
    over_socket(name, options)
}

/// The storage drivers that keep the files of each layer in a directory, and the way to it.
const DRIVERS: [Driver; 3] = [
    Driver { name: "overlay2", above: "overlay2", below: "diff" },
    Driver { name: "fuse-overlayfs", above: "fuse-overlayfs", below: "diff" },
    Driver { name: "vfs", above: "vfs/dir", below: "" },
];

#[derive(Clone, Copy)]
struct Driver {
    name: &'static str,
    above: &'static str,
    below: &'static str,
}

struct Store<'a> {
    root: &'a Path,
    driver: Driver,
}

#[derive(Deserialize)]
struct Repositories {
    #[serde(rename = "Repositories", default)]
    repositories: BTreeMap<String, BTreeMap<String, String>>,
}

impl Store<'_> {
    fn folder(&self) -> PathBuf {
        self.root.join("image").join(self.driver.name)
    }

    /// The id of the image of this name or id, where the store has it.
    fn find(&self, name: &str) -> Result<Option<Digest>, Error> {
        let books: Repositories = stored::read_json(&self.folder().join("repositories.json"))?;
        let tags = books.repositories.values().flatten();
        let by_name =
            tags.filter(|(known, _)| *known == name || same_reference(known, name)).map(|(_, id)| id);
        if let Some(id) = by_name.map(|id| id.parse()).next() {
            return id
                .map(Some)
                .map_err(|source| Error::Digest { what: "repositories.json".to_owned(), source });
        }
        let prefix = name.strip_prefix("sha256:").unwrap_or(name);
        if !stored::is_id(prefix) {
            return Ok(None);
        }
        let content = self.folder().join("imagedb/content/sha256");
        let entries = std::fs::read_dir(&content).map_err(|source| Error::io(&content, source))?;
        let mut ids = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
        Ok(ids.find(|id| id.starts_with(prefix)).and_then(|id| format!("sha256:{id}").parse().ok()))
    }

    fn open(&self, name: &str, id: &Digest, options: &Options) -> Result<Found, Error> {
        let what = format!("image {}", id.short());
        let path = self.folder().join("imagedb/content").join(id.algorithm().name()).join(id.hex());
        let config_bytes = stored::read(&path, options.limits.config)?;
        let computed = digest_like(id, &config_bytes);
        if computed != *id {
            return Err(Error::DigestMismatch {
                what,
                expected: Box::new(*id),
                computed: Box::new(computed),
            });
        }
        let config: ImageConfig = crate::manifest::parse_config(&config_bytes, &what, &mut Vec::new())?;
        if config.rootfs.diff_ids.len() > options.limits.layers {
            return Err(Error::refused(what, "its layers pass the limit"));
        }
        let chain = chain_ids(&config.rootfs.diff_ids);
        let layers = chain.iter().map(|chain| self.layer(chain)).collect::<Result<_, _>>()?;
        let mut anomalies = Vec::new();
        let image = stored::image(&what, None, config_bytes, layers, options, &mut anomalies)?;
        let resolved = Resolved { images: vec![image], anomalies, ..Resolved::default() };
        Ok(Found { name: name.parse().ok(), digest: None, resolved })
    }

    fn layer(&self, chain: &Digest) -> Result<StoredLayer, Error> {
        let folder = self.folder().join("layerdb").join(chain.algorithm().name()).join(chain.hex());
        let text = |name: &str| {
            stored::read(&folder.join(name), 256)
                .map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        let cache = text("cache-id")?;
        if !stored::is_plain(&cache) {
            return Err(Error::refused(
                crate::content::show(&folder),
                "its cache-id is malformed; the store is damaged",
            ));
        }
        let files = self.root.join(self.driver.above).join(cache).join(self.driver.below);
        let notes = folder.join("tar-split.json.gz");
        Ok(StoredLayer { origin: Arc::new(SplitLayer::new(notes, files)), size: None })
    }
}

/// The names under which Docker keeps layers: each hashes the one below with its own diffID.
fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            Some(below) => Digest::sha256(Sha256::digest(format!("{below} {diff_id}")).into()),
            None => *diff_id,
        };
        chain.push(next);
    }
    chain
}

/// Has the daemon save the image into an unnamed temporary file (Engine API, `GET /images/NAME/get`).
fn over_socket(name: &str, options: &Options) -> Result<Found, Error> {
    let socket = &options.storage.docker_socket;
    let host = crate::content::show(socket);
    let is_name = name.parse::<model::ImageRef>().is_ok()
        || stored::is_id(name.strip_prefix("sha256:").unwrap_or(name));
    if !is_name {
        return Err(Error::Locator {
            text: crate::content::clip(name),
            why: "it is neither a reference nor an image id".to_owned(),
        });
    }
    if let Err(source) = std::os::unix::net::UnixStream::connect(socket) {
        return Err(Error::Io {
            path: format!(
                "{} or the socket {host} of the Docker daemon",
                crate::content::show(&options.storage.docker)
            ),
            source,
        });
    }
    let failed =
        |error: reqwest::Error| Error::Network { host: host.clone(), source: error.without_url().into() };
    let client = reqwest::blocking::Client::builder()
        .unix_socket(socket.clone())
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        // The daemon packs before it sends, which takes as long as the image is large.
        .timeout(options.limits.document)
        .build()
        .map_err(failed)?;
    let mut response = client.get(format!("http://localhost/images/{name}/get")).send().map_err(failed)?;
    match response.status() {
        StatusCode::OK => {}
        status => {
            let message = read_limited(
                &mut response,
                options.limits.token,
                "the answer of the Docker daemon",
                |source| Error::Network { host: host.clone(), source: source.into() },
            )?;
            let message = String::from_utf8_lossy(message.get(..300).unwrap_or(&message)).into_owned();
            return Err(Error::Status {
                host,
                status: status.as_u16(),
                what: crate::content::clip(name),
                advice: crate::content::clip(&message),
            });
        }
    }
    let file = spool(&mut response, &host, options)?;
    let archive =
        Arc::new(TarIndex::list(file, format!("{name} of the Docker daemon"), options.limits.members)?);
    let mut found = archive::from_docker(&archive, None, options)?;
    found.name = name.parse().ok();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_hashes_what_lies_below() {
        let ids: Vec<Digest> = [b"a", b"b", b"c"].iter().map(|text| crate::content::sha256(*text)).collect();
        let chain = chain_ids(&ids);
        assert_eq!(chain[0], ids[0]);
        assert_eq!(chain[2], crate::content::sha256(format!("{} {}", chain[1], ids[2]).as_bytes()));
        assert!(chain_ids(&[]).is_empty());
    }
}
