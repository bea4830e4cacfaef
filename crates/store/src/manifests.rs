use crate::blobs::{self, random_name, signed, unsigned};
use crate::error::{Error, database};
use crate::incoming::write_durably;
use crate::manifest::{LinkKind, Manifest, ManifestError, ManifestKind};
use crate::release::{self, State, permitted};
use crate::repositories::{Repo, page, parsed, parsed_json};
use crate::store::{Connection, Store, joined, now};
use crate::{journal, tags};
use access::{Action, Permit};
use model::{Algorithm, Digest, RepositoryName, Tag};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A manifest to be put into a repository.
#[derive(Debug, Clone)]
pub struct PutManifest {
    /// Into which repository. It must exist.
    pub repository: RepositoryName,
    /// The manifest.
    pub manifest: Manifest,
    /// Under which digest; checked against the bytes. `None`: SHA-256.
    pub digest: Option<Digest>,
    /// Tags that point to it from now on.
    pub tags: Vec<Tag>,
    /// Who pushes.
    pub by: String,
}

/// What became of a manifest that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its digest.
    pub digest: Digest,
    /// What it is about, for `OCI-Subject`.
    pub subject: Option<Digest>,
    /// Whether the repository did not have it before.
    pub new: bool,
    /// Its standing now: a manifest that was denied before stays denied.
    pub state: State,
}

/// What is known of a manifest, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestInfo {
    /// Its digest.
    pub digest: Digest,
    /// What it is.
    pub kind: ManifestKind,
    /// Its Content-Type.
    pub media_type: String,
    /// Its artifact type, or the type of its configuration.
    pub artifact_type: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// What it is about.
    pub subject: Option<Digest>,
    /// Its configuration.
    pub config: Option<Digest>,
    /// When it was first put here.
    pub created: i64,
    /// By whom.
    pub pushed_by: String,
}

