use super::detections::{
    COMPILE, CRADLE, DEADDROP, DROPEXEC, EARLYNET, FETCHEXEC, PACKAGES, PIPESH, RECURSE, SHM, STAGE2GATE,
};
use crate::Outcome;
use crate::groups::{Run, base_name, is_board, is_interpreter, is_under, is_unpacking};
use crate::record::{At, Flow, NamedExec};
use events::{Descriptor, Origin, Process, WireKind};
use model::{Finding, Role};
use std::collections::{BTreeMap, BTreeSet};

const SECOND: u64 = 1_000_000_000;
/// From the end of a download to its run.
const SOON: u64 = 60 * SECOND;
/// From writing to removal.
const CRADLE_TIME: u64 = 10 * SECOND;
/// How early is early.
const EARLY: u64 = 5 * SECOND;
/// Findings of one kind in one run; the first say it.
const MOST: usize = 20;

/// Compilers and linkers, whose children and outputs are theirs.
const COMPILERS: [&[u8]; 15] = [
    b"cc1plus",
    b"cc",
    b"gcc",
    b"g++",
    b"c++",
    b"clang",
    b"clang++",
    b"ld",
    b"collect2",
    b"as",
    b"rustc",
    b"go",
    b"tcc",
    b"ld.lld",
    b"cc1",
];
/// What configures and builds, and runs what it has just compiled to learn what the machine can do.
const BUILDERS: [&[u8]; 10] =
    [b"configure", b"make", b"cmake", b"ninja", b"meson", b"cargo", b"go", b"gradle", b"mvn", b"conftest"];
const PACKAGE_MANAGERS: [&[u8]; 14] = [
    b"apt",
    b"apt-get",
    b"dpkg",
    b"apk",
    b"yum",
    b"dnf",
    b"microdnf",
    b"rpm",
    b"pip",
    b"pip3",
    b"npm",
    b"yarn",
    b"gem",
    b"pnpm",
];
/// What one run shows of fetching and running.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    let mut dropped = Vec::new();
    for named in run.record.execs() {
        if named.exec.what.result != 0 {
            // What lies where nothing may be run was meant to run all the same.
            let refused = [-13, -8].contains(&named.exec.what.result);
            let written = run
                .record
                .file(&named.exec.what.program)
                .is_some_and(|history| history.writers().next().is_some());
            if refused && written {
                dropped.push(named);
            }
            continue;
        }
        piped(run, named, out);
        manager(run, named, out);
        if matches!(named.exec.what.origin, Origin::Written | Origin::Deleted) {
            dropped.push(named);
        }
    }
    let mut seen = BTreeSet::new();
    for named in dropped {
        let program = named.exec.what.program.as_slice();
        if seen.len() < MOST && seen.insert(program.to_vec()) {
            ran(run, named, out);
        }
    }
    condemned(run, out);
    dead_drop(run, out);
    gate(run, out);
    early(run, out);
}

/// Content of the run that convicts at rest.
fn condemned(run: &Run<'_>, out: &mut Outcome) {
    for content in run.record.contents() {
        let Some(rule) = run.image.condemned.get(&content.sha256) else { continue };
        let place =
            run.record.files().find(|(_, history)| history.contents.contains(content)).map(|(path, _)| path);
        let shown = place.map_or("content of the run".to_owned(), model::escape_bytes);
        let mut finding =
            run.finding(&RECURSE, format!("{shown} appeared in the run, and {rule} convicts it"));
        finding.content = Some(model::Digest::sha256(content.sha256));
        if let Some(path) = place {
            finding = finding.at_path(path.strip_prefix(b"/").unwrap_or(path));
        }
        out.findings.push(finding.with_evidence("finding", rule, None));
    }
}

