use crate::house::*;
use store::{MAX_PAGE, Origin};

#[test]
fn repositories_and_tags_are_paged_in_order() {
    run(async {
        let (_directory, store, app) = open().await;
        for text in ["a", "team/app/sub", "z", "m/n"] {
            store.create_repository(&name(text), &Origin::Hosted).await.unwrap();
        }
        let page = async |last: Option<&str>, n| {
            let names = store.repositories(last, n).await.unwrap();
            names.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(page(None, 2).await, ["a", "m/n"]);
        assert_eq!(page(Some("m/n"), usize::MAX).await, ["team/app", "team/app/sub", "z"]);
        assert!(page(None, 0).await.is_empty());
        let image = push(&store, &app, "config", &[], &[]).await;
        for text in ["b", "a", "B", "1.0", "c"] {
            store.put_tag(&app, &tag(text), &image.root, "pusher").await.unwrap();
        }
        store.release(&app, &image.root, decision()).await.unwrap();
        let tags = async |last: Option<&str>, n| {
            let tags = store.tags(&pull(&app), last, n).await.unwrap();
            tags.iter().map(|row| row.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(tags(None, 3).await, ["1.0", "B", "a"]);
        assert_eq!(tags(Some("a"), MAX_PAGE + 1).await, ["b", "c"]);
        assert_eq!(store.tags_of(&app, &image.root).await.unwrap().len(), 5);
        assert_eq!(store.manifests(&app, None, 10).await.unwrap().len(), 1);
        assert!(store.manifests(&app, Some(&image.root), 10).await.unwrap().is_empty());
    });
}

#[test]
fn two_stores_do_not_share_a_directory() {
    run(async {
        let (directory, _store, _) = open().await;
        let second = store::Store::open(store::Options::new(directory.path())).await;
        assert!(matches!(second, Err(store::Error::Locked { .. })));
    });
}
