use crate::analyzers::start::{Piece, Word};

/// A command of a shell script as it stands there, with what it reads and what reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) line: u32,
    pub(crate) words: Vec<Word>,
    pub(crate) redirects: Vec<Redirect>,
    /// The directory that the script changed to before.
    pub(crate) directory: Word,
    /// The stream of the pipe it reads from.
    pub(crate) reads_from: Option<u32>,
    /// The stream it prints into: a pipe, or the substitution it stands in.
    pub(crate) prints_into: Option<u32>,
    /// The here-document that it is given.
    pub(crate) document: Vec<u8>,
}

/// What is connected to a command beside its pipes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// Its output goes to a file.
    To(Word),
    /// It reads a file.
    From(Word),
    /// It reads a text: a here-string.
    Text(Word),
    /// It is given what other commands print, as a file: `<(…)`.
    Commands(u32),
}

impl Call {
    /// Gives it the body of its here-document.
    pub(crate) fn given(&mut self, body: &[u8]) {
        /// Longest document that is kept; documents may be quoted in one another's commands without end.
        const MAX_DOCUMENT: usize = 64 << 10;
        if self.document.is_empty() {
            self.document = body.get(..body.len().min(MAX_DOCUMENT)).unwrap_or_default().to_vec();
        }
    }

    /// How much memory it takes, about.
    pub(crate) fn size(&self) -> usize {
        let redirects = self.redirects.iter().map(|redirect| match redirect {
            Redirect::To(word) | Redirect::From(word) | Redirect::Text(word) => 32 + word.size(),
            Redirect::Commands(_) => 32,
        });
        128 + self.words.iter().map(|word| 24 + word.size()).sum::<usize>()
            + redirects.sum::<usize>()
            + self.directory.size()
    }
}

/// What stands in a text for a piece that is nowhere else the same.
pub(super) const UNKNOWN: &[u8] = b"$?";

/// The streams whose text stands in a word.
pub(super) fn streams(word: &Word) -> impl Iterator<Item = u32> + '_ {
    word.0.iter().filter_map(|piece| match piece {
        Piece::Output(stream) => Some(*stream),
        _ => None,
    })
}

/// A word as text. What only running tells has a `$` in it, which no host has. What the
/// same commands print has the same name everywhere: `f=$(mktemp)` and all uses of `$f`.
pub(super) fn shown(word: &Word) -> Vec<u8> {
    let mut text = Vec::new();
    for piece in &word.0 {
        match piece {
            Piece::Text(more) | Piece::Variable(_, Some(more)) => text.extend_from_slice(more),
            Piece::Variable(name, None) => {
                text.push(b'$');
                text.extend_from_slice(name);
            }
            Piece::Directory => text.extend_from_slice(b"$(dirname $0)"),
            Piece::Arguments => text.extend_from_slice(b"$@"),
            Piece::Output(stream) => text.extend_from_slice(format!("$_{stream}").as_bytes()),
            Piece::Unknown => text.extend_from_slice(UNKNOWN),
        }
    }
    text
}
