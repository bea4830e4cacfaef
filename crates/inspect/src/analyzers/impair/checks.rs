use super::super::acts::{Act, Deed, Doing, Hit, Idiom};
use super::{
    AGENTS, ENGINE, ENTERS_HOST, FLOOD, HIDDEN_PROCESS, HISTORY, KERNEL_HOOK, LOGS, MEMORY, MODULE, RANSOM,
    RELEASE_AGENT, SANDBOX, SEALED, TIME_GATE, WIPE,
};
use model::{Detection, Role, Severity};

pub(super) const IDIOMS: &[Idiom] = &[
    Idiom {
        detection: &HISTORY,
        counts_unreached: false,
        holds: |doing| one(doing, &HISTORY, Deed::WipesHistory, "wipes the history of the shell"),
    },
    Idiom {
        detection: &LOGS,
        counts_unreached: false,
        holds: |doing| one(doing, &LOGS, Deed::WipesLogs, "empties logs of who was there"),
    },
    Idiom { detection: &AGENTS, counts_unreached: false, holds: agents },
    Idiom {
        detection: &SEALED,
        counts_unreached: false,
        holds: |doing| one(doing, &SEALED, Deed::Seals, "makes a file unchangeable"),
    },
    Idiom { detection: &SANDBOX, counts_unreached: false, holds: sandbox },
    Idiom { detection: &TIME_GATE, counts_unreached: false, holds: time_gate },
    Idiom {
        detection: &MEMORY,
        counts_unreached: false,
        holds: |doing| one(doing, &MEMORY, Deed::RunsFromMemory, "runs a program from memory"),
    },
    Idiom {
        detection: &HIDDEN_PROCESS,
        counts_unreached: false,
        holds: |doing| one(doing, &HIDDEN_PROCESS, Deed::HidesProcess, "mounts something over a process"),
    },
    Idiom { detection: &RANSOM, counts_unreached: false, holds: ransom },
    Idiom {
        detection: &WIPE,
        counts_unreached: false,
        holds: |doing| one(doing, &WIPE, Deed::Wipes, "wipes disks or mounted file systems"),
    },
    Idiom { detection: &FLOOD, counts_unreached: false, holds: flood },
    Idiom { detection: &RELEASE_AGENT, counts_unreached: false, holds: release_agent },
    Idiom {
        detection: &KERNEL_HOOK,
        counts_unreached: false,
        holds: |doing| one(doing, &KERNEL_HOOK, Deed::WritesKernelHook, "writes what the host's kernel runs"),
    },
    Idiom {
        detection: &ENGINE,
        counts_unreached: false,
        holds: |doing| one(doing, &ENGINE, Deed::TakesHost, "starts a container with the host's root"),
    },
    Idiom {
        detection: &ENTERS_HOST,
        counts_unreached: false,
        holds: |doing| one(doing, &ENTERS_HOST, Deed::EntersHost, "enters the host"),
    },
    Idiom {
        detection: &MODULE,
        counts_unreached: false,
        holds: |doing| one(doing, &MODULE, Deed::LoadsModule, "loads a kernel module"),
    },
];

/// An idiom of one act. At build time there is no history to wipe but the builder's own, and no host to enter.
fn one<'a>(doing: &Doing<'a>, detection: &Detection, deed: Deed, what: &str) -> Option<Hit<'a>> {
    doing.plain(detection, deed, what).filter(|_| doing.at_run_time())
}

fn agents<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let stops = |act: &&Act| matches!(act.deed, Deed::StopsAgent(_));
    let act = doing.acts.iter().find(stops).filter(|_| doing.at_run_time())?;
    let (role, severity) = match doing.acts.iter().filter(stops).count() {
        0 | 1 => (Role::Corroborates, Severity::Medium),
        _ => (Role::Convicts, Severity::High),
    };
    Some(Hit::new(act, role, severity, "stops or removes security agents"))
}

/// Whether an act runs something of another host, or lets it in.
fn uses_network(act: &Act) -> bool {
    matches!(
        act.deed,
        Deed::Interprets
            | Deed::Evaluates
            | Deed::RunsFetched { .. }
            | Deed::ConnectsShell
            | Deed::CompilesFetched
    )
}

fn sandbox<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let looks = doing.acts.iter().position(|act| act.deed == Deed::LooksForSandbox)?;
    let leaves = doing.acts.iter().skip(looks).position(|act| act.deed == Deed::Leaves)? + looks;
    doing.acts.iter().skip(leaves).find(|act| uses_network(act)).filter(|_| doing.at_run_time())?;
    let act = doing.acts.get(looks)?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::Medium,
        "looks for a sandbox, and runs something from the network only where there is none",
    ))
}

fn time_gate<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let network = doing.acts.iter().position(uses_network)?;
    let wait = doing.acts.iter().position(|act| act.deed == Deed::Waits)?;
    let act = doing.acts.get(wait).filter(|_| wait < network && doing.at_run_time())?;
    Some(Hit::new(
        act,
        Role::Corroborates,
        Severity::Medium,
        "waits before it runs anything from the network",
    ))
}

fn ransom<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let more = doing.has(Deed::DeletesBackups) || doing.has(Deed::LeavesNote);
    one(doing, &RANSOM, Deed::Encrypts, "encrypts one file after the other").filter(|_| more)
}

fn flood<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let floods = |act: &&Act| act.deed == Deed::Floods;
    let act = doing.acts.iter().find(floods).filter(|_| doing.at_run_time())?;
    let role = if doing.acts.iter().filter(floods).count() > 1 { Role::Convicts } else { Role::Corroborates };
    Some(Hit::new(act, role, Severity::High, format!("floods {}", act.host_shown())))
}

fn release_agent<'a>(doing: &Doing<'a>) -> Option<Hit<'a>> {
    let all = doing.has(Deed::MountsControlGroup) && doing.has(Deed::NotifiesOnRelease);
    one(doing, &RELEASE_AGENT, Deed::WritesReleaseAgent, "writes the release agent of a control group")
        .filter(|_| all)
}
