//! Files made to break whoever reads them.

use super::*;
use std::time::{Duration, Instant};

/// Reads bytes as the file analyzer does, and nothing happens beyond that.
fn read(bytes: &[u8]) {
    let _ = parse::elf(bytes, bytes.len() as u64);
    let _ = parse::is_odd_build(bytes, bytes.len() as u64);
    let _ = disguise::look(b"a.png", bytes);
}

fn within(limit: Duration, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    assert!(start.elapsed() < limit, "{:?}", start.elapsed());
}

fn rich() -> Vec<u8> {
    let program =
        Program::library().exports(&["readdir"]).imports(&["dlsym", "socket"]).texts(&["/proc/%s/stat"]);
    Program { run_path: Some("/tmp".to_owned()), ..program }.build()
}

#[test]
fn every_truncation_is_read() {
    let bytes = rich();
    for len in 0..bytes.len() {
        read(&bytes[..len]);
    }
}

#[test]
fn tables_that_overlap_and_count_to_the_end_of_numbers_are_bounded() {
    // Program headers of no size: 65,535 times the same one, which is the header of the file itself.
    let mut bytes = rich();
    bytes.resize(4 << 20, 0x55);
    bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
    bytes[54..56].copy_from_slice(&0_u16.to_le_bytes());
    bytes[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
    // Section headers likewise: each is code, and all of the file.
    let section = bytes.len();
    bytes[40..48].copy_from_slice(&(section as u64).to_le_bytes());
    bytes[58..60].copy_from_slice(&0_u16.to_le_bytes());
    bytes[60..62].copy_from_slice(&u16::MAX.to_le_bytes());
    let mut header = vec![0; 64];
    header[4..8].copy_from_slice(&1_u32.to_le_bytes());
    header[8..16].copy_from_slice(&6_u64.to_le_bytes());
    header[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    bytes.extend(header);
    within(Duration::from_secs(20), || read(&bytes));
    let facts = parse::elf(&bytes, bytes.len() as u64).unwrap();
    assert!(facts.traits.has(Traits::BEYOND_BOUND));
}

#[test]
fn offsets_at_the_end_of_numbers_lead_nowhere() {
    let bytes = rich();
    for at in (24..bytes.len().saturating_sub(8)).step_by(4) {
        for value in [u64::MAX, u64::MAX - 7, 1 << 63, u64::from(u32::MAX)] {
            let mut damaged = bytes.clone();
            damaged[at..at + 8].copy_from_slice(&value.to_le_bytes());
            read(&damaged);
        }
    }
}

#[test]
fn ten_megabytes_of_almost_a_match_take_no_longer_than_others() {
    for text in ["donate-leve", "/proc/%s/sta", "#aaaa", "!<ar", "UPX!", "\x7fELF"] {
        let mut bytes = rich();
        bytes.extend(text.bytes().cycle().take(10 << 20));
        within(Duration::from_secs(30), || read(&bytes));
    }
}

#[test]
fn archives_that_name_no_size_end() {
    for size in ["", "x", "99999999999", "-1", "18446744073709551615"] {
        let header = format!("{:<48}{:<10}`\n", "a.o/", size.get(..size.len().min(10)).unwrap_or_default());
        let bytes = [b"!<arch>\n".as_slice(), header.as_bytes(), &[0; 100]].concat();
        assert_eq!(disguise::look(b"a.a", &bytes), None);
    }
}

#[test]
fn a_large_program_is_read_whole_where_its_build_is_odd() {
    let program = Program::new().build();
    let mut image = Fixture::new();
    image.file("a", 0o755, b"");
    image.view(|image| {
        let (_, place) = image.tree.iter().next().unwrap();
        let entry = image.tree.entry(place).unwrap();
        let entry = |size| layers::Entry { size, path: entry.path.to_vec(), ..Default::default() };
        assert_eq!(ElfStructure.wants(&entry(1000), &program), Want::Whole(16 << 20));
        assert_eq!(ElfStructure.wants(&entry(100 << 20), &program), Want::Whole(128 << 20));
        assert_eq!(ElfStructure.wants(&entry(1 << 30), &program), Want::AtHand);
        let mut full = Program::new();
        full.code = vec![0x90; 3 << 20];
        let full = full.build();
        assert_eq!(ElfStructure.wants(&entry(5 << 20), &full[..4096]), Want::Whole(16 << 20));
        let mut ordinary = Program::new();
        ordinary.code = vec![0x90; 17 << 20];
        let head = |program: &Program| program.build()[..4096].to_vec();
        assert_eq!(ElfStructure.wants(&entry(17 << 20), &head(&ordinary)), Want::AtHand);
        ordinary.sections = false;
        assert_eq!(ElfStructure.wants(&entry(17 << 20), &head(&ordinary)), Want::Whole(128 << 20));
        assert_eq!(ElfStructure.wants(&entry(100), b"text"), Want::Nothing);
    });
}

proptest::proptest! {
    #[test]
    fn no_bytes_are_too_odd(tail: Vec<u8>, class in 0_u8..4, order in 0_u8..4) {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', class, order];
        bytes.extend(tail);
        read(&bytes);
    }

    #[test]
    fn no_damage_is_too_odd(damage in proptest::collection::vec((0_usize..1200, proptest::num::u8::ANY), 1..8)) {
        let mut bytes = rich();
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        read(&bytes);
    }
}
