//! apk's installed database: whatever is claimed has a normal path and an owner.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packages::{Ownership, link_agreement, parse, recognize};

const PATH: &[u8] = b"lib/apk/db/installed";

fuzz_target!(|input: &[u8]| {
    let Some(Ok(part)) = recognize(PATH).map(|kind| parse(kind, PATH, input)) else {
        panic!("a text database has no head to refuse");
    };
    let ownership = Ownership::build([(PATH, &part)], &|path| {
        assert!(
            !path.is_empty()
                && path.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
        );
        path.to_vec()
    });
    for line in input.split(|byte| *byte == b'\n') {
        if let Some(owner) = line.strip_prefix(b"R:").and_then(|name| ownership.owner(name)) {
            link_agreement(&owner, line);
        }
    }
});
