//! What a request may cost. The bounds are wide, as tests run beside others; `cargo test --release` prints what holds.
use crate::house::*;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use std::time::Instant;

#[test]
fn a_release_check_costs_next_to_nothing() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        store.release(&app, &image.root, decision()).await.unwrap();
        let permit = pull(&app);
        store.released(&permit, &image.root).await.unwrap();
        let rounds = 20_000u32;
        let start = Instant::now();
        for _ in 0..rounds {
            assert!(store.released(&permit, &image.root).await.unwrap().is_some());
        }
        let hit = start.elapsed() / rounds;
        let start = Instant::now();
        for n in 0..1000u32 {
            let digest = sha256(&n.to_be_bytes());
            assert!(store.released(&permit, &digest).await.unwrap().is_none());
        }
        let miss = start.elapsed() / 1000;
        println!("release check: {hit:?} from memory, {miss:?} from the rows");
        assert!(hit.as_micros() < 50);
    });
}

#[test]
fn a_large_push_and_pull() {
    run(async {
        let (_directory, store, app) = open().await;
        let megabytes = if cfg!(debug_assertions) { 64 } else { 1024 };
        let piece = Bytes::from(
            (0..1u32 << 18).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect::<Vec<_>>(),
        );
        let mut hash = <sha2::Sha256 as sha2::Digest>::new();
        for _ in 0..megabytes {
            sha2::Digest::update(&mut hash, &piece);
        }
        let digest = model::Digest::sha256(sha2::Digest::finalize(hash).into());
        let start = Instant::now();
        let id = store.begin_upload(&app, None, "pusher").await.unwrap().id;
        let mut append = store.append(&app, &id, None).await.unwrap();
        for _ in 0..megabytes {
            for at in (0..piece.len()).step_by(64 << 10) {
                append.write(piece.slice(at..at + (64 << 10))).await.unwrap();
            }
        }
        append.finish().await.unwrap();
        let appended = start.elapsed();
        store.finish_upload(&app, &id, &digest, "pusher").await.unwrap();
        let pushed = start.elapsed();
        let token = store.read_back(&read_back(&app), &digest).await.unwrap().unwrap();
        let start = Instant::now();
        let stream = store.open_released(&token).await.unwrap().stream(0..u64::MAX);
        let size = stream.try_fold(0, async |sum, bytes| Ok(sum + bytes.len() as u64)).await.unwrap();
        let pulled = start.elapsed();
        assert_eq!(size, megabytes << 20);
        let rate = |elapsed: std::time::Duration| megabytes as f64 / elapsed.as_secs_f64();
        println!(
            "{megabytes} MB: appended at {:.0} MB/s, pushed at {:.0} MB/s, pulled at {:.0} MB/s",
            rate(appended),
            rate(pushed),
            rate(pulled)
        );
    });
}
