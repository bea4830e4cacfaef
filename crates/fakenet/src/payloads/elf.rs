use super::Id;

/// Which processor a program is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    X86_64,
    Aarch64,
}

/// Where the program lies in memory.
const BASE: u64 = 0x40_0000;
const HEADERS: usize = 64 + 56;

/// Programs of this size pass the checks of those who compare it with zero or with an error page.
const SIZE: usize = 48 << 10;

/// A static program that ends at once and successfully.
pub(crate) fn elf(machine: Machine, id: &Id) -> Vec<u8> {
    let (number, code): (u16, &[u8]) = match machine {
        // xor edi, edi; mov eax, 231 (exit_group); syscall
        Machine::X86_64 => (62, &[0x31, 0xff, 0xb8, 231, 0, 0, 0, 0x0f, 0x05]),
        // mov x0, #0; mov x8, #94 (exit_group); svc #0
        Machine::Aarch64 => (183, &[0, 0, 0x80, 0xd2, 0xc8, 0x0b, 0x80, 0xd2, 1, 0, 0, 0xd4]),
    };
    let mut out = Vec::with_capacity(SIZE);
    out.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    out.extend(2_u16.to_le_bytes());
    out.extend(number.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend((BASE + HEADERS as u64).to_le_bytes());
    out.extend(64_u64.to_le_bytes());
    out.extend(0_u64.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 0, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    // One segment, readable and executable, of the whole file.
    out.extend(1_u32.to_le_bytes());
    out.extend(5_u32.to_le_bytes());
    for long in [0, BASE, BASE, SIZE as u64, SIZE as u64, 0x1000] {
        out.extend(u64::to_le_bytes(long));
    }
    out.extend(code);
    out.resize(out.len().next_multiple_of(16), 0);
    out.extend(b"build ");
    out.extend(id.0.bytes());
    out.resize(SIZE, 0);
    out
}
