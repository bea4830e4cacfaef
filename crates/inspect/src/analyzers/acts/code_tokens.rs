use crate::analyzers::start::Language;
use std::borrow::Cow;
use std::cell::Cell;

/// A token with the line it starts on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) line: u32,
    pub(super) kind: Kind<'t>,
}

/// What the following of values needs of the grammars of scripting languages, which agree in so much.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind<'t> {
    /// A name, keyword or variable, with its `$`.
    Name(&'t [u8]),
    /// A string literal.
    Text(Cow<'t, [u8]>),
    /// A number.
    Number(&'t [u8]),
    /// `.`, `->` or `::` between names.
    Dot,
    /// An opening bracket and the index of the one that closes it.
    Open(u8, usize),
    /// A closing bracket.
    Close,
    /// `=` and its like, `+=`.
    Assign,
    /// What ends an expression: a comma, a semicolon, a line, the brace of a block.
    End,
    /// Any other character.
    Other(u8),
}

/// Most tokens of a script that are read.
const MAX_TOKENS: usize = 128 << 10;
/// Longest literal that is kept.
const MAX_LITERAL: usize = 4096;

/// Splits a script into tokens, in one pass and without ever failing. Whether it was read to its end comes too.
pub(super) fn tokens(language: Language, text: &[u8]) -> (Vec<Token<'_>>, bool) {
    let mut reader = Reader { language, text, at: 0, line: 1 };
    let mut list: Vec<Token<'_>> = LAST.take();
    list.reserve((text.len() / 6).min(MAX_TOKENS));
    let mut tokens = Tokens { list, open: Vec::new() };
    while let Some(line) = reader.skip_blanks() {
        if tokens.list.len() >= MAX_TOKENS {
            return (tokens.list, false);
        }
        if let Some(command) = reader.backticks() {
            // What stands between backticks is run: a call of its own.
            let call = [Kind::Name(b"`"), Kind::Open(b'(', usize::MAX), Kind::Text(command), Kind::Close];
            call.into_iter().for_each(|kind| tokens.push(line, kind));
        } else if let Some(kind) = reader.token(!tokens.open.is_empty()) {
            tokens.push(line, kind);
        }
    }
    (tokens.list, true)
}

thread_local! {
    /// Where the tokens of the last script were.
    static LAST: Cell<Vec<Token<'static>>> = const { Cell::new(Vec::new()) };
}

/// Gives tokens back. They take many times the room of their text, and memory that comes fresh from the system for each
/// script costs as much as reading it.
pub(super) fn give_back(mut tokens: Vec<Token<'_>>) {
    tokens.clear();
    // Nothing is left that borrows; collecting nothing keeps the room.
    LAST.set(tokens.into_iter().map_while(|_| None).collect());
}

struct Tokens<'t> {
    list: Vec<Token<'t>>,
    /// The brackets that are open.
    open: Vec<usize>,
}

impl<'t> Tokens<'t> {
    fn push(&mut self, line: u32, kind: Kind<'t>) {
        let here = self.list.len();
        match kind {
            Kind::Open(..) => self.open.push(here),
            Kind::Close => {
                if let Some(Token { kind: Kind::Open(_, close), .. }) =
                    self.open.pop().and_then(|at| self.list.get_mut(at))
                {
                    *close = here;
                }
            }
            _ => {}
        }
        self.list.push(Token { line, kind });
    }
}

struct Reader<'t> {
    language: Language,
    text: &'t [u8],
    at: usize,
    line: u32,
}

