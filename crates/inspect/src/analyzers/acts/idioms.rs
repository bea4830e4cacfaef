use super::{Act, Deed, HostKind, of_line, of_words};
use crate::{Fact, ImageView, Outcome};
use layers::Place;
use model::{Class, Detection, Finding, Gap, Role, Severity, Stage};
use packages::{Agreement, agreement};

/// Findings of one idiom that are told one by one.
const MAX_FINDINGS: usize = 32;
/// More scripts with one idiom that nothing runs than this are a collection of examples or rules.
const COLLECTION: usize = 8;

/// A predicate over the acts of one script or command.
pub(crate) struct Idiom {
    pub(crate) detection: &'static Detection,
    /// Whether it counts in directories from which something else than the start runs scripts.
    pub(crate) counts_unreached: bool,
    /// The first place where it holds, with the role and severity it has where the script runs.
    pub(crate) holds: for<'a> fn(&Doing<'a>) -> Option<Hit<'a>>,
}

/// The acts of a script or command, with where that stands.
pub(crate) struct Doing<'a> {
    pub(crate) acts: &'a [Act],
    pub(crate) origin: Origin,
    /// The path of the script; empty for a command of the configuration.
    pub(crate) path: &'a [u8],
}

/// Where a command stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In a file of the image.
    Script,
    /// In `ENTRYPOINT` and `CMD`.
    Start,
    /// In `HEALTHCHECK`.
    Health,
    /// In `ONBUILD`: it runs when an image is built from this one.
    OnBuild,
    /// In the history: it ran when this image was built.
    History,
}

/// Where an idiom holds.
pub(crate) struct Hit<'a> {
    pub(crate) act: &'a Act,
    pub(crate) role: Role,
    pub(crate) severity: Severity,
    /// What happens there, a sentence without its subject: `gives what 192.0.2.1 answers to an interpreter`.
    pub(crate) what: String,
}

/// What is known about whether a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The start leads to it.
    Runs,
    /// It is there and may be run.
    Placed,
    /// Documentation, a test, a file of a package as the package promised it, or text that nothing marks as a
    /// program.
    Reference,
}

impl<'a> Doing<'a> {
    /// The first act that one of these deeds and hosts is.
    pub(crate) fn first(&self, is: impl Fn(&Act) -> bool) -> Option<&'a Act> {
        self.acts.iter().find(|act| is(act))
    }

    pub(crate) fn has(&self, deed: Deed) -> bool {
        self.acts.iter().any(|act| act.deed == deed)
    }

    /// The first act with this deed, as a hit with the role and severity of its detection.
    pub(crate) fn plain(&self, detection: &Detection, deed: Deed, what: &str) -> Option<Hit<'a>> {
        let act = self.first(|act| act.deed == deed)?;
        Some(Hit::new(act, detection.role, detection.severity, what))
    }

    /// Whether it runs when a container is started, rather than when an image is built.
    pub(crate) fn at_run_time(&self) -> bool {
        matches!(self.origin, Origin::Script | Origin::Start | Origin::Health)
    }
}

impl<'a> Hit<'a> {
    pub(crate) fn new(act: &'a Act, role: Role, severity: Severity, what: impl Into<String>) -> Self {
        Self { act, role, severity, what: what.into() }
    }
}

impl Act {
    /// The kind of the other end.
    pub(crate) fn host(&self) -> Option<HostKind> {
        self.remote.as_ref().map(|remote| remote.kind)
    }

    /// The other end for people.
    pub(crate) fn host_shown(&self) -> String {
        match &self.remote {
            Some(remote) if remote.kind != HostKind::Unknown => model::escape_bytes(&remote.host),
            _ => "a host that only running tells".to_owned(),
        }
    }
}

/// Every detection of an idiom is about what a script does.
pub(crate) const fn detection(
    id: &'static str,
    title: &'static str,
    (severity, role): (Severity, Role),
    techniques: &'static [&'static str],
    why: &'static str,
    advice: &'static str,
) -> Detection {
    Detection { id, title, severity, role, class: Class::File, stage: Stage::Static, techniques, why, advice }
}

/// Looks for idioms in all scripts that a runtime shows, in the configuration, and in the history.
pub(crate) fn judge(image: &ImageView<'_>, out: &mut Outcome, idioms: &[Idiom]) {
    if image.platform.os != "linux" {
        return;
    }
    let configured = configured(image, out);
    let scripts = acting_scripts(image);
    for idiom in idioms {
        commands(image, out, idiom, &configured);
        judge_scripts(image, out, idiom, &scripts);
    }
}

/// A script of the final tree that has acts.
struct Script<'a> {
    place: Place,
    path: &'a [u8],
    acts: &'a [Act],
    /// Whether its mode or its first line marks it as a program.
    program: bool,
}

