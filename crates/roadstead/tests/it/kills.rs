//! `roadstead serve` is killed with signal 9 while several clients push and pull, again and again. After each kill what was
//! acknowledged is there, what was given out had been released, and the journal is whole.

mod clients;
mod http;
mod images;

use crate::room::files_below;
use crate::serve::{Served, robot, serve};
use clients::{Client, Told};
use images::{Chance, Pushed};
use serde_json::Value;
use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often it is killed, where somebody wants to know better than with each run of the tests.
const KILLS: &str = "ROADSTEAD_TEST_KILLS";
/// What the moments and the images are drawn from; the number is printed.
const SEED: &str = "ROADSTEAD_TEST_SEED";
/// Kills of one directory: what is looked for after each does not grow for ever.
const LIFE: u64 = 10;
/// Nothing is run, and a pull of what is held is told so at once.
const FLAGS: [&str; 4] = ["--detonate", "off", "--wait", "50ms"];

#[test]
fn nothing_is_lost_and_nothing_leaks_by_kill_9() {
    let number = |name| std::env::var_os(name).map(|text| text.to_str().unwrap().parse::<u64>().unwrap());
    let kills = number(KILLS).unwrap_or(5);
    let seed = number(SEED).unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
    println!("{SEED}={seed}");
    let (mut chance, mut left, mut sum) = (Chance(seed), kills, [0; 4]);
    while left > 0 {
        let rounds = left.min(LIFE);
        let counts = live(&mut chance, rounds);
        println!("{rounds} kills: {counts:?}");
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        left -= rounds;
    }
    let [writes, uploads, given, refused] = sum;
    println!(
        "{kills} kills, {writes} acknowledged blobs and manifests, {uploads} uploads gone on with, {given} answers with released \
         content, {refused} refusals of what is not: none lost, nothing given out unreleased, every journal whole"
    );
    assert!(writes > 0 && given > 0 && refused > 0);
}

/// One directory, from its first start to its end in good order.
fn live(chance: &mut Chance, rounds: u64) -> [usize; 4] {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (mut served, secret) = Served::start(&data, &FLAGS);
    let secret = robot(&served, &secret.unwrap());
    let told = Arc::new(Told::default());
    for round in 0..rounds {
        let client = Client::log_in(&served, &secret, &told);
        disturb(&client, &mut served, chance);
        let releases = releases(&data, folder.path());
        let served_so_far = told.served();
        let unreleased: Vec<_> = served_so_far.difference(&releases).collect();
        assert!(unreleased.is_empty(), "round {round}: given out, and never released: {unreleased:?}");
        if chance.below(4) == 0 {
            die_while_starting(&data, chance);
        }
        (served, _) = Served::start(&data, &FLAGS);
        let recovered = served.said.iter().find(|line| line.contains("the store is open")).unwrap();
        assert!(recovered.contains("lost: []"), "round {round}: {recovered}");
        look(&Client::log_in(&served, &secret, &told), &data, chance, round + 1 == rounds);
    }
    assert_eq!(served.stop().code(), Some(0));
    releases(&data, folder.path());
    assert!(told.wrong().is_empty(), "{:#?}", told.wrong());
    told.counts()
}

/// Lets clients push and pull for a while, and kills the server in the middle of it.
fn disturb(client: &Client, served: &mut Served, chance: &mut Chance) {
    client.told.stop.store(false, Ordering::Relaxed);
    let workers: Vec<fn(&Client, &mut Chance)> = vec![
        Client::push_clean,
        Client::push_clean,
        Client::push_what_is_held,
        Client::upload_slowly,
        Client::pull,
        Client::pull,
        Client::pull,
    ];
    let running: Vec<_> = workers
        .into_iter()
        .map(|work| {
            let (client, mut chance) = (client.clone(), Chance(chance.next()));
            std::thread::spawn(move || {
                while !client.told.stop.load(Ordering::Relaxed) {
                    work(&client, &mut chance);
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300 + chance.below(1200)));
    served.child.kill().unwrap();
    served.child.wait().unwrap();
    client.told.stop.store(true, Ordering::Relaxed);
    for thread in running {
        thread.join().unwrap();
    }
}

/// It is killed while it puts right what the last kill left.
fn die_while_starting(data: &Path, chance: &mut Chance) {
    let mut child = serve(data, &FLAGS).stderr(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(chance.below(1500)));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Checks the journal offline, as the kill left it; the manifests that it says were released.
fn releases(data: &Path, folder: &Path) -> BTreeSet<String> {
    let lines = folder.join("journal.jsonl");
    let _ = std::fs::remove_file(&lines);
    let checked = Command::new(env!("CARGO_BIN_EXE_roadstead"))
        .args(["verify", "journal", "--export"])
        .args([&lines, data])
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!(String::from_utf8_lossy(&checked.stdout).contains(" entries hold"), "{checked:?}");
    let text = std::fs::read_to_string(lines).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let released = entries.filter(|entry| entry["kind"] == "release").map(|entry| {
        let body: Value = serde_json::from_str(entry["body"].as_str().unwrap()).unwrap();
        body["digest"].as_str().unwrap().to_owned()
    });
    released.collect()
}

/// Looks for everything that was acknowledged, and for what must not be given out.
fn look(client: &Client, data: &Path, chance: &mut Chance, last: bool) {
    let told = &client.told;
    // What lies on the disk is what its name says, all of it.
    let blobs = data.join("blobs/sha256");
    for path in files_below(&blobs) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(test_support::sha256_hex(&std::fs::read(&path).unwrap()), name);
    }
    for digest in told.blobs() {
        assert!(
            blobs.join(digest.trim_start_matches("sha256:")).exists(),
            "{digest} was acknowledged and is lost"
        );
    }
    let pushed = told.acknowledged();
    let served = told.served();
    for image in some(&pushed, chance, 12, last) {
        if image.held {
            client.is_refused(image);
            continue;
        }
        if served.contains(image.digest()) {
            assert_eq!(client.get(image), Some(200), "{} was released, and is not given out", image.digest());
        }
        // It may wait for its turn to be read; that it is there says that it comes.
        let until = Instant::now() + Duration::from_secs(60);
        while client.get(image) != Some(200) {
            assert!(Instant::now() < until, "{} was acknowledged and is not released", image.digest());
            std::thread::sleep(Duration::from_millis(20));
        }
        client.has_all(image);
    }
    client.go_on_with_uploads();
    assert!(told.wrong().is_empty(), "{:#?}", told.wrong());
}

/// The newest few and a few of the others; all in the end.
fn some<'a>(
    pushed: &'a [Arc<Pushed>],
    chance: &mut Chance,
    most: usize,
    all: bool,
) -> impl Iterator<Item = &'a Arc<Pushed>> {
    let newest = pushed.len().saturating_sub(most / 2);
    let others: BTreeSet<usize> =
        (0..most / 2).map(|_| chance.below(pushed.len().max(1) as u64) as usize).collect();
    pushed
        .iter()
        .enumerate()
        .filter(move |(at, _)| all || *at >= newest || others.contains(at))
        .map(|(_, image)| image)
}
