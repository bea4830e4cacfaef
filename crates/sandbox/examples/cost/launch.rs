//! The sandbox, and other ways of starting a program in namespaces, each over the same tree.

use crate::tree::Tree;
use events::{Act, ProcessAct};
use sandbox::{Limits, Network, Owners, Root, Sandbox, Scratch, Spec, Start, Stdin, TimePolicy, User};
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What starts a program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Launcher {
    /// Ours, with its tracer.
    Sandbox,
    /// `unshare` with all namespaces, over an overlay as the sandbox has it.
    Plain,
    /// `strace -f --seccomp-bpf` within the same.
    Strace,
    /// `bwrap` with all namespaces.
    Bubblewrap,
    /// A runtime of the Open Container Initiative and the words before `run`.
    Runtime(&'static str, &'static [&'static str]),
}

/// One run; times are in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ran {
    /// From the beginning until the first program runs.
    pub(crate) first: f64,
    /// From there to its end.
    pub(crate) work: f64,
    /// Until nothing is left.
    pub(crate) all: f64,
    /// Of processors, for everything.
    pub(crate) cpu: f64,
}

/// Those that a start is compared with.
pub(crate) fn all() -> Vec<Launcher> {
    vec![
        Launcher::Sandbox,
        Launcher::Plain,
        Launcher::Strace,
        Launcher::Bubblewrap,
        Launcher::Runtime("runc", &[]),
        Launcher::Runtime("runsc", &["--platform=systrap", "--network=none", "--ignore-cgroups"]),
    ]
}

impl Launcher {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Plain => "unshare",
            Self::Strace => "unshare and strace",
            Self::Bubblewrap => "bwrap",
            Self::Runtime(name, _) => name,
        }
    }

    /// Runs a script of the shell; none where it cannot be run here.
    pub(crate) fn run(&mut self, tree: &Tree, script: &str) -> Option<Ran> {
        // Both sides say when they begin and when they are over.
        let script = format!("echo; {script}; echo");
        match self {
            Self::Sandbox => Some(sandboxed(tree, &script)),
            Self::Plain => timed(plain(tree).args(["/bin/sh", "-c", &script])),
            Self::Strace => {
                let mut command = plain(tree);
                command.args(["/bin/strace", "-f", "--seccomp-bpf", "-e", "trace=process,network,file"]);
                timed(command.args(["-o", "/dev/null", "/bin/sh", "-c", &script]))
            }
            Self::Bubblewrap => {
                let mut command = Command::new("bwrap");
                command.args(["--unshare-all", "--die-with-parent", "--bind"]).arg(tree.path());
                command.args(["/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
                timed(command.args(["/bin/sh", "-c", &script]))
            }
            Self::Runtime(name, words) => {
                let bundle = bundle(tree, &script)?;
                let state = bundle.path().join("state");
                let mut command = Command::new(*name);
                command.arg("--root").arg(&state).args(*words);
                command
                    .args(["run", "--bundle"])
                    .arg(bundle.path())
                    .arg(format!("cost-{}", std::process::id()));
                timed(&mut command)
            }
        }
    }
}

/// What the namespaces of [`Launcher::Plain`] are furnished with before the program starts: `$0` is the tree.
const FURNISH: &str = "mount -t tmpfs -o mode=755 scratch /mnt && mkdir /mnt/upper /mnt/work /mnt/root && \
     mount -t overlay -o lowerdir=$0,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root && \
     mount --rbind /dev /mnt/root/dev && mount -t proc proc /mnt/root/proc && exec chroot /mnt/root \"$@\"";

fn plain(tree: &Tree) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]);
    command.args(["--fork", "--kill-child", "sh", "-c", FURNISH]).arg(tree.path());
    command
}

/// A bundle whose configuration is what `runc` gives for a new one.
fn bundle(tree: &Tree, script: &str) -> Option<tempfile::TempDir> {
    let bundle = tempfile::tempdir().unwrap();
    let made = Command::new("runc").arg("spec").current_dir(bundle.path()).status();
    if !made.is_ok_and(|made| made.success()) {
        return None;
    }
    let path = bundle.path().join("config.json");
    let text = fs::read_to_string(&path).unwrap();
    let text = text
        .replace("\"rootfs\"", &format!("{:?}", tree.path()))
        .replace("\"sh\"", &format!("\"/bin/sh\", \"-c\", {script:?}"))
        .replace("\"terminal\": true", "\"terminal\": false");
    fs::write(&path, text).unwrap();
    Some(bundle)
}

