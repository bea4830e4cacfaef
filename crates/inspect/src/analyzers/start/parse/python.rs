use super::super::{Piece, Run, RunKind, Word};
use super::Reading;
use super::python_tokens::{Token, TokenKind, tokens};
use super::python_values::{Arguments, Names, Value, close_of, mark};
use memchr::memmem;

/// Reads which programs a Python script runs and which modules it imports, as far as literals, simple constants
/// and the usual ways to build a path go.
pub(in super::super) fn read(text: &[u8]) -> Reading {
    let mut reading = Reading::default();
    if !may_run(text) {
        import_lines(text, &mut reading);
        return reading;
    }
    let tokens = tokens(text);
    let mut names = Names::default();
    let mut starts = true;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let start = std::mem::replace(&mut starts, false);
        match &token.kind {
            TokenKind::Newline | TokenKind::Mark(b';' | b':', _) => starts = true,
            TokenKind::Name(b"import") if start => {
                at = import(&tokens, at + 1, &mut names, &mut reading);
                continue;
            }
            TokenKind::Name(b"from") if start => {
                at = import_from(&tokens, at + 1, &mut names, &mut reading);
                continue;
            }
            TokenKind::Name(_) if mark(&tokens, at.wrapping_sub(1)) != Some(b'.') => {
                let (name, after) = Names::dotted(&tokens, at);
                if mark(&tokens, after) == Some(b'(') {
                    call(&names, &names.meaning(&name), &tokens, after, token.line, &mut reading);
                } else if start
                    && mark(&tokens, after) == Some(b'=')
                    && mark(&tokens, after + 1) != Some(b'=')
                {
                    let value = names.value(&tokens, &mut (after + 1), tokens.len(), 0);
                    names.set(name, value);
                }
                at = after;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    reading
}

/// Whether a script can run anything at all. Most modules cannot, and telling so costs a fraction of reading their
/// tokens. The signs are the names of all calls that are followed, however they are spaced or renamed.
fn may_run(text: &[u8]) -> bool {
    let signs: [&[u8]; 8] = [
        b"subprocess",
        b"runpy",
        b"import_module",
        b"__import__",
        b"posix_spawn",
        b"getoutput",
        b"getstatusoutput",
        b"execfile",
    ];
    let names: [&[u8]; 6] = [b"system", b"popen", b"Popen", b"exec", b"spawn", b"eval"];
    signs.iter().any(|sign| memmem::find(text, sign).is_some())
        || names
            .iter()
            .any(|name| memmem::find_iter(text, name).any(|at| is_call_or_rename(text, at, name.len())))
}

/// `cursor.execute(` and the word `system` in a comment are in every other module: a name that runs something
/// is called, taken from its module by a dot, or imported.
fn is_call_or_rename(text: &[u8], at: usize, len: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at + len..).unwrap_or_default();
    if before.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return false;
    }
    let ending = after.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let (ending, rest) = after.split_at(ending);
    // The families end in their argument letters: execvpe, spawnlp.
    let is_family = ending.iter().all(|byte| b"lvpe2346".contains(byte));
    let spaced = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b'\\';
    let is_called = rest.iter().find(|byte| !spaced(byte)) == Some(&b'(');
    let behind = before.iter().rev().find(|byte| !spaced(byte));
    is_family
        && (is_called
            || matches!(behind, Some(b'.' | b',' | b'(' | b'='))
            || before.trim_ascii_end().ends_with(b"import"))
}

/// Longest import that is read to its end.
const MAX_STATEMENT: usize = 16 << 10;

