//! Guests that do their worst: the run ends, and the host is as it was.

use crate::Test;
use crate::guest::{Ran, begin, check, finish, image, is_root, run, spec};
use crate::network::children;
use events::{Act, HostAct, ProcessAct};
use sandbox::{Limits, Spec, TimePolicy, User};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

pub(crate) const TESTS: &[Test] = &[
    ("fork_bomb", fork_bomb),
    ("memory_hog", memory_hog),
    ("disk_filler", disk_filler),
    ("kill_everything", kill_everything),
    ("survivors", survivors),
    ("ways_out", ways_out),
    ("rights", rights),
    ("other_doors", other_doors),
    ("files_of_the_host", files_of_the_host),
    ("long_arguments", long_arguments),
    ("floods_of_output", floods_of_output),
    ("a_parent_that_dies", a_parent_that_dies),
];

fn met(ran: &Ran, limit: &str) -> bool {
    ran.events.iter().any(|event| matches!(&event.act, Act::Host(HostAct::Limit { what }) if what == limit))
}

fn fork_bomb() {
    let run = begin(&spec("b() { b | b & b; }; b 2>/dev/null"));
    let (mut born, mut ended, mut seen) = (0, Instant::now(), Vec::new());
    for event in run.events().unwrap() {
        born += usize::from(matches!(event.act, Act::Process(ProcessAct::Born { .. })));
        // Half as many again as there may be at once: by then the limit was met, however slow the machine is.
        if born == 96 {
            ended = Instant::now();
            run.end("bombed");
            born += 1;
        }
        seen.push(event);
    }
    let ran = Ran { events: seen, ..finish(&run) };
    run.close().unwrap();
    assert!(ended.elapsed() < Duration::from_secs(10), "{:?}", ended.elapsed());
    assert!(!is_root() || met(&ran, "processes"), "{:?} after {born}", ran.finished.why);
}

fn memory_hog() {
    let limits = Limits { memory: 64 << 20, ..spec("").limits };
    let ran = run(&Spec { limits, ..spec("guest eat 400; echo $?") });
    let text = ran.text();
    // The kernel kills it, or it is given no more.
    assert!(text == "137\n" || text == "no more\n0\n" || text.is_empty(), "{text} {}", ran.errors());
    assert!(!is_root() || met(&ran, "memory"));
}

fn disk_filler() {
    let limits = Limits { disk: 8 << 20, ..spec("").limits };
    let script =
        "for i in 1 2 3; do dd if=/dev/zero of=/f$i bs=1M count=6; done 2>&1 | grep -c space; ls /f*";
    let ran = run(&Spec { limits, ..spec(script) });
    assert_eq!(ran.text(), "2\n/f1\n/f2\n/f3\n", "{}", ran.errors());
    assert!(met(&ran, "disk"));
}

fn kill_everything() {
    check("sleep 100 & kill -9 -1; kill -9 1; echo alive; kill -STOP 1; echo alive", "alive\nalive\n");
}

fn survivors() {
    let word = 2_000_000 + std::process::id();
    let script = format!(
        "(setsid sleep {word} &) ; (setsid setsid sh -c 'sleep {word} & sleep {word}' &); sleep 0.1; exit 3"
    );
    let ran = run(&spec(&script));
    assert_eq!(ran.finished.first, Some(events::Ended::Code(3)));
    assert_eq!(running(&word.to_string()), 0);
}

/// How many processes have this word in their command line.
fn running(word: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes())).count()
}

fn ways_out() {
    let marker = std::env::current_exe().unwrap();
    check(&format!("guest escape {}", marker.display()), "inside\n");
    check(
        "mount -t tmpfs none /tmp 2>/dev/null && echo mounted; umount /proc 2>/dev/null && echo unmounted; echo end",
        "end\n",
    );
    check(
        "mount -o remount,rw /proc/sys 2>/dev/null && echo writable; cat /proc/mounts | grep -c ' /host'",
        "0\n",
    );
    check(
        "cat /proc/self/cgroup | grep -c roadstead; [ $(ls /proc | grep -c '^[0-9]') -lt 8 ] && echo few",
        "0\nfew\n",
    );
}

/// The rights are Docker's default, nothing is inherited, and setuid programs work.
fn rights() {
    const DOCKER: &str = "00000000a80425fb";
    let script = "grep -E 'Cap(Inh|Prm|Eff|Bnd|Amb)|NoNew|Seccomp:' /proc/self/status | tr -d '\\t' | tr '\\n' ' '; \
                  ulimit -c; ulimit -n";
    let text = |held: &str| {
        format!(
            "CapInh:0000000000000000 CapPrm:{held} CapEff:{held} CapBnd:{DOCKER} CapAmb:0000000000000000 \
             NoNewPrivs:0 Seccomp:2 "
        )
    };
    let said = run(&spec(script)).text();
    assert!(said.starts_with(&text(DOCKER)), "{said}");
    let mut other = spec(script);
    other.start.user = User { uid: 1000, gid: 1000, groups: Vec::new() };
    let said = run(&other).text();
    assert!(said.starts_with(&text("0000000000000000")), "{said}");
}

