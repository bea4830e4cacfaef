use super::{CRON, PROFILE, PTH, RC, SYSTEMD, places};
use crate::analyzers::hooks::{self, Hook, HookFacts, HookKind, Shape, Standing, What};
use crate::analyzers::program::ProgramFacts;
use crate::analyzers::start::{Piece, ScriptFacts, base_name, hiding};
use crate::{Fact, ImageView, Outcome, Reached};
use model::{Class, Detection, Finding, Gap, Role, Severity};
use std::collections::HashMap;

/// Most findings of one id that are told one by one.
const MAX_FINDINGS: usize = 32;

/// Judges every hook that its package does not vouch for.
pub(super) fn judge(image: &ImageView<'_>, out: &mut Outcome) {
    let (listed, _) = hooks::listed(image);
    let children = children(out);
    let found = leading_to_found(out);
    let system = knows_system(image);
    let log_ins =
        listed.iter().any(|hook| hook.kind == HookKind::PamModule && hook.standing == Standing::Genuine);
    let mut findings: Vec<Finding> = Vec::new();
    for hook in listed.iter().filter(|hook| !matches!(hook.standing, Standing::Genuine | Standing::Owned)) {
        let facts = hooks::facts(image, hook);
        unread(image, hook, facts, out);
        let targets = targets(image, hook, out, &children, &found, system);
        match hook.kind {
            HookKind::CronTable | HookKind::CronScript | HookKind::AtJob => {
                findings.extend(job(image, hook, facts, &targets, out));
            }
            HookKind::Unit => findings.extend(service(image, hook, &SYSTEMD, &targets, out)),
            HookKind::RcScript | HookKind::Inittab => {
                findings.extend(service(image, hook, &RC, &targets, out));
            }
            HookKind::Profile => findings.extend(profile(image, hook, &targets, out)),
            HookKind::PythonPath | HookKind::PythonSite => {
                findings.extend(python(image, hook, facts, &targets, out));
            }
            _ => findings.extend(places::judge(image, hook, facts, log_ins, out)),
        }
    }
    let mut told: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        let count = told.entry(finding.id.clone()).or_default();
        *count += 1;
        if *count <= MAX_FINDINGS {
            out.findings.push(finding);
        }
    }
}

/// A table of which a part was not read, or that lies behind a link where it is not read as one.
fn unread(image: &ImageView<'_>, hook: &Hook, facts: Option<&HookFacts>, out: &mut Outcome) {
    let orders = matches!(
        hook.kind,
        HookKind::CronTable
            | HookKind::Unit
            | HookKind::Supervisor
            | HookKind::PythonPath
            | HookKind::Preload
    );
    let empty = || {
        let at = image.tree.resolve(&hook.path).ok().map(|(_, place)| image.tree.content(place));
        at.and_then(|at| image.tree.entry(at)).is_none_or(|entry| entry.size == 0)
    };
    let why = match facts {
        Some(facts) if facts.cut && hook.kind != HookKind::Hosts => {
            "it is longer than 256 KiB or orders more than 128 things; the rest was not followed"
        }
        None if orders && !empty() => "it is a link to a file that is not read as what it is used for",
        _ => return,
    };
    let what = format!("{}, /{}", image.platform, model::escape_bytes(&hook.path));
    out.gaps.push(Gap::new(what, why));
}

/// What each file of the chain leads to, by its index.
fn children(out: &Outcome) -> HashMap<usize, Vec<usize>> {
    let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, reached) in out.chain.iter().enumerate() {
        if let Some(from) = reached.from {
            children.entry(from).or_default().push(index);
        }
    }
    children
}

/// The files of the chain about which something that counts was found, and all that lead to them. What lends rights
/// is not meant: that says nothing of what it does.
fn leading_to_found(out: &Outcome) -> HashMap<usize, String> {
    let counts = out.findings.iter().filter(|finding| {
        finding.role != Role::Context && finding.class != Class::Reach && !finding.id.starts_with("S-ESC-")
    });
    let titles: HashMap<&str, &str> =
        counts.filter_map(|finding| Some((finding.path.as_deref()?, finding.title.as_str()))).collect();
    let mut leading = HashMap::new();
    if titles.is_empty() {
        return leading;
    }
    for (index, reached) in out.chain.iter().enumerate() {
        let path = format!("/{}", model::escape_bytes(&reached.path));
        let Some(title) = titles.get(path.as_str()) else { continue };
        let mut at = Some(index);
        // Each step leads to an earlier one; whatever was marked before has its own way marked too.
        while let Some(step) = at
            && !leading.contains_key(&step)
        {
            leading.insert(step, format!("It leads to {path}, of which is said: {title}."));
            at = out.chain.get(step).and_then(|reached| reached.from);
        }
    }
    leading
}

