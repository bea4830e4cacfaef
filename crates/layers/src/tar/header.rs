//! One header block: POSIX.1-1988 ustar, the old GNU and star variants, and the v7 form before them.

use super::number::{self, Number};
use crate::zeros;
use memchr::memchr;

/// Size of a block; everything in an archive is aligned to it.
pub(crate) const BLOCK: usize = 512;

/// One block.
pub(crate) type Block = [u8; BLOCK];

/// Which layout the second half of a header has, by its magic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magic {
    V7,
    Ustar,
    Star,
    Gnu,
}

/// The fields of a header that are not names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) magic: Magic,
    pub(crate) flag: u8,
    pub(crate) size: i64,
    pub(crate) mode: i64,
    pub(crate) uid: i64,
    pub(crate) gid: i64,
    pub(crate) mtime: i64,
    pub(crate) device: (i64, i64),
    /// The first field that readers take differently, by name.
    pub(crate) odd: Option<&'static str>,
}

/// Whether the block's checksum is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checksum {
    Right,
    /// Only when its bytes are summed as signed ones, as an old Sun tar did. Not every reader accepts it.
    Signed,
    Wrong,
}

fn field(block: &Block, start: usize, len: usize) -> &[u8] {
    block.get(start..start + len).unwrap_or_default()
}

/// Compares the checksum with the block.
pub(crate) fn checksum(block: &Block) -> Checksum {
    let stored = field(block, 148, 8);
    let Some(Number { value: expect, .. }) = number::parse_octal(stored) else { return Checksum::Wrong };
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| i64::from(byte)).sum::<i64>();
    let unsigned = sum(block) - sum(stored) + 8 * i64::from(b' ');
    if expect == unsigned {
        return Checksum::Right;
    }
    let high = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte >= 0x80).count() as i64;
    let signed = unsigned - 256 * (high(block) - high(stored));
    if expect == signed { Checksum::Signed } else { Checksum::Wrong }
}

/// Reads the numbers; the error is the name of the field that no runtime reads.
pub(crate) fn fields(block: &Block) -> Result<Fields, &'static str> {
    let mut odd = None;
    let mut number = |name: &'static str, start: usize, len: usize, blank_is_plain: bool| {
        let bytes = field(block, start, len);
        let Number { value, plain } = number::parse_field(bytes).ok_or(name)?;
        let is_plain = plain || blank_is_plain && bytes.iter().all(|&byte| byte == 0 || byte == b' ');
        let is_negative = value < 0 && !name.ends_with("time");
        if !is_plain || is_negative {
            odd.get_or_insert(name);
        }
        Ok(value)
    };
    let mode = number("mode", 100, 8, false)?;
    let uid = number("uid", 108, 8, false)?;
    let gid = number("gid", 116, 8, false)?;
    let size = number("size", 124, 12, false)?;
    let mtime = number("modification time", 136, 12, false)?;
    let magic = magic(block);
    let mut device = (0, 0);
    if magic != Magic::V7 {
        device = (number("device major", 329, 8, true)?, number("device minor", 337, 8, true)?);
    }
    if magic == Magic::Star {
        number("access time", 476, 12, true)?;
        number("change time", 488, 12, true)?;
    }
    let [flag, ..] = *field(block, 156, 1) else { return Err("type") };
    Ok(Fields { magic, flag, size, mode, uid, gid, mtime, device, odd })
}

fn magic(block: &Block) -> Magic {
    match field(block, 257, 8) {
        [b'u', b's', b't', b'a', b'r', 0, ..] if field(block, 508, 4) == b"tar\0" => Magic::Star,
        [b'u', b's', b't', b'a', b'r', 0, ..] => Magic::Ustar,
        b"ustar  \0" => Magic::Gnu,
        _ => Magic::V7,
    }
}

/// Whether the version after a ustar magic is the one that the standard names. Some readers take any other for v7.
pub(crate) fn has_standard_version(block: &Block) -> bool {
    field(block, 263, 2) == b"00"
}

