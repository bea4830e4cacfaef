//! The start of the image: which files its configuration leads to, through `PATH`, links, interpreters, wrappers
//! and scripts.
//!
//! The walk is honest about being short of the truth: a program computed at run time is not seen, so a file that
//! the walk does not reach is never called unreachable.

mod checks;
mod command;
mod parse;
#[cfg(test)]
mod tests;
mod walk;

pub(crate) use command::is_interpreter;

use super::acts::Act;
use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Want};
use layers::{Entry, Kind};
use model::{Class, Detection, Role, Severity, Stage};
use serde::{Deserialize, Serialize};

pub(crate) use checks::{hiding, is_deceptive};

/// What a script says of itself and of what it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptFacts {
    /// The words of the `#!` line, the interpreter first; empty where there is none.
    pub shebang: Vec<Vec<u8>>,
    /// What it was read as.
    pub language: Language,
    /// What it runs, in the order of its lines.
    pub runs: Vec<Run>,
    /// What it loads into itself, separated by newlines: names of Python modules, relative paths in JavaScript.
    /// Which of them are files of the image is known only later.
    pub imports: Vec<u8>,
    /// Whether it is longer, or runs more, than is kept here.
    pub cut: bool,
    /// What it does that matters for malice.
    pub acts: Vec<Act>,
}

/// A language in which scripts are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// POSIX shell and bash.
    Shell,
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
    /// Perl.
    Perl,
    /// Ruby.
    Ruby,
    /// PHP.
    Php,
    /// Lua.
    Lua,
    /// One that is not read; its interpreter is known all the same.
    Other,
}

/// One command of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its line, the first is 1.
    pub line: u32,
    /// How it is run.
    pub kind: RunKind,
    /// Program and arguments.
    pub words: Vec<Word>,
    /// The directory that the script changed to before; empty where it did not.
    pub directory: Word,
}

/// How a script runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RunKind {
    /// In its own place.
    Exec,
    /// As a child that it waits for.
    Spawn,
    /// As a child that it leaves behind.
    Background,
    /// Inside itself: `source`, `runpy`.
    Source,
}

/// A word of a command, as far as the script alone determines it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word(pub Vec<Piece>);

/// A piece of a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// These bytes.
    Text(Vec<u8>),
    /// The value of a variable, or the text where it is not set and the script has one for this case. `0` is
    /// the path of the script, other numbers are its arguments.
    Variable(Vec<u8>, Option<Vec<u8>>),
    /// The directory of the script.
    Directory,
    /// All arguments of the script, each a word of its own.
    Arguments,
    /// Something that only running the script shows.
    Unknown,
    /// What other commands of the script print. It exists only while a script is read; kept words have
    /// [`Piece::Unknown`] in its place.
    Output(u32),
}

/// Reads scripts, and follows the start of the image.
#[derive(Debug)]
pub struct Start;

/// Longest script that is read.
const MAX_SCRIPT: u64 = 1 << 20;
/// Longest text of a word, and of all words of a command, that is kept. Variables can double a text in a few
/// bytes, so without a bound a small script would fill the memory.
const MAX_TEXT: usize = 8 << 10;
/// Longest text without any sign of being a script that is read as one.
const MAX_PLAIN: u64 = 64 << 10;

impl FileAnalyzer for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn version(&self) -> u32 {
        6
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        if entry.kind != Kind::File || head.is_empty() {
            return Want::Nothing;
        }
        let sign = head.starts_with(b"#!") || parse::language_of_name(&entry.path).is_some();
        let executable = entry.mode & 0o111 != 0
            || super::hooks::kind_of(&entry.path).is_some_and(super::hooks::HookKind::is_script);
        let plain = entry.size <= MAX_PLAIN
            && !base_name(&entry.path).contains(&b'.')
            && !entry.path.starts_with(b"usr/share/")
            && !entry.path.starts_with(b"usr/lib/");
        if !(sign || executable || plain) || memchr::memchr(0, head).is_some() {
            Want::Nothing
        } else if entry.size <= MAX_SCRIPT {
            Want::Whole(MAX_SCRIPT)
        } else {
            Want::AtHand
        }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        if !file.stages.is_empty() {
            facts.push(Fact::Script(parse::stage(&file.entry.path, file.bytes, &file.signs)));
            return Ok(());
        }
        if let Some(mut script) = parse::script(&file.entry.path, file.entry.mode, file.bytes, &file.signs) {
            script.cut |= !file.whole;
            facts.push(Fact::Script(script));
        }
        Ok(())
    }
}

