mod hooks;
mod modules;

use super::command::{Arg, Step, known_name, steps};
use super::{Language, MAX_PLAIN, Piece, Run, RunKind, ScriptFacts, Word, base_name, parse};
use crate::{Fact, ImageView, Reached, Root};
use layers::{Kind, Place, normalize_path};
use modules::relative_paths;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

/// Longest way from the start to a file that is followed.
const MAX_DEPTH: u32 = 16;
/// Most files that are followed.
const MAX_FILES: usize = 512;
/// Most commands that are followed; many lead to one file.
const MAX_COMMANDS: usize = 4096;
/// Most imports that are looked for; most of them lead out of the application.
const MAX_IMPORTS: usize = 16_384;
/// Most words of a command, and most bytes of all of them, after its variables are put in. Arguments can be
/// passed on several times at each step, so without a bound they would grow with every one.
const MAX_WORDS: usize = 64;
const MAX_TEXT: usize = 8 << 10;
/// The `PATH` of a container whose image sets none (runc, Docker).
const DEFAULT_PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the start leads to.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The files, in the order in which they are reached.
    pub(super) chain: Vec<Reached>,
    /// How each of them is run, by the index in the chain; none for what the configuration names, and for what
    /// serves another file, such as an interpreter.
    pub(super) kinds: Vec<Option<RunKind>>,
    /// The program that the start names and no layer has, as it is written.
    pub(super) missing: Option<Vec<u8>>,
    /// Indices of scripts that end in `exec "$@"` or its like.
    pub(super) hand_over: HashSet<usize>,
    /// Whether there were more commands, or longer ways to one, than are followed.
    pub(super) ended: bool,
    /// Indices of scripts of which a part was not read.
    pub(super) cut: Vec<usize>,
}

/// Follows `ENTRYPOINT`, `CMD` and `HEALTHCHECK`, and then what starts by itself beside them, as far as they can
/// be told without running anything.
pub(super) fn follow_start(image: &ImageView<'_>) -> Walk {
    let config = &image.config.config;
    let mut follower = Follower::new(image);
    let words: Vec<&String> = config.entrypoint.iter().chain(&config.cmd).collect();
    if !words.is_empty() {
        let instruction = if config.entrypoint.is_empty() { "CMD" } else { "ENTRYPOINT" };
        follower.start(instruction, &words);
    }
    let check: Vec<&String> = config.healthcheck.test.iter().skip(1).collect();
    match config.healthcheck.test.first().map(String::as_str) {
        Some("CMD") if !check.is_empty() => follower.start("HEALTHCHECK", &check),
        Some("CMD-SHELL") => {
            let (shell, flag) = ("/bin/sh".to_owned(), "-c".to_owned());
            let words: Vec<&String> = [&shell, &flag].into_iter().chain(check).collect();
            follower.start("HEALTHCHECK", &words);
        }
        _ => {}
    }
    follower.follow_hooks();
    follower.walk
}

/// Where a command stands.
#[derive(Debug, Clone)]
struct Context {
    /// How its program is reached, for people.
    how: Rc<str>,
    /// The script that has it.
    from: Option<usize>,
    depth: u32,
    kind: Option<RunKind>,
    /// The directory it is run in, in normal form; none where that is unknown.
    directory: Option<Vec<u8>>,
    /// The script that has it, and that script's arguments.
    script: Rc<[u8]>,
    arguments: Rc<[Arg]>,
}

enum Job {
    Command(Vec<Arg>, Context),
    /// A script that is loaded into the one that names it.
    Load(Vec<Arg>, Context),
    /// A file that a script in this language imports under this name, if there is one.
    Import(Vec<u8>, Language, Context),
}

struct Follower<'i, 'a> {
    image: &'i ImageView<'a>,
    environment: HashMap<Vec<u8>, Vec<u8>>,
    search: Vec<Vec<u8>>,
    jobs: VecDeque<Job>,
    imports: VecDeque<Job>,
    seen: HashMap<Vec<u8>, usize>,
    read: HashSet<Vec<u8>>,
    /// Fingerprints of the commands that were followed.
    commands: HashSet<u64>,
    fingerprints: RandomState,
    imported: usize,
    /// What the way that is followed starts from, and whether that is seen to start.
    root: Root,
    certain: bool,
    /// How long the chain, and how many the commands, may become.
    most_files: usize,
    most_commands: usize,
    /// The names by which programs were called, and those of their files.
    called: HashSet<Vec<u8>>,
    walk: Walk,
}

