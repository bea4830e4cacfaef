use crate::protocols;
use crate::recorder::{Flow, locked};
use crate::server::{Shared, plain};
use events::WireKind;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::Socket;
use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

/// Sockets that send what we write, head and all: replies come from the address that was asked.
pub(crate) struct Raw {
    pub(crate) raw4: Option<Socket>,
    pub(crate) raw6: Option<Socket>,
}

/// Who spoke to whom by datagrams.
#[derive(Default)]
pub(crate) struct Flows {
    known: HashMap<(SocketAddr, SocketAddr), Known>,
    /// All that come when too many were told of.
    beyond: Option<(Arc<Flow>, u64)>,
    opened: u64,
}

struct Known {
    flow: Arc<Flow>,
    heard: u64,
    spoken: u64,
    protocol: Option<&'static str>,
}

/// Flows that are followed at a time.
const FOLLOWED: usize = 4096;

/// How often a thread that waits for datagrams looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);

/// Answers what comes to a socket, on a thread of its own.
pub(crate) fn serve(socket: UdpSocket, raw: Arc<Raw>, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(LOOK))?;
    // Where these are not to be had, the socket's own address is whom the guest asked.
    let _ = setsockopt(&socket, sockopt::Ipv4OrigDstAddr, &true);
    let _ = setsockopt(&socket, sockopt::Ipv6OrigDstAddr, &true);
    let own = plain(socket.local_addr()?);
    std::thread::Builder::new().name("fakenet-udp".into()).spawn(move || {
        let mut buffer = vec![0; 65_536];
        let mut control = vec![0; 256];
        while !shared.stopped.load(Relaxed) {
            let Ok(Some((from, to, length))) = receive(&socket, own, &mut buffer, &mut control) else {
                continue;
            };
            let _owed = shared.world.clock.hold();
            let bytes = buffer.get(..length).unwrap_or_default();
            // The thread must outlive whatever a datagram does to it.
            let taken = catch_unwind(AssertUnwindSafe(|| take(from, to, bytes, &shared)));
            match taken {
                Ok(Some(answer)) => {
                    let _ = reply(&socket, &raw, from, to, &answer);
                }
                Ok(None) => {}
                Err(_) => shared.recorder.lost(1),
            }
        }
    })
}

fn receive(
    socket: &UdpSocket,
    own: SocketAddr,
    buffer: &mut [u8],
    control: &mut [u8],
) -> io::Result<Option<(SocketAddr, SocketAddr, usize)>> {
    let mut parts = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(control), MsgFlags::empty())?;
    let mut to = own;
    for one in message.cmsgs().into_iter().flatten() {
        match one {
            ControlMessageOwned::Ipv4OrigDstAddr(it) => {
                let address = Ipv4Addr::from(u32::from_be(it.sin_addr.s_addr));
                to = SocketAddr::from((address, u16::from_be(it.sin_port)));
            }
            ControlMessageOwned::Ipv6OrigDstAddr(it) => {
                let address = Ipv6Addr::from(it.sin6_addr.s6_addr);
                to = plain(SocketAddr::from((address, u16::from_be(it.sin6_port))));
            }
            _ => {}
        }
    }
    let from = message.address.and_then(|address| {
        let four = address.as_sockaddr_in().map(|it| SocketAddr::from((it.ip(), it.port())));
        four.or_else(|| address.as_sockaddr_in6().map(|it| plain(SocketAddr::from((it.ip(), it.port())))))
    });
    Ok(from.map(|from| (from, to, message.bytes)))
}

/// A datagram from the guest, and what is answered.
pub(crate) fn take(from: SocketAddr, to: SocketAddr, bytes: &[u8], shared: &Arc<Shared>) -> Option<Vec<u8>> {
    let emulator = protocols::taste_datagram(bytes, to.port());
    let (flow, offset, new) = {
        let mut flows = locked(&shared.datagrams);
        flows.take(from, to, bytes.len() as u64, emulator.name, shared)
    };
    if let Some(packets) = &shared.recorder.packets {
        packets.datagram(from, to, bytes);
    }
    flow.count(true, bytes.len() as u64);
    if new {
        flow.tell(WireKind::Protocol(emulator.name.into()));
    }
    if emulator.name != "dns" {
        flow.said(true, false, offset, bytes);
        flow.watch(bytes);
    }
    let answer = (emulator.answer)(bytes, &flow, shared)?;
    flow.count(false, answer.len() as u64);
    if let Some(packets) = &shared.recorder.packets {
        packets.datagram(to, from, &answer);
    }
    if emulator.name != "dns" {
        let spoken = locked(&shared.datagrams).spoke(from, to, answer.len() as u64);
        flow.said(false, false, spoken, &answer);
    }
    Some(answer)
}

