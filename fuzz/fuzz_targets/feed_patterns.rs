//! ClamAV byte patterns: a signature, a line feed, and the file to look in.
#![no_main]

use feeds::{Indicators, Kind, Options, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let (row, file) = (&input[..end], &input[end + 1..]);
    let options = Options::named("fuzz").of_kind(Kind::ClamavPatterns);
    let Ok((feed, _)) = import([b"a:0:*:", row].concat().as_slice(), &options) else { return };
    let known = Indicators::new(vec![feed]);
    let Some(patterns) = known.patterns() else { return };
    let mut found = Vec::new();
    if patterns.find(file, &mut found).is_ok() && !found.is_empty() {
        let mut moved = Vec::new();
        // One byte more in front changes nothing for a pattern that may be anywhere.
        if patterns.find(&[&[0], file].concat(), &mut moved).is_ok() {
            assert_eq!(moved.len(), found.len());
        }
    }
});
