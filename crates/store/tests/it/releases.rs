use crate::house::*;
use serde_json::json;
use store::{Error, ReleasedKind, StandingFilter, State};

#[test]
fn a_tag_serves_what_was_approved_last() {
    run(async {
        let (_directory, store, app) = open().await;
        let latest = tag("latest");
        let old = push(&store, &app, "old", &["1"], &["latest"]).await;
        let seen = store.approved_tag(&pull(&app), &latest).await.unwrap().unwrap();
        assert!(seen.released.is_none() && !seen.newer_is_held());
        assert!(store.tags(&pull(&app), None, 10).await.unwrap().is_empty());
        assert_eq!(store.tags(&read_back(&app), None, 10).await.unwrap().len(), 1);
        store.release(&app, &old.root, decision()).await.unwrap();
        assert_eq!(store.tags(&pull(&app), None, 10).await.unwrap().len(), 1);
        let new = push(&store, &app, "new", &["2"], &["latest"]).await;
        let seen = store.approved_tag(&pull(&app), &latest).await.unwrap().unwrap();
        assert!(seen.newer_is_held());
        assert_eq!((*seen.released.unwrap().digest(), seen.newest), (old.root, new.root));
        store.release(&app, &new.root, decision()).await.unwrap();
        let seen = store.approved_tag(&pull(&app), &latest).await.unwrap().unwrap();
        assert_eq!(*seen.released.unwrap().digest(), new.root);
        // A tag that is put on what is released is approved at once; a revoked digest serves nobody.
        store.put_tag(&app, &tag("stable"), &old.root, "pusher").await.unwrap();
        assert!(store.approved_tag(&pull(&app), &tag("stable")).await.unwrap().unwrap().released.is_some());
        store.revoke(&app, &old.root, decision()).await.unwrap();
        assert!(store.approved_tag(&pull(&app), &tag("stable")).await.unwrap().unwrap().released.is_none());
        assert!(store.approved_tag(&pull(&app), &latest).await.unwrap().unwrap().released.is_some());
        assert!(store.delete_tag(&app, &latest, "pusher").await.unwrap());
        assert!(store.approved_tag(&pull(&app), &latest).await.unwrap().is_none());
    });
}

#[test]
fn what_is_shared_stays_while_one_release_reaches_it() {
    run(async {
        let (_directory, store, app) = open().await;
        let one = push(&store, &app, "one", &["base", "1"], &[]).await;
        let two = push(&store, &app, "two", &["base", "2"], &[]).await;
        store.release(&app, &one.root, decision()).await.unwrap();
        store.release(&app, &two.root, decision()).await.unwrap();
        store.revoke(&app, &one.root, decision()).await.unwrap();
        assert!(is_given(&store, &app, &two.layers[0]).await);
        assert!(!is_given(&store, &app, &one.layers[1]).await);
        // A denied layer ends all that reach it.
        let outcome = store.deny(&app, &one.layers[0], decision()).await.unwrap();
        assert_eq!(outcome.ended, [two.root]);
        assert!(!is_given(&store, &app, &two.root).await);
        assert!(matches!(store.release(&app, &two.root, decision()).await, Err(Error::Blocked { .. })));
        let standing = store.standing(&app, &two.root).await.unwrap().unwrap();
        assert_eq!(standing.state, State::Quarantined);
        // Decided anew, it blocks no more.
        store.hold(&app, &one.layers[0], decision()).await.unwrap();
        store.release(&app, &two.root, decision()).await.unwrap();
        assert!(is_given(&store, &app, &two.root).await);
    });
}

#[test]
fn an_index_is_blocked_by_its_child_and_child_by_nothing() {
    run(async {
        let (_directory, store, app) = open().await;
        let one = push(&store, &app, "one", &["1"], &[]).await;
        let two = push(&store, &app, "two", &["2"], &[]).await;
        let inner = index_text(&[(one.root, one.text.len()), (two.root, two.text.len())]);
        let index = put(&store, &app, &inner, &[]).await.unwrap().digest;
        let outer = index_text(&[(index, inner.len())]);
        let outer = put(&store, &app, &outer, &["latest"]).await.unwrap().digest;
        let outcome = store.release(&app, &outer, decision()).await.unwrap();
        assert_eq!(outcome.released, 8);
        let token = store.released(&pull(&app), &one.root).await.unwrap().unwrap();
        assert!(matches!(token.kind(), ReleasedKind::Manifest { .. }));
        assert_eq!(store.bytes(&token).await.unwrap(), one.text.as_bytes());
        let outcome = store.deny(&app, &one.root, decision()).await.unwrap();
        assert_eq!(outcome.ended, [outer]);
        assert!(!is_given(&store, &app, &two.root).await);
        for root in [index, outer] {
            assert!(matches!(store.release(&app, &root, decision()).await, Err(Error::Blocked { .. })));
        }
        store.release(&app, &two.root, decision()).await.unwrap();
        assert!(is_given(&store, &app, &two.root).await);
        assert!(!is_given(&store, &app, &one.layers[0]).await);
        assert!(matches!(
            store.release(&app, &sha256(b"none"), decision()).await,
            Err(Error::NoManifest { .. })
        ));
    });
}

