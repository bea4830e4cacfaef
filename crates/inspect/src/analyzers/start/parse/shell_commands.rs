use super::super::super::acts::{Call, Redirect};
use super::super::command::is_plain;
use super::super::{Piece, Run, RunKind, Word};
use super::MAX_VARIABLES;
use super::shell::{Block, Command, Mark, Shell, is};

/// Most ways in which a script sets its own arguments that are followed.
const MAX_ARGUMENTS: usize = 4;

impl Shell<'_> {
    /// Ends a simple command, or takes a reserved word for what it is. Returns where the block began that
    /// ended here.
    pub(super) fn finish(
        &mut self,
        command: &mut Command,
        blocks: &mut Vec<Block>,
        ended: &mut Option<Mark>,
        kind: RunKind,
    ) -> Option<Mark> {
        let Command { mut words, bare, line, redirects } = std::mem::take(command);
        if words.is_empty() {
            let group = ended.take();
            if let (RunKind::Background, Some(start)) = (kind, group) {
                self.leave_behind(start.runs);
            }
            if !redirects.is_empty() {
                self.note(&[], line.max(1), redirects, group);
            }
            return group;
        }
        while let Some(word) = words.first().and_then(Word::as_text).filter(|_| bare) {
            match word {
                b"if" | b"while" | b"until" | b"{" => {
                    let start = self.mark();
                    blocks.push(Block::Other { start });
                }
                b"then" | b"else" | b"elif" | b"do" | b"!" | b"time" | b"coproc" => {}
                b"fi" | b"done" | b"esac" | b"}" => {
                    let start = match blocks.pop() {
                        Some(
                            Block::Subshell { start, .. }
                            | Block::Case { start, .. }
                            | Block::Other { start },
                        ) => start,
                        None => Mark {
                            runs: self.out.runs.len(),
                            calls: self.out.calls.len(),
                            source: self.source,
                        },
                    };
                    self.source = start.source;
                    if kind == RunKind::Background {
                        self.leave_behind(start.runs);
                    }
                    if !redirects.is_empty() {
                        self.note(&[], line, redirects, Some(start));
                    }
                    *ended = Some(start);
                    return *ended;
                }
                b"for" | b"select" => {
                    let start = self.mark();
                    if let Some(name) = words.get(1).and_then(Word::as_text).map(<[u8]>::to_vec) {
                        let stream = self.out.stream();
                        let call = Call { line, words, prints_into: Some(stream), ..Call::default() };
                        self.out.call(call);
                        self.set(&name, vec![Word(vec![Piece::Output(stream)])]);
                    }
                    blocks.push(Block::Other { start });
                    return None;
                }
                b"case" => {
                    let start = self.mark();
                    blocks.push(Block::Case { start, pattern: true });
                    return None;
                }
                b"function" => {
                    let name = words.get(1).cloned().unwrap_or_default();
                    self.define(&name);
                    words.drain(..words.len().min(2));
                    continue;
                }
                _ => break,
            }
            words.remove(0);
        }
        if !words.is_empty() {
            self.note(&words, line, redirects, None);
        }
        self.simple(words, line, kind);
        None
    }

    /// Notes a command as it stands, for the acts. Redirections behind a block are those of a command without
    /// words, into which all commands of the block print.
    fn note(&mut self, words: &[Word], line: u32, redirects: Vec<Redirect>, group: Option<Mark>) {
        let mut reads_from = self.pipe.take().or(self.source);
        if let Some(group) = group {
            let stream = self.out.stream();
            let capture = self.capture;
            for call in self.out.calls.iter_mut().skip(group.calls) {
                if call.prints_into == capture {
                    call.prints_into = Some(stream);
                }
            }
            reads_from = Some(stream);
        }
        if words.first().is_some_and(|word| is(word, b"read"))
            && let (Some(stream), Some(name)) = (reads_from, words.last().and_then(Word::as_text))
        {
            let name = name.to_vec();
            self.set(&name, vec![Word(vec![Piece::Output(stream)])]);
        }
        self.out.call(Call {
            line,
            words: words.to_vec(),
            redirects,
            directory: self.directory.clone(),
            reads_from,
            prints_into: self.capture,
            document: Vec::new(),
        });
    }

    fn leave_behind(&mut self, start: usize) {
        for run in self.out.runs.iter_mut().skip(start).filter(|run| run.kind == RunKind::Spawn) {
            run.kind = RunKind::Background;
        }
    }

    fn simple(&mut self, mut words: Vec<Word>, line: u32, mut kind: RunKind) {
        loop {
            let Some(first) = words.first() else { return };
            match first.as_text().unwrap_or(b"$") {
                b"exec" => {
                    kind = RunKind::Exec;
                    words.remove(0);
                    while let Some(option) =
                        words.first().and_then(Word::as_text).filter(|word| word.starts_with(b"-"))
                    {
                        let takes_name = option.ends_with(b"a");
                        words.drain(..words.len().min(1 + usize::from(takes_name)));
                    }
                }
                b"command" | b"builtin" => {
                    if words
                        .get(1)
                        .and_then(Word::as_text)
                        .is_some_and(|word| word.starts_with(b"-") && word != b"-p")
                    {
                        return;
                    }
                    words.remove(0);
                }
                b"." | b"source" => {
                    kind = RunKind::Source;
                    words.remove(0);
                    break;
                }
                b"cd" | b"pushd" => return self.change_directory(words.get(1)),
                b"set" => return self.set_arguments(words),
                b"export" | b"readonly" | b"local" | b"declare" | b"typeset" => return self.declare(&words),
                b"trap" => {
                    words.truncate(2);
                    words.drain(..1);
                    words.insert(0, Word::text("eval"));
                    break;
                }
                name if is_builtin(name) || self.functions.contains(name) => return,
                _ => break,
            }
        }
        if words.is_empty() || words.last().is_some_and(|word| is(word, b"]]")) {
            return;
        }
        // A plain tool that is run a hundred times is one program; the scripts it is given are not.
        if let Some(name) = words.first().and_then(Word::as_text) {
            let plain = !name.contains(&b'/') && kind == RunKind::Spawn && is_plain(name);
            if plain && !self.plain.insert(name.to_vec()) {
                return;
            }
        }
        let run = Run { line, kind, words, directory: self.directory.clone() };
        if run.words.first().is_some_and(|word| word.0 == [Piece::Arguments]) {
            for arguments in self.arguments.clone() {
                let words = arguments.into_iter().chain(run.words.iter().skip(1).cloned()).collect();
                self.out.run(Run { words, ..run.clone() });
            }
        }
        self.out.run(run);
    }

    fn change_directory(&mut self, target: Option<&Word>) {
        let target = target.cloned().unwrap_or(Word(vec![Piece::Variable(b"HOME".to_vec(), None)]));
        let absolute = match target.0.first() {
            Some(Piece::Text(text)) => text.starts_with(b"/"),
            Some(_) => true,
            None => return,
        };
        if absolute {
            self.directory = target;
        } else {
            if !self.directory.is_empty() {
                self.directory.push(Piece::Text(b"/".to_vec()));
            }
            self.directory.extend(&target);
        }
    }

    /// `set -- a b c`: what `"$@"` is from here on, in one of the branches at least.
    fn set_arguments(&mut self, words: Vec<Word>) {
        if let Some(at) = words.iter().position(|word| is(word, b"--")) {
            let list: Vec<_> = words.into_iter().skip(at + 1).collect();
            let known = list.first().is_some_and(|word| word.0 != [Piece::Arguments]);
            if known && self.arguments.len() < MAX_ARGUMENTS {
                self.arguments.push(list);
            }
        }
    }

    fn declare(&mut self, words: &[Word]) {
        for word in words.iter().skip(1) {
            let Some((Piece::Text(text), rest)) = word.0.split_first() else { continue };
            let Some(at) = memchr::memchr(b'=', text) else { continue };
            let (name, value) = text.split_at(at);
            let mut word = Word::default();
            word.push(Piece::Text(value.get(1..).unwrap_or_default().to_vec()));
            word.extend(&Word(rest.to_vec()));
            self.set(name, vec![word]);
        }
    }

    /// Binds a variable; when too much is bound, it becomes unknown.
    pub(super) fn set(&mut self, name: &[u8], mut value: Vec<Word>) {
        self.bound += name.len() + value.iter().map(Word::size).sum::<usize>();
        if self.bound > MAX_VARIABLES {
            value = vec![Word(vec![Piece::Unknown])];
        }
        self.variables.insert(name.to_vec(), value);
    }
}

/// Commands of the shell itself that run nothing.
fn is_builtin(name: &[u8]) -> bool {
    matches!(
        name,
        b"" | b":"
            | b"["
            | b"[["
            | b"]]"
            | b"alias"
            | b"bg"
            | b"bind"
            | b"break"
            | b"caller"
            | b"continue"
            | b"dirs"
            | b"disown"
            | b"echo"
            | b"enable"
            | b"exit"
            | b"false"
            | b"fc"
            | b"fg"
            | b"getopts"
            | b"hash"
            | b"help"
            | b"history"
            | b"jobs"
            | b"kill"
            | b"let"
            | b"logout"
            | b"mapfile"
            | b"popd"
            | b"printf"
            | b"pwd"
            | b"read"
            | b"readarray"
            | b"return"
            | b"shift"
            | b"shopt"
            | b"suspend"
            | b"test"
            | b"times"
            | b"true"
            | b"type"
            | b"ulimit"
            | b"umask"
            | b"unalias"
            | b"unset"
            | b"wait"
            | b"in"
    )
}
