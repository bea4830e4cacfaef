//! Calls that use a socket.

use super::calls::Entry;
use super::kernel::Call;
use super::memory::{self, Unreadable};
use super::paths::{peer_of, take_descriptor};
use super::task::Later;
use super::{Next, Tracer};
use events::{Act, NetAct, NetOp, Peer, Source, bounded};
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix, SocketType, sockopt};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The most messages of one `sendmmsg` that are looked at; the kernel takes at most 1,024.
const MOST_MESSAGES: u64 = 1024;

impl Tracer {
    pub(super) fn net_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        let [a, b, c, _, e, f] = call.arguments;
        let descriptor = a as i32;
        let op = match entry.number {
            libc::SYS_socket => {
                let (family, kind) = (a as i32, b as i32 & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC));
                if !matches!(family, libc::AF_UNIX | libc::AF_NETLINK) {
                    self.time.network();
                }
                NetOp::Make { family, kind, protocol: c as i32 }
            }
            libc::SYS_listen => NetOp::Listen,
            libc::SYS_accept | libc::SYS_accept4 => NetOp::Accept(None),
            libc::SYS_setsockopt => NetOp::Option { level: b as i32, name: c as i32 },
            libc::SYS_sendmsg => return self.messages(tid, descriptor, b, 1),
            libc::SYS_sendmmsg => return self.messages(tid, descriptor, b, c.min(MOST_MESSAGES)),
            _ => {
                let (address, length) = if entry.number == libc::SYS_sendto { (e, f) } else { (b, c) };
                // To the peer that the socket has, or nothing that the kernel would take for a name.
                if address == 0 || (length as u32) < 2 {
                    self.time.network();
                    return Next::On;
                }
                let Ok(peer) = read_peer(tid, address, length) else {
                    self.unreadable(tid);
                    return Next::Later(Box::new(Later::Kernel(self.plain(tid, entry.name, call))));
                };
                match entry.number {
                    libc::SYS_bind => NetOp::Bind(peer),
                    libc::SYS_connect => {
                        self.open_door(tid, descriptor, &peer);
                        NetOp::Connect { to: peer, from: None }
                    }
                    _ => {
                        self.open_door(tid, descriptor, &peer);
                        NetOp::SendTo { to: peer, bytes: c }
                    }
                }
            }
        };
        let process = self.tasks.process(tid);
        Next::Later(Box::new(Later::Net(NetAct { process, op, descriptor, result: 0 })))
    }

    /// Messages with a name on each: only those are sent to somebody in particular.
    fn messages(&mut self, tid: i32, descriptor: i32, address: u64, count: u64) -> Next {
        const LENGTH: u64 = 64;
        let mut peers: Vec<Peer> = Vec::new();
        for index in 0..count {
            let at = address.wrapping_add(index * LENGTH);
            let Ok(head) = memory::array::<16>(tid, at) else { break };
            let (Some(name), Some(length)) = (head.first_chunk(), head.last_chunk()) else { break };
            let (name, length) = (u64::from_le_bytes(*name), u64::from_le_bytes(*length) as u32);
            if name == 0 {
                continue;
            }
            match read_peer(tid, name, u64::from(length)) {
                Ok(peer) if !peers.contains(&peer) => peers.push(peer),
                Ok(_) => {}
                Err(Unreadable) => self.unreadable(tid),
            }
        }
        let Some(last) = peers.pop() else { return Next::On };
        let process = self.tasks.process(tid);
        for to in peers {
            self.open_door(tid, descriptor, &to);
            let op = NetOp::SendTo { to, bytes: 0 };
            self.tell(Source::Call, Act::Net(NetAct { process, op, descriptor, result: 0 }));
        }
        self.open_door(tid, descriptor, &last);
        let op = NetOp::SendTo { to: last, bytes: 0 };
        Next::Later(Box::new(Later::Net(NetAct { process, op, descriptor, result: 0 })))
    }

    fn open_door(&mut self, tid: i32, descriptor: i32, peer: &Peer) {
        let Peer::Inet(address) = peer else { return };
        self.time.network();
        let socket = take_descriptor(self.tasks.group_of(tid), descriptor);
        let kind = socket.and_then(|socket| sockopt::socket_type(socket).ok());
        (self.context.on_connect)(*address, kind.is_none_or(|kind| kind == SocketType::STREAM));
    }

    pub(super) fn net_done(&mut self, tid: i32, mut act: NetAct, result: i64) {
        act.result = result;
        let group = self.tasks.group_of(tid);
        let connecting = result == 0 || result == i64::from(-libc::EINPROGRESS);
        match &mut act.op {
            NetOp::Connect { to, from } if connecting => {
                if let Some(socket) = take_descriptor(group, act.descriptor) {
                    // The address may have been another one by the time the kernel read it.
                    if let Some(peer) = peer_of(&socket) {
                        *to = peer;
                    }
                    if !matches!(to, Peer::Unix(_)) {
                        *from = rustix::net::getsockname(&socket).ok().map(|own| peer(&own));
                    }
                }
            }
            NetOp::Accept(from) if result >= 0 => {
                let taken = take_descriptor(group, result as i32);
                *from = taken.and_then(|socket| peer_of(&socket));
            }
            NetOp::SendTo { bytes, .. } if result >= 0 => *bytes = result.unsigned_abs(),
            _ => {}
        }
        if let NetOp::Make { .. } | NetOp::Accept(_) = act.op
            && result >= 0
        {
            self.reopened(group, result as i32, None);
            if matches!(act.op, NetOp::Make { .. }) {
                act.descriptor = result as i32;
            }
        }
        self.tell(Source::Call, Act::Net(act));
    }
}

