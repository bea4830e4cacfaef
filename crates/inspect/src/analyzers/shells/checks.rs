use super::super::acts::{Deed, Doing, Hit, HostKind, Idiom};
use super::{BIND, ONION, REMOTE_CONTROL, REVERSE, THROUGH_TOR, TUNNEL, WEB_SHELL};
use model::{Role, Severity};

pub(super) const IDIOMS: &[Idiom] = &[
    Idiom { detection: &REVERSE, counts_unreached: false, holds: reverse },
    Idiom { detection: &BIND, counts_unreached: false, holds: bind },
    Idiom { detection: &TUNNEL, counts_unreached: false, holds: tunnel },
    Idiom { detection: &REMOTE_CONTROL, counts_unreached: false, holds: remote_control },
    Idiom { detection: &THROUGH_TOR, counts_unreached: false, holds: through_tor },
    Idiom { detection: &ONION, counts_unreached: false, holds: onion },
    // A web server runs its pages; the start never leads to them.
    Idiom { detection: &WEB_SHELL, counts_unreached: true, holds: web_shell },
];

fn reverse<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let known = |kind: Option<HostKind>| !matches!(kind, None | Some(HostKind::Unknown | HostKind::Loopback));
    let connects = |deed: Deed| deed == Deed::ConnectsShell;
    let act = doing
        .first(|act| connects(act.deed) && known(act.host()))
        .or_else(|| doing.first(|act| connects(act.deed) && act.host() != Some(HostKind::Loopback)))?;
    let (role, severity) = if !known(act.host()) {
        (Role::Corroborates, Severity::High)
    } else if doing.at_run_time() {
        (Role::Convicts, Severity::Critical)
    } else {
        // At build time it is the builder's machine that was opened, by a line that anybody can see.
        (Role::Corroborates, Severity::High)
    };
    Some(Hit::new(act, role, severity, format!("connects a shell to {}", act.host_shown())))
}

fn bind<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing.plain(&BIND, Deed::OffersShell, "lets whoever connects use a shell").filter(|_| doing.at_run_time())
}

fn tunnel<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing
        .plain(&TUNNEL, Deed::Tunnels, "opens a tunnel whose far end is written down")
        .filter(|_| doing.at_run_time())
}

fn remote_control<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing
        .plain(&REMOTE_CONTROL, Deed::RemoteControl, "starts remote control with a fixed identity")
        .filter(|_| doing.at_run_time())
}

fn through_tor<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing
        .plain(&THROUGH_TOR, Deed::ThroughTor, "runs a program through Tor or a chain of proxies")
        .filter(|_| doing.at_run_time())
}

fn onion<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = doing.first(|act| {
        act.remote.as_ref().is_some_and(|remote| remote.kind == HostKind::Onion && is_service(&remote.host))
    })?;
    let role = if doing.at_run_time() { Role::Corroborates } else { Role::Context };
    Some(Hit::new(act, role, Severity::Medium, format!("talks to the hidden service {}", act.host_shown())))
}

/// Whether a name has the form of a hidden service of version 3, the only one there still is: 56 characters of
/// base 32, of which the last says the version.
fn is_service(host: &[u8]) -> bool {
    host.split(|&byte| byte == b'.').any(|label| {
        label.len() == 56
            && label.ends_with(b"d")
            && label.iter().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(byte))
    })
}

fn web_shell<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing.plain(&WEB_SHELL, Deed::RunsRequest, "runs what a web request says")
}
