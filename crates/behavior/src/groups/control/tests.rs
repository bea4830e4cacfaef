use crate::scene::{FIRST, Scene, text};
use events::{Descriptor, Dns, NetOp, Origin, Peer, Tls, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn peer(at: &str) -> Peer {
    Peer::Inet(at.parse().expect("an address and port"))
}

fn socket(at: &str) -> Descriptor {
    Descriptor::Socket(Some(peer(at)))
}

fn step(protocol: &str, what: &str) -> WireKind {
    WireKind::Step { protocol: protocol.into(), what: text(what) }
}

#[test]
fn shells_on_sockets() {
    let shell = |words: &'static [&'static str], at: &'static str| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec_at(process, words, Origin::Image, [socket(at), socket(at), socket(at)]);
        }
    };
    check(shell(&["/bin/bash", "-i"], "203.0.113.5:4444"), &["D-C2-REVSH convicts"]);
    check(shell(&["/usr/bin/python3", "-c", "x"], "203.0.113.5:4444"), &["D-C2-REVSH convicts"]);
    check(shell(&["/bin/sh"], "127.0.0.1:4444"), &[]);
    check(shell(&["/usr/bin/rsync", "--server"], "203.0.113.5:4444"), &[]);
    // It is put there after the start: `exec 5<>/dev/tcp/…; dup2`.
    check(
        |scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/bin/sh"], Origin::Image);
            for number in [0, 1] {
                let descriptor = socket("203.0.113.5:4444");
                let put = events::ProcessAct::Standard { process, number, descriptor };
                scene.note(events::Source::Call, events::Act::Process(put));
            }
        },
        &["D-C2-REVSH convicts"],
    );
}

#[test]
fn shells_for_whoever_connects() {
    let serve = |server: &'static str| {
        move |scene: &mut Scene| {
            let listener = scene.born(FIRST);
            scene.exec(listener, &[server], Origin::Image);
            scene.net(listener, NetOp::Accept(Some(peer("10.77.0.1:50000"))));
            let shell = scene.born(listener);
            let standard = || socket("10.77.0.1:50000");
            scene.exec_at(shell, &["/bin/sh"], Origin::Image, [standard(), standard(), standard()]);
        }
    };
    check(serve("/usr/bin/nc"), &["D-C2-BINDSH convicts"]);
    check(serve("/usr/sbin/sshd"), &[]);
}

#[test]
fn what_the_other_end_recognised() {
    let say = |kind: WireKind, declared: Option<&'static str>| {
        move |scene: &mut Scene| {
            scene.image.declared.extend(declared.map(str::to_owned));
            let flow = scene.connect(FIRST, Some("host.example"), "198.18.3.3:6667");
            scene.wire(flow, kind);
        }
    };
    check(say(step("shell", "uid=0(root) gid=0(root)"), None), &["D-C2-ELICIT convicts"]);
    check(say(step("irc", "NICK a17"), None), &["D-C2-IRC convicts"]);
    check(say(step("irc", "NICK a17"), Some("irc")), &[]);
    check(say(step("irc", "PING"), None), &[]);
    check(say(step("tor", "VERSIONS"), None), &["D-C2-TOR corroborates"]);
    check(say(step("tor", "VERSIONS"), Some("tor")), &[]);
    check(say(step("socks", "abcdef.onion:80"), None), &["D-C2-TOR corroborates"]);
    check(say(step("socks", "host.example:80"), None), &[]);
    check(say(step("tunnel", "frp login"), None), &["D-C2-TUNNEL corroborates"]);
}

#[test]
fn services_by_their_names() {
    let visit = |host: &'static str| {
        move |scene: &mut Scene| {
            scene.connect(FIRST, Some(host), "198.18.3.3:443");
        }
    };
    check(visit("tunnel.us.ngrok.com"), &["D-C2-TUNNEL corroborates"]);
    check(visit("notngrok.com"), &[]);
    check(visit("relays.anydesk.com"), &["D-C2-RMM corroborates"]);
    check(visit("docs.example"), &[]);
}

