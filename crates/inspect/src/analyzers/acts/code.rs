use super::call::Call;
use super::code_tokens::{Kind, Token, tokens};
use super::commands::{Arg, Place, Reader};
use super::flow::{Cargo, Flow};
use super::hosts::{self, HostKind, Remote, remote};
use super::shells::is_shell;
use super::stores::{cargo_of, store_of};
use super::{Acts, Deed};
use crate::analyzers::start::{Language, Run};
use memchr::memmem;
use std::collections::HashMap;

/// Deepest nesting of brackets that is followed.
const MAX_DEPTH: u32 = 24;
/// Most variables that are kept track of.
const MAX_VARIABLES: usize = 2048;

/// The acts of a script in a general language: values are followed from calls that fetch or read to calls that run
/// or send, by the names of calls alone.
pub(super) fn acts(language: Language, text: &[u8], runs: &[Run], out: &mut Acts) {
    let mut reader = Reader::new(out);
    if matters(text) {
        let (tokens, whole) = tokens(language, text);
        let minified = text.split(|&byte| byte == b'\n').any(|line| line.len() > 2000);
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

/// Whether a script has both ends of anything that is looked for here. Most have not.
fn matters(text: &[u8]) -> bool {
    let has = |signs: &[&[u8]]| signs.iter().any(|sign| memmem::find(text, sign).is_some());
    has(&[
        b"http",
        b"socket",
        b"Socket",
        b"sockopen",
        b"php://input",
        b"$_",
        b"memfd",
        b"syscall",
        b"net.connect",
    ]) && has(&[
        b"exec",
        b"eval",
        b"system",
        b"popen",
        b"Popen",
        b"spawn",
        b"subprocess",
        b"Function",
        b"post",
        b"send",
        b"put",
        b"urlopen",
        b"assert",
        b"`",
        b"passthru",
        b"load",
        b"fetch",
        b"POST",
    ])
}

struct Code<'t, 'o> {
    language: Language,
    tokens: &'t [Token<'t>],
    variables: HashMap<Vec<u8>, Flow>,
    seen: Seen,
    reader: Reader<'o>,
    minified: bool,
}

/// What a script has somewhere, which together make a connected shell or a program run from memory.
#[derive(Default)]
struct Seen {
    connection: Option<(u32, Remote)>,
    /// Standard streams are put on a descriptor.
    wired: bool,
    shell: bool,
    listens: bool,
    memory: Option<u32>,
    runs_descriptor: bool,
}

impl Code<'_, '_> {
    fn kind(&self, at: usize) -> Option<&Kind<'_>> {
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
                        target = Some(name);
                        at = after + 1;
                        continue;
                    }
                    at = self.named(&name, at, after, end, around, &mut chain, depth);
                }
                Some(Kind::Text(text)) => {
                    let flow = literal(text);
                    self.seen.wired |= wires(text);
                    chain.add(&flow);
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

    /// A dotted name and the index behind it.
    fn dotted(&self, mut at: usize, end: usize) -> (Vec<u8>, usize) {
        let mut name = Vec::new();
        while let Some(Kind::Name(part)) = self.kind(at).filter(|_| at < end) {
            name.extend_from_slice(part.strip_prefix(b"\\").unwrap_or(part));
            at += 1;
            let more = matches!(self.kind(at), Some(Kind::Dot))
                && matches!(self.kind(at + 1), Some(Kind::Name(_)))
                && at + 1 < end;
            if !more || name.len() > 200 {
                break;
            }
            name.push(b'.');
            at += 1;
        }
        (name, at)
    }

    /// A name in an expression: a call, or a value.
    #[allow(clippy::too_many_arguments)]
    fn named(
        &mut self,
        name: &[u8],
        at: usize,
        after: usize,
        end: usize,
        around: &Flow,
        chain: &mut Flow,
        depth: u32,
    ) -> usize {
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
        let asked = self.address_in(open, close);
        let asks = asked.as_ref().filter(|_| fetches(last)).cloned();
        if let Some(remote) = &asks {
            inside.add(&Flow::answer(remote));
        }
        let inner = self.expression(open, close, &inside, depth + 1);
        let line = self.line(at);
        let owner = self
            .variables
            .get(name.get(..name.len().saturating_sub(last.len() + 1)).unwrap_or_default())
            .cloned();
        let result = self.call(name, (open, close), line, &inner, owner, asks, &inside);
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
                self.variables.get(name).or_else(|| self.variables.get(first)).cloned().unwrap_or_default()
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

    /// What a call gives, and what it does.
    #[allow(clippy::too_many_arguments)]
    fn call(
        &mut self,
        name: &[u8],
        (open, close): (usize, usize),
        line: u32,
        inner: &Flow,
        owner: Option<Flow>,
        asks: Option<Remote>,
        around: &Flow,
    ) -> Flow {
        let last = last(name);
        let mut result = inner.clone();
        if evaluates(name, self.language) {
            // What a callback is given is what the call around it asked for; a text on the spot is not.
            let spelled = (open..close).any(|at| matches!(self.kind(at), Some(Kind::Text(_))));
            let remote = inner.remote.as_ref().or(around.remote.as_ref().filter(|_| !spelled));
            if let Some(remote) = remote {
                self.note(line, Deed::Evaluates, Some(remote), name);
            }
            let loads = matches!(last, b"include" | b"require" | b"include_once" | b"require_once");
            if inner.request && !loads {
                self.note(line, Deed::RunsRequest, None, name);
            }
        }
        if runs(name, self.language) {
            self.runs(name, line, inner);
            result = Flow { text: None, ..inner.clone() };
            let first = inner.text.as_deref().unwrap_or_default();
            if matches!(first.split(u8::is_ascii_whitespace).next(), Some(b"env" | b"printenv" | b"set")) {
                result.cargo.add(Cargo::ENVIRONMENT);
            }
        }
        if let Some(remote) = asks {
            let kind = last.to_ascii_lowercase();
            let posts =
                matches!(kind.as_slice(), b"post" | b"put" | b"patch") || inner.cargo != Cargo::default();
            if posts && remote.is_outside() {
                self.note(line, Deed::Sends(inner.cargo.0), Some(&remote), name);
            }
            let asked = self.texts(open, close).into_iter().next().unwrap_or_default();
            self.note(line, Deed::Fetches, Some(&remote), &[name, b"(", &asked, b")"].concat());
            result = Flow::answer(&remote);
            if matches!(last, b"urlretrieve" | b"getstore" | b"mirror" | b"download")
                && let Some(path) =
                    self.texts(open, close).into_iter().find(|text| memmem::find(text, b"://").is_none())
            {
                self.reader.write(&path, &Flow::answer(&remote), false);
            }
        }
        match last {
            b"connect"
            | b"create_connection"
            | b"fsockopen"
            | b"pfsockopen"
            | b"stream_socket_client"
            | b"createConnection"
            | b"INET"
            | b"inet_aton"
            | b"open_connection"
            | b"connect_ex" => self.connects(open, close, line),
            b"new" | b"open" if memmem::find(name, b"Socket").is_some() => self.connects(open, close, line),
            b"listen" | b"createServer" | b"bind" => self.seen.listens = true,
            b"dup2" | b"fileno" | b"fdopen" | b"reopen" => self.seen.wired = true,
            b"pipe" if self.language == Language::JavaScript => self.seen.wired = true,
            b"recv" | b"fgets" | b"gets" | b"readline" => {
                if let Some((_, remote)) = &self.seen.connection {
                    result.add(&Flow { connection: true, ..Flow::answer(remote) });
                }
            }
            b"send" | b"sendall" | b"sendto" if inner.cargo != Cargo::default() => {
                if let Some((_, remote)) = self.seen.connection.clone() {
                    self.note(line, Deed::Sends(inner.cargo.0), Some(&remote), name);
                }
            }
            b"memfd_create" => self.seen.memory = Some(line),
            b"syscall" => {
                let number = (open..close.min(open + 4))
                    .any(|at| matches!(self.kind(at), Some(Kind::Number(b"319" | b"279"))));
                if number {
                    self.seen.memory = Some(line);
                }
            }
            b"fexecve" | b"execveat" => self.seen.runs_descriptor = true,
            b"chmod" => {
                if let Some(path) = self.texts(open, close).into_iter().next() {
                    self.reader.make_executable(&path);
                }
                if let Some(path) = &inner.text {
                    self.reader.make_executable(path);
                }
            }
            b"open" | b"file_get_contents" | b"readFileSync" | b"read_text" | b"read_bytes" | b"readFile"
            | b"File.read" | b"glob" => {
                let path = inner.text.clone().unwrap_or_default();
                if let Some(store) = store_of(&path) {
                    self.note(line, Deed::Reads(store), None, name);
                }
                if cargo_of(&path).has(Cargo::PROCESSES) {
                    self.note(line, Deed::ReadsProcesses, None, name);
                }
            }
            b"write" | b"write_bytes" | b"write_text" | b"writeFileSync" | b"file_put_contents"
            | b"writeFile" => {
                let path = owner
                    .and_then(|owner| owner.text)
                    .or_else(|| around.text.clone())
                    .or_else(|| inner.text.clone());
                if let Some(path) = path.filter(|_| inner.remote.is_some()) {
                    self.reader.write(&path, inner, false);
                }
            }
            b"escapeshellarg" | b"escapeshellcmd" | b"intval" | b"basename" => result.request = false,
            b"getenv" if close <= open => result.cargo.add(Cargo::ENVIRONMENT),
            b"b64encode" | b"base64_encode" | b"encode64" | b"btoa" | b"compress" => {
                result.cargo.add(Cargo::ENCODED)
            }
            b"cpu_count" | b"uname" | b"hostname" | b"gethostname" => result.cargo.add(Cargo::MACHINE),
            _ => {}
        }
        if inner.text.as_deref() == Some(b"php://input") {
            result.request = true;
        }
        result
    }

    /// The first texts among the arguments of a call.
    fn texts(&self, open: usize, close: usize) -> Vec<Vec<u8>> {
        const MOST: usize = 4;
        let texts = (open..close.min(open + 64)).filter_map(|at| match self.kind(at) {
            Some(Kind::Text(text)) => Some(text.clone()),
            Some(Kind::Name(name)) => self.variables.get(*name).and_then(|flow| flow.text.clone()),
            _ => None,
        });
        texts.take(MOST).collect()
    }

    /// A call that runs a program.
    fn runs(&mut self, name: &[u8], line: u32, inner: &Flow) {
        if inner.connection {
            self.note(line, Deed::ConnectsShell, inner.remote.as_ref(), name);
        } else if inner.remote.is_some() {
            self.note(line, Deed::Evaluates, inner.remote.as_ref(), name);
        }
        // A request that fills in a part of a fixed command is another matter than one that is the command.
        let whole = inner.text.as_ref().is_none_or(|text| text.trim_ascii_start().starts_with(b"2>"));
        if inner.request && whole {
            self.note(line, Deed::RunsRequest, None, name);
        }
        let Some(text) = &inner.text else { return };
        self.seen.shell |= is_shell(text);
        self.seen.runs_descriptor |=
            memmem::find(text, b"/proc/self/fd").is_some() || memmem::find(text, b"/proc/").is_some();
        // What is run under a name that the call alone does not tell was bound before.
        let place = Place {
            line,
            directory: Vec::new(),
            redirects: &[],
            input: Flow::default(),
            shown: name.to_vec(),
        };
        let word = text.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_vec();
        if self.reader.fetched(&word, &place) {
            self.reader.command(&[Arg { text: word, flow: Flow::default() }], &place);
        }
    }

    fn connects(&mut self, open: usize, close: usize, line: u32) {
        let to = self.texts(open, close).into_iter().find_map(|text| {
            let name = text.split(|&byte| byte == b':').next().unwrap_or_default();
            let name = if memmem::find(&text, b"://").is_some() { return remote(&text) } else { name };
            let shape = name.contains(&b'.')
                && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
            shape.then(|| hosts::host(name))
        });
        if let Some(to) = to.filter(|to| to.kind != HostKind::Loopback) {
            self.seen.connection.get_or_insert((line, to));
        }
    }

    /// What the script does as a whole.
    fn conclude(&mut self) {
        if let Some((line, remote)) =
            self.seen.connection.take().filter(|_| self.seen.wired && self.seen.shell)
        {
            self.note(line, Deed::ConnectsShell, Some(&remote), b"socket, shell");
        } else if self.seen.listens
            && self.seen.wired
            && self.seen.shell
            && self.language != Language::JavaScript
        {
            self.note(1, Deed::OffersShell, None, b"socket, shell");
        }
        if let Some(line) = self.seen.memory.filter(|_| self.seen.runs_descriptor) {
            self.note(line, Deed::RunsFromMemory, None, b"memfd_create");
        }
    }

    fn note(&mut self, line: u32, deed: Deed, remote: Option<&Remote>, command: &[u8]) {
        self.reader.out.push(line, deed, remote, command);
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

fn last(name: &[u8]) -> &[u8] {
    name.rsplit(|&byte| byte == b'.').next().unwrap_or(name)
}

fn literal(text: &[u8]) -> Flow {
    Flow { text: Some(text.to_vec()), cargo: cargo_of(text), ..Flow::default() }
}

/// Whether a text puts standard streams on a connection: `<&3`, `>&S`.
fn wires(text: &[u8]) -> bool {
    let signs: [&[u8]; 4] = [b"<&3", b"0<&", b">&S", b"<&S"];
    signs.iter().any(|sign| memmem::find(text, sign).is_some()) || matches!(text, b">&" | b"<&")
}

/// Calls that ask a host for something, where an address is among their arguments.
fn fetches(last: &[u8]) -> bool {
    matches!(
        last,
        b"get"
            | b"post"
            | b"put"
            | b"patch"
            | b"request"
            | b"urlopen"
            | b"urlretrieve"
            | b"Request"
            | b"open"
            | b"fetch"
            | b"axios"
            | b"got"
            | b"file_get_contents"
            | b"curl_init"
            | b"curl_setopt"
            | b"getstore"
            | b"mirror"
            | b"read"
            | b"download"
            | b"get_response"
            | b"post_form"
            | b"URI"
            | b"parse"
            | b"include"
            | b"require"
            | b"fopen"
            | b"copy"
    )
}

/// Calls that make code of a text.
fn evaluates(name: &[u8], language: Language) -> bool {
    match name {
        b"eval"
        | b"builtins.exec"
        | b"builtins.eval"
        | b"window.eval"
        | b"globalThis.eval"
        | b"Function"
        | b"vm.runInThisContext"
        | b"vm.runInNewContext"
        | b"vm.runInContext"
        | b"instance_eval"
        | b"class_eval"
        | b"create_function"
        | b"loadstring" => true,
        b"exec" => language == Language::Python,
        b"load" => language == Language::Lua,
        b"assert" | b"include" | b"require" | b"include_once" | b"require_once" => language == Language::Php,
        _ => last(name) == b"_compile" || last(name) == b"instance_eval",
    }
}

/// Calls that run a program.
fn runs(name: &[u8], language: Language) -> bool {
    let last = last(name);
    let owner = name.get(..name.len().saturating_sub(last.len() + 1)).unwrap_or_default();
    match last {
        // Databases and regular expressions execute too.
        b"exec" | b"system" | b"spawn" | b"execute" => {
            let owners: [&[u8]; 9] =
                [b"", b"os", b"Kernel", b"child_process", b"cp", b"subprocess", b"pty", b"shell", b"shelljs"];
            owners.contains(&owner)
                && (last != b"exec" || language != Language::Python)
                && (last != b"execute" || language == Language::Lua)
        }
        b"popen" | b"Popen" | b"check_output" | b"check_call" | b"execSync" | b"spawnSync" | b"execFile"
        | b"execFileSync" | b"shell_exec" | b"passthru" | b"proc_open" | b"pcntl_exec" | b"`" | b"execl"
        | b"execle" | b"execv" | b"execve" | b"execvp" | b"getoutput" => true,
        b"run" | b"call" => memmem::find(name, b"subprocess").is_some(),
        _ => false,
    }
}
