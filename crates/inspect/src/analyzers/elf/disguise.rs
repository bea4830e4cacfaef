//! Files that are not what their names or their beginnings say.

use super::parse;
use super::{Disguise, Structure};

/// Whether a file that is no program may be one of these. Without allocation, as every file is asked.
pub(super) fn concerns(path: &[u8], head: &[u8]) -> bool {
    head.starts_with(b"MZ") || head.starts_with(ARCHIVE) || is_picture(path)
}

/// What it is; none where it is what it seems.
pub(super) fn look(path: &[u8], bytes: &[u8]) -> Option<Structure> {
    if bytes.starts_with(b"MZ") {
        return is_windows_program(bytes).then_some(Structure::Windows);
    }
    if bytes.starts_with(ARCHIVE) {
        return parse::archive_has_xz_backdoor(bytes).then_some(Structure::Backdoored);
    }
    if !is_picture(path) {
        return None;
    }
    let disguise = if bytes.starts_with(b"\x1f\x8b\x08") {
        Disguise::Gzip
    } else if bytes.get(257..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        Disguise::Tar
    } else {
        Disguise::Program(appended_program(bytes)? as u64)
    };
    Some(Structure::Disguised(disguise))
}

const ARCHIVE: &[u8] = b"!<arch>\n";

/// What follows the last dot of a name.
fn extension(path: &[u8]) -> &[u8] {
    let name = crate::analyzers::start::base_name(path);
    name.iter().rposition(|&byte| byte == b'.').and_then(|at| name.get(at + 1..)).unwrap_or_default()
}

/// Formats of pictures that begin with a magic of their own, so that nothing else can be one by accident.
pub(super) fn is_picture(path: &[u8]) -> bool {
    let extension = extension(path);
    [b"jpg".as_slice(), b"jpeg", b"png", b"gif", b"bmp", b"webp", b"ico", b"tif", b"tiff"]
        .iter()
        .any(|known| extension.eq_ignore_ascii_case(known))
}

/// Other files that are shown or read and never run.
pub(super) fn is_shown(path: &[u8]) -> bool {
    let extension = extension(path);
    is_picture(path)
        || [b"css".as_slice(), b"svg", b"woff", b"woff2", b"ttf", b"mp3", b"mp4", b"wav", b"pdf"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
}

/// Other texts, some of which may begin with `#!` all the same.
pub(super) fn is_text(path: &[u8]) -> bool {
    let extension = extension(path);
    [
        b"txt".as_slice(),
        b"md",
        b"html",
        b"htm",
        b"log",
        b"json",
        b"xml",
        b"yaml",
        b"yml",
        b"csv",
        b"conf",
        b"pid",
    ]
    .iter()
    .any(|known| extension.eq_ignore_ascii_case(known))
}

/// Where an ELF file begins behind something else. Compressed pictures have its four first bytes by chance once in
/// four gigabytes, and a sound header behind them never.
fn appended_program(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, b"\x7fELF").skip_while(|&at| at == 0).find(|&at| {
        let byte = |number: usize| at.checked_add(number).and_then(|at| bytes.get(at)).copied().unwrap_or(0);
        let (kind, version) = match byte(5) {
            1 => ([byte(17), byte(16)], byte(20)),
            2 => ([byte(16), byte(17)], byte(23)),
            _ => return false,
        };
        matches!(byte(4), 1 | 2) && byte(6) == 1 && matches!(u16::from_be_bytes(kind), 1..=4) && version == 1
    })
}

/// Whether a file is a program or library for Windows. Managed code runs on Linux too, and kernels and boot loaders
/// are in this format for the firmware.
fn is_windows_program(bytes: &[u8]) -> bool {
    windows_subsystem(bytes).is_some_and(|(subsystem, managed)| matches!(subsystem, 2 | 3) && !managed)
}

fn windows_subsystem(bytes: &[u8]) -> Option<(u16, bool)> {
    let u16 = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let u32 = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let start = usize::try_from(u32(60)?).ok()?;
    if bytes.get(start..)?.first_chunk()? != b"PE\0\0" {
        return None;
    }
    let optional = start.checked_add(24)?;
    let directories = match u16(optional)? {
        0x10b => 96,
        0x20b => 112,
        _ => return None,
    };
    // The fifteenth directory is that of the managed run time.
    let managed = u32(optional.checked_add(directories + 14 * 8)?).is_some_and(|address| address != 0);
    Some((u16(optional.checked_add(68)?)?, managed))
}
