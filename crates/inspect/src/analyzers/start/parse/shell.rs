use super::super::super::acts::{Call, Redirect};
use super::super::{MAX_TEXT, Piece, RunKind, Word};
use super::Reading;
use std::collections::{HashMap, HashSet};

/// Deepest nesting of command substitutions that is followed.
pub(super) const MAX_DEPTH: u32 = 16;
/// Most arguments of a command that are kept.
const MAX_WORDS: usize = 64;

/// Reads what a shell script runs: every command of every branch, with the variables that the script itself
/// determines put in. A shell decides while it runs; this reading errs towards too many commands.
///
/// Source: POSIX.1-2017, "Shell Command Language", and bash's additions that scripts use.
pub(in super::super) fn read(text: &[u8]) -> Reading {
    let mut shell = Shell::new(text, 0);
    shell.commands(false);
    shell.out
}

/// The state of a reading. Words are read in `shell_words`.
pub(super) struct Shell<'t> {
    pub(super) text: &'t [u8],
    pub(super) at: usize,
    pub(super) line: u32,
    pub(super) depth: u32,
    pub(super) variables: HashMap<Vec<u8>, Vec<Word>>,
    pub(super) out: Reading,
    pub(super) functions: HashSet<Vec<u8>>,
    pub(super) plain: HashSet<Vec<u8>>,
    pub(super) arguments: Vec<Vec<Word>>,
    pub(super) directory: Word,
    /// Here-documents whose bodies follow the line: their end, whether tabs before it count, their command.
    documents: Vec<(Vec<u8>, bool, Option<usize>)>,
    /// The stream that the commands of a substitution print into.
    pub(super) capture: Option<u32>,
    /// The stream that commands read from: that of the pipe into the block they stand in.
    pub(super) source: Option<u32>,
    /// The stream of a pipe whose reader comes next.
    pub(super) pipe: Option<u32>,
    /// Memory that variables were given so far.
    pub(super) bound: usize,
}

/// A command as far as it was read.
#[derive(Default)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    /// Whether the first word was written without quotes, so that it can be a reserved word.
    pub(super) bare: bool,
    pub(super) line: u32,
    pub(super) redirects: Vec<Redirect>,
}

/// A compound command that is open, with what is restored or looked at when it ends.
pub(super) enum Block {
    /// `( … )`: a directory changed inside is left at its end.
    Subshell { start: Mark, directory: Word },
    /// `case … esac`: a closing parenthesis ends a pattern, which stands before each list of commands.
    Case { start: Mark, pattern: bool },
    /// `{`, `if`, `while`, `until`, `for`, `select`.
    Other { start: Mark },
}

/// What had been read where a block began.
#[derive(Clone, Copy, Default)]
pub(super) struct Mark {
    pub(super) runs: usize,
    pub(super) calls: usize,
    /// What commands read from outside of the block.
    pub(super) source: Option<u32>,
}

