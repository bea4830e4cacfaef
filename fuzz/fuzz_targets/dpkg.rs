//! dpkg's files, joined: the input is cut at form feeds into a status, a list, sums and diversions of one
//! tree, so that the fuzzer can make them agree with each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use packages::{Ownership, agreement, parse, recognize};

const PATHS: [&[u8]; 5] = [
    b"var/lib/dpkg/status",
    b"var/lib/dpkg/info/a.list",
    b"var/lib/dpkg/info/a.md5sums",
    b"var/lib/dpkg/diversions",
    b"var/lib/dpkg/status.d/b",
];

fuzz_target!(|input: &[u8]| {
    let parts: Vec<_> = PATHS
        .iter()
        .zip(input.split(|byte| *byte == b'\x0c'))
        .filter_map(|(path, bytes)| Some((*path, parse(recognize(path)?, path, bytes).ok()?)))
        .collect();
    let ownership = Ownership::build(parts.iter().map(|(path, part)| (*path, part)), &|path| path.to_vec());
    for line in input.split(|byte| *byte == b'\n') {
        if let Some(owner) = ownership.owner(line.strip_prefix(b"/").unwrap_or(line)) {
            agreement(&owner, Some(&[0; 16]), Some(&[0; 20]), &[0; 32]);
        }
    }
});
