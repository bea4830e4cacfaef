use crate::house::*;
use std::path::Path;
use store::journal::{Checked, Head, export, verify, verify_lines};

fn change(database: &Path, sql: &'static str) {
    run(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(database);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let done = sqlx::query(sql).execute(&pool).await.unwrap();
        assert!(done.rows_affected() > 0, "{sql}");
        pool.close().await;
    });
}

#[test]
fn every_field_that_is_changed_in_the_file_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("roadstead.db");
    let head = run(async {
        let (store, _) = open_at(directory.path()).await;
        for n in 0..1500 {
            store.record("test", serde_json::json!({"n": n, "text": "\"quoted\"\n"})).await.unwrap();
        }
        let head = store.journal_head().await.unwrap();
        // It can be checked while the server runs.
        let path = database.clone();
        let checked = tokio::task::spawn_blocking(move || verify(&path, None)).await.unwrap().unwrap();
        assert_eq!((checked.entries, checked.broken), (1500, None));
        store.close().await;
        head
    });
    let check = |sql: Option<&'static str>, anchor: Option<&Head>, expect: Option<i64>| {
        let copy = directory.path().join("copy.db");
        std::fs::copy(&database, &copy).unwrap();
        if let Some(sql) = sql {
            change(&copy, sql);
        }
        let Checked { broken, .. } = verify(&copy, anchor).unwrap();
        assert_eq!(broken.as_ref().map(|(seq, _)| *seq), expect, "{sql:?}: {broken:?}");
        let mut lines = Vec::new();
        export(&copy, &mut lines).unwrap();
        let exported = verify_lines(lines.as_slice(), anchor).unwrap();
        assert_eq!(exported.broken, broken);
    };
    check(None, Some(&head), None);
    check(Some("UPDATE journal SET body = '{\"n\":0}' WHERE seq = 700"), None, Some(700));
    check(Some("UPDATE journal SET time = time + 1 WHERE seq = 1200"), None, Some(1200));
    check(Some("UPDATE journal SET kind = 'tests' WHERE seq = 1"), None, Some(1));
    check(Some("UPDATE journal SET hash = previous WHERE seq = 1500"), None, Some(1500));
    check(Some("UPDATE journal SET previous = hash WHERE seq = 3"), None, Some(3));
    check(Some("UPDATE journal SET seq = 9999 WHERE seq = 10"), None, Some(10));
    check(Some("DELETE FROM journal WHERE seq = 1000"), None, Some(1000));
    check(Some("DELETE FROM journal WHERE seq = 1"), None, Some(1));
    check(Some("DELETE FROM journal WHERE seq > 1400"), None, None);
    check(Some("DELETE FROM journal WHERE seq > 1400"), Some(&head), Some(1401));
    check(
        Some("INSERT INTO journal SELECT 0, time, kind, body, previous, hash FROM journal WHERE seq = 1"),
        None,
        Some(1),
    );
    let garbage = verify_lines("no json\n".as_bytes(), None).unwrap();
    assert_eq!(garbage.broken.unwrap().0, 1);
}

#[test]
fn entries_that_come_at_once_form_one_chain() {
    let directory = tempfile::tempdir().unwrap();
    run(async {
        let (store, _) = open_at(directory.path()).await;
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(
                    async move { store.record("test", serde_json::json!({"n": n})).await.unwrap().seq },
                )
            })
            .collect();
        let mut numbers = Vec::new();
        for task in tasks {
            numbers.push(task.await.unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=100).collect::<Vec<_>>());
        store.close().await;
    });
    assert_eq!(verify(&directory.path().join("roadstead.db"), None).unwrap().entries, 100);
}
