use crate::scene::{FIRST, Scene, text};
use crate::{AS_CONFIGURED, HIDDEN_PROFILE, LATER, judge};
use events::{Coin, FileOp, HostAct, Origin, Pool, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn start(words: &'static [&'static str], origin: Origin) -> impl FnOnce(&mut Scene) {
    move |scene| {
        let process = scene.born(FIRST);
        scene.exec(process, words, origin);
    }
}

#[test]
fn programs_without_a_file() {
    check(start(&["/memfd:x (deleted)"], Origin::Memory), &["D-EVA-MEMFDEXEC convicts"]);
    // Memory with a name that is never run.
    check(|scene| scene.call(FIRST, "memfd_create", [0; 6], Some("doublemapper")), &[]);
    check(
        start(&["/opt/x (deleted)"], Origin::Deleted),
        &["D-DLX-DROPEXEC corroborates", "D-EVA-DELEXEC corroborates"],
    );
    check(start(&["/opt/x"], Origin::Image), &[]);
}

#[test]
fn names_of_others() {
    let call = |program: &'static str, name: &'static str| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &[program], Origin::Image);
            scene.rename(process, name);
        }
    };
    check(call("/opt/w", "[kworker/0:1]"), &["D-EVA-ARGV0 corroborates"]);
    check(call("/opt/w", "sshd"), &["D-EVA-ARGV0 corroborates"]);
    check(call("/usr/sbin/sshd", "sshd: root@pts/0"), &[]);
    check(call("/usr/sbin/nginx", "nginx: worker process"), &[]);
    check(call("/usr/bin/java", "GC Thread#0"), &[]);
    check(call("/bin/busybox", "init"), &[]);
}

#[test]
fn processes_that_are_not_shown() {
    let looks = |count: usize| {
        move |scene: &mut Scene| {
            for _ in 0..count {
                scene.host(HostAct::Hidden { process: FIRST, asked: "/proc/1".into() });
            }
        }
    };
    check(looks(3), &["D-EVA-CROSSVIEW convicts"]);
    check(looks(2), &[]);
    let mount = |path: &'static str| {
        move |scene: &mut Scene| {
            scene.image.declared.insert("dind".into());
            let op = FileOp::Mount { kind: text("tmpfs"), source: text("x"), flags: 0 };
            scene.file(FIRST, op, path, Origin::Kernel);
        }
    };
    check(mount("/proc/123"), &["D-EVA-BINDPROC convicts"]);
    check(mount("/proc/sys"), &[]);
}

#[test]
fn files_that_remove_themselves() {
    let remove = |path: &'static str| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/bin/sh", "/start.sh"], Origin::Image);
            scene.file(process, FileOp::Unlink, path, Origin::Image);
        }
    };
    check(remove("/start.sh"), &["D-EVA-SELFDEL corroborates"]);
    check(remove("/var/cache/x"), &[]);
    check(remove("/root/.bash_history"), &["D-EVA-LOGHIST corroborates"]);
    check(
        |scene| scene.file(FIRST, FileOp::Truncate(0), "/var/log/wtmp", Origin::Image),
        &["D-EVA-LOGHIST corroborates"],
    );
    check(|scene| scene.file(FIRST, FileOp::Truncate(0), "/var/log/app.log", Origin::Image), &[]);
}

#[test]
fn dates_of_long_ago() {
    let date = |tool: &'static str, seconds: i64| {
        move |scene: &mut Scene| {
            scene.image.began = 1_790_000_000;
            let process = scene.born(FIRST);
            scene.exec(process, &[tool], Origin::Image);
            scene.write(process, "/usr/bin/x");
            scene.file(process, FileOp::Times(seconds), "/usr/bin/x", Origin::Written);
        }
    };
    check(date("/bin/touch", 1_500_000_000), &["D-EVA-UTIMES corroborates"]);
    check(date("/bin/touch", 1_790_000_000), &[]);
    check(date("/bin/tar", 1_500_000_000), &[]);
}

#[test]
fn defences() {
    check(start(&["/usr/sbin/iptables", "-F"], Origin::Image), &["D-EVA-KILLSEC convicts"]);
    check(start(&["/usr/sbin/iptables", "-A", "INPUT"], Origin::Image), &[]);
    check(start(&["/usr/bin/pkill", "-f", "AliYunDun"], Origin::Image), &["D-EVA-KILLSEC convicts"]);
    check(start(&["/usr/bin/pkill", "-f", "worker"], Origin::Image), &[]);
    check(start(&["/usr/sbin/setenforce", "0"], Origin::Image), &["D-EVA-KILLSEC convicts"]);
}

