//! What must hold for any feed.

use feeds::{Feed, Imported, Indicators, Kind, Options, import};

fn read(feed: &[u8], kind: Kind) -> Option<(Feed, Imported)> {
    import(feed, &Options::named("fuzz").of_kind(kind)).ok()
}

pub fn check(feed: &[u8], kind: Kind) {
    let Some((one, imported)) = read(feed, kind) else { return };
    let (again, imported_again) = read(feed, kind).expect("it was read before");
    assert_eq!((one.counts(), &imported), (again.counts(), &imported_again));
    // A row of MalwareBazaar has three hashes; no other gives more than one indicator.
    let rows = usize::try_from(imported.accepted + imported.rejects()).expect("it fits");
    assert!(one.counts().total() <= rows * 3);
    for rejected in &imported.rejected {
        assert!(!rejected.examples.is_empty());
        assert!(rejected.examples.iter().all(|one| !one.text.contains(|c: char| c.is_control())));
    }
    let known = Indicators::new(vec![one]);
    for line in feed.split(|byte| *byte == b'\n') {
        if let Ok(line) = std::str::from_utf8(line) {
            known.find_network(line);
            known.find_wallet(line);
        }
    }
}
