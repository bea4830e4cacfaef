//! The image of the tests, and running a script in it.

use crate::Test;
use sandbox::{
    Change, Engine, Finished, Limits, Network, Owners, Root, Run, Sandbox, SandboxError, Scratch, Spec,
    Start, Stdin, TimePolicy, User,
};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const TESTS: &[Test] = &[
    ("a_script_runs_and_ends", a_script_runs_and_ends),
    ("how_it_ends_is_told", how_it_ends_is_told),
    ("more_is_started", more_is_started),
    ("standard_input", standard_input),
    ("end_and_kill", end_and_kill),
    ("waits_are_not_over_too_early", waits_are_not_over_too_early),
    ("the_host_is_probed", the_host_is_probed),
];

static IMAGE: OnceLock<PathBuf> = OnceLock::new();

/// A tree with a shell.
pub(crate) fn image() -> &'static Path {
    IMAGE.get().unwrap()
}

/// Takes over an image that another process has made.
pub(crate) fn take_image(path: &str) {
    IMAGE.set(path.into()).unwrap();
}

/// Makes it; it is there for as long as what is given back.
pub(crate) fn make_image() -> Result<TempDir, String> {
    let busybox = Path::new("/bin/busybox");
    if !busybox.exists() {
        return Err("/bin/busybox is missing (package busybox-static)".to_owned());
    }
    let directory = tempfile::Builder::new().prefix("image").tempdir().unwrap();
    let root = directory.path();
    open_to_all(root);
    for name in ["bin", "etc", "tmp", "root", "usr", "usr/bin", "home"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::copy(busybox, root.join("bin/busybox")).unwrap();
    for name in [
        "sh", "cat", "ls", "id", "echo", "sleep", "mount", "umount", "chroot", "dd", "kill", "wget", "nc",
        "ps", "rm", "mkdir", "mv", "chmod", "chown", "ln", "touch", "setsid", "head", "wc", "ping", "ping6",
        "su", "env", "true", "stat", "readlink", "mknod", "find", "tr", "hostname", "date", "grep", "cut",
        "sed", "sort", "yes", "unshare", "ip", "seq",
    ] {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home:/bin/sh\n")
        .unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\napp:x:1000:\nextra:x:2000:\n").unwrap();
    fs::write(root.join("etc/motd"), "hello\n").unwrap();
    fs::create_dir(root.join("etc/full")).unwrap();
    fs::write(root.join("etc/full/one"), "1").unwrap();
    compile(include_str!("guest.c"), &root.join("bin/guest"))?;
    compile(include_str!("escapes.c"), &root.join("bin/escapes"))?;
    IMAGE.set(root.to_owned()).unwrap();
    Ok(directory)
}

/// Builds what a shell cannot do.
fn compile(text: &str, to: &Path) -> Result<(), String> {
    let source = tempfile::NamedTempFile::new().unwrap();
    fs::write(source.path(), text).unwrap();
    let mut compiler = std::process::Command::new("cc");
    let built = compiler.args(["-static", "-O1", "-w", "-x", "c", "-o"]).arg(to).arg(source.path()).output();
    match built {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("cc -static failed: {}", String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(format!("there is no C compiler: {error}")),
    }
}

pub(crate) fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A run of the image that begins with this script.
pub(crate) fn spec(script: &str) -> Spec {
    Spec {
        engine: Engine::Native,
        root: Root {
            lower: vec![image().to_owned()],
            owners: if is_root() { Owners::Guest } else { Owners::Sandbox },
            scratch: Scratch::Memory,
        },
        start: start(script),
        hostname: "a1b2c3d4e5f6".to_owned(),
        network: Some(Network::default()),
        limits: Limits { memory: 256 << 20, processes: 64, disk: 64 << 20, ..Limits::default() },
        time: TimePolicy::default(),
        persona: Vec::new(),
        captures: None,
        decoys: Default::default(),
    }
}

pub(crate) fn start(script: &str) -> Start {
    Start {
        probe: "entrypoint".to_owned(),
        argv: ["sh", "-c", script].map(|word| word.as_bytes().to_vec()).to_vec(),
        env: vec![b"PATH=/bin:/usr/bin".to_vec(), b"HOME=/root".to_vec()],
        cwd: PathBuf::from("/"),
        user: User::default(),
        stdin: Stdin::Null,
    }
}

/// What came of a run.
pub(crate) struct Ran {
    pub(crate) finished: Finished,
    pub(crate) events: Vec<events::Event>,
    pub(crate) limitations: Vec<String>,
    pub(crate) changes: Vec<Change>,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.finished.stdout.bytes).into_owned()
    }

    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&self.finished.stderr.bytes).into_owned()
    }
}

/// Runs to the end, and sees that nothing is left.
pub(crate) fn run(spec: &Spec) -> Ran {
    let run = begin(spec);
    let ran = finish(&run);
    let closed = run.close();
    assert!(closed.is_ok(), "{closed:?}");
    ran
}

