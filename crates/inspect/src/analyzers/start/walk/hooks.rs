use super::{Context, Follower, Job, MAX_COMMANDS, MAX_FILES};
use crate::Root;
use crate::analyzers::hooks::{self, Hook, HookKind, Loads, Standing, What, heeds};
use crate::analyzers::start::{Language, RunKind, base_name, parse};
use layers::normalize_path;
use std::collections::HashSet;
use std::rc::Rc;

/// Libraries of the environment and of the loader's file that are followed.
const MAX_LIBRARIES: usize = 64;

/// How often what runs now is asked whether it starts what another hook waits for.
const MAX_ROUNDS: usize = 8;
/// Directories of scripts that some images' own start runs.
const DIRECTORIES: [&str; 9] = [
    "/docker-entrypoint.d",
    "/docker-entrypoint-initdb.d",
    "/custom-cont-init.d",
    "/custom-services.d",
    "/etc/cont-init.d",
    "/etc/services.d",
    "/etc/s6-overlay",
    "/etc/my_init.d",
    "/etc/service",
];

/// Which of these directories the scripts on the way speak of.
#[derive(Default)]
struct Named {
    seen: usize,
    found: HashSet<&'static str>,
}

impl Follower<'_, '_> {
    /// Follows what starts by itself: first what every start of the image has, then what hangs on a program that
    /// the start leads to, then the rest. Hooks have room of their own, so that they never shorten the way from
    /// the configuration.
    pub(super) fn follow_hooks(&mut self) {
        self.more_room();
        self.follow_settings(true);
        let (hooks, more) = hooks::listed(self.image);
        self.walk.ended |= more;
        let mut waiting: Vec<Hook> = hooks.into_iter().filter(|hook| root_of(hook.kind).is_some()).collect();
        // A script that runs now may start the daemon that another hook waits for.
        let mut named = Named::default();
        for _ in 0..MAX_ROUNDS {
            self.note_directories(&mut named);
            let (ready, later): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|hook| self.is_started(hook, &named));
            for hook in &ready {
                self.follow(hook, true);
            }
            waiting = later;
            if ready.is_empty() {
                break;
            }
        }
        self.more_room();
        self.follow_settings(false);
        for hook in &waiting {
            // That a distribution's own jobs and services are not all followed is no gap.
            let (ended, cut) = (self.walk.ended, self.walk.cut.len());
            self.follow(hook, false);
            if hook.standing == Standing::Genuine {
                self.walk.ended = ended;
                self.walk.cut.truncate(cut);
            }
        }
    }

    fn more_room(&mut self) {
        self.most_files = self.walk.chain.len() + MAX_FILES;
        self.most_commands = self.commands.len() + MAX_COMMANDS;
    }

    /// Whether the program that runs or loads a hook is one that the start leads to.
    fn is_started(&self, hook: &Hook, named: &Named) -> bool {
        let called = |names: &[&[u8]]| names.iter().any(|&name| self.called.contains(name));
        match hook.kind {
            HookKind::Preload => true,
            HookKind::InitDirectory => self.is_directory_run(&hook.path, named),
            HookKind::CronTable | HookKind::CronScript => {
                called(&[b"cron", b"crond", b"anacron", b"supercronic", b"fcron"])
            }
            HookKind::LooseTable => {
                called(&[b"supercronic"]) || called(&[b"crontab"]) && called(&[b"cron", b"crond", b"busybox"])
            }
            HookKind::AtJob => called(&[b"atd", b"atrun"]),
            HookKind::RcScript | HookKind::Inittab => {
                called(&[b"openrc", b"openrc-init", b"systemd"]) || called(&[b"init"]) && !self.has_own_init()
            }
            HookKind::Unit => called(&[b"systemd"]),
            HookKind::Supervisor => called(&[b"supervisord"]),
            HookKind::PythonPath | HookKind::PythonSite => self.python_loads(&hook.path),
            _ => false,
        }
    }

    /// Whether a script that was reached speaks of the directory of a hook, or an init that runs it was reached.
    fn is_directory_run(&self, path: &[u8], named: &Named) -> bool {
        let called = |names: &[&[u8]]| names.iter().any(|&name| self.called.contains(name));
        let Some(directory) = DIRECTORIES.iter().find(|directory| {
            path.strip_prefix(directory.get(1..).unwrap_or_default().as_bytes())
                .is_some_and(|rest| rest.starts_with(b"/"))
        }) else {
            return false;
        };
        named.found.contains(directory)
            || match *directory {
                // The init of s6-overlay is the script `/init`.
                "/etc/cont-init.d" | "/etc/services.d" | "/etc/s6-overlay" => {
                    called(&[b"init", b"s6-svscan"])
                }
                "/etc/my_init.d" => called(&[b"my_init"]),
                "/etc/service" => called(&[b"my_init", b"runsvdir", b"runsvdir-start", b"runit"]),
                _ => false,
            }
    }

    /// Whether the start leads to `/init`, which is that of s6-overlay and not of a machine.
    fn has_own_init(&self) -> bool {
        self.walk.chain.iter().any(|reached| reached.certain && reached.path == b"init")
    }

    /// Looks through the scripts that were reached since the last time for the directories that they speak of.
    fn note_directories(&self, named: &mut Named) {
        for reached in self.walk.chain.iter().skip(named.seen).filter(|reached| reached.certain) {
            let words = self.script(reached.place).into_iter().flat_map(|script| &script.runs);
            for piece in words.flat_map(|run| &run.words).flat_map(|word| &word.0) {
                let (super::Piece::Text(text) | super::Piece::Variable(_, Some(text))) = piece else {
                    continue;
                };
                // All of them end in a word that few texts have.
                if memchr::memmem::find(text, b".d").is_none()
                    && memchr::memmem::find(text, b"/etc/s").is_none()
                {
                    continue;
                }
                let speaks = |directory: &&&str| memchr::memmem::find(text, directory.as_bytes()).is_some();
                named.found.extend(DIRECTORIES.iter().filter(speaks));
            }
        }
        named.seen = self.walk.chain.len();
    }

    /// Whether a Python that was reached looks into the directory of a hook. The system's own keeps apart from
    /// one below `/usr/local`; environments and bundles may be any one's.
    fn python_loads(&self, path: &[u8]) -> bool {
        self.walk.chain.iter().filter(|reached| reached.certain).any(|reached| {
            let name = base_name(&reached.path);
            let python = name.starts_with(b"python") || name.starts_with(b"pypy");
            let local = reached.path.starts_with(b"usr/local/");
            let system = reached.path.starts_with(b"usr/bin/") || reached.path.starts_with(b"bin/");
            let debian = memchr::memmem::find(path, b"/dist-packages/").is_some();
            python
                && if path.starts_with(b"usr/local/lib/python") {
                    local || (debian && system)
                } else if path.starts_with(b"usr/lib/python") || path.starts_with(b"etc/") {
                    system
                } else {
                    true
                }
        })
    }

    fn follow(&mut self, hook: &Hook, certain: bool) {
        let Some((root, who)) = root_of(hook.kind) else { return };
        (self.root, self.certain) = (root, certain);
        let context = top(who, &hook.path);
        let path = Some([b"/", hook.path.as_slice()].concat());
        match hook.kind {
            HookKind::Profile | HookKind::PythonSite => self.jobs.push_back(Job::Load(vec![path], context)),
            kind if kind.is_script() => {
                let context = Context { kind: Some(RunKind::Spawn), ..context };
                self.jobs.push_back(Job::Command(vec![path], context));
            }
            _ => self.follow_table(hook, &context),
        }
        self.drain();
    }

    /// Follows the orders of a table of hooks.
    fn follow_table(&mut self, hook: &Hook, context: &Context) {
        let Some((path, place)) = self.file(&hook.path) else { return };
        if self.walk.chain.len() >= self.most_files {
            self.walk.ended = true;
            return;
        }
        let index = self.reach(&path, place, context);
        let Some(facts) = hooks::facts(self.image, hook) else { return };
        let shown = model::escape_bytes(&path);
        for order in &facts.orders {
            let line = |verb: &str| Context {
                how: format!("line {} of /{shown} {verb} it", order.line).into(),
                from: Some(index),
                depth: context.depth + 1,
                kind: None,
                ..context.clone()
            };
            match &order.what {
                What::Shell(text) => {
                    let context = line("runs");
                    for run in parse::read_shell(hooks::command_of(self.image, hook, text)).runs {
                        self.run(&run, &context);
                    }
                }
                What::Python(_, text) => {
                    let context = line("runs");
                    let read = parse::read_python(text);
                    for run in &read.runs {
                        self.run(run, &context);
                    }
                    let loads = Context { kind: Some(RunKind::Source), ..line("imports") };
                    for name in read.imports.split(|&byte| byte == b'\n').filter(|name| !name.is_empty()) {
                        self.imports.push_back(Job::Import(name.to_vec(), Language::Python, loads.clone()));
                    }
                }
                What::Library(library) => {
                    let context = Context { kind: Some(RunKind::Source), ..line("loads") };
                    self.reach_file(&normalize_path(library).0, &context);
                }
                _ => {}
            }
        }
    }

    /// Follows what the environment makes programs load: those that were started, or the others.
    fn follow_settings(&mut self, certain: bool) {
        let config = &self.image.config.config;
        for setting in hooks::settings(config).into_iter().take(MAX_LIBRARIES) {
            let library = matches!(setting.loads, Loads::Library(_));
            let started = library || self.called.iter().any(|program| heeds(program, setting.name));
            if started != certain {
                continue;
            }
            self.root = match setting.name {
                _ if library => Root::Preload,
                "BASH_ENV" | "ENV" => Root::Shell,
                _ => Root::Interpreter,
            };
            self.certain = certain;
            let context = Context {
                how: format!("the variable {} loads it", setting.name).into(),
                directory: Some(normalize_path(config.working_dir.as_bytes()).0),
                ..top("", b"")
            };
            match setting.loads {
                Loads::File(path) => {
                    self.reach_file(&path, &context);
                    self.jobs.push_back(Job::Load(vec![Some([b"/", path.as_slice()].concat())], context));
                }
                Loads::Library(library) => self.reach_file(&normalize_path(&library).0, &context),
                Loads::Command(line) => {
                    let context = Context { kind: None, ..context };
                    for run in parse::read_shell(&line).runs {
                        self.run(&run, &context);
                    }
                }
                // Node looks for a name among the modules of the application.
                Loads::Module(name) => {
                    let path = [b"node_modules/", name.as_slice()].concat();
                    self.jobs.push_back(Job::Load(vec![Some(path)], context));
                }
            }
            self.drain();
        }
    }

    fn reach_file(&mut self, path: &[u8], context: &Context) {
        if self.walk.chain.len() >= self.most_files {
            self.walk.ended = true;
        } else if let Some((path, place)) = self.file(path) {
            self.reach(&path, place, context);
        }
    }
}

