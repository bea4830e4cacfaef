use crate::scene::{FIRST, Scene};
use crate::{AS_CONFIGURED, SECOND_START, judge};
use events::{FileOp, NetOp, Origin};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn writes(writer: &'static str, path: &'static str) -> impl FnOnce(&mut Scene) {
    move |scene| {
        let process = scene.born(FIRST);
        scene.exec(process, &[writer], Origin::Image);
        scene.write(process, path);
    }
}

#[test]
fn places_that_start_again() {
    check(writes("/bin/sh", "/etc/cron.d/x"), &["D-PER-CRON corroborates"]);
    check(writes("/bin/sh", "/var/spool/cron/crontabs/root"), &["D-PER-CRON corroborates"]);
    check(writes("/usr/bin/dpkg", "/etc/cron.d/x"), &[]);
    check(
        |scene| {
            scene.image.declared.insert("backup".into());
            scene.write(FIRST, "/etc/cron.d/backup");
        },
        &[],
    );
    check(writes("/bin/sh", "/etc/systemd/system/x.service"), &["D-PER-UNIT corroborates"]);
    check(writes("/bin/sh", "/root/.bashrc"), &["D-PER-UNIT corroborates"]);
    check(writes("/bin/sh", "/app/.profile"), &[]);
    check(writes("/bin/sh", "/root/.ssh/authorized_keys"), &["D-PER-KEYS corroborates"]);
    check(writes("/bin/sh", "/root/.ssh/known_hosts"), &[]);
}

#[test]
fn tables_of_the_host() {
    check(writes("/bin/sh", "/mnt/etc/cron.d/x"), &["D-PER-HOSTCRON convicts"]);
    check(writes("/bin/sh", "/mnt/disk/var/spool/cron/root"), &["D-PER-HOSTCRON convicts"]);
    check(writes("/bin/sh", "/mnt/data/cron.log"), &[]);
}

#[test]
fn the_loader_s_list() {
    check(writes("/bin/sh", "/etc/ld.so.preload"), &["D-PER-PRELOAD convicts"]);
    check(writes("/sbin/ldconfig", "/etc/ld.so.cache~"), &[]);
}

#[test]
fn accounts() {
    check(writes("/bin/sh", "/etc/shadow"), &["D-PER-ACCOUNT corroborates"]);
    check(writes("/usr/sbin/usermod", "/etc/shadow"), &[]);
    // An image that runs under any number gives itself a name.
    check(
        |scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/bin/sh"], Origin::Image);
            let identity = events::ProcessAct::Identity { process, uid: 1000, euid: 1000, egid: 0 };
            scene.note(events::Source::Call, events::Act::Process(identity));
            scene.write(process, "/etc/passwd");
        },
        &[],
    );
}

#[test]
fn programs_of_the_system() {
    let replace = |writer: &'static str, path: &'static str| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &[writer], Origin::Image);
            let open = FileOp::Open { read: false, write: true, create: false };
            scene.file(process, open, path, Origin::Image);
            scene.file(process, FileOp::Wrote { bytes: 9 }, path, Origin::Written);
        }
    };
    check(replace("/bin/cp", "/usr/sbin/sshd"), &["D-PER-BINREPL convicts"]);
    check(replace("/usr/bin/dpkg", "/usr/sbin/sshd"), &[]);
    check(replace("/bin/cp", "/usr/bin/my-tool"), &[]);
    // A new program of that name elsewhere replaces nothing.
    check(writes("/bin/cp", "/opt/bin/ls"), &[]);
}

#[test]
fn interpreters_that_do_more() {
    let probe = |act: fn(&mut Scene)| {
        move |scene: &mut Scene| {
            scene.run.neutral = true;
            act(scene);
        }
    };
    check(
        probe(|scene| {
            scene.connect(FIRST, Some("host.example"), "198.18.1.1:443");
        }),
        &["D-PER-HOOKFIRE convicts"],
    );
    check(probe(|scene| scene.write(FIRST, "/var/lib/.x")), &["D-PER-HOOKFIRE convicts"]);
    check(probe(|scene| scene.write(FIRST, "/usr/lib/python3/__pycache__/os.pyc")), &[]);
    check(
        probe(|scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/usr/bin/dircolors", "-b"], Origin::Image);
        }),
        &[],
    );
    // The same in a run that does what the image is for.
    check(|scene| scene.write(FIRST, "/var/lib/.x"), &[]);
    check(|scene| scene.net(FIRST, NetOp::Listen), &[]);
}

#[test]
fn the_second_start() {
    let by = |writer: &'static str, second: &'static str| {
        let mut first = Scene::of(&["/usr/bin/app"]);
        first.run.name = AS_CONFIGURED.into();
        let process = first.born(FIRST);
        first.exec(process, &[writer], Origin::Image);
        first.write(process, "/data/agent");
        let mut again = Scene::of(&["/usr/bin/app"]);
        again.run.name = SECOND_START.into();
        let process = again.born(FIRST);
        again.exec(process, &[second], Origin::Image);
        let runs = [(first.run.clone(), first.record()), (again.run.clone(), again.record())];
        let outcome = judge(&runs, &first.image);
        outcome.findings.iter().any(|finding| finding.id == "D-PER-STARTUP")
    };
    assert!(by("/usr/bin/app", "/data/agent"));
    assert!(!by("/usr/bin/app", "/usr/bin/helper"));
    // What a package brought is the package's.
    assert!(!by("/usr/bin/dpkg", "/data/agent"));
}

#[test]
fn a_program_of_the_system_that_another_takes_the_place_of() {
    let rename = |replaced: bool| {
        move |scene: &mut Scene| {
            scene.write(FIRST, "/usr/bin/.new");
            if replaced {
                scene.file(FIRST, FileOp::Replaced, "/usr/bin/ps", Origin::Image);
            }
            scene.file(
                FIRST,
                FileOp::Rename(crate::scene::text("/usr/bin/ps")),
                "/usr/bin/.new",
                Origin::Written,
            );
        }
    };
    check(rename(true), &["D-PER-BINREPL convicts"]);
    // Where there was none, nothing was replaced.
    check(rename(false), &[]);
}