impl<'t> Reader<'t> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Passes over blanks and comments; the line of what follows, none at the end.
    fn skip_blanks(&mut self) -> Option<u32> {
        loop {
            let slashes = matches!(self.language, Language::JavaScript | Language::Php);
            let rest = self.text.get(self.at..).unwrap_or_default();
            match self.peek(0)? {
                b' ' | b'\t' | b'\r' | b'\x0c' => self.at += 1,
                b'\\' if self.peek(1) == Some(b'\n') => {
                    self.at += 2;
                    self.line += 1;
                }
                b'#' if !matches!(self.language, Language::JavaScript | Language::Lua) => self.skip_line(),
                b'/' if slashes && self.peek(1) == Some(b'/') => self.skip_line(),
                b'-' if self.language == Language::Lua && self.peek(1) == Some(b'-') => self.skip_line(),
                b'/' if slashes && self.peek(1) == Some(b'*') => {
                    let len = memchr::memmem::find(rest, b"*/").map_or(rest.len(), |at| at + 2);
                    self.line += lines(rest.get(..len).unwrap_or_default());
                    self.at += len;
                }
                _ => return Some(self.line),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    /// The command between the backticks that begin here, in the languages that run it.
    fn backticks(&mut self) -> Option<Cow<'t, [u8]>> {
        let runs = matches!(self.language, Language::Perl | Language::Ruby | Language::Php);
        (runs && self.peek(0) == Some(b'`')).then(|| self.string(b'`'))
    }

    /// The token that begins here; none for the end of a line inside brackets.
    fn token(&mut self, inside: bool) -> Option<Kind<'t>> {
        let byte = self.peek(0)?;
        Some(match byte {
            b'\n' => {
                self.at += 1;
                self.line += 1;
                if inside {
                    return None;
                }
                Kind::End
            }
            b'"' | b'\'' | b'`' => Kind::Text(self.string(byte)),
            byte if byte.is_ascii_alphabetic() || self.is_sigil(byte) && self.is_name(1) || byte >= 0x80 => {
                let name = self.name();
                let quoted = matches!(self.peek(0), Some(b'"' | b'\''));
                if quoted
                    && self.language == Language::Python
                    && name.len() <= 2
                    && name.iter().all(|byte| b"rRbBuUfF".contains(byte))
                {
                    let quote = self.peek(0).unwrap_or(b'"');
                    Kind::Text(self.string(quote))
                } else {
                    Kind::Name(name)
                }
            }
            b'0'..=b'9' => Kind::Number(self.name()),
            _ => {
                self.at += 1;
                let next = self.peek(0);
                match (byte, next) {
                    (b'-', Some(b'>')) | (b':', Some(b':')) => {
                        self.at += 1;
                        Kind::Dot
                    }
                    (b'.', Some(b'=')) | (b'+', Some(b'=')) => {
                        self.at += 1;
                        Kind::Assign
                    }
                    (b'.', _) => Kind::Dot,
                    (b'=', Some(b'=' | b'>' | b'~')) | (b'!' | b'<' | b'>', Some(b'=')) => {
                        self.at += 1;
                        Kind::Other(byte)
                    }
                    (b'=', _) => Kind::Assign,
                    (b'{', _) if self.language != Language::Python => Kind::End,
                    (b'}', _) if self.language != Language::Python => Kind::End,
                    (b'(' | b'[' | b'{', _) => Kind::Open(byte, usize::MAX),
                    (b')' | b']' | b'}', _) => Kind::Close,
                    (b',' | b';', _) => Kind::End,
                    _ => Kind::Other(byte),
                }
            }
        })
    }

    fn is_sigil(&self, byte: u8) -> bool {
        match byte {
            b'_' | b'$' => true,
            b'%' => self.language == Language::Perl,
            b'@' => matches!(self.language, Language::Perl | Language::Ruby),
            _ => false,
        }
    }

    fn is_name(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            || self.peek(0) == Some(b'_')
    }

    fn name(&mut self) -> &'t [u8] {
        let start = self.at;
        self.at += 1;
        while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads the string whose quote is under the cursor.
    fn string(&mut self, quote: u8) -> Cow<'t, [u8]> {
        // Most have neither escapes nor ends of lines.
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let end =
            memchr::memchr3(quote, b'\\', b'\n', rest.get(..rest.len().min(MAX_LITERAL)).unwrap_or_default());
        if let Some(end) = end.filter(|&end| end > 0 && rest.get(end) == Some(&quote)) {
            self.at += end + 2;
            return Cow::Borrowed(rest.get(..end).unwrap_or_default());
        }
        Cow::Owned(self.long_string(quote))
    }

    fn long_string(&mut self, quote: u8) -> Vec<u8> {
        let long =
            self.language == Language::Python && self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let many =
            long || quote == b'`' || matches!(self.language, Language::Php | Language::Perl | Language::Ruby);
        self.at += if long { 3 } else { 1 };
        let mut value = Vec::new();
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                _ if byte == quote
                    && (!long || (self.peek(0) == Some(quote) && self.peek(1) == Some(quote))) =>
                {
                    self.at += if long { 2 } else { 0 };
                    break;
                }
                b'\n' if !many => {
                    self.at -= 1;
                    break;
                }
                b'\\' => {
                    let code = self.peek(0).unwrap_or(b'\\');
                    self.at += 1;
                    self.line += u32::from(code == b'\n');
                    match code {
                        b'n' => value.push(b'\n'),
                        b't' => value.push(b'\t'),
                        b'x' => {
                            let digits = self.text.get(self.at..self.at + 2).unwrap_or_default();
                            let number = std::str::from_utf8(digits)
                                .ok()
                                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                            if let Some(number) = number {
                                value.push(number);
                                self.at += 2;
                            }
                        }
                        other => value.push(other),
                    }
                }
                _ => {
                    self.line += u32::from(byte == b'\n');
                    if value.len() < MAX_LITERAL {
                        value.push(byte);
                    }
                }
            }
        }
        self.at = self.at.min(self.text.len());
        value
    }
}

fn lines(text: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(0)
}
