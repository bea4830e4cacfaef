use super::hooks::{at, shortened};
use super::{GITHOOK, HOSTS, PAM, SSHKEY, UDEV};
use crate::analyzers::hooks::{Hook, HookFacts, HookKind, Standing, What, standing};
use crate::analyzers::start::base_name;
use crate::{Fact, ImageView, Outcome};
use layers::normalize_path;
use model::{Finding, Role, Severity};

/// Hosts of one table that are more than somebody's redirection: a list to be read by something else.
const MANY_HOSTS: usize = 25;

/// Judges hooks that nothing in the chain leads through: who may log in, which address a name has. `log_ins` says
/// whether packages own any of the modules for log-ins.
pub(super) fn judge(
    image: &ImageView<'_>,
    hook: &Hook,
    facts: Option<&HookFacts>,
    log_ins: bool,
    out: &Outcome,
) -> Option<Finding> {
    let orders = facts.map(|facts| facts.orders.as_slice()).unwrap_or_default();
    match hook.kind {
        HookKind::PamModule => {
            // A changed one is the matter of the packages' own truth.
            let program = image.facts(hook.place).any(|fact| matches!(fact, Fact::Program(_)));
            if hook.standing != Standing::Unowned || !program {
                return None;
            }
            let why = "This module lies where log-ins look for them, and belongs to no package.".to_owned();
            let mut finding = at(image, hook, &PAM, PAM.severity, why, out);
            // Where packages own no module at all, this one does not stand out among them.
            if !log_ins {
                (finding.role, finding.severity) = (Role::Context, Severity::Low);
            }
            Some(finding)
        }
        HookKind::PamConfig => orders.iter().find_map(|order| {
            let What::LogIn(program) = &order.what else { return None };
            let vouched = is_vouched_for(image, program);
            let severity = if vouched { Severity::Low } else { PAM.severity };
            let shown = model::escape_bytes(program);
            let why = format!("Line {} runs {shown} at each log-in.", order.line);
            Some(at(image, hook, &PAM, severity, why, out))
        }),
        HookKind::KernelHook => orders.iter().find_map(|order| {
            let What::Helper(program) = &order.what else { return None };
            let why = format!("Line {} runs {}.", order.line, model::escape_bytes(program));
            Some(at(image, hook, &UDEV, UDEV.severity, why, out))
        }),
        HookKind::GitTemplate => {
            let why = "git copies this hook into every new repository.".to_owned();
            Some(at(image, hook, &GITHOOK, GITHOOK.severity, why, out))
        }
        HookKind::GitConfig => orders.iter().find_map(|order| {
            let What::Helper(program) = &order.what else { return None };
            let why = format!("Line {} makes git run {}.", order.line, model::escape_bytes(program));
            Some(at(image, hook, &GITHOOK, GITHOOK.severity, why, out))
        }),
        HookKind::SshKeys => keys(image, hook, facts, out),
        HookKind::Hosts => hosts(image, hook, facts, out),
        _ => None,
    }
}

/// Whether a package brought the program at a path as it is.
fn is_vouched_for(image: &ImageView<'_>, program: &[u8]) -> bool {
    let resolved = image.tree.resolve(&normalize_path(program).0);
    resolved.is_ok_and(|(path, place)| {
        matches!(standing(image, &path, place), Standing::Genuine | Standing::Owned)
    })
}

fn keys(image: &ImageView<'_>, hook: &Hook, facts: Option<&HookFacts>, out: &Outcome) -> Option<Finding> {
    let mut all = facts?.orders.iter().filter_map(|order| match &order.what {
        What::Key(key, known) => Some((order.line, key, *known)),
        _ => None,
    });
    let keys: Vec<_> = all.by_ref().take(8).collect();
    let (line, key, known) = keys.iter().find(|(.., known)| !known).or(keys.first())?;
    let server = out.certain().any(|reached| matches!(base_name(&reached.path), b"sshd" | b"dropbear"));
    let mut why = format!("Line {line} lets in whoever has the other half of a key.");
    why.push_str(match (known, server) {
        (true, _) => " It is the one that Vagrant publishes with both halves.",
        (false, true) => " The image starts an SSH server.",
        (false, false) => " The start was not seen to lead to an SSH server.",
    });
    let mut finding =
        at(image, hook, &SSHKEY, SSHKEY.severity, why, out).with_evidence("key", &shortened(key), None);
    if *known || !server {
        (finding.role, finding.severity) = (Role::Context, Severity::Low);
    }
    Some(finding)
}

fn hosts(image: &ImageView<'_>, hook: &Hook, facts: Option<&HookFacts>, out: &Outcome) -> Option<Finding> {
    let orders = &facts?.orders;
    let (line, name, address) = orders.iter().find_map(|order| match &order.what {
        What::Host(name, address) => Some((order.line, name, address)),
        _ => None,
    })?;
    let (name, address) = (model::escape_bytes(name), model::escape_bytes(address));
    let why = format!("Line {line} gives {name} the address {address}.");
    // Runtimes mount a table of their own over this path alone.
    let covered = hook.path == b"etc/hosts";
    let severity = if covered { Severity::Low } else { HOSTS.severity };
    let mut finding = at(image, hook, &HOSTS, severity, why, out);
    if orders.len() >= MANY_HOSTS {
        (finding.role, finding.severity) = (Role::Context, Severity::Low);
    }
    Some(finding)
}