impl<'i, 'a> Follower<'i, 'a> {
    fn new(image: &'i ImageView<'a>) -> Self {
        let mut environment = HashMap::from([(b"HOME".to_vec(), b"/root".to_vec())]);
        for variable in &image.config.config.env {
            if let Some((name, value)) = variable.split_once('=') {
                environment.insert(name.into(), value.into());
            }
        }
        let path = environment.get(b"PATH".as_slice()).map_or(DEFAULT_PATH, Vec::as_slice);
        let search = path.split(|&byte| byte == b':').filter(|directory| !directory.is_empty());
        let search = search.take(64).map(|directory| normalize_path(directory).0).collect();
        Self {
            image,
            environment,
            search,
            jobs: VecDeque::new(),
            imports: VecDeque::new(),
            seen: HashMap::new(),
            read: HashSet::new(),
            commands: HashSet::new(),
            fingerprints: RandomState::new(),
            imported: 0,
            root: Root::Start,
            certain: true,
            most_files: MAX_FILES,
            most_commands: MAX_COMMANDS,
            called: HashSet::new(),
            walk: Walk::default(),
        }
    }

    /// Follows one instruction of the configuration to its end.
    fn start(&mut self, instruction: &str, words: &[&String]) {
        self.root = if instruction == "HEALTHCHECK" { Root::HealthCheck } else { Root::Start };
        let line = words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ");
        let shown: String = model::escape_text(&line).chars().take(200).collect();
        let context = Context {
            how: format!("{instruction} {shown}").into(),
            from: None,
            depth: 0,
            kind: None,
            directory: Some(normalize_path(self.image.config.config.working_dir.as_bytes()).0),
            script: Rc::default(),
            arguments: Rc::default(),
        };
        let words: Vec<Arg> = words.iter().map(|word| Some(word.as_bytes().to_vec())).collect();
        if instruction != "HEALTHCHECK"
            && let Some(Some(program)) = words.first()
            && self.find_program(program, &context).is_none()
        {
            self.walk.missing = Some(program.clone());
        }
        self.jobs.push_back(Job::Command(words, context));
        self.drain();
    }

    /// Does the jobs at hand and all that they lead to.
    fn drain(&mut self) {
        // Commands come before imports, so that a large application cannot crowd out what it runs.
        while let Some(job) = self.jobs.pop_front().or_else(|| self.imports.pop_front()) {
            let full = self.walk.chain.len() >= self.most_files;
            match job {
                Job::Import(..) if full || self.imported >= MAX_IMPORTS => break,
                Job::Import(name, language, context) => {
                    self.imported += 1;
                    let paths = match language {
                        Language::JavaScript => relative_paths(&name, &context.script),
                        _ => self.module_paths(&name, &context, false),
                    };
                    self.import(&paths, &context);
                }
                _ if full || self.commands.len() >= self.most_commands => {
                    self.walk.ended = true;
                    break;
                }
                Job::Command(words, context) => self.command(&words, &context),
                Job::Load(words, context) => self.load(&words, &context),
            }
        }
        self.jobs.clear();
        self.imports.clear();
    }

    fn command(&mut self, words: &[Arg], context: &Context) {
        if context.depth > MAX_DEPTH {
            self.walk.ended |= context.kind != Some(RunKind::Source);
            return;
        }
        let fingerprint = self.fingerprints.hash_one((words, &context.directory, &context.arguments));
        if !self.commands.insert(fingerprint) {
            return;
        }
        let Some(Some(program)) = words.first() else { return };
        let mut name = base_name(program).to_vec();
        if let Some((path, place)) = self.find_program(program, context) {
            name = known_name(program, &path).to_vec();
            self.called.insert(base_name(program).to_vec());
            self.called.insert(base_name(&path).to_vec());
            let index = self.reach(&path, place, context);
            if let Some(script) = self.script(place) {
                self.interpreter_of(script, &path, words.get(1..).unwrap_or_default(), context);
                self.read_script(script, &path, index, words.get(1..).unwrap_or_default(), context);
            }
        }
        let inside = Context { depth: context.depth + 1, ..context.clone() };
        for step in steps(&name, words) {
            match step {
                Step::Command(words) => self.jobs.push_back(Job::Command(words, inside.clone())),
                Step::ShellLine(line, mut arguments) => {
                    // The first word after the line is its `$0`.
                    let script = if arguments.is_empty() { None } else { arguments.remove(0) };
                    let script = script.map_or_else(|| context.script.clone(), Rc::from);
                    let none = arguments.is_empty();
                    let arguments = if none { context.arguments.clone() } else { arguments.into() };
                    let inside = Context { script, arguments, ..inside.clone() };
                    for run in parse::read_shell(&line).runs {
                        self.run(&run, &inside);
                    }
                }
                Step::PythonCode(code) => {
                    for run in parse::read_python(&code).runs {
                        self.run(&run, &inside);
                    }
                }
                Step::Script(path, arguments) => {
                    let words = std::iter::once(Some(path)).chain(arguments).collect::<Vec<_>>();
                    self.load(&words, &inside);
                }
                Step::Module(name) => {
                    let paths = self.module_paths(&name, &inside, true);
                    self.import(&paths, &inside);
                }
            }
        }
    }

