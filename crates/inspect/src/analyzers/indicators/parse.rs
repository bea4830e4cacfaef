use super::MentionFacts;
use crate::analyzers::start::base_name;
use std::collections::HashSet;

/// Most names of one text that are kept.
const MAX_MENTIONS: usize = 4096;
/// Most bytes of them.
const MAX_BYTES: usize = 128 << 10;
/// Longest URL.
const MAX_URL: usize = 2048;
/// The shortest address of a currency.
const SHORTEST_WALLET: usize = 26;
/// Longest host name.
const MAX_HOST: usize = 253;

/// Whether words with dots in a text are mostly members of objects.
pub(crate) fn is_code(path: &[u8], text: &[u8]) -> bool {
    const ENDINGS: &[&[u8]] = &[
        b"py", b"pyi", b"js", b"mjs", b"cjs", b"ts", b"tsx", b"jsx", b"rb", b"php", b"pl", b"pm", b"lua",
        b"java", b"go", b"c", b"cc", b"cpp", b"h", b"hpp", b"rs", b"cs", b"css", b"scss", b"map", b"vue",
        b"el", b"r", b"jl", b"swift", b"kt", b"scala", b"tcl",
    ];
    let name = base_name(path);
    let ending = name.rsplit(|&byte| byte == b'.').next().filter(|ending| ending.len() < name.len());
    let first = text.get(..text.len().min(64)).unwrap_or_default().split(|&byte| byte == b'\n').next();
    let shell = first.is_some_and(|line| line.starts_with(b"#!") && line.trim_ascii_end().ends_with(b"sh"));
    !shell && ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// What a text names that could be on a list: URLs, addresses, hosts, wallets, in one pass. In code a host counts
/// only where a quote, a path, a user or a port shows that it is one.
pub(super) fn mentions(text: &[u8], code: bool) -> MentionFacts {
    let mut found = Found::default();
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(skipped) = rest.iter().position(|&byte| class(byte) != NONE)
    {
        let start = at + skipped;
        let mut seen = 0;
        let word = text.get(start..).unwrap_or_default().iter().take_while(|&&byte| {
            let class = class(byte);
            seen |= class;
            class != NONE
        });
        let end = start + word.count();
        // Most words have no dot, are too short for a wallet and no scheme: they cost no more than this.
        let dots = seen & DOT != 0;
        at = if dots || end - start >= SHORTEST_WALLET || text.get(end) == Some(&b':') {
            take_word(text, start, end, code, &mut found).max(end)
        } else {
            end
        };
        if found.cut {
            break;
        }
    }
    MentionFacts { network: found.network, wallets: found.wallets, cut: found.cut }
}

#[derive(Default)]
struct Found<'t> {
    seen: HashSet<&'t str>,
    network: String,
    wallets: String,
    cut: bool,
}

impl<'t> Found<'t> {
    fn push(&mut self, text: &'t str, wallet: bool) {
        if self.seen.contains(text) {
            return;
        }
        if self.seen.len() >= MAX_MENTIONS
            || self.network.len() + self.wallets.len() + text.len() >= MAX_BYTES
        {
            self.cut = true;
            return;
        }
        self.seen.insert(text);
        let kept = if wallet { &mut self.wallets } else { &mut self.network };
        if !kept.is_empty() {
            kept.push('\n');
        }
        kept.push_str(text);
    }
}

/// Not part of a word.
const NONE: u8 = 0;
/// Part of a word, and a dot.
const DOT: u8 = 2;
/// What each byte is: letters, digits, hyphens and underscores are 1.
const CLASSES: [u8; 256] = {
    let mut classes = [NONE; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() || byte as u8 == b'-' || byte as u8 == b'_' {
            classes[byte] = 1;
        }
        byte += 1;
    }
    classes[b'.' as usize] = DOT;
    classes
};

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(NONE)
}