/// A file that a hook leads to and no package vouches for.
struct Target<'o> {
    reached: &'o Reached,
    /// What was found at it, or at what it leads to.
    found: Option<&'o String>,
    hides: Option<&'static str>,
    /// Whether it is a program among the distribution's.
    among_system: bool,
}

/// What a hook itself leads to that no package vouches for.
fn targets<'o>(
    image: &ImageView<'_>,
    hook: &Hook,
    out: &'o Outcome,
    children: &HashMap<usize, Vec<usize>>,
    found: &'o HashMap<usize, String>,
    system: bool,
) -> Vec<Target<'o>> {
    let Ok((path, _)) = image.tree.resolve(&hook.path) else { return Vec::new() };
    let Some(index) = out.chain.iter().position(|reached| reached.path == path) else { return Vec::new() };
    let reached = std::iter::once(index).chain(children.get(&index).into_iter().flatten().copied());
    let reached = reached.filter_map(|at| Some((at, out.chain.get(at)?)));
    let stray = reached.filter(|(_, reached)| {
        let standing = hooks::standing(image, &reached.path, reached.place);
        matches!(standing, Standing::Unowned | Standing::Changed)
    });
    stray
        .map(|(at, reached)| Target {
            reached,
            found: found.get(&at),
            // A hook's own place hides nothing.
            hides: hiding(&reached.path, hook.kind == HookKind::Profile && !reached.background)
                .filter(|_| at != index),
            among_system: system
                && at != index
                && is_system(&reached.path)
                && image.facts(reached.place).any(|fact| matches!(fact, Fact::Program(ProgramFacts::Elf(_)))),
        })
        .collect()
}

/// Whether packages own the programs of the system, as its shell tells: a tree may have a database that speaks of
/// other paths, or of what was added later alone.
fn knows_system(image: &ImageView<'_>) -> bool {
    let shell = ["bin/sh", "usr/bin/sh"].iter().find_map(|path| image.tree.resolve(path.as_bytes()).ok());
    !image.ownership.is_empty()
        && shell.is_none_or(|(path, place)| hooks::standing(image, &path, place) != Standing::Unowned)
}

/// Directories that packages fill; `/usr/local` is everybody's.
fn is_system(path: &[u8]) -> bool {
    let directories: [&[u8]; 7] =
        [b"bin/", b"sbin/", b"lib/", b"lib64/", b"usr/bin/", b"usr/sbin/", b"usr/lib/"];
    directories.iter().any(|directory| path.starts_with(directory))
}

/// The sign that one of the targets gives beyond being there.
fn strong(targets: &[Target<'_>]) -> Option<String> {
    targets.iter().find_map(|target| {
        let path = model::escape_bytes(&target.reached.path);
        match target.hides {
            Some(reason) => Some(format!("It leads to /{path}, which lies {reason}.")),
            None if target.found.is_some() => target.found.cloned(),
            None if target.among_system => Some(format!(
                "It leads to /{path}, a program among the distribution's that belongs to no package."
            )),
            None => None,
        }
    })
}

/// A finding about a hook, with what is known of its running. That there is a hook of nobody's is what many honest
/// images have, so a finding of low severity only explains.
pub(super) fn at(
    image: &ImageView<'_>,
    hook: &Hook,
    detection: &Detection,
    severity: Severity,
    why: String,
    out: &Outcome,
) -> Finding {
    let mut finding = image.finding_at(detection, why, hook.place).at_path(&hook.path);
    finding.severity = severity;
    if severity == Severity::Low {
        finding.role = Role::Context;
    }
    if let Some(reached) = out.way_to(image, hook.place) {
        finding = finding.with_evidence("how", &reached.how, None);
        finding.reachable = reached.certain.then_some(true);
    }
    finding
}

fn whose(hook: &Hook) -> &'static str {
    if hook.standing == Standing::Changed {
        "was changed since its package brought it"
    } else {
        "belongs to no package"
    }
}

