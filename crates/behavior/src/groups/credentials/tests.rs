use crate::scene::{FIRST, Scene, text};
use events::{CanarySeen, Coding, Http, NetOp, Origin, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn request(target: &str, served: &str) -> WireKind {
    WireKind::Http(Box::new(Http {
        method: text("GET"),
        host: text("h"),
        target: text(target),
        agent: text("a"),
        tls: false,
        body: None,
        body_start: text(""),
        status: 200,
        served: served.into(),
        content: None,
    }))
}

#[test]
fn planted_secrets() {
    let read = |program: &'static str, paths: &'static [&'static str]| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &[program], Origin::Image);
            for path in paths {
                scene.read(process, path, Origin::Planted);
            }
        }
    };
    check(read("/opt/w", &["/root/.aws/credentials"]), &["D-CRE-CANARYREAD corroborates"]);
    check(read("/usr/bin/aws", &["/root/.aws/credentials"]), &[]);
    check(
        read("/opt/w", &["/root/.aws/credentials", "/root/.ssh/id_ed25519", "/root/.kube/config"]),
        &["D-CRE-CANARYREAD corroborates", "D-CRE-HUNT corroborates"],
    );
    check(read("/opt/w", &["/root/notes.txt"]), &[]);
}

#[test]
fn a_script_that_uses_tools_to_hunt() {
    check(
        |scene| {
            let script = scene.born(FIRST);
            scene.exec(script, &["/bin/sh", "/start.sh"], Origin::Image);
            for path in ["/root/.aws/credentials", "/root/.ssh/id_rsa", "/root/.npmrc"] {
                let cat = scene.born(script);
                scene.exec(cat, &["/bin/cat", path], Origin::Image);
                scene.read(cat, path, Origin::Planted);
            }
        },
        &["D-CRE-CANARYREAD corroborates", "D-CRE-HUNT corroborates"],
    );
}

#[test]
fn secrets_presented() {
    let present = |canary: &'static str, host: &'static str| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, Some(host), "198.18.1.1:443");
            scene.wire(flow, request("/?Action=GetCallerIdentity", "json"));
            let seen = CanarySeen { canary: canary.into(), coding: Coding::Plain, offset: 0 };
            scene.wire(flow, WireKind::Canary(seen));
        }
    };
    let has = |canary, host| {
        let mut scene = Scene::of(&["/usr/bin/app"]);
        present(canary, host)(&mut scene);
        scene.accused().contains(&"D-CRE-CANARYUSE convicts".to_owned())
    };
    assert!(has("file-aws-key", "sts.amazonaws.com"));
    // What it was given, it may use.
    assert!(!has("env-aws-key", "sts.amazonaws.com"));
    assert!(!has("file-aws-key", "blog.example"));
}

#[test]
fn metadata_and_cluster() {
    let ask = |target: &'static str, served: &'static str, declared: Option<&'static str>| {
        move |scene: &mut Scene| {
            scene.image.declared.extend(declared.map(str::to_owned));
            let flow = scene.connect(FIRST, Some("h.example"), "198.18.7.7:80");
            scene.wire(flow, request(target, served));
        }
    };
    check(ask("/latest/meta-data/instance-id", "metadata", None), &["D-CRE-IMDS context"]);
    check(
        ask("/latest/meta-data/iam/security-credentials/r", "metadata", None),
        &["D-CRE-IMDS corroborates"],
    );
    check(ask("/api/v1/secrets", "kubernetes", None), &["D-CRE-KUBE corroborates"]);
    check(ask("/api/v1/secrets", "kubernetes", Some("operator")), &[]);
    check(ask("/version", "kubernetes", None), &[]);
}

#[test]
fn other_processes_and_passwords() {
    let read = |paths: &'static [&'static str]| {
        move |scene: &mut Scene| {
            for path in paths {
                scene.read(FIRST, path, Origin::Kernel);
            }
        }
    };
    check(read(&["/proc/7/environ", "/proc/8/environ", "/proc/9/mem"]), &["D-CRE-PROCENV corroborates"]);
    check(read(&["/proc/7/cmdline", "/proc/8/cmdline", "/proc/9/cmdline"]), &[]);
    check(read(&["/proc/1/environ"]), &[]);
    check(|scene| scene.read(FIRST, "/etc/shadow", Origin::Image), &["D-CRE-SHADOW corroborates"]);
    check(
        |scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/usr/bin/su", "app"], Origin::Image);
            scene.read(process, "/etc/shadow", Origin::Image);
        },
        &[],
    );
}

#[test]
fn all_packets() {
    let listen = |program: &'static str| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &[program], Origin::Image);
            scene.net(process, NetOp::Option { level: 263, name: 1 });
        }
    };
    check(listen("/opt/w"), &["D-CRE-SNIFF corroborates"]);
    check(listen("/usr/sbin/tcpdump"), &[]);
}

#[test]
fn surveys_and_addresses_explain() {
    let survey = |tools: &'static [&'static str]| {
        move |scene: &mut Scene| {
            for tool in tools {
                let process = scene.born(FIRST);
                scene.exec(process, &[tool], Origin::Image);
            }
        }
    };
    check(
        survey(&["/bin/uname", "/usr/bin/id", "/usr/bin/nproc", "/bin/df", "/usr/bin/free", "/bin/ps"]),
        &["D-DIS-BURST context"],
    );
    check(survey(&["/bin/uname", "/usr/bin/id", "/usr/bin/nproc"]), &[]);
    check(
        |scene| {
            scene.connect(FIRST, Some("ifconfig.me"), "198.18.1.1:80");
        },
        &["D-DIS-PUBIP context"],
    );
    check(
        |scene| {
            scene.connect(FIRST, Some("notifconfig.me"), "198.18.1.1:80");
        },
        &[],
    );
}
