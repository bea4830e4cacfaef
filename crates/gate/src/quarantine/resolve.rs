//! What an upstream's tag points to: asked once for all who want to know, and believed for a while.
use crate::core::Core;
use crate::upstream::{Far, Patience};
use model::{Digest, RepositoryName, Tag};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tags of which is remembered where they point.
const MOST: usize = 20_000;
/// How long a failure is believed: who comes right after does not wait for the same.
const FAILED_LIFE: Duration = Duration::from_secs(5);

/// Where tags point, as far as it was asked.
#[derive(Debug, Default)]
pub(crate) struct Known {
    tags: Mutex<HashMap<(RepositoryName, Tag), Arc<Entry>>>,
}

/// One tag. Whoever holds the lock asks; the others wait and take the answer.
type Entry = tokio::sync::Mutex<Option<(Instant, Resolved)>>;

/// Where a tag points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resolved {
    Digest(Digest),
    Unknown,
    /// The upstream does not say.
    Unavailable(String),
}

impl Known {
    fn entry(&self, key: (RepositoryName, Tag)) -> Arc<Entry> {
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        if tags.len() >= MOST && !tags.contains_key(&key) {
            // Those that nobody is asking for. What is forgotten is asked again.
            tags.retain(|_, entry| Arc::strong_count(entry) > 1);
        }
        Arc::clone(tags.entry(key).or_default())
    }
}

impl Core {
    /// Where a tag of an upstream points now, as far as the interval goes for which that is believed.
    pub(super) async fn resolve(&self, far: &Far, repository: &RepositoryName, tag: &Tag) -> Resolved {
        let entry = self.inner.known.entry((repository.clone(), tag.clone()));
        let (core, far, tag) = (self.clone(), far.clone(), tag.clone());
        let time = self.inner.settings.resolve_time;
        // Detached: whoever asked first may go away, the others want the answer all the same.
        let asking = tokio::spawn(async move {
            let mut known = entry.lock().await;
            if let Some((since, resolved)) = known.as_ref() {
                let life = match resolved {
                    Resolved::Digest(_) => core.inner.settings.tag_life,
                    Resolved::Unknown | Resolved::Unavailable(_) => {
                        FAILED_LIFE.min(core.inner.settings.tag_life)
                    }
                };
                if since.elapsed() < life {
                    return resolved.clone();
                }
            }
            let resolved = ask(&core, &far, &tag, time).await;
            *known = Some((Instant::now(), resolved.clone()));
            resolved
        });
        asking
            .await
            .unwrap_or_else(|_| Resolved::Unavailable("the gate could not ask its upstream".to_owned()))
    }
}

async fn ask(core: &Core, far: &Far, tag: &Tag, time: Duration) -> Resolved {
    let Some(upstream) = core.inner.settings.upstreams.get(&far.upstream).cloned() else {
        return Resolved::Unknown;
    };
    let patience = Patience { quick: Some(time), ..Patience::default() };
    let cancelled = Arc::clone(&patience.cancelled);
    let name = far.upstream.clone();
    let (far, tag) = (far.clone(), tag.clone());
    let asking = tokio::task::spawn_blocking(move || {
        upstream.remote(&far, patience).and_then(|far| far.resolve(&tag))
    });
    let answer = tokio::time::timeout(time, asking).await;
    cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
    match answer {
        Ok(Ok(Ok(digest))) => Resolved::Digest(digest),
        Ok(Ok(Err(source::Error::Missing { .. }))) => Resolved::Unknown,
        // Docker's registry answers so for repositories that it does not have.
        Ok(Ok(Err(error @ source::Error::Status { status: 401 | 403 | 404, .. }))) => {
            tracing::info!(upstream = %name, error = error.chain(), "an upstream does not give a tag");
            Resolved::Unknown
        }
        Ok(Ok(Err(error))) => {
            tracing::warn!(upstream = %name, error = error.chain(), "an upstream does not say where a tag points");
            Resolved::Unavailable(format!(
                "the upstream {name} does not answer as it should: {}",
                error.chain()
            ))
        }
        Ok(Err(_)) => Resolved::Unavailable(format!("the upstream {name} could not be asked")),
        Err(_) => Resolved::Unavailable(format!("the upstream {name} does not answer in time")),
    }
}
