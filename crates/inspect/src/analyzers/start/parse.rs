//! Reads what a script runs, from its text alone.

mod calls;
mod python;
mod python_tokens;
mod python_values;
mod shell;
mod shell_commands;
mod shell_words;

use super::super::acts::{self, Call};
use super::{Language, Run, ScriptFacts, Word, base_name};
use crate::Signs;

pub(super) use python::read as read_python;
pub(super) use shell::read as read_shell;

/// Most commands that are kept of one script. Repetitions of one plain command count once, so honest scripts
/// stay far below it.
const MAX_RUNS: usize = 2048;
/// Most memory that all commands of a script take.
const MAX_SIZE: usize = 1 << 20;
/// Most memory that all commands take while a script is read.
const MAX_CALLS_SIZE: usize = 8 << 20;
/// Most memory that the variables of a script take while it is read.
const MAX_VARIABLES: usize = 1 << 20;
/// Most bytes of the names of modules that are kept.
const MAX_IMPORTS: usize = 16 << 10;

/// What a script runs, while it is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Its commands.
    pub(super) runs: Vec<Run>,
    /// As in [`ScriptFacts::imports`].
    pub(super) imports: Vec<u8>,
    /// Whether something was left out.
    pub(super) cut: bool,
    /// Every command of a shell script in the order of its lines, those that run no program too.
    pub(super) calls: Vec<Call>,
    /// How many streams its commands print into.
    streams: u32,
    calls_size: usize,
    size: usize,
}

impl Reading {
    fn run(&mut self, mut run: Run) {
        run.words.iter_mut().for_each(Word::forget_outputs);
        run.directory.forget_outputs();
        // A layer has a hundred thousand scripts, and lists grow to more room than they need.
        run.words.iter_mut().for_each(Word::shrink);
        run.words.shrink_to_fit();
        self.size += run.words.iter().map(Word::size).sum::<usize>() + run.directory.size();
        if self.runs.len() >= MAX_RUNS || self.size > MAX_SIZE {
            self.cut = true;
        } else {
            self.runs.push(run);
        }
    }

    /// Notes a command for the acts.
    fn call(&mut self, call: Call) {
        self.calls_size += call.size();
        if self.calls_size > MAX_CALLS_SIZE {
            self.cut = true;
        } else {
            self.calls.push(call);
        }
    }

    /// A stream that no command prints into yet.
    fn stream(&mut self) -> u32 {
        self.streams += 1;
        self.streams
    }

    fn import(&mut self, name: &[u8]) {
        if name.is_empty() {
            return;
        }
        if self.imports.len() + name.len() >= MAX_IMPORTS {
            self.cut = true;
            return;
        }
        if !self.imports.is_empty() {
            self.imports.push(b'\n');
        }
        self.imports.extend_from_slice(name);
    }
}

/// The facts about a script; none for text that shows no sign of being one, and for scripts that run nothing.
pub(super) fn script(path: &[u8], mode: u32, text: &[u8], signs: &Signs) -> Option<ScriptFacts> {
    let shebang = shebang(text);
    let language = match shebang.first() {
        Some(_) => language_of_interpreter(&shebang),
        None => language_of_name(path)
            .unwrap_or_else(|| if looks_like_python(text) { Language::Python } else { Language::Shell }),
    };
    let mut reading = read(language, text, signs);
    reading.runs.shrink_to_fit();
    let (acts, acts_cut) = acts::of(language, text, signs, &reading.calls, &reading.runs);
    let cut = reading.cut || acts_cut;
    let sign = !shebang.is_empty() || mode & 0o111 != 0;
    (sign || !reading.runs.is_empty() || !reading.imports.is_empty() || cut || !acts.is_empty())
        .then_some(ScriptFacts { shebang, language, runs: reading.runs, imports: reading.imports, cut, acts })
}