/// The imports of a module that runs nothing, without reading more than its lines.
fn import_lines(text: &[u8], reading: &mut Reading) {
    let mut names = Names::default();
    let mut end = 0;
    for at in memmem::find_iter(text, b"import ") {
        // One look at each line, however often it says so.
        if at < end {
            continue;
        }
        let start =
            memchr::memrchr(b'\n', text.get(end..at).unwrap_or_default()).map_or(end, |line| end + line + 1);
        end = memchr::memchr(b'\n', text.get(at..).unwrap_or_default()).map_or(text.len(), |line| at + line);
        let line = text.get(start..end).unwrap_or_default().trim_ascii_start();
        // Names in parentheses may go on for lines.
        if line.starts_with(b"import ") {
            import(&tokens(line), 1, &mut names, reading);
        } else if line.starts_with(b"from ") {
            let open = line.trim_ascii_end().ends_with(b"(");
            let near = text.get(end..text.len().min(end + MAX_STATEMENT)).unwrap_or_default();
            if open && let Some(close) = memchr::memchr(b')', near) {
                end += close;
            }
            let statement = text.get(start..end).unwrap_or_default().trim_ascii_start();
            import_from(&tokens(statement), 1, &mut names, reading);
        }
    }
}

/// `import a.b as c, d`. Returns the index behind it.
fn import<'t>(tokens: &[Token<'t>], mut at: usize, names: &mut Names<'t>, reading: &mut Reading) -> usize {
    while let Some(TokenKind::Name(first)) = tokens.get(at).map(|token| &token.kind) {
        let (module, after) = Names::dotted(tokens, at);
        reading.import(&module);
        at = after;
        match (tokens.get(at).map(|token| &token.kind), tokens.get(at + 1).map(|token| &token.kind)) {
            (Some(TokenKind::Name(b"as")), Some(TokenKind::Name(alias))) => {
                names.aliases.insert(alias, module);
                at += 2;
            }
            _ => {
                names.aliases.insert(first, first.to_vec());
            }
        }
        if mark(tokens, at) != Some(b',') {
            break;
        }
        at += 1;
    }
    at
}

/// `from a.b import c as d, e`. Returns the index behind it.
fn import_from<'t>(
    tokens: &[Token<'t>],
    mut at: usize,
    names: &mut Names<'t>,
    reading: &mut Reading,
) -> usize {
    let mut module = Vec::new();
    while mark(tokens, at) == Some(b'.') && module.len() < 16 {
        module.push(b'.');
        at += 1;
    }
    if !matches!(tokens.get(at).map(|token| &token.kind), Some(TokenKind::Name(b"import"))) {
        let (name, after) = Names::dotted(tokens, at);
        module.extend(name);
        at = after;
    }
    reading.import(&module);
    if !matches!(tokens.get(at).map(|token| &token.kind), Some(TokenKind::Name(b"import"))) {
        return at;
    }
    at += 1;
    if mark(tokens, at) == Some(b'(') {
        at += 1;
    }
    while let Some(TokenKind::Name(name)) = tokens.get(at).map(|token| &token.kind) {
        let mut full = module.clone();
        if !full.ends_with(b".") {
            full.push(b'.');
        }
        full.extend_from_slice(name);
        // What is imported from a package may be a module of its own.
        reading.import(&full);
        at += 1;
        match (tokens.get(at).map(|token| &token.kind), tokens.get(at + 1).map(|token| &token.kind)) {
            (Some(TokenKind::Name(b"as")), Some(TokenKind::Name(alias))) => {
                names.aliases.insert(alias, full);
                at += 2;
            }
            _ => {
                names.aliases.insert(name, full);
            }
        }
        if mark(tokens, at) != Some(b',') {
            break;
        }
        at += 1;
    }
    at
}

