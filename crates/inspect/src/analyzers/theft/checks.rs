use super::super::acts::{Act, Cargo, Deed, Doing, Hit, HostKind, Idiom, Store};
use super::{CLUSTER, ENVIRONMENT, METADATA, NAMES, PROCESSES, PROFILE, SCAN, SINK, STEALER, TOKEN, WORM};
use model::{Role, Severity};
use std::collections::HashSet;

pub(super) const IDIOMS: &[Idiom] = &[
    Idiom { detection: &STEALER, counts_unreached: false, holds: stealer },
    Idiom { detection: &METADATA, counts_unreached: false, holds: metadata },
    Idiom { detection: &TOKEN, counts_unreached: false, holds: token },
    Idiom { detection: &PROCESSES, counts_unreached: false, holds: processes },
    Idiom { detection: &ENVIRONMENT, counts_unreached: false, holds: environment },
    Idiom { detection: &SINK, counts_unreached: false, holds: sink },
    Idiom { detection: &NAMES, counts_unreached: false, holds: names },
    Idiom { detection: &SCAN, counts_unreached: false, holds: scan },
    Idiom { detection: &WORM, counts_unreached: false, holds: worm },
    Idiom { detection: &CLUSTER, counts_unreached: false, holds: cluster },
    Idiom { detection: &PROFILE, counts_unreached: false, holds: profile },
];

fn sent(act: &Act) -> Option<Cargo> {
    match act.deed {
        Deed::Sends(cargo) => Some(Cargo(cargo)),
        _ => None,
    }
}

fn is_written_down(act: &Act) -> bool {
    !matches!(act.host(), None | Some(HostKind::Unknown))
}

/// The first thing that is sent and meets a condition, to a host that is written down before any other.
fn first_sent<'a>(doing: &Doing<'a>, is: impl Fn(Cargo) -> bool) -> Option<&'a Act> {
    let holds = |act: &Act| sent(act).is_some_and(&is);
    doing
        .first(|act| holds(act) && is_written_down(act))
        .or_else(|| doing.first(holds))
        .filter(|_| doing.at_run_time())
}

fn stealer<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let read: HashSet<Store> = doing
        .acts
        .iter()
        .filter_map(|act| match act.deed {
            Deed::Reads(store) => Some(store),
            _ => None,
        })
        .collect();
    let carries = first_sent(doing, |cargo| cargo.stores() >= 3);
    let act = carries.or_else(|| first_sent(doing, |_| read.len() >= 3))?;
    let cargo = sent(act).unwrap_or_default();
    // Reading and sending side by side may be two things; what was seen to go from one to the other is one.
    let one_thing = cargo.stores() > 0 || cargo.has(Cargo::ENCODED);
    let (role, severity) = if is_written_down(act) && one_thing {
        (Role::Convicts, Severity::Critical)
    } else {
        (Role::Corroborates, Severity::High)
    };
    let count = read.len().max(cargo.stores() as usize);
    let what = format!(
        "sends something to {}, and {count} kinds of stores of credentials are read",
        act.host_shown()
    );
    Some(Hit::new(act, role, severity, what))
}

fn metadata<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let asks = |act: &Act| act.deed == Deed::Fetches && act.host() == Some(HostKind::Metadata);
    let secret = |act: &Act| {
        let signs: [&[u8]; 7] = [
            b"/iam/",
            b"security-credentials",
            b"CREDENTIALS",
            b"/credentials",
            b"identity/oauth2",
            b"service-accounts/",
            b"user-data",
        ];
        signs.iter().any(|sign| memchr::memmem::find(&act.command, sign).is_some())
    };
    if let Some(act) = first_sent(doing, |cargo| cargo.has(Cargo::METADATA)) {
        let what = format!("sends what the metadata service answered to {}", act.host_shown());
        return Some(Hit::new(act, Role::Corroborates, Severity::High, what));
    }
    let act = doing
        .first(|act| asks(act) && secret(act))
        .or_else(|| doing.first(asks))
        .filter(|_| doing.at_run_time())?;
    Some(if secret(act) {
        Hit::new(act, Role::Corroborates, Severity::Medium, "asks the metadata service for credentials")
    } else {
        Hit::new(act, Role::Context, Severity::Low, "asks the metadata service")
    })
}

fn token<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = first_sent(doing, |cargo| cargo.has(Cargo::TOKEN))?;
    // The address of the cluster is often in a variable.
    let role = if is_written_down(act) { Role::Corroborates } else { Role::Context };
    Some(Hit::new(
        act,
        role,
        Severity::Medium,
        format!("sends the token of the service account to {}", act.host_shown()),
    ))
}

fn processes<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing
        .plain(&PROCESSES, Deed::ReadsProcesses, "reads the environment or memory of other processes")
        .filter(|_| doing.at_run_time())
}

fn environment<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = first_sent(doing, |cargo| cargo.has(Cargo::ENVIRONMENT))?;
    let (role, severity) = if is_written_down(act) {
        (Role::Convicts, Severity::Critical)
    } else {
        (Role::Corroborates, Severity::High)
    };
    Some(Hit::new(act, role, severity, format!("sends the whole environment to {}", act.host_shown())))
}

fn sink<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let collects = |act: &Act| matches!(act.host(), Some(HostKind::Collector | HostKind::Paste));
    let act = doing.first(|act| sent(act).is_some() && collects(act)).filter(|_| doing.at_run_time())?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::High,
        format!("sends something to {}", act.host_shown()),
    ))
}

fn names<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing
        .plain(&NAMES, Deed::AsksNames, "looks up names that are made of data")
        .filter(|_| doing.at_run_time())
}

fn scan<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing.plain(&SCAN, Deed::Scans, "scans the ports of many hosts").filter(|_| doing.at_run_time())
}

fn worm<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing
        .plain(&WORM, Deed::Spreads, "runs something on machines whose addresses were found")
        .filter(|_| doing.at_run_time())
}

fn cluster<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing.plain(&CLUSTER, Deed::AsksCluster, "explores the cluster").filter(|_| doing.at_run_time())
}

fn profile<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = first_sent(doing, |cargo| cargo.has(Cargo::ADDRESS) && cargo.has(Cargo::MACHINE))?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::Medium,
        format!("describes the machine to {}", act.host_shown()),
    ))
}
