mod decide;

pub(crate) use decide::{arrive, lose};

use crate::blobs::unsigned;
use crate::error::{self, Error, database};
use crate::manifest::LARGEST;
use crate::repositories::{Repo, page, parsed, parsed_json};
use crate::store::{Options, Store, joined};
use crate::terms::Term;
use access::{Action, Permit};
use bytes::Bytes;
use model::{Digest, RepositoryName, Tag};
use quick_cache::sync::Cache;
use serde_json::Value;
use std::sync::Arc;

/// Largest content that is kept in memory.
const LARGEST_KEPT: u64 = 256 << 10;

/// That one content of one repository may be read by whoever holds this. Made by [`Store::released`],
/// [`Store::read_back`] and [`Store::approved_tag`] alone, for a permit, at the moment of asking: do not keep it.
#[derive(Debug)]
pub struct Released {
    repo: Arc<Repo>,
    digest: Digest,
    size: u64,
    kind: ReleasedKind,
}

/// As what content is in its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleasedKind {
    /// A blob: a configuration or a layer.
    Blob,
    /// A manifest, with its Content-Type.
    Manifest {
        /// Its Content-Type.
        media_type: Arc<str>,
    },
}

impl Released {
    /// The repository that the content was released in.
    pub fn repository(&self) -> &RepositoryName {
        self.repo.name()
    }

    pub(crate) fn repo(&self) -> &Repo {
        &self.repo
    }

    /// The digest that the manifest named it by.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is a blob or a manifest.
    pub fn kind(&self) -> &ReleasedKind {
        &self.kind
    }
}

/// How a digest stands in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not decided, or held.
    Quarantined,
    /// May be read.
    Released,
    /// Was refused.
    Denied,
    /// Was released, and is not any more.
    Revoked,
}

/// How a digest stands in a repository, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The root manifest.
    pub digest: Digest,
    /// How it stands.
    pub state: State,
    /// What was decided, as the gate wrote it.
    pub decision: Option<Value>,
    /// The report it was decided by, in the evidence.
    pub evidence: Option<Digest>,
    /// The rules it was decided by.
    pub rules: Option<Digest>,
    /// When this digest was first seen in this repository.
    pub first_seen: i64,
    /// When it was decided.
    pub decided: Option<i64>,
}

/// What the gate decided, as it stands in the journal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    /// The decision itself: effect, rule, reason, digests of report, rules, feeds and policy.
    pub body: Value,
    /// The report, in the evidence.
    pub evidence: Option<Digest>,
    /// The rules.
    pub rules: Option<Digest>,
    /// Who decided: `policy`, or a person.
    pub by: String,
    /// Whether it is about what was signed with the release of another, and is no image that people look at.
    pub companion: bool,
    /// What the image is searched by from now on, in place of what it was; none leaves that as it is.
    pub terms: Option<Vec<Term>>,
}

/// What a release or its end changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The journal's entry.
    pub entry: i64,
    /// How many digests the root releases.
    pub released: usize,
    /// What the root names and the repository does not hold: not released, and not served when it comes later, until the
    /// root is released again.
    pub missing: Vec<Digest>,
    /// Other roots whose release ended, as they reach what was denied or revoked.
    pub ended: Vec<Digest>,
}

/// A tag as a permit to pull sees it.
#[derive(Debug)]
pub struct ApprovedTag {
    /// What is served, where anything is approved.
    pub released: Option<Released>,
    /// What was pushed last.
    pub newest: Digest,
    /// When.
    pub updated: i64,
}

impl ApprovedTag {
    /// Whether something newer than what is served is held.
    pub fn newer_is_held(&self) -> bool {
        self.released.as_ref().is_some_and(|released| released.digest != self.newest)
    }
}

/// Which standings to list.
#[derive(Debug, Clone, Default)]
pub struct StandingFilter {
    /// Of this repository only.
    pub repository: Option<RepositoryName>,
    /// In this state only.
    pub state: Option<State>,
    /// Those whose rules are others than these: what a change of rules must look at again.
    pub rules_other_than: Option<Digest>,
    /// After this one.
    pub last: Option<(RepositoryName, Digest)>,
    /// At most this many.
    pub n: usize,
}

