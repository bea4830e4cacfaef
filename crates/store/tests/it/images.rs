//! Images as people look through them and search for them.
use crate::house::*;
use model::{Digest, RepositoryName};
use serde_json::json;
use store::{Decision, Match, Origin, Queue, Sight, State, Store, Term, TermKind};

fn term(kind: TermKind, text: &str) -> Term {
    Term { kind, text: text.to_owned() }
}

fn with_terms(terms: &[(TermKind, &str)]) -> Decision {
    let terms = terms.iter().map(|(kind, text)| term(*kind, text)).collect();
    Decision { terms: Some(terms), ..decision() }
}

async fn hosted(store: &Store, text: &str) -> RepositoryName {
    let name = name(text);
    store.create_repository(&name, &Origin::Hosted).await.unwrap();
    name
}

async fn sight_of(store: &Store, names: &[&str]) -> Sight {
    store.sight(|one| names.contains(&one.name.as_str())).await.unwrap()
}

fn found(matches: &[Match]) -> Vec<(String, String)> {
    let term = |one: &Match| one.term.as_ref().map_or("digest", |term| term.kind.name()).to_owned();
    matches.iter().map(|one| (one.repository.to_string(), term(one))).collect()
}

#[test]
fn the_newest_comes_first_page_by_page_and_only_what_is_seen() {
    run(async {
        let (_directory, store, app) = open().await;
        let other = hosted(&store, "other/app").await;
        let mut pushed = Vec::new();
        for n in 0..7 {
            let name = if n % 2 == 0 { &app } else { &other };
            let image = push(&store, name, &format!("config {n}"), &["layer"], &[&format!("v{n}")]).await;
            pushed.push((name.clone(), image.root));
            // The list is by time, and two that come in one millisecond are in the order of their digests.
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        store.release(&app, &pushed[0].1, decision()).await.unwrap();
        store.deny(&other, &pushed[1].1, decision()).await.unwrap();
        let check = async |sight: Sight, state: Option<State>, expect: &[usize]| {
            let expect: Vec<(RepositoryName, Digest)> = expect.iter().map(|n| pushed[*n].clone()).collect();
            for n in [1, 2, 3, 100] {
                let (mut got, mut last) = (Vec::new(), None);
                loop {
                    let page = Queue { sight: sight.clone(), state, last: last.take(), n };
                    let page = store.queue(&page).await.unwrap();
                    assert!(page.len() <= n);
                    let Some(end) = page.last() else { break };
                    last = Some((end.repository.clone(), end.standing.digest));
                    got.extend(page.into_iter().map(|one| (one.repository, one.standing.digest)));
                }
                assert_eq!(got, expect, "{state:?} by {n}");
            }
        };
        check(Sight::all(), None, &[6, 5, 4, 3, 2, 1, 0]).await;
        check(Sight::all(), Some(State::Quarantined), &[6, 5, 4, 3, 2]).await;
        check(Sight::all(), Some(State::Denied), &[1]).await;
        check(sight_of(&store, &["other/app"]).await, None, &[5, 3, 1]).await;
        check(sight_of(&store, &["other/app"]).await, Some(State::Released), &[]).await;
        check(sight_of(&store, &[]).await, None, &[]).await;
        // Where a page is said to begin at what is not seen, it begins at the start.
        let (sight, last) = (sight_of(&store, &["other/app"]).await, Some(pushed[2].clone()));
        let page = store.queue(&Queue { sight: sight.clone(), state: None, last, n: 1 }).await.unwrap();
        assert_eq!(page[0].standing.digest, pushed[5].1);
        assert_eq!(page[0].tags, ["v5"]);
        let counts = store.state_counts(&sight).await.unwrap();
        assert_eq!(counts, [(State::Denied, 1), (State::Quarantined, 2)]);
        let counts = store.state_counts(&Sight::all()).await.unwrap();
        assert_eq!(counts, [(State::Denied, 1), (State::Quarantined, 5), (State::Released, 1)]);
        assert!(store.state_counts(&sight_of(&store, &[]).await).await.unwrap().is_empty());
        let named = store.repositories_named("her", 10, |_| true).await.unwrap();
        assert_eq!(named.into_iter().map(|one| one.name).collect::<Vec<_>>(), [other]);
    });
}

#[test]
fn what_is_signed_with_an_image_is_no_image() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &["latest"]).await;
        let signature = push(&store, &app, "signature", &["payload"], &[]).await;
        let read = [&image, &signature]
            .into_iter()
            .flat_map(|one| [one.root, one.config].into_iter().chain(one.layers.iter().copied()));
        let beside = Decision { companion: true, ..decision() };
        let beside = vec![(signature.root, beside)];
        store.release_read(&app, &image.root, decision(), read.collect(), beside).await.unwrap();
        let all = Queue { sight: Sight::all(), state: None, last: None, n: 10 };
        let listed = store.queue(&all).await.unwrap();
        assert_eq!(listed.iter().map(|one| one.standing.digest).collect::<Vec<_>>(), [image.root]);
        assert_eq!(store.state_counts(&Sight::all()).await.unwrap(), [(State::Released, 1)]);
        let hits = store.find_by_digest(&signature.root.to_string(), &Sight::all(), 10).await.unwrap();
        assert!(hits.is_empty());
    });
}

