use crate::scene::{FIRST, Scene, text};
use events::{Descriptor, FileOp, Http, Origin, Process, Said, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn run(scene: &mut Scene, words: &[&str], origin: Origin) -> Process {
    let process = scene.born(FIRST);
    scene.exec(process, words, origin);
    process
}

fn receive(scene: &mut Scene, flow: u64, bytes: &str) {
    let said =
        Said { guest: false, decrypted: false, offset: 0, length: bytes.len() as u64, bytes: text(bytes) };
    scene.wire(flow, WireKind::Said(said));
}

#[test]
fn what_came_from_a_host_and_ran() {
    let fetch = |name: Option<&'static str>, fetcher: &'static str, pause: u64| {
        move |scene: &mut Scene| {
            scene.image.configured_hosts.insert("plugins.example".into());
            let process = run(scene, &[fetcher], Origin::Image);
            let flow = scene.connect(process, name, "203.0.113.7:80");
            receive(scene, flow, "#!/bin/sh");
            scene.write(process, "/opt/x");
            scene.wait(pause);
            run(scene, &["/opt/x"], Origin::Written);
        }
    };
    check(fetch(None, "/usr/bin/curl", 1), &["D-DLX-DROPEXEC corroborates", "D-DLX-FETCHEXEC convicts"]);
    check(
        fetch(Some("cdn.example"), "/usr/bin/curl", 1),
        &["D-DLX-DROPEXEC corroborates", "D-DLX-FETCHEXEC convicts"],
    );
    check(
        fetch(Some("plugins.example"), "/usr/bin/curl", 1),
        &["D-DLX-DROPEXEC corroborates", "D-DLX-FETCHEXEC corroborates"],
    );
    check(fetch(None, "/usr/bin/curl", 100), &["D-DLX-DROPEXEC corroborates"]);
    // What was unpacked from the image itself came from no host.
    check(
        |scene| {
            let process = run(scene, &["/opt/bundle"], Origin::Image);
            scene.write(process, "/opt/_unpacked/app");
            run(scene, &["/opt/_unpacked/app"], Origin::Written);
        },
        &["D-DLX-DROPEXEC corroborates"],
    );
}

#[test]
fn a_shell_that_reads_from_a_download() {
    let pipe = |words: &'static [&'static str], received: bool| {
        move |scene: &mut Scene| {
            let fetcher = scene.born(FIRST);
            let standard = [Descriptor::Null, Descriptor::Pipe(77), Descriptor::Null];
            scene.exec_at(fetcher, &["/usr/bin/wget", "-qO-", "http://x"], Origin::Image, standard);
            let flow = scene.connect(fetcher, Some("host.example"), "198.18.9.9:80");
            if received {
                receive(scene, flow, "true\n");
            }
            let shell = scene.born(FIRST);
            let standard = [Descriptor::Pipe(77), Descriptor::Null, Descriptor::Null];
            scene.exec_at(shell, words, Origin::Image, standard);
        }
    };
    check(pipe(&["/bin/sh"], true), &["D-DLX-PIPESH corroborates"]);
    check(pipe(&["/bin/bash", "-s"], true), &["D-DLX-PIPESH corroborates"]);
    check(pipe(&["/usr/bin/python3", "-"], true), &["D-DLX-PIPESH corroborates"]);
    check(pipe(&["/bin/sh"], false), &[]);
    // Nobody's project has a bare address.
    check(
        |scene| {
            let fetcher = scene.born(FIRST);
            let standard = [Descriptor::Null, Descriptor::Pipe(78), Descriptor::Null];
            scene.exec_at(fetcher, &["/usr/bin/curl", "http://203.0.113.3/i"], Origin::Image, standard);
            let flow = scene.connect(fetcher, None, "203.0.113.3:80");
            receive(scene, flow, "true\n");
            let shell = scene.born(FIRST);
            let standard = [Descriptor::Pipe(78), Descriptor::Null, Descriptor::Null];
            scene.exec_at(shell, &["/bin/sh"], Origin::Image, standard);
        },
        &["D-DLX-PIPESH convicts"],
    );
    // It has a program of its own and reads data.
    check(pipe(&["/bin/sh", "-c", "wc -l"], true), &[]);
    check(pipe(&["/usr/bin/python3", "/app/parse.py"], true), &[]);
    check(pipe(&["/usr/bin/jq", "."], true), &[]);
}