impl<'t> Shell<'t> {
    pub(super) fn new(text: &'t [u8], depth: u32) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
            depth,
            variables: HashMap::new(),
            out: Reading::default(),
            functions: HashSet::new(),
            plain: HashSet::new(),
            arguments: Vec::new(),
            directory: Word::default(),
            documents: Vec::new(),
            capture: None,
            source: None,
            pipe: None,
            bound: 0,
        }
    }

    pub(super) fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    /// Reads commands to the end of the text, or of a command substitution.
    pub(super) fn commands(&mut self, nested: bool) {
        let mut command = Command::default();
        let mut blocks = Vec::new();
        let mut ended = None;
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == Some(b'\n') => {
                    self.at += 2;
                    self.line += 1;
                }
                b'\n' => {
                    self.finish(&mut command, &mut blocks, &mut ended, RunKind::Spawn);
                    self.at += 1;
                    self.line += 1;
                    self.skip_documents();
                }
                b'#' => self.skip_line(),
                b'|' | b'(' if in_pattern(&command, &blocks) => self.at += 1,
                b';' | b'|' => {
                    let pipes = byte == b'|' && self.peek(1) != Some(b'|');
                    let calls = self.out.calls.len();
                    let group = self.finish(&mut command, &mut blocks, &mut ended, RunKind::Spawn);
                    if pipes {
                        self.pipe_from(group.map_or(calls, |group| group.calls));
                    }
                    let start = self.at;
                    self.at += 1;
                    while self.peek(0).is_some_and(|next| next == byte || next == b'&') {
                        self.at += 1;
                    }
                    if let (Some(Block::Case { pattern, .. }), b';') = (blocks.last_mut(), byte) {
                        *pattern |= self.at > start + 1;
                    }
                }
                b'&' if matches!(self.peek(1), Some(b'>')) => self.at += 1,
                b'&' => {
                    let both = self.peek(1) == Some(b'&');
                    let kind = if both { RunKind::Spawn } else { RunKind::Background };
                    self.finish(&mut command, &mut blocks, &mut ended, kind);
                    self.at += 1 + usize::from(both);
                }
                b'<' | b'>' => self.redirection(&mut command),
                b'(' if self.peek(1) == Some(b'(') && self.is_arithmetic(&command) => self.skip_arithmetic(),
                b'(' => {
                    self.at += 1;
                    if let [name] = command.words.as_slice() {
                        let name = name.clone();
                        self.define(&name);
                        command = Command::default();
                        while matches!(self.peek(0), Some(b' ' | b'\t')) {
                            self.at += 1;
                        }
                        self.at += usize::from(self.peek(0) == Some(b')'));
                    } else if command.words.is_empty() {
                        let start = self.mark();
                        blocks.push(Block::Subshell { start, directory: self.directory.clone() });
                    }
                }
                b')' => {
                    match blocks.last_mut() {
                        _ if opens_case(&command) => {
                            let start = self.mark();
                            blocks.push(Block::Case { start, pattern: false });
                            command = Command::default();
                        }
                        Some(Block::Case { pattern, .. }) => {
                            *pattern = false;
                            command = Command::default();
                        }
                        Some(Block::Subshell { .. }) => {
                            self.finish(&mut command, &mut blocks, &mut ended, RunKind::Spawn);
                            if let Some(Block::Subshell { start, directory }) = blocks.pop() {
                                self.directory = directory;
                                self.source = start.source;
                                ended = Some(start);
                            }
                        }
                        None if nested => break,
                        // No block crosses a parenthesis: what is still open inside was never one.
                        Some(Block::Other { .. }) => {
                            blocks.pop();
                            continue;
                        }
                        None => command = Command::default(),
                    }
                    self.at += 1;
                }
                _ => {
                    ended = None;
                    self.read_word(&mut command);
                }
            }
        }
        self.finish(&mut command, &mut blocks, &mut ended, RunKind::Spawn);
    }

    /// Notes that a function is defined.
    pub(super) fn define(&mut self, name: &Word) {
        self.functions.extend(name.as_text().map(<[u8]>::to_vec));
        let words = vec![Word::text("function"), name.clone()];
        self.out.call(Call { line: self.line, words, ..Call::default() });
    }

    fn read_word(&mut self, command: &mut Command) {
        let start = self.at;
        if command.words.is_empty() {
            command.line = self.line;
            command.bare =
                self.peek(0).is_some_and(|byte| !matches!(byte, b'"' | b'\'' | b'\\' | b'$' | b'`'));
            if self.assignment() {
                return;
            }
        }
        let mut words = self.words();
        let number = self.text.get(start..self.at).is_some_and(|raw| raw.iter().all(u8::is_ascii_digit));
        if number && matches!(self.peek(0), Some(b'<' | b'>')) {
            return;
        }
        if command.words.len() + words.len() <= MAX_WORDS {
            command.words.append(&mut words);
        }
        if self.at == start {
            self.at += 1;
        }
    }

    /// `NAME=value`, `NAME+=value`, `NAME=(a b)` before a command, which may be missing.
    fn assignment(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
        let name = rest.get(..len).unwrap_or_default();
        let adds = rest.get(len..).is_some_and(|rest| rest.starts_with(b"+="));
        let is_name = name.first().is_some_and(|first| !first.is_ascii_digit());
        if !is_name || !(adds || rest.get(len) == Some(&b'=')) {
            return false;
        }
        self.at += len + 1 + usize::from(adds);
        let mut value = match self.peek(0) {
            Some(b'(') => self.array(),
            Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b')') | None => vec![Word::default()],
            _ => vec![self.joined_words()],
        };
        if adds {
            value = vec![Word(vec![Piece::Unknown])];
        }
        if is_telling(name) {
            let mut word = Word::text([name, b"="].concat());
            value.iter().for_each(|value| word.extend(value));
            self.out.call(Call { line: self.line, words: vec![word], ..Call::default() });
        }
        self.set(name, value);
        true
    }

    fn array(&mut self) -> Vec<Word> {
        self.at += 1;
        let mut list = Vec::new();
        let mut size = 0;
        while let Some(byte) = self.peek(0) {
            match byte {
                b')' => {
                    self.at += 1;
                    break;
                }
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                }
                b'#' => self.skip_line(),
                _ => {
                    let start = self.at;
                    let mut words = self.words();
                    size += words.iter().map(Word::size).sum::<usize>();
                    if list.len() + words.len() <= MAX_WORDS && size <= MAX_TEXT {
                        list.append(&mut words);
                    }
                    if self.at == start {
                        self.at += 1;
                    }
                }
            }
        }
        list
    }

    fn redirection(&mut self, command: &mut Command) {
        let document = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(b"<<"));
        let here_string = document && self.peek(2) == Some(b'<');
        if matches!((self.peek(0), self.peek(1)), (Some(b'<' | b'>'), Some(b'('))) {
            // Process substitution: its commands run too.
            let reads = self.peek(0) == Some(b'<');
            self.at += 2;
            let stream = self.out.stream();
            self.captured(stream);
            if reads {
                command.redirects.push(Redirect::Commands(stream));
            }
            return;
        }
        let operator = self.at;
        while matches!(self.peek(0), Some(b'<' | b'>' | b'&' | b'|')) {
            self.at += 1;
        }
        let tabs = document && !here_string && self.peek(0) == Some(b'-');
        self.at += usize::from(tabs);
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let start = self.at;
        let target = self.words().into_iter().next().unwrap_or_default();
        let operator = self.text.get(operator..start).unwrap_or_default();
        if command.redirects.len() < 8 && !target.is_empty() && (!document || here_string) {
            let writes = operator.contains(&b'>');
            command.redirects.push(match (here_string, writes) {
                (true, _) => Redirect::Text(target),
                (_, true) => Redirect::To(target),
                (_, false) => Redirect::From(target),
            });
        }
        if document && !here_string && self.documents.len() < 16 {
            let raw = self.text.get(start..self.at).unwrap_or_default();
            let end = raw.iter().copied().filter(|byte| !matches!(byte, b'\'' | b'"' | b'\\')).collect();
            self.documents.push((end, tabs, Some(self.out.calls.len())));
        }
    }

    /// Here-documents are data. Their bodies are passed over, so that their words are not taken for commands;
    /// what an interpreter is given in this way is kept with its command.
    fn skip_documents(&mut self) {
        for (end, tabs, owner) in std::mem::take(&mut self.documents) {
            let body = self.at;
            while self.at < self.text.len() {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let body = self.text.get(body..self.at).unwrap_or_default();
                let mut line = rest.get(..len).unwrap_or_default();
                while tabs && line.first() == Some(&b'\t') {
                    line = line.get(1..).unwrap_or_default();
                }
                self.at += (len + 1).min(rest.len());
                self.line += 1;
                if line.strip_suffix(b"\r").unwrap_or(line) == end {
                    if let Some(call) = owner.and_then(|owner| self.out.calls.get_mut(owner)) {
                        call.given(body);
                    }
                    break;
                }
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn is_arithmetic(&self, command: &Command) -> bool {
        command.words.is_empty() || command.words.first().is_some_and(|word| is(word, b"for"))
    }

    /// Passes over `(( … ))`.
    pub(super) fn skip_arithmetic(&mut self) {
        let mut open = 0_u32;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match byte {
                b'(' => open += 1,
                b')' => open = open.saturating_sub(1),
                b'\n' => self.line += 1,
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
    }

    /// Reads the commands of a substitution, whose opening is read, to its end. They see the variables and leave
    /// the directory as it was.
    fn substituted_commands(&mut self) {
        if self.depth >= MAX_DEPTH {
            self.out.cut = true;
            self.at = self.text.len();
            return;
        }
        let directory = self.directory.clone();
        self.depth += 1;
        self.commands(true);
        self.depth -= 1;
        self.directory = directory;
        self.at = (self.at + 1).min(self.text.len());
    }

    /// Reads the commands of a substitution, which print into a stream.
    pub(super) fn captured(&mut self, stream: u32) {
        let outside = (self.capture.replace(stream), self.source.take(), self.pipe.take());
        self.substituted_commands();
        (self.capture, self.source, self.pipe) = outside;
    }

    /// Where a block begins. What is piped into it is what its commands read.
    pub(super) fn mark(&mut self) -> Mark {
        let mark = Mark { runs: self.out.runs.len(), calls: self.out.calls.len(), source: self.source };
        self.source = self.pipe.take().or(self.source);
        mark
    }

    /// Lets all commands since one of them print into a pipe, whose reader comes next.
    fn pipe_from(&mut self, first: usize) {
        let stream = self.out.stream();
        for call in self.out.calls.iter_mut().skip(first) {
            if call.prints_into == self.capture {
                call.prints_into = Some(stream);
            }
        }
        self.pipe = Some(stream);
    }

    /// Reads the commands of a text that stands apart from the script's own, such as that between backticks.
    pub(super) fn apart(&mut self, text: &[u8], stream: u32) {
        if self.depth >= MAX_DEPTH {
            self.out.cut = true;
            return;
        }
        let mut inner = Shell::new(text, self.depth + 1);
        inner.line = self.line;
        inner.directory = self.directory.clone();
        inner.bound = self.bound;
        inner.capture = Some(stream);
        std::mem::swap(&mut inner.variables, &mut self.variables);
        std::mem::swap(&mut inner.out, &mut self.out);
        std::mem::swap(&mut inner.functions, &mut self.functions);
        std::mem::swap(&mut inner.plain, &mut self.plain);
        inner.commands(false);
        self.variables = inner.variables;
        self.out = inner.out;
        self.functions = inner.functions;
        self.plain = inner.plain;
        self.bound = inner.bound;
    }
}

/// Variables that change what later commands do to traces and to checks of certificates.
fn is_telling(name: &[u8]) -> bool {
    matches!(
        name,
        b"HISTFILE" | b"HISTSIZE" | b"HISTFILESIZE" | b"NODE_TLS_REJECT_UNAUTHORIZED" | b"PYTHONHTTPSVERIFY"
    )
}

pub(super) fn is(word: &Word, text: &[u8]) -> bool {
    word.as_text() == Some(text)
}

fn opens_case(command: &Command) -> bool {
    command.bare && command.words.first().is_some_and(|word| is(word, b"case"))
}

fn in_pattern(command: &Command, blocks: &[Block]) -> bool {
    opens_case(command) || matches!(blocks.last(), Some(Block::Case { pattern: true, .. }))
}
