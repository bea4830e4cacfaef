//! Programs with the structure of what they stand for. None of them has code that does anything but exit.

use crate::shape::Surface;
use test_support::standin;

/// A miner's engine as its data shows it: the salt and the table of algorithms, the names of its options, and the
/// words that it says to a pool.
pub(crate) fn miner(surface: Surface) -> Vec<u8> {
    standin::miner(surface.pick(
        &["XMRig 6.21.0", "donate.v2.xmrig.com", "xmrig.json"],
        &["kworker", "max-threads", "settings"],
    ))
}

/// A node of a currency: the hash function without anything that talks to a pool.
pub(crate) fn node() -> Vec<u8> {
    standin::program_with(
        &["RandomX\x03", "blockchain.db", "p2p-bind-ip", "rpc-restricted-bind-port", "rx/0"],
        2048,
    )
}

/// A scanner with the words of what it looks for.
pub(crate) fn scanner() -> Vec<u8> {
    standin::program_with(
        &[
            "xmrig",
            "xmr-stak",
            "kinsing",
            "donate.v2.xmrig.com",
            "Go build ID: \"x/y\"",
            "vulnerability",
            "CVE-2021-44228",
            "severity",
            "rule matched",
            "usage: scan [flags] IMAGE",
        ],
        4096,
    )
}

/// A program as UPX packs it, with blocks that it stores where they do not become smaller: a stub, the chain of blocks
/// with the headers first, and the packer's marks around it.
pub(crate) fn packed(program: &[u8]) -> Vec<u8> {
    const METHOD: u8 = 8;
    const HEADERS: usize = 64 + 56;
    let mut elf = standin::program("")[..HEADERS].to_vec();
    // l_info: a checksum, the mark, the size of the stub, version and format.
    elf.extend([0x11, 0x22, 0x33, 0x44]);
    elf.extend(b"UPX!");
    elf.extend([0x80, 0x08, 0x0d, 0x16]);
    // p_info: no number of a program, its size, and that of a block.
    elf.extend(0_u32.to_le_bytes());
    elf.extend((program.len() as u32).to_le_bytes());
    elf.extend((program.len() as u32).to_le_bytes());
    for block in [&program[..HEADERS], &program[HEADERS..]] {
        elf.extend((block.len() as u32).to_le_bytes());
        elf.extend((block.len() as u32).to_le_bytes());
        elf.extend([METHOD, 0, 0, 0]);
        elf.extend(block);
    }
    elf.extend([0; 12]);
    elf.extend(b"UPX!\x0d\x16\x08\x07");
    elf.extend([0x55; 28]);
    let length = (elf.len() as u64).to_le_bytes();
    elf[64 + 32..64 + 40].copy_from_slice(&length);
    elf[64 + 40..64 + 48].copy_from_slice(&length);
    elf
}

/// A program with a segment that may be written and run, as runtimes have that keep code there which they make.
pub(crate) fn writable_code(texts: &[&str], padding: usize) -> Vec<u8> {
    const FLAGS: usize = 64 + 4;
    let mut elf = standin::program_with(texts, padding);
    elf[FLAGS] = 7;
    elf
}

/// A shared library with these dynamic symbols and strings.
pub(crate) fn library(exports: &[&str], imports: &[&str], strings: &[&str]) -> Vec<u8> {
    const HEADERS: usize = 64 + 56 * 2;
    let mut names = vec![0_u8];
    let mut symbols = vec![0_u8; 24];
    let all = exports.iter().map(|name| (name, true)).chain(imports.iter().map(|name| (name, false)));
    for (name, defined) in all {
        symbols.extend((names.len() as u32).to_le_bytes());
        // A global function, in a section where it is defined here.
        symbols.push(0x12);
        symbols.push(0);
        symbols.extend(u16::from(defined).to_le_bytes());
        symbols.extend(if defined { 0x1000_u64 } else { 0 }.to_le_bytes());
        symbols.extend(if defined { 16_u64 } else { 0 }.to_le_bytes());
        names.extend(name.bytes());
        names.push(0);
    }
    let count = symbols.len() / 24;
    let mut hash = Vec::new();
    for word in [1, count as u32, 0] {
        hash.extend(word.to_le_bytes());
    }
    hash.resize(hash.len() + (count - 1) * 4 + 4, 0);
    let data: Vec<u8> = strings.iter().flat_map(|text| text.bytes().chain([0])).collect();

    let at_symbols = HEADERS;
    let at_names = at_symbols + symbols.len();
    let at_hash = (at_names + names.len()).next_multiple_of(8);
    let at_dynamic = (at_hash + hash.len()).next_multiple_of(8);
    let entries: [(u64, u64); 6] = [
        (4, at_hash as u64),
        (5, at_names as u64),
        (6, at_symbols as u64),
        (10, names.len() as u64),
        (11, 24),
        (0, 0),
    ];
    let at_data = at_dynamic + entries.len() * 16;
    let length = (at_data + data.len()) as u64;

    let mut elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    elf.extend(3_u16.to_le_bytes());
    elf.extend(62_u16.to_le_bytes());
    elf.extend(1_u32.to_le_bytes());
    elf.extend(0_u64.to_le_bytes());
    elf.extend(64_u64.to_le_bytes());
    elf.extend(0_u64.to_le_bytes());
    elf.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 2, 0, 0, 0] {
        elf.extend(half.to_le_bytes());
    }
    let mut segment = |kind: u32, flags: u32, at: u64, size: u64| {
        elf.extend(kind.to_le_bytes());
        elf.extend(flags.to_le_bytes());
        for word in [at, at, at, size, size, 8] {
            elf.extend(word.to_le_bytes());
        }
    };
    segment(1, 5, 0, length);
    segment(2, 6, at_dynamic as u64, entries.len() as u64 * 16);
    elf.extend(&symbols);
    elf.extend(&names);
    elf.resize(at_hash, 0);
    elf.extend(&hash);
    elf.resize(at_dynamic, 0);
    for (tag, value) in entries {
        elf.extend(tag.to_le_bytes());
        elf.extend(value.to_le_bytes());
    }
    elf.extend(&data);
    elf
}
