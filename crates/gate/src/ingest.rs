//! Fetching an image of an upstream into quarantine: its manifests, and every blob that they name, each held against the
//! digest and the size that its manifest gave it. Blocking; runs off the asynchronous threads.
//!
//! What an upstream sends is the attacker's. It may name any digest: a blob that another repository of ours has is fetched
//! again all the same, as taking it from there would hand a stranger's private layers to whoever names their digest.

mod blobs;

use crate::upstream::{Far, Patience, Upstream};
use model::{Digest, Platform, RepositoryName, Tag};
use serde_json::{Value, json};
use source::Remote;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;
use store::{Manifest, ManifestKind, Origin, PutManifest, Store};
use tokio::runtime::Handle;

/// Bounds on what is fetched for one image.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of all blobs together.
    pub bytes: u64,
    /// Blobs of one manifest.
    pub layers: usize,
    /// Manifests of one image.
    pub manifests: usize,
    /// Indexes in indexes.
    pub depth: usize,
    /// The configuration of one image.
    pub config: u64,
    /// All of it.
    pub time: Duration,
    /// Without a byte of progress.
    pub idle: Duration,
    /// Blobs that are fetched at once.
    pub at_once: usize,
    /// The platforms of an index that are fetched, with what has none; all where none is named. The others are not released.
    pub platforms: Vec<Platform>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 32 << 30,
            layers: 1024,
            manifests: 256,
            depth: 3,
            config: 8 << 20,
            time: Duration::from_hours(1),
            idle: Duration::from_secs(30),
            at_once: 3,
            platforms: Vec::new(),
        }
    }
}

/// Why an image could not be fetched. The messages name the upstream, and what it sent is escaped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    /// There is no such content.
    #[error("{0}")]
    Missing(String),
    /// What it sends is not what it should be, or more than is taken.
    #[error("{0}")]
    Refused(String),
    /// It does not answer, or not now.
    #[error("{0}")]
    Passing(String),
    /// Ours.
    #[error("the store cannot keep what {upstream} sends")]
    Store {
        /// Whose content it is.
        upstream: access::Upstream,
        /// What the store says.
        #[source]
        source: Box<store::Error>,
    },
}

/// What is to be fetched, and with what.
pub(crate) struct Ingest<'a> {
    pub(crate) store: &'a Store,
    pub(crate) runtime: &'a Handle,
    pub(crate) upstream: &'a Upstream,
    pub(crate) far: &'a Far,
    pub(crate) repository: &'a RepositoryName,
    pub(crate) limits: &'a Limits,
    pub(crate) patience: Patience,
    /// Told how far it is.
    pub(crate) progress: &'a (dyn Fn(Value) + Sync),
}

/// Who brings content of upstreams.
pub(crate) const GATE: &str = "gate";

/// Fetches a manifest with all that it reaches, children first, so that a root that is there is whole. Tags are given to it
/// at the end.
pub(crate) fn fetch(ingest: &Ingest<'_>, root: &Digest, tags: &[Tag]) -> Result<(), IngestError> {
    let remote = ingest.upstream.remote(ingest.far, ingest.patience.clone());
    let remote = remote.map_err(|error| ingest.failed(error))?;
    let origin = Origin::Upstream {
        upstream: ingest.far.upstream.as_str().to_owned(),
        remote: ingest.far.remote.as_str().to_owned(),
    };
    // The manifest first: a digest that nobody has makes no repository.
    let manifest = pull(ingest, &remote, root, None)?;
    ingest.wait(ingest.store.create_repository(ingest.repository, &origin))?;
    let walk = Walk {
        ingest,
        remote,
        seen: Mutex::new(BTreeSet::from([*root])),
        count: Mutex::new(blobs::Count::default()),
    };
    walk.manifest(manifest, root, tags, 0)
}

struct Walk<'a> {
    ingest: &'a Ingest<'a>,
    remote: Remote,
    seen: Mutex<BTreeSet<Digest>>,
    count: Mutex<blobs::Count>,
}