#[test]
fn compiled_and_run() {
    let compile = |compiler: &'static str, parent: &'static [&'static str], foreign: bool| {
        move |scene: &mut Scene| {
            let shell = run(scene, parent, Origin::Image);
            if foreign {
                scene.write(shell, "/opt/in.c");
            }
            let linker = scene.born(shell);
            scene.exec(linker, &[compiler, "-o", "/opt/out"], Origin::Image);
            let of = if foreign { Origin::Written } else { Origin::Image };
            scene.read(linker, "/opt/in.c", of);
            scene.write(linker, "/opt/out");
            let made = scene.born(shell);
            scene.exec(made, &["/opt/out"], Origin::Written);
        }
    };
    let script = &["/bin/sh", "/start.sh"];
    check(compile("/usr/bin/ld", script, true), &["D-DLX-COMPILE corroborates"]);
    check(compile("/usr/bin/gcc-12", script, true), &["D-DLX-COMPILE corroborates"]);
    // What comes out of the image's own sources is the image's own.
    check(compile("/usr/bin/gcc-12", script, false), &["D-DLX-COMPILE context"]);
    check(compile("/usr/bin/ld", &["/bin/sh", "./configure"], true), &[]);
    check(compile("/usr/bin/cp", script, false), &["D-DLX-DROPEXEC corroborates"]);
}

#[test]
fn scratch_places_and_cradles() {
    let drop = |path: &'static str, seconds: u64| {
        move |scene: &mut Scene| {
            let process = run(scene, &["/opt/bundle"], Origin::Image);
            scene.write(process, path);
            run(scene, &[path], Origin::Written);
            scene.wait(seconds);
            scene.file(process, FileOp::Unlink, path, Origin::Written);
        }
    };
    check(
        drop("/dev/shm/.x", 1),
        &["D-DLX-CRADLE corroborates", "D-DLX-DROPEXEC corroborates", "D-DLX-SHM corroborates"],
    );
    check(drop("/dev/shm/.x", 60), &["D-DLX-DROPEXEC corroborates", "D-DLX-SHM corroborates"]);
    check(drop("/opt/app/tool", 60), &["D-DLX-DROPEXEC corroborates"]);
    // The same place with a program of the image.
    check(
        |scene| {
            run(scene, &["/tmp/of-the-image"], Origin::Image);
        },
        &[],
    );
}

#[test]
fn installing_at_start_explains() {
    check(
        |scene| {
            run(scene, &["/usr/bin/apt-get", "install", "-y", "curl"], Origin::Image);
        },
        &["D-DLX-PKG context"],
    );
    check(
        |scene| {
            run(scene, &["/usr/bin/dpkg", "--version"], Origin::Image);
        },
        &[],
    );
}

#[test]
fn a_host_from_a_board() {
    let drop = |board: &'static str, text: &'static str| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, Some(board), "198.18.5.5:443");
            receive(scene, flow, text);
            scene.connect(FIRST, Some("control.example"), "198.18.6.6:443");
        }
    };
    check(drop("pastebin.com", "host=control.example\n"), &["D-DLX-DEADDROP convicts"]);
    check(drop("x.raw.icp0.io", "control.example"), &["D-DLX-DEADDROP convicts"]);
    check(drop("pastebin.com", "host=other.example\n"), &[]);
    check(drop("notpastebin.com", "host=control.example\n"), &[]);
}

#[test]
fn asking_under_many_names() {
    let ask = |agents: &'static [&'static str]| {
        move |scene: &mut Scene| {
            for agent in agents {
                let flow = scene.connect(FIRST, Some("host.example"), "198.18.5.5:80");
                let http = Http {
                    method: text("GET"),
                    host: text("host.example"),
                    target: text("/a"),
                    agent: text(agent),
                    tls: false,
                    body: None,
                    body_start: text(""),
                    status: 200,
                    served: "script".into(),
                    content: None,
                };
                scene.wire(flow, WireKind::Http(Box::new(http)));
            }
        }
    };
    check(ask(&["curl/8", "Wget/1", "Mozilla/5"]), &["D-DLX-STAGE2GATE corroborates"]);
    check(ask(&["curl/8", "curl/8", "curl/8", "Wget/1"]), &[]);
}