#[test]
fn encrypted_talk_with_a_bare_address() {
    let greet = |host: Option<&'static str>, name: Option<&'static str>| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, host, "203.0.113.8:443");
            let tls = Tls {
                name: name.map(text),
                protocols: Vec::new(),
                fingerprint: String::new(),
                accepted: true,
            };
            scene.wire(flow, WireKind::Tls(tls));
        }
    };
    check(greet(None, None), &["D-C2-RAWTLS corroborates"]);
    check(greet(None, Some("registry.example")), &[]);
    check(greet(Some("api.example"), Some("api.example")), &[]);
}

#[test]
fn regular_calls() {
    let call = |host: &'static str, gaps: &'static [u64]| {
        move |scene: &mut Scene| {
            scene.image.configured_hosts.insert("queue.example".into());
            for gap in gaps {
                scene.connect(FIRST, Some(host), "198.18.3.3:443");
                scene.wait(*gap);
            }
        }
    };
    check(call("c.example", &[60, 61, 60, 59, 60, 60]), &["D-C2-BEACON corroborates"]);
    check(call("pastebin.com", &[60, 61, 60, 59, 60, 60]), &["D-C2-DEADPOLL corroborates"]);
    check(call("c.example", &[1, 200, 7, 90, 3, 500]), &[]);
    check(call("queue.example", &[60, 60, 60, 60, 60, 60]), &[]);
    check(call("c.example", &[60, 60, 60]), &[]);
}

#[test]
fn data_in_names() {
    let ask = |make: fn(u32) -> String, denied: bool| {
        move |scene: &mut Scene| {
            for number in 0..30 {
                let flow = scene.connect(FIRST, None, "198.18.0.53:53");
                let answers = if denied { Vec::new() } else { vec!["198.18.1.1".to_owned()] };
                let dns = Dns { name: text(&make(number)), kind: 16, answers, over: "udp".into() };
                scene.wire(flow, WireKind::Dns(dns));
            }
        }
    };
    check(
        ask(
            |n| {
                format!(
                    "{:032x}.k7q9x2vb{n}.t.example",
                    u128::from(n) * 0x9e37_79b9_7f4a_7c15_u128 * 0xd1b5_4a32
                )
            },
            false,
        ),
        &["D-C2-DNSTUN convicts"],
    );
    // Identifiers of objects.
    check(
        ask(
            |n| format!("{:032x}.cdn.example", u128::from(n + 1) * 0x9e37_79b9_7f4a_7c15_f39c_0c22_u128),
            false,
        ),
        &["D-C2-DNSTUN corroborates"],
    );
    check(ask(|n| format!("database-primary-replica-number-{n}.service.example"), false), &[]);
    check(
        ask(|n| format!("q{:x}zk7v{:x}.com", n * 7_919 + 0xbeef, n * 104_729 + 0xf00d), true),
        &["D-C2-DGA corroborates"],
    );
    // A search list appends domains of its own to one name.
    check(ask(|n| format!("backend{n}.namespace.cluster.local"), true), &[]);
}

#[test]
fn sockets_that_see_packets() {
    let open = |program: &'static str, filter: bool| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &[program], Origin::Image);
            scene.net(process, NetOp::Make { family: 17, kind: 3, protocol: 768 });
            if filter {
                scene.net(process, NetOp::Option { level: 1, name: 26 });
            }
        }
    };
    check(open("/usr/lib/d", true), &["D-C2-ICMPRAW corroborates"]);
    check(open("/usr/sbin/tcpdump", true), &[]);
    check(open("/usr/lib/d", false), &[]);
}

#[test]
fn talk_with_the_kernel_is_no_raw_packet() {
    let icmp = |family: i32| {
        move |scene: &mut Scene| {
            scene.net(FIRST, NetOp::Make { family, kind: 3, protocol: 0 });
            let payload = crate::scene::text("0123456789abcdefThe quick brown fox, and more");
            let flow = scene.connect(FIRST, None, "203.0.113.1:0");
            scene.wire(flow, WireKind::Packets { what: "icmp".into(), count: 3, payload });
        }
    };
    check(icmp(2), &["D-C2-ICMPRAW corroborates"]);
    check(icmp(16), &[]);
}
