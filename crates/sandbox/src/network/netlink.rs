//! Messages to the kernel's network, as bytes.

use rustix::fd::OwnedFd;
use rustix::io::{Errno, Result};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// The protocol for cards, addresses, routes and rules.
pub(super) const ROUTE: u32 = 0;
/// The protocol for filters.
pub(super) const FILTER: u32 = 12;

const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
/// Make it, and fail where it is there already.
pub(super) const CREATE: u16 = 0x400 | 0x200;
/// Make it.
pub(super) const ADD: u16 = 0x400;
const HEAD: usize = 16;
const ERROR: u16 = 2;
const NESTED: u16 = 0x8000;

/// A message while it is written.
#[derive(Debug, Clone)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// Begins one, with the head of its family after its own.
    pub(super) fn new(kind: u16, flags: u16, family: &[u8]) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | flags).to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(family);
        Self(bytes)
    }

    /// Adds an attribute.
    pub(super) fn with(mut self, kind: u16, value: &[u8]) -> Self {
        self.put(kind, value);
        self
    }

    /// Adds an attribute that is a text with a zero at its end.
    pub(super) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.with(kind, &bytes)
    }

    /// Adds attributes in an attribute.
    pub(super) fn nest(mut self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        let start = self.0.len();
        self.put(kind | NESTED, &[]);
        let mut whole = inside(self);
        let length = (whole.0.len() - start) as u16;
        whole.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        whole
    }

    /// Adds bytes that are no attribute.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn put(&mut self, kind: u16, value: &[u8]) {
        self.0.extend(((4 + value.len()) as u16).to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        while !self.0.len().is_multiple_of(4) {
            self.0.push(0);
        }
    }

    /// Ends it, under a number.
    fn finish(mut self, number: u32, acknowledge: bool) -> Vec<u8> {
        let length = self.0.len() as u32;
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        if acknowledge {
            let flags = u16::from_ne_bytes([self.0[6], self.0[7]]) | ACKNOWLEDGE;
            self.0[6..8].copy_from_slice(&flags.to_ne_bytes());
        }
        self.0[8..12].copy_from_slice(&number.to_ne_bytes());
        self.0
    }
}

/// Speaks to the kernel of the network namespace that it was opened in.
#[derive(Debug)]
pub(super) struct Socket {
    socket: OwnedFd,
    next: u32,
}

impl Socket {
    pub(super) fn open(protocol: u32) -> Result<Self> {
        let protocol = std::num::NonZeroU32::new(protocol).map(Protocol::from_raw);
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
        Ok(Self { socket, next: 1 })
    }

    /// Has the kernel do one thing.
    pub(super) fn ask(&mut self, message: Message) -> Result<()> {
        self.ask_for(message, true).map(drop)
    }

    /// Has the kernel tell one thing: the first answer that is no acknowledgement, without its head.
    pub(super) fn tell(&mut self, message: Message) -> Result<Vec<u8>> {
        self.ask_for(message, false)?.ok_or(Errno::NOMSG)
    }

    /// Has the kernel do several things, all or none. The first and the last are marks and are not acknowledged.
    pub(super) fn batch(&mut self, first: Message, things: Vec<Message>, last: Message) -> Result<()> {
        let mut bytes = first.finish(0, false);
        let from = self.next;
        for thing in things {
            bytes.extend(thing.finish(self.next, true));
            self.next += 1;
        }
        bytes.extend(last.finish(0, false));
        send(&self.socket, &bytes, SendFlags::empty())?;
        let mut open: Vec<u32> = (from..self.next).collect();
        while !open.is_empty() {
            for (number, kind, body) in self.receive()? {
                if kind == ERROR {
                    outcome(&body)?;
                }
                open.retain(|open| *open != number);
            }
        }
        Ok(())
    }

    fn ask_for(&mut self, message: Message, acknowledge: bool) -> Result<Option<Vec<u8>>> {
        let number = self.next;
        self.next += 1;
        send(&self.socket, &message.finish(number, acknowledge), SendFlags::empty())?;
        loop {
            for (answers, kind, body) in self.receive()? {
                if answers == number && kind == ERROR {
                    return outcome(&body).map(|()| None);
                }
                if answers == number {
                    return Ok(Some(body));
                }
            }
        }
    }

    /// What came: the number that it answers, its kind, and its body.
    fn receive(&self) -> Result<Vec<(u32, u16, Vec<u8>)>> {
        let mut bytes = vec![0; 32 << 10];
        let (read, _) = loop {
            match recv(&self.socket, &mut *bytes, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                result => break result?,
            }
        };
        bytes.truncate(read);
        Ok(split(&bytes))
    }
}

fn split(mut bytes: &[u8]) -> Vec<(u32, u16, Vec<u8>)> {
    let mut messages = Vec::new();
    while let Some((head, _)) = bytes.split_first_chunk::<HEAD>() {
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = word(0) as usize;
        let Some(body) = bytes.get(HEAD..length) else { break };
        messages.push((word(8), u16::from_ne_bytes([head[4], head[5]]), body.to_vec()));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    messages
}

fn outcome(body: &[u8]) -> Result<()> {
    let number = body.first_chunk::<4>().map_or(-libc::EBADMSG, |bytes| i32::from_ne_bytes(*bytes));
    if number == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(-number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested_lengths_are_right() {
        let message = Message::new(16, CREATE, &[0xaa; 4])
            .text(3, "eth0")
            .nest(18, |inside| inside.text(1, "veth").nest(2, |inside| inside.with(1, &[7])));
        let bytes = message.finish(9, true);
        let head = [
            &(bytes.len() as u32).to_ne_bytes()[..],
            &16_u16.to_ne_bytes(),
            &(CREATE | REQUEST | ACKNOWLEDGE).to_ne_bytes(),
            &9_u32.to_ne_bytes(),
            &[0; 4],
            &[0xaa; 4],
        ]
        .concat();
        assert_eq!(bytes[..20], head);
        assert_eq!(bytes[20..32], [&9_u16.to_ne_bytes()[..], &3_u16.to_ne_bytes(), b"eth0\0\0\0\0"].concat());
        assert_eq!(bytes.len(), 20 + 12 + 4 + 12 + 4 + 8);
        assert_eq!(bytes[32..34], 28_u16.to_ne_bytes());
        assert_eq!(bytes[48..50], 12_u16.to_ne_bytes());
    }

    #[test]
    fn answers_are_split_and_errors_read() {
        let message = |number: u32, body: &[u8]| {
            let mut bytes = Message::new(ERROR, 0, body).finish(number, false);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let bytes =
            [message(4, &(-1_i32).to_ne_bytes()), message(5, &0_i32.to_ne_bytes()), vec![1, 2]].concat();
        let told: Vec<_> =
            split(&bytes).iter().map(|(number, kind, body)| (*number, *kind, outcome(body))).collect();
        assert_eq!(told, [(4, ERROR, Err(Errno::PERM)), (5, ERROR, Ok(()))]);
        assert!(split(&[0; 40]).is_empty() && outcome(&[1]).is_err());
    }
}