/// What a text does that was decoded out of a script. Only its acts are told: which files it leads to depends on a
/// place that it has not.
pub(super) fn stage(path: &[u8], text: &[u8], signs: &Signs) -> ScriptFacts {
    let shebang = shebang(text);
    let language = match shebang.first() {
        Some(_) => language_of_interpreter(&shebang),
        None if looks_like_python(text) => Language::Python,
        // One language is decoded in another mostly to be given to a shell.
        None => match language_of_name(path) {
            Some(language) if language != Language::Python => language,
            _ => Language::Shell,
        },
    };
    let reading = read(language, text, signs);
    let (acts, cut) = acts::of(language, text, signs, &reading.calls, &reading.runs);
    ScriptFacts {
        shebang: Vec::new(),
        language,
        runs: Vec::new(),
        imports: Vec::new(),
        cut: reading.cut || cut,
        acts,
    }
}

/// Reads a text in one of the languages.
pub(super) fn read(language: Language, text: &[u8], signs: &Signs) -> Reading {
    match language {
        Language::Shell => shell::read(text),
        Language::Python => python::read(text),
        Language::Other => Reading::default(),
        _ => calls::read(language, text, signs),
    }
}

/// The words of the `#!` line. The kernel splits it once, after the interpreter; `env -S` splits the rest.
fn shebang(text: &[u8]) -> Vec<Vec<u8>> {
    /// The kernel reads 256 bytes; older ones 128.
    const MAX_LINE: usize = 256;
    let Some(line) = text.get(..text.len().min(MAX_LINE)).and_then(|head| head.strip_prefix(b"#!")) else {
        return Vec::new();
    };
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (interpreter, argument) = line.split_at(end);
    let argument = argument.trim_ascii();
    let mut words = vec![interpreter.to_vec()];
    if interpreter.is_empty() {
        return Vec::new();
    }
    if base_name(interpreter) == b"env" {
        // `env` with one argument and no `-S` looks for a program of that whole name; people write options
        // nevertheless, and some systems split them.
        words.extend(
            argument.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(<[u8]>::to_vec),
        );
    } else if !argument.is_empty() {
        words.push(argument.to_vec());
    }
    words
}

fn language_of_interpreter(shebang: &[Vec<u8>]) -> Language {
    let program = shebang
        .iter()
        .map(|word| base_name(word))
        .find(|&word| word != b"env" && !word.starts_with(b"-") && !word.contains(&b'='))
        .unwrap_or_default();
    language_of_program(program).unwrap_or(Language::Other)
}

/// The language that a program of this base name interprets.
pub(crate) fn language_of_program(name: &[u8]) -> Option<Language> {
    let stem =
        name.iter().position(|byte| byte.is_ascii_digit()).and_then(|at| name.get(..at)).unwrap_or(name);
    Some(match stem.strip_suffix(b"-").unwrap_or(stem) {
        b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"ksh" | b"mksh" | b"rbash" => Language::Shell,
        b"python" | b"pypy" => Language::Python,
        b"node" | b"nodejs" | b"bun" | b"deno" => Language::JavaScript,
        b"perl" => Language::Perl,
        b"ruby" | b"jruby" => Language::Ruby,
        b"php" => Language::Php,
        b"lua" | b"luajit" => Language::Lua,
        _ => return None,
    })
}

/// The language that the ending of a file's name promises.
pub(super) fn language_of_name(path: &[u8]) -> Option<Language> {
    let name = base_name(path);
    let dot = memchr::memrchr(b'.', name)?;
    Some(match name.get(dot + 1..)? {
        b"sh" | b"bash" => Language::Shell,
        b"py" => Language::Python,
        b"js" | b"mjs" | b"cjs" => Language::JavaScript,
        b"pl" => Language::Perl,
        b"rb" => Language::Ruby,
        b"php" => Language::Php,
        b"lua" => Language::Lua,
        _ => return None,
    })
}

/// Whether a text without `#!` and without an ending is Python rather than shell.
fn looks_like_python(text: &[u8]) -> bool {
    let head = text.get(..text.len().min(4096)).unwrap_or(text);
    head.split(|&byte| byte == b'\n').any(|line| {
        let line = line.trim_ascii_end();
        (line.starts_with(b"import ") && !line.contains(&b'/'))
            || (line.starts_with(b"from ") && memchr::memmem::find(line, b" import ").is_some())
            || (line.starts_with(b"def ") && line.ends_with(b":"))
    })
}
