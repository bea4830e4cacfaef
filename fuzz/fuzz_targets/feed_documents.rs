//! Feeds in one JSON document: the first byte chooses the format.
#![no_main]

#[path = "feed_law.rs"]
mod law;

use feeds::Kind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Some((first, feed)) = input.split_first() {
        law::check(feed, if first % 2 == 0 { Kind::Misp } else { Kind::Stix });
    }
});
