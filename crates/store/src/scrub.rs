use crate::blobs::unsigned;
use crate::error::{self, Error, database};
use crate::incoming::Hashing;
use crate::recover::lose;
use crate::repositories::parsed;
use crate::store::{Store, joined, now};
use model::Digest;
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
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT digest, size FROM blobs WHERE lost = 0 ORDER BY checked, digest LIMIT $1")
                .bind(i64::try_from(blobs).unwrap_or(i64::MAX))
                .fetch_all(self.read())
                .await
                .map_err(database("list blobs"))?;
        let mut scrubbed = Scrubbed::default();
        let (start, rate) = (Instant::now(), rate.max(1));
        for (text, size) in rows {
            let digest: Digest = parsed("blobs", &text)?;
            if self.is_whole(&digest, unsigned(size), start, rate, &mut scrubbed.bytes).await? {
                self.checked(&digest).await?;
            } else if self.set_aside(&digest, unsigned(size)).await? {
                scrubbed.lost.push(digest);
            }
            scrubbed.blobs += 1;
        }
        Ok(scrubbed)
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
        let Ok(mut file) = File::open(&path) else { return Ok(false) };
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
            // A disk that cannot read a blob back has lost it.
            (file, hashing, n) = match piece.await.map_err(joined)? {
                Ok(piece) => piece,
                Err(Error::Io { .. }) => return Ok(false),
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
