use super::call::{Call, Redirect, shown, streams};
use super::files::File;
use super::flow::{Cargo, Flow};
use super::hosts::{self, HostKind, Remote};
use super::stores::cargo_of;
use super::{Acts, Deed, code, deeds, programs, shells};
use crate::analyzers::start::{
    Language, Step, Word, base_name, language_of_program, runs_of, shell_calls, steps,
};
use std::collections::{HashMap, HashSet};

/// Deepest nesting of lines given to shells that is followed.
const MAX_DEPTH: u32 = 6;
/// Most commands inside each other in one line, as `nohup nice env …` has them. Each costs as much as the rest of the
/// line is long, and a place on the stack.
const MAX_WRAPPERS: u32 = 16;
/// Most bytes of such lines that are read for one script: each can be a part of the next.
const MAX_INNER: usize = 512 << 10;

/// The acts of a shell script.
pub(super) fn acts(calls: &[Call], out: &mut Acts) {
    Reader::new(out).read(calls);
}

/// Follows texts from where they come from to where they go, through pipes, substitutions, variables and files.
pub(super) struct Reader<'o> {
    pub(super) out: &'o mut Acts,
    streams: HashMap<u32, Flow>,
    pub(super) files: HashMap<Vec<u8>, File>,
    pub(super) fifos: HashSet<Vec<u8>>,
    /// Functions that the script defines, and whether something in it fetches from an address it is given.
    functions: HashSet<Vec<u8>>,
    pub(super) fetches_parameter: bool,
    /// The connection that a descriptor of the shell is.
    pub(super) socket: Option<Remote>,
    /// Where an archive or a repository came from that was unpacked.
    pub(super) unpacked: Option<Remote>,
    /// Whether certificates are not checked from here on.
    pub(super) unchecked: bool,
    pub(super) verified: bool,
    /// The line of the last look for a sandbox.
    pub(super) looked: Option<u32>,
    /// How many wrappers the command that is read stands in.
    wrappers: u32,
}

/// A word of a command with what is in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Arg {
    pub(super) text: Vec<u8>,
    pub(super) flow: Flow,
}

/// A command in its place.
pub(super) struct Place<'c> {
    pub(super) line: u32,
    pub(super) directory: Vec<u8>,
    pub(super) redirects: &'c [Redirect],
    /// What it reads.
    pub(super) input: Flow,
    /// The whole of it, for people.
    pub(super) shown: Vec<u8>,
}

impl<'o> Reader<'o> {
    pub(super) fn new(out: &'o mut Acts) -> Self {
        Self {
            out,
            streams: HashMap::new(),
            files: HashMap::new(),
            fifos: HashSet::new(),
            functions: HashSet::new(),
            fetches_parameter: false,
            socket: None,
            unpacked: None,
            unchecked: false,
            verified: false,
            looked: None,
            wrappers: 0,
        }
    }

    pub(super) fn read(&mut self, calls: &[Call]) {
        for call in calls {
            self.call(call);
        }
    }

    fn call(&mut self, call: &Call) {
        let args: Vec<Arg> = call.words.iter().map(|word| self.arg(word)).collect();
        let place = Place {
            line: call.line,
            directory: shown(&call.directory),
            redirects: &call.redirects,
            input: self.input(call),
            shown: args.iter().map(|arg| arg.text.as_slice()).collect::<Vec<_>>().join(b" ".as_slice()),
        };
        let output = if args.is_empty() {
            self.bare_redirects(&place);
            place.input.clone()
        } else {
            self.command(&args, &place)
        };
        for redirect in &call.redirects {
            if let Redirect::To(target) = redirect {
                let target = shown(target);
                deeds::written(self, &target, &place);
                if let Some(text) = output.text.as_ref().filter(|_| deeds::runs_later(&target)) {
                    self.line(text, &place);
                }
                self.write(&self.path(&target, &place), &output, false);
            }
        }
        if let Some(stream) = call.prints_into {
            self.streams.entry(stream).or_default().add(&output);
        }
    }

    fn arg(&self, word: &Word) -> Arg {
        let text = shown(word);
        let mut flow = Flow::of(cargo_of(&text));
        for stream in streams(word) {
            if let Some(printed) = self.streams.get(&stream) {
                flow.add(printed);
            }
        }
        Arg { text, flow }
    }

