use super::{Runner, shell};
use memchr::memmem;

/// In which language a text is written, as far as it shows; a name is not asked, since whoever runs a file need
/// not look at its name.
pub(super) fn language(text: &[u8]) -> Option<Runner> {
    let head = text.get(..text.len().min(64 << 10)).unwrap_or_default();
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
        return line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty() && !word.starts_with(b"-"))
            .find_map(shell::interpreter);
    }
    let has = |word: &str| memmem::find(head, word.as_bytes()).is_some();
    let begins = |word: &str| head.starts_with(word.as_bytes()) || has(&format!("\n{word}"));
    if has("<?php") {
        return Some(Runner::Php);
    }
    if begins("use strict;") || begins("my $") || begins("use MIME::") {
        return Some(Runner::Perl);
    }
    if has("__import__(") {
        return Some(Runner::Python);
    }
    if ["require(", "const ", "var ", "let ", " => ", ")=>", "function("].iter().any(|sign| has(sign)) {
        // Shells have `let` and Python lambdas have no arrows; Python imports.
        if !begins("import ") || has("import {") || has(" from '") || has(" from \"") {
            return (!has(" -d ") && !has("| ")).then_some(Runner::JavaScript);
        }
    }
    let python = begins("import ") || begins("from ") || has("__import__") || has("lambda ") || has("\ndef ");
    python.then_some(Runner::Python)
}

/// Whether a text is one JSON value and nothing else: every literal of it stands there as it is, and no expression joins
/// them. Maps of sources and lists of packages are a tenth of all text.
pub(super) fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'['))
        && serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok()
}

/// Whether a text that looks like JavaScript may be Python with a comment or a string in another language.
pub(super) fn may_be_python(text: &[u8]) -> bool {
    let has = |word: &str| memmem::find(text, word.as_bytes()).is_some();
    text.starts_with(b"from ") || has("\nfrom ") || has("def ") || has("lambda ") || has("\nimport ")
}