fn acting_scripts<'a>(image: &ImageView<'a>) -> Vec<Script<'a>> {
    let mut scripts = Vec::new();
    for (layer, number) in image.layers.iter().zip(0_u32..) {
        for (entry, stage, fact) in layer.facts.all() {
            let Fact::Script(script) = fact else { continue };
            let place = Place { layer: number, entry };
            if script.acts.is_empty() || !image.tree.is_live(place) {
                continue;
            }
            // What is decoded and not run is data.
            if stage.is_some_and(|stage| stage.runner.is_none()) {
                continue;
            }
            if let Some(view) = image.tree.entry(place) {
                let program = view.mode & 0o111 != 0 || !script.shebang.is_empty();
                scripts.push(Script { place, path: view.path, acts: &script.acts, program });
            }
        }
    }
    scripts
}

fn commands(
    image: &ImageView<'_>,
    out: &mut Outcome,
    idiom: &Idiom,
    configured: &[(Origin, String, Vec<Act>)],
) {
    for (origin, text, acts) in configured {
        let origin = *origin;
        let doing = Doing { acts, origin, path: b"" };
        let Some(hit) = (idiom.holds)(&doing) else { continue };
        let place = match origin {
            Origin::Health => "HEALTHCHECK",
            Origin::OnBuild => "ONBUILD",
            Origin::History => "An instruction of the history",
            _ => "The start of the image",
        };
        let mut finding = image.finding(idiom.detection, format!("{place} {}.", hit.what));
        finding.class = if origin == Origin::History { Class::Meta } else { Class::Config };
        (finding.role, finding.severity) = (hit.role, hit.severity);
        finding.reachable = matches!(origin, Origin::Start | Origin::Health).then_some(true);
        let shown: String = text.chars().take(300).collect();
        out.findings.push(evidence(finding.with_evidence("command", &shown, None), hit.act));
    }
}

fn evidence(finding: Finding, act: &Act) -> Finding {
    match &act.remote {
        Some(remote) => finding.with_evidence("host", &String::from_utf8_lossy(&remote.host), None),
        None => finding,
    }
}

/// The commands of the configuration and the history with their acts.
fn configured(image: &ImageView<'_>, out: &mut Outcome) -> Vec<(Origin, String, Vec<Act>)> {
    /// More instructions than any image has.
    const MAX_INSTRUCTIONS: usize = 512;
    let config = &image.config.config;
    let mut found: Vec<(Origin, String, (Vec<Act>, bool))> = Vec::new();
    let words: Vec<&String> = config.entrypoint.iter().chain(&config.cmd).collect();
    let acts_of =
        |words: &[&String]| of_words(&words.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
    let joined = |words: &[&String]| words.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(" ");
    if !words.is_empty() {
        found.push((Origin::Start, joined(&words), acts_of(&words)));
    }
    let check: Vec<&String> = config.healthcheck.test.iter().skip(1).collect();
    match config.healthcheck.test.first().map(String::as_str) {
        Some("CMD") => found.push((Origin::Health, joined(&check), acts_of(&check))),
        Some("CMD-SHELL") => {
            let line = joined(&check);
            let acts = of_line(line.as_bytes());
            found.push((Origin::Health, line, acts));
        }
        _ => {}
    }
    for instruction in config.on_build.iter().take(MAX_INSTRUCTIONS) {
        if let Some(line) = instruction.trim_start().strip_prefix("RUN ") {
            found.push((Origin::OnBuild, line.to_owned(), of_line(line.as_bytes())));
        }
    }
    // What is not read of the history is no gap: it says what was, and the layers say what is.
    if found.iter().any(|(_, _, (_, whole))| !whole) || config.on_build.len() > MAX_INSTRUCTIONS {
        let what = format!("{}, configuration", image.platform);
        out.gaps.push(Gap::new(
            what,
            "a command is longer than 256 KiB, or does more than is kept; the rest was not read",
        ));
    }
    for entry in image.config.history.iter().take(MAX_INSTRUCTIONS) {
        if let Some(line) = line_of_history(&entry.created_by) {
            found.push((Origin::History, line.to_owned(), of_line(line.as_bytes())));
        }
    }
    let acting = found.into_iter().filter(|(_, _, (acts, _))| !acts.is_empty());
    acting.map(|(origin, line, (acts, _))| (origin, line, acts)).collect()
}

/// The line that a `RUN` instruction gave to the shell, as builders write it into the history.
fn line_of_history(created_by: &str) -> Option<&str> {
    let line = created_by.strip_prefix("RUN ").unwrap_or(created_by);
    let line = match line.find("/bin/sh -c ").or_else(|| line.find("/bin/bash -c ")) {
        // Build arguments stand in front: `|1 VERSION=2 /bin/sh -c …`.
        Some(at) if at == 0 || line.starts_with('|') => line.get(at..)?.split_once(" -c ")?.1,
        _ if line.len() < created_by.len() => line,
        _ => return None,
    };
    let line = line.strip_suffix("# buildkit").unwrap_or(line);
    (!line.trim_start().starts_with("#(nop)")).then_some(line)
}

fn judge_scripts(image: &ImageView<'_>, out: &mut Outcome, idiom: &Idiom, scripts: &[Script<'_>]) {
    let mut hits = Vec::new();
    for script in scripts {
        let doing = Doing { acts: script.acts, origin: Origin::Script, path: script.path };
        if let Some(hit) = (idiom.holds)(&doing) {
            let standing = standing(image, out, script.place, script.path, script.program);
            hits.push((script.place, script.path, hit, standing));
        }
    }
    // What runs is told first, and what runs is never a collection.
    hits.sort_by_key(|(.., standing)| *standing != Standing::Runs);
    let collection = hits.iter().filter(|(.., standing)| *standing != Standing::Runs).count() > COLLECTION;
    for (place, path, hit, standing) in hits.into_iter().take(MAX_FINDINGS) {
        let standing =
            if collection && standing == Standing::Placed { Standing::Reference } else { standing };
        let (role, severity) =
            lowered(&hit, standing, idiom.counts_unreached && (is_hook(path) || is_web_root(path)));
        let runs = match standing {
            Standing::Runs => "",
            Standing::Placed => " The start was not seen to lead to it.",
            Standing::Reference => {
                " Nothing was seen to run it, and its place or its package speak for reference material."
            }
        };
        let why = format!("Line {} {}.{runs}", hit.act.line, hit.what);
        let mut finding = image.finding_at(idiom.detection, why, place).with_evidence(
            "command",
            &String::from_utf8_lossy(&hit.act.command),
            None,
        );
        (finding.role, finding.severity) = (role, severity);
        finding.reachable = (standing == Standing::Runs).then_some(true);
        out.findings.push(evidence(finding, hit.act));
    }
}

