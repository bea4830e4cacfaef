use std::ops::Range;

/// What a `Range` header asks of content that is `size` bytes long (RFC 9110, section 14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// All of it: no header, another unit, several ranges, or something that is no range. The specification lets a
    /// server ignore what it does not serve, and several ranges in one answer are never asked for by clients of
    /// registries.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that are not there.
    Unsatisfiable,
}

/// Reads the value of a `Range` header.
pub(crate) fn asked(header: Option<&str>, size: u64) -> Asked {
    let Some(set) = header.and_then(|value| value.trim().strip_prefix("bytes=")) else { return Asked::All };
    let Some((first, last)) = set.trim().split_once('-') else { return Asked::All };
    match (position(first), position(last)) {
        // The last n bytes.
        (None, Some(0)) if first.is_empty() => Asked::Unsatisfiable,
        (None, Some(_)) if first.is_empty() && size == 0 => Asked::All,
        (None, Some(length)) if first.is_empty() => Asked::Part(size.saturating_sub(length)..size),
        // No range at all, which may be rejected (section 14.2), and then the client learns of it.
        (Some(first), Some(last)) if last < first => Asked::Unsatisfiable,
        (Some(first), _) if first >= size && (last.is_empty() || position(last).is_some()) => {
            Asked::Unsatisfiable
        }
        (Some(first), Some(last)) => Asked::Part(first..last.saturating_add(1).min(size)),
        (Some(first), None) if last.is_empty() => Asked::Part(first..size),
        _ => Asked::All,
    }
}

/// Reads `Content-Range` of a chunk of an upload: `first-last`, as the distribution specification writes it, or
/// `bytes first-last/total`, as RFC 9110 does. Gives the bytes; [`None`] where it is neither.
pub(crate) fn chunk(header: &str) -> Option<Range<u64>> {
    let text = header.trim();
    let text = text.strip_prefix("bytes ").unwrap_or(text);
    let text = text.split_once('/').map_or(text, |(range, _)| range);
    let (first, last) = text.split_once('-')?;
    let (first, last) = (position(first)?, position(last)?);
    (first <= last).then(|| first..last.saturating_add(1))
}

/// A number in plain digits. What does not fit is as far away as can be.
fn position(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(header: &str, size: u64, expect: Asked) {
        assert_eq!(asked(Some(header), size), expect, "{header} of {size}");
    }

    #[test]
    fn one_range_is_served_and_the_rest_is_not_guessed() {
        check("bytes=0-0", 10, Asked::Part(0..1));
        check("bytes=2-5", 10, Asked::Part(2..6));
        check("bytes=2-", 10, Asked::Part(2..10));
        check("bytes=2-99", 10, Asked::Part(2..10));
        check("bytes=-3", 10, Asked::Part(7..10));
        check("bytes=-30", 10, Asked::Part(0..10));
        check("bytes=10-", 10, Asked::Unsatisfiable);
        check("bytes=10-12", 10, Asked::Unsatisfiable);
        check("bytes=5-2", 10, Asked::Unsatisfiable);
        check("bytes=-0", 10, Asked::Unsatisfiable);
        check("bytes=0-", 0, Asked::Unsatisfiable);
        check("bytes=-1", 0, Asked::All);
        check("bytes=0-18446744073709551615", 10, Asked::Part(0..10));
        check("bytes=99999999999999999999999-", 10, Asked::Unsatisfiable);
        for ignored in [
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1,3-4",
            "items=0-1",
            "bytes 0-1",
            "bytes=+1-2",
            "bytes=1-x",
            "bytes=10-x",
            "bytes=--1",
        ] {
            check(ignored, 10, Asked::All);
        }
        assert_eq!(asked(None, 10), Asked::All);
    }

    #[test]
    fn chunks_are_written_in_two_ways() {
        for (text, expect) in [
            ("0-9", Some(0..10)),
            ("bytes 5-9/*", Some(5..10)),
            ("bytes 5-9/10", Some(5..10)),
            ("9-5", None),
            ("", None),
            ("5", None),
            ("-5", None),
            ("5-", None),
            ("a-b", None),
        ] {
            assert_eq!(chunk(text), expect, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_content(header in "bytes=[0-9]{0,20}-[0-9]{0,20}|.{0,20}", size in 0_u64..1000) {
            if let Asked::Part(part) = asked(Some(&header), size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }
    }
}
