use crate::blobs::{random_name, sync_folder};
use crate::error::{self, Error};
use crate::incoming::{digest, write_durably};
use crate::store::{Store, joined};
use bytes::Bytes;
use model::{Algorithm, Digest};

impl Store {
    /// Keeps a report or a record under its SHA-256. When this returns it would survive a power loss.
    pub async fn put_evidence(&self, bytes: Bytes) -> Result<Digest, Error> {
        let temporary = self.inner.blobs.uploads().join(format!(".{}", random_name()?));
        let folder = self.inner.blobs.root().join("evidence");
        let store = self.clone();
        let put = tokio::task::spawn_blocking(move || {
            let digest = digest(Algorithm::Sha256, &bytes);
            let path = store.inner.blobs.evidence(&digest);
            let mut sealed = write_durably(temporary, &digest, &bytes)?;
            std::fs::rename(&sealed.file.path, &path).map_err(error::io("rename to", &path))?;
            sealed.file.armed = false;
            sync_folder(&folder)?;
            Ok(digest)
        });
        put.await.map_err(joined)?
    }

    /// A report or a record, checked against its digest.
    pub async fn evidence(&self, digest: &Digest) -> Result<Option<Bytes>, Error> {
        if digest.algorithm() != Algorithm::Sha256 {
            return Ok(None);
        }
        let (path, expected) = (self.inner.blobs.evidence(digest), *digest);
        let read = tokio::task::spawn_blocking(move || match std::fs::read(&path) {
            Ok(bytes) if self::digest(Algorithm::Sha256, &bytes) == expected => Ok(Some(Bytes::from(bytes))),
            Ok(_) => Err(Error::Damaged(expected)),
            Err(failed) if failed.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(failed) => Err(error::io("read", &path)(failed)),
        });
        read.await.map_err(joined)?
    }
}