    /// The program that a script's `#!` line names runs too.
    fn interpreter_of(&mut self, script: &ScriptFacts, path: &[u8], arguments: &[Arg], context: &Context) {
        if script.shebang.is_empty() {
            return;
        }
        let words = script.shebang.iter().map(|word| Some(word.clone()));
        let words =
            words.chain(std::iter::once(Some([b"/", path].concat()))).chain(arguments.iter().cloned());
        let context = Context { depth: context.depth + 1, ..context.clone() };
        self.jobs.push_back(Job::Command(words.collect(), context));
    }

    /// Reads a file that an interpreter is given, or that a script loads. A directory stands for the module or
    /// the application in it.
    fn load(&mut self, words: &[Arg], context: &Context) {
        let Some((Some(name), arguments)) = words.split_first() else { return };
        let Some(path) = self.absolute(name, context) else { return };
        let inside = |file: &str| [path.as_slice(), b"/", file.as_bytes()].concat();
        let candidates =
            [path.clone(), inside("__main__.py"), inside("index.js"), [path.as_slice(), b".js"].concat()];
        let found = candidates.iter().find_map(|path| self.file(path));
        // A shell looks for a sourced file in `PATH` too.
        let found = found.or_else(|| (!name.contains(&b'/')).then(|| self.search(name)).flatten());
        let Some((path, place)) = found else { return };
        let index = self.reach(&path, place, context);
        if let Some(script) = self.script(place) {
            self.read_script(script, &path, index, arguments, context);
        } else if context.kind != Some(RunKind::Source) && self.is_unread(&path, place) {
            self.walk.cut.push(index);
        }
    }

    /// Whether a file without any sign of being a script is too long to have been read as one.
    fn is_unread(&self, path: &[u8], place: Place) -> bool {
        let content = self.image.tree.entry(self.image.tree.content(place));
        let program = || self.image.facts(place).any(|fact| matches!(fact, Fact::Program(_)));
        !base_name(path).contains(&b'.') && content.is_some_and(|entry| entry.size > MAX_PLAIN) && !program()
    }

    fn import(&mut self, paths: &[Vec<u8>], context: &Context) {
        for path in paths {
            if let Some((path, place)) = self.file(path) {
                let index = self.reach(&path, place, context);
                if let Some(script) = self.script(place) {
                    self.read_script(script, &path, index, &[], context);
                }
            }
        }
    }

    /// Follows what a script runs and imports, once.
    fn read_script(
        &mut self,
        script: &ScriptFacts,
        path: &[u8],
        index: usize,
        arguments: &[Arg],
        context: &Context,
    ) {
        if !self.read.insert(path.to_vec()) {
            return;
        }
        let by_hand = matches!(script.language, Language::Shell | Language::Python | Language::Perl);
        if script.cut && by_hand && context.kind != Some(RunKind::Source) {
            self.walk.cut.push(index);
        }
        let shown = model::escape_bytes(path);
        let inside = Context {
            from: Some(index),
            depth: context.depth + 1,
            script: path.into(),
            arguments: arguments.into(),
            ..context.clone()
        };
        for run in &script.runs {
            let verb = if run.kind == RunKind::Source { "loads" } else { "runs" };
            let inside = Context {
                how: format!("line {} of /{shown} {verb} it", run.line).into(),
                kind: Some(run.kind),
                ..inside.clone()
            };
            if run.kind == RunKind::Exec && run.words.iter().any(|word| word.0 == [Piece::Arguments]) {
                self.walk.hand_over.insert(index);
            }
            self.run(run, &inside);
        }
        let imports =
            Context { how: format!("/{shown} imports it").into(), kind: Some(RunKind::Source), ..inside };
        for name in script.imports.split(|&byte| byte == b'\n').filter(|name| !name.is_empty()) {
            if self.imports.len() < MAX_IMPORTS {
                self.imports.push_back(Job::Import(name.to_vec(), script.language, imports.clone()));
            }
        }
    }

