//! A program begins.

use super::kernel::{self, Call};
use super::memory;
use super::paths::{describe, link, stat_of};
use super::task::Later;
use super::{Next, Tracer, arch};
use events::{Act, Bytes, Exec, Origin, ProcessAct, Source};
use rustix::fd::{AsRawFd, OwnedFd};
use rustix::fs::{OFlags, Stat};

/// An attempt to begin a program, as it was asked for.
#[derive(Debug)]
pub(super) struct Attempt {
    asked: Vec<u8>,
    words: u64,
    /// The file, where only a descriptor names it: it may be closed when the program runs.
    by_descriptor: Option<OwnedFd>,
}

/// Variables that decide what is loaded or run.
const VARIABLES: &[&[u8]] = &[
    b"LD_",
    b"PATH=",
    b"HOME=",
    b"SHELL=",
    b"BASH_ENV=",
    b"ENV=",
    b"PROMPT_COMMAND=",
    b"IFS=",
    b"PYTHON",
    b"NODE_",
    b"PERL5",
    b"PERL_",
    b"RUBY",
    b"GEM_",
    b"JAVA_",
    b"_JAVA",
    b"JDK_",
    b"CLASSPATH=",
    b"PHP",
    b"GIT_SSH",
    b"GIT_EXEC",
    b"HISTFILE=",
    b"GCONV_PATH=",
    b"GLIBC_TUNABLES=",
    b"MALLOC_",
    b"EDITOR=",
    b"PAGER=",
    b"http_proxy=",
    b"https_proxy=",
    b"HTTP_PROXY=",
    b"HTTPS_PROXY=",
    b"ALL_PROXY=",
    b"TZ=",
    b"LANG=",
];

/// Whether a variable of the environment decides what is loaded or run.
pub(crate) fn keep(variable: &[u8]) -> bool {
    VARIABLES.iter().any(|name| variable.starts_with(name))
}

impl Tracer {
    pub(super) fn exec_entry(&mut self, tid: i32, at: bool, call: &Call) -> Next {
        let [directory, path, words, flags, _] = match at {
            true => [call.arguments[0], call.arguments[1], call.arguments[2], call.arguments[4], 0],
            false => [libc::AT_FDCWD as u64, call.arguments[0], call.arguments[1], 0, 0],
        };
        let directory = directory as i32;
        let mut by_descriptor = None;
        let asked = match memory::text(tid, path) {
            Ok(empty) if empty.is_empty() && flags & libc::AT_EMPTY_PATH as u64 != 0 => {
                let place = format!("/proc/{tid}/fd/{directory}");
                by_descriptor = rustix::fs::open(&*place, OFlags::PATH | OFlags::CLOEXEC, 0.into()).ok();
                link(&place).unwrap_or_default()
            }
            Ok(relative) => self.absolute(tid, directory, &relative),
            // The kernel reads it again: where it can, the event of the new program says what it is.
            Err(memory::Unreadable) => Vec::new(),
        };
        Next::Later(Box::new(Later::Exec(Box::new(Attempt { asked, words, by_descriptor }))))
    }

    pub(super) fn exec_failed(&mut self, tid: i32, attempt: Attempt, result: i64) {
        let (arguments, arguments_length) = memory::words(tid, attempt.words);
        let program = Bytes::from(attempt.asked.clone());
        let exec = self.exec(tid, attempt.asked, program, arguments, arguments_length, result);
        self.tell(Source::Call, Act::Process(ProcessAct::Exec(Box::new(exec))));
    }

