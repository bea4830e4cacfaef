use crate::recorder::locked;
use crate::testing::{Acts, Bed, Loopback, SEED, kinds, present, run, told, world};
use crate::{Canaries, Doors, Limits, World, datagrams};
use events::{Act, HostAct, WireKind};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// So many that a guest floods with, and what it says last is still seen.
fn check(limits: Limits, flood: impl Fn(&Bed), most_events: usize) {
    let bed = Bed::with(World { limits, ..world() });
    flood(&bed);
    let secret = Canaries::new(SEED).get("file-aws-secret").to_owned();
    let from = "10.42.3.17:9999".parse().unwrap();
    datagrams::take(from, "203.0.113.66:4242".parse().unwrap(), secret.as_bytes(), &bed.shared);
    bed.check("canary file-aws-secret Plain");
    let count = bed.kinds().len();
    assert!(count <= most_events, "{count} events");
}

#[test]
fn a_flood_of_datagrams_is_counted_and_still_searched() {
    let flood = |bed: &Bed| {
        let from: SocketAddr = "10.42.3.17:5000".parse().unwrap();
        for number in 0..100_000_u32 {
            let to = SocketAddr::from((std::net::Ipv4Addr::from(0x2200_0000 + number), 80));
            datagrams::take(from, to, b"flood", &bed.shared);
        }
        datagrams::finish(&bed.shared);
        bed.check("packets datagrams 99");
    };
    check(Limits { flows: 1000, ..Limits::default() }, flood, 5000);
}

#[test]
fn a_flood_of_events_buries_nothing_that_convicts() {
    let flood = |bed: &Bed| {
        let from: SocketAddr = "10.42.3.17:5000".parse().unwrap();
        let to: SocketAddr = "203.0.113.1:99".parse().unwrap();
        for _ in 0..5000 {
            datagrams::take(from, to, b"x", &bed.shared);
        }
    };
    check(Limits { events: 300, ..Limits::default() }, flood, 301);
    // It is said that something is missing.
    let acts = Acts::default();
    let sink = Arc::clone(&acts);
    let given = World { limits: Limits { events: 3, ..Limits::default() }, ..world() };
    let shared = super::Shared::new(given, Box::new(move |act| locked(&sink).push(act))).unwrap();
    for port in 1..20 {
        let to = SocketAddr::from(([203, 0, 113, 1], port));
        datagrams::take("10.42.3.17:5000".parse().unwrap(), to, b"x", &shared);
    }
    let totals = shared.recorder.finish();
    assert!(totals.lost > 0);
    let host = |expect: fn(&HostAct) -> bool| {
        locked(&acts).iter().any(|act| matches!(act, Act::Host(it) if expect(it)))
    };
    assert!(host(|it| matches!(it, HostAct::Limit { .. })) && host(|it| matches!(it, HostAct::Lost { .. })));
}

#[test]
fn more_connections_than_allowed_are_closed_and_told() {
    let loopback =
        Loopback::new(World { limits: Limits { connections: 20, ..Limits::default() }, ..world() });
    let held: Vec<TcpStream> = (0..60).map(|_| TcpStream::connect(loopback.tcp).unwrap()).collect();
    loopback.check("fakenet: closed unheard: too many connections");
    drop(held);
    // It answers again.
    let until = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        let mut stream = TcpStream::connect(loopback.tcp).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        let _ = stream.write_all(b"GET /a.txt HTTP/1.0\r\n\r\n");
        let mut text = String::new();
        if stream.read_to_string(&mut text).is_ok() && text.contains("200 OK") {
            return;
        }
        assert!(std::time::Instant::now() < until, "it does not answer any more: {text}");
    }
}

#[test]
fn streams_that_are_reset_in_a_hurry_end_the_connection() {
    let loopback = Loopback::new(world());
    let mut stream = TcpStream::connect(loopback.tcp).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for number in 0..5000_u32 {
        let id = (number * 2 + 1).to_be_bytes();
        // HEADERS of `GET http://x/`, and at once RST_STREAM.
        flood.extend(
            [
                &[0, 0, 6, 1, 5][..],
                &id,
                &[0x82, 0x86, 0x84, 0x41, 1, b'x'],
                &[0, 0, 4, 3, 0],
                &id,
                &[0, 0, 0, 8],
            ]
            .concat(),
        );
    }
    let _ = stream.write_all(&flood);
    let mut end = Vec::new();
    let _ = stream.read_to_end(&mut end);
    // GOAWAY, because it was too much.
    assert!(end.windows(2).any(|pair| pair == [7, 0]) || end.is_empty(), "{} bytes", end.len());
    let told = loopback.told().iter().filter(|line| line.starts_with("http ")).count();
    assert!(told < 5000, "{told}");
}

