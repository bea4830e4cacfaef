/// The lines of a text with the offset of each, without their line feeds. A last line without one counts.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let start = at;
        at = start.saturating_add(len).saturating_add(1);
        Some((start, rest.get(..len)?))
    })
}

/// A name, version or vendor as text. They are for people and for joining files of one database; a path is
/// never brought through here. Cut at 1,024 bytes, which no real one reaches.
pub(crate) fn word(bytes: &[u8]) -> String {
    let bytes = bytes.trim_ascii();
    String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes)).into_owned()
}

/// A digest written in hexadecimal, of exactly the expected length.
pub(crate) fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != N.checked_mul(2)? {
        return None;
    }
    let mut digest = [0; N];
    for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = (nibble(*high)? << 4) | nibble(*low)?;
    }
    Some(digest)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expect: &[(usize, &[u8])]) {
        assert_eq!(lines(input).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn every_byte_but_the_line_feeds_lies_in_a_line() {
        check(b"", &[]);
        check(b"\n", &[(0, b"")]);
        check(b"a\n\nbc", &[(0, b"a"), (2, b""), (3, b"bc")]);
        check(b"a\n", &[(0, b"a")]);
    }

    #[test]
    fn a_digest_is_whole_or_none() {
        assert_eq!(hex::<2>(b"0aFf"), Some([0x0a, 0xff]));
        assert_eq!(hex::<2>(b"0aF"), None);
        assert_eq!(hex::<2>(b"0aFg"), None);
        assert_eq!(hex::<2>(b"+aFf"), None);
        assert_eq!(hex::<2>(b"0aFf00"), None);
    }
}
