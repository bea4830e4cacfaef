/// A token with the line it starts on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token<'t> {
    pub(super) line: u32,
    pub(super) kind: TokenKind<'t>,
}

/// What the reading of calls and constants needs of Python's grammar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind<'t> {
    /// A name or keyword.
    Name(&'t [u8]),
    /// A string literal.
    Text(Vec<Part<'t>>),
    /// A number.
    Number,
    /// Any other character. A bracket comes with the index of the token that closes it.
    Mark(u8, usize),
    /// The end of a statement's line; none inside brackets.
    Newline,
}

/// A part of a string literal.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part<'t> {
    /// Bytes.
    Text(Vec<u8>),
    /// What stands in the braces of an f-string.
    Expression(&'t [u8]),
}

/// Splits Python into tokens, in one pass and without ever failing: what is no Python gives tokens in which
/// nothing is recognised.
///
/// Source: The Python Language Reference, "Lexical analysis".
pub(super) fn tokens(text: &[u8]) -> Vec<Token<'_>> {
    let mut reader = Reader { text, at: 0, line: 1 };
    let mut tokens = Vec::with_capacity(text.len() / 6);
    let mut open: Vec<usize> = Vec::new();
    while let Some(byte) = reader.peek(0) {
        let line = reader.line;
        let kind = match byte {
            b' ' | b'\t' | b'\r' | b'\x0c' => {
                reader.at += 1;
                continue;
            }
            b'#' => {
                reader.skip_line();
                continue;
            }
            b'\\' if reader.peek(1) == Some(b'\n') => {
                reader.at += 2;
                reader.line += 1;
                continue;
            }
            b'\n' => {
                reader.at += 1;
                reader.line += 1;
                if !open.is_empty() {
                    continue;
                }
                TokenKind::Newline
            }
            b'"' | b'\'' => TokenKind::Text(reader.string(b"")),
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
                let name = reader.name();
                let quoted = matches!(reader.peek(0), Some(b'"' | b'\''));
                if quoted && name.len() <= 2 && name.iter().all(|byte| b"rRbBuUfF".contains(byte)) {
                    TokenKind::Text(reader.string(name))
                } else {
                    TokenKind::Name(name)
                }
            }
            b'0'..=b'9' => {
                reader.name();
                TokenKind::Number
            }
            mark => {
                reader.at += 1;
                match mark {
                    b'(' | b'[' | b'{' => open.push(tokens.len()),
                    b')' | b']' | b'}' => {
                        let here = tokens.len();
                        if let Some(Token { kind: TokenKind::Mark(_, close), .. }) =
                            open.pop().and_then(|start| tokens.get_mut(start))
                        {
                            *close = here;
                        }
                    }
                    _ => {}
                }
                TokenKind::Mark(mark, usize::MAX)
            }
        };
        tokens.push(Token { line, kind });
    }
    tokens
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    line: u32,
}

impl<'t> Reader<'t> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn name(&mut self) -> &'t [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest
            .iter()
            .take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80)
            .count();
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    /// Reads a string whose prefix is read and whose quote is under the cursor.
    fn string(&mut self, prefix: &[u8]) -> Vec<Part<'t>> {
        let raw = prefix.iter().any(|byte| matches!(byte, b'r' | b'R'));
        let formatted = prefix.iter().any(|byte| matches!(byte, b'f' | b'F'));
        let quote = self.peek(0).unwrap_or(b'"');
        let long = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        self.at += if long { 3 } else { 1 };
        let mut parts = Vec::new();
        let mut text = Vec::new();
        while let Some(byte) = self.peek(0) {
            match byte {
                byte if byte == quote
                    && (!long || (self.peek(1) == Some(quote) && self.peek(2) == Some(quote))) =>
                {
                    self.at += if long { 3 } else { 1 };
                    break;
                }
                // An unclosed string ends with its line, as it does for an editor.
                b'\n' if !long => break,
                b'\\' if !raw => self.escape(&mut text),
                b'\\' => {
                    text.push(byte);
                    text.extend(self.peek(1));
                    self.line += u32::from(self.peek(1) == Some(b'\n'));
                    self.at += 2;
                }
                b'{' if formatted && self.peek(1) == Some(b'{') => {
                    text.push(byte);
                    self.at += 2;
                }
                b'{' if formatted => {
                    let rest = self.text.get(self.at + 1..).unwrap_or_default();
                    let ends = |byte: &u8| matches!(byte, b'}' | b'\n') || *byte == quote;
                    let len = rest.iter().position(ends).unwrap_or(rest.len());
                    parts.push(Part::Text(std::mem::take(&mut text)));
                    parts.push(Part::Expression(rest.get(..len).unwrap_or_default()));
                    self.at += 1 + len + usize::from(rest.get(len) == Some(&b'}'));
                }
                _ => {
                    self.line += u32::from(byte == b'\n');
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at = self.at.min(self.text.len());
        parts.push(Part::Text(text));
        parts
    }

    fn escape(&mut self, text: &mut Vec<u8>) {
        let code = self.peek(1);
        self.at += 2;
        match code {
            Some(b'\n') => self.line += 1,
            Some(b'n') => text.push(b'\n'),
            Some(b't') => text.push(b'\t'),
            Some(b'x') => {
                let digits = self.text.get(self.at..self.at + 2).unwrap_or_default();
                let value =
                    std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                text.extend(value);
                self.at += digits.len();
            }
            Some(other) => text.push(other),
            None => {}
        }
    }
}
