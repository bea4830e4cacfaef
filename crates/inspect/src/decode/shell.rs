//! Pipelines of a shell whose input stands in the script: `echo … | base64 -d | sh`, here-documents, and
//! substitutions that are evaluated.

mod words;

pub(super) use self::words::escaped;
use super::bytes::Bytes;
use super::shell_programs::{Output, output};
use super::value::{Data, Found};
use super::{Budget, Limit, MIN_TEXT, Runner, StepKind};
use hashbrown::HashMap;

/// Substitutions inside each other that are followed.
const MAX_DEPTH: u32 = 32;
/// Most variables and written files that are remembered.
const MAX_VARIABLES: usize = 1 << 16;
/// Most words of a command.
const MAX_WORDS: usize = 4096;
/// Most here-documents that begin in one line, and most that never end.
const MAX_DOCUMENTS: u32 = 16;
const MAX_FOUND: usize = 2048;

/// Reads a shell script.
pub(super) fn read<'t>(text: &'t [u8], budget: &mut Budget) -> Vec<Found<'t>> {
    let mut shell = Shell {
        text,
        at: 0,
        depth: 0,
        backtick: false,
        variables: HashMap::new(),
        files: HashMap::new(),
        documents: 0,
        endless: 0,
        skip: None,
        budget,
        found: Vec::new(),
    };
    while shell.at < text.len() {
        let before = shell.at;
        shell.list(None);
        if shell.at <= before {
            shell.at = before + 1;
        }
    }
    shell.found
}

/// What runs a program of this path, where it is an interpreter.
pub(super) fn interpreter(path: &[u8]) -> Option<Runner> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    let stem = name.iter().position(u8::is_ascii_digit).and_then(|at| name.get(..at)).unwrap_or(name);
    Some(match stem.strip_suffix(b"-").unwrap_or(stem) {
        b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"ksh" | b"mksh" | b"rbash" => Runner::Shell,
        b"python" | b"pypy" => Runner::Python,
        b"node" | b"nodejs" | b"bun" | b"deno" => Runner::JavaScript,
        b"perl" => Runner::Perl,
        b"ruby" => Runner::Ruby,
        b"php" => Runner::Php,
        _ => return None,
    })
}

pub(super) struct Shell<'t, 'b> {
    text: &'t [u8],
    at: usize,
    depth: u32,
    /// Whether the innermost substitution ends with a backtick.
    backtick: bool,
    variables: HashMap<&'t [u8], Data<'t>>,
    files: HashMap<Bytes<'t>, Data<'t>>,
    documents: u32,
    endless: u32,
    /// The end of the line in which a here-document was asked for, and the end of its body.
    skip: Option<(usize, usize)>,
    pub(super) budget: &'b mut Budget,
    found: Vec<Found<'t>>,
}

/// A command while its words are read.
#[derive(Default)]
struct Command<'t> {
    words: Vec<Word<'t>>,
    stdin: Option<Data<'t>>,
    to_file: Option<Data<'t>>,
}

/// A word of a command.
pub(super) struct Word<'t> {
    pub(super) data: Data<'t>,
    /// Whether it is `<(…)`: a file that has these bytes.
    pub(super) file: bool,
}

