use crate::phrase::safe;
use std::fmt::Write as _;

/// An untrusted text inside a sentence. All punctuation that could mean something becomes a character
/// reference, which CommonMark never reads as structure. What GitHub links on sight, in the rendered text, is
/// broken by an invisible space: mentions, which would notify people, references to issues, and addresses.
pub(crate) fn prose(text: &str) -> String {
    escape(text, true)
}

/// An untrusted name in code type. HTML instead of backticks, because a table cell ends at a `|` even within
/// them. GitHub links nothing here but mail addresses, so names stay as they are for copying.
pub(crate) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text, false))
}

/// As a reference, so that it is seen in the source.
const BREAK: &str = "&#8203;";

fn escape(text: &str, in_prose: bool) -> String {
    let text = safe(text);
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut before = ' ';
    for (at, character) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        if starts_link(rest, before, in_prose) {
            out.push_str(BREAK);
        }
        match character {
            // These mean something only at the start of a line, where no text of the image ever stands.
            '.' | ',' | '-' | '/' | '(' | ')' | '\'' | ';' | '?' | '%' | '=' | '+' => out.push(character),
            _ if character.is_ascii_punctuation() => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            _ => out.push(character),
        }
        if matches!(character, '@' | '#') && (in_prose || (character == '@' && in_address(before))) {
            out.push_str(BREAK);
        }
        before = character;
    }
    out
}

/// Whether a link could begin or go on here: at the slashes of `scheme://`, at the dot of `www.`, at the dash
/// of `GH-1`.
fn starts_link(rest: &str, before: char, in_prose: bool) -> bool {
    let after = |word: &str| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    (before == ':' && after("//"))
        || (matches!(before, 'w' | 'W') && after("."))
        || (in_prose && before == 'H' && after("-"))
}

fn in_address(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '+' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::ATTACKS;

    fn check(text: &str, in_prose: &str, in_code: &str) {
        assert_eq!(prose(text), in_prose);
        assert_eq!(code(text), format!("<code>{in_code}</code>"));
    }

    #[test]
    fn nothing_means_anything() {
        check("plain text, 1.2 (a-b)", "plain text, 1.2 (a-b)", "plain text, 1.2 (a-b)");
        check("<b>&amp;", "&#60;b&#62;&#38;amp;", "&#60;b&#62;&#38;amp;");
        check(
            "a|b`c`*d*_e_",
            "a&#124;b&#96;c&#96;&#42;d&#42;&#95;e&#95;",
            "a&#124;b&#96;c&#96;&#42;d&#42;&#95;e&#95;",
        );
        check("[x](y)", "&#91;x&#93;(y)", "&#91;x&#93;(y)");
        check("@team", "&#64;&#8203;team", "&#64;team");
        check("a@b.c", "a&#64;&#8203;b.c", "a&#64;&#8203;b.c");
        check("#1 GH-1", "&#35;&#8203;1 GH&#8203;-1", "&#35;1 GH-1");
        check("http://a", "http&#58;&#8203;//a", "http&#58;&#8203;//a");
        check("www.a", "www&#8203;.a", "www&#8203;.a");
        check(
            "a\nb\u{202e}",
            "a&#92;u&#123;a&#125;b&#92;u&#123;202e&#125;",
            "a&#92;u&#123;a&#125;b&#92;u&#123;202e&#125;",
        );
    }

    #[test]
    fn no_attack_survives() {
        for attack in ATTACKS {
            let escaped = prose(attack);
            assert!(
                !escaped.contains(['<', '>', '|', '`', '[', ']', '*', '_', '~', '$', '!', '@', '\n']),
                "{escaped}"
            );
            assert!(!escaped.contains("://") && !escaped.contains("www."));
        }
    }
}
