//! Images as people look through them: the newest first, by state, of the repositories that somebody sees, with what is
//! being done to them. What the gate signed itself is in none of these lists.
use crate::error::{Error, database};
use crate::jobs::{JobState, read_state};
use crate::release::{Standing, StandingRow, State};
use crate::repositories::{page, parsed_json};
use crate::sight::Sight;
use crate::store::Store;
use model::{Digest, RepositoryName};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow as _, QueryBuilder, Row as _, Sqlite};

/// Which images to list.
#[derive(Debug, Clone)]
pub struct Queue {
    /// Of these repositories only.
    pub sight: Sight,
    /// In this state only.
    pub state: Option<State>,
    /// After this one, which must be of a repository that is seen; from the newest on where it is not.
    pub last: Option<(RepositoryName, Digest)>,
    /// At most this many.
    pub n: usize,
}

/// An image of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// Where.
    pub repository: RepositoryName,
    /// How it stands.
    pub standing: Standing,
    /// Tags that point to it, a few of them.
    pub tags: Vec<String>,
}

/// A job that is not done.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenJob {
    /// What kind of work.
    pub kind: String,
    /// What the worker needs to know.
    pub payload: Value,
    /// How it is.
    pub state: JobState,
    /// When it was put on the board.
    pub created: i64,
}

/// The tags in one text: none of them holds a space.
const COLUMNS: &str =
    "SELECT r.name, s.digest, s.state, s.decision, s.evidence, s.rules, s.first_seen, s.decided,
         (SELECT group_concat(few.name, ' ') FROM (SELECT t.name FROM tags t
          WHERE t.repository = s.repository AND t.digest = s.digest LIMIT 10) few) AS tags
     FROM standings s JOIN repositories r ON r.id = s.repository JOIN (";

impl Store {
    /// Images, the newest first.
    pub async fn queue(&self, queue: &Queue) -> Result<Vec<Queued>, Error> {
        let after = match &queue.last {
            Some((repository, digest)) => self.place(&queue.sight, repository, digest).await?,
            None => None,
        };
        // The keys are found in an index alone, and the decisions of one page are read.
        let mut query = QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push("SELECT k.repository, k.digest, k.first_seen FROM standings k WHERE k.");
        query.push(queue.sight.no_companion());
        if let Some(state) = queue.state {
            query.push(" AND k.state = ").push_bind(state.name());
        }
        queue.sight.push(&mut query, "k.repository");
        if let Some((first_seen, repository, digest)) = after {
            query.push(" AND (k.first_seen, k.repository, k.digest) < (");
            query.push_bind(first_seen).push(", ").push_bind(repository).push(", ").push_bind(digest);
            query.push(")");
        }
        query.push(" ORDER BY k.first_seen DESC, k.repository DESC, k.digest DESC LIMIT ");
        query.push_bind(page(queue.n));
        query.push(
            ") p ON p.repository = s.repository AND p.digest = s.digest
             ORDER BY p.first_seen DESC, p.repository DESC, p.digest DESC",
        );
        let rows = query.build().fetch_all(self.read()).await.map_err(database("list images"))?;
        rows.iter().map(queued).collect()
    }

    /// Where an image stands in the list.
    async fn place(
        &self,
        sight: &Sight,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<(i64, i64, String)>, Error> {
        let Some(repo) = self.find(repository).await? else { return Ok(None) };
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT s.first_seen, s.repository, s.digest FROM standings s WHERE s.repository = ",
        );
        query.push_bind(repo.id).push(" AND s.digest = ").push_bind(digest.to_string());
        sight.push(&mut query, "s.repository");
        query.build_query_as().fetch_optional(self.read()).await.map_err(database("list images"))
    }

    /// How many images stand in each state, of those that are seen.
    pub async fn state_counts(&self, sight: &Sight) -> Result<Vec<(State, u64)>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT s.state, COUNT(*) FROM standings s WHERE s.");
        query.push(sight.no_companion());
        sight.push(&mut query, "s.repository");
        query.push(" GROUP BY s.state");
        let rows: Vec<(String, i64)> =
            query.build_query_as().fetch_all(self.read()).await.map_err(database("count images"))?;
        rows.into_iter()
            .map(|(state, count)| Ok((State::of_row(&state)?, crate::blobs::unsigned(count))))
            .collect()
    }

    /// Jobs that are not done, those that were asked for first at the beginning, at most `n`.
    pub async fn open_jobs(&self, n: usize) -> Result<Vec<OpenJob>, Error> {
        let rows: Vec<JobRow> = sqlx::query_as(
            "SELECT kind, payload, state, progress, result, created FROM jobs WHERE open = 1 ORDER BY id LIMIT $1",
        )
        .bind(page(n))
        .fetch_all(self.read())
        .await
        .map_err(database("list jobs"))?;
        rows.into_iter().map(JobRow::read).collect()
    }
}

fn queued(row: &SqliteRow) -> Result<Queued, Error> {
    let (repository, standing) = StandingRow::from_row(row).map_err(database("list images"))?.read()?;
    let tags: Option<String> = row.try_get("tags").map_err(database("list images"))?;
    let mut tags: Vec<String> = tags.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    tags.sort();
    Ok(Queued { repository, standing, tags })
}

struct JobRow {
    kind: String,
    payload: String,
    state: String,
    progress: Option<String>,
    result: Option<String>,
    created: i64,
}

crate::store::from_row!(JobRow { kind, payload, state, progress, result, created });

impl JobRow {
    fn read(self) -> Result<OpenJob, Error> {
        Ok(OpenJob {
            kind: self.kind,
            payload: parsed_json("jobs", &self.payload)?,
            state: read_state(&self.state, self.progress, self.result)?,
            created: self.created,
        })
    }
}