#[test]
fn memory_to_write_and_run() {
    let map = |program: &'static str, rights: u64| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &[program], Origin::Image);
            scene.call(process, "mmap", [0, 4096, rights, 0x22, 0, 0], None);
        }
    };
    check(map("/opt/w", 7), &["D-EVA-ANONEXEC corroborates"]);
    check(map("/opt/w", 3), &[]);
    check(map("/usr/bin/java", 7), &[]);
    check(map("/usr/bin/qemu-x86_64", 7), &[]);
}

#[test]
fn libraries_forced_into_children() {
    let force = |library: &'static str, written: bool| {
        move |scene: &mut Scene| {
            if written {
                scene.write(FIRST, library);
            }
            let process = scene.born(FIRST);
            scene.exec_with(process, &["/bin/ls"], &[&format!("LD_PRELOAD={library}")]);
        }
    };
    check(force("/usr/lib/x.so", true), &["D-EVA-PRELOADCHILD corroborates"]);
    check(force("/dev/shm/x.so", false), &["D-EVA-PRELOADCHILD corroborates"]);
    check(force("/usr/lib/libjemalloc.so.2", false), &[]);
}

#[test]
fn looking_around_and_leaving() {
    let look = |then: fn(&mut Scene)| {
        move || {
            let mut scene = Scene::starting(&["/opt/w"]);
            for path in [
                "/sys/class/dmi/id/product_name",
                "/proc/cpuinfo",
                "/proc/1/cgroup",
                "/sys/class/net/eth0/address",
            ] {
                scene.read(FIRST, path, Origin::Kernel);
            }
            then(&mut scene);
            scene.exit(FIRST);
            scene.accused()
        }
    };
    assert_eq!(look(|_| ())(), ["D-EVA-PROBE corroborates"]);
    assert_eq!(look(|scene| scene.write(FIRST, "/data/x"))(), [""; 0]);
    assert_eq!(look(|scene| scene.wait(60))(), [""; 0]);
}

#[test]
fn detaching_explains() {
    let detach = |parent_ends: bool| {
        move |scene: &mut Scene| {
            let parent = scene.born(FIRST);
            scene.exec(parent, &["/usr/sbin/d"], Origin::Image);
            let child = scene.born(parent);
            scene.call(child, "setsid", [0; 6], None);
            if parent_ends {
                scene.exit(parent);
            }
        }
    };
    check(detach(true), &["D-EVA-DAEMON context"]);
    check(detach(false), &[]);
}

#[test]
fn runs_that_differ_in_one_thing() {
    let run = |name: &str, mines: bool| {
        let mut scene = Scene::of(&["/opt/w"]);
        scene.run.name = name.into();
        if mines {
            let flow = scene.connect(FIRST, None, "203.0.113.9:443");
            let pool = Pool {
                coin: Coin::Monero,
                step: "login".into(),
                account: text("a"),
                worker: text("x"),
                agent: text("b"),
                algorithms: Vec::new(),
                valid: None,
            };
            scene.wire(flow, WireKind::Pool(Box::new(pool)));
        }
        (scene.run.clone(), scene.record())
    };
    let image = crate::Context::default();
    let found = |suffix: &str, plain: bool| {
        let runs = [run(AS_CONFIGURED, plain), run(&format!("{AS_CONFIGURED}{suffix}"), true)];
        let mut ids: Vec<String> =
            judge(&runs, &image).findings.into_iter().map(|finding| finding.id).collect();
        ids.dedup();
        ids.retain(|id| id.starts_with("D-EVA"));
        ids
    };
    assert_eq!(found(HIDDEN_PROFILE, false), ["D-EVA-DIVERGE"]);
    assert_eq!(found(LATER, false), ["D-EVA-TIMEGATE"]);
    assert_eq!(found(HIDDEN_PROFILE, true), [""; 0]);
}

#[test]
fn programs_that_no_run_reached_are_told() {
    let told = |unowned: &[&str]| {
        let mut scene = Scene::of(&["/opt/app"]);
        scene.image.unowned = unowned.iter().map(|path| path.as_bytes().to_vec()).collect();
        scene.accused()
    };
    assert_eq!(told(&["/opt/app", "/opt/other"]), ["D-EVA-COVERAGE context"]);
    assert_eq!(told(&["/opt/app"]), [""; 0]);
}
