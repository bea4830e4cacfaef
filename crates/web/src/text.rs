use askama::filters::{Escaper, Html};
use std::fmt::{self, Write};

/// Through which every string of every template goes: what hides itself or moves other text becomes visible, what HTML
/// reads becomes text, and what is longer than anybody reads is cut and says so.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown;

/// Characters of one text that a page shows.
const LONGEST: usize = 2_000;

impl Escaper for Shown {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        let (start, rest) = match string.char_indices().nth(LONGEST) {
            Some((end, _)) => string.split_at_checked(end).unwrap_or((string, "")),
            None => (string, ""),
        };
        if start.chars().any(model::is_hidden) {
            Html.write_escaped_str(&mut dest, &model::escape_text(start))?;
        } else {
            Html.write_escaped_str(&mut dest, start)?;
        }
        match rest.chars().count() {
            0 => Ok(()),
            more => write!(dest, "… ({} more characters)", model::thousands(more as u64)),
        }
    }
}

/// Rows of one list that a page shows.
pub(crate) const MOST: usize = 500;

/// The start of a list, as far as a page shows it.
pub(crate) fn few<T>(list: &[T]) -> &[T] {
    list.get(..MOST).unwrap_or(list)
}

/// What is said below a list of which not all is shown.
pub(crate) fn more<T>(list: &[T]) -> Option<String> {
    let rest = list.len().checked_sub(MOST).filter(|&rest| rest > 0)?;
    Some(format!("… and {} more.", model::thousands(rest as u64)))
}

/// Twelve digits of a digest, as people compare them at a glance. What is no digest is shown as it is.
pub(crate) fn short(digest: &str) -> &str {
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    match hex.get(..12) {
        Some(start) if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => start,
        _ => digest,
    }
}

/// How long a list is: `3 exceptions`.
pub(crate) fn amount<T>(list: &[T], what: &str) -> String {
    counted(list.len() as u64, what)
}

/// `1 image`, `3,120 images`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", model::thousands(count), if count == 1 { "" } else { "s" })
}

/// A size as people read it: `115.7 MiB`.
pub(crate) fn size(bytes: &u64) -> String {
    let bytes = *bytes;
    let mut value = bytes as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 || unit == "TiB" {
            return if unit == "bytes" { counted(bytes, "byte") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    counted(bytes, "byte")
}

/// What a template draws. It fails only where a template could not be written out, which no input brings about; the
/// page says so then instead of being empty.
pub(crate) fn drawn(template: &impl askama::Template) -> String {
    template.render().unwrap_or_else(|_| {
        "<!doctype html><title>Roadstead</title><p>This page could not be drawn.".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let mut out = String::new();
        Shown.write_escaped_str(&mut out, text).unwrap();
        assert_eq!(out, expect);
    }

    #[test]
    fn what_is_printed_is_text() {
        check("golang:1.25", "golang:1.25");
        check("<b title='a' id=\"b\">&", "&#60;b title=&#39;a&#39; id=&#34;b&#34;&#62;&#38;");
        check("gnp.\u{202e}exe\u{1b}[2J\n", "gnp.\\u{202e}exe\\u{1b}[2J\\u{a}");
        check(&"ä".repeat(LONGEST), &"ä".repeat(LONGEST));
        check(&"ä".repeat(LONGEST + 1_001), &format!("{}… (1,001 more characters)", "ä".repeat(LONGEST)));
    }

    #[test]
    fn digests_are_shortened_and_nothing_else() {
        for (text, expect) in [
            ("sha256:0123456789abcdef", "0123456789ab"),
            ("sha256:0123", "sha256:0123"),
            ("sha256:<script>alert</script>", "sha256:<script>alert</script>"),
            ("", ""),
        ] {
            assert_eq!(short(text), expect);
        }
    }
}