impl<'t> Shell<'t, '_> {
    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn next_is(&self, text: &[u8]) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(text))
    }

    /// Pipelines up to this byte, and what they print together.
    fn list(&mut self, close: Option<u8>) -> Option<Data<'t>> {
        let start = self.at;
        if self.depth >= MAX_DEPTH || self.budget.spent() {
            // What lies deeper is read by itself.
            return None;
        }
        self.depth += 1;
        let outer = std::mem::replace(&mut self.backtick, close == Some(b'`'));
        let mut printed: Option<Data<'t>> = None;
        let mut piped = None;
        while self.at < self.text.len() {
            let (command, quiet) = self.command(close);
            let out = self.run(command, piped.take(), quiet);
            let pipe = self.peek() == b'|' && !self.next_is(b"||");
            if pipe {
                self.at += if self.next_is(b"|&") { 2 } else { 1 };
                piped = Some(out.unwrap_or_else(|| Data::unknown(start)));
                continue;
            }
            if let Some(out) = out {
                printed = match printed.take() {
                    Some(all) => all.append(&out, self.budget),
                    None => Some(out),
                };
            }
            match self.peek() {
                byte if Some(byte) == close => {
                    self.at += 1;
                    break;
                }
                b'\n' => self.end_line(),
                b')' if close.is_none() => self.at += 1,
                0 if self.at >= self.text.len() => break,
                _ => self.at += 1,
            }
            if close.is_none() {
                // At the top what is printed goes to the terminal.
                if let Some(data) = printed.take() {
                    self.store(data);
                }
            }
        }
        self.depth -= 1;
        self.backtick = outer;
        if close.is_none()
            && let Some(data) = printed.take()
        {
            self.store(data);
        }
        printed
    }

    fn end_line(&mut self) {
        self.documents = 0;
        match self.skip.take() {
            Some((line, end)) if line <= self.at => self.at = end.max(self.at + 1),
            skip => {
                self.skip = skip;
                self.at += 1;
            }
        }
    }

    /// One command up to an operator, which is left standing. Also whether it is a keyword alone.
    fn command(&mut self, close: Option<u8>) -> (Command<'t>, bool) {
        let mut command = Command::default();
        let mut assigned = false;
        loop {
            while matches!(self.peek(), b' ' | b'\t' | b'\r') && self.at < self.text.len()
                || self.next_is(b"\\\n")
            {
                self.at += if self.peek() == b'\\' { 2 } else { 1 };
            }
            let byte = self.peek();
            if self.at >= self.text.len() || Some(byte) == close {
                break;
            }
            match byte {
                b'#' => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                b'\n' | b';' | b'|' | b')' => break,
                b'&' if self.next_is(b"&>") => self.at += 1,
                b'&' => break,
                b'(' | b'{' | b'}' if command.words.is_empty() => self.at += 1,
                b'(' => break,
                b'<' | b'>' => self.redirect(&mut command),
                _ => {
                    let start = self.at;
                    if command.words.is_empty() && self.assignment() {
                        assigned = true;
                        continue;
                    }
                    let digits = self.text.get(start..).unwrap_or_default();
                    if byte.is_ascii_digit() && matches!(digits.get(1), Some(b'>' | b'<')) {
                        self.at += 1;
                        let mut other = Command::default();
                        self.redirect(&mut other);
                        continue;
                    }
                    let data = self.word();
                    if command.words.len() < MAX_WORDS {
                        command.words.push(Word { data, file: false });
                    }
                    if self.at == start {
                        self.at += 1;
                    }
                }
            }
        }
        (command, assigned)
    }

    /// `NAME=value`, where one stands here.
    fn assignment(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
        if len == 0 || rest.get(len) != Some(&b'=') {
            return false;
        }
        let name = rest.get(..len).unwrap_or_default();
        self.at += len + 1;
        let value = self.word();
        if self.variables.len() < MAX_VARIABLES {
            self.variables.insert(name, value);
        } else {
            self.budget.note(Limit::Work);
        }
        true
    }

    fn redirect(&mut self, command: &mut Command<'t>) {
        if self.next_is(b"<(") || self.next_is(b">(") {
            let at = self.at;
            self.at += 2;
            let data = self.list(Some(b')')).unwrap_or_else(|| Data::unknown(at));
            return command.words.push(Word { data, file: true });
        }
        if self.next_is(b"<<<") {
            self.at += 3;
            self.blanks();
            command.stdin = Some(self.word());
        } else if self.next_is(b"<<") {
            self.at += 2;
            if let Some(body) = self.document() {
                command.stdin = Some(body);
            }
        } else {
            let writes = self.peek() == b'>';
            while matches!(self.peek(), b'<' | b'>' | b'&' | b'|') {
                self.at += 1;
            }
            self.blanks();
            if self.next_is(b"<(") {
                let mut inner = Command::default();
                self.redirect(&mut inner);
                command.stdin = inner.words.pop().map(|word| word.data);
                return;
            }
            let target = self.word();
            if writes {
                command.to_file = Some(target);
            } else {
                command.stdin =
                    Some(self.files.get(&target.bytes).cloned().unwrap_or_else(|| Data::unknown(target.at)));
            }
        }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t') {
            self.at += 1;
        }
    }

    fn run(&mut self, command: Command<'t>, piped: Option<Data<'t>>, assigned: bool) -> Option<Data<'t>> {
        let Command { words, stdin, to_file } = command;
        if words.is_empty() && (assigned || stdin.is_none()) {
            return None;
        }
        let stdin = stdin.or(piped);
        let printed = match output(&words, stdin.as_ref(), &self.files, self.budget) {
            Output::Prints(data) => Some(data),
            Output::Runs(runner, data) => {
                self.execute(runner, data);
                None
            }
            Output::Writes(path, data) => {
                self.write(path, data);
                None
            }
            Output::Nothing => {
                if let Some(data) = stdin {
                    self.store(data);
                }
                words.into_iter().for_each(|word| self.store(word.data));
                None
            }
        };
        match (printed, to_file) {
            (Some(data), Some(path)) => {
                self.write(path.bytes, data);
                None
            }
            (printed, _) => printed,
        }
    }

    fn write(&mut self, path: Bytes<'t>, data: Data<'t>) {
        self.store(data.clone());
        if self.files.len() < MAX_VARIABLES && !path.is_empty() {
            self.files.insert(path, data);
        }
    }

    fn store(&mut self, data: Data<'t>) {
        if data.known && !data.steps.is_empty() {
            self.find(data, None);
        }
    }

    fn execute(&mut self, runner: Runner, data: Data<'t>) {
        if !data.steps.is_empty() {
            self.find(data, Some(runner));
        } else if data.known
            && data.bytes.len() >= MIN_TEXT
            && let Some(data) = data.decode(StepKind::Text, self.budget)
        {
            self.find(data, Some(runner));
        }
    }

    fn find(&mut self, data: Data<'t>, runner: Option<Runner>) {
        if self.found.len() < MAX_FOUND {
            self.found.push(Found { data, runner });
        } else {
            self.budget.note(Limit::Stages);
        }
    }
}
