//! The sockets at which all that the guest asks for arrives.

use super::links::GATEWAY;
use crate::calls;
use crate::error::{Failure, Step};
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, listen, socket_with, sockopt};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// What answers the guest's network is given. Nothing here can reach beyond the sandbox: all of it lives in the
/// gateway's network namespace.
#[derive(Debug, Default)]
pub struct Doors {
    /// Listeners for TCP, IPv4 and IPv6. `local_addr` of a connection is whom the guest asked for.
    pub tcp: Vec<TcpListener>,
    /// Sockets for UDP, IPv4 and IPv6. Whom a datagram was for is in its control message
    /// (`IP_RECVORIGDSTADDR`, `IPV6_RECVORIGDSTADDR`), which is switched on.
    pub udp: Vec<UdpSocket>,
    /// Sends whole IPv4 packets, with a source of the sender's choice: answers to datagrams.
    pub raw4: Option<OwnedFd>,
    /// The same for IPv6.
    pub raw6: Option<OwnedFd>,
    /// Sees every frame between the guest and the gateway, both ways.
    pub packets: Option<OwnedFd>,
    /// Sockets for TCP over IPv4 in the guest's own network, neither bound nor connected: through each the parent may
    /// once speak to a port of the guest, as a neighbour would. The gateway cannot, since the guest's address is its
    /// own as well.
    pub inward: Vec<OwnedFd>,
    /// Listeners at the sockets with names that were asked for, as far as the image left their places free.
    pub named: Vec<OwnedFd>,
}

/// The same, in the warden, in the order in which they are handed over.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) tcp: Vec<OwnedFd>,
    pub(crate) udp: Vec<OwnedFd>,
    pub(crate) raw: Vec<OwnedFd>,
    pub(crate) packets: Vec<OwnedFd>,
    pub(crate) inward: Vec<OwnedFd>,
    pub(crate) named: Vec<OwnedFd>,
}

/// Where the sockets are that take every port: nothing else listens in the gateway.
pub(super) const PORT: u16 = 61_000;

/// What is listened at where not every port can be taken: services that samples speak to, and pools' habits.
pub(super) const KNOWN: &[u16] = &[
    21, 22, 23, 25, 53, 80, 123, 143, 443, 445, 587, 853, 1080, 1433, 2222, 2375, 3128, 3306, 3333, 3389,
    4433, 4444, 5000, 5432, 5555, 5556, 6379, 6443, 6667, 6697, 7000, 7777, 8000, 8080, 8081, 8333, 8443,
    8545, 8888, 9000, 9001, 9050, 9090, 9200, 9999, 10128, 10250, 10255, 11211, 12345, 13333, 14444, 18081,
    20128, 27017, 31337, 33333, 45560, 45700, 55555,
];

// All of them are handed over with one message: four sockets for each, and four more descriptors.
const _: () = assert!(4 * KNOWN.len() + 4 <= crate::message::DESCRIPTORS);

const BACKLOG: i32 = 4096;

/// Opens them, in the network namespace that this thread is in.
pub(super) fn open(every_port: bool) -> Result<Opened, Failure> {
    let step = "open the doors of the guest's network";
    let ports = if every_port { &[PORT][..] } else { KNOWN };
    let mut opened = Opened::default();
    for six in [false, true] {
        for port in ports {
            opened.tcp.push(door(SocketType::STREAM, *port, six).step(step)?);
            opened.udp.push(door(SocketType::DGRAM, *port, six).step(step)?);
        }
        opened.raw.push(sender(six).step(step)?);
    }
    opened.packets.push(watcher().step("watch the guest's packets")?);
    Ok(opened)
}

/// How many connections the parent may make to the guest.
const INWARD: usize = 48;

/// Makes the sockets that lead to the guest, in whose namespace this thread is; with so many others beside them, only
/// what one message holds.
pub(crate) fn inward(beside: usize) -> Result<Vec<OwnedFd>, Failure> {
    (0..INWARD.min(crate::message::DESCRIPTORS.saturating_sub(beside)))
        .map(|_| socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None))
        .collect::<rustix::io::Result<_>>()
        .step("make sockets that lead to the guest")
}

/// Opens one port more, for IPv4 and IPv6.
pub(super) fn further(port: u16, tcp: bool) -> rustix::io::Result<[OwnedFd; 2]> {
    let kind = if tcp { SocketType::STREAM } else { SocketType::DGRAM };
    Ok([door(kind, port, false)?, door(kind, port, true)?])
}

fn door(kind: SocketType, port: u16, six: bool) -> rustix::io::Result<OwnedFd> {
    let family = if six { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    let any: SocketAddr =
        if six { (Ipv6Addr::UNSPECIFIED, port).into() } else { (Ipv4Addr::UNSPECIFIED, port).into() };
    if six {
        sockopt::set_ipv6_v6only(&socket, true)?;
        calls::set_option(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_TRANSPARENT, 1)?;
        calls::set_option(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_RECVORIGDSTADDR, 1)?;
    } else {
        calls::set_option(socket.as_fd(), libc::SOL_IP, libc::IP_TRANSPARENT, 1)?;
        calls::set_option(socket.as_fd(), libc::SOL_IP, libc::IP_RECVORIGDSTADDR, 1)?;
    }
    bind(&socket, &any)?;
    if kind == SocketType::STREAM {
        listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}

fn sender(six: bool) -> rustix::io::Result<OwnedFd> {
    let family = if six { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::RAW))?;
    if six {
        calls::set_option(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_HDRINCL, 1)?;
    } else {
        calls::set_option(socket.as_fd(), libc::SOL_IP, libc::IP_HDRINCL, 1)?;
    }
    Ok(socket)
}

fn watcher() -> rustix::io::Result<OwnedFd> {
    // It begins with no protocol: to change what it sees, the kernel would have to wait for all processors.
    let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let card = rustix::net::netdevice::name_to_index(&socket, GATEWAY)?;
    calls::bind_packets(socket.as_fd(), card)?;
    Ok(socket)
}