fn other_doors() {
    let ran = run(&spec("guest doors"));
    let refused = [
        "int80", "x32", "io_uring", "vsock", "userns", "listener", "bpf", "keyctl", "module", "mount",
        "handle", "mknod",
    ];
    let expect: String = refused.iter().map(|word| format!("{word} refused\n")).collect();
    assert_eq!(ran.text(), expect, "{}", ran.errors());
}

fn files_of_the_host() {
    check("grep -c lowerdir=/var/lib/docker/overlay2/l/ /proc/mounts; grep -c cover /proc/mounts", "1\n0\n");
    let here = image().display();
    check(
        &format!("ls {here} {} /home/* 2>/dev/null | wc -l; ls / | tr '\\n' ' '", env!("CARGO_MANIFEST_DIR")),
        "0\nbin dev etc home proc root sys tmp usr ",
    );
    check(
        "for p in /proc/[0-9]*; do readlink $p/root; done | sort | grep -v '^/$'; echo; \
         cat /proc/1/environ | tr '\\0' ' '",
        "\nPATH=/bin:/usr/bin HOME=/root ",
    );
}

fn long_arguments() {
    let mut spec = spec("echo ${#1}");
    spec.start.argv.extend([b"sh".to_vec(), vec![b'x'; 100_000]]);
    spec.start.env.extend((0..40).map(|number| format!("V{number}={}", "y".repeat(5000)).into_bytes()));
    assert_eq!(run(&spec).text(), "100000\n");
}

fn floods_of_output() {
    let limits = Limits { output: 10_000, ..spec("").limits };
    let ran = run(&Spec { limits, ..spec("yes | head -c 5000000; echo end >&2") });
    assert_eq!((ran.finished.stdout.bytes.len(), ran.finished.stdout.length), (10_000, 5_000_000));
    assert_eq!(ran.errors(), "end\n");
}

pub(crate) const LEAVER: &str = "start-and-die";

/// A parent that starts a guest, says which control groups it has, and is killed.
pub(crate) fn leave(word: &str) -> ExitCode {
    // Nothing is skipped: the guest would be over before its parent dies.
    let time = TimePolicy { skip: false, ..TimePolicy::default() };
    let script = format!("sleep {word} & (setsid sleep {word} &); sleep {word}");
    let run = begin(&Spec { time, ..spec(&script) });
    let reader = run.events().unwrap();
    std::thread::spawn(move || reader.count());
    let began = Instant::now();
    while running(word) < 3 {
        assert!(began.elapsed() < Duration::from_secs(20), "{} of 3 run", running(word));
        std::thread::sleep(Duration::from_millis(5));
    }
    let stewards = children(std::process::id());
    for group in groups().iter().filter(|group| stewards.iter().any(|pid| is_of(group, *pid))) {
        println!("{}", group.display());
    }
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
    drop(run);
    ExitCode::SUCCESS
}

fn a_parent_that_dies() {
    // A word of our own: others run the same test on this machine.
    let word = (1_000_000 + std::process::id()).to_string();
    let mut leaver = Command::new(std::env::current_exe().unwrap());
    let output = leaver.arg(LEAVER).arg(image()).arg(&word).output().unwrap();
    assert_eq!(output.status.signal(), Some(9), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Vec<PathBuf> = String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect();
    assert!(!is_root() || !made.is_empty(), "the guest had no control groups");
    let began = Instant::now();
    while running(&word) > 0 || made.iter().any(|group| group.exists()) {
        assert!(began.elapsed() < Duration::from_secs(20), "{} left, {made:?}", running(&word));
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a control group is that of the run with this steward.
fn is_of(group: &Path, steward: u32) -> bool {
    group.file_name().is_some_and(|name| name == format!("roadstead-{steward}").as_str())
}

/// Control groups of runs whose steward is gone: nobody will take them away.
pub(crate) fn orphaned_groups() -> Vec<PathBuf> {
    let alive = |group: &Path| {
        let name = group.file_name().unwrap_or_default().to_string_lossy();
        let steward = name.trim_start_matches("roadstead-");
        Path::new("/proc").join(steward).exists()
    };
    groups().into_iter().filter(|group| !alive(group)).collect()
}

/// Control groups of runs that are there.
fn groups() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![(PathBuf::from("/sys/fs/cgroup"), 0)];
    while let Some((path, depth)) = open.pop() {
        for entry in path.read_dir().into_iter().flatten().filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with("roadstead-") {
                found.push(entry.path());
            } else if depth < 4 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((entry.path(), depth + 1));
            }
        }
    }
    found
}
