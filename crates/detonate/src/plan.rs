//! Which runs an image is given. Coverage matters more than rules: what is not run cannot show itself.

use crate::Image;
use crate::stage::Staged;
use crate::users;
use behavior::{AS_CONFIGURED, HIDDEN_PROFILE, LATER, RunContext, SECOND_START};
use sandbox::{Engine, User};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How an image is detonated.
pub struct Settings {
    /// Where the tree, the writes and the records of the runs lie; an empty directory of the caller's.
    pub scratch: PathBuf,
    /// How long all runs together may take.
    pub budget: Duration,
    /// Whether runs go on after one has convicted.
    pub thorough: bool,
    /// Where the packets of the first run are written.
    pub pcap: Option<PathBuf>,
    /// Set when a person asks to stop.
    pub cancelled: AtomicBool,
    /// Told of each step.
    pub say: Box<dyn Fn(&str) + Sync>,
    /// What canaries, addresses and names of the run are made from.
    pub seed: [u8; 32],
    /// Processors that the guest is told of.
    pub processors: u32,
    /// What runs the guests.
    pub engine: Engine,
}

impl Settings {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn say(&self, what: &str) {
        (self.say)(what);
    }

    /// Where content that appears in runs is kept.
    pub fn captures(&self) -> PathBuf {
        self.scratch.join("captured")
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("scratch", &self.scratch)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}

/// One run of the plan.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What judges are told of it.
    pub context: RunContext,
    /// Program and arguments.
    pub argv: Vec<Vec<u8>>,
    /// Whose rights it has.
    pub user: User,
    /// Home directory.
    pub home: String,
    /// Working directory.
    pub directory: String,
    /// How long it may take at most.
    pub most: Duration,
    /// Further commands that are started in it, each with what the plan calls it and after how long.
    pub further: Vec<Further>,
    /// How far the calendar is ahead, in seconds.
    pub ahead: i64,
    /// Whether traces that sandboxes leave are hidden.
    pub hidden: bool,
    /// Whether what it leaves is kept for a second start.
    pub keeps: bool,
    /// Whether it is the second start in what the first left.
    pub again: bool,
}

/// A command that is started in a run that goes on.
#[derive(Debug, Clone)]
pub struct Further {
    /// What the plan calls it.
    pub name: String,
    /// Program and arguments.
    pub argv: Vec<Vec<u8>>,
    /// After how long.
    pub after: Duration,
}

/// The runs, and what is left out.
pub(crate) struct Plan {
    /// Runs that depend on nothing of each other stand together, and those of which a later one may depend before it:
    /// the start itself, the start in other circumstances, and what is started besides.
    pub(crate) waves: [Vec<Planned>; 3],
    pub(crate) not_exercised: Vec<String>,
    /// A brief run as the image's user, for what turns up while it runs.
    pub(crate) further: Planned,
}

/// How long the image itself runs, and a probe that should end at once.
const FULL: Duration = Duration::from_secs(30);
const BRIEF: Duration = Duration::from_secs(6);
/// A month: longer than any wait that is worth a dropper's while.
const MONTH: i64 = 30 * 86_400;
/// Programs of the image's own that are started by themselves.
const MOST_PROGRAMS: usize = 6;

/// Programs that fire start-up hooks, with what asks each of them to do nothing.
const NEUTRAL: [(&str, &[&str]); 12] = [
    ("sh", &["-lc", "true"]),
    ("bash", &["-ic", "true"]),
    ("zsh", &["-ic", "true"]),
    ("python3", &["-c", "0"]),
    ("python", &["-c", "0"]),
    ("node", &["-e", "0"]),
    ("perl", &["-e", "0"]),
    ("ruby", &["-e", "0"]),
    ("php", &["-r", "0;"]),
    ("lua", &["-e", "local _ = 0"]),
    ("java", &["-version"]),
    ("pip3", &["--version"]),
];