/// A manifest that is about another, as the list of referrers shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referrer {
    /// Its Content-Type.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Store {
    /// Puts a manifest, its links and its tags into a repository; its standing begins as quarantined.
    /// [`Error::Missing`] where it names a blob that the repository does not hold; the children of an index may be missing.
    pub async fn put_manifest(&self, put: PutManifest) -> Result<Stored, Error> {
        let repo = self.repo(&put.repository).await?;
        let algorithm = put.digest.map_or(Algorithm::Sha256, |digest| digest.algorithm());
        let computed = put.manifest.digest(algorithm);
        if let Some(expected) = put.digest.filter(|digest| *digest != computed) {
            return Err(Error::Digest { expected, computed });
        }
        // Asked before anything is written, so that a push that cannot succeed leaves no file; it is asked again below.
        let mut connection = self.read().acquire().await.map_err(database("put a manifest"))?;
        holds_all(&mut connection, repo.id, &put.manifest).await?;
        drop(connection);
        let store = self.clone();
        tokio::spawn(async move { store.place_manifest(repo, put, computed).await }).await.map_err(joined)?
    }

    async fn place_manifest(
        &self,
        repo: Arc<Repo>,
        put: PutManifest,
        digest: Digest,
    ) -> Result<Stored, Error> {
        let content = put.manifest.digest(Algorithm::Sha256);
        let path = self.inner.blobs.uploads().join(format!(".{}", random_name()?));
        let bytes = put.manifest.bytes().clone();
        let write = tokio::task::spawn_blocking(move || write_durably(path, &digest, &bytes));
        let sealed = write.await.map_err(joined)??;
        let _lock = self.inner.blobs.lock(&digest).await;
        self.inner.blobs.place(sealed).await?;
        let id = repo.id;
        let work = self.write_in(&repo, "put a manifest", move |db| {
            Box::pin(async move {
                holds_all(db, id, &put.manifest).await?;
                blobs::insert(db, &digest, &content, put.manifest.bytes().len() as u64).await?;
                insert(db, id, &digest, &content, put).await
            })
        });
        work.await
    }

    /// What is known of a manifest of a repository. It gives no content.
    pub async fn manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<ManifestInfo>, Error> {
        let Some(repo) = self.find(repository).await? else { return Ok(None) };
        let row: Option<Row> = sqlx::query_as(
            "SELECT digest, kind, media_type, artifact_type, size, subject, config, annotations, created, pushed_by
             FROM manifests WHERE repository = $1 AND digest = $2",
        )
        .bind(repo.id)
        .bind(digest.to_string())
        .fetch_optional(self.read())
        .await
        .map_err(database("find a manifest"))?;
        row.map(Row::read).transpose()
    }

    /// The manifests of a repository that come after `last`, at most `n`, by digest.
    pub async fn manifests(
        &self,
        repository: &RepositoryName,
        last: Option<&Digest>,
        n: usize,
    ) -> Result<Vec<ManifestInfo>, Error> {
        let repo = self.repo(repository).await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT digest, kind, media_type, artifact_type, size, subject, config, annotations, created, pushed_by
             FROM manifests WHERE repository = $1 AND digest > $2 ORDER BY digest LIMIT $3",
        )
        .bind(repo.id)
        .bind(last.map(Digest::to_string).unwrap_or_default())
        .bind(page(n))
        .fetch_all(self.read())
        .await
        .map_err(database("list manifests"))?;
        rows.into_iter().map(Row::read).collect()
    }

    /// Removes a manifest and the tags that point to it. Its release ends; that it was denied is remembered. Whether there
    /// was one.
    pub async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
    ) -> Result<bool, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, digest, by) = (repo.id, repository.clone(), *digest, by.to_owned());
        self.write_in(&repo, "delete a manifest", move |db| {
            Box::pin(async move {
                if !remove(db, id, &digest).await? {
                    return Ok(false);
                }
                journal::append(db, "delete", &json!({"repository": name, "digest": digest, "by": by}))
                    .await?;
                Ok(true)
            })
        })
        .await
    }

    /// The manifests that are about `subject`, by digest, after `last`, at most `n`. A permit to pull sees the released
    /// ones; a permit to read the quarantine also those that its principal brought and that are not denied.
    pub async fn referrers(
        &self,
        permit: &Permit,
        subject: &Digest,
        artifact_type: Option<&str>,
        last: Option<&Digest>,
        n: usize,
    ) -> Result<Vec<Referrer>, Error> {
        permitted(permit, &[Action::Pull, Action::QuarantineRead])?;
        let Some(repo) = self.repo_for(permit).await? else { return Ok(Vec::new()) };
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT m.digest, m.kind, m.media_type, m.artifact_type, m.size, m.subject, m.config, m.annotations,
                    m.created, m.pushed_by
             FROM manifests m JOIN blobs b ON b.digest = m.digest AND b.lost = 0
             WHERE m.repository = $1 AND m.subject = $2 AND m.digest > $3 AND ($4 IS NULL OR m.artifact_type = $4)
               AND (EXISTS (SELECT 1 FROM released l
                            WHERE l.repository = $1 AND l.digest = m.digest AND l.kind = 'manifest')
                    OR (EXISTS (SELECT 1 FROM brought w
                            WHERE w.repository = $1 AND w.digest = m.digest AND w.principal = $5) AND NOT EXISTS (SELECT 1 FROM standings s
                            WHERE s.repository = $1 AND s.content = b.content AND s.state IN ('denied', 'revoked'))))
             ORDER BY m.digest LIMIT $6",
        )
        .bind(repo.id)
        .bind(subject.to_string())
        .bind(last.map(Digest::to_string).unwrap_or_default())
        .bind(artifact_type)
        .bind((permit.action() == Action::QuarantineRead).then(|| permit.principal()))
        .bind(page(n))
        .fetch_all(self.read())
        .await
        .map_err(database("list referrers"))?;
        rows.into_iter().map(Row::referrer).collect()
    }
}

struct Row {
    digest: String,
    kind: String,
    media_type: String,
    artifact_type: Option<String>,
    size: i64,
    subject: Option<String>,
    config: Option<String>,
    annotations: Option<String>,
    created: i64,
    pushed_by: String,
}

crate::store::from_row!(Row {
    digest,
    kind,
    media_type,
    artifact_type,
    size,
    subject,
    config,
    annotations,
    created,
    pushed_by
});

impl Row {
    fn read(self) -> Result<ManifestInfo, Error> {
        let digest = |text: String| parsed("manifests", &text);
        Ok(ManifestInfo {
            digest: digest(self.digest)?,
            kind: ManifestKind::of_row(&self.kind)?,
            media_type: self.media_type,
            artifact_type: self.artifact_type,
            size: unsigned(self.size),
            subject: self.subject.map(digest).transpose()?,
            config: self.config.map(digest).transpose()?,
            created: self.created,
            pushed_by: self.pushed_by,
        })
    }

    fn referrer(mut self) -> Result<Referrer, Error> {
        let annotations = self.annotations.take();
        let info = self.read()?;
        Ok(Referrer {
            media_type: info.media_type,
            digest: info.digest,
            size: info.size,
            artifact_type: info.artifact_type,
            annotations: annotations
                .map(|text| parsed_json("manifests", &text))
                .transpose()?
                .unwrap_or_default(),
        })
    }
}

