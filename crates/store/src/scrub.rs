use crate::blobs::unsigned;
use crate::error::{self, Error, database};
use crate::incoming::Hashing;
use crate::recover::lose;
use crate::repositories::parsed;
use crate::store::{Store, joined, now};
use model::{Digest, RepositoryName};
use std::fs::File;
use std::io::Read as _;
use std::time::{Duration, Instant};

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// What a scrub found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrubbed {
    /// Blobs that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that are not what their digest says, or are gone: moved to `lost/`, their releases ended, a journal entry each.
    pub lost: Vec<Digest>,
}

impl Store {
    /// Reads at most `blobs` blobs, those that were checked longest ago, at most `rate` bytes in a second, and compares each
    /// with its digest.
    pub async fn scrub(&self, blobs: usize, rate: u64) -> Result<Scrubbed, Error> {
        self.scrub_aged(Duration::ZERO, blobs, rate).await
    }

    /// As [`Store::scrub`], of those alone that came or were checked so long ago.
    pub async fn scrub_aged(&self, age: Duration, blobs: usize, rate: u64) -> Result<Scrubbed, Error> {
        let before = now().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT digest, size FROM blobs WHERE lost = 0 AND checked <= $1 ORDER BY checked, digest LIMIT $2",
        )
        .bind(before)
        .bind(i64::try_from(blobs).unwrap_or(i64::MAX))
        .fetch_all(self.read())
        .await
        .map_err(database("list blobs"))?;
        let mut scrubbed = Scrubbed::default();
        let (start, rate) = (Instant::now(), rate.max(1));
        for (text, size) in rows {
            let digest: Digest = parsed("blobs", &text)?;
            match self.look_at(&digest, unsigned(size), start, rate, &mut scrubbed).await {
                // A machine that is out of descriptors or memory says nothing about the blob: it stays due.
                Err(Error::Io { doing, path, source }) => {
                    tracing::warn!(%digest, error = %source, path = %path.display(), "cannot {doing} a blob to check it");
                }
                other => other?,
            }
        }
        Ok(scrubbed)
    }

    async fn look_at(
        &self,
        digest: &Digest,
        size: u64,
        start: Instant,
        rate: u64,
        scrubbed: &mut Scrubbed,
    ) -> Result<(), Error> {
        if self.is_whole(digest, size, start, rate, &mut scrubbed.bytes).await? {
            self.checked(digest).await?;
        } else if self.set_aside(digest, size).await? {
            scrubbed.lost.push(*digest);
        }
        scrubbed.blobs += 1;
        Ok(())
    }

    /// Whether something that a manifest reaches was here and is lost, so that bringing it again heals it.
    pub async fn is_broken(&self, repository: &RepositoryName, root: &Digest) -> Result<bool, Error> {
        let repo = self.repo(repository).await?;
        let row: Option<(i64,)> = sqlx::query_as(BROKEN)
            .bind(repo.id)
            .bind(root.to_string())
            .fetch_optional(self.read())
            .await
            .map_err(database("look for lost blobs"))?;
        Ok(row.is_some())
    }

    async fn is_whole(
        &self,
        digest: &Digest,
        size: u64,
        start: Instant,
        rate: u64,
        total: &mut u64,
    ) -> Result<bool, Error> {
        let path = self.inner.blobs.path(digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(failed) if is_damage(&failed) => return Ok(false),
            Err(failed) => return Err(error::io("open", &path)(failed)),
        };
        let (mut hashing, mut read) = (Hashing::new(digest.algorithm()), 0);
        loop {
            let path = path.clone();
            let piece = tokio::task::spawn_blocking(move || {
                let mut buffer = vec![0; PIECE];
                let n = file.read(&mut buffer).map_err(error::io("read", &path))?;
                hashing.update(&buffer[..n]);
                Ok::<_, Error>((file, hashing, n as u64))
            });
            let n;
            (file, hashing, n) = match piece.await.map_err(joined)? {
                Ok(piece) => piece,
                Err(Error::Io { source, .. }) if is_damage(&source) => return Ok(false),
                Err(error) => return Err(error),
            };
            if n == 0 {
                return Ok(read == size && hashing.finish(digest.algorithm()) == *digest);
            }
            read += n;
            *total += n;
            let due = Duration::from_secs_f64(*total as f64 / rate as f64);
            tokio::time::sleep(due.saturating_sub(start.elapsed())).await;
        }
    }

    async fn checked(&self, digest: &Digest) -> Result<(), Error> {
        let digest = *digest;
        self.write("note a check", move |db| {
            Box::pin(async move {
                sqlx::query("UPDATE blobs SET checked = $1 WHERE digest = $2")
                    .bind(now())
                    .bind(digest.to_string())
                    .execute(db)
                    .await
                    .map_err(database("note a check"))
                    .map(drop)
            })
        })
        .await
    }

    /// Moves a damaged file to `lost/`, unless a push has brought it anew meanwhile, or the collector has removed it.
    async fn set_aside(&self, digest: &Digest, size: u64) -> Result<bool, Error> {
        let (store, digest) = (self.clone(), *digest);
        let task = async move {
            let _lock = store.inner.blobs.lock(&digest).await;
            let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM blobs WHERE digest = $1 AND lost = 0")
                .bind(digest.to_string())
                .fetch_optional(store.read())
                .await
                .map_err(database("find a blob"))?;
            let mut ignored = 0;
            if row.is_none() || store.is_whole(&digest, size, Instant::now(), u64::MAX, &mut ignored).await? {
                return Ok(false);
            }
            // The rows first: a crash in between leaves a file that nobody is given.
            lose(&store, &digest, "the bytes on the disk are not what the digest says").await?;
            let to = store.inner.blobs.lost().join(format!("{}-{}", digest.algorithm().name(), digest.hex()));
            let from = store.inner.blobs.path(&digest);
            if let Err(error) = std::fs::rename(&from, &to) {
                tracing::warn!(%digest, %error, "a damaged blob could not be moved to lost/");
            }
            tracing::error!(%digest, "a blob is damaged: push or pull it again");
            Ok(true)
        };
        tokio::spawn(task).await.map_err(joined)?
    }
}

const BROKEN: &str = "
    WITH RECURSIVE reach (digest, manifest) AS (
        SELECT CAST($2 AS TEXT), 1
        UNION
        SELECT l.child, CASE l.kind WHEN 'manifest' THEN 1 ELSE 0 END
        FROM reach r JOIN links l ON l.parent = r.digest WHERE l.repository = $1 AND r.manifest = 1)
    SELECT 1 FROM reach r JOIN blobs b ON b.digest = r.digest WHERE b.lost = 1 LIMIT 1";

/// Whether an error says that the bytes are gone. A disk that cannot read a blob back has lost it; a process that may not open
/// one more file, or no file of somebody else's, has not.
fn is_damage(failed: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let is_gone = failed.kind() == std::io::ErrorKind::NotFound;
    is_gone
        || matches!(
            Errno::from_io_error(failed),
            Some(Errno::IO | Errno::BADMSG | Errno::UCLEAN | Errno::NODATA)
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn a_machine_in_need_has_lost_no_blob() {
        let check = |errno: Errno, expect| assert_eq!(is_damage(&errno.into()), expect, "{errno:?}");
        for errno in [Errno::NOENT, Errno::IO, Errno::BADMSG, Errno::UCLEAN] {
            check(errno, true);
        }
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::ACCESS, Errno::INTR, Errno::STALE] {
            check(errno, false);
        }
    }
}
