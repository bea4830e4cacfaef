//! Cards, addresses, routes.

use super::netlink::{ADD, CREATE, Message, Socket};
use crate::error::{Failure, Step};
use crate::spec::Network;
use rustix::fd::{AsRawFd, BorrowedFd};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The guest's card, as every runtime names it.
pub(super) const GUEST: &str = "eth0";
/// The gateway's.
pub(super) const GATEWAY: &str = "gw0";

/// Where the gateway looks up what came in by its card: a table in which everything is local.
const TABLE: u32 = 100;

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const NEW_ROUTE: u16 = 24;
const NEW_RULE: u16 = 32;

const NAME: u16 = 3;
const HARDWARE: u16 = 1;
const AF_SPEC: u16 = 26;
const UP: u32 = 1;

const UNICAST: u8 = 1;
const LOCAL: u8 = 2;
const MAIN: u32 = 254;
/// The kernel's table of its own addresses.
const OWN: u32 = 255;

/// The number of a card.
pub(super) fn index(socket: &mut Socket, name: &str) -> Result<u32, Failure> {
    let body =
        socket.tell(Message::new(GET_LINK, 0, &link(0, 0)).text(NAME, name)).step("find a network card")?;
    let index = body.get(4..8).and_then(|bytes| bytes.first_chunk()).map(|bytes| u32::from_ne_bytes(*bytes));
    index.ok_or_else(|| Failure::new("find a network card", rustix::io::Errno::BADMSG))
}

/// Switches a card on.
pub(super) fn up(socket: &mut Socket, index: u32) -> Result<(), Failure> {
    socket.ask(Message::new(NEW_LINK, 0, &link(index, UP))).step("switch a network card on")
}

/// Makes the two cards that join the gateway, where the socket was opened, with the guest.
pub(super) fn pair(socket: &mut Socket, network: &Network, guest: BorrowedFd<'_>) -> Result<(), Failure> {
    let space = guest.as_raw_fd().cast_unsigned().to_ne_bytes();
    let message = Message::new(NEW_LINK, CREATE, &link(0, 0)).text(NAME, GATEWAY).nest(18, |info| {
        info.text(1, "veth").nest(2, |data| {
            data.nest(1, |peer| {
                peer.raw(&link(0, 0)).text(NAME, GUEST).with(HARDWARE, &network.mac).with(28, &space)
            })
        })
    });
    socket.ask(message).step("make a pair of network cards")
}

/// Switches a card on, without an address of the kernel's own choice: one that would be looked for on the wire for a
/// second before it may be used.
fn up_quietly(socket: &mut Socket, card: u32) -> Result<(), Failure> {
    let family = libc::AF_INET6 as u16;
    let message = Message::new(NEW_LINK, 0, &link(card, 0));
    let quiet = message.nest(AF_SPEC, |inside| inside.nest(family, |inside| inside.with(8, &[1])));
    let _ = socket.ask(quiet);
    up(socket, card)
}

/// Addresses and routes of the gateway.
pub(super) fn gateway(socket: &mut Socket, network: &Network) -> Result<(), Failure> {
    let step = "set up the gateway's network";
    let card = index(socket, GATEWAY)?;
    let lo = index(socket, "lo")?;
    up_quietly(socket, card)?;
    address(socket, card, network.gateway4.into(), network.prefix4).step(step)?;
    address(socket, card, network.gateway6.into(), 128).step(step)?;
    route(socket, Route { to: (network.ipv6.into(), 128), card, via: None, kind: UNICAST, table: MAIN })
        .step(step)?;
    // The kernel answers for an address, as an echo is, only where its own table of local addresses has it; and what
    // it answers must find the guest there first.
    let own = Route { to: (network.ipv4.into(), 32), card, via: None, kind: UNICAST, table: OWN };
    route(socket, own).step(step)?;
    let every = (Ipv4Addr::UNSPECIFIED.into(), 0);
    route(socket, Route { to: every, card: lo, kind: LOCAL, ..own }).step(step)?;
    for every in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        rule(socket, every.is_ipv6()).step(step)?;
        route(socket, Route { to: (every, 0), card: lo, via: None, kind: LOCAL, table: TABLE }).step(step)?;
    }
    Ok(())
}

/// Addresses and routes of the guest.
pub(super) fn guest(socket: &mut Socket, network: &Network) -> Result<(), Failure> {
    let step = "set up the guest's network";
    let card = index(socket, GUEST)?;
    up_quietly(socket, card)?;
    address(socket, card, network.ipv4.into(), network.prefix4).step(step)?;
    address(socket, card, network.ipv6.into(), 128).step(step)?;
    let every = Route { to: (Ipv4Addr::UNSPECIFIED.into(), 0), card, via: None, kind: UNICAST, table: MAIN };
    route(socket, Route { via: Some(network.gateway4.into()), ..every }).step(step)?;
    route(socket, Route { to: (network.gateway6.into(), 128), ..every }).step(step)?;
    let every = Route { to: (Ipv6Addr::UNSPECIFIED.into(), 0), ..every };
    route(socket, Route { via: Some(network.gateway6.into()), ..every }).step(step)
}

#[derive(Clone, Copy)]
struct Route {
    to: (IpAddr, u8),
    card: u32,
    via: Option<IpAddr>,
    kind: u8,
    table: u32,
}

fn route(socket: &mut Socket, route: Route) -> rustix::io::Result<()> {
    let Route { to: (to, length), card, via, kind, table } = route;
    let scope = match (kind, via) {
        (LOCAL, _) => 254,
        (_, Some(_)) => 0,
        (_, None) if to.is_ipv4() => 253,
        (_, None) => 0,
    };
    let head = [family(to), length, 0, 0, table as u8, 3, scope, kind, 0, 0, 0, 0];
    let mut message =
        Message::new(NEW_ROUTE, CREATE, &head).with(15, &table.to_ne_bytes()).with(4, &card.to_ne_bytes());
    if length > 0 {
        message = message.with(1, &octets(to));
    }
    if let Some(via) = via {
        message = message.with(5, &octets(via));
    }
    socket.ask(message)
}

/// Has what comes in by the gateway's card be looked up where everything is local.
fn rule(socket: &mut Socket, six: bool) -> rustix::io::Result<()> {
    let family = if six { libc::AF_INET6 } else { libc::AF_INET } as u8;
    let head = [family, 0, 0, 0, TABLE as u8, 0, 0, 1, 0, 0, 0, 0];
    let message = Message::new(NEW_RULE, CREATE, &head).text(3, GATEWAY);
    socket.ask(message.with(15, &TABLE.to_ne_bytes()).with(6, &100_u32.to_ne_bytes()))
}

fn address(socket: &mut Socket, card: u32, address: IpAddr, prefix: u8) -> rustix::io::Result<()> {
    /// Nobody else is asked whether he has it already.
    const NO_DUPLICATES: u32 = 0x2;
    let mut head = vec![family(address), prefix, 0, 0];
    head.extend(card.to_ne_bytes());
    let message = Message::new(NEW_ADDRESS, ADD, &head).with(2, &octets(address)).with(1, &octets(address));
    let message = if address.is_ipv6() { message.with(8, &NO_DUPLICATES.to_ne_bytes()) } else { message };
    socket.ask(message)
}

fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { libc::AF_INET as u8 } else { libc::AF_INET6 as u8 }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// The head of a message about a card.
fn link(index: u32, flags: u32) -> Vec<u8> {
    [&[0; 4][..], &index.to_ne_bytes(), &flags.to_ne_bytes(), &flags.to_ne_bytes()].concat()
}