#[test]
fn an_image_is_found_by_what_its_last_report_names() {
    use TermKind::*;
    run(async {
        let (_directory, store, app) = open().await;
        let other = hosted(&store, "other/app").await;
        let image = push(&store, &app, "config", &["layer"], &[]).await;
        let second = push(&store, &other, "config 2", &["layer"], &[]).await;
        let md5 = "4873e560df68ad96c3de08164b139b09";
        let terms = [(File, md5), (Wallet, "4Axyz"), (Host, "pool.example"), (Rule, "S-MIN-HASH")];
        store.hold(&app, &image.root, with_terms(&terms)).await.unwrap();
        store.hold(&other, &second.root, with_terms(&terms[2..])).await.unwrap();
        let all = Sight::all();
        let check = async |text: &str, prefix: bool, sight: &Sight, expect: &[&str]| {
            let hits = store.find_by_term(&TermKind::ALL, text, prefix, sight, 10).await.unwrap();
            let names: Vec<String> =
                found(&hits).into_iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            assert_eq!(names, expect, "{text}");
        };
        check(md5, false, &all, &["team/app file"]).await;
        check(&md5.to_uppercase(), false, &all, &["team/app file"]).await;
        check(&md5[..6], true, &all, &["team/app file"]).await;
        check(&md5[..6], false, &all, &[]).await;
        check("487f", true, &all, &[]).await;
        check("4axYZ", false, &all, &["team/app wallet"]).await;
        check(" Pool.Example ", false, &all, &["team/app host", "other/app host"]).await;
        check("pool.exampl", false, &all, &[]).await;
        check("s-min-hash", false, &sight_of(&store, &["other/app"]).await, &["other/app rule"]).await;
        check("s-min-hash", false, &sight_of(&store, &[]).await, &[]).await;
        check("' OR 1=1 --", false, &all, &[]).await;
        check("%", true, &all, &[]).await;
        check("", false, &all, &[]).await;
        assert_eq!(store.term_counts(Rule).await.unwrap(), [("s-min-hash".to_owned(), 2)]);
        let by_digest = store.find_by_digest(&image.root.to_string()[..20], &all, 10).await.unwrap();
        assert_eq!(found(&by_digest), [("team/app".to_owned(), "digest".to_owned())]);

        // A decision without a report leaves them, and one with another report takes their place.
        store.deny(&app, &image.root, decision()).await.unwrap();
        check(md5, false, &all, &["team/app file"]).await;
        store.hold(&app, &image.root, with_terms(&[(Host, "other.example")])).await.unwrap();
        check(md5, false, &all, &[]).await;
        check("other.example", false, &all, &["team/app host"]).await;
        store.delete_manifest(&app, &image.root, "admin").await.unwrap();
        check("other.example", false, &all, &[]).await;
    });
}

#[test]
fn terms_of_one_image_are_bounded() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &[]).await;
        let terms = (0..5000).map(|n| term(TermKind::Host, &format!("h{n}.example")));
        let long = term(TermKind::Wallet, &"ä".repeat(5000));
        let terms = [long, term(TermKind::Wallet, " ")].into_iter().chain(terms).collect();
        store.hold(&app, &image.root, Decision { terms: Some(terms), ..decision() }).await.unwrap();
        let counted = store.term_counts(TermKind::Host).await.unwrap().len();
        assert_eq!(counted, store::MAX_PAGE);
        let wallets = store.term_counts(TermKind::Wallet).await.unwrap();
        assert_eq!(wallets, [("ä".repeat(100), 1)]);
        let hits = async |text: &str| {
            store.find_by_term(&[TermKind::Host], text, false, &Sight::all(), 10).await.unwrap().len()
        };
        assert_eq!((hits("h1997.example").await, hits("h1998.example").await), (1, 0));
        assert_eq!(
            store
                .find_by_term(&[TermKind::Wallet], &"ä".repeat(300), false, &Sight::all(), 1)
                .await
                .unwrap()
                .len(),
            1
        );
    });
}

#[test]
fn the_journal_tells_of_one_image_the_newest_first() {
    run(async {
        let (_directory, store, app) = open().await;
        let image = push(&store, &app, "config", &["layer"], &["1"]).await;
        push(&store, &app, "config 2", &["layer"], &["2"]).await;
        store.hold(&app, &image.root, decision()).await.unwrap();
        store.approve(&app, &image.root, "user:eve", "looked at it by hand").await.unwrap();
        store.release(&app, &image.root, decision()).await.unwrap();
        let kinds = async |n: usize| {
            let entries = store.journal_of(&app, &image.root, n).await.unwrap();
            entries.into_iter().map(|entry| entry.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(100).await, ["release", "approve", "hold", "push"]);
        assert_eq!(kinds(2).await, ["release", "approve"]);
    });
}

#[test]
fn open_jobs_are_told_with_what_they_are_about() {
    run(async {
        let (_directory, store, _) = open().await;
        for n in 0..3 {
            let job =
                store::NewJob { kind: "ingest".to_owned(), key: n.to_string(), payload: json!({ "n": n }) };
            store.enqueue(job).await.unwrap();
        }
        let job =
            store.claim(&["ingest"], "worker", std::time::Duration::from_secs(60)).await.unwrap().unwrap();
        store.progress(&job, json!({ "stage": "fetching" })).await.unwrap();
        let open = store.open_jobs(2).await.unwrap();
        assert_eq!(open.iter().map(|job| &job.payload["n"]).collect::<Vec<_>>(), [&json!(0), &json!(1)]);
        let running = store::JobState::Running { progress: Some(json!({ "stage": "fetching" })) };
        assert_eq!((&open[0].state, &open[1].state), (&running, &store::JobState::Waiting));
        store.finish_job(&job, json!({})).await.unwrap();
        assert_eq!(store.open_jobs(100).await.unwrap().len(), 2);
    });
}
