use super::super::{Language, Run, RunKind, Word};
use super::Reading;
use crate::Signs;
use crate::decode::{CHILD_PROCESS, may_start_programs};
use memchr::memmem;

/// Reads which programs a script in another language runs, where they stand in the call as literals.
pub(in super::super) fn read(language: Language, text: &[u8], signs: &Signs) -> Reading {
    let mut reading = Reading::default();
    let mut found: Vec<(usize, Vec<Word>, RunKind)> = Vec::new();
    // `exec` of a regular expression and `spawn` of a game are everywhere; only this module runs programs.
    let relevant = language != Language::JavaScript
        || may_start_programs(signs) && memmem::find(text, CHILD_PROCESS.as_bytes()).is_some();
    let functions = if relevant { functions(language) } else { &[] };
    for function in functions {
        for at in memmem::find_iter(text, function.as_bytes()).take(MAX_CALLS) {
            if let Some(words) = literal_call(language, text, at, function.len()) {
                let replaces = *function == "exec" && matches!(language, Language::Perl | Language::Ruby);
                found.push((at, words, if replaces { RunKind::Exec } else { RunKind::Spawn }));
            }
        }
    }
    if matches!(language, Language::Perl | Language::Ruby | Language::Php) {
        found.extend(backticks(text).map(|(at, command)| (at, shell_line(command), RunKind::Spawn)));
    }
    found.sort_by_key(|(at, ..)| *at);
    let (mut line, mut counted) = (1, 0);
    for (at, words, kind) in found {
        let lines = memchr::memchr_iter(b'\n', text.get(counted..at).unwrap_or_default()).count();
        line += u32::try_from(lines).unwrap_or(0);
        counted = at;
        reading.run(Run { line, kind, words, directory: Word::default() });
    }
    if language == Language::JavaScript {
        relative_modules(text, &mut reading);
    }
    reading
}

/// More calls of one function than any script has; the bound keeps the reading linear.
const MAX_CALLS: usize = 4096;
/// Longest literal that can be a command.
const MAX_LITERAL: usize = 4096;
/// Most words of one call.
const MAX_WORDS: usize = 64;

fn functions(language: Language) -> &'static [&'static str] {
    match language {
        Language::JavaScript => {
            &["exec", "execSync", "spawn", "spawnSync", "execFile", "execFileSync", "fork"]
        }
        Language::Perl => &["system", "exec"],
        Language::Ruby => &["system", "exec", "spawn"],
        Language::Php => &["system", "exec", "shell_exec", "passthru", "popen", "proc_open", "pcntl_exec"],
        Language::Lua => &["os.execute", "io.popen"],
        _ => &[],
    }
}

fn shell_line(command: Vec<u8>) -> Vec<Word> {
    vec![Word::text("sh"), Word::text("-c"), Word::text(command)]
}

/// The words of the call whose function's name starts at `at`.
fn literal_call(language: Language, text: &[u8], at: usize, len: usize) -> Option<Vec<Word>> {
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(in_name) {
        return None;
    }
    let mut rest = text.get(at + len..)?.trim_ascii_start();
    match rest.strip_prefix(b"(") {
        Some(after) => rest = after,
        None if matches!(language, Language::Perl | Language::Ruby) => {}
        None => return None,
    }
    let mut words = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        // The list of arguments in JavaScript and in PHP's pcntl_exec.
        rest = rest.strip_prefix(b"[").unwrap_or(rest).trim_ascii_start();
        let Some((literal, after)) = literal(rest) else { break };
        words.push(literal);
        rest = after.trim_ascii_start();
        match rest.strip_prefix(b",") {
            Some(after) if words.len() < MAX_WORDS => rest = after,
            _ => break,
        }
    }
    let whole = !matches!(rest.first(), Some(b'+' | b'.'));
    match words.len() {
        0 => None,
        1 => {
            let mut line = words.pop()?;
            if !whole {
                // What follows is computed; the program is known where a blank ends it.
                line.truncate(line.iter().rposition(u8::is_ascii_whitespace)?);
            }
            Some(shell_line(line))
        }
        _ => Some(words.into_iter().map(Word::text).collect()),
    }
}

/// A string literal without anything computed in it, and what follows.
fn literal(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let quote = *text.first().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'))?;
    let mut value = Vec::new();
    let mut bytes = text.iter().enumerate().skip(1);
    while let Some((at, &byte)) = bytes.next() {
        match byte {
            _ if byte == quote => return Some((value, text.get(at + 1..)?)),
            b'\\' => match bytes.next()?.1 {
                b'n' => value.push(b'\n'),
                b't' => value.push(b'\t'),
                other => value.push(*other),
            },
            b'\n' if quote != b'`' => return None,
            b'$' if quote == b'`' && text.get(at + 1) == Some(&b'{') => return None,
            _ => value.push(byte),
        }
        if value.len() > MAX_LITERAL {
            return None;
        }
    }
    None
}

/// Commands between backticks on one line.
fn backticks(text: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let open = at + memchr::memchr(b'`', text.get(at..)?)?;
            let rest = text.get(open + 1..)?;
            let len = memchr::memchr2(b'`', b'\n', rest)?;
            at = open + len + 2;
            if rest.get(len) == Some(&b'`') && (1..=MAX_LITERAL).contains(&len) {
                return Some((open, rest.get(..len)?.to_vec()));
            }
        }
    })
    .take(MAX_CALLS)
}

/// Paths of modules beside a JavaScript file: `require("./x")`, `import("./x")`, `from "./x"`.
fn relative_modules(text: &[u8], reading: &mut Reading) {
    /// Most blanks between a word and the path.
    const FAR: usize = 256;
    let mut found = 0;
    for at in memmem::find_iter(text, b"./") {
        let above = at.checked_sub(1).filter(|&before| text.get(before) == Some(&b'.'));
        let Some(quote) = above.unwrap_or(at).checked_sub(1) else { continue };
        if !matches!(text.get(quote), Some(b'"' | b'\'' | b'`')) {
            continue;
        }
        let before = text.get(quote.saturating_sub(FAR)..quote).unwrap_or_default();
        let word = before.trim_ascii_end();
        let blank = before.get(word.len()) == Some(&b' ');
        let names = word.ends_with(b"require(")
            || word.ends_with(b"import(")
            || word.ends_with(b"from") && (blank || word.len() == before.len())
            || word.ends_with(b"import") && blank;
        if names && let Some((path, _)) = text.get(quote..).and_then(literal) {
            reading.import(&path);
            found += 1;
            if found == MAX_CALLS {
                return;
            }
        }
    }
}