/// Plans the runs of an image.
pub(crate) fn plan(image: &Image<'_>, staged: &Staged, settings: &Settings) -> Plan {
    let passwd = staged.kept.get(b"etc/passwd".as_slice()).map_or(&b""[..], Vec::as_slice);
    let group = staged.kept.get(b"etc/group".as_slice()).map_or(&b""[..], Vec::as_slice);
    let config = &image.config.config;
    let mut waves: [Vec<Planned>; 3] = Default::default();
    let [first_start, other_starts, besides] = &mut waves;
    let mut not_exercised = Vec::new();
    let user = users::resolve(&config.user, passwd, group).unwrap_or_else(|| {
        not_exercised.push(format!(
            "the image's user {} is not in its own list; it ran as root",
            model::escape_text(&config.user)
        ));
        User::default()
    });
    let home = users::home(&user, passwd);
    let directory = if config.working_dir.is_empty() { "/".to_owned() } else { config.working_dir.clone() };
    let base = |name: String, argv: Vec<Vec<u8>>, most: Duration| Planned {
        context: RunContext { name, platform: image.platform.to_string(), ..RunContext::default() },
        argv,
        user: user.clone(),
        home: home.clone(),
        directory: directory.clone(),
        most,
        further: Vec::new(),
        ahead: 0,
        hidden: false,
        keeps: false,
        again: false,
    };
    let start: Vec<Vec<u8>> =
        config.entrypoint.iter().chain(&config.cmd).map(|word| word.as_bytes().to_vec()).collect();
    if start.is_empty() {
        not_exercised.push("the image names no program to start".to_owned());
    } else {
        // Half of the time at most, so that the others have theirs.
        let mut first = base(AS_CONFIGURED.to_owned(), start.clone(), FULL.max(settings.budget / 2));
        first.further.extend(health(config));
        first.further.extend(crontabs(staged));
        first.keeps = true;
        first_start.push(first);
        let mut again = base(SECOND_START.to_owned(), start.clone(), BRIEF * 2);
        again.again = true;
        other_starts.push(again);
        if user.uid != 0 {
            let mut as_root = base(format!("{AS_CONFIGURED}, as root"), start.clone(), BRIEF * 2);
            as_root.user = User::default();
            as_root.home = "/root".to_owned();
            other_starts.push(as_root);
        }
        let mut later = base(format!("{AS_CONFIGURED}{LATER}"), start.clone(), BRIEF * 2);
        later.ahead = MONTH;
        other_starts.push(later);
        let mut hidden = base(format!("{AS_CONFIGURED}{HIDDEN_PROFILE}"), start, BRIEF * 2);
        hidden.hidden = true;
        other_starts.push(hidden);
    }
    for (name, arguments) in NEUTRAL {
        if let Some(path) = in_path(image, name) {
            let words = arguments.iter().map(|word| word.as_bytes().to_vec());
            let argv = std::iter::once(path).chain(words).collect();
            let mut probe = base(format!("probe {name}"), argv, BRIEF);
            probe.context.neutral = true;
            besides.push(probe);
        }
    }
    for path in unowned(image).into_iter().take(MOST_PROGRAMS) {
        let name = format!("start {}", model::escape_bytes(&path));
        besides.push(base(name, vec![path], BRIEF));
    }
    if matches!(settings.engine, Engine::Gvisor(_)) {
        let why = "gVisor shows the host's calendar and no other";
        for run in waves.iter_mut().flat_map(|wave| wave.extract_if(.., |run| run.ahead != 0)) {
            not_exercised.push(format!("{}: {why}", run.context.name));
        }
        not_exercised.push("what comes after waiting longer than a run: gVisor skips none".to_owned());
        not_exercised.push("what answers visitors of its ports: none is visited under gVisor".to_owned());
    }
    if !config.on_build.is_empty() {
        not_exercised.push("instructions for images that are built on this one".to_owned());
    }
    let further = base(String::new(), Vec::new(), BRIEF);
    Plan { waves, not_exercised, further }
}

/// The image's own check of its health.
fn health(config: &model::RunConfig) -> Option<Further> {
    let (kind, words) = config.healthcheck.test.split_first()?;
    let argv: Vec<Vec<u8>> = match kind.as_str() {
        "CMD" => words.iter().map(|word| word.as_bytes().to_vec()).collect(),
        "CMD-SHELL" => vec![b"/bin/sh".to_vec(), b"-c".to_vec(), words.join(" ").into_bytes()],
        _ => return None,
    };
    (!argv.is_empty()).then(|| Further {
        name: "health check".to_owned(),
        argv,
        after: Duration::from_secs(3),
    })
}