/// Whether a repository holds what a manifest names, each of the size it names.
async fn holds_all(db: &mut Connection, repository: i64, manifest: &Manifest) -> Result<(), Error> {
    let mut missing = Vec::new();
    for link in manifest.links() {
        let size = match link.kind {
            LinkKind::Manifest => size(db, repository, &link.digest).await?,
            LinkKind::Config | LinkKind::Layer => blob_size(db, repository, &link.digest).await?,
        };
        match size {
            Some(size) if size != link.size => {
                return Err(Error::Manifest(ManifestError::Field {
                    place: link.digest.to_string(),
                    why: format!("it is said to have {} bytes and has {size}", link.size),
                }));
            }
            None if !link.optional => missing.push(link.digest),
            _ => {}
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(Error::Missing(missing)) }
}

/// The size of a manifest that a repository holds.
pub(crate) async fn size(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
) -> Result<Option<u64>, Error> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT m.size FROM manifests m JOIN blobs b ON b.digest = m.digest
         WHERE m.repository = $1 AND m.digest = $2 AND b.lost = 0",
    )
    .bind(repository)
    .bind(digest.to_string())
    .fetch_optional(db)
    .await
    .map_err(database("find a manifest"))?;
    Ok(row.map(|(size,)| unsigned(size)))
}

/// The size of a blob that a repository holds.
pub(crate) async fn blob_size(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
) -> Result<Option<u64>, Error> {
    let row: Option<(i64,)> = sqlx::query_as(
        "SELECT b.size FROM repository_blobs r JOIN blobs b ON b.digest = r.digest
         WHERE r.repository = $1 AND r.digest = $2 AND b.lost = 0",
    )
    .bind(repository)
    .bind(digest.to_string())
    .fetch_optional(db)
    .await
    .map_err(database("find a blob"))?;
    Ok(row.map(|(size,)| unsigned(size)))
}

async fn insert(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
    content: &Digest,
    put: PutManifest,
) -> Result<Stored, Error> {
    let doing = "put a manifest";
    let manifest = &put.manifest;
    let annotations = (!manifest.annotations().is_empty()).then(|| json!(manifest.annotations()).to_string());
    let subject = manifest.subject().map(|subject| subject.digest);
    let made = sqlx::query(
        "INSERT INTO manifests
             (repository, digest, kind, media_type, artifact_type, size, subject, config, annotations, created, pushed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
    )
    .bind(repository)
    .bind(digest.to_string())
    .bind(manifest.kind().name())
    .bind(manifest.media_type())
    .bind(manifest.artifact_type())
    .bind(signed(manifest.bytes().len() as u64))
    .bind(subject.map(|digest| digest.to_string()))
    .bind(manifest.config().map(|config| config.digest.to_string()))
    .bind(annotations)
    .bind(now())
    .bind(&put.by)
    .execute(&mut *db)
    .await
    .map_err(database(doing))?;
    let new = made.rows_affected() > 0;
    if new {
        for link in manifest.links() {
            sqlx::query(
                "INSERT INTO links (repository, parent, child, kind) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            )
            .bind(repository)
            .bind(digest.to_string())
            .bind(link.digest.to_string())
            .bind(link.kind.name())
            .execute(&mut *db)
            .await
            .map_err(database(doing))?;
        }
    }
    blobs::brought(db, repository, digest, &put.by).await?;
    let state = release::arrive(db, repository, digest, content).await?;
    for tag in &put.tags {
        tags::point(db, repository, tag, digest).await?;
    }
    let body = json!({"repository": put.repository, "digest": digest, "tags": put.tags, "by": put.by});
    journal::append(db, "push", &body).await?;
    Ok(Stored { digest: *digest, subject, new, state })
}

/// Removes a manifest from a repository. Whether it was there.
async fn remove(db: &mut Connection, repository: i64, digest: &Digest) -> Result<bool, Error> {
    let doing = "delete a manifest";
    let digest_text = digest.to_string();
    let steps = [
        "DELETE FROM manifests WHERE repository = $1 AND digest = $2",
        "DELETE FROM links WHERE repository = $1 AND parent = $2",
        "DELETE FROM tags WHERE repository = $1 AND digest = $2",
        "DELETE FROM released WHERE repository = $1 AND root = $2",
        "DELETE FROM approvals WHERE repository = $1 AND digest = $2",
        "DELETE FROM terms WHERE repository = $1 AND digest = $2",
        "UPDATE standings SET state = 'quarantined', decision = NULL, decided = NULL
         WHERE repository = $1 AND digest = $2 AND state = 'released'",
    ];
    for (index, step) in steps.into_iter().enumerate() {
        let done = sqlx::query(step).bind(repository).bind(&digest_text).execute(&mut *db).await;
        if done.map_err(database(doing))?.rows_affected() == 0 && index == 0 {
            return Ok(false);
        }
    }
    blobs::unbrought(db, repository, digest).await?;
    tags::disapprove(db, repository).await?;
    Ok(true)
}