/// An address in memory of the guest.
fn read_peer(tid: i32, address: u64, length: u64) -> Result<Peer, Unreadable> {
    // The longest that the kernel takes.
    let length = (length as u32).min(128) as usize;
    let bytes = memory::some(tid, address, length);
    if bytes.len() < length || length < 2 {
        return Err(Unreadable);
    }
    Ok(parse(&bytes))
}

/// An address as the kernel lays it out.
pub(crate) fn parse(bytes: &[u8]) -> Peer {
    let parsed = || {
        let (family, rest) = bytes.split_first_chunk::<2>()?;
        match i32::from(u16::from_le_bytes(*family)) {
            libc::AF_INET => {
                let (port, rest) = rest.split_first_chunk()?;
                let address = Ipv4Addr::from(*rest.first_chunk::<4>()?);
                Some(Peer::Inet(SocketAddr::from((address, u16::from_be_bytes(*port)))))
            }
            libc::AF_INET6 => {
                let (port, rest) = rest.split_first_chunk()?;
                let (flow, rest) = rest.split_first_chunk()?;
                let (address, rest) = rest.split_first_chunk::<16>()?;
                let scope = rest.first_chunk().map_or(0, |scope| u32::from_le_bytes(*scope));
                let (port, flow) = (u16::from_be_bytes(*port), u32::from_be_bytes(*flow));
                Some(Peer::Inet(SocketAddrV6::new(Ipv6Addr::from(*address), port, flow, scope).into()))
            }
            libc::AF_UNIX => {
                let name = match rest.first() {
                    Some(0) => rest,
                    _ => rest.split(|&byte| byte == 0).next().unwrap_or_default(),
                };
                Some(Peer::Unix(bounded(name)))
            }
            _ => None,
        }
    };
    parsed().unwrap_or_else(|| Peer::Other(bounded(bytes)))
}

/// An address that the kernel gave.
pub(super) fn peer(address: &SocketAddrAny) -> Peer {
    if let Ok(inet) = SocketAddr::try_from(address.clone()) {
        return Peer::Inet(inet);
    }
    if address.address_family() == AddressFamily::UNIX
        && let Ok(unix) = SocketAddrUnix::try_from(address.clone())
    {
        if let Some(name) = unix.abstract_name() {
            return Peer::Unix(bounded(&[&[0], name].concat()));
        }
        return Peer::Unix(bounded(unix.path_bytes().unwrap_or_default()));
    }
    Peer::Other(bounded(&address.address_family().as_raw().to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_reads_them() {
        let check = |bytes: &[u8], expect: Peer| assert_eq!(parse(bytes), expect, "{bytes:?}");
        check(&[2, 0, 1, 187, 192, 0, 2, 7, 0, 0], Peer::Inet("192.0.2.7:443".parse().unwrap()));
        let six = [&[10, 0, 0, 53, 0, 0, 0, 0][..], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[1], &[0; 4]].concat();
        check(&six, Peer::Inet("[2001:db8::1]:53".parse().unwrap()));
        check(b"\x01\0/run/x\0rest", Peer::Unix(bounded(b"/run/x")));
        check(b"\x01\0\0name", Peer::Unix(bounded(b"\0name")));
        check(&[2, 0, 1], Peer::Other(bounded(&[2, 0, 1])));
        check(&[16, 0, 1, 2], Peer::Other(bounded(&[16, 0, 1, 2])));
    }
}
