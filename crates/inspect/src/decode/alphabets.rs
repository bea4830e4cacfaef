//! Encodings of bytes as printable characters. All of them read what their lenient readers read: who encodes a
//! payload puts line breaks and stray characters into it, and Python and Node skip these.

/// Base64, both alphabets. What is neither is skipped.
pub(super) fn base64(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => {
                (bits, count) = (0, 0);
                continue;
            }
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
        bits &= (1 << count) - 1;
    }
    out
}

/// Base32 (RFC 4648), upper or lower case.
pub(super) fn base32(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 8 * 5 + 5);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &byte in text {
        let value = match byte.to_ascii_uppercase() {
            upper @ b'A'..=b'Z' => upper - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => continue,
        };
        bits = (bits << 5) | u32::from(value);
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
        bits &= (1 << count) - 1;
    }
    out
}

/// Pairs of hexadecimal digits. White space, colons and `0x` between them are skipped.
pub(super) fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for &byte in text {
        let Some(digit) = (byte as char).to_digit(16) else {
            match byte {
                b'x' | b'X' if high == Some(0) => high = None,
                b' ' | b'\t' | b'\r' | b'\n' | b':' | b',' | b'\\' | b'x' => {}
                _ => return None,
            }
            continue;
        };
        match high.take() {
            None => high = Some(digit),
            Some(high) => out.push((high * 16 + digit) as u8),
        }
    }
    Some(out)
}

/// The alphabet of Python's `b85encode`, which is also Git's.
const BASE85: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// Base85 as Python's `b85decode` reads it.
pub(super) fn base85(text: &[u8]) -> Option<Vec<u8>> {
    let mut table = [255_u8; 256];
    for (&byte, value) in BASE85.iter().zip(0..) {
        if let Some(slot) = table.get_mut(byte as usize) {
            *slot = value;
        }
    }
    groups_of_five(text, |byte| table.get(byte as usize).copied().filter(|&value| value < 85), None)
}

/// Ascii85 as Python's `a85decode` reads it, with or without Adobe's brackets.
pub(super) fn ascii85(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_ascii();
    let text = text.strip_prefix(b"<~").unwrap_or(text);
    let text = text.strip_suffix(b"~>").unwrap_or(text);
    groups_of_five(text, |byte| byte.checked_sub(b'!').filter(|&value| value < 85), Some(b'z'))
}

fn groups_of_five(text: &[u8], value: impl Fn(u8) -> Option<u8>, zero: Option<u8>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 5 * 4 + 4);
    let (mut bits, mut count) = (0_u64, 0_u32);
    for &byte in text {
        if byte.is_ascii_whitespace() {
            continue;
        }
        if zero == Some(byte) && count == 0 {
            out.extend([0; 4]);
            continue;
        }
        bits = bits * 85 + u64::from(value(byte)?);
        count += 1;
        if count == 5 {
            out.extend(u32::try_from(bits).ok()?.to_be_bytes());
            (bits, count) = (0, 0);
        }
    }
    if count > 0 {
        for _ in count..5 {
            bits = bits * 85 + 84;
        }
        let bytes = u32::try_from(bits).ok()?.to_be_bytes();
        out.extend(bytes.iter().take(count as usize - 1));
    }
    Some(out)
}

/// Letters moved by half the alphabet.
pub(super) fn rot13(text: &[u8]) -> Vec<u8> {
    let turn = |byte: u8, first: u8| (byte - first + 13) % 26 + first;
    text.iter()
        .map(|&byte| match byte {
            b'a'..=b'z' => turn(byte, b'a'),
            b'A'..=b'Z' => turn(byte, b'A'),
            other => other,
        })
        .collect()
}

/// Backslash escapes as shells, Python and JavaScript share them, and how many there were. What is none stays.
pub(super) fn escapes(text: &[u8]) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(text.len());
    let mut count = 0;
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let mut take = |digits: usize, radix: u32, skip: usize| {
            let text = tail.get(skip..)?;
            let len = text.iter().take(digits).take_while(|&&byte| (byte as char).is_digit(radix)).count();
            let digits = std::str::from_utf8(text.get(..len)?).ok()?;
            let value = u32::from_str_radix(digits, radix).ok()?;
            count += 1;
            Some((value, skip + len))
        };
        let (value, len) = match tail.get(1) {
            Some(b'x') => take(2, 16, 2).unwrap_or((u32::from(b'x'), 2)),
            Some(b'u') => take(4, 16, 2).unwrap_or((u32::from(b'u'), 2)),
            Some(b'U') => take(8, 16, 2).unwrap_or((u32::from(b'U'), 2)),
            Some(b'0') => take(4, 8, 1).unwrap_or((0, 2)),
            Some(b'1'..=b'7') => take(3, 8, 1).unwrap_or((0, 2)),
            Some(b'n') => (10, 2),
            Some(b'r') => (13, 2),
            Some(b't') => (9, 2),
            Some(b'e') => (27, 2),
            Some(b'\n') => {
                rest = tail.get(2..).unwrap_or_default();
                continue;
            }
            Some(&other) => (u32::from(other), 2),
            None => (u32::from(b'\\'), 1),
        };
        match u8::try_from(value) {
            Ok(byte) => out.push(byte),
            Err(_) => push_char(value, &mut out),
        }
        rest = tail.get(len..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    (out, count)
}

/// A character code as its program would hold it: one byte up to 255, so that codes of bytes stay bytes.
pub(super) fn push_char(code: u32, out: &mut Vec<u8>) {
    match (u8::try_from(code), char::from_u32(code)) {
        (Ok(byte), _) => out.push(byte),
        (_, Some(char)) => out.extend(char.encode_utf8(&mut [0; 4]).as_bytes()),
        (_, None) => {}
    }
}
