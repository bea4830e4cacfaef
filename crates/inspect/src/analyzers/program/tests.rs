use super::*;
use crate::analyzers::fixture::Fixture;
use model::Role;

/// An ELF file of nothing but its header, and a loader's path where one is given.
fn elf(machine: u16, wide: bool, little: bool, kind: u16, interpreter: Option<&str>) -> Vec<u8> {
    let u16 = |value: u16| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let word = |value: u32| {
        let bytes: Vec<u8> = if little { value.to_le_bytes().into() } else { value.to_be_bytes().into() };
        match (wide, little) {
            (false, _) => bytes,
            (true, true) => [bytes, vec![0; 4]].concat(),
            (true, false) => [vec![0; 4], bytes].concat(),
        }
    };
    let header = if wide { 64 } else { 52 };
    let segment = if wide { 56 } else { 32 };
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(wide), 2 - u8::from(little), 1];
    bytes.resize(16, 0);
    bytes.extend(u16(kind));
    bytes.extend(u16(machine));
    bytes.resize(24, 0);
    bytes.extend(word(0));
    bytes.extend(word(header));
    bytes.extend(word(0));
    bytes.extend([0; 4]);
    for value in [header as u16, segment, u16::from(interpreter.is_some()), 64, 7, 0] {
        bytes.extend(u16(value));
    }
    assert_eq!(bytes.len(), header as usize);
    if let Some(interpreter) = interpreter {
        let start = header + u32::from(segment);
        let len = interpreter.len() as u32 + 1;
        bytes.extend(if little { 3_u32.to_le_bytes() } else { 3_u32.to_be_bytes() });
        bytes.resize(header as usize + if wide { 8 } else { 4 }, 0);
        bytes.extend(word(start));
        bytes.resize(header as usize + if wide { 32 } else { 16 }, 0);
        bytes.extend(word(len));
        bytes.resize(start as usize, 0);
        bytes.extend(interpreter.bytes());
        bytes.push(0);
    }
    bytes
}

#[test]
fn headers_of_every_class_are_read() {
    for (wide, little) in [(true, true), (true, false), (false, true), (false, false)] {
        let bytes = elf(62, wide, little, 3, Some("/lib/ld.so"));
        let Some(ProgramFacts::Elf(read)) = parse::program(&bytes) else { panic!("{wide} {little}") };
        let expect = Elf {
            machine: 62,
            wide,
            little,
            kind: 3,
            interpreter: Some(b"/lib/ld.so".to_vec()),
            dynamic: false,
            sections: 7,
        };
        assert_eq!(read, expect);
        assert!(read.is_executable());
    }
    assert_eq!(parse::program(b"#!/bin/sh"), None);
    assert_eq!(parse::program(b"\x7fELF"), None);
    assert_eq!(parse::program(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"), Some(ProgramFacts::Malformed));
    assert_eq!(parse::program(b"\x7fELF\x07\x01\x01\0\0\0\0\0\0\0\0\0"), Some(ProgramFacts::Malformed));
}

proptest::proptest! {
    #[test]
    fn no_header_is_too_odd(tail: Vec<u8>, class in 0_u8..4, order in 0_u8..4) {
        let mut bytes = vec![0x7f, b'E', b'L', b'F', class, order];
        bytes.extend(tail);
        let _ = parse::program(&bytes);
    }

    #[test]
    fn no_damage_is_too_odd(at in 0_usize..200, value: u8) {
        let mut bytes = elf(62, true, true, 3, Some("/lib64/ld-linux-x86-64.so.2"));
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
        let _ = parse::program(&bytes);
    }
}

fn check(platform: &str, machine: u16, wide: bool, little: bool, expect: &[&str]) {
    let mut image = Fixture::new();
    image.platform = platform.parse().unwrap();
    image.file("app", 0o755, &elf(machine, wide, little, 2, None)).start(&["/app"], &[]);
    assert_eq!(image.ids(&Programs), expect, "{platform} {machine}");
}

#[test]
fn a_start_for_another_machine_is_told() {
    check("linux/amd64", 183, true, true, &["S-EVA-ARCH"]);
    check("linux/arm64", 62, true, true, &["S-EVA-ARCH"]);
    check("linux/386", 62, true, true, &["S-EVA-ARCH"]);
    check("linux/ppc64le", 21, true, false, &["S-EVA-ARCH"]);
    check("linux/amd64", 62, true, true, &[]);
    check("linux/amd64", 3, false, true, &[]);
    check("linux/arm64/v8", 40, false, true, &[]);
    check("linux/s390x", 22, true, false, &[]);
    check("freebsd/amd64", 183, true, true, &[]);
    assert_eq!(FOREIGN.role, Role::Context);
}

#[test]
fn cross_compilers_and_firmware_are_not_told() {
    let mut image = Fixture::new();
    image.file("app", 0o755, &elf(62, true, true, 2, None)).start(&["/app"], &[]);
    image.file("usr/lib/firmware/blob.elf", 0o755, &elf(183, true, true, 2, None));
    assert_eq!(image.ids(&Programs), [""; 0]);
}
