use crate::scene::{FIRST, Scene, text};
use events::{FileOp, NetOp, Origin, Peer, Process, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn touch(op: FileOp, path: &'static str) -> impl FnOnce(&mut Scene) {
    move |scene| scene.file(FIRST, op, path, Origin::Kernel)
}

const WRITE: FileOp = FileOp::Open { read: false, write: true, create: false };
const READ: FileOp = FileOp::Open { read: true, write: false, create: false };

fn mount(kind: &str) -> FileOp {
    FileOp::Mount { kind: text(kind), source: text("none"), flags: 0 }
}

#[test]
fn mounts() {
    check(touch(mount("cgroup"), "/tmp/c"), &["D-ESC-MOUNT corroborates"]);
    check(
        |scene| {
            scene.image.declared.insert("dind".into());
            scene.file(FIRST, mount("overlay"), "/var/lib/x", Origin::Kernel);
        },
        &[],
    );
    check(touch(FileOp::Root, "/host"), &["D-ESC-MOUNT corroborates"]);
    check(touch(FileOp::Root, "/var/empty"), &[]);
}

#[test]
fn what_the_kernel_runs() {
    check(touch(WRITE, "/sys/fs/cgroup/rdma/x/release_agent"), &["D-ESC-CGROUP convicts"]);
    check(touch(READ, "/sys/fs/cgroup/rdma/x/release_agent"), &[]);
    check(touch(WRITE, "/proc/sys/kernel/core_pattern"), &["D-ESC-KHOOK convicts"]);
    check(touch(READ, "/proc/sys/kernel/core_pattern"), &[]);
    check(
        |scene| {
            scene.image.declared.insert("binfmt".into());
            scene.file(FIRST, WRITE, "/proc/sys/fs/binfmt_misc/register", Origin::Kernel);
        },
        &[],
    );
}

#[test]
fn memory_and_disks() {
    check(touch(READ, "/proc/1/root/etc/shadow"), &["D-ESC-PROC1 convicts"]);
    check(touch(READ, "/dev/mem"), &["D-ESC-PROC1 convicts"]);
    check(touch(READ, "/dev/sda1"), &["D-ESC-PROC1 convicts"]);
    check(touch(READ, "/dev/kmsg"), &[]);
    check(touch(READ, "/proc/1/cgroup"), &[]);
}

#[test]
fn the_runtime_itself() {
    check(touch(WRITE, "/proc/self/exe"), &["D-ESC-RUNC convicts"]);
    check(touch(READ, "/proc/self/fd/8/../../../etc/passwd"), &["D-ESC-RUNC convicts"]);
    check(touch(READ, "/proc/self/exe"), &[]);
    check(touch(READ, "/proc/self/fd/1"), &[]);
}

#[test]
fn calls() {
    let call = |name: &'static str, first: u64| {
        move |scene: &mut Scene| {
            scene.call(FIRST, name, [first, 0, 0, 0, 0, 0], None);
        }
    };
    check(call("init_module", 0), &["D-ESC-KMOD convicts"]);
    check(call("finit_module", 3), &["D-ESC-KMOD convicts"]);
    check(call("bpf", 5), &["D-ESC-BPF corroborates"]);
    // BPF_MAP_CREATE alone loads nothing.
    check(call("bpf", 0), &[]);
    check(call("setns", 3), &["D-ESC-NS corroborates"]);
    check(call("unshare", 0x1000_0000), &["D-ESC-NS corroborates"]);
    // CLONE_FILES makes no namespace.
    check(call("unshare", 0x400), &[]);
    check(
        |scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/usr/lib/chromium/chromium"], Origin::Image);
            scene.call(process, "unshare", [0x1000_0000, 0, 0, 0, 0, 0], None);
        },
        &[],
    );
    check(call("ptrace", 16), &["D-ESC-PTRACE corroborates"]);
    // PTRACE_TRACEME
    check(call("ptrace", 0), &[]);
    check(
        |scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/usr/bin/strace"], Origin::Image);
            scene.call(process, "ptrace", [0x4206, 0, 0, 0, 0, 0], None);
        },
        &[],
    );
}

#[test]
fn calls_that_exploits_need_together() {
    let calls = |names: &'static [&'static str]| {
        move |scene: &mut Scene| {
            for name in names {
                scene.call(FIRST, name, [0x400, 0, 0, 0, 0, 0], None);
            }
        }
    };
    check(calls(&["userfaultfd", "add_key", "msgsnd"]), &["D-ESC-EXPLOITSYS corroborates"]);
    check(calls(&["io_uring_setup"]), &[]);
    check(calls(&["userfaultfd", "userfaultfd", "userfaultfd"]), &[]);
}

#[test]
fn container_engines() {
    let connect = |scene: &mut Scene| {
        let to = Peer::Unix(text("/var/run/docker.sock"));
        scene.net(FIRST, NetOp::Connect { to, from: None });
    };
    check(connect, &["D-ESC-SOCK corroborates"]);
    check(
        |scene| {
            let to = Peer::Unix(text("/var/run/app.sock"));
            scene.net(FIRST, NetOp::Connect { to, from: None });
        },
        &[],
    );
    let ask = |what: &'static str| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, None, "198.18.2.2:2375");
            scene.wire(flow, WireKind::Step { protocol: "docker".into(), what: text(what) });
        }
    };
    check(ask("create alpine privileged bind /:/mnt"), &["D-ESC-SOCK convicts", "D-LAT-SVC convicts"]);
    check(ask("list containers"), &["D-ESC-SOCK corroborates"]);
}

#[test]
fn rights_gained() {
    check(
        |scene| {
            scene.write(FIRST, "/opt/x");
            scene.file(FIRST, FileOp::Mode(0o4755), "/opt/x", Origin::Written);
        },
        &["D-ESC-SUIDUP convicts"],
    );
    check(
        |scene| {
            scene.write(FIRST, "/opt/x");
            scene.file(FIRST, FileOp::Mode(0o755), "/opt/x", Origin::Written);
        },
        &[],
    );
    let rise = |origin: Origin| {
        move |scene: &mut Scene| {
            let process: Process = scene.born(FIRST);
            scene.exec_as(process, &["/bin/sh"], Origin::Image, 1000);
            scene.exec_as(process, &["/usr/bin/up"], origin, 0);
        }
    };
    // The system's own tools come with the image.
    check(rise(Origin::Image), &[]);
    check(rise(Origin::Written), &["D-DLX-DROPEXEC corroborates", "D-ESC-SUIDUP convicts"]);
}
