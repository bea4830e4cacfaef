use super::super::{MAX_TEXT, Piece, Word};
use super::shell::Shell;

/// Words as they are put together: quotes join, blanks inside an unquoted variable split.
#[derive(Default)]
struct Builder {
    done: Vec<Word>,
    current: Word,
    /// Whether the current word exists although it may be empty, as `""` does.
    begun: bool,
    /// Text put in so far.
    size: usize,
}

impl Builder {
    fn piece(&mut self, piece: Piece) {
        self.begun = true;
        if let Piece::Text(text) = &piece {
            self.size += text.len();
        }
        self.current.push(if self.size > MAX_TEXT { Piece::Unknown } else { piece });
    }

    fn text(&mut self, text: &[u8]) {
        if !text.is_empty() {
            self.piece(Piece::Text(text.to_vec()));
        }
    }

    fn split(&mut self) {
        /// Splitting doubles words where a variable is doubled; no command needs more.
        const MAX_WORDS: usize = 64;
        if self.begun && self.done.len() < MAX_WORDS {
            self.done.push(std::mem::take(&mut self.current));
        }
        self.current = Word::default();
        self.begun = false;
    }

    fn value(&mut self, value: &[Word], quoted: bool) {
        for (number, word) in value.iter().enumerate() {
            if number > 0 {
                self.split();
            }
            self.begun |= quoted;
            for piece in &word.0 {
                match piece {
                    Piece::Text(text) if !quoted => {
                        for (number, part) in text.split(u8::is_ascii_whitespace).enumerate() {
                            if number > 0 {
                                self.split();
                            }
                            self.text(part);
                        }
                    }
                    piece => self.piece(piece.clone()),
                }
            }
        }
    }
}