/// A program that no layer holds.
fn ran(run: &Run<'_>, named: NamedExec<'_>, out: &mut Outcome) {
    let exec = &named.exec.what;
    let at = named.exec.at;
    let history = run.record.file(&exec.program);
    let writer = history
        .and_then(|history| history.writers().filter(|(_, when)| *when < at).max_by_key(|(_, when)| *when));
    let compiled = writer.is_some_and(|(process, when)| runs_one_of(run, process, when, &COMPILERS));
    let built = lineage_runs(run, named.process, at, &BUILDERS);
    let shown = model::escape_bytes(&exec.program);

    let finding = |detection, words: String| with_program(run, run.finding(detection, words), named, writer);
    if compiled {
        if !built {
            let mut compiled =
                finding(&COMPILE, format!("{shown} was compiled while the image ran, and run"));
            // What comes out of the image's own sources is the image's own.
            if !has_foreign_source(run) {
                compiled.role = Role::Context;
            }
            out.findings.push(compiled);
        }
        return;
    }
    let mut dropped = finding(&DROPEXEC, format!("{shown} ran and is in no layer of the image"));
    // The scripts of a package that is installed are run by what unpacks it.
    if writer.is_some_and(|(process, when)| is_unpacking(run, process, when)) {
        dropped.role = Role::Context;
    }
    out.findings.push(dropped);
    if [b"/dev/shm/".as_slice(), b"/tmp/", b"/var/tmp/", b"/run/"]
        .iter()
        .any(|place| is_under(&exec.program, place))
    {
        out.findings.push(finding(&SHM, format!("{shown} ran from a directory for scratch files")));
    }
    if let Some((process, when)) = writer
        && let Some(flow) = came_from(run, process, when, 3)
        && at.real.saturating_sub(when.real) <= SOON
    {
        let mut fetched = finding(&FETCHEXEC, format!("{shown} came from {} and was run", host(flow)))
            .with_evidence("host", &host(flow), None);
        // A bare address owns no name that could be checked; a program that ran from the image and is no
        // installer has no business fetching programs.
        let known = runs_one_of(run, process, when, &PACKAGE_MANAGERS)
            || run.image.configured_hosts.contains(&flow.host().to_lowercase());
        if !flow.is_bare() && known {
            fetched.role = Role::Corroborates;
        }
        out.findings.push(fetched);
    }
    let removed = history.and_then(|history| history.removers().find(|(_, when)| *when > at));
    if let (Some((_, written)), Some((_, gone))) = (writer, removed)
        && gone.real.saturating_sub(written.real) <= CRADLE_TIME
        && !built
    {
        out.findings.push(finding(&CRADLE, format!("{shown} was written, run and removed within seconds")));
    }
}

fn with_program(
    run: &Run<'_>,
    finding: Finding,
    named: NamedExec<'_>,
    writer: Option<(Process, At)>,
) -> Finding {
    let exec = &named.exec.what;
    let mut finding = finding.at_path(exec.program.strip_prefix(b"/").unwrap_or(&exec.program));
    // Of a script the content is known from its file.
    let of_file = || run.record.file(&exec.program).and_then(|history| history.contents.last());
    if let Some(content) = exec.content.as_ref().or_else(of_file) {
        finding.content = Some(model::Digest::sha256(content.sha256));
    }
    finding = finding.with_evidence("command", &run.record.told(named.process, named.exec.at), None);
    match writer {
        Some((process, at)) => finding.with_evidence("written_by", &run.record.told(process, at), None),
        None => finding,
    }
}

fn runs_one_of(run: &Run<'_>, process: Process, at: At, names: &[&[u8]]) -> bool {
    run.record.program(process, at).filter(|exec| exec.what.origin == Origin::Image).is_some_and(|exec| {
        let name = plain_name(base_name(&exec.what.program));
        names.iter().any(|known| name == *known || is_versioned(name, known))
    })
}

/// Whether a compiler read something that appeared in the run and is no work of compilers.
fn has_foreign_source(run: &Run<'_>) -> bool {
    run.record.files().any(|(_, history)| {
        history.readers().any(|(reader, read)| {
            let writer = history.writers().filter(|(_, when)| *when < read).max_by_key(|(_, when)| *when);
            writer.is_some_and(|(writer, when)| {
                runs_one_of(run, reader, read, &COMPILERS) && !runs_one_of(run, writer, when, &COMPILERS)
            })
        })
    })
}

/// `x86_64-linux-gnu-ld.bfd` without what it is for and how it works.
pub(super) fn plain_name(name: &[u8]) -> &[u8] {
    let name = name.strip_suffix(b".bfd").or(name.strip_suffix(b".gold")).unwrap_or(name);
    [b"-linux-gnu-".as_slice(), b"-linux-musl-"]
        .iter()
        .find_map(|target| {
            let at = name.windows(target.len()).position(|window| window == *target)?;
            name.get(at + target.len()..)
        })
        .unwrap_or(name)
}

