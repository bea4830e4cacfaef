//! What the parent and the warden say to each other, over a socket that keeps messages apart.

use crate::error::Failure;
use crate::spec::Start;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{Errno, IoSlice, IoSliceMut, Result};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::mem::MaybeUninit;

/// The longest message; what is longer goes in memory of its own, see [`in_memory`].
const LONGEST: usize = 64 << 10;

/// The most descriptors that go with a message.
pub(crate) const DESCRIPTORS: usize = 250;

/// The most bytes of what goes in memory of its own.
const MOST: u64 = 256 << 20;

/// What a process that was started again is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Job {
    /// The steward of a run.
    Run,
    /// One who writes a tree.
    Unpack(crate::Ids),
    /// One who takes a tree away.
    Remove(crate::Ids),
}

/// What the parent asks of the warden.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Start another process: a [`Start`] goes with it in memory.
    Start,
    /// End the run.
    End { why: String },
    /// Tell what changed in the tree. After the run only.
    Changes,
}

/// What the warden answers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The guest is about to start. The doors of its network go with it, in this order and number.
    Ready {
        limitations: Vec<String>,
        tcp: usize,
        udp: usize,
        raw: usize,
        packets: usize,
        inward: usize,
        named: usize,
    },
    /// A process was started.
    Started,
    /// It could not be.
    Failed(Failure),
    /// Something changed; a file's content goes with it.
    Change(crate::changes::Entry),
    /// Nothing else changed.
    NoMore,
    /// A tree was written or taken away.
    Unpacked(crate::unpack::Unpacked),
}

/// Two more doors, for IPv4 and IPv6.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Further {
    /// For TCP, not UDP.
    pub(crate) tcp: bool,
}

/// How the guest's run ended, over a pipe of its own.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) why: String,
    pub(crate) first: Option<events::Ended>,
}

/// Sends a message.
pub(crate) fn send(socket: impl AsFd, message: &impl Serialize, with: &[BorrowedFd<'_>]) -> Result<()> {
    send_with(socket, message, with, SendFlags::empty())
}

/// Sends a message in a certain way.
pub(crate) fn send_with(
    socket: impl AsFd,
    message: &impl Serialize,
    with: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<()> {
    let bytes = postcard::to_allocvec(message).map_err(|_| Errno::INVAL)?;
    if bytes.len() > LONGEST || with.len() > DESCRIPTORS {
        return Err(Errno::MSGSIZE);
    }
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !with.is_empty() && !control.push(SendAncillaryMessage::ScmRights(with)) {
        return Err(Errno::MSGSIZE);
    }
    loop {
        match sendmsg(&socket, &[IoSlice::new(&bytes)], &mut control, flags | SendFlags::NOSIGNAL) {
            Err(Errno::INTR) => {}
            result => return result.map(drop),
        }
    }
}

/// Receives a message and what goes with it; none where the other side is gone.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
    flags: RecvFlags,
) -> Result<Option<(T, Vec<OwnedFd>)>> {
    let mut bytes = vec![0; LONGEST];
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        let flags = flags | RecvFlags::CMSG_CLOEXEC;
        match recvmsg(&socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
            Err(Errno::INTR) => {}
            result => break result?,
        }
    };
    let mut with = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            with.extend(descriptors);
        }
    }
    if received.bytes == 0 {
        return Ok(None);
    }
    let message = bytes.get(..received.bytes).and_then(|bytes| postcard::from_bytes(bytes).ok());
    Ok(Some((message.ok_or(Errno::BADMSG)?, with)))
}

/// Puts a value into memory that can be handed over, however long it is.
pub(crate) fn in_memory(value: &impl Serialize) -> std::io::Result<OwnedFd> {
    let bytes = postcard::to_allocvec(value).map_err(std::io::Error::other)?;
    let mut file = File::from(memfd_create("message", MemfdFlags::CLOEXEC)?);
    file.write_all(&bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// Reads what [`in_memory`] wrote.
pub(crate) fn from_memory<T: DeserializeOwned>(memory: OwnedFd) -> Result<T> {
    let mut bytes = Vec::new();
    let read = File::from(memory).take(MOST).read_to_end(&mut bytes);
    read.map_err(|_| Errno::IO)?;
    postcard::from_bytes(&bytes).map_err(|_| Errno::BADMSG)
}

/// Asks for another process.
pub(crate) fn ask_start(socket: impl AsFd, start: &Start) -> Result<()> {
    let memory = in_memory(start).map_err(|_| Errno::IO)?;
    send(socket, &Ask::Start, &[memory.as_fd()])
}
