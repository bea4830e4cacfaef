use crate::house::*;
use model::Digest;
use std::future::{Future as _, poll_fn};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::task::{Context, Poll};
use std::time::Duration;
use store::{Origin, State};

#[test]
fn what_a_crash_leaves_is_put_right() {
    let directory = tempfile::tempdir().unwrap();
    let app = name("team/app");
    let (image, gone, kept) = run(async {
        let (store, _) = open_at(directory.path()).await;
        store.create_repository(&app, &Origin::Hosted).await.unwrap();
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        store.release(&app, &image.root, decision()).await.unwrap();
        let gone = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        let kept = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        store.close().await;
        (image, gone, kept)
    });
    let uploads = directory.path().join("uploads");
    std::fs::write(uploads.join(".temporary"), "half").unwrap();
    std::fs::write(uploads.join("0123456789abcdef0123456789abcdef"), "no row").unwrap();
    std::fs::remove_file(uploads.join(gone.to_string())).unwrap();
    let layer = directory.path().join("blobs/sha256").join(image.layers[0].hex());
    std::fs::write(layer, "cut").unwrap();
    run(async {
        let (store, recovered) = open_at(directory.path()).await;
        assert_eq!((recovered.temporary, recovered.uploads, recovered.upload_rows), (1, 1, 1));
        assert_eq!(recovered.lost, [image.layers[0]]);
        assert!(store.upload(&app, &gone).await.is_err());
        assert_eq!(store.upload(&app, &kept).await.unwrap().size, 0);
        for digest in [&image.root, &image.config, &image.layers[0]] {
            assert!(!is_given(&store, &app, digest).await);
        }
        assert_eq!(store.standing(&app, &image.root).await.unwrap().unwrap().state, State::Quarantined);
        assert_eq!(store.journal(0, 100).await.unwrap().last().unwrap().kind, "lost");
        // Pushed again and released again it is there.
        push_blob(&store, &app, b"layer").await;
        store.release(&app, &image.root, decision()).await.unwrap();
        assert_eq!(given(&store, &pull(&app), &image.layers[0]).await.unwrap(), b"layer");
        store.close().await;
    });
    run(async {
        let (store, recovered) = open_at(directory.path()).await;
        assert_eq!(recovered, store::Recovered::default());
        store.close().await;
    });
}

/// Whoever asked goes away in the middle: the write is whole or it is not there.
#[test]
fn a_push_that_is_given_up_is_whole_or_not_there() {
    run(async {
        let (_directory, store, app) = open().await;
        let mut given_up = 0;
        for n in 0..60u64 {
            let bytes = format!("blob {n}");
            let mut push = Box::pin(push_blob_as(&store, &app, model::Algorithm::Sha256, bytes.as_bytes()));
            // After so many steps, however long one takes on this machine.
            let mut is_done = false;
            for _ in 0..=n {
                let step = |context: &mut Context<'_>| Poll::Ready(push.as_mut().poll(context).is_ready());
                is_done = poll_fn(step).await;
                if is_done {
                    break;
                }
                tokio::time::sleep(Duration::from_micros(50)).await;
            }
            given_up += u64::from(!is_done);
        }
        assert!(given_up > 0);
        // Whatever still runs in the background comes to its end.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for n in 0..60u64 {
            let digest = sha256(format!("blob {n}").as_bytes());
            if store.blob(&app, &digest).await.unwrap().is_some() {
                assert!(given(&store, &read_back(&app), &digest).await.is_some());
            }
        }
        push_blob(&store, &app, b"afterwards").await;
    });
}

const CHILD: &str = "ROADSTEAD_TEST_STORE";
/// How often it is killed, where somebody wants to know better than with each run of the tests.
const ROUNDS: &str = "ROADSTEAD_TEST_KILLS";