impl Store {
    /// The release check. A token where the permit is to pull, the permit's repository holds the digest, and a released
    /// root of that repository reaches it; in all other cases none.
    pub async fn released(&self, permit: &Permit, digest: &Digest) -> Result<Option<Released>, Error> {
        if permit.action() != Action::Pull {
            return Ok(None);
        }
        let Some(repo) = self.repo_for(permit).await? else { return Ok(None) };
        // Read before the rows are: whatever changes them afterwards makes what is kept here void.
        let epoch = repo.epoch();
        let key = (repo.id, *digest);
        let answer = match self.inner.releases.answers.get(&key) {
            Some(check) if check.epoch == epoch => check.answer,
            _ => {
                let answer = look_up(self, repo.id, digest).await?;
                self.inner.releases.answers.insert(key, Check { epoch, answer: answer.clone() });
                answer
            }
        };
        Ok(answer.map(|Answer { size, kind }| Released { repo, digest: *digest, size, kind }))
    }

    /// A token for content that is not decided yet, for a permit to read the quarantine of whom brought it there. None for
    /// what a denied or revoked manifest reaches, unless a released one does as well.
    pub async fn read_back(&self, permit: &Permit, digest: &Digest) -> Result<Option<Released>, Error> {
        if permit.action() != Action::QuarantineRead {
            return Ok(None);
        }
        let Some(repo) = self.repo_for(permit).await? else { return Ok(None) };
        if let Some(Answer { size, kind }) = look_up(self, repo.id, digest).await? {
            return Ok(Some(Released { repo, digest: *digest, size, kind }));
        }
        let row: Option<AnswerRow> = sqlx::query_as(READ_BACK)
            .bind(repo.id)
            .bind(digest.to_string())
            .bind(permit.principal())
            .fetch_optional(self.read())
            .await
            .map_err(database("look into the quarantine"))?;
        let Some(Answer { size, kind }) = row.and_then(AnswerRow::read) else { return Ok(None) };
        if kind == ReleasedKind::Blob && self.blob(repo.name(), digest).await?.is_none() {
            return Ok(None);
        }
        Ok(Some(Released { repo, digest: *digest, size, kind }))
    }

    /// What a tag serves to a permit to pull. `None` where there is no such tag.
    pub async fn approved_tag(&self, permit: &Permit, tag: &Tag) -> Result<Option<ApprovedTag>, Error> {
        if permit.action() != Action::Pull {
            return Ok(None);
        }
        let Some(repo) = self.repo_for(permit).await? else { return Ok(None) };
        let Some(row) = self.tag(repo.name(), tag).await? else { return Ok(None) };
        let released = match row.approved {
            Some(approved) => self.released(permit, &approved).await?,
            None => None,
        };
        let released = released.filter(|released| released.kind != ReleasedKind::Blob);
        Ok(Some(ApprovedTag { released, newest: row.digest, updated: row.updated }))
    }

    /// The bytes of a manifest, or of a blob of at most 4 MiB, from memory where they are there. Read from the disk they are
    /// compared with their digest.
    pub async fn bytes(&self, released: &Released) -> Result<Bytes, Error> {
        let digest = released.digest;
        if let Some(bytes) = self.inner.releases.bytes.get(&digest) {
            return Ok(bytes);
        }
        let bytes = self.small_file(digest, released.size).await?;
        if released.size <= LARGEST_KEPT {
            self.inner.releases.bytes.insert(digest, bytes.clone());
        }
        Ok(bytes)
    }

