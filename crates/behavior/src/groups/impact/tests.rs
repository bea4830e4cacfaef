use crate::scene::{FIRST, Scene};
use events::{FileOp, HostAct, NetOp, Origin, Peer};

const BAITS: [&str; 5] = ["/root/a.doc", "/root/b.xls", "/root/c.pdf", "/home/x/d.jpg", "/srv/e.sql"];

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    scene.image.baits = BAITS.iter().map(|path| path.as_bytes().to_vec()).collect();
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

#[test]
fn documents() {
    let touch = |count: usize, op: fn(&mut Scene, &str)| {
        move |scene: &mut Scene| {
            for path in BAITS.iter().take(count) {
                op(scene, path);
            }
        }
    };
    let remove = |scene: &mut Scene, path: &str| scene.file(FIRST, FileOp::Unlink, path, Origin::Planted);
    let encrypt = |scene: &mut Scene, path: &str| {
        scene.write(FIRST, &format!("{path}.locked"));
        scene.file(FIRST, FileOp::Unlink, path, Origin::Planted);
    };
    check(touch(5, |scene, path| scene.write(FIRST, path)), &["D-IMP-ENCRYPT convicts"]);
    check(touch(4, encrypt), &["D-IMP-ENCRYPT convicts"]);
    check(touch(5, remove), &["D-IMP-WIPE convicts"]);
    check(touch(1, remove), &[]);
    check(touch(2, |scene, path| scene.write(FIRST, path)), &[]);
    check(touch(5, |scene, path| scene.read(FIRST, path, Origin::Planted)), &[]);
}

#[test]
fn floods() {
    let send = |count: usize, asked: bool| {
        move |scene: &mut Scene| {
            if asked {
                scene.net(FIRST, NetOp::Accept(None));
            }
            for _ in 0..count {
                let to = Peer::Inet("192.0.2.9:80".parse().expect("an address"));
                scene.net(FIRST, NetOp::SendTo { to, bytes: 1000 });
            }
        }
    };
    // A thousand a second: events of the scene come a millisecond apart.
    check(send(1100, false), &["D-IMP-FLOOD convicts"]);
    // That it was connected to is no excuse.
    check(send(1100, true), &["D-IMP-FLOOD convicts"]);
    check(send(300, false), &[]);
}

#[test]
fn limits_reached() {
    let reach =
        |what: &'static str| move |scene: &mut Scene| scene.host(HostAct::Limit { what: what.into() });
    check(reach("processes"), &["D-IMP-FORK corroborates"]);
    check(reach("time"), &[]);
    check(
        |scene| {
            scene.image.declared.insert("load-tester".into());
            scene.host(HostAct::Limit { what: "processes".into() });
        },
        &[],
    );
}

#[test]
fn decoys() {
    let kill = |decoy: Origin| {
        move |scene: &mut Scene| {
            let rival = scene.born(FIRST);
            scene.exec(rival, &["/usr/bin/decoy"], decoy);
            let killer = scene.born(FIRST);
            scene.exec(killer, &["/bin/sh", "/start.sh"], Origin::Image);
            scene.kill(killer, rival);
        }
    };
    check(kill(Origin::Planted), &["D-IMP-RIVALKILL convicts"]);
    check(kill(Origin::Image), &[]);
}