impl Shell<'_> {
    /// Reads one word; an unquoted variable can make it several or none.
    pub(super) fn words(&mut self) -> Vec<Word> {
        let mut words = Builder::default();
        if self.peek(0) == Some(b'~') && !self.peek(1).is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            self.at += 1;
            words.piece(Piece::Variable(b"HOME".to_vec(), None));
        }
        self.read_until(&mut words, |byte| {
            matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
        });
        words.split();
        words.done
    }

    /// Reads one word without splitting, as an assignment does.
    pub(super) fn joined_words(&mut self) -> Word {
        let mut joined = Word::default();
        for (number, word) in self.words().iter().enumerate() {
            if number > 0 {
                joined.push(Piece::Text(b" ".to_vec()));
            }
            joined.extend(word);
        }
        joined
    }

    fn read_until(&mut self, words: &mut Builder, ends: impl Fn(u8) -> bool) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\'' => {
                    let rest = self.text.get(self.at + 1..).unwrap_or_default();
                    let len = memchr::memchr(b'\'', rest).unwrap_or(rest.len());
                    self.take_quoted(words, len);
                    self.at += 1;
                }
                b'"' => {
                    self.at += 1;
                    self.double_quoted(words);
                }
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') => self.line += 1,
                        Some(next) => words.text(&[next]),
                        None => {}
                    }
                    self.at += 2;
                }
                b'$' => self.dollar(words, false),
                b'`' => self.backticks(words),
                byte if ends(byte) => break,
                _ => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let special =
                        |&byte: &u8| matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`') || ends(byte);
                    let len = rest.iter().position(special).unwrap_or(rest.len());
                    words.text(rest.get(..len).unwrap_or_default());
                    self.at += len;
                }
            }
        }
        self.at = self.at.min(self.text.len());
    }

    /// Takes the next bytes after the one under the cursor as they are.
    fn take_quoted(&mut self, words: &mut Builder, len: usize) {
        let text = self.text.get(self.at + 1..self.at + 1 + len).unwrap_or_default();
        self.line += u32::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(0);
        words.begun = true;
        words.text(text);
        self.at += 1 + len;
    }

    fn double_quoted(&mut self, words: &mut Builder) {
        words.begun = true;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'\\' => {
                    match self.peek(1) {
                        Some(b'\n') => self.line += 1,
                        Some(next @ (b'$' | b'`' | b'"' | b'\\')) => words.text(&[next]),
                        Some(next) => words.text(&[b'\\', next]),
                        None => {}
                    }
                    self.at += 2;
                }
                b'$' => self.dollar(words, true),
                b'`' => self.backticks(words),
                _ => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'$' | b'`');
                    let len = rest.iter().position(special).unwrap_or(rest.len());
                    let text = rest.get(..len).unwrap_or_default();
                    self.line += u32::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(0);
                    words.text(text);
                    self.at += len;
                }
            }
        }
    }

    fn dollar(&mut self, words: &mut Builder, quoted: bool) {
        self.at += 1;
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.first() {
            Some(b'(') if rest.get(1) == Some(&b'(') => {
                self.skip_arithmetic();
                words.piece(Piece::Unknown);
            }
            Some(b'(') => {
                self.at += 1;
                let start = self.at;
                let stream = self.out.stream();
                self.captured(stream);
                let inner = self.text.get(start..self.at.saturating_sub(1)).unwrap_or_default();
                words.piece(output_of(inner, stream));
            }
            Some(b'{') => {
                self.at += 1;
                self.braces(words, quoted);
            }
            Some(b'\'') if !quoted => self.escaped_quote(words),
            Some(b'"') if !quoted => {}
            Some(b'@' | b'*') => {
                self.at += 1;
                words.piece(Piece::Arguments);
            }
            Some(b'?' | b'$' | b'!' | b'#' | b'-') => {
                self.at += 1;
                words.piece(Piece::Unknown);
            }
            Some(digit @ b'0'..=b'9') => {
                self.at += 1;
                words.piece(Piece::Variable(vec![*digit], None));
            }
            Some(_) => {
                let len = name_len(rest);
                self.at += len;
                match rest.get(..len) {
                    Some(name) if len > 0 => self.variable(words, name, None, quoted),
                    _ => words.text(b"$"),
                }
            }
            None => words.text(b"$"),
        }
    }

    fn variable(&mut self, words: &mut Builder, name: &[u8], default: Option<Vec<u8>>, quoted: bool) {
        if name == b"BASH_SOURCE" || name == b"0" {
            words.piece(Piece::Variable(b"0".to_vec(), None));
            return;
        }
        match self.variables.get(name) {
            Some(value) => words.value(value, quoted),
            None => words.piece(Piece::Variable(name.to_vec(), default)),
        }
    }

    /// `${…}`, whose brace is read.
    fn braces(&mut self, words: &mut Builder, quoted: bool) {
        let start = self.at;
        self.skip_braces();
        let inner = self.text.get(start..self.at.saturating_sub(1)).unwrap_or_default();
        let len = match inner.first() {
            Some(b'@' | b'*') => 1,
            Some(b'0'..=b'9') => inner.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => name_len(inner),
        };
        let (name, operation) = inner.split_at_checked(len).unwrap_or_default();
        let script = name == b"0" || name == b"BASH_SOURCE";
        let operation = match operation {
            rest if script => rest.strip_prefix(b"[0]").unwrap_or(rest),
            rest => rest,
        };
        match operation {
            _ if name.is_empty() => words.piece(Piece::Unknown),
            b"" if matches!(name, b"@" | b"*") => words.piece(Piece::Arguments),
            b"" | b"[@]" | b"[*]" => self.variable(words, name, None, quoted),
            b"%/*" if script => words.piece(Piece::Directory),
            [b':', b'-' | b'=', default @ ..] | [b'-' | b'=', default @ ..] => {
                let computed = default.iter().any(|byte| matches!(byte, b'$' | b'`'));
                let plain =
                    default.iter().copied().filter(|byte| !matches!(byte, b'"' | b'\'' | b'\\')).collect();
                self.variable(words, name, (!computed).then_some(plain), quoted);
            }
            _ => words.piece(Piece::Unknown),
        }
    }

    /// Passes over the rest of `${…}` and its closing brace.
    fn skip_braces(&mut self) {
        let mut open = 1_u32;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'\n' => self.line += 1,
                b'{' => open += 1,
                b'}' => open -= 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
        self.at = self.at.min(self.text.len());
    }

    /// `$'…'`: escapes spell bytes, which is one way to hide a path from a search for it.
    fn escaped_quote(&mut self, words: &mut Builder) {
        self.at += 1;
        words.begun = true;
        let mut text = Vec::new();
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'\'' => break,
                b'\\' => {
                    let Some(code) = self.peek(0) else { break };
                    self.at += 1;
                    match code {
                        b'n' => text.push(b'\n'),
                        b't' => text.push(b'\t'),
                        b'x' => text.push(self.number(16, 2)),
                        b'0'..=b'7' => {
                            self.at -= 1;
                            text.push(self.number(8, 3));
                        }
                        other => text.push(other),
                    }
                }
                b'\n' => {
                    self.line += 1;
                    text.push(byte);
                }
                _ => text.push(byte),
            }
        }
        words.text(&text);
    }

    fn number(&mut self, radix: u32, digits: usize) -> u8 {
        let mut value = 0_u32;
        for _ in 0..digits {
            let Some(digit) = self.peek(0).and_then(|byte| char::from(byte).to_digit(radix)) else { break };
            value = value * radix + digit;
            self.at += 1;
        }
        (value & 0xff) as u8
    }

    fn backticks(&mut self, words: &mut Builder) {
        self.at += 1;
        let mut inner = Vec::new();
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'`' => break,
                b'\\' if matches!(self.peek(0), Some(b'`' | b'\\' | b'$')) => {
                    inner.extend(self.peek(0));
                    self.at += 1;
                }
                _ => inner.push(byte),
            }
        }
        let stream = self.out.stream();
        self.apart(&inner, stream);
        self.line += u32::try_from(memchr::memchr_iter(b'\n', &inner).count()).unwrap_or(0);
        words.piece(output_of(&inner, stream));
    }
}

fn name_len(text: &[u8]) -> usize {
    match text.first() {
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
            text.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count()
        }
        _ => 0,
    }
}

/// What a command prints, for the few that scripts ask for their own place or for the path of a program.
fn output_of(commands: &[u8], stream: u32) -> Piece {
    let has = |text: &[u8]| memchr::memmem::find(commands, text).is_some();
    let of_script = has(b"$0") || has(b"${0") || has(b"BASH_SOURCE");
    if of_script && (has(b"dirname") || has(b"%/*")) {
        return Piece::Directory;
    }
    if of_script && (has(b"readlink") || has(b"realpath")) {
        return Piece::Variable(b"0".to_vec(), None);
    }
    let words: Vec<_> = commands.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
    match words.as_slice() {
        [b"command", b"-v", name] | [b"which", name] | [b"type", b"-p", name]
            if name
                .iter()
                .all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')) =>
        {
            Piece::Text(name.to_vec())
        }
        _ => Piece::Output(stream),
    }
}
