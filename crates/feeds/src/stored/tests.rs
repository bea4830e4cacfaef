use super::*;
use crate::{FileSums, Indicators, Kind, Options, import};
use std::time::Instant;

fn feed(name: &str, text: &str, kind: Kind) -> Feed {
    import(text.as_bytes(), &Options::named(name).of_kind(kind)).unwrap().0
}

#[test]
fn what_is_kept_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let kept = FeedDirectory::new(dir.path());
    assert_eq!(kept.names().unwrap(), Vec::<String>::new());
    let all = [
        feed("a", &format!("{}:7:A\n", "ab".repeat(16)), Kind::ClamavHashes),
        feed("b", "evil.example why\n192.0.2.1:3333\n", Kind::Network),
        feed("c", "A:0:*:61626364*65666768\n", Kind::ClamavPatterns),
        feed("d", &"cd".repeat(32), Kind::Layers),
        feed("e", &format!("{}:*:A\n", "ab".repeat(20)), Kind::ClamavAllow),
    ];
    for feed in &all {
        kept.put(feed).unwrap();
    }
    assert_eq!(kept.names().unwrap(), ["a", "b", "c", "d", "e"]);
    let read: Vec<Feed> = all.iter().map(|feed| kept.get(feed.name()).unwrap()).collect();
    for (feed, read) in all.iter().zip(&read) {
        assert_eq!((feed.counts(), feed.digest(), feed.kind()), (read.counts(), read.digest(), read.kind()));
    }
    let known = Indicators::new(read);
    assert_eq!(known.key(), Indicators::new(all.to_vec()).key());
    assert!(
        known
            .find_file(&FileSums { md5: Some(&[0xab; 16]), sha1: None, sha256: &[0; 32], size: 7 })
            .is_some()
    );
    assert!(known.find_network("x.evil.example").is_some());
    let mut found = Vec::new();
    known.patterns().unwrap().find(b"abcd efgh", &mut found).unwrap();
    assert_eq!(found.len(), 1);
    kept.remove("b").unwrap();
    assert!(matches!(kept.get("b"), Err(StoredError::Missing { .. })));
    assert!(matches!(kept.remove("b"), Err(StoredError::Missing { .. })));
}

#[test]
fn every_damage_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let kept = FeedDirectory::new(dir.path());
    let path = kept.put(&feed("a", &format!("{} x\n", "ab".repeat(32)), Kind::Hashes)).unwrap();
    let good = std::fs::read(&path).unwrap();
    let check = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(kept.get("a"), Err(StoredError::Damaged { .. })), "{} bytes", bytes.len());
    };
    for len in 0..good.len() {
        check(&good[..len]);
    }
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        check(&bad);
    }
    // A right checksum over nonsense.
    for body in [vec![0xff; 200], vec![0; 3]] {
        let sum: [u8; 32] = Sha256::digest(&body).into();
        check(&[MAGIC.as_slice(), &sum, &body].concat());
    }
}

#[test]
fn names_lead_nowhere_else() {
    let dir = tempfile::tempdir().unwrap();
    let kept = FeedDirectory::new(dir.path());
    let long = "a".repeat(65);
    for name in ["", ".", "..", "../x", "a/b", ".hidden", "-x", "a b", "ä", long.as_str()] {
        assert!(matches!(kept.get(name), Err(StoredError::Name { .. })), "{name}");
        assert!(matches!(kept.remove(name), Err(StoredError::Name { .. })), "{name}");
    }
    std::fs::create_dir_all(dir.path().join("feeds")).unwrap();
    std::fs::write(dir.path().join("feeds/.tmp123"), b"x").unwrap();
    std::fs::write(dir.path().join("feeds/notes.txt"), b"x").unwrap();
    assert_eq!(kept.names().unwrap(), Vec::<String>::new());
}

#[test]
fn many_hashes_come_back_quickly() {
    let mut list = String::new();
    for number in 0_u32..200_000 {
        let hash = Sha256::digest(number.to_le_bytes());
        list.extend(hash.iter().map(|byte| format!("{byte:02x}")));
        list.push_str(" Trojan\n");
    }
    let dir = tempfile::tempdir().unwrap();
    let kept = FeedDirectory::new(dir.path());
    kept.put(&feed("many", &list, Kind::Hashes)).unwrap();
    let started = Instant::now();
    let read = kept.get("many").unwrap();
    let took = started.elapsed();
    assert_eq!(read.counts().files, 200_000);
    // A release build takes some milliseconds; this bound is for a busy machine and no optimisation.
    assert!(took.as_secs() < 5, "{took:?}");
}
