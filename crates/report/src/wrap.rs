use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Breaks a text into lines of at most `width` columns, at spaces where it can and inside a word where it
/// must. Nothing but spaces at breaks gets lost; columns are counted as a terminal does.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let needs = word.width();
        if used > 0 && used + 1 + needs <= width {
            line.push(' ');
            line.push_str(word);
            used += 1 + needs;
            continue;
        }
        if used > 0 {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        for character in word.chars() {
            let columns = character.width().unwrap_or(0);
            if used + columns > width {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(character);
            used += columns;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, width: usize, expect: &[&str]) {
        assert_eq!(wrap(text, width), expect);
    }

    #[test]
    fn lines_end_where_the_terminal_does() {
        check("", 10, &[""]);
        check("one two three", 10, &["one two", "three"]);
        check("abcdefghijkl", 8, &["abcdefgh", "ijkl"]);
        check("a abcdefghijkl b", 8, &["a", "abcdefgh", "ijkl b"]);
        check("漢字漢字漢字", 8, &["漢字漢字", "漢字"]);
        check("two  spaces", 20, &["two spaces"]);
    }
}
