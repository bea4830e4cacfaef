//! Each known way out of a container that these kernels can show: it is tried, nothing comes of it, the host is as it
//! was, and the record says what was tried.

use crate::Test;
use crate::guest::{Ran, begin, finish, image, is_root, open_to_all, run, spec, start};
use crate::host::untouched;
use events::{Act, Ended};
use sandbox::{Decoys, Root, Sandbox, SandboxError, Spec, Start, TimePolicy};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[
    ("calls_to_the_kernel", calls_to_the_kernel),
    ("namespaces_and_mounts", namespaces_and_mounts),
    ("files_that_change_the_host", files_that_change_the_host),
    ("processes_of_the_host", processes_of_the_host),
    ("sockets_of_the_host", sockets_of_the_host),
    ("descriptors_of_the_host", descriptors_of_the_host),
    ("directories_that_lead_out", directories_that_lead_out),
    ("the_program_itself", the_program_itself),
    ("who_is_about_to_start", who_is_about_to_start),
];

/// Runs a guest that tries, and compares: every line that it says ends with `refused`, but for those that are given.
/// The record has each of `told` as a call that did not succeed.
#[track_caller]
fn check(script: &str, else_said: &[&str], told: &[&str]) {
    untouched(|| {
        let ran = run(&spec(script));
        let text = ran.text();
        let said: Vec<&str> = text.lines().filter(|line| !line.ends_with(" refused")).collect();
        assert_eq!(said, else_said, "{text} {}", ran.errors());
        assert!(text.lines().count() > else_said.len(), "nothing was tried: {text}");
        let seen = failed(&ran);
        let unseen: Vec<_> = told.iter().filter(|name| !seen.iter().any(|seen| seen == *name)).collect();
        assert!(unseen.is_empty(), "the record does not tell {unseen:?} among {seen:?}");
    });
}

/// Names of the calls that were refused or failed, and paths that could not be opened.
fn failed(ran: &Ran) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let of_event = |event: &events::Event| match &event.act {
        Act::Kernel(call) if call.refused || call.result.is_some_and(|result| result < 0) => {
            Some(text(&call.name))
        }
        Act::File(act) if act.result < 0 => Some(text(&act.path)),
        Act::Net(act) if act.result < 0 => Some(format!("{:?}", act.op)),
        _ => None,
    };
    let mut names: Vec<String> = ran.events.iter().filter_map(of_event).collect();
    names.sort();
    names.dedup();
    names
}

fn calls_to_the_kernel() {
    let told = [
        "init_module",
        "finit_module",
        "delete_module",
        "kexec_load",
        "kexec_file_load",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "io_uring_setup",
        "keyctl",
        "add_key",
        "request_key",
        "swapon",
        "acct",
        "quotactl",
        "reboot",
        "syslog",
        "iopl",
        "settimeofday",
        "clock_settime",
        "sethostname",
        "fanotify_init",
        "personality",
    ];
    check("escapes kernel", &[], &told);
}

fn namespaces_and_mounts() {
    let told = ["unshare", "clone", "setns", "open_tree", "fsopen", "move_mount", "mount_setattr"];
    check("escapes spaces", &[], &told);
    let ran = run(&spec("escapes spaces"));
    let mounts = ran.events.iter().filter(|event| {
        matches!(&event.act, Act::File(act) if act.result < 0 && matches!(act.op, events::FileOp::Mount { .. }))
    });
    assert_eq!(mounts.count(), 7, "of seven mounts that were tried");
}

fn files_that_change_the_host() {
    let told = ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "open_by_handle_at"];
    check("escapes files", &["writable 0"], &told);
    if !is_root() {
        return;
    }
    // An image may bring the nodes along that a guest may not make.
    let layer = tempfile::tempdir().unwrap();
    open_to_all(layer.path());
    std::fs::create_dir(layer.path().join("bin")).unwrap();
    open_to_all(&layer.path().join("bin"));
    for (name, minor) in [("memory", 1), ("null", 3)] {
        let path = layer.path().join("bin").join(name);
        let (kind, mode) = (rustix::fs::FileType::CharacterDevice, rustix::fs::Mode::from(0o666));
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, rustix::fs::makedev(1, minor)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    }
    let root = Root { lower: vec![layer.path().to_owned(), image().to_owned()], ..spec("").root };
    let ran = run(&Spec { root, ..spec("ls -l /bin/memory /bin/null | grep -c ^c; escapes files") });
    let text = ran.text();
    assert!(text.starts_with("2\n") && !text.contains("done"), "{text}");
}

fn processes_of_the_host() {
    check(&format!("escapes processes {}", std::process::id()), &[], &["ptrace", "kill", "tgkill"]);
    let warden = "escapes processes $(cut -d' ' -f4 /proc/1/stat)";
    let ran = run(&spec(warden));
    assert!(!ran.text().contains("root done") && !ran.text().contains("mem done"), "{}", ran.text());
}

