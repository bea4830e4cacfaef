//! Whatever the guest asks for arrives at the doors, and nothing goes anywhere else.
#![allow(unsafe_code)]

use crate::Test;
use crate::guest::{Ran, begin, finish, spec};
use sandbox::{Doors, Network, Spec};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex};

pub(crate) const TESTS: &[Test] = &[
    ("every_address_and_port", every_address_and_port),
    ("ports_are_opened_when_asked_for", ports_are_opened_when_asked_for),
    ("echoes", echoes),
    ("what_the_guest_sees_of_its_network", what_the_guest_sees_of_its_network),
    ("there_is_no_way_out", there_is_no_way_out),
    ("without_a_network", without_a_network),
];

/// Answers everything with whom it was for, as `fakenet` knows it.
pub(crate) fn answer(doors: Doors) -> Arc<Mutex<Vec<u8>>> {
    take(doors.tcp);
    let raw = Arc::new((doors.raw4.unwrap(), doors.raw6.unwrap()));
    take_datagrams(doors.udp, &raw);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let packets = doors.packets.unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 2000];
        while let Ok(read) = rustix::io::read(&packets, &mut bytes) {
            kept.lock().unwrap().extend(&bytes[..read]);
        }
    });
    seen
}

fn take(listeners: Vec<TcpListener>) {
    for listener in listeners {
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let asked = stream.local_addr().unwrap();
                let mut text = [0; 5];
                stream.read_exact(&mut text).ok();
                let said = format!("{asked} {}", String::from_utf8_lossy(&text));
                stream.write_all(said.as_bytes()).ok();
            }
        });
    }
}

fn take_datagrams(sockets: Vec<UdpSocket>, raw: &Arc<(OwnedFd, OwnedFd)>) {
    for socket in sockets {
        let raw = Arc::clone(raw);
        std::thread::spawn(move || {
            while let Some((text, from, to)) = receive(&socket) {
                reply(&raw, to, from, format!("{to} {}", String::from_utf8_lossy(&text)).as_bytes());
            }
        });
    }
}

/// A datagram, who sent it, and whom it was for.
fn receive(socket: &UdpSocket) -> Option<(Vec<u8>, SocketAddr, SocketAddr)> {
    let (mut bytes, mut control, mut from) = ([0_u8; 1500], [0_u64; 32], [0_u64; 16]);
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: plain data for which zero is a valid value; every pointer is to an array of this function that is as
    // long as is said.
    let (read, to) = unsafe {
        let mut head: libc::msghdr = std::mem::zeroed();
        head.msg_name = from.as_mut_ptr().cast();
        head.msg_namelen = size_of_val(&from) as u32;
        head.msg_iov = &raw mut part;
        head.msg_iovlen = 1;
        head.msg_control = control.as_mut_ptr().cast();
        head.msg_controllen = size_of_val(&control);
        let read = libc::recvmsg(socket.as_raw_fd(), &raw mut head, 0);
        let first = libc::CMSG_FIRSTHDR(&raw const head);
        if read < 0 || first.is_null() {
            return None;
        }
        (read as usize, address(libc::CMSG_DATA(first)))
    };
    Some((bytes[..read].to_vec(), address(from.as_ptr().cast()), to))
}

fn address(at: *const u8) -> SocketAddr {
    // SAFETY: the kernel wrote an address there, and both kinds are shorter than what is behind it.
    let bytes = unsafe { std::slice::from_raw_parts(at, 28) };
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    match i32::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
        libc::AF_INET => (<[u8; 4]>::try_from(&bytes[4..8]).unwrap(), port).into(),
        _ => (<[u8; 16]>::try_from(&bytes[8..24]).unwrap(), port).into(),
    }
}

/// Sends a datagram whose source is whom the guest asked for.
fn reply(raw: &(OwnedFd, OwnedFd), from: SocketAddr, to: SocketAddr, text: &[u8]) {
    let length = 8 + text.len() as u16;
    let mut udp = [from.port().to_be_bytes(), to.port().to_be_bytes(), length.to_be_bytes(), [0; 2]].concat();
    udp.extend(text);
    let (source, target) = (octets(from), octets(to));
    let sum = checksum(&[&source[..], &target, &[0, 17], &length.to_be_bytes(), &udp].concat());
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    if from.is_ipv4() {
        let whole = (20 + length).to_be_bytes();
        let head = [&[0x45, 0, whole[0], whole[1], 0, 0, 0, 0, 64, 17, 0, 0][..], &source, &target].concat();
        send(&raw.0, &[head, udp].concat(), SocketAddr::new(to.ip(), 0));
    } else {
        let head = [&[0x60, 0, 0, 0][..], &length.to_be_bytes(), &[17, 64], &source, &target].concat();
        send(&raw.1, &[head, udp].concat(), SocketAddr::new(to.ip(), 0));
    }
}

fn send(raw: &OwnedFd, packet: &[u8], to: SocketAddr) {
    rustix::net::sendto(raw, packet, rustix::net::SendFlags::empty(), &to).unwrap();
}