/// Up to the first NUL.
pub(crate) fn text(field: &[u8]) -> &[u8] {
    match memchr(0, field) {
        Some(end) => field.get(..end).unwrap_or_default(),
        None => field,
    }
}

/// The name field, without its prefix.
pub(crate) fn name(block: &Block) -> &[u8] {
    text(field(block, 0, 100))
}

/// The link target field.
pub(crate) fn link(block: &Block) -> &[u8] {
    text(field(block, 157, 100))
}

/// The prefix that runtimes put before the name.
pub(crate) fn prefix(block: &Block, magic: Magic) -> &[u8] {
    match magic {
        Magic::V7 => &[],
        Magic::Ustar => text(field(block, 345, 155)),
        Magic::Star => text(field(block, 345, 131)),
        // Go's own writer once put a prefix where GNU headers have times, and its reader still honours one
        // where the times are no numbers.
        Magic::Gnu => {
            let is_time = |start| {
                let time = field(block, start, 12);
                time.first() == Some(&0) || number::parse_field(time).is_some()
            };
            let prefix = text(field(block, 345, 155));
            if (!is_time(345) || !is_time(357)) && prefix.is_ascii() { prefix } else { &[] }
        }
    }
}

/// Whether another reader builds another name from this header, as one goes by the magic and the next does not.
pub(crate) fn is_name_ambiguous(block: &Block, magic: Magic) -> bool {
    let begins = field(block, 345, 1) != [0];
    match magic {
        Magic::V7 | Magic::Gnu => begins,
        Magic::Ustar => begins && !has_standard_version(block),
        Magic::Star => {
            begins && (!has_standard_version(block) || memchr(0, field(block, 345, 131)).is_none())
        }
    }
}

/// Whether a text field has bytes after its NUL.
pub(crate) fn has_hidden_text(block: &Block, magic: Magic) -> bool {
    let hidden = |start, len| {
        let field = field(block, start, len);
        memchr(0, field).is_some_and(|end| zeros::first_other(field.get(end..).unwrap_or_default()).is_some())
    };
    hidden(0, 100)
        || hidden(157, 100)
        || magic != Magic::V7 && (hidden(265, 32) || hidden(297, 32))
        || magic == Magic::Ustar && hidden(345, 155)
}

/// Bytes other than zero in the part of the block that has no meaning, with their place in it.
pub(crate) fn dirty_padding(block: &Block, fields: &Fields) -> Option<usize> {
    let start = match (fields.magic, fields.flag) {
        // GNU tar writes device numbers of zero even here.
        (Magic::V7, _) if field(block, 329, 16).iter().all(|byte| matches!(byte, 0 | b'0' | b' ')) => {
            return zeros::first_other(field(block, 257, 72))
                .map(|within| 257 + within)
                .or_else(|| zeros::first_other(field(block, 345, 167)).map(|within| 345 + within));
        }
        (Magic::V7, _) => 257,
        (Magic::Ustar, _) => 500,
        (Magic::Star, _) => return None,
        (Magic::Gnu, b'S') => 495,
        (Magic::Gnu, b'M') => 381,
        (Magic::Gnu, _) if !prefix(block, Magic::Gnu).is_empty() => 500,
        (Magic::Gnu, _) => 369,
    };
    zeros::first_other(field(block, start, BLOCK - start)).map(|within| start + within)
}

/// Old GNU sparse maps: four pairs in the header, whether more follow, and the logical size.
pub(crate) fn gnu_sparse(block: &Block) -> (&[u8], bool, Option<Number>) {
    (field(block, 386, 96), field(block, 482, 1) != [0], number::parse_field(field(block, 483, 12)))
}

/// An extension block of an old GNU sparse map: 21 pairs, whether more follow, and its padding.
pub(crate) fn gnu_sparse_extension(block: &Block) -> (&[u8], bool, &[u8]) {
    (field(block, 0, 504), field(block, 504, 1) != [0], field(block, 505, 7))
}