/// Looks at one word, and gives where the next may begin.
fn take_word<'t>(text: &'t [u8], start: usize, end: usize, code: bool, found: &mut Found<'t>) -> usize {
    let after = text.get(end..).unwrap_or_default();
    if after.starts_with(b"://") && end - start <= 16 {
        return take_url(text, start, end + 3, found);
    }
    let mut start = start;
    let mut word = text.get(start..end).unwrap_or_default();
    while let [b'.' | b'-', rest @ ..] = word {
        word = rest;
        start += 1;
    }
    while let [rest @ .., b'.' | b'-'] = word {
        word = rest;
    }
    let end = start + word.len();
    if memchr::memchr(b'.', word).is_none() {
        if is_wallet(word) {
            found.push(str::from_utf8(word).unwrap_or_default(), true);
        }
        return end;
    }
    let address = is_address(word);
    if !address && !is_host(word) {
        return end;
    }
    let after = text.get(end..).unwrap_or_default();
    let before = start.checked_sub(1).and_then(|before| text.get(before).copied());
    let port = after
        .strip_prefix(b":")
        .map_or(0, |rest| rest.iter().take(6).take_while(|b| b.is_ascii_digit()).count());
    let shown = matches!(before, Some(b'"' | b'\'' | b'`' | b'/' | b'@'))
        || matches!(after.first(), Some(b'"' | b'\'' | b'`' | b'/'))
        || port > 0;
    let alone = before.is_none_or(|byte| byte.is_ascii_whitespace() || b"=,;:<>()[]{}|&$".contains(&byte))
        && after.first().is_none_or(|byte| byte.is_ascii_whitespace() || b",;:<>()[]{}|&\\".contains(byte));
    if !(shown || address || (alone && !code)) {
        return end;
    }
    let stop = end + if port > 0 { port + 1 } else { 0 };
    let rest = text.get(stop..).unwrap_or_default();
    let path = if rest.first() == Some(&b'/') { url_len(rest) } else { 0 };
    let whole = text.get(start..stop + path).and_then(|whole| str::from_utf8(whole).ok());
    match whole {
        Some(whole) => found.push(whole, false),
        None => found.push(str::from_utf8(word).unwrap_or_default(), false),
    }
    stop + path
}

/// A URL whose scheme begins at `start` and whose host at `host`.
fn take_url<'t>(text: &'t [u8], start: usize, host: usize, found: &mut Found<'t>) -> usize {
    let rest = text.get(host..).unwrap_or_default();
    let len = url_len(rest);
    let url = text.get(start..host + len).unwrap_or_default();
    let valid = url.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    if len > 0 && valid.len() > host - start {
        found.push(valid, false);
        // Mirrors and redirectors carry the URL that is meant in their own.
        let inner = memchr::memmem::rfind(valid.as_bytes(), b"://").unwrap_or(0);
        let scheme = valid.get(..inner).unwrap_or_default();
        let scheme = scheme.rfind(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(0) + 1;
        if start + inner > host
            && let Some(url) = valid.get(scheme..)
        {
            found.push(url, false);
        }
    }
    // What is beyond the longest URL is looked at for itself.
    host + len
}

/// How far a URL goes: up to what cannot be in one, without the punctuation of the sentence around it.
fn url_len(rest: &[u8]) -> usize {
    let rest = rest.get(..rest.len().min(MAX_URL)).unwrap_or_default();
    let ends =
        |byte: u8| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"\"'`<>\\{}|^)".contains(&byte);
    let mut len = rest.iter().position(|&byte| ends(byte)).unwrap_or(rest.len());
    while len > 0 && rest.get(len - 1).is_some_and(|byte| b".,;:!?]".contains(byte)) {
        len -= 1;
    }
    len
}

fn is_address(word: &[u8]) -> bool {
    word.len() <= 15
        && word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && str::from_utf8(word).is_ok_and(|word| word.parse::<std::net::Ipv4Addr>().is_ok())
}

fn is_host(word: &[u8]) -> bool {
    let last = word.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let ends = last.len() >= 2 && (last.starts_with(b"xn--") || last.iter().all(u8::is_ascii_alphabetic));
    ends && word.len() <= MAX_HOST
        && word.split(|&byte| byte == b'.').all(|label| (1..=63).contains(&label.len()))
}

/// The shape of an address of Monero or Bitcoin; whether it is one is not asked, as only listed ones count.
fn is_wallet(word: &[u8]) -> bool {
    let base58 = || word.iter().all(|byte| byte.is_ascii_alphanumeric() && !b"0OIl".contains(byte));
    match (word.first(), word.len()) {
        (Some(b'4' | b'8'), 95 | 106) | (Some(b'1' | b'3'), 26..=35) => base58(),
        (Some(b'b'), 42 | 62) => {
            word.starts_with(b"bc1")
                && word.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        }
        _ => false,
    }
}
