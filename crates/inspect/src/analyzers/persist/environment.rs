use super::RTENV;
use crate::analyzers::hooks::{self, Loads, Standing, standing};
use crate::analyzers::start::{RunKind, base_name, hiding};
use crate::{Fact, ImageView, Outcome, Reached};
use layers::normalize_path;
use model::{Finding, Role, Severity};

/// Judges what the environment makes interpreters load. Libraries for every program are another analyzer's.
pub(super) fn settings(image: &ImageView<'_>, out: &mut Outcome) {
    let config = &image.config.config;
    let mut findings: Vec<Finding> = Vec::new();
    for setting in hooks::settings(config) {
        let grade = match &setting.loads {
            Loads::File(path) => file(image, setting.name, path),
            Loads::Command(_) => command(image, setting.name, out),
            // What a name stands for is the application's own set of modules.
            Loads::Module(_) | Loads::Library(_) => None,
        };
        let Some((severity, role, why, place)) = grade else { continue };
        let mut finding = match place {
            Some(place) => image.finding_at(&RTENV, why, place),
            None => image.finding(&RTENV, why),
        };
        finding = finding.with_evidence("env", setting.variable, None);
        (finding.severity, finding.role) = (severity, role);
        findings.push(finding);
    }
    findings.dedup();
    out.findings.extend(findings);
}

type Grade = (Severity, Role, String, Option<layers::Place>);

fn file(image: &ImageView<'_>, name: &str, path: &[u8]) -> Option<Grade> {
    let shown = model::escape_bytes(path);
    let Ok((path, place)) = image.tree.resolve(path) else {
        let why = format!("{name} loads /{shown}, which no layer has.");
        return Some((Severity::Low, Role::Context, why, None));
    };
    if matches!(standing(image, &path, place), Standing::Genuine | Standing::Owned) {
        return None;
    }
    let (low, place) = (Severity::Low, Some(place));
    let loads = format!("{name} loads it into every program of its interpreter, and no package owns it.");
    // A start file of a shell may have a dot in front of its name.
    if let Some(reason) = hiding(&path, true) {
        return Some((RTENV.severity, RTENV.role, format!("{loads} It lies {reason}."), place));
    }
    if is_vendors(&path) {
        let why = format!("{loads} It is called as the agent of a vendor is.");
        return Some((low, Role::Context, why, place));
    }
    // At a prompt only; and a start file that only loads others is how version managers reach scripts.
    let prompt = matches!(name, "PYTHONSTARTUP" | "ENV");
    let loader = name == "BASH_ENV" && only_loads(image, place?);
    if prompt || loader {
        return Some((low, Role::Context, loads, place));
    }
    if is_applications(image, &path) {
        return Some((low, Role::Context, format!("{loads} It lies with the application."), place));
    }
    Some((RTENV.severity, RTENV.role, loads, place))
}

/// A command of git's environment leads to a program of no package.
fn command(image: &ImageView<'_>, name: &str, out: &Outcome) -> Option<Grade> {
    let how = format!("the variable {name} loads it");
    let from = |reached: &&Reached| reached.from.is_none() && reached.how.contains(&how);
    let stray = out.chain.iter().filter(from).find(|reached| {
        matches!(standing(image, &reached.path, reached.place), Standing::Unowned | Standing::Changed)
    })?;
    let why = format!("{name} makes git run it, and no package owns it.");
    Some((RTENV.severity, RTENV.role, why, Some(stray.place)))
}

/// Whether a script only loads others, as the start files of version managers do.
fn only_loads(image: &ImageView<'_>, place: layers::Place) -> bool {
    image.facts(place).all(|fact| match fact {
        Fact::Script(script) => !script.cut && script.runs.iter().all(|run| run.kind == RunKind::Source),
        Fact::Program(_) => false,
        _ => true,
    })
}

/// Agents that watch applications, by the names of their files. Only a finding that needs another one beside it
/// asks this, as anybody can choose a name.
fn is_vendors(path: &[u8]) -> bool {
    const STARTS: [&[u8]; 14] = [
        b"dd-java-agent",
        b"datadog",
        b"newrelic",
        b"opentelemetry-javaagent",
        b"aws-opentelemetry-agent",
        b"elastic-apm-agent",
        b"elastic-otel-javaagent",
        b"applicationinsights-agent",
        b"jacocoagent",
        b"jmx_prometheus_javaagent",
        b"skywalking-agent",
        b"glowroot",
        b"splunk-otel-javaagent",
        b"pyroscope",
    ];
    let name = base_name(path);
    name.ends_with(b".jar") && STARTS.iter().any(|start| name.starts_with(start))
}

/// Whether a file lies in the directory in which the application works, or among its modules.
fn is_applications(image: &ImageView<'_>, path: &[u8]) -> bool {
    let directory = normalize_path(image.config.config.working_dir.as_bytes()).0;
    let system: [&[u8]; 7] = [b"etc", b"usr", b"lib", b"bin", b"sbin", b"tmp", b"var"];
    let own = !directory.is_empty() && !system.contains(&directory.as_slice());
    own && path.strip_prefix(directory.as_slice()).is_some_and(|rest| rest.starts_with(b"/"))
        || memchr::memmem::find(path, b"node_modules/").is_some()
}
