use crate::scene::{FIRST, Scene};
use events::{Bytes, CanarySeen, Coding, Origin, Said, WireKind};

fn check(build: impl FnOnce(&mut Scene), expect: &[&str]) {
    let mut scene = Scene::of(&["/usr/bin/app", "--serve"]);
    scene.image.configured_hosts.insert("errors.example".into());
    build(&mut scene);
    assert_eq!(scene.accused(), expect);
}

fn seen(canary: &str, coding: Coding) -> WireKind {
    WireKind::Canary(CanarySeen { canary: canary.into(), coding, offset: 7 })
}

fn said(bytes: Vec<u8>) -> WireKind {
    WireKind::Said(Said {
        guest: true,
        decrypted: false,
        offset: 0,
        length: bytes.len() as u64,
        bytes: Bytes::from(bytes),
    })
}

#[test]
fn planted_secrets_that_leave() {
    let leave = |host: &'static str, port: u16, canary: &'static str, coding: Coding| {
        move |scene: &mut Scene| {
            let flow = scene.connect(FIRST, Some(host), &format!("198.18.1.1:{port}"));
            scene.wire(flow, seen(canary, coding));
        }
    };
    check(leave("h.example", 443, "env-token", Coding::Plain), &["D-EXF-CANARY convicts"]);
    check(leave("h.example", 443, "env-token", Coding::Xor(0x20)), &["D-EXF-CANARY convicts"]);
    check(leave("h.example", 443, "input-archive", Coding::Compressed), &["D-EXF-INPUT convicts"]);
    check(leave("h.example", 53, "file-aws-key", Coding::Labels), &["D-EXF-DNS convicts"]);
    // The host that the configuration names for reports.
    check(leave("errors.example", 443, "env-token", Coding::Plain), &[]);
}

#[test]
fn archives_of_private_places() {
    let pack = |words: &'static [&'static str], sent: &'static [u8]| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, words, Origin::Image);
            let flow = scene.connect(process, Some("h.example"), "198.18.1.1:443");
            let mut bytes = sent.to_vec();
            bytes.resize(400, b' ');
            scene.wire(flow, said(bytes));
        }
    };
    check(pack(&["/bin/tar", "-cz", "/etc", "/root"], b"\x1f\x8b\x08"), &["D-EXF-BULK convicts"]);
    check(pack(&["/bin/tar", "-cz", "/app/public"], b"\x1f\x8b\x08"), &[]);
    check(pack(&["/bin/tar", "-xzf", "/etc/x.tgz"], b"\x1f\x8b\x08"), &[]);
    check(pack(&["/bin/tar", "-cz", "/etc"], b"GET / HTTP/1.1"), &[]);
}

#[test]
fn unreadable_bytes_after_secrets() {
    let send = |secret: bool, opaque: bool| {
        move |scene: &mut Scene| {
            let process = scene.born(FIRST);
            scene.exec(process, &["/usr/bin/aws"], Origin::Image);
            if secret {
                scene.read(process, "/root/.aws/credentials", Origin::Planted);
            }
            let flow = scene.connect(process, Some("h.example"), "198.18.1.1:443");
            let bytes: Vec<u8> =
                if opaque { (0..400_u32).map(|n| (n * 167 % 251) as u8).collect() } else { vec![b'a'; 400] };
            scene.wire(flow, said(bytes));
        }
    };
    check(send(true, true), &["D-EXF-OPAQUE corroborates"]);
    check(send(true, false), &[]);
    check(send(false, true), &[]);
}
