//! ELF files whose tables lie about themselves, each padded to the length that is asked for.

/// Makes a program of about this length.
type Shape = &'static dyn Fn(usize) -> Vec<u8>;

/// Programs by what is wrong with them.
pub(crate) const SHAPES: [(&str, Shape); 12] = [
    ("zeros", &|len| padded(header(0, 0, 0, 0), len, b"\0")),
    ("texts", &|len| padded(header(0, 0, 0, 0), len, b"/proc/%s/sta\0donate-leve\0#aa")),
    ("marks of a packer", &|len| padded(header(0, 0, 0, 0), len, b"UPX!\x0d\x16\x02\x08")),
    ("packed blocks of four gigabytes", &|len| {
        padded(header(0, 0, 0, 0), len, b"UPX!\xff\xff\xff\xff\xff\xff\xff\xff\x0e\0\0\0")
    }),
    ("packed blocks", &|len| padded(header(0, 0, 0, 0), len, b"UPX!\0\x40\0\0\x10\0\0\0\x02\x08\0\0")),
    ("as many segments as can be counted", &|len| tables(len, 0xffff, 0, &segment(1, 5))),
    ("as many sections as can be counted", &|len| tables(len, 0, 0xffff, &section(1))),
    ("symbols without an end", &|len| tables(len, 0, 8, &section(2))),
    ("strings without an end", &|len| tables(len, 0, 8192, &section(3))),
    ("notes without a size", &|len| tables(len, 256, 0, &segment(4, 4))),
    ("dynamic sections", &|len| tables(len, 256, 0, &segment(2, 4))),
    ("code", &|len| padded(header(0, 0, 0, 0), len, b"\x0f\x05\xb8\x3b\0\0\0\x48\xc7\xc0")),
];

fn padded(mut bytes: Vec<u8>, len: usize, piece: &[u8]) -> Vec<u8> {
    let rest = len.saturating_sub(bytes.len());
    bytes.extend(piece.iter().cycle().take(rest));
    bytes
}

/// All headers are the same one and describe the whole file, which is the bytes of the header over and over.
fn tables(len: usize, segments: u16, sections: u16, one: &[u8]) -> Vec<u8> {
    padded(header(64, segments, 64, sections), len, one)
}

fn header(segments_at: u64, segments: u16, sections_at: u64, sections: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0".to_vec();
    bytes.extend(0x100_u64.to_le_bytes());
    bytes.extend(segments_at.to_le_bytes());
    bytes.extend(sections_at.to_le_bytes());
    bytes.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, segments, 64, sections, 1] {
        bytes.extend(half.to_le_bytes());
    }
    bytes
}

/// A program header over everything.
fn segment(kind: u32, flags: u32) -> Vec<u8> {
    let mut bytes = [kind.to_le_bytes(), flags.to_le_bytes()].concat();
    for field in [0_u64, 0, 0, 1 << 40, 1 << 40, 1] {
        bytes.extend(field.to_le_bytes());
    }
    bytes
}

/// A section header over everything, executable and its own string table.
fn section(kind: u32) -> Vec<u8> {
    let mut bytes = [1_u32.to_le_bytes(), kind.to_le_bytes()].concat();
    for field in [4_u64, 0, 0, 1 << 40] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend([0_u32; 2].map(u32::to_le_bytes).concat());
    bytes.extend([1_u64, 24].map(u64::to_le_bytes).concat());
    bytes
}
