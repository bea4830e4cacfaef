use std::ops::Range;

/// Most bytes of a logical line, to either side of where it is met, and most lines that are joined to one.
const MAX_SIDE: usize = 8 << 10;
const MAX_LINES: usize = 64;
/// Most words of a logical line: as many as its bytes can hold, so that none can be pushed out by others.
const MAX_WORDS: usize = MAX_SIDE;

/// The line around an offset, joined with the lines that belong to it: continued by a backslash, or entries of
/// one list as YAML and JSON write arguments, one a line.
pub(in crate::analyzers::miner) fn logical_line(text: &[u8], at: usize) -> Range<usize> {
    let floor = at.saturating_sub(MAX_SIDE);
    let ceiling = text.len().min(at.saturating_add(MAX_SIDE));
    let line_start = |end: usize| {
        let before = text.get(floor..end).unwrap_or_default();
        memchr::memrchr(b'\n', before).map_or(floor, |newline| floor + newline + 1)
    };
    let line_end = |start: usize| {
        let after = text.get(start..ceiling).unwrap_or_default();
        memchr::memchr(b'\n', after).map_or(ceiling, |newline| start + newline)
    };
    let line = |start: usize, end: usize| text.get(start..end).unwrap_or_default();
    let (mut start, mut end) = (line_start(at), line_end(at));
    let in_list = is_list_line(line(start, end));
    for _ in 0..MAX_LINES {
        if start <= floor {
            break;
        }
        let before = line_start(start - 1);
        let previous = line(before, start - 1);
        let belongs = is_continued(previous) || (in_list && is_list_line(previous));
        if !belongs {
            break;
        }
        start = before;
    }
    for _ in 0..MAX_LINES {
        if end >= ceiling {
            break;
        }
        let next = line_end(end + 1);
        let belongs = is_continued(line(start, end)) || (in_list && is_list_line(line(end + 1, next)));
        if !belongs {
            break;
        }
        end = next;
    }
    start..end
}

fn is_continued(line: &[u8]) -> bool {
    line.trim_ascii_end().ends_with(b"\\")
}

/// A line that is an entry of a list, or begins with an option.
fn is_list_line(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start(), [b'-' | b'"' | b'\'', _, ..])
}

/// The words of a logical line, one list for each command in it. Quotes and brackets only separate: what is
/// looked for has no blanks within, and code that is quoted in code is read like any other.
pub(in crate::analyzers::miner) fn commands(line: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut commands = vec![Vec::new()];
    let mut count = 0;
    let mut start = None;
    for (at, &byte) in line.iter().enumerate().chain([(line.len(), &b'\n')]) {
        // `2>&1` and `user@host;` end words; `&` and `;` within a word end commands.
        let ends_command = matches!(byte, b';' | b'|' | b'&');
        let ends_word = ends_command
            || byte.is_ascii_whitespace()
            || matches!(byte, b'"' | b'\'' | b'`' | b',' | b'[' | b']' | b'(' | b')' | b'\\' | b'<' | b'>');
        match (start, ends_word) {
            (None, false) => start = Some(at),
            (Some(from), true) => {
                start = None;
                let word = line.get(from..at).unwrap_or_default();
                // The sign of an entry in YAML.
                if word != b"-"
                    && let Some(words) = commands.last_mut()
                {
                    words.push(word);
                    count += 1;
                }
            }
            _ => {}
        }
        if ends_command && commands.last().is_some_and(|words| !words.is_empty()) {
            commands.push(Vec::new());
        }
        if count >= MAX_WORDS {
            break;
        }
    }
    commands.retain(|words| !words.is_empty());
    commands
}

/// Puts the values of the environment where a command names them: `$NAME`, `${NAME}`, `${NAME:-default}`.
pub(in crate::analyzers::miner) fn put_in<'e>(text: &str, value: impl Fn(&str) -> Option<&'e str>) -> String {
    /// Longer results are cut; no command is.
    const MAX_TEXT: usize = 32 << 10;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if out.len() > MAX_TEXT {
            return out;
        }
        let (name, default, left) = if let Some((inside, left)) =
            after.strip_prefix('{').and_then(|inside| inside.split_once('}'))
        {
            let end = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inside.len());
            let (name, default) = inside.split_at_checked(end).unwrap_or((inside, ""));
            (name, default.trim_start_matches([':', '-', '=']), left)
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            let (name, left) = after.split_at_checked(end).unwrap_or((after, ""));
            (name, "", left)
        };
        match value(name) {
            Some(value) => out.push_str(value.get(..value.len().min(MAX_TEXT)).unwrap_or_default()),
            None if !default.is_empty() => out.push_str(default),
            None => {
                out.push('$');
                out.push_str(name);
            }
        }
        rest = left;
    }
    out.push_str(rest);
    out
}
