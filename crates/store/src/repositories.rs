use crate::error::{Error, database};
use crate::journal;
use crate::store::{Connection, MAX_PAGE, Store, now};
use access::Permit;
use model::RepositoryName;
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Where the content of a repository comes from. It is fixed when the repository is made, since a verdict never passes
/// from one origin to another (GHSA-4j4m-fchf-gr9r).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// People push to it.
    Hosted,
    /// It is filled from another registry.
    Upstream {
        /// The name of the upstream in the configuration.
        upstream: String,
        /// The name of the repository there.
        remote: String,
    },
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name.
    pub name: RepositoryName,
    /// Where its content comes from.
    pub origin: Origin,
    /// When it was made.
    pub created: i64,
}

/// A repository in memory. There is one for each, for as long as the store is open: its epoch must not be forgotten.
#[derive(Debug)]
pub(crate) struct Repo {
    pub(crate) id: i64,
    pub(crate) repository: Repository,
    /// Rises with every change of membership or release; no number ever comes twice.
    epoch: AtomicU64,
}

impl Repo {
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(crate) fn raise_epoch(&self, known: &Known) {
        self.epoch.fetch_max(known.next_epoch(), Ordering::AcqRel);
    }

    pub(crate) fn name(&self) -> &RepositoryName {
        &self.repository.name
    }
}

/// The repositories in memory.
#[derive(Debug, Default)]
pub(crate) struct Known {
    by_name: RwLock<HashMap<RepositoryName, Arc<Repo>>>,
    epochs: AtomicU64,
}

impl Known {
    fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn get(&self, name: &RepositoryName) -> Option<Arc<Repo>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// The one that is kept: of two that come at once, the first.
    fn keep(&self, (id, repository): (i64, Repository)) -> Arc<Repo> {
        let mut map = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = || {
            Arc::new(Repo { id, epoch: AtomicU64::new(self.next_epoch()), repository: repository.clone() })
        };
        Arc::clone(map.entry(repository.name.clone()).or_insert_with(fresh))
    }
}

impl Store {
    /// Makes a repository where there is none. [`Error::OriginDiffers`] where there is one with another origin.
    pub async fn create_repository(
        &self,
        name: &RepositoryName,
        origin: &Origin,
    ) -> Result<Repository, Error> {
        let repo = match self.find(name).await? {
            Some(repo) => repo,
            None => {
                let (name, origin) = (name.clone(), origin.clone());
                let create = self.write("make a repository", move |db| Box::pin(create(db, name, origin)));
                self.inner.repositories.keep(create.await?)
            }
        };
        if repo.repository.origin != *origin {
            return Err(Error::OriginDiffers(name.clone()));
        }
        Ok(repo.repository.clone())
    }

    /// The repository of a name. Remembered in memory.
    pub async fn repository(&self, name: &RepositoryName) -> Result<Option<Repository>, Error> {
        Ok(self.find(name).await?.map(|repo| repo.repository.clone()))
    }

    /// The names that come after `last`, at most `n` (and [`crate::MAX_PAGE`]), in lexical order. The caller shows each
    /// principal only what it may see.
    pub async fn repositories(&self, last: Option<&str>, n: usize) -> Result<Vec<RepositoryName>, Error> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT name FROM repositories WHERE name > $1 ORDER BY name LIMIT $2")
                .bind(last.unwrap_or(""))
                .bind(page(n))
                .fetch_all(self.read())
                .await
                .map_err(database("list repositories"))?;
        rows.into_iter().map(|(name,)| parsed("repositories", &name)).collect()
    }

    pub(crate) async fn find(&self, name: &RepositoryName) -> Result<Option<Arc<Repo>>, Error> {
        if let Some(repo) = self.inner.repositories.get(name) {
            return Ok(Some(repo));
        }
        let row: Option<Row> = sqlx::query_as(SELECT_BY_NAME)
            .bind(name.as_str())
            .fetch_optional(self.read())
            .await
            .map_err(database("find a repository"))?;
        row.map(|row| Ok(self.inner.repositories.keep(row.read()?))).transpose()
    }

    /// The repository of a permit. None where it stands for an upstream that the permit is not for.
    pub(crate) async fn repo_for(&self, permit: &Permit) -> Result<Option<Arc<Repo>>, Error> {
        let repo = self.find(permit.repository()).await?;
        Ok(repo.filter(|repo| match &repo.repository.origin {
            Origin::Hosted => true,
            Origin::Upstream { upstream, .. } => {
                permit.upstream().is_some_and(|name| name.as_str() == upstream)
            }
        }))
    }

    /// The repository, or [`Error::NoRepository`].
    pub(crate) async fn repo(&self, name: &RepositoryName) -> Result<Arc<Repo>, Error> {
        self.find(name).await?.ok_or_else(|| Error::NoRepository(name.clone()))
    }

    /// The repositories of these numbers.
    pub(crate) async fn repo_by_id(&self, id: i64) -> Result<Arc<Repo>, Error> {
        let row: Row =
            sqlx::query_as("SELECT id, name, upstream, remote, created FROM repositories WHERE id = $1")
                .bind(id)
                .fetch_one(self.read())
                .await
                .map_err(database("find a repository"))?;
        Ok(self.inner.repositories.keep(row.read()?))
    }
}

const SELECT_BY_NAME: &str = "SELECT id, name, upstream, remote, created FROM repositories WHERE name = $1";

pub(crate) struct Row {
    id: i64,
    name: String,
    upstream: Option<String>,
    remote: Option<String>,
    created: i64,
}

crate::store::from_row!(Row { id, name, upstream, remote, created });

impl Row {
    pub(crate) fn read(self) -> Result<(i64, Repository), Error> {
        let origin = match (self.upstream, self.remote) {
            (Some(upstream), Some(remote)) => Origin::Upstream { upstream, remote },
            _ => Origin::Hosted,
        };
        Ok((self.id, Repository { name: parsed("repositories", &self.name)?, origin, created: self.created }))
    }
}

async fn create(
    db: &mut Connection,
    name: RepositoryName,
    origin: Origin,
) -> Result<(i64, Repository), Error> {
    let doing = "make a repository";
    let (upstream, remote) = match &origin {
        Origin::Hosted => (None, None),
        Origin::Upstream { upstream, remote } => (Some(upstream), Some(remote)),
    };
    let made = sqlx::query(
        "INSERT INTO repositories (name, upstream, remote, created) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(name.as_str())
    .bind(upstream)
    .bind(remote)
    .bind(now())
    .execute(&mut *db)
    .await
    .map_err(database(doing))?;
    if made.rows_affected() > 0 {
        journal::append(db, "repository", &json!({"name": name, "upstream": upstream, "remote": remote}))
            .await?;
    }
    let row: Row =
        sqlx::query_as(SELECT_BY_NAME).bind(name.as_str()).fetch_one(db).await.map_err(database(doing))?;
    row.read()
}

/// How many rows a page may have.
pub(crate) fn page(n: usize) -> i64 {
    i64::try_from(n.min(MAX_PAGE)).unwrap_or(0)
}

/// A text of a row as the type that wrote it.
pub(crate) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    table: &'static str,
    text: &str,
) -> Result<T, Error> {
    text.parse().map_err(|error: T::Err| Error::Row { table, why: error.to_string() })
}

/// JSON of a row.
pub(crate) fn parsed_json<T: serde::de::DeserializeOwned>(
    table: &'static str,
    text: &str,
) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Row { table, why: error.to_string() })
}
