//! What a run is accused of, by kind of deed. Every group is a folder with the same files: `mod.rs` with its
//! detections, `checks.rs` with what makes each of them hold, `tests.rs` with a trigger and a near miss for each.

mod control;
mod credentials;
mod escape;
mod exfiltration;
mod fetching;
mod impact;
mod mining;
mod movement;
mod persistence;
mod stealth;
mod supply;

use crate::{At, Context, FileHistory, Outcome, ProcessRecord, Record, RunContext};
use events::{Origin, Process};
use model::{Detection, Finding};

/// One run with everything that is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) record: &'a Record,
    pub(crate) run: &'a RunContext,
    pub(crate) image: &'a Context,
}

/// A group of detections.
struct Group {
    detections: &'static [Detection],
    /// What one run shows.
    judge: fn(&Run<'_>, &mut Outcome),
    /// What runs show together that none shows alone.
    compare: fn(&[Run<'_>], &mut Outcome),
}

fn nothing(_: &[Run<'_>], _: &mut Outcome) {}

const GROUPS: &[Group] = &[
    Group { detections: mining::DETECTIONS, judge: mining::judge, compare: nothing },
    Group { detections: fetching::DETECTIONS, judge: fetching::judge, compare: nothing },
    Group { detections: control::DETECTIONS, judge: control::judge, compare: nothing },
    Group { detections: persistence::DETECTIONS, judge: persistence::judge, compare: persistence::compare },
    Group { detections: escape::DETECTIONS, judge: escape::judge, compare: nothing },
    Group { detections: credentials::DETECTIONS, judge: credentials::judge, compare: nothing },
    Group { detections: movement::DETECTIONS, judge: movement::judge, compare: nothing },
    Group { detections: exfiltration::DETECTIONS, judge: exfiltration::judge, compare: nothing },
    Group { detections: impact::DETECTIONS, judge: impact::judge, compare: nothing },
    // These two compare whole runs, so they come when all others have spoken.
    Group { detections: stealth::DETECTIONS, judge: stealth::judge, compare: stealth::compare },
    Group { detections: supply::DETECTIONS, judge: supply::judge, compare: supply::compare },
];

/// Dynamic detections of the catalogue that nothing here can show, each with the reason.
pub const NOT_IMPLEMENTED: &[(&str, &str)] = &[
    (
        "D-SUP-DRIFT",
        "It takes runs of two images: `roadstead diff --detonate OLD NEW` makes them and tells each new program, host, port \
         and file as a change.",
    ),
    (
        "D-SUP-VSOFFICIAL",
        "It takes a run of the official image, and which that is, is for a person to say: a name proves nothing. \
         `roadstead diff --detonate OFFICIAL IMAGE` compares them by what they do.",
    ),
];

/// Everything that a run can be accused of.
pub fn detections() -> impl Iterator<Item = &'static Detection> {
    GROUPS.iter().flat_map(|group| group.detections)
}

/// Judges the runs of an image.
pub fn judge(runs: &[(RunContext, Record)], image: &Context) -> Outcome {
    let mut out = Outcome::default();
    let runs: Vec<Run<'_>> = runs.iter().map(|(run, record)| Run { record, run, image }).collect();
    for group in GROUPS {
        for run in &runs {
            // A group looks at its own findings of the same run only.
            let mut of_run = Outcome::default();
            (group.judge)(run, &mut of_run);
            out.findings.append(&mut of_run.findings);
            out.gaps.append(&mut of_run.gaps);
        }
        (group.compare)(&runs, &mut out);
    }
    out.findings = merged(out.findings);
    out
}

/// One finding where several runs show the same, with all of them in its evidence.
fn merged(findings: Vec<Finding>) -> Vec<Finding> {
    let is_run = |piece: &&model::Evidence| piece.kind == "run";
    let same = |one: &Finding, other: &Finding| {
        let rest = |finding: &Finding| -> Vec<model::Evidence> {
            finding.evidence.iter().filter(|piece| !is_run(piece)).cloned().collect()
        };
        one.id == other.id
            && one.role == other.role
            && one.path == other.path
            && one.content == other.content
            && rest(one) == rest(other)
    };
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let Some(known) = kept.iter_mut().find(|known| same(known, &finding)) else {
            kept.push(finding);
            continue;
        };
        for run in finding.evidence.iter().filter(is_run) {
            if !known.evidence.contains(run) {
                known.evidence.push(run.clone());
            }
        }
    }
    kept
}

impl Run<'_> {
    /// A finding of this run; the evidence says which run it was.
    pub(crate) fn finding(&self, detection: &Detection, explanation: impl Into<String>) -> Finding {
        let mut finding = Finding::of(detection, explanation);
        finding.platform.clone_from(&self.image.platform);
        finding.with_evidence("run", &self.run.name, None)
    }

    /// Whether the image openly says that it is one of these.
    pub(crate) fn declares(&self, what: &[&str]) -> bool {
        what.iter().any(|what| self.image.declared.contains(*what))
    }
}

/// Who last wrote to a file, and when.
pub(crate) fn written_by(history: &FileHistory) -> Option<(Process, At)> {
    history.writers().max_by_key(|(_, at)| *at)
}

/// Whether what a process wrote then is a package's: a package manager of the image, or a tool of the image that it had
/// started, wrote it. What a package's own scripts write in turn is not.
pub(crate) fn is_unpacking(run: &Run<'_>, process: Process, at: At) -> bool {
    const MANAGERS: [&[u8]; 3] = [b"dpkg", b"rpm", b"apk"];
    run.record
        .lineage(process)
        .map_while(|ancestor| run.record.program(ancestor.process, at))
        .take_while(|exec| exec.what.origin == Origin::Image)
        .any(|exec| MANAGERS.contains(&base_name(&exec.what.program)))
}

/// The script that a process works for: `cat`, `grep` and `tar` are hands of whoever starts them.
pub(crate) fn works_for(run: &Run<'_>, process: Process) -> Process {
    let leader = run.record.leader(process);
    run.record
        .lineage(leader)
        .nth(1)
        .filter(|parent| parent.process.0 > 1 || is_script(parent))
        .map_or(leader, |parent| parent.process)
}

/// The first process is the parent of all services as well, unless it is a script that works through its hands.
fn is_script(parent: &ProcessRecord) -> bool {
    parent
        .program()
        .is_some_and(|exec| exec.interpreter.is_some() || is_interpreter(base_name(&exec.program)))
}

/// The last part of a path.
pub fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// Whether a path lies below a directory, given with its last slash.
pub(crate) fn is_under(path: &[u8], directory: &[u8]) -> bool {
    path.starts_with(directory) && path.len() > directory.len()
}

/// Whether a program of this name is a command shell.
pub fn is_shell(name: &[u8]) -> bool {
    matches!(name, b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"ksh" | b"mksh" | b"busybox" | b"fish")
}

/// Whether a program of this name runs programs that are texts, with or without a version behind the name.
pub fn is_interpreter(name: &[u8]) -> bool {
    let end = name.iter().rposition(|byte| !(byte.is_ascii_digit() || *byte == b'.')).map_or(0, |at| at + 1);
    let stem = name.get(..end).unwrap_or_default();
    is_shell(name) || matches!(stem, b"python" | b"perl" | b"ruby" | b"node" | b"php" | b"lua" | b"pypy")
}

/// Whether a program of this name makes code at run time by trade.
pub(crate) fn is_compiler_at_run_time(name: &[u8]) -> bool {
    JIT.iter().any(|known| name.starts_with(known)) || is_interpreter(name)
}

/// Compilers of code at run time (control G9): what they ask of memory is their trade.
const JIT: [&[u8]; 25] = [
    b"varnishd",
    b"nginx",
    b"haproxy",
    b"java",
    b"dotnet",
    b"node",
    b"luajit",
    b"pypy",
    b"pypy3",
    b"qemu",
    b"chrome",
    b"chromium",
    b"php",
    b"php-fpm",
    b"wasmtime",
    b"wasmer",
    b"ruby",
    b"deno",
    b"bun",
    b"erl",
    b"beam.smp",
    b"mono",
    b"julia",
    b"postgres",
    b"firefox",
];

/// Whether a host is a site or below it.
pub(crate) fn is_site(host: &str, site: &str) -> bool {
    host == site || host.strip_suffix(site).is_some_and(|front| front.ends_with('.'))
}

/// Whether a host is a board on which anyone may leave a text under an address of its own.
pub(crate) fn is_board(host: &str) -> bool {
    BOARDS.iter().any(|board| is_site(host, board))
}

const BOARDS: [&str; 13] = [
    "pastebin.com",
    "paste.ee",
    "hastebin.com",
    "ghostbin.com",
    "rentry.co",
    "gist.githubusercontent.com",
    "gist.github.com",
    "raw.githubusercontent.com",
    "t.me",
    "api.telegram.org",
    "icp0.io",
    "ipfs.io",
    "controlc.com",
];

#[cfg(test)]
mod tests {
    use super::*;
    use model::Stage;

    /// The dynamic detections of the catalogue, in order.
    const CATALOGUE: [&str; 101] = [
        "D-C2-BEACON",
        "D-C2-BINDSH",
        "D-C2-DEADPOLL",
        "D-C2-DGA",
        "D-C2-DNSTUN",
        "D-C2-ELICIT",
        "D-C2-ICMPRAW",
        "D-C2-IRC",
        "D-C2-RAWTLS",
        "D-C2-REVSH",
        "D-C2-RMM",
        "D-C2-TOR",
        "D-C2-TUNNEL",
        "D-CRE-CANARYREAD",
        "D-CRE-CANARYUSE",
        "D-CRE-HUNT",
        "D-CRE-IMDS",
        "D-CRE-KUBE",
        "D-CRE-PROCENV",
        "D-CRE-SHADOW",
        "D-CRE-SNIFF",
        "D-DIS-BURST",
        "D-DIS-PUBIP",
        "D-DLX-COMPILE",
        "D-DLX-CRADLE",
        "D-DLX-DEADDROP",
        "D-DLX-DROPEXEC",
        "D-DLX-EARLYNET",
        "D-DLX-FETCHEXEC",
        "D-DLX-PIPESH",
        "D-DLX-PKG",
        "D-DLX-RECURSE",
        "D-DLX-SHM",
        "D-DLX-STAGE2GATE",
        "D-ESC-BPF",
        "D-ESC-CGROUP",
        "D-ESC-EXPLOITSYS",
        "D-ESC-KHOOK",
        "D-ESC-KMOD",
        "D-ESC-MOUNT",
        "D-ESC-NS",
        "D-ESC-PROC1",
        "D-ESC-PTRACE",
        "D-ESC-RUNC",
        "D-ESC-SOCK",
        "D-ESC-SUIDUP",
        "D-EVA-ANONEXEC",
        "D-EVA-ARGV0",
        "D-EVA-BINDPROC",
        "D-EVA-COVERAGE",
        "D-EVA-CROSSVIEW",
        "D-EVA-DAEMON",
        "D-EVA-DELEXEC",
        "D-EVA-DIVERGE",
        "D-EVA-KILLSEC",
        "D-EVA-LOGHIST",
        "D-EVA-MEMFDEXEC",
        "D-EVA-PRELOADCHILD",
        "D-EVA-PROBE",
        "D-EVA-SELFDEL",
        "D-EVA-TIMEGATE",
        "D-EVA-UTIMES",
        "D-EXF-BULK",
        "D-EXF-CANARY",
        "D-EXF-DNS",
        "D-EXF-INPUT",
        "D-EXF-OPAQUE",
        "D-IMP-ENCRYPT",
        "D-IMP-FLOOD",
        "D-IMP-FORK",
        "D-IMP-RIVALKILL",
        "D-IMP-WIPE",
        "D-LAT-KEYREUSE",
        "D-LAT-SSHSPRAY",
        "D-LAT-SVC",
        "D-LAT-SWEEP",
        "D-MIN-AFFINITY",
        "D-MIN-CC",
        "D-MIN-CPU",
        "D-MIN-DEPIN",
        "D-MIN-DUTY",
        "D-MIN-GPU",
        "D-MIN-POOLDNS",
        "D-MIN-PROXYTLS",
        "D-MIN-RXJIT",
        "D-MIN-RXMEM",
        "D-MIN-STRATUM",
        "D-MIN-SUBMIT",
        "D-MIN-TUNE",
        "D-PER-ACCOUNT",
        "D-PER-BINREPL",
        "D-PER-CRON",
        "D-PER-HOOKFIRE",
        "D-PER-HOSTCRON",
        "D-PER-KEYS",
        "D-PER-PRELOAD",
        "D-PER-STARTUP",
        "D-PER-UNIT",
        "D-SUP-ARCHDIFF",
        "D-SUP-DRIFT",
        "D-SUP-VSOFFICIAL",
    ];

    #[test]
    fn the_catalogue_is_implemented_or_says_why_not() {
        let declared: Vec<&str> = detections().map(|detection| detection.id).collect();
        let missing: Vec<&str> = NOT_IMPLEMENTED.iter().map(|(id, _)| *id).collect();
        assert!(CATALOGUE.is_sorted() && missing.is_sorted());
        for id in CATALOGUE {
            assert_ne!(declared.contains(&id), missing.contains(&id), "{id}");
        }
        assert!(declared.iter().chain(&missing).all(|id| CATALOGUE.contains(id)));
        assert!(NOT_IMPLEMENTED.iter().all(|(_, reason)| reason.ends_with('.')));
    }

    #[test]
    fn what_several_runs_show_is_one_finding() {
        let mut scene = crate::scene::Scene::of(&["/bin/app"]);
        scene.write(crate::scene::FIRST, "/etc/ld.so.preload");
        let mut other = scene.run.clone();
        other.name = "second start".into();
        let runs = [(scene.run.clone(), scene.record()), (other, scene.record())];
        let found: Vec<String> = judge(&runs, &scene.image)
            .findings
            .iter()
            .filter(|finding| finding.id == "D-PER-PRELOAD")
            .flat_map(|finding| finding.evidence.iter().filter(|piece| piece.kind == "run"))
            .map(|piece| piece.value.clone())
            .collect();
        assert_eq!(found, ["as configured", "second start"]);
    }

    #[test]
    fn every_detection_is_dynamic_and_stands_once() {
        let mut ids: Vec<_> = detections().map(|detection| (detection.id, detection.title)).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        for detection in detections() {
            assert!(detection.id.starts_with("D-"), "{}", detection.id);
            assert_eq!(detection.stage, Stage::Dynamic, "{}", detection.id);
            assert!(!detection.techniques.is_empty() || detection.id == "D-EVA-COVERAGE", "{}", detection.id);
        }
    }
}
