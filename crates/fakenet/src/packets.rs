#[cfg(test)]
mod tests;

use crate::recorder::Flow;
use crate::server::Shared;
use events::{WireKind, bounded};
use nix::sys::socket::{MsgFlags, recv};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Reads every frame: for the packet file, and to tell of what belongs to no flow. ICMP is answered by the kernel;
/// what a guest hides in it is seen here only.
pub(crate) fn watch(frames: OwnedFd, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    rustix::fs::fcntl_setfl(&frames, rustix::fs::fcntl_getfl(&frames)? | rustix::fs::OFlags::NONBLOCK)?;
    std::thread::Builder::new().name("fakenet-packets".into()).spawn(move || {
        let mut buffer = vec![0; 65_536];
        let mut counts = Counts::default();
        let mut told = Instant::now();
        loop {
            match recv(frames.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    if let Some(file) = &shared.recorder.packets {
                        file.frame(bytes);
                    }
                    if let Some(packet) = Packet::parse(bytes) {
                        counts.add(&packet, &shared);
                    }
                }
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) if shared.stopped.load(Relaxed) => break,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
            if told.elapsed() > Duration::from_secs(1) || shared.stopped.load(Relaxed) {
                counts.tell(&shared);
                told = Instant::now();
            }
        }
    })
}

/// A packet that belongs to no flow of ours.
#[derive(Debug, PartialEq, Eq)]
struct Packet<'a> {
    what: &'static str,
    from: IpAddr,
    to: IpAddr,
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Takes an Ethernet frame apart; none where it is TCP with something in it, UDP, or nobody's.
    fn parse(frame: &'a [u8]) -> Option<Self> {
        let kind = u16::from_be_bytes(*frame.get(12..)?.first_chunk()?);
        let packet = frame.get(14..)?;
        let (protocol, from, to, inner) = match kind {
            0x0800 => {
                let head = usize::from(packet.first()? & 0x0f) * 4;
                let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
                (*packet.get(9)?, IpAddr::V4(address(12)?), IpAddr::V4(address(16)?), packet.get(head..)?)
            }
            0x86dd => {
                let address = |at: usize| Some(Ipv6Addr::from(*packet.get(at..)?.first_chunk::<16>()?));
                (*packet.get(6)?, IpAddr::V6(address(8)?), IpAddr::V6(address(24)?), packet.get(40..)?)
            }
            _ => return None,
        };
        let (what, payload) = match protocol {
            // The guest's kernel says that nobody waits for an answer any more: no program sent that.
            1 if matches!(inner.first(), Some(3 | 11)) && quotes_a_flow(inner) => return None,
            58 if matches!(inner.first(), Some(1 | 3)) => return None,
            1 => ("icmp", inner.get(8..).unwrap_or_default()),
            // Neighbours and routers are the network's own talk.
            58 if matches!(inner.first(), Some(130..=143)) => return None,
            58 => ("icmp6", inner.get(8..).unwrap_or_default()),
            6 if inner.get(13)? & 0x12 == 0x02 => ("syn", [].as_slice()),
            6 | 17 | 0 => return None,
            4 | 41 | 47 => ("tunnel", inner),
            132 => ("sctp", inner),
            _ => ("other", inner),
        };
        Some(Self { what, from, to, payload })
    }
}

/// What was seen since it was last told.
#[derive(Default)]
struct Counts {
    flows: BTreeMap<(&'static str, IpAddr, IpAddr), Count>,
    beyond: u64,
}

struct Count {
    flow: Arc<Flow>,
    count: u64,
    first: Vec<u8>,
}

/// Pairs of addresses that are counted on their own.
const PAIRS: usize = 1024;

/// A SYN by itself is the beginning of a flow that is told of anyway. Many in a second are a flood.
const FLOOD: u64 = 200;

impl Counts {
    fn add(&mut self, packet: &Packet<'_>, shared: &Arc<Shared>) {
        // The kernel's own answers come from addresses that the guest asked; what matters is what the guest sends,
        // and canaries are nothing that we would send in an ICMP packet.
        let key = (packet.what, packet.from, packet.to);
        if !self.flows.contains_key(&key) && self.flows.len() >= PAIRS {
            // Those of which nothing was heard since the last time make room.
            self.flows.retain(|_, count| count.count > 0);
            if self.flows.len() >= PAIRS {
                self.beyond += 1;
                return;
            }
        }
        let count = self.flows.entry(key).or_insert_with(|| Count {
            flow: shared.recorder.unannounced(end(packet.from), end(packet.to), shared.watcher.again()),
            count: 0,
            first: Vec::new(),
        });
        if count.count == 0 {
            count.first = packet.payload.to_vec();
        }
        count.count += 1;
        count.flow.watch(packet.payload);
    }

    fn tell(&mut self, shared: &Shared) {
        // They stay known: who hides something in pings sends a piece at a time.
        for ((what, ..), count) in &mut self.flows {
            let few = if *what == "syn" { FLOOD } else { 1 };
            if count.count < few {
                count.count = 0;
                continue;
            }
            count.flow.tell(WireKind::Packets {
                what: (*what).into(),
                count: count.count,
                payload: bounded(&count.first),
            });
            count.count = 0;
        }
        shared.recorder.lost(std::mem::take(&mut self.beyond));
    }
}

fn end(address: IpAddr) -> SocketAddr {
    SocketAddr::new(address, 0)
}
/// Whether a message of ICMP is about a packet of UDP or TCP, and no more than the part of it that is always quoted.
fn quotes_a_flow(message: &[u8]) -> bool {
    let quoted = message.get(8..).unwrap_or_default();
    quoted.first() == Some(&0x45) && matches!(quoted.get(9), Some(6 | 17)) && message.len() <= 576
}