    /// Puts the context into a script's command and queues it.
    fn run(&mut self, run: &Run, context: &Context) {
        let mut context = context.clone();
        context.kind = context.kind.or(Some(run.kind));
        if !run.directory.is_empty() {
            let directory = self.expand(&run.directory, &context).pop().flatten();
            context.directory = directory.and_then(|directory| self.absolute(&directory, &context));
        }
        if self.jobs.len() >= MAX_COMMANDS {
            self.walk.ended = true;
            return;
        }
        let mut room = MAX_TEXT;
        let words = run.words.iter().flat_map(|word| self.expand(word, &context)).take(MAX_WORDS);
        let words = words.take_while(|word| {
            room = room.saturating_sub(word.as_ref().map_or(0, Vec::len));
            room > 0
        });
        let words: Vec<Arg> = words.collect();
        self.jobs.push_back(if run.kind == RunKind::Source {
            Job::Load(words, context)
        } else {
            Job::Command(words, context)
        });
    }

    /// The words that a script's word becomes.
    fn expand(&self, word: &Word, context: &Context) -> Vec<Arg> {
        if word.0 == [Piece::Arguments] {
            return context.arguments.to_vec();
        }
        let mut text = Vec::new();
        for piece in &word.0 {
            match piece {
                Piece::Text(more) => text.extend_from_slice(more),
                Piece::Variable(name, default) => match self.variable(name, context).or(default.clone()) {
                    Some(value) => text.extend(value),
                    None => return vec![None],
                },
                Piece::Directory => {
                    let end = context.script.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                    text.push(b'/');
                    text.extend_from_slice(context.script.get(..end).unwrap_or_default());
                }
                Piece::Arguments | Piece::Unknown | Piece::Output(_) => return vec![None],
            }
        }
        vec![Some(text)]
    }

    fn variable(&self, name: &[u8], context: &Context) -> Option<Vec<u8>> {
        if name == b"0" {
            return Some([b"/", context.script.as_ref()].concat());
        }
        if let Ok(number) = std::str::from_utf8(name).unwrap_or_default().parse::<usize>() {
            return context.arguments.get(number.checked_sub(1)?)?.clone();
        }
        self.environment.get(name).filter(|value| value.len() <= MAX_TEXT).cloned()
    }

    /// Notes a file in the chain, once, and gives its index.
    fn reach(&mut self, path: &[u8], place: Place, context: &Context) -> usize {
        if let Some(&index) = self.seen.get(path) {
            return index;
        }
        let index = self.walk.chain.len();
        self.seen.insert(path.to_vec(), index);
        let condition = self.root.condition().filter(|_| !self.certain && context.from.is_none());
        self.walk.chain.push(Reached {
            path: path.to_vec(),
            place,
            how: match condition {
                Some(condition) => format!("{}, {condition}", context.how),
                None => context.how.as_ref().to_owned(),
            },
            from: context.from,
            background: context.kind == Some(RunKind::Background),
            root: self.root,
            certain: self.certain,
        });
        self.walk.kinds.push(context.kind);
        index
    }

    fn find_program(&self, name: &[u8], context: &Context) -> Option<(Vec<u8>, Place)> {
        if name.contains(&b'/') { self.file(&self.absolute(name, context)?) } else { self.search(name) }
    }

    fn search(&self, name: &[u8]) -> Option<(Vec<u8>, Place)> {
        self.search.iter().find_map(|directory| self.file(&[directory, b"/".as_slice(), name].concat()))
    }

    /// The file at a path, links followed.
    fn file(&self, path: &[u8]) -> Option<(Vec<u8>, Place)> {
        let (path, place) = self.image.tree.resolve(&normalize_path(path).0).ok()?;
        let entry = self.image.tree.entry(self.image.tree.content(place))?;
        matches!(entry.kind, Kind::File).then_some((path, place))
    }

    fn absolute(&self, path: &[u8], context: &Context) -> Option<Vec<u8>> {
        if path.starts_with(b"/") {
            return Some(normalize_path(path).0);
        }
        Some(normalize_path(&[context.directory.as_ref()?, b"/".as_slice(), path].concat()).0)
    }

    fn script(&self, place: Place) -> Option<&'a ScriptFacts> {
        self.image.facts(place).find_map(|fact| match fact {
            Fact::Script(script) => Some(script),
            _ => None,
        })
    }
}