    fn input(&self, call: &Call) -> Flow {
        let mut input =
            call.reads_from.and_then(|stream| self.streams.get(&stream)).cloned().unwrap_or_default();
        for redirect in &call.redirects {
            match redirect {
                Redirect::From(word) => {
                    let text = shown(word);
                    if is_descriptor(&text) && self.socket.is_some() {
                        input.add(&self.socket.as_ref().map(Flow::answer).unwrap_or_default());
                    } else if let Some(remote) = device(&text) {
                        input.add(&Flow::answer(&remote));
                    } else {
                        input.add(&self.file_at(&text));
                    }
                }
                Redirect::Text(word) => {
                    let arg = self.arg(word);
                    input.add(&arg.flow);
                    input.text = Some(arg.text);
                }
                Redirect::Commands(stream) => {
                    if let Some(flow) = self.streams.get(stream) {
                        input.add(flow);
                    }
                }
                Redirect::To(_) => {}
            }
        }
        if !call.document.is_empty() {
            input.text = Some(call.document.clone());
        }
        input
    }

    /// `exec 3<>/dev/tcp/host/port`, and redirections without any command.
    fn bare_redirects(&mut self, place: &Place<'_>) {
        for redirect in place.redirects {
            if let Redirect::To(word) | Redirect::From(word) = redirect
                && let Some(remote) = device(&shown(word))
            {
                self.socket = Some(remote);
            }
        }
    }

    /// Understands one command, and gives what it prints.
    pub(super) fn command(&mut self, args: &[Arg], place: &Place<'_>) -> Flow {
        let mut args = args.get(deeds::schedule_len(args)..).unwrap_or_default();
        while let Some((first, rest)) = args.split_first()
            && let Some((variable, value)) = assignment(&first.text)
        {
            deeds::assigned(self, variable, value, place);
            args = rest.get(deeds::schedule_len(rest)..).unwrap_or_default();
        }
        let Some((program, rest)) = args.split_first() else { return Flow::default() };
        let name = base_name(&program.text);
        if rest.is_empty() && name == b"exec" {
            self.bare_redirects(place);
            return Flow::default();
        }
        if let Some(remote) = self.connected(place)
            && (language_of_program(name) == Some(Language::Shell) && self.reads_socket(rest, place)
                || program.text.starts_with(b"$"))
        {
            self.push(Deed::ConnectsShell, Some(&remote), place);
        }
        deeds::command(self, name, args, place);
        let ran = if self.files.is_empty() { None } else { self.files.get(&self.path(&program.text, place)) };
        if let Some(file) = ran.filter(|file| file.flow.remote.is_some()) {
            let deed = Deed::RunsFetched { made_executable: file.executable, verified: self.verified };
            let remote = file.flow.remote.clone();
            self.push(deed, remote.as_ref(), place);
        }
        match name {
            b"function" => {
                self.functions.extend(rest.first().map(|name| name.text.clone()));
                return Flow::default();
            }
            b"." | b"source" => return self.source(rest, place),
            b"eval" => return self.evaluate(rest, place),
            b"trap" => {
                let action = rest.iter().find(|arg| !arg.text.starts_with(b"-"));
                return self.evaluate(action.map(std::slice::from_ref).unwrap_or_default(), place);
            }
            _ => {}
        }
        if program.text.starts_with(b"$_") && program.flow.remote.is_some() {
            self.interpret(&Flow { text: None, ..program.flow.clone() }, Language::Shell, place);
        }
        if self.fetches_parameter && self.functions.contains(program.text.as_slice()) {
            return programs::own_downloader(self, rest, place);
        }
        if let Some(language) = language_of_program(name) {
            return self.interpreter(language, rest, place);
        }
        if let Some(flow) = shells::command(self, name, rest, place) {
            return flow;
        }
        let known: Vec<Option<Vec<u8>>> = args.iter().map(|arg| Some(arg.text.clone())).collect();
        let mut output = Flow::default();
        let mut wraps = false;
        for step in steps(name, &known) {
            match step {
                Step::Command(words) => {
                    wraps = true;
                    if matches!(name, b"torsocks" | b"torify" | b"tsocks") || name.starts_with(b"proxychains")
                    {
                        self.push(Deed::ThroughTor, None, place);
                    }
                    let inner = args.get(args.len().saturating_sub(words.len())..).unwrap_or_default();
                    // A wrapper that adds words in front, such as `env -S`, has no words to share.
                    if inner.len() == words.len() && inner.len() < args.len() {
                        if self.wrappers >= MAX_WRAPPERS {
                            self.out.cut = true;
                            continue;
                        }
                        self.wrappers += 1;
                        output.add(&self.command(inner, place));
                        self.wrappers -= 1;
                    }
                }
                Step::ShellLine(line, _) => {
                    wraps = true;
                    self.line(&line, place);
                }
                _ => {}
            }
        }
        if wraps { output } else { programs::output(self, name, rest, place) }
    }