fn job(
    image: &ImageView<'_>,
    hook: &Hook,
    facts: Option<&HookFacts>,
    targets: &[Target<'_>],
    out: &Outcome,
) -> Option<Finding> {
    let first = facts.and_then(|facts| facts.orders.first());
    let runs = match hook.kind {
        HookKind::CronTable => first.is_some(),
        // A job of `at` and a script in a directory of jobs are themselves what runs.
        _ => image.facts(hook.place).any(|fact| match fact {
            Fact::Script(script) => !script.runs.is_empty() || script.cut || !script.imports.is_empty(),
            Fact::Program(_) => true,
            _ => false,
        }),
    };
    if !runs {
        return None;
    }
    let owner = whose(hook);
    let strong = strong(targets).or_else(|| {
        // Jobs of `at` are for one time and one machine, so nobody bakes them into an image.
        (hook.kind == HookKind::AtJob).then(|| "It was handed to at before the image was made.".to_owned())
    });
    let severity = if strong.is_some() { Severity::Medium } else { Severity::Low };
    let why = format!("This job {owner}. {}", strong.unwrap_or_default());
    let mut finding = at(image, hook, &CRON, severity, why.trim_end().to_owned(), out);
    if let Some(What::Shell(line)) = first.map(|order| &order.what) {
        finding = finding.with_evidence("command", &shortened(line), None);
    }
    Some(finding)
}

fn service(
    image: &ImageView<'_>,
    hook: &Hook,
    detection: &Detection,
    targets: &[Target<'_>],
    out: &Outcome,
) -> Option<Finding> {
    let target = targets.iter().find(|target| out.way_to(image, hook.place) != Some(target.reached))?;
    let strong = strong(targets);
    let severity = if strong.is_some() { Severity::Medium } else { Severity::Low };
    let also = strong.unwrap_or_else(|| {
        format!(
            "It starts /{}, which belongs to no package either.",
            model::escape_bytes(&target.reached.path)
        )
    });
    Some(at(image, hook, detection, severity, format!("It {}. {also}", whose(hook)), out))
}

fn profile(image: &ImageView<'_>, hook: &Hook, targets: &[Target<'_>], out: &Outcome) -> Option<Finding> {
    let behind = targets.iter().find(|target| target.reached.background);
    let hides = targets.iter().find_map(|target| Some((target, target.hides?)));
    let script = image.tree.resolve(&hook.path).ok().and_then(|(_, place)| {
        image.facts(place).find_map(|fact| match fact {
            Fact::Script(script) => Some(script),
            _ => None,
        })
    });
    let why = match (behind, hides, script.and_then(fetcher)) {
        (_, Some((target, reason)), _) => {
            format!("It leads to /{}, which lies {reason}.", model::escape_bytes(&target.reached.path))
        }
        (Some(target), None, _) => {
            format!("It leaves /{} running behind.", model::escape_bytes(&target.reached.path))
        }
        (None, None, Some((line, name))) => {
            format!("Line {line} runs {name}, with every shell that is opened.")
        }
        (None, None, None) => return None,
    };
    Some(at(image, hook, &PROFILE, PROFILE.severity, format!("It {}. {why}", whose(hook)), out))
}

/// The first command of a script that brings something from elsewhere.
fn fetcher(script: &ScriptFacts) -> Option<(u32, String)> {
    const FETCHERS: [&[u8]; 8] = [b"curl", b"wget", b"fetch", b"aria2c", b"nc", b"ncat", b"socat", b"telnet"];
    script.runs.iter().find_map(|run| {
        let program = match run.words.first()?.0.as_slice() {
            [Piece::Text(text)] => base_name(text),
            _ => return None,
        };
        FETCHERS.contains(&program).then(|| (run.line, model::escape_bytes(program)))
    })
}

fn python(
    image: &ImageView<'_>,
    hook: &Hook,
    facts: Option<&HookFacts>,
    targets: &[Target<'_>],
    out: &Outcome,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for order in facts.into_iter().flat_map(|facts| &facts.orders) {
        let What::Python(shape, line) = &order.what else { continue };
        let (severity, why) = match shape {
            Shape::Known => continue,
            Shape::Plain => (Severity::Low, "imports a module that no build tool puts there"),
            Shape::Other => (PTH.severity, "runs code of its own"),
        };
        let strong = strong(targets).filter(|_| severity == Severity::Low);
        let severity = if strong.is_some() { Severity::Medium } else { severity };
        let strong = strong.unwrap_or_default();
        let why = format!("Line {} {why}, whenever a Python that looks here starts. {strong}", order.line);
        let why = why.trim_end().to_owned();
        findings.push(at(image, hook, &PTH, severity, why, out).with_evidence(
            "code",
            &shortened(line),
            None,
        ));
    }
    // One file is one sign: the oddest line stands for it.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings.truncate(1);
    findings
}

/// A line as evidence shows it.
pub(super) fn shortened(line: &[u8]) -> String {
    String::from_utf8_lossy(line.get(..line.len().min(200)).unwrap_or_default()).into_owned()
}
