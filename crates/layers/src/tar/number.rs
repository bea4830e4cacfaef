//! The numbers of tar headers: octal text, or binary with the top bit of the first byte set ("base-256").

/// A number as Go's `archive/tar`, and so every runtime, reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) value: i64,
    /// Every other reader reads the same. False for a blank field, for bytes after the end of the digits, for a
    /// leading NUL and for binary numbers that do not begin with 0x80 or 0xff.
    pub(crate) plain: bool,
}

/// Reads a header field; none when runtimes refuse it.
pub(crate) fn parse_field(field: &[u8]) -> Option<Number> {
    if let Some(&first) = field.first()
        && first & 0x80 != 0
    {
        return parse_binary(field, first);
    }
    parse_octal(field)
}

/// Octal digits, with spaces or NULs before and after. As Go does, what follows a NUL inside is ignored: but
/// not silently.
pub(crate) fn parse_octal(field: &[u8]) -> Option<Number> {
    let mut value = 0u64;
    let mut digits = 0usize;
    let mut rest = field;
    while let [b' ', tail @ ..] = rest {
        rest = tail;
    }
    while let [digit @ b'0'..=b'7', tail @ ..] = rest {
        value = value.checked_mul(8)?.checked_add(u64::from(digit - b'0'))?;
        digits += 1;
        rest = tail;
    }
    if rest.iter().all(|&byte| byte == 0 || byte == b' ') {
        return Some(Number { value: i64::try_from(value).ok()?, plain: digits > 0 });
    }
    parse_odd_octal(field)
}

#[cold]
fn parse_odd_octal(field: &[u8]) -> Option<Number> {
    let blank = |byte: &u8| *byte == 0 || *byte == b' ';
    let start = field.iter().position(|byte| !blank(byte))?;
    let end = field.iter().rposition(|byte| !blank(byte))?;
    let trimmed = field.get(start..=end)?;
    let text = trimmed.split(|&byte| byte == 0).next()?;
    let mut value = 0u64;
    for &digit in text {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value = value.checked_mul(8)?.checked_add(u64::from(digit))?;
    }
    Some(Number { value: i64::try_from(value).ok()?, plain: false })
}

fn parse_binary(field: &[u8], first: u8) -> Option<Number> {
    let negative = first & 0x40 != 0;
    let invert = if negative { 0xff } else { 0 };
    let mut value = u64::from((first ^ invert) & 0x7f);
    for &byte in field.get(1..)? {
        if value >> 56 != 0 {
            return None;
        }
        value = value << 8 | u64::from(byte ^ invert);
    }
    let value = i64::try_from(value).ok()?;
    Some(Number { value: if negative { !value } else { value }, plain: first == 0x80 || first == 0xff })
}

/// Reads a decimal number of an extended header: an optional sign and digits, nothing else. `plain` is false for
/// a `+` and for leading zeros, which some readers take for octal.
pub(crate) fn parse_decimal(text: &[u8]) -> Option<Number> {
    let (negative, digits, mut plain) = match text {
        [b'-', digits @ ..] => (true, digits, true),
        [b'+', digits @ ..] => (false, digits, false),
        digits => (false, digits, true),
    };
    if digits.is_empty() {
        return None;
    }
    plain &= digits.len() == 1 || digits.first() != Some(&b'0');
    let mut value = 0i64;
    for &digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        let digit = i64::from(digit);
        value = value.checked_mul(10)?;
        value = if negative { value.checked_sub(digit)? } else { value.checked_add(digit)? };
    }
    Some(Number { value, plain })
}

/// Reads a time of an extended header, `seconds[.fraction]`, rounded down to the second.
pub(crate) fn parse_time(text: &[u8]) -> Option<Number> {
    let (seconds, fraction) = match memchr::memchr(b'.', text) {
        Some(dot) => (text.get(..dot)?, text.get(dot + 1..)?),
        None => (text, &[][..]),
    };
    let mut number = parse_decimal(seconds)?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let within_nine = fraction.get(..9).unwrap_or(fraction);
    if seconds.first() == Some(&b'-') && within_nine.iter().any(|&digit| digit != b'0') {
        number.value = number.value.checked_sub(1)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: std::fmt::Debug + ?Sized + AsRef<[u8]>>(
        parse: fn(&[u8]) -> Option<Number>,
        text: &T,
        expect: Option<(i64, bool)>,
    ) {
        assert_eq!(parse(text.as_ref()).map(|number| (number.value, number.plain)), expect, "{text:?}");
    }

    #[test]
    fn octal_fields_read_as_go_reads_them() {
        check(parse_field, b"0000644\0", Some((0o644, true)));
        check(parse_field, b"   644 \0", Some((0o644, true)));
        check(parse_field, b"00000644", Some((0o644, true)));
        check(parse_field, b"77777777777\0", Some((0o77777777777, true)));
        check(parse_field, b"        ", Some((0, false)));
        check(parse_field, b"\0\0\0\0\0\0\0\0", Some((0, false)));
        check(parse_field, b"\x000000644", Some((0o644, false)));
        check(parse_field, b"644\0junk", Some((0o644, false)));
        check(parse_field, b"644 junk", None);
        check(parse_field, b"-0000644", None);
        check(parse_field, b"+0000644", None);
        check(parse_field, b"0o000644", None);
        check(parse_field, b"0_000644", None);
        check(parse_field, b"0000648\0", None);
    }

    #[test]
    fn binary_fields_read_as_go_reads_them() {
        check(parse_field, &[0x80, 0, 0, 0, 0, 0, 1, 0], Some((256, true)));
        check(parse_field, &[0xff; 12], Some((-1, true)));
        check(parse_field, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0], Some((-256, true)));
        check(
            parse_field,
            &[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            Some((i64::MAX, true)),
        );
        check(parse_field, &[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], None);
        check(parse_field, &[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], None);
        check(parse_field, &[0x81, 0, 0, 0, 0, 0, 0, 0], Some((1 << 56, false)));
        check(parse_field, &[0xc0, 0, 0, 0, 0, 0, 0, 0], Some((!0x3fff_ffff_ffff_ffff, false)));
    }

    #[test]
    fn decimals_are_strict() {
        check(parse_decimal, "0", Some((0, true)));
        check(parse_decimal, "9223372036854775807", Some((i64::MAX, true)));
        check(parse_decimal, "-9223372036854775808", Some((i64::MIN, true)));
        check(parse_decimal, "9223372036854775808", None);
        check(parse_decimal, "+7", Some((7, false)));
        check(parse_decimal, "007", Some((7, false)));
        for bad in ["", "-", "+", " 7", "7 ", "1_000", "0x10", "7.0"] {
            check(parse_decimal, bad, None);
        }
    }

    #[test]
    fn times_round_down() {
        check(parse_time, "1350244992.023960108", Some((1350244992, true)));
        check(parse_time, "1350244992.", Some((1350244992, true)));
        check(parse_time, "-1.5", Some((-2, true)));
        check(parse_time, "-1.0", Some((-1, true)));
        check(parse_time, "-0.0000000001", Some((0, true)));
        for bad in ["", ".5", "1.5.5", "1.-5", "1e9"] {
            check(parse_time, bad, None);
        }
    }
}