fn sockets_of_the_host() {
    let name = format!("launch-{}", std::process::id());
    let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    listener.set_nonblocking(true).unwrap();
    check(&format!("escapes sockets {name}"), &["links lo eth0"], &[]);
    assert!(listener.accept().is_err(), "a guest has reached a socket of the host");
    let ran = run(&spec(&format!("escapes sockets {name}")));
    let seen = failed(&ran);
    let families = seen.iter().filter(|name| name.starts_with("Make")).count();
    assert!(families >= 11 && seen.iter().any(|name| name.contains("Unix")), "{seen:?}");
}

fn descriptors_of_the_host() {
    let direct = |probe: &str| Start {
        argv: ["escapes", "descriptors"].map(|word| word.as_bytes().to_vec()).to_vec(),
        probe: probe.to_owned(),
        ..start("")
    };
    let beside = vec![direct("beside")];
    let time = TimePolicy { skip: false, ..TimePolicy::default() };
    let run = begin(&Spec {
        decoys: Decoys { beside, ..Decoys::default() },
        time,
        ..spec("escapes descriptors; while ! test -e /tmp/go; do sleep 0.05; done")
    });
    run.start_more(&direct("more")).unwrap();
    run.start_more(&start("touch /tmp/go")).unwrap();
    let ran = finish(&run);
    run.close().unwrap();
    assert_eq!(ran.text(), "0 open in /\n".repeat(3), "{}", ran.errors());
}

/// CVE-2024-21626: a working directory that is given as a descriptor of who starts the guest.
fn directories_that_lead_out() {
    let script = "readlink /proc/self/cwd; ls; ls ..";
    let mut started = 0;
    for number in 3..40 {
        for below in ["", "/made"] {
            let cwd = PathBuf::from(format!("/proc/self/fd/{number}{below}"));
            match Sandbox::start(&Spec { start: Start { cwd, ..start(script) }, ..spec("") }) {
                Err(SandboxError::Step(failure)) => {
                    assert!(failure.step.contains("working directory"), "{failure}");
                }
                Err(other) => panic!("{other}"),
                Ok(run) => {
                    started += 1;
                    let ran = finish(&run);
                    assert!(ran.text().starts_with("/"), "{number}{below}: {}", ran.text());
                }
            }
        }
    }
    assert_eq!(started, 0, "a guest was started in a directory that is not its own");
    let links = ["/proc/self/cwd", "/proc/1/root"];
    for cwd in links.map(PathBuf::from) {
        let made = Sandbox::start(&Spec { start: Start { cwd, ..start(script) }, ..spec("") });
        assert!(made.is_err(), "a link of the kernel was followed");
    }
    let cwd = PathBuf::from("/srv/made/here");
    let made = run(&Spec { start: Start { cwd, ..start("pwd") }, ..spec("") });
    assert_eq!(made.text(), "/srv/made/here\n");
}

/// CVE-2019-5736: a program that is a link to who starts it, and would be run with the guest's libraries.
fn the_program_itself() {
    let layer = tempfile::tempdir().unwrap();
    open_to_all(layer.path());
    let place = layer.path().join("entry");
    std::fs::write(&place, "#!/proc/self/exe\n").unwrap();
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("/proc/self/exe", layer.path().join("link")).unwrap();
    let root = Root { lower: vec![layer.path().to_owned(), image().to_owned()], ..spec("").root };
    untouched(|| {
        for name in ["/entry", "/link", "/proc/self/exe", "/proc/1/exe"] {
            let start = Start { argv: vec![name.into(), b"sandbox-warden".to_vec()], ..start("") };
            let ran = run(&Spec { root: root.clone(), start, ..spec("") });
            assert_eq!(ran.finished.first, Some(Ended::Code(126)), "{name}: {}", ran.errors());
        }
    });
}

/// What a guest says of a process of which it could open nothing.
const NOTHING: &str = "exe -1 mem -1 fd -1 ptrace -1";

/// Between being the warden's copy and being the guest's program a process stands in the guest's namespaces.
fn who_is_about_to_start() {
    untouched(|| {
        let time = TimePolicy { skip: false, ..TimePolicy::default() };
        let run = begin(&Spec { time, ..spec("escapes watch /tmp/over") });
        let events = run.events().unwrap();
        let reading = std::thread::spawn(move || events.count());
        for _ in 0..25 {
            run.start_more(&start("true")).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        run.start_more(&start("touch /tmp/over")).unwrap();
        reading.join().unwrap();
        let said = String::from_utf8_lossy(&run.wait().stdout.bytes).into_owned();
        run.close().unwrap();
        let opened = said.lines().filter(|line| line.contains(" exe ") && !line.ends_with(NOTHING));
        assert_eq!(opened.count(), 0, "{said}");
        assert!(said.lines().last().is_some_and(|line| line.starts_with("watched ")), "{said}");
    });
}