/// The run is over: flows that are still known end, and what was only counted is told.
pub(crate) fn finish(shared: &Shared) {
    let flows = std::mem::take(&mut *locked(&shared.datagrams));
    if let Some((flow, count)) = flows.beyond {
        flow.tell(WireKind::Packets { what: "datagrams".into(), count, payload: events::bounded(b"") });
    }
}

impl Flows {
    fn take(
        &mut self,
        from: SocketAddr,
        to: SocketAddr,
        length: u64,
        protocol: &'static str,
        shared: &Arc<Shared>,
    ) -> (Arc<Flow>, u64, bool) {
        if let Some(known) = self.known.get_mut(&(from, to)) {
            let offset = known.heard;
            known.heard += length;
            let new = known.protocol != Some(protocol);
            known.protocol = Some(protocol);
            return (Arc::clone(&known.flow), offset, new);
        }
        if self.opened >= shared.world.limits.flows {
            let open = || (shared.recorder.open(from, to, true, shared.watcher.again()), 0);
            let (flow, count) = self.beyond.get_or_insert_with(open);
            *count += 1;
            return (Arc::clone(flow), *count * 65_536, false);
        }
        if self.known.len() >= FOLLOWED {
            self.known.clear();
        }
        self.opened += 1;
        let flow = shared.recorder.open(from, to, true, shared.watcher.again());
        let known = Known { flow: Arc::clone(&flow), heard: length, spoken: 0, protocol: Some(protocol) };
        self.known.insert((from, to), known);
        (flow, 0, true)
    }

    fn spoke(&mut self, from: SocketAddr, to: SocketAddr, length: u64) -> u64 {
        self.known.get_mut(&(from, to)).map_or(0, |known| {
            let offset = known.spoken;
            known.spoken += length;
            offset
        })
    }
}

fn reply(socket: &UdpSocket, raw: &Raw, to: SocketAddr, from: SocketAddr, bytes: &[u8]) -> io::Result<()> {
    let nowhere = |to: IpAddr| socket2::SockAddr::from(SocketAddr::new(to, 0));
    match (from, to, &raw.raw4, &raw.raw6) {
        (SocketAddr::V4(one), SocketAddr::V4(other), Some(raw), _) => {
            let packet = packet4(*one.ip(), *other.ip(), &udp(from, to, bytes));
            raw.send_to(&packet, &nowhere(to.ip()))?;
        }
        (SocketAddr::V6(one), SocketAddr::V6(other), _, Some(raw)) => {
            let packet = packet6(*one.ip(), *other.ip(), &udp(from, to, bytes));
            raw.send_to(&packet, &nowhere(to.ip()))?;
        }
        _ => {
            socket.send_to(bytes, to)?;
        }
    }
    Ok(())
}

/// A datagram with its head.
pub(crate) fn udp(from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() + 8).min(65_535) as u16;
    let mut out = Vec::with_capacity(bytes.len() + 8);
    out.extend(from.port().to_be_bytes());
    out.extend(to.port().to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend([0, 0]);
    out.extend(bytes);
    let sum = match checksum(from.ip(), to.ip(), 17, &out) {
        0 => 0xffff,
        sum => sum,
    };
    if let Some(place) = out.get_mut(6..8) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    out
}

pub(crate) fn packet4(from: Ipv4Addr, to: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    packet4_of(17, from, to, payload)
}

pub(crate) fn packet6(from: Ipv6Addr, to: Ipv6Addr, payload: &[u8]) -> Vec<u8> {
    packet6_of(17, from, to, payload)
}

pub(crate) fn packet4_of(protocol: u8, from: Ipv4Addr, to: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() + 20).min(65_535) as u16;
    let mut out = vec![0x45, 0];
    out.extend(length.to_be_bytes());
    out.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
    out.extend(from.octets());
    out.extend(to.octets());
    let sum = fold(add(0, &out));
    if let Some(place) = out.get_mut(10..12) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    out.extend(payload);
    out
}

pub(crate) fn packet6_of(protocol: u8, from: Ipv6Addr, to: Ipv6Addr, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend((payload.len().min(65_535) as u16).to_be_bytes());
    out.extend([protocol, 64]);
    out.extend(from.octets());
    out.extend(to.octets());
    out.extend(payload);
    out
}

/// The checksum of TCP and UDP.
pub(crate) fn checksum(from: IpAddr, to: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    let mut sum = 0;
    for address in [from, to] {
        sum = match address {
            IpAddr::V4(it) => add(sum, &it.octets()),
            IpAddr::V6(it) => add(sum, &it.octets()),
        };
    }
    sum += u64::from(protocol) + bytes.len() as u64;
    fold(add(sum, bytes))
}

fn add(mut sum: u64, bytes: &[u8]) -> u64 {
    let (pairs, rest) = bytes.as_chunks::<2>();
    for pair in pairs {
        sum += u64::from(u16::from_be_bytes(*pair));
    }
    sum + rest.first().map_or(0, |last| u64::from(*last) << 8)
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
