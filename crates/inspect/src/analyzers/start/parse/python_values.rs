use super::super::{MAX_TEXT, Piece, Word};
use super::MAX_VARIABLES;
use super::python_tokens::{Part, Token, TokenKind};
use std::collections::HashMap;

/// What an expression is, as far as it can be told without running it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A text or a path.
    Text(Word),
    /// A list or tuple of texts.
    List(Vec<Word>),
    /// Anything else.
    Unknown,
}

/// Deepest nesting of an expression that is followed.
const MAX_DEPTH: u32 = 16;
/// Most members of a list that are kept.
const MAX_LIST: usize = 64;

/// Names that a script binds.
#[derive(Debug, Default)]
pub(super) struct Names<'t> {
    /// Constants, by dotted name.
    values: HashMap<Vec<u8>, Value>,
    /// What imported names stand for: `o` for `os`, `call` for `subprocess.call`.
    pub(super) aliases: HashMap<&'t [u8], Vec<u8>>,
    /// Memory that constants were given so far.
    bound: usize,
}

/// The arguments of a call.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) values: Vec<Value>,
    pub(super) directory: Word,
}

impl Value {
    pub(super) fn into_word(self) -> Word {
        match self {
            Self::Text(word) => word,
            Self::List(_) | Self::Unknown => unknown(),
        }
    }

    /// A list of bounded length and size.
    fn list(mut list: Vec<Word>) -> Self {
        let sizes = list.iter().take(MAX_LIST).scan(0, |size, word| {
            *size += word.size();
            Some(*size)
        });
        let len = sizes.take_while(|&size| size <= MAX_TEXT).count();
        list.truncate(len);
        Self::List(list)
    }

    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Text(mut word), Self::Text(more)) => {
                word.extend(&more);
                Self::Text(word)
            }
            (Self::Text(mut word), Self::Unknown) => {
                word.push(Piece::Unknown);
                Self::Text(word)
            }
            (Self::List(mut list), Self::List(more)) => {
                list.extend(more);
                Self::list(list)
            }
            // What follows a known start of a command line does not change its program.
            (Self::List(list), Self::Unknown) => Self::List(list),
            _ => Self::Unknown,
        }
    }
}

fn unknown() -> Word {
    Word(vec![Piece::Unknown])
}