    /// What a shell's descriptors are connected to, where that is a host.
    fn connected(&self, place: &Place<'_>) -> Option<Remote> {
        place.redirects.iter().find_map(|redirect| match redirect {
            Redirect::To(word) | Redirect::From(word) => {
                let text = shown(word);
                device(&text).or_else(|| self.socket.clone().filter(|_| is_descriptor(&text)))
            }
            _ => None,
        })
    }

    /// Whether a shell takes its commands from a connection. One that only prints into it is a log.
    fn reads_socket(&self, rest: &[Arg], place: &Place<'_>) -> bool {
        let from = |redirect: &Redirect| match redirect {
            Redirect::From(word) => device(&shown(word)).is_some() || is_descriptor(&shown(word)),
            _ => false,
        };
        rest.iter().all(|arg| arg.text.starts_with(b"-")) || place.redirects.iter().any(from)
    }

    fn source(&mut self, rest: &[Arg], place: &Place<'_>) -> Flow {
        let mut flow = rest.first().map(|arg| self.file(arg, place)).unwrap_or_default();
        flow.add(&place.input);
        self.interpret(&flow, Language::Shell, place);
        Flow::default()
    }

    fn evaluate(&mut self, rest: &[Arg], place: &Place<'_>) -> Flow {
        if let Some(first) = rest.first().filter(|first| first.text.starts_with(b"$_")) {
            self.interpret(&first.flow, Language::Shell, place);
        } else {
            let line = rest.iter().map(|arg| arg.text.as_slice()).collect::<Vec<_>>().join(b" ".as_slice());
            self.line(&line, place);
        }
        Flow::default()
    }

    fn interpreter(&mut self, language: Language, rest: &[Arg], place: &Place<'_>) -> Flow {
        let interactive = rest.iter().any(|arg| {
            arg.text.starts_with(b"-") && !arg.text.starts_with(b"--") && arg.text.contains(&b'i')
        });
        let prints = Flow {
            shell: language == Language::Shell
                && (interactive
                    || place.input.is_known()
                    || !rest.iter().any(|arg| !arg.text.starts_with(b"-"))),
            interactive,
            ..place.input.clone()
        };
        let code = match language {
            Language::Shell | Language::Python => b"c".as_slice(),
            Language::Php => b"r",
            Language::JavaScript => b"ep",
            _ => b"eE",
        };
        let mut at = 0;
        while let Some(arg) = rest.get(at) {
            let Some(letters) = arg.text.strip_prefix(b"-").filter(|letters| !letters.is_empty()) else {
                break;
            };
            at += 1;
            if arg.text == b"--eval"
                || (!letters.starts_with(b"-") && letters.iter().any(|letter| code.contains(letter)))
            {
                if let Some(given) = rest.get(at) {
                    self.given_code(language, given, place);
                }
                return prints;
            }
            let own = matches!(
                arg.text.as_slice(),
                b"-o" | b"-O" | b"--rcfile" | b"--init-file" | b"-W" | b"-X" | b"-m"
            );
            if arg.text == b"-m" {
                return prints;
            }
            at += usize::from(own);
            if arg.text == b"-s" && language == Language::Shell {
                self.interpret(&place.input, language, place);
                return prints;
            }
        }
        match rest.get(at) {
            Some(script) if script.text != b"-" && script.text != b"/dev/stdin" => {
                let path = self.path(&script.text, place);
                if let Some(file) = self.files.get(&path) {
                    let remote = file.flow.remote.clone();
                    let deed =
                        Deed::RunsFetched { made_executable: file.executable, verified: self.verified };
                    let text = file.flow.text.clone().filter(|_| remote.is_none());
                    if remote.is_some() {
                        self.push(deed, remote.as_ref(), place);
                    }
                    // A script that the script has just written.
                    if text.is_some() {
                        self.interpret(&Flow { text, ..Flow::default() }, language, place);
                    }
                }
            }
            _ => self.interpret(&place.input, language, place),
        }
        prints
    }

