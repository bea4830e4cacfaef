use super::super::detections::{ALGORITHMS, FAMILY, GPU, RANDOMX, REMOTE_CONTROL, RENAMED};
use super::super::parse::{Group, Literals};
use super::{Conclusion, Subject};
use crate::analyzers::start;
use model::{Role, Severity};

/// What a miner is made of: settings of its own, a table of algorithms, and a client of a pool. A program with one
/// of these may talk about miners; one with all three is one.
struct Engine {
    options: usize,
    algorithms: usize,
    pool: bool,
    /// Whether it computes RandomX: forks lose their settings sooner than what they compute.
    randomx: bool,
}

/// Settings, and algorithms, below which a program may have them for another reason.
const MIN_OPTIONS: usize = 4;
const MIN_ALGORITHMS: usize = 3;

impl Engine {
    fn of(literals: &Literals) -> Self {
        let methods = literals.count(Group::PoolMethod);
        let schemes = literals.count(Group::PoolScheme);
        Self {
            options: literals.count(Group::MinerOption),
            algorithms: literals.count(Group::Algorithm),
            pool: methods >= 2 || methods >= 1 && schemes >= 1,
            randomx: literals.count(Group::RandomXSalt) > 0,
        }
    }

    fn is_complete(&self) -> bool {
        (self.options >= MIN_OPTIONS || self.randomx) && self.algorithms >= MIN_ALGORITHMS && self.pool
    }

    fn is_likely(&self) -> bool {
        self.is_complete() || self.options >= MIN_OPTIONS && (self.algorithms >= MIN_ALGORITHMS || self.pool)
    }
}

pub(super) fn look(subject: &Subject<'_>, conclusions: &mut Vec<Conclusion>) {
    let Some(elf) = subject.elf() else { return };
    let literals = &elf.literals;
    let engine = Engine::of(literals);
    conclusions.extend(family(subject, literals, &engine));
    conclusions.extend(renamed(subject, &engine));
    conclusions.extend(remote_control(subject, literals, &engine));
    if engine.algorithms >= MIN_ALGORITHMS {
        let why =
            format!("It has the names of {} mining algorithms, as a table of them has.", engine.algorithms);
        conclusions.push(Conclusion::of(&ALGORITHMS, why).with_texts(literals.texts(Group::Algorithm)));
    }
    conclusions.extend(randomx(literals, &engine));
    conclusions.extend(gpu(literals, &engine));
}

fn family(subject: &Subject<'_>, literals: &Literals, engine: &Engine) -> Option<Conclusion> {
    if engine.options < MIN_OPTIONS && !engine.is_complete() {
        return None;
    }
    let parts = match (engine.algorithms >= MIN_ALGORITHMS, engine.pool) {
        (true, true) => "a table of mining algorithms and a client of mining pools",
        (true, false) => "a table of mining algorithms",
        (false, true) => "a client of mining pools",
        (false, false) => "nothing else of a miner",
    };
    let core = match engine.options {
        MIN_OPTIONS.. => format!("has {} settings that only miners have", engine.options),
        _ => "computes RandomX".to_owned(),
    };
    let why = format!("It {core}, and has {parts}.");
    let conclusion = Conclusion::of(&FAMILY, why).with_texts(literals.texts(Group::MinerOption));
    Some(match (engine.is_complete(), engine.is_likely(), subject.reached) {
        (true, _, true) => conclusion,
        (true, _, false) | (false, _, true) => conclusion.weakened(Role::Corroborates, Severity::High),
        (false, true, false) => conclusion.weakened(Role::Corroborates, Severity::Medium),
        (false, false, false) => conclusion.context(),
    })
}

/// A miner under the name of something else. A complete engine convicts wherever it lies: no honest image has a
/// miner that is called after a service.
fn renamed(subject: &Subject<'_>, engine: &Engine) -> Option<Conclusion> {
    if !engine.is_likely() {
        return None;
    }
    let name = subject.name();
    let service = SERVICES.iter().any(|service| service.as_bytes() == name);
    let why = if super::programs::is_kernel_thread(name) {
        "It is a miner with the name of a thread of the kernel."
    } else if service || name.starts_with(b"systemd-") {
        "It is a miner with the name of a well-known program."
    } else if subject.path.starts_with(b"var/sbin/") || subject.path.starts_with(b"var/bin/") {
        "It is a miner in a directory that looks like one of the system."
    } else if subject.path.split(|&byte| byte == b'/').any(start::is_deceptive) {
        "It is a miner under a name made to be overlooked."
    } else {
        return None;
    };
    let conclusion = Conclusion::of(&RENAMED, why);
    let complete = engine.is_complete();
    Some(if complete { conclusion } else { conclusion.weakened(Role::Corroborates, Severity::High) })
}

/// Programs whose names miners took.
const SERVICES: [&str; 27] = [
    "apache2",
    "bash",
    "containerd",
    "cron",
    "crond",
    "dbus-daemon",
    "dockerd",
    "gunicorn",
    "httpd",
    "init",
    "java",
    "kubelet",
    "mongod",
    "mysqld",
    "nginx",
    "node",
    "php-fpm",
    "postgres",
    "python",
    "python3",
    "redis-server",
    "rsyslogd",
    "sh",
    "sshd",
    "sudo",
    "systemd",
    "top",
];

/// A miner that takes orders. The server that gives them has the same words, so only what the start leads to
/// convicts.
fn remote_control(subject: &Subject<'_>, literals: &Literals, engine: &Engine) -> Option<Conclusion> {
    let controlled = literals.has(b"cc-url") && literals.has(b"cc-access-token");
    if !controlled || engine.options < 2 && engine.algorithms < MIN_ALGORITHMS {
        return None;
    }
    let why = "It is a miner that reports to a server of its owner, and that this server can reconfigure and restart.";
    let conclusion = Conclusion::of(&REMOTE_CONTROL, why).with_texts(literals.texts(Group::RemoteControl));
    Some(if subject.reached { conclusion } else { conclusion.weakened(Role::Corroborates, Severity::High) })
}

/// The algorithm itself: nodes and wallets of one coin verify with it, so it counts with a client or a second coin.
fn randomx(literals: &Literals, engine: &Engine) -> Option<Conclusion> {
    let salts = literals.count(Group::RandomXSalt);
    let why = match salts {
        0 => return None,
        1 if engine.pool => "It computes RandomX and speaks to mining pools.",
        1 if engine.algorithms >= MIN_ALGORITHMS => "It computes RandomX among other mining algorithms.",
        1 if engine.options >= 2 => "It computes RandomX and has settings of a miner.",
        1 => "It computes RandomX, as nodes and wallets of Monero do.",
        _ => "It computes RandomX for several coins.",
    };
    let counts = salts > 1 || engine.pool || engine.algorithms >= MIN_ALGORITHMS || engine.options >= 2;
    let conclusion = Conclusion::of(&RANDOMX, why).with_texts(literals.texts(Group::RandomXSalt));
    Some(if counts { conclusion } else { conclusion.context() })
}

fn gpu(literals: &Literals, engine: &Engine) -> Option<Conclusion> {
    let kernels = literals.count(Group::GpuKernel);
    let starts = literals.count(Group::GpuCall) > 0;
    if kernels == 0 || !starts || kernels < 2 && !engine.pool {
        return None;
    }
    let why = "It starts kernels on graphics cards that search for the next block of a coin.";
    Some(Conclusion::of(&GPU, why).with_texts(literals.texts(Group::GpuKernel)))
}
