use super::super::acts::{Act, Deed, Doing, Hit, HostKind, Idiom, Origin, Remote};
use super::{
    COMPILE, DEAD_DROP, HEALTH, HIST, INIT_DIRECTORY, ON_BUILD, ONE_LINER, PACKAGES, PIPE, RAW_ADDRESS,
    SAVE_AND_RUN, UNCHECKED,
};
use model::{Role, Severity};

pub(super) const IDIOMS: &[Idiom] = &[
    Idiom { detection: &PIPE, counts_unreached: false, holds: pipe },
    Idiom { detection: &HIST, counts_unreached: false, holds: history },
    Idiom { detection: &RAW_ADDRESS, counts_unreached: false, holds: raw_address },
    Idiom { detection: &DEAD_DROP, counts_unreached: false, holds: dead_drop },
    Idiom { detection: &SAVE_AND_RUN, counts_unreached: false, holds: save_and_run },
    Idiom { detection: &ONE_LINER, counts_unreached: false, holds: one_liner },
    Idiom { detection: &COMPILE, counts_unreached: false, holds: compile },
    Idiom { detection: &PACKAGES, counts_unreached: false, holds: packages },
    Idiom { detection: &UNCHECKED, counts_unreached: false, holds: unchecked },
    Idiom { detection: &ON_BUILD, counts_unreached: false, holds: on_build },
    Idiom { detection: &HEALTH, counts_unreached: false, holds: health },
    Idiom { detection: &INIT_DIRECTORY, counts_unreached: true, holds: init_directory },
];

/// The first act that runs code of another host.
fn runs_code<'a>(doing: &Doing<'a>, host: impl Fn(&Remote) -> bool) -> Option<&'a Act> {
    doing.first(|act| {
        let runs = matches!(act.deed, Deed::Interprets | Deed::Evaluates | Deed::RunsFetched { .. });
        runs && act.remote.as_ref().is_some_and(|remote| remote.is_outside() && host(remote))
    })
}

/// Nobody vouches for what comes from there, and everybody on the way can change it.
fn is_exposed(remote: &Remote) -> bool {
    remote.is_nameless() || remote.plain && remote.kind == HostKind::Name
}

/// Of several downloads, the one that says most.
fn worst<'a>(doing: &Doing<'a>, deed: impl Fn(Deed) -> bool) -> Option<&'a Act> {
    let is = |act: &Act, host: fn(&Remote) -> bool| {
        deed(act.deed) && act.remote.as_ref().is_some_and(|remote| remote.is_outside() && host(remote))
    };
    doing
        .first(|act| is(act, Remote::is_nameless))
        .or_else(|| doing.first(|act| is(act, is_exposed)))
        .or_else(|| doing.first(|act| is(act, |_| true)))
}

fn remote(act: &Act, is: fn(&Remote) -> bool) -> bool {
    act.remote.as_ref().is_some_and(is)
}

fn pipe<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = worst(doing, |deed| deed == Deed::Interprets).filter(|_| doing.at_run_time())?;
    let role = if remote(act, is_exposed) { Role::Convicts } else { Role::Corroborates };
    Some(Hit::new(
        act,
        role,
        Severity::High,
        format!("gives what {} answers to an interpreter", act.host_shown()),
    ))
}

fn history<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = worst(doing, |deed| matches!(deed, Deed::Interprets | Deed::RunsFetched { .. }))
        .filter(|_| doing.origin == Origin::History)?;
    let (role, severity) = if remote(act, Remote::is_nameless) {
        (Role::Corroborates, Severity::Medium)
    } else if remote(act, is_exposed) && act.deed == Deed::Interprets {
        (Role::Corroborates, Severity::Low)
    } else {
        (Role::Context, Severity::Low)
    };
    Some(Hit::new(act, role, severity, format!("ran what {} served", act.host_shown())))
}

fn raw_address<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let odd = |remote: &Remote| {
        remote.kind == HostKind::Address
            || remote.odd_port && matches!(remote.kind, HostKind::Name | HostKind::DeadDrop)
    };
    let act = runs_code(doing, odd).filter(|_| doing.at_run_time())?;
    Some(Hit::new(act, Role::Corroborates, Severity::High, format!("runs what {} serves", act.host_shown())))
}

fn dead_drop<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let drop =
        |remote: &Remote| matches!(remote.kind, HostKind::Paste | HostKind::DeadDrop | HostKind::Collector);
    let act = runs_code(doing, drop).filter(|_| doing.at_run_time())?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::Medium,
        format!("runs what lies at {}", act.host_shown()),
    ))
}

fn save_and_run<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act =
        worst(doing, |deed| matches!(deed, Deed::RunsFetched { .. })).filter(|_| doing.at_run_time())?;
    let verified = matches!(act.deed, Deed::RunsFetched { verified: true, .. });
    let (role, severity) = if remote(act, Remote::is_nameless) {
        (Role::Convicts, Severity::High)
    } else if verified && !remote(act, is_exposed) {
        (Role::Context, Severity::Low)
    } else {
        (Role::Corroborates, Severity::High)
    };
    Some(Hit::new(act, role, severity, format!("runs a file that was fetched from {}", act.host_shown())))
}

fn one_liner<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = worst(doing, |deed| deed == Deed::Evaluates).filter(|_| doing.at_run_time())?;
    let role = if remote(act, Remote::is_nameless) { Role::Convicts } else { Role::Corroborates };
    Some(Hit::new(act, role, Severity::High, format!("evaluates what {} answers", act.host_shown())))
}

fn compile<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = worst(doing, |deed| deed == Deed::CompilesFetched).filter(|_| doing.at_run_time())?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::Medium,
        format!("compiles what {} served", act.host_shown()),
    ))
}

fn packages<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    doing.plain(&PACKAGES, Deed::Installs, "installs packages").filter(|_| doing.at_run_time())
}

fn unchecked<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = runs_code(doing, |remote| remote.unchecked).filter(|_| doing.at_run_time())?;
    let what = format!("runs what {} serves and checks no certificate", act.host_shown());
    Some(Hit::new(act, Role::Corroborates, Severity::Medium, what))
}

fn on_build<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = runs_code(doing, |_| true).filter(|_| doing.origin == Origin::OnBuild)?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::Medium,
        format!("runs what {} serves", act.host_shown()),
    ))
}

fn health<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = runs_code(doing, |_| true).filter(|_| doing.origin == Origin::Health)?;
    Some(Hit::new(act, Role::Corroborates, Severity::High, format!("runs what {} serves", act.host_shown())))
}

fn init_directory<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let act = runs_code(doing, |_| true).filter(|_| doing.is_hook())?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::Medium,
        format!("runs what {} serves", act.host_shown()),
    ))
}
