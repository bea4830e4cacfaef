//! Feeds with a row to a line: the first byte chooses the format.
#![no_main]

#[path = "feed_law.rs"]
mod law;

use feeds::Kind;
use libfuzzer_sys::fuzz_target;

const KINDS: [Kind; 11] = [
    Kind::Hashes,
    Kind::ClamavHashes,
    Kind::ClamavAllow,
    Kind::ClamavPatterns,
    Kind::MalwareBazaar,
    Kind::ThreatFox,
    Kind::UrlHaus,
    Kind::MispHashes,
    Kind::Network,
    Kind::Images,
    Kind::Layers,
];

fuzz_target!(|input: &[u8]| {
    if let Some((first, feed)) = input.split_first() {
        law::check(feed, KINDS[usize::from(*first) % KINDS.len()]);
    }
});
