use crate::error::{Error, database};
use crate::journal;
use crate::release::permitted;
use crate::repositories::{page, parsed};
use crate::store::{Connection, Store, now};
use access::{Action, Permit};
use model::{Digest, RepositoryName, Tag};
use serde_json::json;

/// A tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// Its name.
    pub name: Tag,
    /// What was pushed last.
    pub digest: Digest,
    /// What is served: the last digest of this tag that was released.
    pub approved: Option<Digest>,
    /// When it was pushed last.
    pub updated: i64,
}

impl Store {
    /// The tags that come after `last`, at most `n` (and [`crate::MAX_PAGE`]), in lexical order. A permit to pull sees
    /// those with an approved digest that is released; a permit to read the quarantine also those that point to
    /// what its principal brought. [`Error::NoRepository`] where there is none for this permit.
    pub async fn tags(&self, permit: &Permit, last: Option<&str>, n: usize) -> Result<Vec<TagRow>, Error> {
        permitted(permit, &[Action::Pull, Action::QuarantineRead])?;
        let none = || Error::NoRepository(permit.repository().clone());
        let repo = self.repo_for(permit).await?.ok_or_else(none)?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT t.name, t.digest, t.approved, t.updated FROM tags t
             WHERE t.repository = $1 AND t.name > $2 AND (EXISTS (SELECT 1 FROM brought w WHERE w.repository = $1 AND w.digest = t.digest AND w.principal = $3) OR EXISTS (
                 SELECT 1 FROM released l JOIN manifests m ON m.repository = l.repository AND m.digest = l.digest
                 WHERE l.repository = t.repository AND l.digest = t.approved AND l.kind = 'manifest'))
             ORDER BY t.name LIMIT $4",
        )
        .bind(repo.id)
        .bind(last.unwrap_or(""))
        .bind((permit.action() == Action::QuarantineRead).then(|| permit.principal()))
        .bind(page(n))
        .fetch_all(self.read())
        .await
        .map_err(database("list tags"))?;
        rows.into_iter().map(Row::read).collect()
    }

    /// One tag, whatever its standing. It names content and gives none.
    pub async fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<Option<TagRow>, Error> {
        let Some(repo) = self.find(repository).await? else { return Ok(None) };
        let row: Option<Row> = sqlx::query_as(
            "SELECT name, digest, approved, updated FROM tags WHERE repository = $1 AND name = $2",
        )
        .bind(repo.id)
        .bind(tag.as_str())
        .fetch_optional(self.read())
        .await
        .map_err(database("find a tag"))?;
        row.map(Row::read).transpose()
    }

    /// The tags whose last push, or whose approved digest, is this manifest.
    pub async fn tags_of(&self, repository: &RepositoryName, digest: &Digest) -> Result<Vec<TagRow>, Error> {
        let repo = self.repo(repository).await?;
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT name, digest, approved, updated FROM tags
             WHERE repository = $1 AND (digest = $2 OR approved = $2) ORDER BY name LIMIT $3",
        )
        .bind(repo.id)
        .bind(digest.to_string())
        .bind(page(usize::MAX))
        .fetch_all(self.read())
        .await
        .map_err(database("list tags"))?;
        rows.into_iter().map(Row::read).collect()
    }

    /// Points a tag at a manifest of the repository. What it approved before stays approved until the new one is released.
    pub async fn put_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
        by: &str,
    ) -> Result<(), Error> {
        let repo = self.repo(repository).await?;
        let (id, name, tag, digest, by) = (repo.id, repository.clone(), tag.clone(), *digest, by.to_owned());
        self.write_in(&repo, "put a tag", move |db| {
            Box::pin(async move {
                if crate::manifests::size(db, id, &digest).await?.is_none() {
                    return Err(Error::NoManifest { repository: name, digest });
                }
                point(db, id, &tag, &digest).await?;
                let body = json!({"repository": name, "digest": digest, "tags": [tag], "by": by});
                journal::append(db, "tag", &body).await.map(drop)
            })
        })
        .await
    }

    /// Removes a tag. Whether there was one.
    pub async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag, by: &str) -> Result<bool, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, tag, by) = (repo.id, repository.clone(), tag.clone(), by.to_owned());
        self.write_in(&repo, "delete a tag", move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM tags WHERE repository = $1 AND name = $2")
                    .bind(id)
                    .bind(tag.as_str())
                    .execute(&mut *db)
                    .await
                    .map_err(database("delete a tag"))?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                journal::append(db, "delete", &json!({"repository": name, "tag": tag, "by": by})).await?;
                Ok(true)
            })
        })
        .await
    }
}

struct Row {
    name: String,
    digest: String,
    approved: Option<String>,
    updated: i64,
}

crate::store::from_row!(Row { name, digest, approved, updated });

impl Row {
    fn read(self) -> Result<TagRow, Error> {
        Ok(TagRow {
            name: parsed("tags", &self.name)?,
            digest: parsed("tags", &self.digest)?,
            approved: self.approved.map(|text| parsed("tags", &text)).transpose()?,
            updated: self.updated,
        })
    }
}

/// Points a tag at a digest, which is approved at once where it is released already.
pub(crate) async fn point(
    db: &mut Connection,
    repository: i64,
    tag: &Tag,
    digest: &Digest,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO tags (repository, name, digest, approved, updated) VALUES ($1, $2, $3, NULL, $4)
         ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest, updated = excluded.updated",
    )
    .bind(repository)
    .bind(tag.as_str())
    .bind(digest.to_string())
    .bind(now())
    .execute(&mut *db)
    .await
    .map_err(database("put a tag"))?;
    sqlx::query(
        "UPDATE tags SET approved = digest WHERE repository = $1 AND name = $2 AND EXISTS (
             SELECT 1 FROM released l WHERE l.repository = $1 AND l.digest = tags.digest AND l.kind = 'manifest')",
    )
    .bind(repository)
    .bind(tag.as_str())
    .execute(db)
    .await
    .map_err(database("put a tag"))?;
    Ok(())
}

/// Approves what the tags point to, of all that a root has just released.
pub(crate) async fn approve(db: &mut Connection, repository: i64, root: &Digest) -> Result<(), Error> {
    sqlx::query(
        "UPDATE tags SET approved = digest WHERE repository = $1 AND digest IN (
             SELECT l.digest FROM released l WHERE l.repository = $1 AND l.root = $2 AND l.kind = 'manifest')",
    )
    .bind(repository)
    .bind(root.to_string())
    .execute(db)
    .await
    .map_err(database("approve tags"))?;
    Ok(())
}

/// Takes back the approval of what is not released any more.
pub(crate) async fn disapprove(db: &mut Connection, repository: i64) -> Result<(), Error> {
    sqlx::query(
        "UPDATE tags SET approved = NULL WHERE repository = $1 AND approved IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM released l JOIN manifests m ON m.repository = l.repository AND m.digest = l.digest
             WHERE l.repository = $1 AND l.digest = tags.approved AND l.kind = 'manifest')",
    )
    .bind(repository)
    .execute(db)
    .await
    .map_err(database("take approvals back"))?;
    Ok(())
}
