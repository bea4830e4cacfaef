use crate::error::{Error, database};
use crate::journal;
use crate::repositories::parsed_json;
use crate::store::{Connection, Store, now};
use model::{Digest, RepositoryName};
use serde_json::{Value, json};

/// An exception that a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewException {
    /// What it is about, as `policy` writes it: findings, digests, repositories.
    pub scope: Value,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub created_by: String,
    /// When it ends. There is none without an end.
    pub expires: i64,
}

/// An exception, asked for or approved.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceptionRow {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub scope: Value,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub created_by: String,
    /// When.
    pub created: i64,
    /// Who approved, and when: never who asked.
    pub approved: Option<(String, i64)>,
    /// When it ends.
    pub expires: i64,
    /// When it was withdrawn.
    pub withdrawn: Option<i64>,
}

impl ExceptionRow {
    /// Whether it holds at a time: approved, not withdrawn, not at its end.
    pub fn holds(&self, at: i64) -> bool {
        self.approved.is_some() && self.withdrawn.is_none() && at < self.expires
    }

    /// Whether somebody may still approve it at a time.
    pub fn waits(&self, at: i64) -> bool {
        self.approved.is_none() && self.withdrawn.is_none() && at < self.expires
    }
}

/// That a person wants a held image to be released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created: i64,
}

impl Store {
    /// Asks for an exception; it holds when somebody else approves it.
    pub async fn create_exception(&self, new: &NewException) -> Result<ExceptionRow, Error> {
        let new = new.clone();
        self.write("note an exception", move |db| Box::pin(create(db, new))).await
    }

    /// Approves an exception. `false` where there is none that waits, or where `by` is who asked for it.
    pub async fn approve_exception(&self, id: i64, by: &str) -> Result<bool, Error> {
        let sql = "UPDATE exceptions SET approved_by = $1, approved = $2
                   WHERE id = $3 AND approved IS NULL AND withdrawn IS NULL AND expires > $2 AND created_by <> $1";
        self.change_exception(sql, "exception-approved", id, by).await
    }

    /// Withdraws an exception. Whether there was one.
    pub async fn withdraw_exception(&self, id: i64, by: &str) -> Result<bool, Error> {
        let sql = "UPDATE exceptions SET withdrawn = $2 WHERE id = $3 AND withdrawn IS NULL AND $1 <> ''";
        self.change_exception(sql, "exception-withdrawn", id, by).await
    }

    async fn change_exception(
        &self,
        sql: &'static str,
        kind: &'static str,
        id: i64,
        by: &str,
    ) -> Result<bool, Error> {
        let by = by.to_owned();
        self.write("change an exception", move |db| {
            Box::pin(async move {
                let done = sqlx::query(sql)
                    .bind(&by)
                    .bind(now())
                    .bind(id)
                    .execute(&mut *db)
                    .await
                    .map_err(database("change an exception"))?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                journal::append(db, kind, &json!({"id": id, "by": by})).await?;
                Ok(true)
            })
        })
        .await
    }

    /// All exceptions, or those that hold at a time.
    pub async fn exceptions(&self, holding_at: Option<i64>) -> Result<Vec<ExceptionRow>, Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT id, scope, reason, created_by, created, approved_by, approved, expires, withdrawn FROM exceptions
             WHERE $1 IS NULL OR (approved IS NOT NULL AND withdrawn IS NULL AND expires > $1) ORDER BY id",
        )
        .bind(holding_at)
        .fetch_all(self.read())
        .await
        .map_err(database("list exceptions"))?;
        rows.into_iter().map(Row::read).collect()
    }

    /// Notes an approval of a held image, once for each person, and anew where the image was decided on since; gives all of
    /// the image.
    pub async fn approve(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
        reason: &str,
    ) -> Result<Vec<Approval>, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, digest, by, reason) =
            (repo.id, repository.clone(), *digest, by.to_owned(), reason.to_owned());
        self.write("note an approval", move |db| {
            Box::pin(async move {
                let done = sqlx::query(
                    "INSERT INTO approvals (repository, digest, approver, reason, created) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (repository, digest, approver) DO UPDATE
                     SET reason = excluded.reason, created = excluded.created
                     WHERE approvals.created <= (SELECT decided FROM standings s
                         WHERE s.repository = $1 AND s.digest = $2)",
                )
                .bind(id)
                .bind(digest.to_string())
                .bind(&by)
                .bind(&reason)
                .bind(now())
                .execute(&mut *db)
                .await
                .map_err(database("note an approval"))?;
                if done.rows_affected() > 0 {
                    let body = json!({"repository": name, "digest": digest, "by": by, "reason": reason});
                    journal::append(db, "approve", &body).await?;
                }
                approvals(db, id, &digest).await
            })
        })
        .await
    }

    /// The approvals of an image.
    pub async fn approvals(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Approval>, Error> {
        let repo = self.repo(repository).await?;
        let mut connection = self.read().acquire().await.map_err(database("list approvals"))?;
        approvals(&mut connection, repo.id, digest).await
    }
}

struct Row {
    id: i64,
    scope: String,
    reason: String,
    created_by: String,
    created: i64,
    approved_by: Option<String>,
    approved: Option<i64>,
    expires: i64,
    withdrawn: Option<i64>,
}

crate::store::from_row!(Row {
    id,
    scope,
    reason,
    created_by,
    created,
    approved_by,
    approved,
    expires,
    withdrawn
});

impl Row {
    fn read(self) -> Result<ExceptionRow, Error> {
        Ok(ExceptionRow {
            id: self.id,
            scope: parsed_json("exceptions", &self.scope)?,
            reason: self.reason,
            created_by: self.created_by,
            created: self.created,
            approved: self.approved_by.zip(self.approved),
            expires: self.expires,
            withdrawn: self.withdrawn,
        })
    }
}

async fn create(db: &mut Connection, new: NewException) -> Result<ExceptionRow, Error> {
    let row: Row = sqlx::query_as(
        "INSERT INTO exceptions (scope, reason, created_by, created, expires) VALUES ($1, $2, $3, $4, $5)
         RETURNING id, scope, reason, created_by, created, approved_by, approved, expires, withdrawn",
    )
    .bind(new.scope.to_string())
    .bind(&new.reason)
    .bind(&new.created_by)
    .bind(now())
    .bind(new.expires)
    .fetch_one(&mut *db)
    .await
    .map_err(database("note an exception"))?;
    let row = row.read()?;
    let body = json!({"id": row.id, "scope": row.scope, "reason": row.reason, "by": row.created_by, "expires": row.expires});
    journal::append(db, "exception", &body).await?;
    Ok(row)
}

async fn approvals(db: &mut Connection, repository: i64, digest: &Digest) -> Result<Vec<Approval>, Error> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(
        "SELECT approver, reason, created FROM approvals WHERE repository = $1 AND digest = $2 ORDER BY created, approver",
    )
    .bind(repository)
    .bind(digest.to_string())
    .fetch_all(db)
    .await
    .map_err(database("list approvals"))?;
    Ok(rows.into_iter().map(|(approver, reason, created)| Approval { approver, reason, created }).collect())
}
