//! A database of an earlier version is brought to what this one knows, with what lies in it.
use crate::house::*;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::{Queue, Sight};

/// A data directory as the version before the console left it.
async fn left(path: &std::path::Path) {
    let file = path.join("roadstead.db");
    let pool = SqlitePool::connect_with(SqliteConnectOptions::new().filename(&file).create_if_missing(true));
    let pool = pool.await.unwrap();
    for step in [include_str!("../../src/schema/0001.sql"), include_str!("../../src/schema/0002.sql")] {
        sqlx::raw_sql(step).execute(&pool).await.unwrap();
    }
    let versions = "CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY);
                    INSERT INTO schema_version (version) VALUES (1), (2);
                    INSERT INTO repositories (id, name, created) VALUES (1, 'team/app', 0);";
    sqlx::raw_sql(versions).execute(&pool).await.unwrap();
    let quoted = "it says \"rule\":\"signature\" and is none";
    let decisions =
        [json!({"rule": "look", "message": quoted}), json!({"rule": "signature", "message": "x"})];
    for (n, decision) in decisions.into_iter().enumerate() {
        let digest = sha256(&[n as u8]).to_string();
        sqlx::query("INSERT INTO standings (repository, digest, content, state, decision, first_seen) VALUES (1, $1, $1, 'released', $2, $3)")
            .bind(&digest)
            .bind(decision.to_string())
            .bind(n as i64)
            .execute(&pool)
            .await
            .unwrap();
        let body = json!({"repository": "team/app", "digest": digest}).to_string();
        for (seq, body) in [(2 * n + 1, body), (2 * n + 2, json!({"who": "user:eve"}).to_string())] {
            sqlx::query("INSERT INTO journal (seq, time, kind, body, previous, hash) VALUES ($1, 0, 'release', $2, '', '')")
                .bind(seq as i64)
                .bind(body)
                .execute(&pool)
                .await
                .unwrap();
        }
    }
    pool.close().await;
}

#[test]
fn what_was_there_is_listed_and_told_of() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        left(directory.path()).await;
        let (store, _) = open_at(directory.path()).await;
        let all = Queue { sight: Sight::all(), state: None, last: None, n: 10 };
        let listed = store.queue(&all).await.unwrap();
        let digests: Vec<_> = listed.iter().map(|one| one.standing.digest).collect();
        assert_eq!(digests, [sha256(&[0])], "what was signed with an image is none");
        let entries = store.journal_of(&name("team/app"), &sha256(&[1]), 10).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3]);
        store.close().await;
        let (store, _) = open_at(directory.path()).await;
        assert_eq!(store.queue(&all).await.unwrap().len(), 1, "and once only");
    });
}