/// Notes what a call runs, where it is one that runs something.
fn call(
    names: &Names<'_>,
    callee: &[u8],
    tokens: &[Token<'_>],
    open: usize,
    line: u32,
    reading: &mut Reading,
) {
    let (module, function) = match callee.iter().rposition(|&byte| byte == b'.') {
        Some(dot) => (callee.get(..dot).unwrap_or_default(), callee.get(dot + 1..).unwrap_or_default()),
        None => (b"".as_slice(), callee),
    };
    let shape = match (module, function) {
        (b"os", b"system" | b"popen" | b"popen2" | b"popen3")
        | (b"subprocess" | b"commands", b"getoutput" | b"getstatusoutput")
        | (b"asyncio", b"create_subprocess_shell") => Shape::Line,
        (b"subprocess", b"run" | b"call" | b"check_call" | b"check_output" | b"Popen")
        | (b"pty", b"spawn") => Shape::Command,
        (b"asyncio", b"create_subprocess_exec") => Shape::Words(0),
        (b"os", b"execv" | b"execve" | b"execvp" | b"execvpe" | b"posix_spawn" | b"posix_spawnp") => {
            Shape::List(0)
        }
        (b"os", b"execl" | b"execle" | b"execlp" | b"execlpe") => Shape::Words(1),
        (b"os", b"spawnv" | b"spawnve" | b"spawnvp" | b"spawnvpe") => Shape::List(1),
        (b"os", b"spawnl" | b"spawnle" | b"spawnlp" | b"spawnlpe") => Shape::Words(2),
        (b"runpy", b"run_path") | (b"", b"execfile") => Shape::Source,
        (b"runpy", b"run_module") | (b"importlib", b"import_module") | (b"", b"__import__") => Shape::Module,
        (b"", b"exec" | b"eval") => Shape::Executed,
        _ => return,
    };
    let Arguments { values, directory } = names.arguments(tokens, open, 0);
    let mut kind =
        if module == b"os" && function.starts_with(b"exec") { RunKind::Exec } else { RunKind::Spawn };
    let mut values = values.into_iter();
    let words = match (shape, values.next()) {
        (Shape::Line | Shape::Command, Some(Value::Text(text))) => {
            vec![Word::text("sh"), Word::text("-c"), text]
        }
        (Shape::Command, Some(Value::List(list))) => list,
        (Shape::List(skip), Some(first)) => {
            let mut rest = std::iter::once(first).chain(values).skip(skip);
            let program = rest.next().map_or_else(Word::default, Value::into_word);
            let arguments = match rest.next() {
                Some(Value::List(list)) => list,
                _ => Vec::new(),
            };
            // The first of the arguments is the name that the program is told it has.
            std::iter::once(program).chain(arguments.into_iter().skip(1)).collect()
        }
        (Shape::Words(before), Some(first)) => {
            // With a mode before, or a name after, the program: `spawnlp(mode, program, name, …)`.
            let mut rest =
                std::iter::once(first).chain(values).skip(before.saturating_sub(1)).map(Value::into_word);
            let program = rest.next();
            program.into_iter().chain(rest.skip(before.min(1))).collect()
        }
        (Shape::Source, Some(Value::Text(path))) => {
            kind = RunKind::Source;
            vec![path]
        }
        (Shape::Module, Some(Value::Text(name))) => {
            reading.import(name.as_text().unwrap_or_default());
            return;
        }
        // `exec(open("x").read())`
        (Shape::Executed, _) => match opened(names, tokens, open) {
            Some(path) => {
                kind = RunKind::Source;
                vec![path]
            }
            None => return,
        },
        _ => return,
    };
    if words.first().is_some_and(|word| !word.is_empty() && word.0 != [Piece::Unknown]) {
        reading.run(Run { line, kind, words, directory });
    }
}

/// How a function is told what to run.
#[derive(Clone, Copy)]
enum Shape {
    /// A command line for the shell.
    Line,
    /// A list of words, or a command line.
    Command,
    /// The program, then a list of its arguments, after this many others.
    List(usize),
    /// Each word an argument: 0 none before, 1 the program is followed by its own name, 2 a mode before that.
    Words(usize),
    /// The path of a script.
    Source,
    /// The name of a module.
    Module,
    /// Code.
    Executed,
}

/// The path in `open(path)` within the brackets at `open`.
fn opened(names: &Names<'_>, tokens: &[Token<'_>], open: usize) -> Option<Word> {
    /// Code is read from a file right here, or not at all.
    const NEAR: usize = 16;
    let end = close_of(tokens, open).min(open + NEAR);
    let at = (open..end).find(|&at| {
        matches!(tokens.get(at).map(|token| &token.kind), Some(TokenKind::Name(b"open")))
            && mark(tokens, at + 1) == Some(b'(')
    })?;
    match names.arguments(tokens, at + 1, 0).values.into_iter().next()? {
        Value::Text(path) => Some(path),
        _ => None,
    }
}
