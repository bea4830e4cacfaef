//! Programs with a header that is right, among them packed ones: tables, symbols, and every unpacker.
#![no_main]

#[path = "../../crates/inspect/tests/chance/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    laws::check("usr/bin/a", &laws::program(input));
    let _ = laws::PLACES;
});
