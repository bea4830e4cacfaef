//! Which repositories somebody sees. The store knows nothing of rights: whoever asks says of each repository whether it is
//! seen, and every list takes what came of it.
use crate::error::{Error, database};
use crate::repositories::{Repository, Row};
use crate::store::Store;
use sqlx::{QueryBuilder, Sqlite};

/// Repositories that are bound into one question at most; SQLite takes 32,766 values.
const MOST: usize = 20_000;

/// The repositories that somebody sees, for one request: do not keep it, as rights change.
#[derive(Debug, Clone)]
pub struct Sight {
    /// None where all are seen.
    ids: Option<Vec<i64>>,
    /// Whether they are few of all: then their images are collected, and not picked from a list of all.
    few: bool,
}

/// Of how many repositories one is seen where few are.
const FEW: usize = 4;

impl Sight {
    /// All repositories.
    pub fn all() -> Self {
        Self { ids: None, few: false }
    }

    /// Whether nothing is seen at all.
    pub fn is_empty(&self) -> bool {
        self.ids.as_ref().is_some_and(Vec::is_empty)
    }

    /// The condition that a standing is that of an image, and not of what was signed with one. Equality leads to the
    /// indexes that begin with it, of all images by time; its opposite to the one of repositories.
    pub(crate) fn no_companion(&self) -> &'static str {
        if self.few { "companion <> 1" } else { "companion = 0" }
    }

    /// Writes the condition that a column names a repository which is seen.
    pub(crate) fn push(&self, query: &mut QueryBuilder<Sqlite>, column: &str) {
        let Some(ids) = &self.ids else { return };
        query.push(" AND ").push(column).push(" IN (");
        let mut list = query.separated(", ");
        for id in ids {
            list.push_bind(*id);
        }
        query.push(")");
    }
}

impl Store {
    /// The repositories of which `sees` says yes; the first twenty thousand of them by name, where there are more.
    pub async fn sight(&self, sees: impl Fn(&Repository) -> bool) -> Result<Sight, Error> {
        let all = self.every_repository().await?;
        let seen = all.iter().filter(|(_, repository)| sees(repository)).map(|(id, _)| *id);
        let ids: Vec<i64> = seen.take(MOST).collect();
        let few = ids.len() < all.len() / FEW;
        Ok(Sight { ids: Some(ids), few })
    }

    /// The repositories of which `sees` says yes and whose name contains a text, by name, at most `n`.
    pub async fn repositories_named(
        &self,
        text: &str,
        n: usize,
        sees: impl Fn(&Repository) -> bool,
    ) -> Result<Vec<Repository>, Error> {
        let all = self.every_repository().await?.into_iter().map(|(_, repository)| repository);
        Ok(all.filter(|one| one.name.as_str().contains(text) && sees(one)).take(n).collect())
    }

    async fn every_repository(&self) -> Result<Vec<(i64, Repository)>, Error> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT id, name, upstream, remote, created FROM repositories ORDER BY name")
                .fetch_all(self.read())
                .await
                .map_err(database("list repositories"))?;
        rows.into_iter().map(Row::read).collect()
    }
}
