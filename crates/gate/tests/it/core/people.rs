//! What people approve of, what they cannot, and what a second look does to what they did.
use super::{Bench, clean, digest, judging, tells, until, url};
use gate::core::Judging;
use registry::Standing;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::State;
use test_support::{FakeRegistry, Image, ImageBuilder, Layer, LayerBuilder, standin, story};

const APP: &str = "up.example/team/app";

fn rule(name: &str, when: &str, effect: &str) -> String {
    format!(
        "[[rule]]\nname = \"{name}\"\nwhen = \"{when}\"\neffect = \"{effect}\"\nreason = \"it is looked at\"\n"
    )
}

async fn decision(bench: &Bench, image: &Image) -> (State, Value) {
    let standing = bench.store.standing(&APP.parse().unwrap(), &digest(image)).await.unwrap().unwrap();
    (standing.state, standing.decision.unwrap_or_default())
}

async fn approve(bench: &Bench, image: &Image, by: &str, why: &str) {
    bench.store.approve(&APP.parse().unwrap(), &digest(image), by, why).await.unwrap();
}

async fn look_again(bench: &Bench, image: &Image) {
    let mut job = bench.core.reconsider(&APP.parse().unwrap(), &digest(image)).await.unwrap();
    job.wait(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_covers_what_was_known_the_age_included() {
    let image = clean("young");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.minimum_age = Duration::from_hours(72);
        settings.approvals = 2;
    })
    .await;
    tells(&bench.pull(APP, "1").await, &["held", "minimum-age"]);
    approve(&bench, &image, "user:alice", "the fix for CVE-2026-1 is in it").await;
    look_again(&bench, &image).await;
    tells(&bench.pull(APP, "1").await, &["held", "minimum-age"]);
    approve(&bench, &image, "user:bob", "compared with the source").await;
    look_again(&bench, &image).await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    let (_, decision) = decision(&bench, &image).await;
    assert_eq!((&decision["rule"], &decision["effect"]), (&"approved".into(), &"allow".into()), "{decision}");
    let journal = bench.store.journal(0, 1000).await.unwrap();
    let released = &journal.iter().find(|entry| entry.kind == "release").unwrap().body;
    for part in
        ["user:alice: the fix for CVE-2026-1", "user:bob: compared", "minimum-age", "too short a time"]
    {
        assert!(decision["message"].as_str().unwrap().contains(part), "{decision} lacks {part}");
        assert!(released.contains(part), "{released} lacks {part}");
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_not_for_what_is_found_out_later() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.judging = judging(&rule("first", "true", "hold"));
    })
    .await;
    tells(&bench.pull(APP, "1").await, &["held", "first"]);
    approve(&bench, &image, "user:alice", "what the first rule says is known").await;
    bench.core.judge_by(judging(&rule("second", "true", "hold")));
    until(async || decision(&bench, &image).await.1["rule"] == "second", Duration::from_secs(60)).await;
    look_again(&bench, &image).await;
    assert_eq!(decision(&bench, &image).await.0, State::Quarantined);
    // The same person, who knows now.
    approve(&bench, &image, "user:alice", "and what the second says").await;
    look_again(&bench, &image).await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malicious_is_released_by_no_rule_and_no_approval() {
    let miner = story::five_images().remove(0).image;
    let registry = FakeRegistry::new().image("team/app", "1", &miner).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.judging = judging(&rule("look", "true", "hold"));
    })
    .await;
    tells(&bench.pull(APP, "1").await, &["held", "look"]);
    approve(&bench, &miner, "user:alice", "it is only a sample").await;
    look_again(&bench, &miner).await;
    let (state, held) = decision(&bench, &miner).await;
    assert_eq!((state, &held["barred"]), (State::Quarantined, &Value::Bool(true)), "{held}");
    bench.core.judge_by(judging(&rule("everything", "true", "allow")));
    until(async || decision(&bench, &miner).await.0 == State::Denied, Duration::from_secs(60)).await;
    tells(&bench.pull(APP, "1").await, &["denied", "malicious", "though everything would"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_look_that_fails_changes_nothing() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let judging = judging("");
    let (scan, failing) = (Arc::clone(&judging.scan), Arc::clone(&fails));
    let scan = move || {
        assert!(!failing.load(Ordering::SeqCst), "out of order");
        scan()
    };
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.judging = Judging { scan: Arc::new(scan), ..judging };
    })
    .await;
    tells(&bench.pull(APP, "1").await, &["released"]);
    let before = decision(&bench, &image).await;
    fails.store(true, Ordering::SeqCst);
    look_again(&bench, &image).await;
    assert_eq!(decision(&bench, &image).await, before);
    assert_eq!(bench.pull(APP, "1").await, Standing::Released(digest(&image), None));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_data_are_let_in_where_a_policy_says_so() {
    let data = clean("data");
    let tar = LayerBuilder::new().file("app", 0o755, standin::program("starts")).build();
    let starts =
        ImageBuilder::new().layer(Layer::new(tar)).config(|config| config.entrypoint(&["/app"])).build();
    let registry =
        FakeRegistry::new().image("team/app", "1", &data).image("team/starts", "1", &starts).start();
    let folder = tempfile::tempdir().unwrap();
    let of = |more: &str| {
        let text = format!("schema = \"roadstead.policy/v1\"\nextends = \"default\"\n{more}");
        Judging { policy: Arc::new(text.parse().unwrap()), ..judging("") }
    };
    let bench = Bench::open(folder.path(), &url(&registry), |settings| settings.judging = of("")).await;
    tells(&bench.pull(APP, "1").await, &["held", "nothing-to-run", "entrypoint or a command", "data-images"]);
    tells(&bench.pull("up.example/team/starts", "1").await, &["held", "not-run"]);
    bench.core.judge_by(of("data-images = [\"up.example/team/*\"]\n"));
    until(async || bench.gives(APP, &digest(&data)).await, Duration::from_secs(60)).await;
    let name = "up.example/team/starts".parse().unwrap();
    let mut job = bench.core.reconsider(&name, &digest(&starts)).await.unwrap();
    job.wait(Duration::from_secs(60)).await;
    tells(&bench.pull("up.example/team/starts", "1").await, &["held", "not-run"]);
    bench.close().await;
}
