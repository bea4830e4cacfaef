use std::fmt::Write as _;

/// Makes an untrusted text safe to print: control characters, ANSI escapes, and the Unicode characters that
/// reorder or hide text (bidi controls, zero-width, tag characters) become visible `\u{…}` escapes. A file
/// name is the attacker's; printed raw it can rewrite the analyst's terminal or swap the ending of a name.
pub fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        push_escaped(&mut out, character);
    }
    out
}

/// As [`escape_text`] for bytes that may not be UTF-8: every invalid byte becomes `\xNN`.
pub fn escape_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_escaped(&mut out, character);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

fn push_escaped(out: &mut String, character: char) {
    if is_hidden(character) {
        let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
    } else {
        out.push(character);
    }
}

/// Whether a character hides itself or moves others: a control, a bidi control, a zero-width or a tag
/// character. Formats with escapes of their own (JSON) write these with them.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[u8], expect: &str) {
        assert_eq!(escape_bytes(input), expect);
    }

    #[test]
    fn nothing_unseen_reaches_the_terminal() {
        check(b"usr/bin/python3", "usr/bin/python3");
        check("größe".as_bytes(), "größe");
        check(b"a\x1b[2Jb", "a\\u{1b}[2Jb");
        check("gnp.\u{202e}exe".as_bytes(), "gnp.\\u{202e}exe");
        check(b"\xff\xfe", "\\xff\\xfe");
        check(b"line\nbreak", "line\\u{a}break");
    }
}