/// `gcc-12`, `python3.11`: a name with its version behind it.
fn is_versioned(name: &[u8], known: &[u8]) -> bool {
    name.strip_prefix(known).is_some_and(|rest| {
        rest.first() == Some(&b'-') && rest.iter().skip(1).all(|byte| byte.is_ascii_digit() || *byte == b'.')
    })
}

fn lineage_runs(run: &Run<'_>, process: Process, at: At, names: &[&[u8]]) -> bool {
    run.record.lineage(process).any(|ancestor| {
        ancestor.execs.iter().filter(|exec| exec.at <= at && exec.what.result == 0).any(|exec| {
            let words = exec.what.arguments.iter().take(2).map(|word| base_name(word));
            words.chain([base_name(&exec.what.program)]).any(|name| names.contains(&name))
        })
    })
}

/// Where what a process writes came from: what it received itself, or the files that it had read, which others may
/// have unpacked, decoded or copied in turn.
fn came_from<'a>(run: &'a Run<'_>, process: Process, at: At, hops: usize) -> Option<&'a Flow> {
    if let Some(flow) = received_before(run, process, at) {
        return Some(flow);
    }
    let left = hops.checked_sub(1)?;
    let leader = run.record.leader(process);
    run.record
        .files()
        .filter(|(_, history)| history.steps.iter().any(|step| step.what.origin == Origin::Written))
        .find_map(|(_, history)| {
            let (_, read) = history
                .readers()
                .find(|(reader, when)| run.record.leader(*reader) == leader && *when < at)?;
            let (writer, when) =
                history.writers().filter(|(_, when)| *when < read).max_by_key(|(_, when)| *when)?;
            (run.record.leader(writer) != leader).then(|| came_from(run, writer, when, left)).flatten()
        })
}

/// The flow over which a process, or a helper that it started and that feeds it, had received something before.
fn received_before<'a>(run: &'a Run<'_>, process: Process, at: At) -> Option<&'a Flow> {
    let mut of: Vec<&Flow> = run.record.flows_of(process).collect();
    // `curl | tee`, `wget -O- | sh -c 'cat > f'`: who writes reads a pipe of who received.
    if let Some(pipe) = run.record.process(process).and_then(|record| input_pipe(record.stands_at(0))) {
        of.extend(
            run.record
                .processes()
                .filter(|other| output_pipes(other).any(|other| other == pipe))
                .flat_map(|other| run.record.flows_of(other.process)),
        );
    }
    of.into_iter()
        .filter(|flow| flow.opened < at && flow.received > 0 && flow.to.port() != 53)
        .max_by_key(|flow| flow.opened)
}

fn input_pipe(descriptor: Option<&Descriptor>) -> Option<u64> {
    match descriptor {
        Some(Descriptor::Pipe(number)) => Some(*number),
        _ => None,
    }
}

fn output_pipes(process: &crate::ProcessRecord) -> impl Iterator<Item = u64> + '_ {
    [1, 2].into_iter().filter_map(|number| input_pipe(process.stands_at(number)))
}

/// An interpreter whose program comes out of a pipe from who speaks to a host.
fn piped(run: &Run<'_>, named: NamedExec<'_>, out: &mut Outcome) {
    let exec = &named.exec.what;
    let name = base_name(&exec.program);
    // With a script or a command of its own it only reads data there.
    let reads_program = is_interpreter(name)
        && exec.interpreter.is_none()
        && exec.arguments.iter().skip(1).all(|word| brings_no_program(word));
    if !reads_program {
        return;
    }
    let from = match &exec.standard[0] {
        Descriptor::Pipe(pipe) => run
            .record
            .processes()
            .filter(|other| other.process != named.process && output_pipes(other).any(|other| other == *pipe))
            .flat_map(|other| run.record.flows_of(other.process))
            .find(|flow| flow.received > 0 && flow.to.port() != 53),
        _ => None,
    };
    if let Some(flow) = from {
        let words = format!("{} ran what {} answered", model::escape_bytes(name), host(flow));
        let mut finding = run.finding(&PIPESH, words).with_evidence("host", &host(flow), None).with_evidence(
            "command",
            &run.record.told(named.process, named.exec.at),
            None,
        );
        // Installers of projects are run like this too, from names; a bare address is nobody's project.
        if flow.is_bare() && !run.image.configured_hosts.contains(&flow.host()) {
            finding.role = Role::Convicts;
        }
        out.findings.push(finding);
    }
}

