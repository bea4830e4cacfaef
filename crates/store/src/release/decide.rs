//! What changes releases. Each decision, its rows and its entry in the journal are one transaction.
use super::{Decision, Outcome, State};
use crate::error::{Error, database};
use crate::repositories::parsed;
use crate::store::{Connection, Store, now};
use crate::{journal, tags, terms};
use model::{Digest, RepositoryName};
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Store {
    /// Releases a root manifest with all that it reaches in its repository, and approves it for the tags that point to it.
    /// [`Error::Blocked`] where it reaches something that is itself denied or revoked.
    pub async fn release(
        &self,
        repository: &RepositoryName,
        root: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, root) = (repo.id, repository.clone(), *root);
        self.write_in(&repo, "release a manifest", move |db| Box::pin(release(db, id, name, root, decision)))
            .await
    }

    /// As [`Store::release`], where it reaches nothing but what was `read`, and with what was made for it beside, in one
    /// transaction: whoever may push what an index names cannot do so between the reading and the release, and no signature
    /// is there without its image. [`Error::Unread`] where it would give out more.
    pub async fn release_read(
        &self,
        repository: &RepositoryName,
        root: &Digest,
        decision: Decision,
        read: BTreeSet<Digest>,
        beside: Vec<(Digest, Decision)>,
    ) -> Result<Outcome, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, root) = (repo.id, repository.clone(), *root);
        self.write_in(&repo, "release a manifest", move |db| {
            Box::pin(async move {
                let outcome = release(&mut *db, id, name.clone(), root, decision).await?;
                let given: Vec<(String,)> =
                    sqlx::query_as("SELECT digest FROM released WHERE repository = $1 AND root = $2")
                        .bind(id)
                        .bind(root.to_string())
                        .fetch_all(&mut *db)
                        .await
                        .map_err(database("release a manifest"))?;
                for (text,) in given {
                    let digest: Digest = parsed("released", &text)?;
                    if !read.contains(&digest) {
                        return Err(Error::Unread { root, digest });
                    }
                }
                for (companion, decision) in beside {
                    release(&mut *db, id, name.clone(), companion, decision).await?;
                }
                Ok(outcome)
            })
        })
        .await
    }

    /// Denies a digest (a manifest, or a blob). Every release that reaches it ends; these roots are quarantined again.
    pub async fn deny(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        self.condemn(repository, digest, State::Denied, decision).await
    }

    /// Takes a release back. As [`Store::deny`], with the state revoked.
    pub async fn revoke(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        self.condemn(repository, digest, State::Revoked, decision).await
    }

    /// Holds a digest: it is quarantined, with the decision that says why. Ends its own release, and no denial of others.
    pub async fn hold(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, digest) = (repo.id, repository.clone(), *digest);
        self.write_in(&repo, "hold a manifest", move |db| {
            Box::pin(async move {
                unflatten(db, id, &digest).await?;
                stand(db, id, &digest, State::Quarantined, &decision).await?;
                tags::disapprove(db, id).await?;
                note(db, "hold", &name, &digest, decision, Outcome::default()).await
            })
        })
        .await
    }

    async fn condemn(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        state: State,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        let repo = self.repo(repository).await?;
        let (id, name, digest) = (repo.id, repository.clone(), *digest);
        self.write_in(&repo, "deny a digest", move |db| {
            Box::pin(async move {
                let mut ended = end_reaching(db, id, &digest).await?;
                ended.retain(|root| *root != digest);
                stand(db, id, &digest, state, &decision).await?;
                let kind = if state == State::Denied { "deny" } else { "revoke" };
                note(db, kind, &name, &digest, decision, Outcome { ended, ..Outcome::default() }).await
            })
        })
        .await
    }
}

/// A manifest has come: it is quarantined where nothing is known of it. How it stands.
pub(crate) async fn arrive(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
    content: &Digest,
) -> Result<State, Error> {
    let doing = "note a standing";
    sqlx::query(
        "INSERT INTO standings (repository, digest, content, state, first_seen) VALUES ($1, $2, $3, 'quarantined', $4)
         ON CONFLICT (repository, digest) DO UPDATE SET content = excluded.content",
    )
    .bind(repository)
    .bind(digest.to_string())
    .bind(content.to_string())
    .bind(now())
    .execute(&mut *db)
    .await
    .map_err(database(doing))?;
    let (state,): (String,) =
        sqlx::query_as("SELECT state FROM standings WHERE repository = $1 AND digest = $2")
            .bind(repository)
            .bind(digest.to_string())
            .fetch_one(db)
            .await
            .map_err(database(doing))?;
    State::of_row(&state)
}