/// Runs a command that says one line when it begins and one when it is over.
fn timed(command: &mut Command) -> Option<Ran> {
    let (began, cpu) = (Instant::now(), used());
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = spawned.ok()?;
    let mut said = child.stdout.take()?;
    let mut byte = [0];
    let first = said.read_exact(&mut byte).map(|()| began.elapsed());
    let end = said.read_exact(&mut byte).map(|()| began.elapsed());
    let good = child.wait().ok()?.success();
    let (first, end) = (first.ok()?, end.ok()?);
    good.then(|| Ran {
        first: first.as_secs_f64(),
        work: (end - first).as_secs_f64(),
        all: began.elapsed().as_secs_f64(),
        cpu: used() - cpu,
    })
}

fn spec(tree: &Tree, script: &str) -> Spec {
    let root = rustix::process::geteuid().is_root();
    Spec {
        engine: sandbox::Engine::Native,
        root: Root {
            lower: vec![tree.path().to_owned()],
            owners: if root { Owners::Guest } else { Owners::Sandbox },
            scratch: Scratch::Memory,
        },
        start: Start {
            probe: "entrypoint".to_owned(),
            argv: ["/bin/sh", "-c", script].map(|word| word.as_bytes().to_vec()).to_vec(),
            env: vec![b"PATH=/bin".to_vec()],
            cwd: PathBuf::from("/"),
            user: User::default(),
            stdin: Stdin::Null,
        },
        hostname: "a1b2c3d4e5f6".to_owned(),
        network: Some(Network::default()),
        limits: Limits { wall: Duration::from_secs(600), ..Limits::default() },
        time: TimePolicy::default(),
        persona: Vec::new(),
        captures: None,
        decoys: Default::default(),
    }
}

/// The times are those of the record: from the beginning of the first program to its end.
fn sandboxed(tree: &Tree, script: &str) -> Ran {
    let (began, cpu) = (Instant::now(), used());
    let run = Sandbox::start(&spec(tree, script)).unwrap();
    let before = began.elapsed().as_secs_f64() - run.clock().real() as f64 / 1e9;
    let (mut first, mut end) = (None, 0);
    for event in run.events().unwrap() {
        match event.act {
            Act::Process(ProcessAct::Exec(_)) if first.is_none() => first = Some(event.real),
            Act::Process(ProcessAct::Exit { process, .. }) if process.0 == 1 => end = event.real,
            _ => {}
        }
    }
    let finished = run.wait();
    assert_eq!(finished.stdout.bytes, b"\n\n", "the script did not come to its end");
    run.close().unwrap();
    let first = first.unwrap();
    Ran {
        first: before + first as f64 / 1e9,
        work: (end - first) as f64 / 1e9,
        all: began.elapsed().as_secs_f64(),
        cpu: used() - cpu,
    }
}

/// A guest that makes events until there are enough: how many, and the most memory in MiB that any process of the
/// sandbox had, this one included.
pub(crate) fn flood(tree: &Tree, enough: u64) -> (u64, f64) {
    let run = Sandbox::start(&spec(tree, "while :; do : </etc/hosts; done")).unwrap();
    let (mut count, mut peak) = (0, 0);
    for _ in run.events().unwrap() {
        count += 1;
        if count % 50_000 == 0 || count == enough {
            let own = std::process::id();
            let stewards = children(own);
            let wardens = stewards.iter().flat_map(|steward| children(*steward));
            let all: Vec<u32> = wardens.chain(stewards.iter().copied()).chain([own]).collect();
            assert!(all.len() > 2, "the warden is not found");
            peak = all.into_iter().map(most_resident).fold(peak, u64::max);
        }
        if count == enough {
            run.end("enough");
        }
    }
    run.wait();
    run.close().unwrap();
    (count, peak as f64 / 1024.0)
}

fn children(of: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().filter_map(Result::ok);
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// In KiB.
fn most_resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Seconds of a processor that this process and all that it waited for have used.
fn used() -> f64 {
    let line = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = line.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}
