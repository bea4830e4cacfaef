//! Programs that are too large to be held: made so to be passed over, and honest ones.

use super::*;
use crate::analyzers::elf::upx;

const OPTIONS: [&str; 5] =
    ["donate-level", "cpu-max-threads-hint", "randomx-1gb-pages", "rig-id", "health-print-time"];
const TABLE: [&str; 3] = ["rx/0", "cn/r", "kawpow"];
const CLIENT: [&str; 2] = ["mining.subscribe", "mining.authorize"];

/// An ordinary program, with these texts behind so much code.
fn behind(code: usize, texts: &[&[&str]]) -> Vec<u8> {
    let program = Program { code: vec![0x90; code], ..Program::new() };
    texts.iter().fold(program, |program, texts| program.texts(texts)).build()
}

/// The same image where the program is started, with a size of its own.
fn started_as(program: &[u8], size: u64) -> Fixture {
    let mut image = Fixture::new();
    image.sized_file("opt/worker", 0o755, program, size).start(&["/opt/worker"], &[]);
    image
}

const MINER: [&str; 2] = ["S-MIN-ALGOS corroborates", "S-MIN-FAMILY convicts"];

#[test]
fn a_miner_behind_megabytes_of_code_is_found() {
    for code in [17 << 20, (18 << 20) - 300, (18 << 20) - 200] {
        let program = behind(code, &[&OPTIONS, &TABLE, &CLIENT]);
        check(&started_as(&program, program.len() as u64), &MINER);
    }
}

#[test]
fn a_large_program_of_another_kind_stays_clean_and_complete() {
    // A browser, a runtime: megabytes, and a text here and there.
    let program =
        behind(17 << 20, &[&["disable-gpu", "keepalive", "retries", "/proc/self/maps", "argon2id"]]);
    let image = started_as(&program, 400 << 20);
    check(&image, &[]);
    image.view(|image| assert_eq!(image.layers[0].facts.gaps, []));
    // One that names a pool's method as a scanner does.
    check(&started_as(&behind(17 << 20, &[&["mining.subscribe"]]), 400 << 20), &[]);
}

#[test]
fn what_is_appended_does_not_hide_a_packed_program() {
    let inner = Program { sections: false, ..Program::new() }.texts(&OPTIONS).texts(&TABLE).texts(&CLIENT);
    let mut program = upx::tests::packed(&inner.build(), *b"UPX!");
    program.resize(5 << 20, 0);
    let image = started_as(&program, 300 << 20);
    let found = verdicts(&image);
    assert!(MINER.iter().all(|id| found.iter().any(|found| found == id)), "{found:?}");
    image.view(|image| assert_eq!(image.layers[0].facts.gaps, []));
}

#[test]
fn a_large_program_that_says_nothing_of_itself_is_a_gap() {
    let mut program = Program { sections: false, code: vec![0x55; 9 << 20], ..Program::new() };
    program.kind = 2;
    let image = started_as(&program.build(), 10 << 20);
    image.view(|image| assert_eq!(image.layers[0].facts.gaps, []));
    let mut bytes = program.build();
    // Its segment claims all of the file.
    let (size, large) = (96, 200_u64 << 20);
    bytes[size..size + 8].copy_from_slice(&large.to_le_bytes());
    let image = started_as(&bytes, large);
    image.view(|image| {
        let gaps: Vec<_> = image.layers[0].facts.gaps.iter().map(|gap| gap.why.as_str()).collect();
        let why = "elf: it is larger than the 134217728 bytes that are read of a program without sections; only the texts in it were searched";
        assert_eq!(gaps, [why]);
    });
}