/// Content is gone or damaged: whatever reaches it in a repository is released no more.
pub(crate) async fn lose(
    db: &mut Connection,
    repository: i64,
    name: &RepositoryName,
    digest: &Digest,
    why: &str,
) -> Result<(), Error> {
    let ended = end_reaching(db, repository, digest).await?;
    let body = json!({"repository": name, "digest": digest, "reason": why, "ended": ended});
    journal::append(db, "lost", &body).await.map(drop)
}

/// What a root reaches.
struct Reached {
    digest: String,
    manifest: i64,
    is_manifest: bool,
    is_blob: bool,
    /// How it stands, where it is denied or revoked, under this name or another.
    state: Option<String>,
}

crate::store::from_row!(Reached { digest, manifest, is_manifest, is_blob, state });

/// Down from a root by the links of manifests that the repository holds. A child that is a manifest is followed; a layer is
/// not, whatever its bytes are.
const REACH: &str = "
    WITH RECURSIVE reach (digest, manifest) AS (
        SELECT CAST($2 AS TEXT), 1
        UNION
        SELECT l.child, CASE l.kind WHEN 'manifest' THEN 1 ELSE 0 END
        FROM reach r JOIN links l ON l.parent = r.digest WHERE l.repository = $1 AND r.manifest = 1)
    SELECT r.digest, r.manifest,
        EXISTS (SELECT 1 FROM manifests m WHERE m.repository = $1 AND m.digest = r.digest
                AND b.lost = 0) AS is_manifest,
        EXISTS (SELECT 1 FROM repository_blobs h WHERE h.repository = $1 AND h.digest = r.digest
                AND b.lost = 0) AS is_blob,
        (SELECT s.state FROM standings s
         WHERE s.repository = $1 AND s.state IN ('denied', 'revoked') AND s.digest <> $2
           AND (s.digest = r.digest OR s.content = b.content) LIMIT 1) AS state
    FROM reach r LEFT JOIN blobs b ON b.digest = r.digest";

async fn release(
    db: &mut Connection,
    repository: i64,
    name: RepositoryName,
    root: Digest,
    decision: Decision,
) -> Result<Outcome, Error> {
    let doing = "release a manifest";
    let reached: Vec<Reached> = sqlx::query_as(REACH)
        .bind(repository)
        .bind(root.to_string())
        .fetch_all(&mut *db)
        .await
        .map_err(database(doing))?;
    unflatten(db, repository, &root).await?;
    let mut outcome = Outcome::default();
    for Reached { digest: text, manifest, is_manifest, is_blob, state } in reached {
        let digest: Digest = parsed("links", &text)?;
        if let Some(state) = state {
            return Err(Error::Blocked { root, digest, state: State::of_row(&state)? });
        }
        let (kind, here) = if manifest == 1 { ("manifest", is_manifest) } else { ("blob", is_blob) };
        if !here {
            if digest == root && manifest == 1 {
                return Err(Error::NoManifest { repository: name, digest: root });
            }
            outcome.missing.push(digest);
            continue;
        }
        sqlx::query("INSERT INTO released (repository, digest, kind, root) VALUES ($1, $2, $3, $4)")
            .bind(repository)
            .bind(text)
            .bind(kind)
            .bind(root.to_string())
            .execute(&mut *db)
            .await
            .map_err(database(doing))?;
        outcome.released += 1;
    }
    stand(db, repository, &root, State::Released, &decision).await?;
    tags::approve(db, repository, &root).await?;
    tags::disapprove(db, repository).await?;
    note(db, "release", &name, &root, decision, outcome).await
}