/// Commands of the image's tables of timed commands, started as their daemon would.
fn crontabs(staged: &Staged) -> Vec<Further> {
    let mut further = Vec::new();
    for (path, table) in &staged.kept {
        let system = path.starts_with(b"etc/cron.d/") || path.as_slice() == b"etc/crontab";
        let own = path.starts_with(b"var/spool/cron/") || path.starts_with(b"etc/crontabs/");
        if !(system || own) {
            continue;
        }
        for line in table.split(|&byte| byte == b'\n').take(200) {
            if let Some(command) = timed_command(line, system) {
                let argv = vec![b"/bin/sh".to_vec(), b"-c".to_vec(), command];
                let name = format!("timed command of /{}", model::escape_bytes(path));
                further.push(Further { name, argv, after: Duration::from_secs(4) });
            }
        }
    }
    further.truncate(8);
    further
}

/// The command of a line: what stands behind five fields or a word with `@`, and behind the user in a system table.
fn timed_command(line: &[u8], system: bool) -> Option<Vec<u8>> {
    let line = line.trim_ascii();
    let first = *line.first()?;
    if first == b'#' || !(first.is_ascii_digit() || matches!(first, b'*' | b'@')) {
        return None;
    }
    let fields = if first == b'@' { 1 } else { 5 } + usize::from(system);
    let mut rest = line;
    for _ in 0..fields {
        let end = rest.iter().position(u8::is_ascii_whitespace)?;
        rest = rest.get(end..)?.trim_ascii_start();
    }
    (!rest.is_empty()).then(|| rest.to_vec())
}

/// A program by its name, where the image has it in a usual place.
fn in_path(image: &Image<'_>, name: &str) -> Option<Vec<u8>> {
    ["usr/local/bin", "usr/bin", "bin", "usr/sbin"].iter().find_map(|directory| {
        let path = format!("{directory}/{name}");
        let (_, place) = image.tree.resolve(path.as_bytes()).ok()?;
        let entry = image.tree.entry(place)?;
        let runs = entry.mode & 0o111 != 0 && entry.size > 0;
        runs.then(|| format!("/{path}").into_bytes())
    })
}

/// Programs that the layers brought besides packages: what a builder put in is what the image is about.
pub(crate) fn unowned(image: &Image<'_>) -> Vec<Vec<u8>> {
    let mut found: Vec<(u32, Vec<u8>)> = image
        .tree
        .iter()
        .filter(|(path, place)| {
            let Some(entry) = image.tree.entry(image.tree.content(*place)) else { return false };
            let place_of_programs =
                [&b"usr/local/bin/"[..], b"usr/local/sbin/", b"opt/", b"app/", b"usr/bin/", b"bin/"]
                    .iter()
                    .any(|directory| path.starts_with(directory));
            entry.kind == layers::Kind::File
                && entry.mode & 0o111 != 0
                && entry.size > 0
                && place_of_programs
                && !path.ends_with(b".so")
                && !(image.is_owned)(path)
        })
        .map(|(path, place)| (place.layer, path))
        .take(100_000)
        .collect();
    // The last layers first: what a stranger adds comes on top.
    found.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    found.into_iter().map(|(_, path)| [b"/", path.as_slice()].concat()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, system: bool, expect: Option<&str>) {
        let found = timed_command(line.as_bytes(), system)
            .map(|command| String::from_utf8_lossy(&command).into_owned());
        assert_eq!(found.as_deref(), expect, "{line}");
    }

    #[test]
    fn commands_are_read_out_of_tables() {
        check("*/5 * * * * root /opt/x -a", true, Some("/opt/x -a"));
        check("0 3 * * 1 /opt/x", false, Some("/opt/x"));
        check("@reboot root /opt/x", true, Some("/opt/x"));
        check("# 0 3 * * 1 root /opt/x", true, None);
        check("PATH=/bin", true, None);
        check("0 3 * *", false, None);
        check("", true, None);
    }
}