/// What starts a hook, and who that is in words; none for hooks that are judged where they lie.
fn root_of(kind: HookKind) -> Option<(Root, &'static str)> {
    Some(match kind {
        HookKind::Preload => (Root::Preload, "the loader reads it"),
        HookKind::InitDirectory => (Root::InitDirectory, "an init directory holds it"),
        HookKind::CronTable => (Root::Cron, "cron reads it"),
        HookKind::LooseTable => (Root::Cron, "cron may be given it"),
        HookKind::CronScript => (Root::Cron, "cron runs it"),
        HookKind::AtJob => (Root::Cron, "at runs it"),
        HookKind::Profile => (Root::Shell, "a shell loads it"),
        HookKind::RcScript => (Root::Init, "an init runs it"),
        HookKind::Inittab => (Root::Init, "an init reads it"),
        HookKind::Unit => (Root::Init, "systemd reads it"),
        HookKind::Supervisor => (Root::Init, "supervisord reads it"),
        HookKind::PythonPath | HookKind::PythonSite => (Root::Interpreter, "Python loads it"),
        _ => return None,
    })
}

/// Where a hook stands: it is led to by nothing, and runs in the root directory.
fn top(how: &str, path: &[u8]) -> Context {
    Context {
        how: how.into(),
        from: None,
        depth: 0,
        kind: Some(RunKind::Source),
        directory: Some(Vec::new()),
        script: Rc::from(path),
        arguments: Rc::default(),
    }
}
