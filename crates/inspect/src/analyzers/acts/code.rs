use super::Acts;
use super::call::Call;
use super::code_calls::{fetches, wires};
use super::code_tokens::{Kind, Token, give_back, tokens};
use super::code_words::matters;
use super::commands::Reader;
use super::flow::{Cargo, Flow};
use super::hosts::{Remote, remote};
use super::stores::cargo_of;
use crate::analyzers::start::{Language, Run};
use crate::signs::Signs;
use hashbrown::HashMap;
use memchr::memmem;
use std::borrow::Cow;

/// Deepest nesting of brackets that is followed.
const MAX_DEPTH: u32 = 24;
/// Most variables that are kept track of.
const MAX_VARIABLES: usize = 2048;

/// The acts of a script in a general language: values are followed from calls that fetch or read to calls that run
/// or send, by the names of calls alone.
pub(super) fn acts(language: Language, text: &[u8], signs: &Signs, runs: &[Run], out: &mut Acts) {
    let mut reader = Reader::new(out);
    if matters(language, text, signs) {
        let (tokens, whole) = tokens(language, text);
        let minified = has_long_line(text);
        let mut code = Code {
            language,
            tokens: &tokens,
            variables: HashMap::new(),
            seen: Seen::default(),
            reader,
            minified,
        };
        code.expression(0, tokens.len(), &Flow::default(), 0);
        code.conclude();
        reader = code.reader;
        reader.out.cut |= !whole;
        give_back(tokens);
    }
    let calls: Vec<Call> = runs
        .iter()
        .map(|run| Call {
            line: run.line,
            words: run.words.clone(),
            directory: run.directory.clone(),
            ..Call::default()
        })
        .collect();
    reader.read(&calls);
}

/// Whether a line is longer than anybody writes one.
fn has_long_line(text: &[u8]) -> bool {
    const LONG: usize = 2000;
    let ends = memchr::memchr_iter(b'\n', text).chain([text.len()]);
    let mut start = 0;
    ends.into_iter().any(|end| end - std::mem::replace(&mut start, end + 1) > LONG)
}

/// Where a name stands: its token, the one behind it, the end of the expression, and how deep that is nested.
struct Spot {
    at: usize,
    after: usize,
    end: usize,
    depth: u32,
}

/// A call with what is known of its arguments.
pub(super) struct Asked<'a> {
    pub(super) name: &'a [u8],
    /// The tokens between its brackets.
    pub(super) open: usize,
    pub(super) close: usize,
    pub(super) line: u32,
    pub(super) inner: &'a Flow,
    /// What the value holds whose method it is.
    pub(super) owner: Option<Flow>,
    /// The host that it asks.
    pub(super) remote: Option<Remote>,
    /// What is known of the calls around it.
    pub(super) around: &'a Flow,
}

pub(super) struct Code<'t, 'o> {
    pub(super) language: Language,
    pub(super) tokens: &'t [Token<'t>],
    pub(super) variables: HashMap<Vec<u8>, Flow>,
    pub(super) seen: Seen,
    pub(super) reader: Reader<'o>,
    minified: bool,
}

/// What a script has somewhere, which together make a connected shell or a program run from memory.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) connection: Option<(u32, Remote)>,
    /// Standard streams are put on a descriptor.
    pub(super) wired: bool,
    pub(super) shell: bool,
    pub(super) listens: bool,
    pub(super) memory: Option<u32>,
    pub(super) runs_descriptor: bool,
}