    /// Reads a small file of the blobs, and compares it with its digest.
    pub(crate) async fn small_file(&self, digest: Digest, size: u64) -> Result<Bytes, Error> {
        if size > LARGEST as u64 {
            return Err(Error::TooLarge { limit: LARGEST as u64 });
        }
        let path = self.inner.blobs.path(&digest);
        let read = tokio::task::spawn_blocking(move || {
            let bytes = std::fs::read(&path).map_err(error::io("read", &path))?;
            if crate::incoming::digest(digest.algorithm(), &bytes) != digest {
                return Err(Error::Damaged(digest));
            }
            Ok(Bytes::from(bytes))
        });
        read.await.map_err(joined)?
    }

    /// How a digest stands in a repository; `None` where it was never there.
    pub async fn standing(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Standing>, Error> {
        let Some(repo) = self.find(repository).await? else { return Ok(None) };
        let row: Option<StandingRow> = sqlx::query_as(
            "SELECT r.name, s.digest, s.state, s.decision, s.evidence, s.rules, s.first_seen, s.decided
             FROM standings s JOIN repositories r ON r.id = s.repository WHERE s.repository = $1 AND s.digest = $2",
        )
        .bind(repo.id)
        .bind(digest.to_string())
        .fetch_optional(self.read())
        .await
        .map_err(database("find a standing"))?;
        Ok(row.map(StandingRow::read).transpose()?.map(|(_, standing)| standing))
    }

    /// Standings, by repository and digest.
    pub async fn standings(&self, filter: &StandingFilter) -> Result<Vec<(RepositoryName, Standing)>, Error> {
        let (name, digest) = filter
            .last
            .as_ref()
            .map_or(("", String::new()), |(name, digest)| (name.as_str(), digest.to_string()));
        let rows: Vec<StandingRow> = sqlx::query_as(
            "SELECT r.name, s.digest, s.state, s.decision, s.evidence, s.rules, s.first_seen, s.decided
             FROM standings s JOIN repositories r ON r.id = s.repository
             WHERE ($1 IS NULL OR r.name = $1) AND ($2 IS NULL OR s.state = $2)
               AND ($3 IS NULL OR s.rules IS NULL OR s.rules <> $3)
               AND (r.name > $4 OR (r.name = $4 AND s.digest > $5))
             ORDER BY r.name, s.digest LIMIT $6",
        )
        .bind(filter.repository.as_ref().map(RepositoryName::as_str))
        .bind(filter.state.map(State::name))
        .bind(filter.rules_other_than.map(|digest| digest.to_string()))
        .bind(name)
        .bind(digest)
        .bind(page(filter.n))
        .fetch_all(self.read())
        .await
        .map_err(database("list standings"))?;
        rows.into_iter().map(StandingRow::read).collect()
    }
}

/// A permit of one of these kinds.
pub(crate) fn permitted(permit: &Permit, needed: &[Action]) -> Result<(), Error> {
    match needed {
        needed if needed.contains(&permit.action()) => Ok(()),
        needed => Err(Error::Permit {
            given: permit.action(),
            needed: needed.first().copied().unwrap_or(Action::Pull),
        }),
    }
}

/// Release checks and small content, in memory.
pub(crate) struct Checks {
    answers: Cache<(i64, Digest), Check>,
    bytes: Cache<Digest, Bytes, ByLength>,
}

impl Checks {
    pub(crate) fn new(options: &Options) -> Self {
        let items = usize::try_from(options.manifest_cache / 4096).unwrap_or(1024).max(16);
        Self {
            answers: Cache::new(options.check_cache.max(16)),
            bytes: Cache::with_weighter(items, options.manifest_cache, ByLength),
        }
    }
}

#[derive(Clone)]
struct ByLength;

impl quick_cache::Weighter<Digest, Bytes> for ByLength {
    fn weight(&self, _: &Digest, bytes: &Bytes) -> u64 {
        bytes.len() as u64 + 200
    }
}

/// An answer, and the epoch of its repository when it was asked for.
#[derive(Clone)]
struct Check {
    epoch: u64,
    answer: Option<Answer>,
}

#[derive(Clone)]
struct Answer {
    size: u64,
    kind: ReleasedKind,
}

/// As what a digest is released, if it is, and whether its repository still holds it as that.
async fn look_up(store: &Store, repository: i64, digest: &Digest) -> Result<Option<Answer>, Error> {
    let row: Option<AnswerRow> = sqlx::query_as(LOOK_UP)
        .bind(repository)
        .bind(digest.to_string())
        .fetch_optional(store.read())
        .await
        .map_err(database("check a release"))?;
    Ok(row.and_then(AnswerRow::read))
}

const LOOK_UP: &str = "
    SELECT b.size,
        (SELECT m.media_type FROM manifests m JOIN released l ON l.repository = m.repository AND l.digest = m.digest
         WHERE m.repository = $1 AND m.digest = $2 AND l.kind = 'manifest' LIMIT 1) AS media_type,
        EXISTS (SELECT 1 FROM repository_blobs r JOIN released l ON l.repository = r.repository AND l.digest = r.digest
         WHERE r.repository = $1 AND r.digest = $2 AND l.kind = 'blob') AS blob
    FROM blobs b WHERE b.digest = $2 AND b.lost = 0";

/// Everything that reaches the digest or is the same content, and whether any of it is denied or revoked.
const READ_BACK: &str = "
    WITH RECURSIVE up (digest) AS (
        SELECT a.digest FROM blobs a JOIN blobs o ON o.content = a.content WHERE o.digest = $2
        UNION
        SELECT l.parent FROM up u JOIN links l ON l.child = u.digest WHERE l.repository = $1)
    SELECT b.size,
        (SELECT m.media_type FROM manifests m WHERE m.repository = $1 AND m.digest = $2) AS media_type,
        EXISTS (SELECT 1 FROM repository_blobs r WHERE r.repository = $1 AND r.digest = $2) AS blob
    FROM blobs b WHERE b.digest = $2 AND b.lost = 0
      AND EXISTS (SELECT 1 FROM brought w WHERE w.repository = $1 AND w.digest = $2 AND w.principal = $3)
      AND NOT EXISTS (
        SELECT 1 FROM standings s LEFT JOIN blobs c ON c.content = s.content
        WHERE s.repository = $1 AND s.state IN ('denied', 'revoked')
          AND (s.digest IN (SELECT digest FROM up) OR c.digest IN (SELECT digest FROM up)))";

struct AnswerRow {
    size: i64,
    media_type: Option<String>,
    blob: bool,
}

crate::store::from_row!(AnswerRow { size, media_type, blob });

impl AnswerRow {
    fn read(self) -> Option<Answer> {
        let kind = match (self.media_type, self.blob) {
            (Some(media_type), _) => ReleasedKind::Manifest { media_type: media_type.into() },
            (None, true) => ReleasedKind::Blob,
            (None, false) => return None,
        };
        Some(Answer { size: unsigned(self.size), kind })
    }
}

pub(crate) struct StandingRow {
    name: String,
    digest: String,
    state: String,
    decision: Option<String>,
    evidence: Option<String>,
    rules: Option<String>,
    first_seen: i64,
    decided: Option<i64>,
}

crate::store::from_row!(StandingRow { name, digest, state, decision, evidence, rules, first_seen, decided });

impl StandingRow {
    pub(crate) fn read(self) -> Result<(RepositoryName, Standing), Error> {
        let digest = |text: String| parsed("standings", &text);
        let standing = Standing {
            digest: digest(self.digest)?,
            state: State::of_row(&self.state)?,
            decision: self.decision.map(|text| parsed_json("standings", &text)).transpose()?,
            evidence: self.evidence.map(digest).transpose()?,
            rules: self.rules.map(digest).transpose()?,
            first_seen: self.first_seen,
            decided: self.decided,
        };
        Ok((parsed("repositories", &self.name)?, standing))
    }
}

impl State {
    /// As the row has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Released => "released",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
        }
    }

    pub(crate) fn of_row(text: &str) -> Result<Self, Error> {
        [Self::Quarantined, Self::Released, Self::Denied, Self::Revoked]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| Error::Row { table: "standings", why: format!("{text} is no state") })
    }
}
