//! The journal: what was decided and done, each entry bound to the one before by a hash. Nothing is ever changed in it or
//! removed from it, and who changes the file is found by [`verify`].
use crate::error::{self, Error, database};
use crate::repositories::page;
use crate::store::{Connection, Store, now};
use aws_lc_rs::digest::{Context, SHA256};
use model::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::path::Path;

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number; the first is 1, and there are no holes.
    pub seq: i64,
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// What: `release`, `deny`, `revoke`, `hold`, `push`, `delete`, or a kind of the gate's.
    pub kind: String,
    /// The canonical JSON that was hashed.
    pub body: String,
    /// The hash of the entry before, in hexadecimal; zeros for the first.
    pub previous: String,
    /// SHA-256 over previous, seq, time, kind and body.
    pub hash: String,
}

crate::store::from_row!(Entry { seq, time, kind, body, previous, hash });

/// The last entry: what to sign or to keep elsewhere, so that nobody cuts the end off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last entry; 0 where there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

/// What a check of a journal found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// How many entries are whole, from the first.
    pub entries: i64,
    /// The last that is whole.
    pub head: Head,
    /// The first that is broken, and why.
    pub broken: Option<(i64, String)>,
}

impl Head {
    fn none() -> Self {
        Self { seq: 0, hash: "0".repeat(64) }
    }
}

impl Entry {
    /// What binds the entry: each part has a fixed length or says its own, so that no two entries hash the same bytes.
    fn expected_hash(&self) -> String {
        let mut context = Context::new(&SHA256);
        context.update(self.previous.as_bytes());
        context.update(&self.seq.to_be_bytes());
        context.update(&self.time.to_be_bytes());
        for part in [&self.kind, &self.body] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.finish().as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Store {
    /// Writes an entry that stands by itself: sign-ins, changes of rights, exceptions.
    pub async fn record(&self, kind: &str, body: Value) -> Result<Entry, Error> {
        let kind = kind.to_owned();
        self.write("write the journal", move |db| Box::pin(async move { append(db, &kind, &body).await }))
            .await
    }

    /// Entries after `after`, at most `n`.
    pub async fn journal(&self, after: i64, n: usize) -> Result<Vec<Entry>, Error> {
        entries(self.read(), after, page(n)).await
    }

    /// The last entries that are about a manifest, the newest first, at most `n`.
    pub async fn journal_of(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        n: usize,
    ) -> Result<Vec<Entry>, Error> {
        sqlx::query_as(
            "SELECT j.seq, j.time, j.kind, j.body, j.previous, j.hash
             FROM journal_images i JOIN journal j ON j.seq = i.seq
             WHERE i.repository = $1 AND i.digest = $2 ORDER BY i.seq DESC LIMIT $3",
        )
        .bind(repository.as_str())
        .bind(digest.to_string())
        .bind(page(n))
        .fetch_all(self.read())
        .await
        .map_err(database("read the journal"))
    }

    /// The last entry.
    pub async fn journal_head(&self) -> Result<Head, Error> {
        let mut connection = self.read().acquire().await.map_err(database("read the journal"))?;
        head(&mut connection).await
    }
}

/// Writes an entry, in the transaction of what it tells of.
pub(crate) async fn append(db: &mut Connection, kind: &str, body: &Value) -> Result<Entry, Error> {
    let last = head(db).await?;
    let mut text = String::new();
    canonical(body, &mut text);
    let mut entry = Entry {
        seq: last.seq + 1,
        time: now(),
        kind: kind.to_owned(),
        body: text,
        previous: last.hash,
        hash: String::new(),
    };
    entry.hash = entry.expected_hash();
    sqlx::query(
        "INSERT INTO journal (seq, time, kind, body, previous, hash) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(entry.seq)
    .bind(entry.time)
    .bind(&entry.kind)
    .bind(&entry.body)
    .bind(&entry.previous)
    .bind(&entry.hash)
    .execute(&mut *db)
    .await
    .map_err(database("write the journal"))?;
    if let (Some(Value::String(repository)), Some(Value::String(digest))) =
        (body.get("repository"), body.get("digest"))
    {
        sqlx::query(
            "INSERT INTO journal_images (repository, digest, seq) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(repository)
        .bind(digest)
        .bind(entry.seq)
        .execute(db)
        .await
        .map_err(database("write the journal"))?;
    }
    Ok(entry)
}

async fn head(db: &mut Connection) -> Result<Head, Error> {
    let row: Option<(i64, String)> =
        sqlx::query_as("SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1")
            .fetch_optional(db)
            .await
            .map_err(database("read the journal"))?;
    Ok(row.map_or_else(Head::none, |(seq, hash)| Head { seq, hash }))
}

async fn entries(pool: &SqlitePool, after: i64, n: i64) -> Result<Vec<Entry>, Error> {
    sqlx::query_as(
        "SELECT seq, time, kind, body, previous, hash FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2",
    )
    .bind(after)
    .bind(n)
    .fetch_all(pool)
    .await
    .map_err(database("read the journal"))
}

/// JSON without spaces, keys in order: the order of a map depends on what else is built, the bytes of the journal must not.
fn canonical(value: &Value, to: &mut String) {
    match value {
        Value::Array(values) => {
            to.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                canonical(value, to);
            }
            to.push(']');
        }
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            to.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                if index > 0 {
                    to.push(',');
                }
                let _ = write!(to, "{}:", Value::String(key.clone()));
                canonical(value, to);
            }
            to.push('}');
        }
        plain => {
            let _ = write!(to, "{plain}");
        }
    }
}

/// The state of a check that goes from entry to entry.
struct Check<'a> {
    found: Checked,
    anchor: Option<&'a Head>,
}

