//! What images are searched by. Terms are written with the decision over the image, in its transaction, and are removed with
//! its manifest: what is found is what the last report says.
use crate::error::{Error, database};
use crate::release::{Standing, StandingRow};
use crate::repositories::page;
use crate::sight::Sight;
use crate::store::{Connection, Store};
use model::{Digest, RepositoryName};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow as _, QueryBuilder, Row as _, Sqlite};

/// Terms of one image at most. A report of a hostile image must not fill the disk through its index.
const MOST: usize = 2000;
/// Longest term, in bytes.
const LONGEST: usize = 200;
/// Terms that go into one statement.
const AT_ONCE: usize = 500;

/// What an image is searched by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// What it is.
    pub kind: TermKind,
    /// The text; digests and hashes as bare hexadecimal. Written in lower case, whatever it is here.
    pub text: String,
}

/// What a term is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TermKind {
    /// The digest of a layer.
    Layer,
    /// A hash of a file that a finding is about.
    File,
    /// A wallet.
    Wallet,
    /// A host: a name or an address.
    Host,
    /// The id of a detection.
    Rule,
    /// A technique of ATT&CK.
    Technique,
}

impl TermKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Layer, Self::File, Self::Wallet, Self::Host, Self::Rule, Self::Technique];

    /// As rows and people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::File => "file",
            Self::Wallet => "wallet",
            Self::Host => "host",
            Self::Rule => "rule",
            Self::Technique => "technique",
        }
    }

    fn of_row(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| Error::Row { table: "terms", why: format!("{name} is no kind of term") })
    }
}

/// An image that was found, and by what.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// Where.
    pub repository: RepositoryName,
    /// The image, and how it stands.
    pub standing: Standing,
    /// What matched; none where it was the digest of the image.
    pub term: Option<Term>,
}

impl Store {
    /// Images of the repositories that are seen by a term of one of these kinds, or by its beginning where `prefix` says so:
    /// at most `n`.
    pub async fn find_by_term(
        &self,
        kinds: &[TermKind],
        text: &str,
        prefix: bool,
        sight: &Sight,
        n: usize,
    ) -> Result<Vec<Match>, Error> {
        let text = normal(text);
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT r.name, s.digest, s.state, s.decision, s.evidence, s.rules, s.first_seen, s.decided,
                 t.kind, t.term
             FROM terms t JOIN standings s ON s.repository = t.repository AND s.digest = t.digest
             JOIN repositories r ON r.id = t.repository WHERE t.kind IN (",
        );
        let mut list = query.separated(", ");
        for kind in kinds {
            list.push_bind(kind.name());
        }
        query.push(")");
        between(&mut query, "t.term", &text, prefix);
        sight.push(&mut query, "t.repository");
        query.push(" ORDER BY t.kind, t.term, t.repository, t.digest LIMIT ").push_bind(page(n));
        let rows = query.build().fetch_all(self.read()).await.map_err(database("search"))?;
        rows.iter().map(|row| found(row, true)).collect()
    }

    /// Images by their digest or its beginning, such as `sha256:ab12`: at most `n`.
    pub async fn find_by_digest(
        &self,
        beginning: &str,
        sight: &Sight,
        n: usize,
    ) -> Result<Vec<Match>, Error> {
        let beginning = normal(beginning);
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT r.name, s.digest, s.state, s.decision, s.evidence, s.rules, s.first_seen, s.decided
             FROM standings s JOIN repositories r ON r.id = s.repository WHERE s.companion <> 1",
        );
        // Unequal, so that the index of digests is walked and not that of all images.
        between(&mut query, "s.digest", &beginning, true);
        sight.push(&mut query, "s.repository");
        query.push(" ORDER BY s.digest, s.repository LIMIT ").push_bind(page(n));
        let rows = query.build().fetch_all(self.read()).await.map_err(database("search"))?;
        rows.iter().map(|row| found(row, false)).collect()
    }

    /// How many images each term of a kind was found in, at most [`crate::MAX_PAGE`] terms.
    pub async fn term_counts(&self, kind: TermKind) -> Result<Vec<(String, u64)>, Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT term, COUNT(*) FROM terms WHERE kind = $1 GROUP BY term ORDER BY term LIMIT $2",
        )
        .bind(kind.name())
        .bind(page(usize::MAX))
        .fetch_all(self.read())
        .await
        .map_err(database("count what was found"))?;
        Ok(rows.into_iter().map(|(term, count)| (term, crate::blobs::unsigned(count))).collect())
    }
}

/// What is equal to a text, or begins with it: as a range, which an index answers. Digests and hashes are hexadecimal, and
/// every digit comes before `g`.
fn between(query: &mut QueryBuilder<Sqlite>, column: &str, text: &str, prefix: bool) {
    if prefix {
        query.push(" AND ").push(column).push(" >= ").push_bind(text.to_owned());
        query.push(" AND ").push(column).push(" < ").push_bind(format!("{text}g"));
    } else {
        query.push(" AND ").push(column).push(" = ").push_bind(text.to_owned());
    }
}

fn found(row: &SqliteRow, by_term: bool) -> Result<Match, Error> {
    let doing = "search";
    let (repository, standing) = StandingRow::from_row(row).map_err(database(doing))?.read()?;
    let term = if by_term {
        let kind: String = row.try_get("kind").map_err(database(doing))?;
        let text = row.try_get("term").map_err(database(doing))?;
        Some(Term { kind: TermKind::of_row(&kind)?, text })
    } else {
        None
    };
    Ok(Match { repository, standing, term })
}

/// One spelling for all: lower case, without space around, and cut where it is longer than any term.
fn normal(text: &str) -> String {
    let mut text = text.trim().to_lowercase();
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Puts the terms of an image in place of those it had.
pub(crate) async fn put(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
    terms: &[Term],
) -> Result<(), Error> {
    let doing = "note what an image is searched by";
    let image = digest.to_string();
    sqlx::query("DELETE FROM terms WHERE repository = $1 AND digest = $2")
        .bind(repository)
        .bind(&image)
        .execute(&mut *db)
        .await
        .map_err(database(doing))?;
    let written: Vec<(TermKind, String)> =
        terms.iter().take(MOST).map(|term| (term.kind, normal(&term.text))).collect();
    let written: Vec<_> = written.into_iter().filter(|(_, text)| !text.is_empty()).collect();
    for some in written.chunks(AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO terms (kind, term, repository, digest) ");
        query.push_values(some, |mut row, (kind, text)| {
            row.push_bind(kind.name()).push_bind(text.clone()).push_bind(repository).push_bind(image.clone());
        });
        query.push(" ON CONFLICT DO NOTHING");
        query.build().execute(&mut *db).await.map_err(database(doing))?;
    }
    Ok(())
}
