use crate::blobs::{remove, unbrought, unsigned};
use crate::error::{Error, database};
use crate::recover::names;
use crate::repositories::parsed;
use crate::store::{Store, joined, now};
use model::{Algorithm, Digest};
use std::time::{Duration, SystemTime};

/// Rows of one transaction: the writer is never kept for long.
const BATCH: i64 = 500;

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Blobs that left a repository, as no manifest of it names them.
    pub unlinked: u64,
    /// Blobs that no repository holds: their files are gone.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files without a row.
    pub strays: u64,
}

impl Store {
    /// Removes what no manifest of any repository names and nobody touched for `grace`, while pushes and pulls go on: a
    /// push, an upload or a mount of what is being removed wins. A grace below an hour lets pushes that are slow find their
    /// first blobs gone, and bring them again.
    ///
    /// What is needed is asked for again in the transaction that removes, which no other writer shares; and the file of a
    /// digest is removed under the lock under which it would be placed.
    pub async fn collect(&self, grace: Duration) -> Result<Collected, Error> {
        let before = now().saturating_sub(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX));
        let mut collected = Collected { unlinked: self.unlink(before).await?, ..Collected::default() };
        let mut last = String::new();
        loop {
            let rows: Vec<(String,)> = sqlx::query_as(UNNEEDED)
                .bind(before)
                .bind(&last)
                .bind(BATCH)
                .fetch_all(self.read())
                .await
                .map_err(database("look for what nobody needs"))?;
            let Some((end,)) = rows.last() else { break };
            last.clone_from(end);
            let mut digests: Vec<Digest> =
                rows.iter().map(|(text,)| parsed("blobs", text)).collect::<Result<_, _>>()?;
            digests.sort_unstable_by_key(crate::blobs::Directory::stripe);
            for group in digests
                .chunk_by(|a, b| crate::blobs::Directory::stripe(a) == crate::blobs::Directory::stripe(b))
            {
                self.sweep(group, before, &mut collected).await?;
            }
        }
        collected.strays = self.strays(grace).await?;
        Ok(collected)
    }

    /// Takes blobs out of repositories whose manifests do not name them.
    async fn unlink(&self, before: i64) -> Result<u64, Error> {
        let ids: Vec<(i64,)> = sqlx::query_as(UNLINKED)
            .bind(before)
            .fetch_all(self.read())
            .await
            .map_err(database("look for unlinked blobs"))?;
        let mut count = 0;
        for (id,) in ids {
            let repo = self.repo_by_id(id).await?;
            loop {
                let done = self
                    .write_in(&repo, "unlink blobs", move |db| {
                        Box::pin(async move {
                            let rows: Vec<(String,)> = sqlx::query_as(UNLINK)
                                .bind(id)
                                .bind(before)
                                .bind(BATCH)
                                .fetch_all(&mut *db)
                                .await
                                .map_err(database("unlink blobs"))?;
                            for (text,) in &rows {
                                unbrought(db, id, &parsed("repository_blobs", text)?).await?;
                            }
                            Ok(rows.len() as u64)
                        })
                    })
                    .await?;
                count += done;
                if done == 0 {
                    break;
                }
            }
        }
        Ok(count)
    }

    /// Removes blobs of one stripe, rows first: a crash in between leaves files without rows, which are strays.
    async fn sweep(&self, group: &[Digest], before: i64, collected: &mut Collected) -> Result<(), Error> {
        let Some(first) = group.first() else { return Ok(()) };
        let digests = group.to_vec();
        let store = self.clone();
        let first = *first;
        // In a task: the lock must be held from the first row to the last file, whoever gives up waiting.
        let sweep = async move {
            let _lock = store.inner.blobs.lock(&first).await;
            let removed: Vec<(Digest, u64)> = store
                .write("sweep blobs", move |db| {
                    Box::pin(async move {
                        let mut removed = Vec::new();
                        for digest in digests {
                            let row: Option<(i64,)> = sqlx::query_as(SWEEP)
                                .bind(digest.to_string())
                                .bind(before)
                                .fetch_optional(&mut *db)
                                .await
                                .map_err(database("sweep blobs"))?;
                            if let Some((size,)) = row {
                                removed.push((digest, unsigned(size)));
                            }
                        }
                        Ok(removed)
                    })
                })
                .await?;
            for (digest, _) in &removed {
                remove(&store.inner.blobs.path(digest));
            }
            Ok::<_, Error>(removed)
        };
        let removed = tokio::spawn(sweep).await.map_err(joined)??;
        collected.blobs += removed.len() as u64;
        collected.bytes += removed.iter().map(|(_, size)| size).sum::<u64>();
        Ok(())
    }

    /// Removes files without a row, which a crash or a push that failed at the end has left.
    async fn strays(&self, grace: Duration) -> Result<u64, Error> {
        let mut count = 0;
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let folder = self.inner.blobs.folder(algorithm);
            let list = tokio::task::spawn_blocking(move || names(&folder)).await.map_err(joined)??;
            for name in list {
                let Ok(digest) = format!("{}:{name}", algorithm.name()).parse::<Digest>() else { continue };
                if self.has_row(&digest).await? || !self.is_older(&digest, grace) {
                    continue;
                }
                let _lock = self.inner.blobs.lock(&digest).await;
                if !self.has_row(&digest).await? {
                    remove(&self.inner.blobs.path(&digest));
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    async fn has_row(&self, digest: &Digest) -> Result<bool, Error> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM blobs WHERE digest = $1")
            .bind(digest.to_string())
            .fetch_optional(self.read())
            .await
            .map_err(database("find a blob"))?;
        Ok(row.is_some())
    }

    fn is_older(&self, digest: &Digest, grace: Duration) -> bool {
        let modified =
            std::fs::metadata(self.inner.blobs.path(digest)).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() >= grace)
    }
}

const UNLINKED: &str = "
    SELECT DISTINCT r.repository FROM repository_blobs r
    WHERE r.touched <= $1 AND NOT EXISTS (
        SELECT 1 FROM links l WHERE l.repository = r.repository AND l.child = r.digest AND l.kind <> 'manifest')";

const UNLINK: &str = "
    DELETE FROM repository_blobs WHERE repository = $1 AND digest IN (
        SELECT r.digest FROM repository_blobs r
        WHERE r.repository = $1 AND r.touched <= $2 AND NOT EXISTS (
            SELECT 1 FROM links l WHERE l.repository = $1 AND l.child = r.digest AND l.kind <> 'manifest')
        LIMIT $3)
    RETURNING digest";

const UNNEEDED: &str = "
    SELECT b.digest FROM blobs b
    WHERE b.created <= $1 AND b.digest > $2
      AND NOT EXISTS (SELECT 1 FROM repository_blobs r WHERE r.digest = b.digest)
      AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.digest = b.digest)
    ORDER BY b.digest LIMIT $3";

const SWEEP: &str = "
    DELETE FROM blobs
    WHERE digest = $1 AND created <= $2
      AND NOT EXISTS (SELECT 1 FROM repository_blobs r WHERE r.digest = blobs.digest)
      AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.digest = blobs.digest)
    RETURNING size";