#[test]
fn a_run_ends_with_its_numbers() {
    let mut loopback = Loopback::new(world());
    let mut silent = TcpStream::connect(loopback.tcp).unwrap();
    let mut stream = TcpStream::connect(loopback.tcp).unwrap();
    stream.write_all(b"GET /x.sh HTTP/1.0\r\n\r\n").unwrap();
    let mut body = Vec::new();
    stream.read_to_end(&mut body).unwrap();
    let begun = std::time::Instant::now();
    let transcript = loopback.server.take().unwrap().stop();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!((transcript.flows, transcript.lost), (2, 0));
    assert!(transcript.sent >= 22 && transcript.received as usize >= body.len());
    assert!(transcript.served.iter().any(|(_, what)| what == "script"));
    let kinds = kinds(&loopback.acts);
    let closed = kinds.iter().filter(|kind| matches!(kind, WireKind::Closed { .. })).count();
    assert_eq!(closed, 2, "every flow ends: {:?}", told(&kinds));
    let _ = silent.read(&mut [0; 8]);
}

/// In a network of its own every address is local: then the guest's question says whom it asked, and the answer
/// comes from there. This test starts itself again in one.
#[test]
fn every_address_answers_for_itself() {
    const INSIDE: &str = "every_address_answers_for_itself-inside";
    if std::env::args().any(|argument| argument == INSIDE) {
        return inside();
    }
    if !present("unshare") || !present("ip") {
        return;
    }
    if !run("unshare", &["-Urn", "true"]).0 {
        eprintln!("skipped: no user namespaces here");
        return;
    }
    let own = std::env::current_exe().unwrap();
    let command = format!(
        "ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip addr add fd00::17/128 dev lo && ip -6 route add local ::/0 dev lo && exec {} --exact --nocapture --test-threads=1 server::tests::every_address_answers_for_itself {INSIDE}",
        own.display()
    );
    let (worked, text) = run("unshare", &["-Urn", "sh", "-c", &command]);
    assert!(worked && text.contains("fine inside"), "{text}");
}

fn inside() {
    let directory = tempfile::tempdir().unwrap();
    let pcapng = directory.path().join("run.pcapng");
    let raw = |domain| {
        let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(255))).unwrap();
        match domain {
            Domain::IPV4 => socket.set_header_included_v4(true).unwrap(),
            _ => socket.set_header_included_v6(true).unwrap(),
        }
        Some(socket)
    };
    let everything = i32::from(3_u16.to_be());
    let frames = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(everything))).unwrap();
    let doors = Doors {
        tcp: vec![TcpListener::bind("[::]:8443").unwrap()],
        udp: vec![UdpSocket::bind("0.0.0.0:53").unwrap(), UdpSocket::bind("[::]:5353").unwrap()],
        raw4: raw(Domain::IPV4),
        raw6: raw(Domain::IPV6),
        packets: Some(frames.into()),
    };
    let acts = Acts::default();
    let sink = Arc::clone(&acts);
    let given = World { pcapng: Some(pcapng.clone()), ..world() };
    let server = crate::serve(doors, given, move |act| locked(&sink).push(act)).unwrap();
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x04real\x07example\0\0\x01\0\x01";
    for (own, asked) in [("10.42.3.17:0", "8.8.8.8:53"), ("[fd00::17]:0", "[2001:4860:4860::8888]:5353")] {
        let socket = UdpSocket::bind(own).unwrap();
        // A connected socket takes answers from whom it asked, and from nobody else.
        socket.connect(asked).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        socket.send(question).unwrap();
        let mut answer = [0; 512];
        let count = socket.recv(&mut answer).unwrap_or_else(|error| panic!("{asked}: {error}"));
        assert!(count > question.len() && answer[..2] == [0, 7]);
    }
    for asked in ["203.0.113.4:8443", "[2001:db8::4]:8443"] {
        let mut stream = TcpStream::connect(asked).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        stream.read_to_string(&mut String::new()).unwrap();
    }
    // ICMP with something in it.
    let ping = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).unwrap();
    let to: SocketAddr = "198.51.100.77:0".parse().unwrap();
    let secret = Canaries::new(SEED).get("bait-document").to_owned();
    ping.send_to(&[&[8, 0, 0, 0, 0, 1, 0, 1][..], secret.as_bytes()].concat(), &to.into()).unwrap();
    std::thread::sleep(Duration::from_millis(1300));
    server.stop();
    let told = told(&kinds(&acts));
    let opened = locked(&acts)
        .iter()
        .filter_map(|act| match act {
            Act::Wire(wire) if matches!(wire.kind, WireKind::Opened { .. }) => Some(wire.to.to_string()),
            _ => None,
        })
        .collect::<Vec<_>>();
    for asked in ["8.8.8.8:53", "[2001:4860:4860::8888]:5353", "203.0.113.4:8443", "[2001:db8::4]:8443"] {
        assert!(opened.iter().any(|it| it == asked), "{asked} in {opened:?}");
    }
    for expect in ["packets icmp", "canary bait-document Plain", "dns real.example 1"] {
        assert!(told.iter().any(|line| line.contains(expect)), "{expect} in {told:#?}");
    }
    assert!(std::fs::metadata(&pcapng).unwrap().len() > 2000);
    println!("fine inside");
}
