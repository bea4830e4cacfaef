//! Headers of tar archives, as they are written for what is read as a layer and is none.

/// What the header of one member says.
#[derive(Debug, Clone, Default)]
pub struct Member<'a> {
    /// The path from the root, without a leading slash; directories end with one.
    pub path: &'a [u8],
    /// `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` directory, `6` pipe.
    pub kind: u8,
    /// Where a link leads.
    pub link: &'a [u8],
    /// Its mode.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// How many bytes follow the header.
    pub size: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// The file capabilities, as the kernel keeps them.
    pub capability: Option<Vec<u8>>,
}

/// Writes the header of a member, behind an extended one where a field does not fit (POSIX pax interchange
/// format).
pub fn write(member: &Member<'_>, out: &mut Vec<u8>) {
    let mut records = Vec::new();
    if member.path.len() > 100 || !member.path.is_ascii() {
        record(b"path", member.path, &mut records);
    }
    if member.link.len() > 100 || !member.link.is_ascii() {
        record(b"linkpath", member.link, &mut records);
    }
    let numbers =
        [(&b"size"[..], member.size, 11), (b"uid", member.uid.into(), 7), (b"gid", member.gid.into(), 7)];
    for (key, value, digits) in numbers {
        if value >= 1 << (3 * digits) {
            record(key, value.to_string().as_bytes(), &mut records);
        }
    }
    let mtime = u64::try_from(member.mtime).ok().filter(|mtime| *mtime < 1 << 33);
    if mtime.is_none() {
        record(b"mtime", member.mtime.to_string().as_bytes(), &mut records);
    }
    if let Some(capability) = &member.capability {
        record(b"SCHILY.xattr.security.capability", capability, &mut records);
    }
    if !records.is_empty() {
        let size = records.len() as u64;
        block(&Member { path: b"PaxHeader", kind: b'x', mode: 0o644, size, ..Member::default() }, 0, out);
        out.extend_from_slice(&records);
        pad(records.len() as u64, out);
    }
    block(member, mtime.unwrap_or(0), out);
}

/// Fills up to the next block.
pub(crate) fn pad(length: u64, out: &mut Vec<u8>) {
    let rest = usize::try_from(length.wrapping_neg() % 512).unwrap_or(0);
    out.resize(out.len() + rest, 0);
}

fn record(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length = length.to_string().len() + rest;
    }
    out.extend_from_slice(length.to_string().as_bytes());
    for part in [b" ", key, b"=", value, b"\n"] {
        out.extend_from_slice(part);
    }
}

fn block(member: &Member<'_>, mtime: u64, out: &mut Vec<u8>) {
    let start = out.len();
    let mut text = |bytes: &[u8], width: usize| {
        let kept = bytes.get(..width).unwrap_or(bytes);
        out.extend_from_slice(kept);
        out.resize(out.len() + width - kept.len(), 0);
    };
    let octal = |value: u64, width: usize| {
        let digits = width - 1;
        // What does not fit stands in the extended header, which readers take instead.
        let value = if value < 1 << (3 * digits) { value } else { 0 };
        format!("{value:0digits$o}\0").into_bytes()
    };
    text(member.path, 100);
    text(&octal((member.mode & 0o7777).into(), 8), 8);
    text(&octal(member.uid.into(), 8), 8);
    text(&octal(member.gid.into(), 8), 8);
    text(&octal(member.size, 12), 12);
    text(&octal(mtime, 12), 12);
    text(b"        ", 8);
    text(&[member.kind], 1);
    text(member.link, 100);
    text(b"ustar\x0000", 8);
    text(b"", 64);
    text(&octal(member.device.0.into(), 8), 8);
    text(&octal(member.device.1.into(), 8), 8);
    text(b"", 167);
    let header = out.get_mut(start..).unwrap_or_default();
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(field) = header.get_mut(148..156) {
        field.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