pub(crate) fn begin(spec: &Spec) -> Run {
    match Sandbox::start(spec) {
        Ok(run) => run,
        Err(error) => panic!("{error}"),
    }
}

pub(crate) fn finish(run: &Run) -> Ran {
    let limitations = run.limitations().to_vec();
    let events = run.events().map(Iterator::collect).unwrap_or_default();
    let finished = run.wait();
    let changes = run.changes().map(|changes| changes.filter_map(Result::ok).collect()).unwrap_or_default();
    Ran { finished, events, limitations, changes }
}

/// Runs a script as the image's root, and compares what it says.
#[track_caller]
pub(crate) fn check(script: &str, expect: &str) {
    let ran = run(&spec(script));
    assert_eq!(
        ran.text(),
        expect,
        "{} {:?} {:?}",
        ran.errors(),
        (&ran.finished.why, ran.finished.first),
        ran.limitations
    );
}

fn a_script_runs_and_ends() {
    check("echo $$; id -u; hostname; cat /proc/1/cmdline | head -c 2", "1\n0\na1b2c3d4e5f6\nsh");
    check(
        "cat /etc/hosts | grep a1b2; cat /etc/resolv.conf",
        "172.17.0.2\ta1b2c3d4e5f6\nnameserver 172.17.0.1\n",
    );
    check("test -e /.dockerenv && echo docker; umask; pwd; echo $HOME", "docker\n0022\n/\n/root\n");
}

fn how_it_ends_is_told() {
    let ends = |script: &str| run(&spec(script)).finished.first;
    assert_eq!(ends("exit 7"), Some(events::Ended::Code(7)));
    assert_eq!(ends("true"), Some(events::Ended::Code(0)));
    let missing = Spec { start: Start { argv: vec![b"/not/there".to_vec()], ..start("") }, ..spec("") };
    let ran = run(&missing);
    assert_eq!(ran.finished.first, Some(events::Ended::Code(127)), "{}", ran.errors());
    let nowhere = Spec { root: Root { lower: vec!["/not/there".into()], ..spec("").root }, ..spec("") };
    let Err(SandboxError::Step(failure)) = Sandbox::start(&nowhere) else { panic!("it started") };
    assert_eq!(failure.errno, 2);
    let user = Spec {
        start: Start {
            user: User { uid: 1000, gid: 1000, groups: vec![2000] },
            ..start("id -u; id -g; id -G")
        },
        ..spec("")
    };
    let groups = if is_root() { "1000 2000" } else { "1000" };
    assert_eq!(run(&user).text(), format!("1000\n1000\n{groups}\n"));
}

fn more_is_started() {
    let run = begin(&spec("while ! test -e /tmp/go; do sleep 0.05; done; cat /tmp/go"));
    run.start_more(&Start {
        probe: "second".to_owned(),
        ..start("hostname > /tmp/x; ps | wc -l >> /tmp/x; mv /tmp/x /tmp/go")
    })
    .unwrap();
    let ran = finish(&run);
    let text = ran.text();
    assert!(
        text.starts_with("a1b2c3d4e5f6\n") && text.trim_end().ends_with(['3', '4', '5', '6', '7']),
        "{text}"
    );
    assert!(matches!(run.start_more(&start("true")), Err(SandboxError::Over)));
    run.close().unwrap();
}

fn standard_input() {
    check("readlink /proc/self/fd/0", "/dev/null\n");
    let open = Spec {
        start: Start { stdin: Stdin::Open, ..start("exec 3<&0; cat <&3 & sleep 0.2; kill $! && echo waits") },
        ..spec("")
    };
    assert_eq!(run(&open).text(), "waits\n");
}

fn end_and_kill() {
    let run = begin(&spec("sleep 1000 & sleep 1000"));
    run.end("convicted");
    let ran = finish(&run);
    assert_eq!(ran.finished.why, "convicted");
    run.close().unwrap();
    let run = begin(&spec("sleep 1000 & sleep 1000"));
    run.kill();
    assert_eq!(run.wait().why, "killed");
    run.close().unwrap();
}

/// The kernel waits by its own clocks, which are set to the second at most in a namespace that nobody aligns: the worst
/// time to begin is the second half of a second.
fn waits_are_not_over_too_early() {
    let monotonic = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic).tv_nsec.unsigned_abs();
    std::thread::sleep(Duration::from_nanos((1_500_000_000 - monotonic) % 1_000_000_000));
    check("guest waits", "0 early\n");
    let real = Spec { time: TimePolicy { skip: false, ..TimePolicy::default() }, ..spec("guest waits") };
    assert_eq!(run(&real).text(), "0 early\n");
}

fn the_host_is_probed() {
    let directory = tempfile::tempdir().unwrap();
    open_to_all(directory.path());
    let found = sandbox::probe_host(directory.path());
    let sandboxed = found.iter().find(|capability| capability.name == "a sandbox");
    assert!(sandboxed.is_some_and(|capability| capability.there), "{found:?}");
}
