use crate::house::*;
use serde_json::json;
use std::time::Duration;
use store::{Error, Grant, NewException, Robot, User, now};

#[test]
fn accounts_are_kept_and_leave_with_their_grants() {
    run(async {
        let (_directory, store, _) = open().await;
        let mut user = User {
            name: "ada".to_owned(),
            password: Some("$argon2id$secret".to_owned()),
            identity: Some(("https://issuer".to_owned(), "1".to_owned())),
            admin: true,
            disabled: false,
            created: 5,
        };
        store.create_user(&user, "setup").await.unwrap();
        assert!(matches!(store.create_user(&user, "setup").await, Err(Error::Exists(_))));
        let twin = User { name: "eve".to_owned(), ..user.clone() };
        assert!(
            matches!(store.create_user(&twin, "setup").await, Err(Error::Exists(_))),
            "one identity, one user"
        );
        user.disabled = true;
        assert!(store.update_user(&user, "setup").await.unwrap());
        assert_eq!(store.user("ada").await.unwrap(), Some(user.clone()));
        assert_eq!(store.user_of_identity("https://issuer", "1").await.unwrap(), Some(user.clone()));
        assert_eq!(store.user_of_identity("https://issuer", "2").await.unwrap(), None);
        assert!(!format!("{user:?}").contains("argon2id"));
        let robot = Robot {
            name: "ci".to_owned(),
            secret: "hash".to_owned(),
            scopes: json!([{"repository": "team/*"}]),
            expires: Some(9),
            disabled: false,
            created_by: "ada".to_owned(),
            created: 6,
        };
        store.create_robot(&robot).await.unwrap();
        let changed = Robot { disabled: true, ..robot };
        assert!(store.update_robot(&changed, "ada").await.unwrap());
        assert!(store.robots().await.unwrap() == [changed]);
        let grant = Grant {
            principal: "ada".to_owned(),
            scope: "team/*".to_owned(),
            actions: vec!["pull".to_owned(), "push".to_owned()],
            created_by: "setup".to_owned(),
            created: 7,
        };
        store.put_grant(&grant).await.unwrap();
        store.put_grant(&Grant { actions: vec![], ..grant.clone() }).await.unwrap();
        assert_eq!(store.grants(Some("ada")).await.unwrap(), [Grant { actions: vec![], ..grant }]);
        assert!(store.delete_user("ada", "setup").await.unwrap());
        assert!(store.grants(None).await.unwrap().is_empty());
        assert!(!store.delete_grant("ada", "team/*", "setup").await.unwrap());
        assert!(store.users().await.unwrap().is_empty());
        let journal = store.journal(0, 100).await.unwrap();
        assert!(journal.iter().all(|entry| !entry.body.contains("argon2id") && !entry.body.contains("hash")));
        assert_eq!(journal.last().unwrap().kind, "user-deleted");
    });
}

#[test]
fn an_exception_needs_two_people_and_ends() {
    run(async {
        let (_directory, store, app) = open().await;
        let new = NewException {
            scope: json!({"finding": "S-MIN-HASH"}),
            reason: "a research image".to_owned(),
            created_by: "ada".to_owned(),
            expires: now() + 60_000,
        };
        let row = store.create_exception(&new).await.unwrap();
        assert!(!row.holds(now()));
        assert!(!store.approve_exception(row.id, "ada").await.unwrap());
        assert!(store.exceptions(Some(now())).await.unwrap().is_empty());
        assert!(store.approve_exception(row.id, "bob").await.unwrap());
        assert!(!store.approve_exception(row.id, "eve").await.unwrap());
        let held = store.exceptions(Some(now())).await.unwrap();
        assert_eq!(held[0].approved.as_ref().unwrap().0, "bob");
        assert!(held[0].holds(now()) && !held[0].holds(now() + 60_001));
        assert!(store.exceptions(Some(now() + 60_001)).await.unwrap().is_empty());
        assert!(store.withdraw_exception(row.id, "bob").await.unwrap());
        assert!(store.exceptions(Some(now())).await.unwrap().is_empty());
        assert_eq!(store.exceptions(None).await.unwrap().len(), 1);
        let late = store.create_exception(&NewException { expires: now() - 1, ..new }).await.unwrap();
        assert!(!store.approve_exception(late.id, "bob").await.unwrap());
        let digest = sha256(b"image");
        store.approve(&app, &digest, "ada", "known").await.unwrap();
        store.approve(&app, &digest, "ada", "known again").await.unwrap();
        assert_eq!(store.approve(&app, &digest, "bob", "looked at it").await.unwrap().len(), 2);
        assert_eq!(store.approvals(&app, &digest).await.unwrap()[0].reason, "known");
    });
}

#[test]
fn deliveries_settings_and_evidence() {
    run(async {
        let (directory, store, _) = open().await;
        let one = store.create_delivery("hook", "push", "{}").await.unwrap();
        let two = store.create_delivery("hook", "push", "{}").await.unwrap();
        let hold = Duration::from_secs(60);
        let due = store.due_deliveries(10, hold).await.unwrap();
        assert_eq!(due.iter().map(|delivery| delivery.id).collect::<Vec<_>>(), [one, two]);
        assert!(store.due_deliveries(10, hold).await.unwrap().is_empty());
        store.delivered(one).await.unwrap();
        store.not_delivered(two, "503", Some(Duration::ZERO)).await.unwrap();
        let due = store.due_deliveries(10, hold).await.unwrap();
        assert_eq!((due.len(), due[0].attempts), (1, 2));
        store.not_delivered(two, "410", None).await.unwrap();
        assert!(store.due_deliveries(10, Duration::ZERO).await.unwrap().is_empty());

        assert_eq!(store.setting("a").await.unwrap(), None);
        assert_eq!(store.set_setting_once("a", "1").await.unwrap(), "1");
        assert_eq!(store.set_setting_once("a", "2").await.unwrap(), "1");
        store.set_setting("a", "3").await.unwrap();
        assert_eq!(store.setting("a").await.unwrap().as_deref(), Some("3"));

        let digest = store.put_evidence("report".into()).await.unwrap();
        assert_eq!(digest, sha256(b"report"));
        assert_eq!(store.evidence(&digest).await.unwrap().unwrap(), "report");
        assert_eq!(store.evidence(&sha256(b"other")).await.unwrap(), None);
        std::fs::write(directory.path().join("evidence").join(digest.hex()), "changed").unwrap();
        assert!(matches!(store.evidence(&digest).await, Err(Error::Damaged(_))));
        store.ready().await.unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        for (path, mode) in
            [("roadstead.db", 0o600), ("roadstead.db-wal", 0o600), ("blobs", 0o700), ("keys", 0o700)]
        {
            let metadata = std::fs::metadata(directory.path().join(path)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
        }
    });
}
