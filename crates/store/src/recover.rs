use crate::blobs::{remove, unsigned};
use crate::error::{self, Error, database};
use crate::store::{Store, joined};
use crate::{release, uploads};
use model::Digest;
use std::collections::HashSet;
use std::path::Path;

/// What was put right when the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Temporary files that were removed.
    pub temporary: u64,
    /// Files of uploads without a row that were removed.
    pub uploads: u64,
    /// Rows of uploads without a file that were removed.
    pub upload_rows: u64,
    /// Blobs whose file is gone or has another size: their releases ended.
    pub lost: Vec<Digest>,
    /// Jobs whose worker died: they wait again.
    pub jobs: u64,
}

/// Puts right what a crash left. Nobody else uses the store yet.
pub(crate) async fn recover(store: &Store) -> Result<Recovered, Error> {
    let mut recovered = Recovered::default();
    uploads_and_temporaries(store, &mut recovered).await?;
    recovered.lost = files_without(store).await?;
    for digest in &recovered.lost {
        lose(store, digest, "the file was gone or had another size when the store was opened").await?;
    }
    recovered.jobs = store.recover_jobs().await?;
    if recovered != Recovered::default() {
        let Recovered { temporary, uploads, upload_rows, lost, jobs } = &recovered;
        tracing::info!(
            temporary,
            uploads,
            upload_rows,
            lost = lost.len(),
            jobs,
            "put right what the last run left"
        );
    }
    Ok(recovered)
}

async fn uploads_and_temporaries(store: &Store, recovered: &mut Recovered) -> Result<(), Error> {
    let rows: Vec<(String,)> = sqlx::query_as("SELECT id FROM uploads")
        .fetch_all(store.read())
        .await
        .map_err(database("list uploads"))?;
    let rows: HashSet<String> = rows.into_iter().map(|(id,)| id).collect();
    let folder = store.inner.blobs.uploads();
    let mut found = HashSet::new();
    for name in names(&folder)? {
        let path = folder.join(&name);
        if name.starts_with('.') {
            remove(&path);
            recovered.temporary += 1;
        } else if !rows.contains(&name) {
            remove(&path);
            recovered.uploads += 1;
        } else {
            found.insert(name);
        }
    }
    for id in rows.difference(&found) {
        let id = id.clone();
        store
            .write("remove an upload", move |db| Box::pin(async move { uploads::forget(db, &id).await }))
            .await?;
        recovered.upload_rows += 1;
    }
    Ok(())
}

/// The names in a folder that are text; ours all are.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = std::fs::read_dir(folder).map_err(error::io("list", folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(error::io("list", folder))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    Ok(names)
}

/// Blobs with a row and without a file of the right size.
async fn files_without(store: &Store) -> Result<Vec<Digest>, Error> {
    let mut lost = Vec::new();
    let mut last = String::new();
    loop {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT digest, size FROM blobs WHERE lost = 0 AND digest > $1 ORDER BY digest LIMIT 5000",
        )
        .bind(&last)
        .fetch_all(store.read())
        .await
        .map_err(database("list blobs"))?;
        let Some((end, _)) = rows.last() else { return Ok(lost) };
        last.clone_from(end);
        let store = store.clone();
        let look = move || {
            let mut missing = Vec::new();
            for (text, size) in rows {
                let digest: Digest = crate::repositories::parsed("blobs", &text)?;
                let metadata = std::fs::symlink_metadata(store.inner.blobs.path(&digest));
                if !metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() == unsigned(size)) {
                    missing.push(digest);
                }
            }
            Ok::<_, Error>(missing)
        };
        lost.extend(tokio::task::spawn_blocking(look).await.map_err(joined)??);
    }
}

/// Content is gone or damaged: its row says so, its releases end in every repository that holds it.
pub(crate) async fn lose(store: &Store, digest: &Digest, why: &'static str) -> Result<(), Error> {
    let ids: Vec<(i64,)> = sqlx::query_as(
        "SELECT repository FROM repository_blobs WHERE digest = $1
         UNION SELECT repository FROM manifests WHERE digest = $1",
    )
    .bind(digest.to_string())
    .fetch_all(store.read())
    .await
    .map_err(database("find who holds a blob"))?;
    let digest = *digest;
    store
        .write("note a lost blob", move |db| {
            Box::pin(async move {
                sqlx::query("UPDATE blobs SET lost = 1 WHERE digest = $1")
                    .bind(digest.to_string())
                    .execute(db)
                    .await
                    .map_err(database("note a lost blob"))
                    .map(drop)
            })
        })
        .await?;
    for (id,) in ids {
        let repo = store.repo_by_id(id).await?;
        let name = repo.name().clone();
        store
            .write_in(&repo, "end releases of a lost blob", move |db| {
                Box::pin(async move { release::lose(db, id, &name, &digest, why).await })
            })
            .await?;
    }
    Ok(())
}
