//! Python's `marshal`: the strings of serialized code, without the code. They are found by their own headers, so
//! that a new version of the format, whose objects have other fields, does not hide them.

/// Shortest string that is kept.
const SHORTEST: usize = 3;
/// Most strings that are kept.
const MOST: usize = 4096;

/// Whether these bytes begin like a code object, with or without the flag of a reference.
pub(super) fn is_code(bytes: &[u8]) -> bool {
    bytes.len() > 32 && bytes.first().is_some_and(|byte| byte & 0x7f == b'c')
}

/// The strings of serialized code, one a line.
pub(super) fn strings(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut kept = 0;
    while let Some(&kind) = bytes.get(at) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let (header, len) = match (kind & 0x7f, rest) {
            (b's' | b'u' | b't' | b'a' | b'A', [a, b, c, d, ..]) => {
                (5, u32::from_le_bytes([*a, *b, *c, *d]) as usize)
            }
            (b'z' | b'Z', [len, ..]) => (2, *len as usize),
            _ => {
                at += 1;
                continue;
            }
        };
        let text = at.checked_add(header).and_then(|start| bytes.get(start..start.checked_add(len)?));
        match text {
            // Byte code is a string too, and its constants follow it.
            Some(text) if len >= SHORTEST && is_text(text) => {
                out.extend_from_slice(text);
                out.push(b'\n');
                at += header + len;
                kept += 1;
                if kept == MOST {
                    break;
                }
            }
            _ => at += 1,
        }
    }
    out
}

fn is_text(text: &[u8]) -> bool {
    let head = text.get(..text.len().min(256)).unwrap_or_default();
    head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e))
}
