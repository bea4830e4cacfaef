use crate::house::*;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Error, JobState, NewJob, back_off};

const LEASE: Duration = Duration::from_secs(30);

fn job(key: &str) -> NewJob {
    NewJob { kind: "analyse".to_owned(), key: key.to_owned(), payload: json!({"key": key}) }
}

#[test]
fn five_hundred_that_wait_share_one_job() {
    run(async {
        let (_directory, store, _) = open().await;
        let done = Arc::new(AtomicU64::new(0));
        let worker = {
            let (store, done) = (store.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                loop {
                    let job = store.next_job(&["analyse"], "worker", LEASE).await.unwrap();
                    store.progress(&job, json!({"layers": 1})).await.unwrap();
                    // All are there before it is done.
                    while done.load(Ordering::SeqCst) < 500 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                    store.finish_job(&job, json!(job.id)).await.unwrap();
                }
            })
        };
        let waiters: Vec<_> = (0..500)
            .map(|_| {
                let (store, done) = (store.clone(), Arc::clone(&done));
                tokio::spawn(async move {
                    let mut watch = store.enqueue(job("image")).await.unwrap();
                    done.fetch_add(1, Ordering::SeqCst);
                    (watch.id(), watch.wait(Duration::from_secs(20)).await)
                })
            })
            .collect();
        for waiter in waiters {
            let (id, state) = waiter.await.unwrap();
            assert_eq!((id, state), (1, JobState::Done(json!(1))));
        }
        // The next one is another job.
        assert!(store.open_job("analyse", "image").await.unwrap().is_none());
        let mut again = store.enqueue(job("image")).await.unwrap();
        assert_eq!(again.id(), 2);
        assert_eq!(again.wait(Duration::from_secs(20)).await, JobState::Done(json!(2)));
        assert_eq!(store.job_state(1).await.unwrap(), Some(JobState::Done(json!(1))));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(store.forget_jobs(Duration::ZERO).await.unwrap(), 2);
        assert_eq!(store.job_state(1).await.unwrap(), None);
        worker.abort();
    });
}

#[test]
fn a_lease_that_ended_is_anothers() {
    run(async {
        let (_directory, store, _) = open().await;
        let mut watch = store.enqueue(job("image")).await.unwrap();
        assert_eq!(watch.state(), JobState::Waiting);
        assert!(store.claim(&["ingest"], "one", LEASE).await.unwrap().is_none());
        let first = store.claim(&["ingest", "analyse"], "one", Duration::ZERO).await.unwrap().unwrap();
        assert_eq!((first.attempts, first.payload.clone()), (1, json!({"key": "image"})));
        tokio::time::sleep(Duration::from_millis(5)).await;
        let second = store.claim(&["analyse"], "two", LEASE).await.unwrap().unwrap();
        assert_eq!((second.id, second.attempts), (first.id, 2));
        assert!(matches!(store.renew(&first, LEASE).await, Err(Error::Lease(_))));
        assert!(matches!(store.finish_job(&first, json!(null)).await, Err(Error::Lease(_))));
        store.renew(&second, LEASE).await.unwrap();
        assert!(store.claim(&["analyse"], "three", LEASE).await.unwrap().is_none());
        assert_eq!(store.job_counts().await.unwrap(), [("analyse".to_owned(), 0, 1)]);
        // It failed and is tried again, then it failed for good.
        store.fail_job(&second, "the upstream is slow", Some(Duration::ZERO)).await.unwrap();
        assert_eq!(watch.state(), JobState::Waiting);
        let third = store.claim(&["analyse"], "three", LEASE).await.unwrap().unwrap();
        store.fail_job(&third, "there is no such image", None).await.unwrap();
        let state = watch.wait(Duration::from_secs(5)).await;
        assert_eq!(state, JobState::Failed("there is no such image".to_owned()));
        assert_eq!(watch.changed().await, state);
    });
}

#[test]
fn waiting_ends_with_its_time_and_a_bell_wakes_who_waits() {
    run(async {
        let (_directory, store, _) = open().await;
        let mut watch = store.enqueue(job("slow")).await.unwrap();
        let start = Instant::now();
        assert_eq!(watch.wait(Duration::from_millis(30)).await, JobState::Waiting);
        assert!(start.elapsed() >= Duration::from_millis(30));
        store.claim(&["analyse"], "one", LEASE).await.unwrap().unwrap();
        let workers: Vec<_> = (0..5)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(
                    async move { store.next_job(&["analyse"], &n.to_string(), LEASE).await.unwrap().key },
                )
            })
            .collect();
        for key in ["a", "b", "c", "d", "e"] {
            store.enqueue(job(key)).await.unwrap();
        }
        let mut keys = Vec::new();
        for worker in workers {
            keys.push(worker.await.unwrap());
        }
        keys.sort();
        assert_eq!(keys, ["a", "b", "c", "d", "e"]);
    });
}

#[test]
fn jobs_of_workers_that_died_wait_again() {
    let directory = tempfile::tempdir().unwrap();
    run(async {
        let (store, _) = open_at(directory.path()).await;
        store.enqueue(job("one")).await.unwrap();
        store.enqueue(job("two")).await.unwrap();
        store.claim(&["analyse"], "worker", LEASE).await.unwrap().unwrap();
        store.close().await;
    });
    run(async {
        let (store, recovered) = open_at(directory.path()).await;
        assert_eq!(recovered.jobs, 1);
        let mut watch = store.open_job("analyse", "one").await.unwrap().unwrap();
        assert_eq!(store.enqueue(job("one")).await.unwrap().id(), watch.id());
        for _ in 0..2 {
            let job = store.claim(&["analyse"], "worker", LEASE).await.unwrap().unwrap();
            store.finish_job(&job, json!(null)).await.unwrap();
        }
        assert_eq!(watch.wait(Duration::from_secs(5)).await, JobState::Done(json!(null)));
        store.close().await;
    });
}

#[test]
fn attempts_are_spaced() {
    let seconds: Vec<_> = [0, 1, 2, 5, 30].map(|attempts| back_off(attempts).as_secs()).into();
    assert_eq!(seconds, [1, 1, 2, 16, 600]);
}