/// Up from a digest, under all its names, to the released roots that reach it: by their links and by what they released.
const RELEASED_ROOTS: &str = "
    WITH RECURSIVE up (digest) AS (
        SELECT CAST($2 AS TEXT)
        UNION
        SELECT a.digest FROM blobs a JOIN blobs o ON o.content = a.content WHERE o.digest = $2
        UNION
        SELECT s.digest FROM standings s JOIN standings t ON t.content = s.content
        WHERE s.repository = $1 AND t.repository = $1 AND t.digest = $2
        UNION
        SELECT l.parent FROM up u JOIN links l ON l.child = u.digest WHERE l.repository = $1)
    SELECT s.digest FROM standings s WHERE s.repository = $1 AND s.state = 'released'
        AND (s.digest IN (SELECT digest FROM up)
             OR s.digest IN (SELECT l.root FROM released l JOIN up u ON u.digest = l.digest WHERE l.repository = $1))";

/// Ends all releases that reach a digest; which roots' they were.
async fn end_reaching(db: &mut Connection, repository: i64, digest: &Digest) -> Result<Vec<Digest>, Error> {
    let rows: Vec<(String,)> = sqlx::query_as(RELEASED_ROOTS)
        .bind(repository)
        .bind(digest.to_string())
        .fetch_all(&mut *db)
        .await
        .map_err(database("end releases"))?;
    let roots: Vec<Digest> =
        rows.iter().map(|(text,)| parsed("standings", text)).collect::<Result<_, _>>()?;
    for root in &roots {
        unflatten(db, repository, root).await?;
        sqlx::query(
            "UPDATE standings SET state = 'quarantined', decided = $1 WHERE repository = $2 AND digest = $3",
        )
        .bind(now())
        .bind(repository)
        .bind(root.to_string())
        .execute(&mut *db)
        .await
        .map_err(database("end releases"))?;
    }
    tags::disapprove(db, repository).await?;
    Ok(roots)
}

async fn unflatten(db: &mut Connection, repository: i64, root: &Digest) -> Result<(), Error> {
    let done = sqlx::query("DELETE FROM released WHERE repository = $1 AND root = $2")
        .bind(repository)
        .bind(root.to_string())
        .execute(db)
        .await;
    done.map_err(database("end a release")).map(drop)
}

/// Writes how a digest stands. Its content is what its blob says, else what a name by SHA-256 is.
async fn stand(
    db: &mut Connection,
    repository: i64,
    digest: &Digest,
    state: State,
    decision: &Decision,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO standings
             (repository, digest, content, state, decision, evidence, rules, first_seen, decided, companion)
         VALUES ($1, $2, COALESCE((SELECT content FROM blobs WHERE digest = $2), $2), $3, $4, $5, $6, $7, $7, $8)
         ON CONFLICT (repository, digest) DO UPDATE SET state = excluded.state, decision = excluded.decision,
             evidence = excluded.evidence, rules = excluded.rules, decided = excluded.decided,
             companion = excluded.companion",
    )
    .bind(repository)
    .bind(digest.to_string())
    .bind(state.name())
    .bind(decision.body.to_string())
    .bind(decision.evidence.map(|digest| digest.to_string()))
    .bind(decision.rules.map(|digest| digest.to_string()))
    .bind(now())
    .bind(i64::from(decision.companion))
    .execute(&mut *db)
    .await
    .map_err(database("note a standing"))?;
    match &decision.terms {
        Some(terms) => terms::put(db, repository, digest, terms).await,
        None => Ok(()),
    }
}

/// Writes a decision into the journal.
async fn note(
    db: &mut Connection,
    kind: &str,
    repository: &RepositoryName,
    digest: &Digest,
    decision: Decision,
    mut outcome: Outcome,
) -> Result<Outcome, Error> {
    let mut body = json!({
        "repository": repository, "digest": digest, "decision": decision.body, "evidence": decision.evidence,
        "rules": decision.rules, "by": decision.by,
    });
    if let Value::Object(map) = &mut body {
        match kind {
            "release" => {
                map.insert("released".to_owned(), json!(outcome.released));
                map.insert("missing".to_owned(), json!(outcome.missing));
            }
            _ => {
                map.insert("ended".to_owned(), json!(outcome.ended));
            }
        }
    }
    outcome.entry = journal::append(db, kind, &body).await?.seq;
    Ok(outcome)
}