#[test]
fn a_child_that_comes_late_is_not_released_until_the_root_is_again() {
    run(async {
        let (_directory, store, app) = open().await;
        let other = name("team/other");
        store.create_repository(&other, &store::Origin::Hosted).await.unwrap();
        let late = push(&store, &other, "late", &["layer"], &[]).await;
        let sparse = index_text(&[(late.root, late.text.len())]);
        let index = put(&store, &app, &sparse, &[]).await.unwrap().digest;
        assert_eq!(store.release(&app, &index, decision()).await.unwrap().missing, [late.root]);
        let late = push(&store, &app, "late", &["layer"], &[]).await;
        assert!(!is_given(&store, &app, &late.root).await);
        store.release(&app, &index, decision()).await.unwrap();
        assert!(is_given(&store, &app, &late.root).await);
    });
}

#[test]
fn referrers_are_behind_the_release_too() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &[]).await;
        let empty = push_blob(&store, &app, b"{}").await;
        let referrer = |kind: &str| {
            json!({
                "schemaVersion": 2, "mediaType": store::media_type::OCI_MANIFEST, "artifactType": kind,
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
                "layers": [], "annotations": {"k": kind},
                "subject": {
                    "mediaType": store::media_type::OCI_MANIFEST, "digest": image.root, "size": image.text.len(),
                },
            })
            .to_string()
        };
        let stored = put(&store, &app, &referrer("a/one"), &[]).await.unwrap();
        assert_eq!(stored.subject, Some(image.root));
        let two = put(&store, &app, &referrer("a/two"), &[]).await.unwrap();
        let list = async |permit, kind: Option<&str>| {
            store.referrers(permit, &image.root, kind, None, 10).await.unwrap().len()
        };
        let (reader, pusher) = (pull(&app), read_back(&app));
        assert_eq!((list(&reader, None).await, list(&pusher, None).await), (0, 2));
        store.release(&app, &stored.digest, decision()).await.unwrap();
        assert_eq!((list(&reader, None).await, list(&pusher, Some("a/two")).await), (1, 1));
        store.deny(&app, &two.digest, decision()).await.unwrap();
        assert_eq!((list(&reader, None).await, list(&pusher, None).await), (1, 1));
        let found = store.referrers(&reader, &image.root, Some("a/one"), None, 10).await.unwrap();
        assert_eq!(found[0].annotations["k"], "a/one");
        assert_eq!(found[0].artifact_type.as_deref(), Some("a/one"));
        // That the signature is released says nothing of the image.
        assert!(!is_given(&store, &app, &image.root).await);
    });
}

#[test]
fn standings_are_listed_and_each_decision_is_in_the_journal() {
    run(async {
        let (_directory, store, app) = open().await;
        let one = push(&store, &app, "one", &["1"], &[]).await;
        let two = push(&store, &app, "two", &["2"], &[]).await;
        let mut chosen = decision();
        chosen.rules = Some(sha256(b"rules 1"));
        store.release(&app, &one.root, chosen.clone()).await.unwrap();
        store.deny(&app, &two.root, chosen).await.unwrap();
        let list = async |filter: StandingFilter| {
            store.standings(&StandingFilter { n: 10, ..filter }).await.unwrap()
        };
        assert_eq!(list(StandingFilter::default()).await.len(), 2);
        let released = list(StandingFilter { state: Some(State::Released), ..Default::default() }).await;
        assert_eq!(released[0].1.digest, one.root);
        let stale = StandingFilter { rules_other_than: Some(sha256(b"rules 2")), ..Default::default() };
        assert_eq!(list(stale).await.len(), 2);
        let fresh = StandingFilter { rules_other_than: Some(sha256(b"rules 1")), ..Default::default() };
        assert_eq!(list(fresh).await.len(), 0);
        let last = list(StandingFilter::default()).await[0].1.digest;
        let rest = StandingFilter { last: Some((app.clone(), last)), ..Default::default() };
        assert_eq!(list(rest).await.len(), 1);
        let kinds: Vec<_> =
            store.journal(0, 100).await.unwrap().into_iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, ["repository", "push", "push", "release", "deny"]);
    });
}
