//! What appeared in the runs: each content once, with where it stood, who brought it and whether it ran.

use behavior::{At, FileHistory, Record, RunContext};
use events::{Content, Exec, FileOp, HostAct, Origin, Process};
use std::collections::BTreeMap;

/// Content that the image did not have when it was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// What it is; it lies in the directory of captures.
    pub content: Content,
    /// Where it stood, raw and absolute; none for what had no name.
    pub path: Option<Vec<u8>>,
    /// The run of the plan in which it was first met.
    pub run: String,
    /// Who wrote it, as a command line, or was given it; escaped. Empty where nobody was seen to.
    pub by: String,
    /// Whether it was run, loaded, or given to an interpreter.
    pub ran: bool,
    /// Whether a program of the image that installs packages wrote it.
    pub installed: bool,
    /// The interpreter that was given it, where it is a text that came in no file; raw.
    pub interpreter: Option<Vec<u8>>,
}

/// Every content that was kept, what ran first, then by digest.
pub(crate) fn captured(runs: &[(RunContext, Record)]) -> Vec<Capture> {
    let mut found = BTreeMap::new();
    for (run, record) in runs {
        executed(run, record, &mut found);
        for (path, history) in record.files() {
            for content in &history.contents {
                let ran = was_used_as_code(record, path, history);
                note(&mut found, of_file(run, record, path, history, content, ran));
            }
        }
        for host in record.host() {
            if let HostAct::Captured { content, path: None, given } = &host.what {
                note(&mut found, nameless(run, record, content, *given, host.at));
            }
        }
    }
    let mut all: Vec<Capture> = found.into_values().filter(|capture| capture.content.kept).collect();
    all.sort_by_key(|capture| (!capture.ran, capture.content.sha256));
    all
}

/// The first that was seen of a content stays, unless a later one shows that it ran.
fn note(found: &mut BTreeMap<[u8; 32], Capture>, capture: Capture) {
    let known = found.entry(capture.content.sha256).or_insert_with(|| capture.clone());
    // Who is not seen to write says nothing about who did.
    if known.by.is_empty() && !capture.by.is_empty() {
        known.installed = capture.installed;
        known.by.clone_from(&capture.by);
    } else if !capture.by.is_empty() {
        known.installed &= capture.installed;
    }
    if capture.ran && !known.ran || known.path.is_none() && capture.path.is_some() {
        let ran = known.ran || capture.ran;
        *known = Capture { ran, installed: known.installed, ..capture };
    }
}

fn executed(run: &RunContext, record: &Record, found: &mut BTreeMap<[u8; 32], Capture>) {
    for named in record.execs() {
        let exec = &named.exec.what;
        let Some(content) = &exec.content else { continue };
        let nothing = FileHistory::default();
        let history = record.file(&exec.program).unwrap_or(&nothing);
        let ran = exec.result == 0;
        note(found, of_file(run, record, &exec.program, history, content, ran));
    }
}

fn of_file(
    run: &RunContext,
    record: &Record,
    path: &[u8],
    history: &FileHistory,
    content: &Content,
    ran: bool,
) -> Capture {
    let writer = history.writers().max_by_key(|(_, at)| *at);
    let program = |(process, at): (Process, At)| record.program(process, at).map(|exec| &exec.what);
    Capture {
        content: content.clone(),
        path: Some(path.to_vec()),
        run: run.name.clone(),
        by: writer.map(|(process, at)| record.told(process, at)).unwrap_or_default(),
        ran,
        installed: writer.and_then(program).is_some_and(installs),
        interpreter: None,
    }
}

fn nameless(run: &RunContext, record: &Record, content: &Content, given: Option<Process>, at: At) -> Capture {
    let program = given.and_then(|process| record.program(process, at));
    Capture {
        content: content.clone(),
        path: None,
        run: run.name.clone(),
        by: given.map(|process| record.told(process, at)).unwrap_or_default(),
        ran: given.is_some(),
        installed: false,
        interpreter: program.map(|exec| exec.what.program.to_vec()),
    }
}

/// Whether a file was loaded into a process, or read by an interpreter as what it runs.
fn was_used_as_code(record: &Record, path: &[u8], history: &FileHistory) -> bool {
    let loaded = history.steps.iter().any(|step| {
        step.what.done && step.what.op == FileOp::MapExecutable && step.what.origin != Origin::Image
    });
    loaded
        || history.readers().any(|(process, at)| {
            record.program(process, at).is_some_and(|exec| reads_as_code(&exec.what, path))
        })
}

/// Whether an interpreter that reads a file runs it: it was named on its command line, it is a module of its language,
/// or the interpreter is a shell, which opens files for little else.
fn reads_as_code(exec: &Exec, path: &[u8]) -> bool {
    const MODULES: [&[u8]; 10] =
        [b".py", b".pyc", b".js", b".mjs", b".cjs", b".pl", b".pm", b".rb", b".php", b".lua"];
    let program = exec.interpreter.as_deref().unwrap_or(&exec.program);
    let name = behavior::base_name(program);
    let named = || {
        exec.arguments.iter().skip(1).any(|word| {
            let word = word.strip_prefix(b"./").unwrap_or(word);
            !word.is_empty() && (word == path || !word.starts_with(b"/") && is_end_of(word, path))
        })
    };
    behavior::is_shell(name)
        || behavior::is_interpreter(name) && (MODULES.iter().any(|end| path.ends_with(end)) || named())
}

/// Whether a path ends with another one that begins at one of its parts.
fn is_end_of(end: &[u8], path: &[u8]) -> bool {
    path.strip_suffix(end).is_some_and(|rest| rest.ends_with(b"/"))
}

fn installs(exec: &Exec) -> bool {
    const INSTALLERS: [&[u8]; 8] =
        [b"dpkg", b"dpkg-deb", b"apk", b"rpm", b"dnf", b"microdnf", b"yum", b"zypper"];
    exec.origin == Origin::Image && INSTALLERS.contains(&behavior::base_name(&exec.program))
}
