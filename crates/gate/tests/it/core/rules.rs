//! Rules change, and what is released is looked at again.
use super::{Bench, clean, digest, judging, tells, until, url};
use registry::Standing;
use std::time::{Duration, Instant};
use store::State;
use test_support::FakeRegistry;

const APP: &str = "up.example/team/app";

const DENY: &str = r#"
[[rule]]
name = "nothing-of-this-team"
when = "repository == 'up.example/team/app'"
effect = "deny"
reason = "it is not wanted any more"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_release_ends_at_once_where_newer_rules_deny() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    let mut events = bench.core.events();
    let name = APP.parse().unwrap();
    let tag = attest::signature_tag(&digest(&image)).parse().unwrap();
    let signature = bench.store.tag(&name, &tag).await.unwrap().unwrap().digest;
    assert!(bench.gives(APP, &signature).await);
    // Pullable until the newer rules have spoken, and not for a moment longer.
    bench.core.judge_by(judging(DENY));
    let start = Instant::now();
    until(async || !bench.gives(APP, &digest(&image)).await, Duration::from_secs(30)).await;
    let event = events.recv().await.unwrap();
    assert!(store::now() - event.time < 1000, "a second after the verdict it is gone");
    tells(&bench.pull(APP, "1").await, &["denied", "nothing-of-this-team"]);
    for content in image.blobs().keys() {
        assert!(!bench.gives(APP, &content.parse().unwrap()).await);
    }
    until(async || !bench.gives(APP, &signature).await, Duration::from_secs(5)).await;
    let standing = bench.store.standing(&name, &digest(&image)).await.unwrap().unwrap();
    assert_eq!(standing.state, State::Revoked);
    assert!(bench.store.journal(0, 1000).await.unwrap().iter().any(|entry| entry.kind == "revoke"));
    println!("revoked {:?} after the rules changed", start.elapsed());
    // A person may ask again once the rules are others.
    bench.core.judge_by(judging(""));
    let mut again = bench.core.reconsider(&name, &digest(&image)).await.unwrap();
    again.wait(Duration::from_secs(60)).await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_stays_where_newer_rules_are_unsure() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    bench.core.judge_by(judging(&DENY.replace("deny", "hold")));
    let name = APP.parse().unwrap();
    let looked_at = async || {
        let standing = bench.store.standing(&name, &digest(&image)).await.unwrap().unwrap();
        assert_eq!(standing.state, State::Released);
        standing.decision.unwrap()["rule"] == "kept"
    };
    until(looked_at, Duration::from_secs(60)).await;
    assert_eq!(bench.pull(APP, "1").await, Standing::Released(digest(&image), None));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_looked_at_again_when_rules_change() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.judging = judging(&DENY.replace("deny", "hold"));
    })
    .await;
    tells(&bench.pull(APP, "1").await, &["held", "nothing-of-this-team"]);
    // People may approve of it…
    let name = APP.parse().unwrap();
    bench.store.approve(&name, &digest(&image), "user:alice", "looked at by hand").await.unwrap();
    let mut again = bench.core.reconsider(&name, &digest(&image)).await.unwrap();
    again.wait(Duration::from_secs(60)).await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_released_by_other_rules() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.judging = judging(&DENY.replace("deny", "hold"));
    })
    .await;
    tells(&bench.pull(APP, "1").await, &["held"]);
    bench.core.judge_by(judging(""));
    until(async || bench.gives(APP, &digest(&image)).await, Duration::from_secs(60)).await;
    bench.close().await;
}
