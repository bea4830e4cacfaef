#![no_main]
mod law;

use test_support::RawHeader;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut archive = RawHeader::ustar("PaxHeaders.0/x", b'x', data.len() as u64).entry(data);
    archive.extend(RawHeader::ustar("name", b'0', 5).entry(b"hello"));
    archive.extend(RawHeader::ustar("next", b'0', 0).build());
    archive.extend([0; 1024]);
    law::check(&archive);
});