fn octets(address: SocketAddr) -> Vec<u8> {
    match address.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn talk(script: &str) -> (Ran, Vec<u8>) {
    let run = begin(&spec(script));
    let seen = answer(run.doors().unwrap());
    let ran = finish(&run);
    run.close().unwrap();
    let seen = seen.lock().unwrap().clone();
    (ran, seen)
}

fn every_address_and_port() {
    let asked = [
        ("tcp", "203.0.113.77", 4444),
        ("tcp", "8.8.8.8", 53),
        ("tcp", "172.17.0.1", 2375),
        ("tcp", "172.17.9.9", 22),
        ("tcp", "169.254.169.254", 80),
        ("tcp", "10.0.0.1", 65535),
        ("tcp", "2001:db8:ffff::7", 3333),
        ("tcp", "fd00::1", 1),
        ("udp", "198.51.100.9", 53),
        ("udp", "172.17.0.1", 53),
        ("udp", "192.0.2.1", 61000),
        ("udp", "2001:db8::53", 53),
    ];
    let script: String =
        asked.iter().map(|(kind, host, port)| format!("guest {kind} {host} {port};")).collect();
    let (ran, seen) = talk(&script);
    let expect: String = asked
        .iter()
        .map(|(_, host, port)| format!("{} hello\n", SocketAddr::new(host.parse().unwrap(), *port)))
        .collect();
    assert_eq!(ran.text(), expect, "{} {:?}", ran.errors(), ran.limitations);
    assert!(seen.windows(5).filter(|window| window == b"hello").count() >= asked.len());
}

/// Without a filter in the kernel, a port is opened before the call that asks for it goes on.
fn ports_are_opened_when_asked_for() {
    let network = Network { filter: false, ..Network::default() };
    let known = "guest tcp 203.0.113.5 443; guest udp 2001:db8::9 53;";
    let run = begin(&Spec {
        network: Some(network),
        ..spec(&format!("{known} guest tcp 203.0.113.5 40404; guest tcp fd00::1 40404"))
    });
    answer(run.doors().unwrap());
    let further = run.further_doors().unwrap();
    std::thread::spawn(move || further.for_each(|doors| take(doors.tcp)));
    let ran = finish(&run);
    run.close().unwrap();
    let known = "203.0.113.5:443 hello\n[2001:db8::9]:53 hello\n";
    // Only a tracer knows what is asked for.
    let further = if sandbox::trace::TRACED.is_empty() {
        "connect: Connection refused\nconnect: Connection refused\n"
    } else {
        "203.0.113.5:40404 hello\n[fd00::1]:40404 hello\n"
    };
    assert_eq!(ran.text(), format!("{known}{further}"), "{} {:?}", ran.errors(), ran.limitations);
}

fn echoes() {
    let (ran, _) = talk(
        "for a in 203.0.113.9 1.1.1.1 172.17.0.99; do ping -c 1 -W 3 $a | grep -c '1 packets received'; done; \
         ping6 -c 1 -W 3 2001:db8:77::1 | grep -c '1 packets received'",
    );
    assert_eq!(ran.text(), "1\n1\n1\n1\n", "{}", ran.errors());
}

fn what_the_guest_sees_of_its_network() {
    let (ran, _) = talk(
        "cut -d: -f1 -s /proc/net/dev | tr -d ' \\n'; echo; cat /sys/class/net/eth0/address; \
         grep -c . /proc/net/if_inet6; cut -f2 /proc/net/route",
    );
    let text = ran.text();
    assert!(text.contains("eth0") && text.contains("lo") && text.contains("02:42:ac:11:00:02\n"), "{text}");
    assert!(!text.contains("gw0"), "{text}");
}

/// The gateway, where all of it ends, has a loopback and the guest's card, and no route but to the guest.
fn there_is_no_way_out() {
    let before = cards("/proc/self");
    let run = begin(&spec("sleep 100"));
    let warden = children(std::process::id()).into_iter().flat_map(children).next().unwrap();
    let place = format!("/proc/{warden}");
    assert_eq!(cards(&place), ["gw0", "lo"].map(str::to_owned).into());
    let routes = std::fs::read_to_string(format!("{place}/net/route")).unwrap();
    let routes: Vec<_> =
        routes.lines().skip(1).map(|line| line.split_whitespace().take(3).collect::<Vec<_>>()).collect();
    assert_eq!(routes, [["gw0", "000011AC", "00000000"]], "IPv4");
    let routes = std::fs::read_to_string(format!("{place}/net/ipv6_route")).unwrap();
    for line in routes.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let to_the_guest = words[0].starts_with("20010db80001")
            || words[0].starts_with("ff")
            || words[0].starts_with("fe80");
        assert!(to_the_guest || words[9] == "lo", "IPv6: {line}");
    }
    assert_eq!(cards("/proc/self"), before, "the host has another card");
    run.end("looked at");
    run.wait();
    run.close().unwrap();
    assert!(!std::path::Path::new(&place).exists(), "the gateway is left");
}

fn cards(process: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(format!("{process}/net/dev")).unwrap();
    text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

/// The processes that a process has begun.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{of}/task")).unwrap().filter_map(Result::ok);
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn without_a_network() {
    let run = begin(&Spec {
        network: None,
        ..spec("guest tcp 127.0.0.1 80; guest tcp 203.0.113.1 80; wc -l < /proc/net/dev")
    });
    let doors = run.doors().unwrap();
    assert!(doors.tcp.is_empty() && doors.packets.is_none());
    let ran = finish(&run);
    run.close().unwrap();
    assert_eq!(
        ran.text(),
        "connect: Connection refused\nconnect: Network is unreachable\n3\n",
        "{}",
        ran.errors()
    );
}
