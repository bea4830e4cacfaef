//! Feeds that have to be recognised.
#![no_main]

use feeds::{Options, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok((feed, imported)) = import(input, &Options::named("fuzz")) {
        let (named, again) = import(input, &Options::named("fuzz").of_kind(feed.kind())).expect("as it was");
        assert_eq!((feed.counts(), imported), (named.counts(), again));
    }
});