    /// The new program is in place and has not taken a step.
    pub(super) fn became(&mut self, tid: i32) {
        self.merge_threads(tid);
        let mut attempt = None;
        if let Some(task) = self.tasks.get_mut(tid) {
            if let Some(Later::Exec(asked)) = task.later.take().map(|later| *later) {
                attempt = Some(*asked);
            }
            task.fresh = false;
            task.vforking = false;
        }
        if self.root.is_none() {
            let root = format!("/proc/{tid}/root");
            self.root = rustix::fs::open(&*root, OFlags::PATH | OFlags::CLOEXEC, 0.into()).ok();
        }
        let started =
            arch::stack(tid).ok_or(memory::Unreadable).and_then(|stack| memory::started(tid, stack, keep));
        let started = started.unwrap_or_else(|memory::Unreadable| {
            self.unreadable(tid);
            self.restrict(tid);
            memory::Started::default()
        });
        if started.euid != 0 {
            self.restrict(tid);
        }
        if let Some(vdso) = started.vdso.filter(|_| self.time.watches_clocks()) {
            // Without it the C library asks the kernel for the time, and the kernel asks the tracer.
            kernel::write(tid, vdso, &libc::AT_IGNORE.to_le_bytes());
        }
        let place = format!("/proc/{tid}/exe");
        let binary = link(&place).unwrap_or_default();
        let Some(stat) = stat_of(&place) else { return };
        let asked = match &attempt {
            Some(attempt) if !attempt.asked.is_empty() => attempt.asked.clone(),
            _ => started.asked.map(|asked| self.absolute(tid, libc::AT_FDCWD, &asked)).unwrap_or_default(),
        };
        let held = attempt.as_ref().and_then(|attempt| attempt.by_descriptor.as_ref());
        let itself = held.is_none() && (asked == binary || binary.strip_prefix(b"/usr") == Some(&asked[..]));
        let script = if itself { None } else { self.script(&asked, held, &stat) };
        let group = self.tasks.group_of(tid);
        let (program, origin, content, interpreter) = match script {
            Some((place, stat, _held)) => {
                let name = link(&place).unwrap_or_else(|| asked.clone());
                let origin = self.origin(&name, &place, &stat);
                let content = self.keep_executed(&name, &place, origin);
                // The interpreter may be the one that was dropped.
                let under = self.origin(
                    &binary,
                    &format!("/proc/{tid}/exe"),
                    &stat_of(&format!("/proc/{tid}/exe")).unwrap_or(stat),
                );
                self.keep_executed(&binary, &format!("/proc/{tid}/exe"), under);
                (name, origin, content, Some(Bytes::from(binary)))
            }
            None => {
                let origin = self.origin(&binary, &place, &stat);
                let content = self.keep_executed(&binary, &place, origin);
                (binary, origin, content, None)
            }
        };
        let standard = [0, 1, 2].map(|number| describe(group, tid, number));
        self.close_on_exec(group, tid, &standard);
        let mut exec =
            self.exec(tid, asked, Bytes::from(program), started.arguments, started.arguments_length, 0);
        exec.euid = started.euid;
        exec.origin = origin;
        exec.content = content;
        exec.interpreter = interpreter;
        exec.environment = started.environment;
        exec.standard = standard;
        let (program, input) = (exec.program.to_vec(), exec.standard[0].clone());
        let is_script = exec.interpreter.is_some();
        self.tell(Source::Call, Act::Process(ProcessAct::Exec(Box::new(exec))));
        self.given_at_start(tid, (!is_script).then_some(&program[..]), &started.line, &input);
    }

    fn exec(
        &self,
        tid: i32,
        asked: Vec<u8>,
        program: Bytes,
        arguments: Vec<Bytes>,
        arguments_length: u64,
        result: i64,
    ) -> Exec {
        let directory = if result == 0 { link(&format!("/proc/{tid}/cwd")) } else { None };
        Exec {
            process: self.tasks.process(self.tasks.group_of(tid)),
            asked: Bytes::from(asked),
            program,
            origin: Origin::Unknown,
            content: None,
            interpreter: None,
            arguments,
            arguments_length,
            environment: Vec::new(),
            directory: Bytes::from(directory.unwrap_or_default()),
            euid: 0,
            standard: [const { events::Descriptor::Closed }; events::STANDARD],
            result,
        }
    }

    /// The file that was asked for, where another one runs in its place: its interpreter. Gives a place under
    /// `/proc` that leads to it for as long as the last part is held.
    fn script(&self, asked: &[u8], held: Option<&OwnedFd>, runs: &Stat) -> Option<(String, Stat, OwnedFd)> {
        let file = match held {
            Some(file) => file.try_clone().ok()?,
            None => self.open_in_guest(asked, OFlags::PATH)?,
        };
        let stat = rustix::fs::fstat(&file).ok()?;
        let same = (stat.st_dev, stat.st_ino) == (runs.st_dev, runs.st_ino);
        let place = format!("/proc/self/fd/{}", file.as_raw_fd());
        (!same).then_some((place, stat, file))
    }
}
