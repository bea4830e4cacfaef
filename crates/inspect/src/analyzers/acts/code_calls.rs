use super::Deed;
use super::code::{Asked, Code, last};
use super::code_tokens::Kind;
use super::commands::{Arg, Place};
use super::flow::{Cargo, Flow};
use super::hosts::{self, HostKind, Remote, remote};
use super::shells::is_shell;
use super::stores::{cargo_of, store_of};
use crate::analyzers::start::Language;
use memchr::memmem;

impl Code<'_, '_> {
    /// What a call gives, and what it does.
    pub(super) fn call(&mut self, asked: Asked<'_>) -> Flow {
        let Asked { name, open, close, line, inner, owner, remote: asks, around } = asked;
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
            result.cargo.remove(Cargo::ENVIRONMENT);
            let first = inner.text.as_deref().unwrap_or_default();
            if matches!(first.split(u8::is_ascii_whitespace).next(), Some(b"env" | b"printenv" | b"set")) {
                result.cargo.add(Cargo::ENVIRONMENT);
                return result;
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
                // What is read by a variable over a list of stores carries all of them.
                result.cargo.add(inner.cargo);
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
        if !keeps_environment(last) {
            result.cargo.remove(Cargo::ENVIRONMENT);
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
            Some(Kind::Text(text)) => Some(text.to_vec()),
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
    pub(super) fn conclude(&mut self) {
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

/// Calls that give the environment on as a whole. A function that is handed all of it mostly looks one thing up.
fn keeps_environment(last: &[u8]) -> bool {
    matches!(
        last,
        b"dict"
            | b"str"
            | b"dumps"
            | b"stringify"
            | b"repr"
            | b"list"
            | b"items"
            | b"copy"
            | b"deepcopy"
            | b"encode"
            | b"decode"
            | b"b64encode"
            | b"urlencode"
            | b"join"
            | b"format"
            | b"sorted"
            | b"bytes"
            | b"to_json"
            | b"to_h"
            | b"inspect"
            | b"compress"
            | b"entries"
            | b"from"
            | b"quote"
            | b"btoa"
            | b"serialize"
            | b"var_export"
            | b"print_r"
            | b"json_encode"
            | b"base64_encode"
            | b"http_build_query"
            | b"getenv"
            | b"assign"
            | b"map"
            | b"toString"
            | b"encode64"
            | b"to_s"
            | b"generate"
            | b"hexlify"
            | b"Request"
    )
}

/// Whether a text puts standard streams on a connection: `<&3`, `>&S`.
pub(super) fn wires(text: &[u8]) -> bool {
    if memchr::memchr(b'&', text).is_none() {
        return false;
    }
    let signs: [&[u8]; 4] = [b"<&3", b"0<&", b">&S", b"<&S"];
    signs.iter().any(|sign| memmem::find(text, sign).is_some()) || matches!(text, b">&" | b"<&")
}

/// Calls that ask a host for something, where an address is among their arguments.
pub(super) fn fetches(last: &[u8]) -> bool {
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
