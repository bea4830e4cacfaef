use crate::scene::{FIRST, Scene, text};
use events::{CanarySeen, Coding, NetOp, Peer, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn step(protocol: &str, what: &str) -> WireKind {
    WireKind::Step { protocol: protocol.into(), what: text(what) }
}

#[test]
fn walks() {
    let knock = |count: u8, pause: u64, declared: Option<&'static str>| {
        move |scene: &mut Scene| {
            scene.image.declared.extend(declared.map(str::to_owned));
            for number in 0..count {
                let to = format!("192.0.2.{number}:6379").parse().expect("an address");
                scene.net(FIRST, NetOp::Connect { to: Peer::Inet(to), from: None });
                scene.wait(pause);
            }
        }
    };
    check(knock(80, 0, None), &["D-LAT-SWEEP convicts"]);
    check(knock(80, 5, None), &[]);
    check(knock(40, 0, None), &[]);
    check(knock(80, 0, Some("scanner")), &[]);
    check(
        |scene| {
            for port in 1..80_u16 {
                let to = format!("192.0.2.7:{}", 1000 + port).parse().expect("an address");
                scene.net(FIRST, NetOp::Connect { to: Peer::Inet(to), from: None });
            }
        },
        &["D-LAT-SWEEP convicts"],
    );
    // One host again and again is a client.
    check(
        |scene| {
            for _ in 0..80 {
                let to = "192.0.2.7:5432".parse().expect("an address");
                scene.net(FIRST, NetOp::Connect { to: Peer::Inet(to), from: None });
            }
        },
        &[],
    );
}

#[test]
fn orders_to_neighbours() {
    let order = |protocol: &'static str, what: &'static str, host: Option<&'static str>| {
        move |scene: &mut Scene| {
            scene.image.configured_hosts.insert("cache.example".into());
            let flow = scene.connect(FIRST, host, "198.18.7.7:6379");
            scene.wire(flow, step(protocol, what));
        }
    };
    check(order("redis", "CONFIG SET dir /var/spool/cron", None), &["D-LAT-SVC convicts"]);
    check(order("redis", "GET session:1", None), &[]);
    check(order("redis", "EVAL return 1", Some("cache.example")), &[]);
}

#[test]
fn logins() {
    let log_in = |hosts: u8, tries: u8| {
        move |scene: &mut Scene| {
            for host in 0..hosts {
                let flow = scene.connect(FIRST, None, &format!("192.0.2.{host}:22"));
                for _ in 0..tries {
                    scene.wire(flow, step("ssh", "password root"));
                }
            }
        }
    };
    check(log_in(1, 5), &["D-LAT-SSHSPRAY convicts"]);
    check(log_in(3, 1), &["D-LAT-SSHSPRAY convicts"]);
    check(log_in(1, 2), &[]);
}

#[test]
fn planted_keys() {
    let mut scene = Scene::of(&["/usr/bin/app"]);
    let flow = scene.connect(FIRST, None, "192.0.2.5:22");
    scene.wire(flow, WireKind::Protocol("ssh".into()));
    let seen = CanarySeen { canary: "file-ssh-key".into(), coding: Coding::Base64, offset: 0 };
    scene.wire(flow, WireKind::Canary(seen));
    assert!(scene.accused().contains(&"D-LAT-KEYREUSE convicts".to_owned()), "{:?}", scene.accused());
}

#[test]
fn a_script_walks_with_many_hands() {
    let knock = |first: &'static str| {
        let mut scene = Scene::of(&[first, "/start"]);
        for number in 0..80 {
            let hand = scene.born(FIRST);
            scene.exec(hand, &["/bin/nc"], events::Origin::Image);
            let to = format!("192.0.2.{number}:23").parse().expect("an address");
            scene.net(hand, NetOp::Connect { to: Peer::Inet(to), from: None });
        }
        scene.accused()
    };
    assert_eq!(knock("/bin/sh"), ["D-LAT-SWEEP convicts"]);
    // Services that one supervisor started have nothing to do with each other.
    assert_eq!(knock("/sbin/tini"), [""; 0]);
}