impl<'t> Code<'t, '_> {
    pub(super) fn kind(&self, at: usize) -> Option<&Kind<'_>> {
        self.tokens.get(at).map(|token| &token.kind)
    }

    fn line(&self, at: usize) -> u32 {
        self.tokens.get(at).map_or(1, |token| token.line)
    }

    /// What the tokens in a range hold together. `around` is what the call that they stand in asks of a host: what
    /// its callbacks are given.
    fn expression(&mut self, start: usize, end: usize, around: &Flow, depth: u32) -> Flow {
        let mut all = Flow::default();
        let mut chain = Flow::default();
        let mut target: Option<Vec<u8>> = None;
        let mut at = start;
        while at < end {
            match self.kind(at) {
                Some(Kind::Name(b"as")) => {
                    if let Some(Kind::Name(name)) = self.kind(at + 1) {
                        let name = name.to_vec();
                        self.bind(name, &chain);
                    }
                    at += 2;
                }
                // What a function is given is not what a variable of that name was elsewhere.
                Some(Kind::Name(b"def" | b"function" | b"sub" | b"lambda")) => {
                    self.forget_parameters(at + 1);
                    at += 1;
                }
                // `for x in list`: the variable holds what the list does.
                Some(Kind::Name(b"in" | b"of")) => {
                    if let Some(Kind::Name(name)) = at.checked_sub(1).and_then(|before| self.kind(before)) {
                        target = Some(name.to_vec());
                    }
                    at += 1;
                }
                Some(Kind::Name(_)) => {
                    let (name, after) = self.dotted(at, end);
                    if matches!(self.kind(after), Some(Kind::Assign)) && after < end {
                        target = Some(name.into_owned());
                        at = after + 1;
                        continue;
                    }
                    // `files[name] = …` fills what it is looked up in.
                    if let Some(Kind::Open(b'[', close)) = self.kind(after)
                        && let Some(behind) = close.checked_add(1).filter(|&behind| behind < end)
                        && matches!(self.kind(behind), Some(Kind::Assign))
                    {
                        target = Some(name.into_owned());
                        at = behind + 1;
                        continue;
                    }
                    at = self.named(&name, Spot { at, after, end, depth }, around, &mut chain);
                }
                Some(Kind::Text(text)) => {
                    chain.cargo.add(cargo_of(text));
                    if chain.text.is_none() {
                        chain.text = Some(text.to_vec());
                    }
                    self.seen.wired |= wires(text);
                    at += 1;
                }
                Some(Kind::Open(bracket, close)) => {
                    let bracket = *bracket;
                    let close = (*close).min(end);
                    if depth < MAX_DEPTH {
                        let inner = self.expression(at + 1, close, around, depth + 1);
                        let before = at.checked_sub(1).and_then(|before| self.kind(before));
                        // What a value is looked up by is not in it.
                        if bracket != b'[' || !before.is_some_and(can_be_looked_up) {
                            chain.add(&inner);
                        }
                    } else {
                        self.reader.out.cut = true;
                    }
                    at = close.saturating_add(1);
                }
                Some(Kind::End) => {
                    if let Some(name) = target.take() {
                        self.bind(name, &chain);
                    }
                    all.add(&std::mem::take(&mut chain));
                    at += 1;
                }
                _ => at += 1,
            }
        }
        if let Some(name) = target {
            self.bind(name, &chain);
        }
        all.add(&chain);
        all
    }

    fn bind(&mut self, name: Vec<u8>, flow: &Flow) {
        // Where every name is a letter, one name is many variables.
        if self.minified && name.len() <= 2 {
            return;
        }
        if self.variables.len() < MAX_VARIABLES && (flow.is_known() || flow.text.is_some() || flow.request) {
            self.variables.entry(name).or_default().add(flow);
        } else if self.variables.len() >= MAX_VARIABLES {
            self.reader.out.cut = true;
        }
    }

    fn forget_parameters(&mut self, at: usize) {
        /// Tokens of a list of parameters that are looked at.
        const NEAR: usize = 48;
        let open = (at..at + 2).find(|at| matches!(self.kind(*at), Some(Kind::Open(b'(', _))));
        let Some((open, Some(Kind::Open(_, close)))) = open.map(|open| (open, self.kind(open))) else {
            return;
        };
        for at in open + 1..(*close).min(open + NEAR) {
            if let Some(Kind::Name(name)) = self.tokens.get(at).map(|token| &token.kind) {
                self.variables.remove(*name);
            }
        }
    }

    /// A dotted name and the index behind it.
    fn dotted(&self, mut at: usize, end: usize) -> (Cow<'t, [u8]>, usize) {
        let mut name: Cow<'t, [u8]> = Cow::Borrowed(b"");
        let tokens = self.tokens;
        while let Some(Token { kind: Kind::Name(part), .. }) = tokens.get(at).filter(|_| at < end) {
            let part: &'t [u8] = part.strip_prefix(b"\\").unwrap_or(part);
            if name.is_empty() {
                name = Cow::Borrowed(part);
            } else {
                name.to_mut().extend_from_slice(part);
            }
            at += 1;
            let more = matches!(self.kind(at), Some(Kind::Dot))
                && matches!(self.kind(at + 1), Some(Kind::Name(_)))
                && at + 1 < end;
            if !more || name.len() > 200 {
                break;
            }
            name.to_mut().push(b'.');
            at += 1;
        }
        (name, at)
    }

    /// A name in an expression: a call, or a value.
    fn named(&mut self, name: &[u8], spot: Spot, around: &Flow, chain: &mut Flow) -> usize {
        let Spot { at, after, end, depth } = spot;
        let last = last(name);
        let (open, close) = match self.kind(after) {
            Some(Kind::Open(b'(', close)) if after < end => (after + 1, (*close).min(end)),
            // Perl, Ruby and PHP call without brackets.
            Some(Kind::Text(_) | Kind::Name(_)) if self.calls_bare(last) && after < end => {
                let close = (after..end).find(|&at| matches!(self.kind(at), Some(Kind::End))).unwrap_or(end);
                // The list of a bare call goes on behind a comma; its first member is what is run.
                (after, close)
            }
            _ => {
                let flow = self.value(name, after);
                chain.add(&flow);
                return after;
            }
        };
        if depth >= MAX_DEPTH {
            self.reader.out.cut = true;
            return close.saturating_add(1);
        }
        let mut inside = around.clone();
        inside.add(chain);
        let asks = if fetches(last) { self.address_in(open, close) } else { None };
        if let Some(remote) = &asks {
            inside.add(&Flow::answer(remote));
        }
        let inner = self.expression(open, close, &inside, depth + 1);
        let line = self.line(at);
        let owner = self
            .variables
            .get(name.get(..name.len().saturating_sub(last.len() + 1)).unwrap_or_default())
            .cloned();
        let asked = Asked { name, open, close, line, inner: &inner, owner, remote: asks, around: &inside };
        let result = self.call(asked);
        chain.add(&result);
        close.saturating_add(usize::from(matches!(self.kind(close), Some(Kind::Close))))
    }

    fn calls_bare(&self, name: &[u8]) -> bool {
        matches!(self.language, Language::Perl | Language::Ruby | Language::Php)
            && matches!(
                name,
                b"system"
                    | b"exec"
                    | b"eval"
                    | b"require"
                    | b"include"
                    | b"include_once"
                    | b"require_once"
                    | b"get"
            )
    }

    fn value(&self, name: &[u8], after: usize) -> Flow {
        let looked_up = matches!(self.kind(after), Some(Kind::Open(b'[', _)));
        match name {
            b"os.environ" | b"process.env" | b"ENV" | b"%ENV" | b"$_ENV" if !looked_up => {
                Flow::of(Cargo::ENVIRONMENT)
            }
            // What a loop over a connection reads in Perl, and in Ruby, whose calls need no brackets.
            _ if (name == b"$_" && self.language == Language::Perl && self.seen.wired)
                || (last(name) == b"gets" && self.language == Language::Ruby) =>
            {
                match &self.seen.connection {
                    Some((_, remote)) => Flow { connection: true, ..Flow::answer(remote) },
                    None => Flow::default(),
                }
            }
            b"$_GET" | b"$_POST" | b"$_REQUEST" | b"$_COOKIE" => Flow { request: true, ..Flow::default() },
            _ => {
                let first = name.split(|&byte| byte == b'.').next().unwrap_or_default();
                let whole = self.variables.get(name).filter(|_| !looked_up);
                whole.cloned().unwrap_or_else(|| {
                    // A part of something: of the environment, that is one setting and not all of it.
                    let mut part = self.variables.get(first).cloned().unwrap_or_default();
                    part.cargo.remove(Cargo::ENVIRONMENT);
                    part
                })
            }
        }
    }

    /// The address that a call is given among its first arguments.
    fn address_in(&self, open: usize, close: usize) -> Option<Remote> {
        /// Where the address of a request stands.
        const NEAR: usize = 24;
        (open..close.min(open + NEAR)).find_map(|at| match self.kind(at) {
            Some(Kind::Text(text)) if memmem::find(text, b"://").is_some() => remote(text),
            Some(Kind::Name(name)) => {
                let text = self.variables.get(*name)?.text.as_ref()?;
                memmem::find(text, b"://").and_then(|_| remote(text))
            }
            _ => None,
        })
    }
}

/// Whether a bracket behind a token looks something up, rather than being a list.
fn can_be_looked_up(token: &Kind<'_>) -> bool {
    let keywords: [&[u8]; 8] = [b"in", b"of", b"return", b"and", b"or", b"not", b"else", b"yield"];
    match token {
        Kind::Name(name) => !keywords.contains(name),
        Kind::Close => true,
        _ => false,
    }
}

pub(super) fn last(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| byte == b'.').next().unwrap_or(name)
}