impl Names<'_> {
    /// Binds a constant; when too much is bound, it becomes unknown.
    pub(super) fn set(&mut self, name: Vec<u8>, mut value: Value) {
        self.bound += name.len()
            + match &value {
                Value::Text(word) => word.size(),
                Value::List(list) => list.iter().map(Word::size).sum(),
                Value::Unknown => 0,
            };
        if self.bound > MAX_VARIABLES {
            value = Value::Unknown;
        }
        self.values.insert(name, value);
    }

    /// A dotted name with its first part replaced by what was imported under it.
    pub(super) fn meaning(&self, name: &[u8]) -> Vec<u8> {
        let end = memchr::memchr(b'.', name).unwrap_or(name.len());
        let (first, rest) = name.split_at(end);
        match self.aliases.get(first) {
            Some(meaning) => [meaning, rest].concat(),
            None => name.to_vec(),
        }
    }

    /// The dotted name that starts at a token, and the index after it.
    pub(super) fn dotted(tokens: &[Token<'_>], mut at: usize) -> (Vec<u8>, usize) {
        let mut name = Vec::new();
        while let Some(TokenKind::Name(part)) = tokens.get(at).map(|token| &token.kind) {
            name.extend_from_slice(part);
            at += 1;
            let dot = matches!(tokens.get(at).map(|token| &token.kind), Some(TokenKind::Mark(b'.', _)));
            let more = matches!(tokens.get(at + 1).map(|token| &token.kind), Some(TokenKind::Name(_)));
            if !dot || !more || name.len() > 200 {
                break;
            }
            name.push(b'.');
            at += 1;
        }
        (name, at)
    }

    /// The arguments between the bracket at `open` and the one that closes it.
    pub(super) fn arguments(&self, tokens: &[Token<'_>], open: usize, depth: u32) -> Arguments {
        let mut arguments = Arguments::default();
        let end = close_of(tokens, open);
        let mut at = open + 1;
        while at < end && arguments.values.len() < MAX_LIST {
            let keyword =
                match (tokens.get(at).map(|token| &token.kind), mark(tokens, at + 1), mark(tokens, at + 2)) {
                    (Some(TokenKind::Name(name)), Some(b'='), next) if next != Some(b'=') => Some(*name),
                    _ => None,
                };
            at += if keyword.is_some() { 2 } else { 0 };
            // `*list` passes the members of a list as arguments.
            let spread = mark(tokens, at) == Some(b'*');
            at += usize::from(spread);
            let value = self.value(tokens, &mut at, end, depth + 1);
            match (keyword, value) {
                (None, Value::List(list)) if spread => {
                    arguments.values.extend(list.into_iter().map(Value::Text))
                }
                (None | Some(b"args" | b"path" | b"name" | b"file"), value) => arguments.values.push(value),
                (Some(b"cwd"), Value::Text(word)) => arguments.directory = word,
                _ => {}
            }
            at = next_comma(tokens, at, end) + 1;
        }
        arguments
    }

    /// The value of the expression at `at`, which is left behind it; `end` is not crossed.
    pub(super) fn value(&self, tokens: &[Token<'_>], at: &mut usize, end: usize, depth: u32) -> Value {
        if depth > MAX_DEPTH {
            return Value::Unknown;
        }
        let mut value = self.operand(tokens, at, end, depth);
        while *at < end {
            match mark(tokens, *at) {
                Some(b'+') => {
                    *at += 1;
                    value = value.joined(self.operand(tokens, at, end, depth));
                }
                Some(b'/') => {
                    *at += 1;
                    let (Value::Text(one), Value::Text(other)) =
                        (value, self.operand(tokens, at, end, depth))
                    else {
                        return Value::Unknown;
                    };
                    value = Value::Text(join(one, &other));
                }
                Some(b',' | b')' | b']' | b'}' | b':') => return value,
                None if matches!(tokens.get(*at).map(|token| &token.kind), Some(TokenKind::Newline)) => {
                    return value;
                }
                // A conditional expression, a formatted text, arithmetic.
                _ => return Value::Unknown,
            }
        }
        value
    }

    fn operand(&self, tokens: &[Token<'_>], at: &mut usize, end: usize, depth: u32) -> Value {
        let mut value = match tokens.get(*at).map(|token| &token.kind) {
            Some(TokenKind::Text(_)) => {
                let mut word = Word::default();
                while let Some(TokenKind::Text(parts)) = tokens.get(*at).map(|token| &token.kind) {
                    self.text(parts, &mut word);
                    *at += 1;
                }
                Value::Text(word)
            }
            Some(TokenKind::Mark(open @ (b'(' | b'['), _)) => {
                let start = *at;
                let close = close_of(tokens, start).min(end);
                *at = close + 1;
                self.group(tokens, start + 1, close, *open == b'[', depth)
            }
            Some(TokenKind::Name(_)) => self.named(tokens, at, end, depth),
            _ => {
                *at += 1;
                Value::Unknown
            }
        };
        while *at < end && mark(tokens, *at) == Some(b'.') {
            let Some(TokenKind::Name(method)) = tokens.get(*at + 1).map(|token| &token.kind) else { break };
            *at += 2;
            let arguments = (mark(tokens, *at) == Some(b'(')).then(|| {
                let arguments = self.arguments(tokens, *at, depth);
                *at = close_of(tokens, *at).min(end) + 1;
                arguments
            });
            value = method_of(value, method, arguments);
        }
        value
    }

    /// A parenthesised expression, a tuple or a list.
    fn group(&self, tokens: &[Token<'_>], mut at: usize, end: usize, list: bool, depth: u32) -> Value {
        let mut members = Vec::new();
        let mut tuple = list;
        while at < end && members.len() < MAX_LIST {
            let spread = mark(tokens, at) == Some(b'*');
            at += usize::from(spread);
            let value = self.value(tokens, &mut at, end, depth + 1);
            let comma = next_comma(tokens, at, end);
            tuple |= comma < end;
            at = comma + 1;
            match value {
                Value::List(list) if spread => members.extend(list.into_iter().map(Value::Text)),
                value => members.push(value),
            }
        }
        match members.pop() {
            Some(only) if !tuple => only,
            last => Value::list(members.into_iter().chain(last).map(Value::into_word).collect()),
        }
    }

    /// A name, or a call or look-up by name.
    fn named(&self, tokens: &[Token<'_>], at: &mut usize, end: usize, depth: u32) -> Value {
        let (name, after) = Self::dotted(tokens, *at);
        *at = after;
        let meaning = self.meaning(&name);
        let open = mark(tokens, after);
        if *at >= end || !matches!(open, Some(b'(' | b'[')) {
            // A method of a constant reads as a dotted name: `HERE.parent`.
            return self.constant(&name, &meaning);
        }
        let arguments = self.arguments(tokens, after, depth);
        *at = close_of(tokens, after).min(end) + 1;
        if open == Some(b'[') {
            return match (meaning.as_slice(), arguments.values.into_iter().next()) {
                (b"os.environ", Some(Value::Text(name))) => environment(&name, None),
                (b"sys.argv", _) => Value::Text(Word(vec![Piece::Unknown])),
                _ => Value::Unknown,
            };
        }
        let mut values = arguments.values.into_iter();
        let first = values.next();
        match (meaning.as_slice(), first) {
            (
                b"os.path.join" | b"Path" | b"pathlib.Path" | b"PurePath" | b"pathlib.PurePath",
                Some(Value::Text(first)),
            ) => Value::Text(values.fold(first, |path, next| join(path, &next.into_word()))),
            (b"os.path.dirname", Some(Value::Text(path))) => Value::Text(parent(path)),
            (
                b"os.path.abspath"
                | b"os.path.realpath"
                | b"os.path.normpath"
                | b"os.path.expanduser"
                | b"str"
                | b"os.fspath"
                | b"shlex.quote",
                Some(value),
            ) => value,
            (b"shlex.split", Some(Value::Text(word))) => split(&word),
            (b"list" | b"tuple", Some(value)) => value,
            (b"os.getcwd", _) => Value::Text(Word::text(".")),
            (b"os.environ.get" | b"os.getenv", Some(Value::Text(name))) => {
                let default = values.next().map(Value::into_word);
                environment(&name, default.as_ref().and_then(Word::as_text))
            }
            (_, first) => match name.iter().rposition(|&byte| byte == b'.') {
                // A method of a constant: `COMMAND.split()`.
                Some(dot) => {
                    let (owner, method) = name.split_at(dot);
                    let arguments = Arguments {
                        values: first.into_iter().chain(values).collect(),
                        ..Arguments::default()
                    };
                    let owner = self.values.get(owner).cloned().unwrap_or(Value::Unknown);
                    method_of(owner, method.get(1..).unwrap_or_default(), Some(arguments))
                }
                None => Value::Unknown,
            },
        }
    }

    fn constant(&self, name: &[u8], meaning: &[u8]) -> Value {
        match meaning {
            b"__file__" => Value::Text(Word(vec![Piece::Variable(b"0".to_vec(), None)])),
            b"sys.executable" => Value::Text(Word::text("python3")),
            b"os.sep" => Value::Text(Word::text("/")),
            _ => match (self.values.get(name), name.strip_suffix(b".parent")) {
                (Some(value), _) => value.clone(),
                (None, Some(owner)) => match self.values.get(owner) {
                    Some(Value::Text(path)) => Value::Text(parent(path.clone())),
                    _ => Value::Unknown,
                },
                _ => Value::Unknown,
            },
        }
    }

    fn text(&self, parts: &[Part<'_>], word: &mut Word) {
        for part in parts {
            match part {
                Part::Text(text) => word.push(Piece::Text(text.clone())),
                Part::Expression(name) => match self.values.get(name.trim_ascii()) {
                    Some(Value::Text(value)) => word.extend(&value.clone()),
                    _ => word.push(Piece::Unknown),
                },
            }
        }
    }
}

fn method_of(value: Value, method: &[u8], arguments: Option<Arguments>) -> Value {
    let first = arguments.and_then(|arguments| arguments.values.into_iter().next());
    match (method, value, first) {
        (b"split", Value::Text(word), None) => split(&word),
        (b"join", Value::Text(separator), Some(Value::List(list))) => {
            let mut joined = Word::default();
            for (number, word) in list.iter().enumerate() {
                if number > 0 {
                    joined.extend(&separator);
                }
                joined.extend(word);
            }
            Value::Text(joined)
        }
        (b"joinpath", Value::Text(path), Some(Value::Text(more))) => Value::Text(join(path, &more)),
        (b"parent", Value::Text(path), None) => Value::Text(parent(path)),
        (
            b"strip" | b"encode" | b"decode" | b"resolve" | b"absolute" | b"expanduser" | b"as_posix",
            value,
            _,
        ) => value,
        _ => Value::Unknown,
    }
}

fn environment(name: &Word, default: Option<&[u8]>) -> Value {
    match name.as_text() {
        Some(name) => Value::Text(Word(vec![Piece::Variable(name.to_vec(), default.map(<[u8]>::to_vec))])),
        None => Value::Unknown,
    }
}

fn split(word: &Word) -> Value {
    let mut list = vec![Word::default()];
    for piece in &word.0 {
        match piece {
            Piece::Text(text) => {
                for (number, part) in text.split(u8::is_ascii_whitespace).enumerate() {
                    if number > 0 && list.len() < MAX_LIST {
                        list.push(Word::default());
                    }
                    if let Some(last) = list.last_mut() {
                        last.push(Piece::Text(part.to_vec()));
                    }
                }
            }
            piece => {
                if let Some(last) = list.last_mut() {
                    last.push(piece.clone());
                }
            }
        }
    }
    list.retain(|word| !word.is_empty());
    Value::list(list)
}

/// `os.path.join`: an absolute second part replaces the first.
fn join(mut path: Word, next: &Word) -> Word {
    let absolute = match next.0.first() {
        Some(Piece::Text(text)) => text.starts_with(b"/"),
        Some(Piece::Directory) => true,
        _ => false,
    };
    if absolute {
        return next.clone();
    }
    path.push(Piece::Text(b"/".to_vec()));
    path.extend(next);
    path
}

fn parent(mut path: Word) -> Word {
    match path.0.last_mut() {
        Some(Piece::Variable(name, _)) if name == b"0" => Word(vec![Piece::Directory]),
        Some(Piece::Directory) => {
            path.push(Piece::Text(b"/..".to_vec()));
            path
        }
        Some(Piece::Text(text)) => match text.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => {
                text.truncate(slash);
                if text.is_empty() && path.0.len() == 1 {
                    return Word::text("/");
                }
                path.0.retain(|piece| !matches!(piece, Piece::Text(text) if text.is_empty()));
                path
            }
            None => unknown(),
        },
        _ => unknown(),
    }
}

pub(super) fn mark(tokens: &[Token<'_>], at: usize) -> Option<u8> {
    match tokens.get(at).map(|token| &token.kind) {
        Some(TokenKind::Mark(mark, _)) => Some(*mark),
        _ => None,
    }
}

/// The index of the bracket that closes the one at `open`; the end of the text where none does.
pub(super) fn close_of(tokens: &[Token<'_>], open: usize) -> usize {
    match tokens.get(open).map(|token| &token.kind) {
        Some(TokenKind::Mark(_, close)) if *close != usize::MAX => *close,
        _ => tokens.len(),
    }
}

/// The next comma outside inner brackets, or `end`.
fn next_comma(tokens: &[Token<'_>], mut at: usize, end: usize) -> usize {
    while at < end {
        match mark(tokens, at) {
            Some(b',') => return at,
            Some(b'(' | b'[' | b'{') => at = close_of(tokens, at).saturating_add(1),
            _ => at += 1,
        }
    }
    end
}