/// What a hit counts where the script is not known to run.
fn lowered(hit: &Hit<'_>, standing: Standing, counts_unreached: bool) -> (Role, Severity) {
    match (standing, hit.role) {
        (Standing::Runs, role) => (role, hit.severity),
        (Standing::Placed, Role::Corroborates) if counts_unreached => (Role::Corroborates, hit.severity),
        (Standing::Placed, Role::Convicts) => (Role::Corroborates, Severity::Medium),
        _ => (Role::Context, Severity::Low),
    }
}

fn standing(image: &ImageView<'_>, out: &Outcome, place: Place, path: &[u8], program: bool) -> Standing {
    if out.reaches(image, place) {
        return Standing::Runs;
    }
    let hashes = image.tree.entry(image.tree.content(place)).and_then(|entry| entry.hashes);
    let promised = image.ownership.owner(path).zip(hashes).is_some_and(|(owner, hashes)| {
        agreement(&owner, hashes.md5.as_ref(), hashes.sha1.as_ref(), &hashes.sha256) == Agreement::Agrees
    });
    let web = path.ends_with(b".php");
    if promised || is_reference(path) || !(program || web || is_hook(path) || is_schedule(path)) {
        Standing::Reference
    } else {
        Standing::Placed
    }
}

/// Directories from which web servers run pages.
fn is_web_root(path: &[u8]) -> bool {
    let roots: [&[u8]; 8] =
        [b"www", b"htdocs", b"html", b"public", b"public_html", b"wwwroot", b"webroot", b"webapps"];
    path.split(|&byte| byte == b'/').any(|part| roots.contains(&part))
}

/// Schedules, which are text and run all the same.
fn is_schedule(path: &[u8]) -> bool {
    path.starts_with(b"etc/cron") || path.starts_with(b"var/spool/cron/")
}

/// Directories whose scripts images of well-known software run at their start.
pub(super) fn is_hook(path: &[u8]) -> bool {
    let directories: [&[u8]; 6] = [
        b"docker-entrypoint.d/",
        b"docker-entrypoint-initdb.d/",
        b"docker-entrypoint-init.d/",
        b"etc/cont-init.d/",
        b"custom-cont-init.d/",
        b"etc/services.d/",
    ];
    directories.iter().any(|directory| path.starts_with(directory))
}

/// Documentation, examples and tests.
fn is_reference(path: &[u8]) -> bool {
    let mut parts = path.rsplit(|&byte| byte == b'/');
    let name = parts.next().unwrap_or_default();
    let directories: [&[u8]; 12] = [
        b"doc",
        b"docs",
        b"man",
        b"test",
        b"tests",
        b"testdata",
        b"testing",
        b"example",
        b"examples",
        b"samples",
        b"__tests__",
        b"spec",
    ];
    name.starts_with(b"README") || parts.any(|part| directories.contains(&part))
}

impl Doing<'_> {
    /// Whether it is one of the scripts that images run at their start from a directory of their own.
    pub(crate) fn is_hook(&self) -> bool {
        is_hook(self.path)
    }
}
