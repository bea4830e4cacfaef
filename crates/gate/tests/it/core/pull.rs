//! Images are pulled through.
use super::{Bench, UPSTREAM, arrive, clean, digest, policy, tells, url};
use model::Digest;
use registry::Standing;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use store::State;
use test_support::{FakeRegistry, Image, IndexBuilder, Response, story};

const APP: &str = "up.example/team/app";

fn all_of(image: &Image) -> Vec<Digest> {
    image.blobs().keys().map(|digest| digest.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_fetched_read_released_and_signed() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
    let mut events = bench.core.events();
    for content in all_of(&image) {
        assert!(!bench.gives(APP, &content).await);
    }
    assert_eq!(bench.pull(APP, "1").await, Standing::Released(digest(&image), None));
    for content in all_of(&image) {
        assert!(bench.gives(APP, &content).await, "{content}");
    }
    let kinds = [events.recv().await.unwrap().kind, events.recv().await.unwrap().kind];
    assert_eq!(format!("{kinds:?}"), "[Quarantined, Released]");
    // Signed in both forms, and what was found stands beside.
    let tag = attest::signature_tag(&digest(&image)).parse().unwrap();
    let signature = bench.store.tag(&APP.parse().unwrap(), &tag).await.unwrap().unwrap();
    assert_eq!(signature.approved, Some(signature.digest));
    let referrers =
        bench.store.referrers(&super::permit(APP), &digest(&image), None, None, 100).await.unwrap();
    let stated: Vec<&str> = referrers
        .iter()
        .filter_map(|referrer| referrer.annotations.get("dev.sigstore.bundle.predicateType"))
        .map(String::as_str)
        .collect();
    for predicate in ["sign/v1", "svr", "verification_summary", "test-result"] {
        assert!(stated.iter().any(|stated| stated.contains(predicate)), "{stated:?} lacks {predicate}");
    }
    // The journal has the decision with what it stands on.
    let journal = bench.store.journal(0, 1000).await.unwrap();
    let release = journal.iter().find(|entry| entry.kind == "release").unwrap();
    for part in ["\"rule\":\"clean\"", "\"report\":\"sha256:", "\"rules\":\"sha256:", "\"policy\":\"sha256:"]
    {
        assert!(release.body.contains(part), "{} lacks {part}", release.body);
    }
    let standing = bench.store.standing(&APP.parse().unwrap(), &digest(&image)).await.unwrap().unwrap();
    let evidence = bench.store.evidence(&standing.evidence.unwrap()).await.unwrap().unwrap();
    let report: model::Report = serde_json::from_slice(&evidence).unwrap();
    assert_eq!(report.image.reference, format!("{UPSTREAM}/team/app:1@{}", image.digest()));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_asked_for_by_its_digest() {
    let (one, two) = (clean("one"), clean("two"));
    let index = IndexBuilder::new().image(one.clone()).image_as("linux", "arm64", two.clone()).build();
    let registry = FakeRegistry::new().image("team/app", "1", &index).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |settings| {
        settings.ingest.platforms = vec!["linux/amd64".parse().unwrap()];
    })
    .await;
    // A child by itself is a root of its own, and nothing else of the index comes with it.
    assert_eq!(bench.pull(APP, one.digest()).await, Standing::Released(digest(&one), None));
    assert!(!bench.gives(APP, &digest(&index)).await);
    // Of the index, what was fetched is released; the other platform is not there.
    assert_eq!(bench.pull(APP, "1").await, Standing::Released(digest(&index), None));
    assert!(!bench.gives(APP, &digest(&two)).await);
    assert!(bench.store.manifest(&APP.parse().unwrap(), &digest(&two)).await.unwrap().is_none());
    // Nothing that nobody has.
    let nothing = test_support::sha256_digest(b"nothing");
    assert_eq!(bench.pull(APP, &nothing).await, Standing::Unknown);
    assert_eq!(bench.pull(APP, "2").await, Standing::Unknown);
    assert_eq!(bench.pull("up.example/no/such", &nothing).await, Standing::Unknown);
    assert!(bench.store.repository(&"up.example/no/such".parse().unwrap()).await.unwrap().is_none());
    // And nothing of one repository in another.
    assert!(!bench.gives("up.example/team/other", &digest(&one)).await);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_miners_of_the_story_are_denied_with_the_reason() {
    let miner = story::five_images().remove(0).image;
    let registry = FakeRegistry::new().image("thanhtudo/thanhtudo", "latest", &miner).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
    let name = "up.example/thanhtudo/thanhtudo";
    let standing = bench.pull(name, "latest").await;
    let page = format!("; see https://gate.example/q/{name}@{}", miner.digest());
    tells(&standing, &["denied", "by the rule malicious", "S-MIN", "of layer", "/", &page]);
    // The same answer to whoever comes later, by whatever name.
    assert_eq!(bench.pull(name, miner.digest()).await, standing);
    for content in all_of(&miner) {
        assert!(!bench.gives(name, &content).await);
    }
    // Nobody signs what is denied.
    let journal = bench.store.journal(0, 1000).await.unwrap();
    assert!(journal.iter().any(|entry| entry.kind == "deny"));
    assert!(journal.iter().all(|entry| entry.kind != "release"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_that_ask_at_once_cause_one_analysis() {
    let image = clean("crowd");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
    let crowd: Vec<_> = (0..500)
        .map(|number| {
            let core = bench.core.clone();
            tokio::spawn(async move {
                let pull = arrive(&core, APP, "1");
                match number % 5 {
                    // Some do not wait for the answer, and end nothing by that.
                    0 => drop(tokio::time::timeout(Duration::from_millis(5), pull).await),
                    _ => tells(&pull.await, &["released"]),
                }
            })
        })
        .collect();
    for one in crowd {
        one.await.unwrap();
    }
    let asked = |method: &str, end: &str| {
        let asked = registry.requests();
        asked.iter().filter(|request| request.method == method && request.path.ends_with(end)).count()
    };
    assert_eq!((asked("HEAD", "/1"), asked("GET", image.digest())), (1, 1));
    let journal = bench.store.journal(0, 5000).await.unwrap();
    let releases =
        journal.iter().filter(|entry| entry.kind == "release" && entry.body.contains("\"rule\":\"clean\""));
    assert_eq!(releases.count(), 1);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_is_told_how_far_it_is() {
    let image = clean("slow");
    let config = test_support::sha256_hex(image.config());
    let slow = move |request: &test_support::Request| {
        if request.path.contains("/blobs/") && !request.path.ends_with(&config) {
            std::thread::sleep(Duration::from_millis(1500));
        }
        None
    };
    let registry = FakeRegistry::new().image("team/app", "1", &image).intercept(slow).start();
    let folder = tempfile::tempdir().unwrap();
    let bench =
        Bench::open(folder.path(), &url(&registry), |settings| settings.wait = Duration::from_millis(1000))
            .await;
    let standing = bench.pull(APP, "1").await;
    let page = format!("https://gate.example/q/{APP}@{}", image.digest());
    tells(&standing, &["held roadstead: fetching blob", "of 3", "analysis next", &page]);
    let Standing::Held { retry_after, .. } = standing else { panic!() };
    assert!((1..=120).contains(&retry_after));
    super::until(async || bench.gives(APP, &digest(&image)).await, Duration::from_secs(60)).await;
    bench.close().await;
}

/// A registry whose tag `1` moves from one image to the next.
fn moving(images: &[&Image]) -> (FakeRegistry, Arc<AtomicUsize>) {
    let at = Arc::new(AtomicUsize::new(0));
    let digests: Vec<String> = images.iter().map(|image| image.digest().to_owned()).collect();
    let mut registry = FakeRegistry::new();
    for (number, image) in images.iter().enumerate() {
        registry = registry.image("team/app", &format!("image-{number}"), image);
    }
    let now = Arc::clone(&at);
    let registry = registry.intercept(move |request| {
        let digest = digests.get(now.load(Ordering::SeqCst))?;
        (request.path.ends_with("/manifests/1"))
            .then(|| Response::new(200).header("Docker-Content-Digest", digest))
    });
    (registry, at)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_last_serves_while_something_newer_does_not() {
    let (good, better) = (clean("good"), clean("better"));
    let bad = story::five_images().remove(0).image;
    let (registry, at) = moving(&[&good, &bad, &better]);
    let registry = registry.start();
    let folder = tempfile::tempdir().unwrap();
    let bench =
        Bench::open(folder.path(), &url(&registry), |settings| settings.tag_life = Duration::ZERO).await;
    assert_eq!(bench.pull(APP, "1").await, Standing::Released(digest(&good), None));
    // Newer, and not looked at yet: nobody waits.
    at.store(1, Ordering::SeqCst);
    let start = std::time::Instant::now();
    let standing = bench.pull(APP, "1").await;
    assert!(start.elapsed() < Duration::from_secs(5));
    tells(&standing, &[&format!("released {}", good.digest()), bad.digest(), "last approved"]);
    // Newer, and refused.
    let repository = APP.parse().unwrap();
    let refused = async || {
        let standing = bench.store.standing(&repository, &digest(&bad)).await.unwrap();
        standing.is_some_and(|standing| standing.state == State::Denied)
    };
    super::until(refused, Duration::from_secs(60)).await;
    tells(&bench.pull(APP, "1").await, &[&format!("released {}", good.digest()), "refused", "malicious"]);
    // Newer, and good.
    at.store(2, Ordering::SeqCst);
    super::until(
        async || bench.pull(APP, "1").await == Standing::Released(digest(&better), None),
        Duration::from_secs(60),
    )
    .await;
    let row = bench.store.tag(&repository, &"1".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(row.approved, Some(digest(&better)));
    // The upstream is gone: what was approved last is served, with a warning, and nothing else.
    drop(registry);
    tells(
        &bench.pull(APP, "1").await,
        &[&format!("released {}", better.digest()), "up.example", "out of date"],
    );
    tells(&bench.pull(APP, "3").await, &["unavailable", "up.example"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_believed_for_a_while() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::open(folder.path(), &url(&registry), |_| ()).await;
    for _ in 0..3 {
        tells(&bench.pull(APP, "1").await, &["released"]);
    }
    let heads = registry.requests().iter().filter(|request| request.method == "HEAD").count();
    assert_eq!(heads, 1);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn content_of_upstreams_has_to_be_known_for_a_while() {
    let image = clean("young");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let bench =
        Bench::open(folder.path(), &url(&registry), |settings| settings.minimum_age = Duration::from_secs(6))
            .await;
    tells(&bench.pull(APP, "1").await, &["held", "minimum-age", "until 2"]);
    super::until(
        async || matches!(bench.pull(APP, "1").await, Standing::Released(..)),
        Duration::from_secs(60),
    )
    .await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_rights_come_first() {
    let image = clean("one");
    let registry = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let address = url(&registry);
    let bench = Bench::open(folder.path(), &address, |settings| {
        let upstream = gate::Upstream {
            urls: vec![address.clone()],
            deny: vec!["team/**".parse().unwrap()],
            ..Default::default()
        };
        settings.upstreams = gate::Upstreams::new([(UPSTREAM.parse().unwrap(), upstream)].into(), Vec::new());
    })
    .await;
    tells(&bench.pull(APP, "1").await, &["denied", "team/app of up.example is on the list", "team/**"]);
    tells(&bench.pull(APP, image.digest()).await, &["denied", "on the list"]);
    assert!(registry.requests().is_empty(), "what is on the list is not asked for");
    // A permit without the right to the upstream learns nothing.
    let permit = access::Permit::for_tests("user:x", &APP.parse().unwrap(), access::Action::Pull);
    let reference = registry::Reference::Tag("1".parse().unwrap());
    let arrival = registry::Arrival { permit: &permit, reference: &reference, head: false };
    assert_eq!(registry::Quarantine::arrive(&bench.core, arrival).await, Standing::Unknown);
    let _ = policy("");
    bench.close().await;
}
