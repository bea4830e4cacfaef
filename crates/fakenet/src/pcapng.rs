use crate::datagrams::{checksum, packet4_of, packet6_of, udp};
use crate::recorder::locked;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// The packet file. Frames come from the network itself where it can be watched; otherwise packets are made from
/// what was said, one after the other, as a quiet network would have carried them. Keys of TLS stand before what
/// they open.
pub(crate) struct Packets {
    file: Mutex<Writer>,
    /// Frames come from the network: none are made.
    real: AtomicBool,
}

struct Writer {
    file: BufWriter<File>,
    written: u64,
    most: u64,
    streams: HashMap<u64, Stream>,
}

/// Where the two directions of a connection stand.
#[derive(Clone, Copy)]
struct Stream {
    guest: u32,
    other: u32,
}

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;

/// "TLSK": a key log as browsers write it.
const KEY_LOG: u32 = 0x544c_534b;

/// Packets that were made have no frame around them.
const BARE: u16 = 101;
const ETHERNET: u16 = 1;

/// Connections of which both positions are remembered.
const STREAMS: usize = 65_536;

/// Payload of one packet that is made.
const SEGMENT: usize = 32 << 10;

impl Packets {
    pub(crate) fn create(path: &Path, most: u64) -> io::Result<Self> {
        let file = BufWriter::with_capacity(256 << 10, File::create(path)?);
        let mut writer = Writer { file, written: 0, most, streams: HashMap::new() };
        let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
        section.extend([1, 0, 0, 0]);
        section.extend(u64::MAX.to_le_bytes());
        writer.block(SECTION, &section)?;
        for kind in [BARE, ETHERNET] {
            let mut interface = kind.to_le_bytes().to_vec();
            interface.extend([0; 6]);
            writer.block(INTERFACE, &interface)?;
        }
        Ok(Self { file: Mutex::new(writer), real: AtomicBool::new(false) })
    }

    /// From now on frames are given.
    pub(crate) fn real(&self) {
        self.real.store(true, Relaxed);
    }

    /// A frame as it was on the wire.
    pub(crate) fn frame(&self, bytes: &[u8]) {
        // A full disk ends the file, not the run; what is in it can be read.
        let _ = locked(&self.file).packet(1, bytes);
    }

    /// Keys of a session.
    pub(crate) fn secret(&self, line: &str) {
        let mut block = KEY_LOG.to_le_bytes().to_vec();
        block.extend((line.len() as u32).to_le_bytes());
        block.extend(line.bytes());
        let _ = locked(&self.file).block(SECRETS, &block);
    }

    /// Bytes of a connection.
    pub(crate) fn segment(&self, flow: u64, from: SocketAddr, to: SocketAddr, guest: bool, bytes: &[u8]) {
        if !self.real.load(Relaxed) {
            let _ = locked(&self.file).segment(flow, from, to, guest, bytes);
        }
    }

    /// A datagram.
    pub(crate) fn datagram(&self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if !self.real.load(Relaxed) {
            let _ = locked(&self.file).made(17, from, to, &udp(from, to, bytes));
        }
    }

    pub(crate) fn flush(&self) {
        let _ = locked(&self.file).file.flush();
    }
}

impl Writer {
    fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        let padding = body.len().next_multiple_of(4) - body.len();
        let length = (body.len() + padding + 12) as u32;
        self.written += u64::from(length);
        if self.written > self.most {
            return Ok(());
        }
        self.file.write_all(&kind.to_le_bytes())?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(body)?;
        self.file.write_all([0; 3].get(..padding).unwrap_or_default())?;
        self.file.write_all(&length.to_le_bytes())
    }

    fn packet(&mut self, interface: u32, bytes: &[u8]) -> io::Result<()> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
        let mut body = Vec::with_capacity(bytes.len() + 20);
        body.extend(interface.to_le_bytes());
        body.extend(((time >> 32) as u32).to_le_bytes());
        body.extend((time as u32).to_le_bytes());
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend((bytes.len() as u32).to_le_bytes());
        body.extend(bytes);
        self.block(PACKET, &body)
    }

    fn made(&mut self, protocol: u8, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> io::Result<()> {
        match (from.ip(), to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.packet(0, &packet4_of(protocol, from, to, payload)),
            (IpAddr::V6(from), IpAddr::V6(to)) => self.packet(0, &packet6_of(protocol, from, to, payload)),
            _ => Ok(()),
        }
    }

    fn segment(
        &mut self,
        flow: u64,
        guest: SocketAddr,
        other: SocketAddr,
        said: bool,
        bytes: &[u8],
    ) -> io::Result<()> {
        let mut stream = match self.streams.get(&flow) {
            Some(stream) => *stream,
            None => {
                if self.streams.len() >= STREAMS {
                    self.streams.clear();
                }
                self.made(6, guest, other, &tcp(guest, other, 0, 0, 0x02, &[]))?;
                self.made(6, other, guest, &tcp(other, guest, 0, 1, 0x12, &[]))?;
                self.made(6, guest, other, &tcp(guest, other, 1, 1, 0x10, &[]))?;
                Stream { guest: 1, other: 1 }
            }
        };
        for part in bytes.chunks(SEGMENT) {
            let length = part.len() as u32;
            if said {
                self.made(6, guest, other, &tcp(guest, other, stream.guest, stream.other, 0x18, part))?;
                stream.guest = stream.guest.wrapping_add(length);
            } else {
                self.made(6, other, guest, &tcp(other, guest, stream.other, stream.guest, 0x18, part))?;
                stream.other = stream.other.wrapping_add(length);
            }
        }
        self.streams.insert(flow, stream);
        Ok(())
    }
}

fn tcp(
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    bytes: &[u8],
) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 20);
    out.extend(from.port().to_be_bytes());
    out.extend(to.port().to_be_bytes());
    out.extend(sequence.to_be_bytes());
    out.extend(acknowledged.to_be_bytes());
    out.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    out.extend(bytes);
    let sum = checksum(from.ip(), to.ip(), 6, &out);
    if let Some(place) = out.get_mut(16..18) {
        place.copy_from_slice(&sum.to_be_bytes());
    }
    out
}