#[test]
fn the_first_seconds_explain() {
    let mut scene = Scene::starting(&["/usr/bin/app"]);
    scene.connect(FIRST, Some("metrics.example"), "198.18.5.5:443");
    assert_eq!(scene.accused(), ["D-DLX-EARLYNET context"]);
    let mut scene = Scene::starting(&["/usr/bin/app"]);
    scene.image.configured_hosts.insert("database.example".into());
    scene.connect(FIRST, Some("database.example"), "198.18.5.5:5432");
    assert_eq!(scene.accused(), [""; 0]);
}

#[test]
fn scripts_of_a_package_that_is_installed() {
    let install = |manager: &'static str, origin: Origin, script: &'static str| {
        move |scene: &mut Scene| {
            let manager = run(scene, &[manager, "--unpack"], origin);
            let unpacker = scene.born(manager);
            scene.exec(unpacker, &["/bin/tar", "x"], Origin::Image);
            scene.write(unpacker, "/var/lib/dpkg/info/x.postinst");
            let first = scene.born(manager);
            scene.exec(first, &["/var/lib/dpkg/info/x.postinst"], Origin::Written);
            if script != "/var/lib/dpkg/info/x.postinst" {
                scene.write(first, script);
                let second = scene.born(first);
                scene.exec(second, &[script], Origin::Written);
            }
        }
    };
    let (counts, told) = ("D-DLX-DROPEXEC corroborates", "D-DLX-DROPEXEC context");
    let script = "/var/lib/dpkg/info/x.postinst";
    check(install("/usr/bin/dpkg", Origin::Image, script), &[told]);
    check(install("/usr/bin/unpack", Origin::Image, script), &[counts]);
    // A manager that was brought itself is none, and what a package's script brings is not the package's.
    check(install("/usr/bin/dpkg", Origin::Written, script), &[counts]);
    check(install("/usr/bin/dpkg", Origin::Image, "/opt/x"), &[told, counts]);
}

#[test]
fn content_that_convicts_at_rest_convicts_the_image() {
    let told = |condemned: [u8; 32]| {
        let mut scene = Scene::of(&["/usr/bin/app"]);
        scene.image.condemned.insert(condemned, "S-MIN-HASH".into());
        let content = events::Content { sha256: [7; 32], length: 9, kept: true };
        scene.host(events::HostAct::Captured { content, path: None, given: None });
        scene.accused()
    };
    assert_eq!(told([7; 32]), ["D-DLX-RECURSE convicts"]);
    assert_eq!(told([8; 32]), [""; 0]);
}

#[test]
fn what_was_fetched_and_then_unpacked() {
    let unpack = |reads: bool, result: i64| {
        move |scene: &mut Scene| {
            let fetcher = run(scene, &["/usr/bin/wget", "http://203.0.113.4/kit.tar"], Origin::Image);
            let flow = scene.connect(fetcher, None, "203.0.113.4:80");
            receive(scene, flow, "archive");
            scene.write(fetcher, "/tmp/kit.tar");
            let unpacker = run(scene, &["/bin/tar", "xf", "/tmp/kit.tar"], Origin::Image);
            if reads {
                scene.read(unpacker, "/tmp/kit.tar", Origin::Written);
            }
            scene.write(unpacker, "/opt/kit/start");
            let program = scene.born(FIRST);
            scene.exec_with_result(program, &["/opt/kit/start"], Origin::Written, result);
        }
    };
    let (fetched, dropped) = ("D-DLX-FETCHEXEC convicts", "D-DLX-DROPEXEC corroborates");
    check(unpack(true, 0), &[dropped, fetched]);
    // Lying where nothing may be run changes nothing about what was meant.
    check(unpack(true, -13), &[dropped, fetched]);
    check(unpack(false, 0), &[dropped]);
    check(unpack(true, -2), &[]);
}

#[test]
fn linkers_by_their_long_names() {
    for (name, expect) in [
        (&b"x86_64-linux-gnu-ld.bfd"[..], &b"ld"[..]),
        (b"aarch64-linux-musl-gcc-12", b"gcc-12"),
        (b"ld", b"ld"),
        (b"-linux-gnu-", b""),
    ] {
        assert_eq!(super::checks::plain_name(name), expect);
    }
}