    /// Code on the command line of an interpreter.
    fn given_code(&mut self, language: Language, given: &Arg, place: &Place<'_>) {
        if given.flow.remote.is_some() && given.text.starts_with(b"$_") {
            self.interpret(&given.flow, language, place);
        } else if language == Language::Shell {
            self.line(&given.text, place);
        } else {
            self.code(language, &given.text, place.line);
        }
    }

    /// A text becomes code.
    pub(super) fn interpret(&mut self, flow: &Flow, language: Language, place: &Place<'_>) {
        if let Some(remote) = &flow.remote {
            self.push(Deed::Interprets, Some(remote), place);
        }
        if flow.request {
            self.push(Deed::RunsRequest, None, place);
        }
        if let Some(text) = &flow.text {
            if language == Language::Shell {
                self.line(text, place);
            } else {
                self.code(language, text, place.line);
            }
        }
    }

    fn code(&mut self, language: Language, text: &[u8], line: u32) {
        self.out.inner += text.len();
        if self.out.depth >= MAX_DEPTH || self.out.inner > MAX_INNER {
            self.out.cut |= self.out.inner > MAX_INNER;
            return;
        }
        let before = self.out.list.len();
        self.out.depth += 1;
        code::acts(language, text, &crate::Signs::of(text), &runs_of(language, text), self.out);
        self.out.depth -= 1;
        for act in self.out.list.iter_mut().skip(before) {
            act.line = line;
        }
    }

    /// Reads a line that is given to a shell. Its own streams are apart; files are shared.
    pub(super) fn line(&mut self, text: &[u8], place: &Place<'_>) {
        self.out.inner += text.len();
        if self.out.depth >= MAX_DEPTH || self.out.inner > MAX_INNER {
            self.out.cut |= self.out.inner > MAX_INNER;
            return;
        }
        self.out.depth += 1;
        let mut calls = shell_calls(text);
        for call in &mut calls {
            call.line = place.line;
        }
        let streams = std::mem::take(&mut self.streams);
        self.read(&calls);
        self.streams = streams;
        self.out.depth -= 1;
    }

    pub(super) fn push(&mut self, deed: Deed, remote: Option<&Remote>, place: &Place<'_>) {
        self.out.push(place.line, deed, remote, &place.shown);
    }

    /// Notes that something goes to a host.
    pub(super) fn send(&mut self, cargo: Cargo, remote: &Remote, place: &Place<'_>) {
        if remote.is_outside() {
            self.push(Deed::Sends(cargo.0), Some(remote), place);
        }
    }

    pub(super) fn fetch(&mut self, remote: &Remote, place: &Place<'_>) {
        self.fetches_parameter |= remote.kind == HostKind::Unknown;
        if remote.kind != HostKind::Loopback {
            self.push(Deed::Fetches, Some(remote), place);
        }
    }
}

/// The host of bash's `/dev/tcp/host/port`.
pub(super) fn device(path: &[u8]) -> Option<Remote> {
    let rest = path.strip_prefix(b"/dev/tcp/").or_else(|| path.strip_prefix(b"/dev/udp/"))?;
    let (host, port) = rest.split_at(memchr::memchr(b'/', rest)?);
    (!host.is_empty() && port.len() > 1).then(|| hosts::host(host))
}

/// Whether a redirection's target is a descriptor beyond the usual three.
fn is_descriptor(text: &[u8]) -> bool {
    (1..=3).contains(&text.len())
        && text.iter().all(u8::is_ascii_digit)
        && !matches!(text, b"0" | b"1" | b"2")
}

fn assignment(word: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b'=', word)?;
    let (name, value) = word.split_at(at);
    let is_name = name.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    is_name.then(|| (name, value.get(1..).unwrap_or_default()))
}