impl<'a> Check<'a> {
    fn new(anchor: Option<&'a Head>) -> Self {
        Self { found: Checked { entries: 0, head: Head::none(), broken: None }, anchor }
    }

    /// Takes the next entry; `false` where it is broken.
    fn next(&mut self, entry: &Entry) -> bool {
        let last = &self.found.head;
        let why = if entry.seq != last.seq + 1 {
            Some(format!("entry {} is missing: the next is {}", last.seq + 1, entry.seq))
        } else if entry.previous != last.hash {
            Some("it does not follow the entry before: its previous hash is another".to_owned())
        } else if entry.hash != entry.expected_hash() {
            Some("its hash is not that of its content: it was changed".to_owned())
        } else if self.anchor.is_some_and(|anchor| anchor.seq == entry.seq && anchor.hash != entry.hash) {
            Some("it is not the entry that was kept elsewhere: the journal was written anew".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            self.found.broken = Some((last.seq + 1, why));
            return false;
        }
        self.found.entries += 1;
        self.found.head = Head { seq: entry.seq, hash: entry.hash.clone() };
        true
    }

    fn end(mut self) -> Checked {
        let last = self.found.head.seq;
        if self.found.broken.is_none()
            && let Some(anchor) = self.anchor
            && anchor.seq > last
        {
            let why = format!(
                "the journal ends at {last}, entry {} was kept elsewhere: its end was cut off",
                anchor.seq
            );
            self.found.broken = Some((last + 1, why));
        }
        self.found
    }
}

/// Checks the journal of a database file, from the first entry to the last, without opening it for writing. With
/// `anchor`, a head that was kept elsewhere, also that the journal still has that entry. Blocks; needs no runtime, and must
/// not be called on an asynchronous thread.
pub fn verify(path: &Path, anchor: Option<&Head>) -> Result<Checked, Error> {
    let mut check = Check::new(anchor);
    each(path, |entry| Ok(check.next(entry)))?;
    Ok(check.end())
}

/// Checks entries in JSON lines, as [`export`] writes them.
pub fn verify_lines(lines: impl BufRead, anchor: Option<&Head>) -> Result<Checked, Error> {
    let mut check = Check::new(anchor);
    for line in lines.lines() {
        let line = line.map_err(error::io("read", Path::new("the exported journal")))?;
        match serde_json::from_str::<Entry>(&line) {
            Ok(entry) if check.next(&entry) => {}
            Ok(_) => break,
            Err(error) => {
                check.found.broken =
                    Some((check.found.head.seq + 1, format!("its line cannot be read: {error}")));
                break;
            }
        }
    }
    Ok(check.end())
}

/// Writes the journal of a database file as JSON lines; how many. Blocks; needs no runtime, and must not be called on an
/// asynchronous thread.
pub fn export(path: &Path, to: &mut dyn Write) -> Result<i64, Error> {
    let mut count = 0;
    each(path, |entry| {
        let line = serde_json::to_string(entry).map_err(std::io::Error::from);
        line.and_then(|line| writeln!(to, "{line}")).map_err(error::io("write", Path::new("the export")))?;
        count += 1;
        Ok(true)
    })?;
    Ok(count)
}

/// Shows the entries of a database file one after another, until `take` says no.
fn each(path: &Path, mut take: impl FnMut(&Entry) -> Result<bool, Error>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(error::io("read", path))?;
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let pool = sqlx::sqlite::SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options).await.map_err(database("open the journal"))?;
        let mut after = i64::MIN;
        loop {
            let page = entries(&pool, after, 1000).await?;
            for entry in &page {
                if !take(entry)? {
                    return Ok(());
                }
            }
            match page.last() {
                Some(last) => after = last.seq,
                None => return Ok(()),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chain(n: i64) -> Vec<Entry> {
        let mut last = Head::none();
        (1..=n)
            .map(|seq| {
                let mut entry = Entry {
                    seq,
                    time: 1000 + seq,
                    kind: "release".to_owned(),
                    body: format!("{{\"n\":{seq}}}"),
                    previous: last.hash.clone(),
                    hash: String::new(),
                };
                entry.hash = entry.expected_hash();
                last = Head { seq, hash: entry.hash.clone() };
                entry
            })
            .collect()
    }

    /// Where a journal breaks after `change`.
    fn check(change: impl FnOnce(&mut Vec<Entry>), anchor: Option<&Head>, expect: Option<i64>) {
        let mut entries = chain(5);
        change(&mut entries);
        let lines: String =
            entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect();
        let checked = verify_lines(lines.as_bytes(), anchor).unwrap();
        assert_eq!(checked.broken.as_ref().map(|(seq, _)| *seq), expect, "{checked:?}");
    }

    #[test]
    fn whatever_is_changed_is_found_where_it_is() {
        let head = Head { seq: 5, hash: chain(5)[4].hash.clone() };
        check(|_| (), None, None);
        check(|_| (), Some(&head), None);
        check(|entries| entries[2].body = "{\"n\":7}".to_owned(), None, Some(3));
        check(|entries| entries[2].time += 1, None, Some(3));
        check(|entries| entries[2].kind = "deny".to_owned(), None, Some(3));
        check(|entries| entries[2].seq = 9, None, Some(3));
        check(|entries| entries[2].previous = "0".repeat(64), None, Some(3));
        check(|entries| entries[2].hash = "0".repeat(64), None, Some(3));
        check(|entries| drop(entries.remove(2)), None, Some(3));
        check(|entries| drop(entries.remove(0)), None, Some(1));
        check(|entries| entries.swap(1, 2), None, Some(2));
        check(|entries| entries.insert(2, entries[2].clone()), None, Some(4));
        // Only who kept the head sees that the end is gone, or that all was written anew.
        check(|entries| drop(entries.pop()), None, None);
        check(|entries| drop(entries.pop()), Some(&head), Some(5));
        let other = Head { seq: 3, hash: "1".repeat(64) };
        check(|_| (), Some(&other), Some(3));
    }

    #[test]
    fn a_body_has_one_form() {
        let mut text = String::new();
        canonical(&json!({"b": [1, {"d": null, "c": "\u{1}é"}], "a": 1.5}), &mut text);
        assert_eq!(text, "{\"a\":1.5,\"b\":[1,{\"c\":\"\\u0001é\",\"d\":null}]}");
    }

    proptest::proptest! {
        /// Moving a byte from one field to its neighbour never keeps the hash.
        #[test]
        fn fields_do_not_run_into_each_other(kind in "[a-z]{1,6}", body in "[a-z]{1,6}") {
            let entry = Entry { seq: 1, time: 2, kind, body, previous: "0".repeat(64), hash: String::new() };
            let mut moved = entry.clone();
            moved.body.insert(0, moved.kind.pop().unwrap());
            proptest::prop_assert_ne!(entry.expected_hash(), moved.expected_hash());
        }
    }
}