/// The other half of the next test: pushes, releases and revokes until it is killed, and says what was acknowledged.
#[test]
fn child_that_is_killed() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    run(async {
        let (store, _) = open_at(Path::new(&directory)).await;
        let app = name("team/app");
        store.create_repository(&app, &Origin::Hosted).await.unwrap();
        let round = store.journal_head().await.unwrap().seq;
        let say = |line: String| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "\nACK {line}").unwrap();
            out.flush().unwrap();
        };
        for n in 0.. {
            let layer = format!("layer {round} {n} {}", "x".repeat(200_000));
            let image = push(&store, &app, &format!("config {round} {n}"), &[&layer], &["latest"]).await;
            say(format!("push {}", image.root));
            store.release(&app, &image.root, decision()).await.unwrap();
            say(format!("release {}", image.root));
            if n % 3 == 0 {
                store.revoke(&app, &image.root, decision()).await.unwrap();
                say(format!("revoke {}", image.root));
            }
        }
    });
}

#[test]
fn nothing_that_was_acknowledged_is_lost_by_kill_9() {
    let rounds = std::env::var_os(ROUNDS).map_or(8, |text| text.to_str().unwrap().parse().unwrap());
    let (mut kills, mut writes) = (0u64, 0);
    while kills < rounds {
        // A directory has a life of a few kills, so that what is looked for after each does not grow for ever.
        let directory = tempfile::tempdir().unwrap();
        let mut acknowledged: Vec<(String, Digest)> = Vec::new();
        for round in 0..(rounds - kills).min(8) {
            kill_in_the_middle(directory.path(), round, &mut acknowledged);
            kills += 1;
            run(look_for(directory.path(), round, &acknowledged));
            let checked = store::journal::verify(&directory.path().join("roadstead.db"), None).unwrap();
            assert_eq!(checked.broken, None);
        }
        assert!(acknowledged.len() > 10, "{acknowledged:?}");
        writes += acknowledged.len();
    }
    println!(
        "{kills} kills, {writes} acknowledged writes: none lost, nothing given out unreleased, every journal whole"
    );
}

/// Lets the other half work for a while and kills it.
fn kill_in_the_middle(directory: &Path, round: u64, acknowledged: &mut Vec<(String, Digest)>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut note = |line: &str| {
        let Some(line) = line.strip_prefix("ACK ") else { return 0 };
        let (what, digest) = line.split_once(' ').unwrap();
        acknowledged.push((what.to_owned(), digest.parse().unwrap()));
        1
    };
    let mut left = 3 + round * 5;
    while left > 0 {
        left -= note(&out.next().expect("the other half ended by itself"));
    }
    // Not at once, so that it dies somewhere within the next writes.
    std::thread::sleep(Duration::from_micros(RandomState::new().hash_one(round) % 25_000));
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said before it died counts as well.
    out.for_each(|line| {
        note(&line);
    });
}

async fn look_for(directory: &Path, round: u64, acknowledged: &[(String, Digest)]) {
    let app = name("team/app");
    let (store, recovered) = open_at(directory).await;
    assert_eq!(recovered.lost, [], "round {round}");
    let said =
        |what: &str, digest: &Digest| acknowledged.iter().any(|said| said.0 == what && said.1 == *digest);
    for (_, digest) in acknowledged.iter().filter(|(what, _)| what == "push") {
        assert!(store.manifest(&app, digest).await.unwrap().is_some(), "{digest} was pushed");
        // Of what was asked for last nobody knows whether it was done; the standing says so.
        let state = store.standing(&app, digest).await.unwrap().unwrap().state;
        match (said("release", digest), said("revoke", digest)) {
            (_, true) => assert_eq!(state, State::Revoked, "{digest} was revoked"),
            (true, false) => assert_ne!(state, State::Quarantined, "{digest} was released"),
            (false, false) => assert_ne!(state, State::Revoked, "nobody revoked {digest}"),
        }
        assert_eq!(is_given(&store, &app, digest).await, state == State::Released, "{digest}");
        // Revoked content is read back by nobody.
        let read = given(&store, &read_back(&app), digest).await;
        assert_eq!(read.is_some(), state != State::Revoked, "{digest}");
    }
    let scrubbed = store.scrub(usize::MAX >> 1, u64::MAX).await.unwrap();
    assert_eq!(scrubbed.lost, []);
    store.close().await;
}