/// Whether a word of an interpreter's command line is an option that gives it nothing to run.
fn brings_no_program(word: &[u8]) -> bool {
    match word {
        [b'-'] | [b'-', b'-', ..] => true,
        [b'-', letters @ ..] => !letters.iter().any(|letter| matches!(letter, b'c' | b'e' | b'm')),
        _ => false,
    }
}

fn manager(run: &Run<'_>, named: NamedExec<'_>, out: &mut Outcome) {
    let exec = &named.exec.what;
    let words = || exec.arguments.iter().take(3).map(|word| base_name(word));
    let manager = words().find(|name| PACKAGE_MANAGERS.contains(name));
    let installs =
        exec.arguments.iter().any(|word| matches!(word.as_slice(), b"install" | b"add" | b"-i" | b"upgrade"));
    let known = out.findings.iter().any(|finding| finding.id == PACKAGES.id);
    if let (Some(manager), true, false) = (manager, installs, known) {
        let words = format!("{} ran when the image started", model::escape_bytes(manager));
        out.findings.push(run.finding(&PACKAGES, words).with_evidence(
            "command",
            &run.record.told(named.process, named.exec.at),
            None,
        ));
    }
}

fn host(flow: &Flow) -> String {
    format!("{}:{}", flow.host(), flow.to.port())
}

/// Who fetched from a board, and then connected to a host that only the board's answer named.
fn dead_drop(run: &Run<'_>, out: &mut Outcome) {
    for flow in run.record.flows() {
        let name = flow.name.as_deref().unwrap_or_default().to_lowercase();
        let Some(process) = flow.process.filter(|_| is_board(&name)) else { continue };
        let answered: Vec<&[u8]> = flow
            .steps
            .iter()
            .filter_map(|step| match &step.what {
                WireKind::Said(said) if !said.guest => Some(said.bytes.as_slice()),
                _ => None,
            })
            .collect();
        let follows = run.record.flows().find(|later| {
            let target = later.name.clone().unwrap_or_else(|| later.to.ip().to_string());
            let named = answered.iter().any(|answer| contains(answer, target.as_bytes()));
            let same = later.process.is_some_and(|of| {
                run.record.descends(of, run.record.leader(process))
                    || run.record.descends(process, run.record.leader(of))
            });
            later.opened > flow.opened && named && same && target != name
        });
        if let Some(later) = follows {
            let words = format!("connected to {} after a text on {} had named it", host(later), flow.host());
            out.findings.push(
                run.finding(&DEADDROP, words)
                    .with_evidence("host", &host(later), None)
                    .with_evidence("board", &host(flow), None)
                    .with_evidence("command", &run.record.told(process, flow.opened), None),
            );
            return;
        }
    }
}

/// The same file of the same host, asked for under three or more names for the asker.
fn gate(run: &Run<'_>, out: &mut Outcome) {
    let mut asked: BTreeMap<_, BTreeSet<&[u8]>> = BTreeMap::new();
    for step in run.record.flows().flat_map(|flow| &flow.steps) {
        if let WireKind::Http(http) = &step.what {
            let key = (http.host.as_slice(), http.target.as_slice());
            if asked.len() < 10_000 || asked.contains_key(&key) {
                asked.entry(key).or_default().insert(http.agent.as_slice());
            }
        }
    }
    if let Some(((host, target), agents)) = asked.into_iter().find(|(_, agents)| agents.len() >= 3) {
        let (host, target) = (model::escape_bytes(host), model::escape_bytes(target));
        let words = format!("asked {host} for {target} under {} names for itself", agents.len());
        out.findings.push(run.finding(&STAGE2GATE, words).with_evidence("host", &host, None));
    }
}

fn early(run: &Run<'_>, out: &mut Outcome) {
    let first = run.record.flows().find(|flow| {
        let to = flow.to.ip();
        flow.opened.real <= EARLY
            && flow.to.port() != 53
            && !to.is_loopback()
            && !run.image.configured_hosts.contains(&flow.host().to_lowercase())
    });
    if let Some(flow) = first {
        out.findings.push(run.finding(&EARLYNET, format!("spoke to {} at once", host(flow))).with_evidence(
            "host",
            &host(flow),
            None,
        ));
    }
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text)
}
