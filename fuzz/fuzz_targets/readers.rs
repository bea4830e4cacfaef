//! All readers of files, decoded stages and searches of large files included. The first byte chooses the place, and with it
//! the language, the table, the database or the manifest that the rest is read as.
#![no_main]

#[path = "../../crates/inspect/tests/chance/laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let Some(place) = laws::PLACES.get(usize::from(*choice) % laws::PLACES.len()) else { return };
    laws::check(place, bytes);
    // What is only used by the other target.
    let _ = laws::program;
});
