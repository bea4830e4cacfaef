use std::io::Write;

/// A file of an archive: name, mode, content.
pub(crate) type Entry<'a> = (&'a str, u32, &'a [u8]);

/// An archive as `tar` makes it.
pub(crate) fn tar(entries: &[Entry<'_>], seconds: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, mode, bytes) in entries {
        let mut head = [0_u8; 512];
        let mut put = |at: usize, text: &str| {
            for (slot, byte) in head.iter_mut().skip(at).zip(text.bytes()) {
                *slot = byte;
            }
        };
        put(0, name.get(..99).unwrap_or(name));
        put(100, &format!("{mode:07o}"));
        put(108, "0000000");
        put(116, "0000000");
        put(124, &format!("{:011o}", bytes.len()));
        put(136, &format!("{seconds:011o}"));
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\x0000root");
        put(297, "root");
        let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
        for (slot, byte) in head.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
            *slot = byte;
        }
        out.extend(head);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize((out.len() + 1024).next_multiple_of(10240), 0);
    out
}

/// Compressed as `gzip` does.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// An archive as `zip` makes it, stored without compression.
pub(crate) fn zip(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, mode, bytes) in entries {
        let at = out.len() as u32;
        let mut shared = Vec::new();
        for half in [20_u16, 0, 0, 0x6000, 0x5a21] {
            shared.extend(half.to_le_bytes());
        }
        shared.extend(crc32(bytes).to_le_bytes());
        shared.extend((bytes.len() as u32).to_le_bytes());
        shared.extend((bytes.len() as u32).to_le_bytes());
        shared.extend((name.len() as u16).to_le_bytes());
        shared.extend(0_u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&shared);
        out.extend(name.bytes());
        out.extend_from_slice(bytes);
        directory.extend(b"PK\x01\x02");
        directory.extend(0x031e_u16.to_le_bytes());
        directory.extend(&shared);
        directory.extend([0; 6]);
        directory.extend(((0o100_000 | mode) << 16).to_le_bytes());
        directory.extend(at.to_le_bytes());
        directory.extend(name.bytes());
    }
    let at = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend(0_u16.to_le_bytes());
    out
}