impl ImageAnalyzer for Start {
    fn name(&self) -> &'static str {
        "start"
    }

    fn version(&self) -> u32 {
        2
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        if image.platform.os != "linux" {
            return;
        }
        let walk = walk::follow_start(image);
        checks::limits(image, &walk, out);
        checks::nothing_to_start(image, &walk, out);
        checks::hidden_programs(image, &walk, out);
        checks::wrapped_start(image, &walk, out);
        out.chain = walk.chain;
    }
}

pub(crate) use command::{Step, steps};
pub(crate) use parse::language_of_program;

/// Every command of a text for the shell.
pub(crate) fn shell_calls(text: &[u8]) -> Vec<super::acts::Call> {
    parse::read_shell(text).calls
}

/// What a text in a language runs.
pub(crate) fn runs_of(language: Language, text: &[u8]) -> Vec<Run> {
    parse::read(language, text, &crate::Signs::ALL).runs
}

/// What follows the last slash.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}

impl Word {
    /// A word that the script spells out.
    pub(crate) fn text(text: impl Into<Vec<u8>>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// The bytes of a word that has no other pieces than text.
    pub(crate) fn as_text(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [] => Some(b""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How much memory its pieces take, about.
    pub(crate) fn size(&self) -> usize {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) | Piece::Variable(text, None) => text.len(),
            Piece::Variable(name, Some(default)) => name.len() + default.len(),
            Piece::Directory | Piece::Arguments | Piece::Unknown | Piece::Output(_) => 0,
        };
        self.0.iter().map(|one| 32 + piece(one)).sum()
    }

    /// Appends a piece; neighbouring texts become one. A word that grows beyond any path becomes unknown, so
    /// that a variable doubled often enough costs nothing.
    pub(crate) fn push(&mut self, piece: Piece) {
        const MAX_PIECES: usize = 32;
        match (self.0.last_mut(), piece) {
            (Some(Piece::Text(text)), Piece::Text(more)) if text.len() + more.len() <= MAX_TEXT => {
                text.extend_from_slice(&more);
            }
            (Some(Piece::Unknown), Piece::Unknown) => {}
            (_, Piece::Text(text)) if text.is_empty() => {}
            (last, piece) => {
                let full = matches!((&last, &piece), (Some(Piece::Text(_)), Piece::Text(_)));
                if full || self.0.len() >= MAX_PIECES {
                    self.0 = vec![Piece::Unknown];
                } else {
                    self.0.push(piece);
                }
            }
        }
    }

    /// The word as it is kept: what other commands print is unknown.
    pub(crate) fn forget_outputs(&mut self) {
        if self.0.iter().any(|piece| matches!(piece, Piece::Output(_))) {
            for piece in std::mem::take(&mut self.0) {
                self.push(if matches!(piece, Piece::Output(_)) { Piece::Unknown } else { piece });
            }
        }
    }

    /// Gives back the room that it does not need.
    pub(crate) fn shrink(&mut self) {
        for piece in &mut self.0 {
            if let Piece::Text(text) | Piece::Variable(text, _) = piece {
                text.shrink_to_fit();
            }
        }
        self.0.shrink_to_fit();
    }

    pub(crate) fn extend(&mut self, other: &Word) {
        for piece in &other.0 {
            self.push(piece.clone());
        }
    }
}

pub(crate) const NO_START: Detection = Detection {
    id: "S-CFG-NOSTART",
    title: "Nothing to start",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Config,
    stage: Stage::Static,
    techniques: &["T1204.003"],
    why: "The configuration names a program that no layer has. Such an image does not run as it stands: it is a \
          mistake, or it waits for a volume, or for whoever derives an image from it, to bring the program.",
    advice: "Find out who is meant to bring the program, and scan the image together with it.",
};

pub(crate) const HIDDEN_RUN: Detection = Detection {
    id: "S-CFG-HIDDENRUN",
    title: "Start of a hidden program",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Reach,
    stage: Stage::Static,
    techniques: &["T1564.001", "T1036.005"],
    why: "What the image starts leads to a file in a hidden directory, under a name made to be overlooked, or in a \
          directory for temporary files, and no package of the image owns it. Programs are installed where \
          programs belong; this is where the payload of a campaign lies.",
    advice: "Look at the file and at the layer that brought it. Directories that tools are known to use, such as \
             .venv or .cargo, are not counted.",
};

pub(crate) const WRAPPED: Detection = Detection {
    id: "S-DLX-WRAPENTRY",
    title: "Start wrapped around another program",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Reach,
    stage: Stage::Static,
    techniques: &["T1554"],
    why: "The script that starts the image leaves a program that no package owns running in the background, then \
          hands over to whatever the image would have started without it. Images of well-known software were \
          altered in this way: the service works, and something else runs beside it.",
    advice: "Compare with the image of the original publisher: who added the script, the program, and their layer?",
};

const DETECTIONS: &[Detection] = &[NO_START, HIDDEN_RUN, WRAPPED];