impl Walk<'_> {
    fn manifest(
        &self,
        manifest: Manifest,
        digest: &Digest,
        tags: &[Tag],
        depth: usize,
    ) -> Result<(), IngestError> {
        let ingest = self.ingest;
        match manifest.kind() {
            ManifestKind::Index => self.children(&manifest, digest, depth)?,
            ManifestKind::Image | ManifestKind::Artifact => self.blobs(&manifest, digest)?,
        }
        ingest.wait(ingest.store.put_manifest(PutManifest {
            repository: ingest.repository.clone(),
            manifest,
            digest: Some(*digest),
            tags: tags.to_vec(),
            by: GATE.to_owned(),
        }))?;
        Ok(())
    }

    fn children(&self, index: &Manifest, digest: &Digest, depth: usize) -> Result<(), IngestError> {
        let limits = self.ingest.limits;
        if depth >= limits.depth {
            return Err(self.ingest.refused(format!("{digest} is an index in too many indexes")));
        }
        for child in index.manifests() {
            if !is_wanted(child.platform.as_deref(), &limits.platforms) {
                continue;
            }
            let new = {
                let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let new = seen.insert(child.digest);
                if seen.len() > limits.manifests {
                    let why = format!("it leads to more than {} manifests", limits.manifests);
                    return Err(self.ingest.refused(why));
                }
                new
            };
            if new {
                let declared = Some((child.media_type.as_str(), child.size));
                match pull(self.ingest, &self.remote, &child.digest, declared) {
                    Ok(manifest) => self.manifest(manifest, &child.digest, &[], depth + 1)?,
                    // An index may list more than its registry has; what is not there is not released.
                    Err(IngestError::Missing(why)) => {
                        tracing::info!(why, "an index lists what its registry does not have")
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

/// Fetches one manifest and reads it as strictly as one that is pushed. `declared`: what the index said of it.
fn pull(
    ingest: &Ingest<'_>,
    remote: &Remote,
    digest: &Digest,
    declared: Option<(&str, u64)>,
) -> Result<Manifest, IngestError> {
    let pulled = remote.manifest(digest).map_err(|error| ingest.failed(error))?;
    // A server that knows no types says so with one of these; it names no other.
    let content_type = pulled.content_type.as_deref().filter(|name| !is_generic(name));
    let size = pulled.bytes.len() as u64;
    let manifest = Manifest::parse(pulled.bytes.into(), content_type)
        .map_err(|error| ingest.refused(format!("the manifest {}: {error}", digest.short())))?;
    if let Some((media_type, declared)) = declared {
        if size != declared {
            let why = format!("{} has {size} bytes, its index says {declared}", digest.short());
            return Err(ingest.refused(why));
        }
        if !media_type.is_empty() && media_type != manifest.media_type() {
            let shown = model::escape_text(&media_type.chars().take(100).collect::<String>());
            let why = format!("{} is {}, its index says {shown}", digest.short(), manifest.media_type());
            return Err(ingest.refused(why));
        }
    }
    Ok(manifest)
}

/// Types that say nothing.
fn is_generic(name: &str) -> bool {
    let bare = name.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/octet-stream", "text/plain"]
        .iter()
        .any(|known| bare.eq_ignore_ascii_case(known))
}

/// Whether an entry of an index is fetched. What has no platform, or says that it is for none (`unknown/unknown`:
/// statements about the others), is small and always is.
fn is_wanted(platform: Option<&str>, wanted: &[Platform]) -> bool {
    let Some(platform) = platform.filter(|_| !wanted.is_empty()) else { return true };
    platform.starts_with("unknown")
        || platform
            .parse::<Platform>()
            .map_or(true, |platform| wanted.iter().any(|one| platform.satisfies(one)))
}

impl Ingest<'_> {
    /// Waits for the store, from a thread that may block.
    fn wait<T>(&self, work: impl Future<Output = Result<T, store::Error>>) -> Result<T, IngestError> {
        self.runtime.block_on(work).map_err(|source| self.kept(source))
    }

    fn kept(&self, source: store::Error) -> IngestError {
        match source {
            store::Error::Digest { .. } | store::Error::TooLarge { .. } | store::Error::Manifest(_) => {
                self.refused(source.to_string())
            }
            store::Error::Missing(_) => self.refused(source.to_string()),
            source => IngestError::Store { upstream: self.far.upstream.clone(), source: Box::new(source) },
        }
    }

    fn refused(&self, why: impl AsRef<str>) -> IngestError {
        let Far { upstream, remote } = self.far;
        IngestError::Refused(format!(
            "what the upstream {upstream} sends for {remote} is refused: {}",
            why.as_ref()
        ))
    }

    /// What an error of the connection means.
    fn failed(&self, error: source::Error) -> IngestError {
        use source::Error as E;
        let Far { upstream, remote } = self.far;
        let chain = error.chain();
        match error {
            E::Missing { .. } => IngestError::Missing(format!("the upstream {upstream} has none: {chain}")),
            // Docker's registry answers so for names that it does not have.
            E::Status { status: 401 | 403 | 404, .. } => {
                IngestError::Missing(format!("the upstream {upstream} has none for us: {chain}"))
            }
            E::TooLarge { .. }
            | E::Json { .. }
            | E::Refused { .. }
            | E::DigestMismatch { .. }
            | E::Digest { .. }
            | E::Unsafe { .. } => self.refused(chain),
            E::Cancelled => IngestError::Passing(format!(
                "fetching {remote} from the upstream {upstream} was given up: it took too long, or the server ends"
            )),
            _ => IngestError::Passing(format!("the upstream {upstream} does not give {remote}: {chain}")),
        }
    }

    fn say(&self, count: &blobs::Count) {
        (self.progress)(json!({
            "stage": "fetching", "done": count.done, "of": count.of, "bytes": count.bytes, "total": count.total,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(platform: Option<&str>, wanted: &[&str], expect: bool) {
        let wanted: Vec<Platform> = wanted.iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(is_wanted(platform, &wanted), expect, "{platform:?} {wanted:?}");
    }

    #[test]
    fn the_configured_platforms_are_fetched() {
        check(Some("linux/amd64"), &[], true);
        check(Some("linux/amd64"), &["linux/amd64"], true);
        check(Some("linux/arm64/v8"), &["linux/amd64"], false);
        check(Some("unknown/unknown"), &["linux/amd64"], true);
        check(None, &["linux/amd64"], true);
        check(Some("\0"), &["linux/amd64"], true);
    }

    #[test]
    fn types_that_say_nothing_are_known() {
        for (name, expect) in
            [("text/plain; charset=utf-8", true), ("application/JSON", true), ("text/html", false)]
        {
            assert_eq!(is_generic(name), expect, "{name}");
        }
    }
}
