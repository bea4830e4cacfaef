//! Things beside the image that only somebody with no business there goes for: the socket of a container engine, and
//! a process that looks like another's miner.

use sandbox::{Decoys, Persona, Start, Stdin, User};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

/// Where the engine's socket lies.
const ENGINE: &str = "/run/docker.sock";
/// What the rival's process is called in the record; nothing of the image is.
pub(crate) const NAME: &str = "decoy";
/// Where the rival's program lies.
const RIVAL: &str = "/var/tmp/.cache/xmrig";
/// Where the network answers as an engine.
const ANSWERED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(172, 17, 0, 1)), 2375);
/// How long one side may say nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// What is asked of the sandbox. A run that only asks an interpreter to do nothing has no rival beside it.
pub(crate) fn decoys(neutral: bool, hidden: bool) -> Decoys {
    let rival = Start {
        probe: NAME.to_owned(),
        argv: vec![RIVAL.as_bytes().to_vec(), b"-o".to_vec(), b"127.0.0.1:3333".to_vec()],
        env: Vec::new(),
        cwd: PathBuf::from("/"),
        user: User::default(),
        stdin: Stdin::Null,
    };
    Decoys {
        beside: if neutral { Vec::new() } else { vec![rival] },
        sockets: vec![PathBuf::from(ENGINE)],
        left_out: if hidden { vec![PathBuf::from("/.dockerenv")] } else { Vec::new() },
    }
}

/// The rival's program: it waits for signals and does nothing else.
pub(crate) fn rival() -> Persona {
    Persona { path: PathBuf::from(RIVAL), mode: 0o755, owner: (0, 0), bytes: waiting_program() }
}

/// An ELF program of x86-64 that calls `pause` again and again.
fn waiting_program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    const HEAD: u64 = 64 + 56;
    let code = [0xb8, 0x22, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7];
    let length = HEAD + code.len() as u64;
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(16, 0);
    let mut put = |bytes: &[u8]| program.extend_from_slice(bytes);
    // Executable, x86-64, version; entry, program headers, no sections; flags and sizes.
    put(&[2, 0, 62, 0, 1, 0, 0, 0]);
    [BASE + HEAD, 64, 0].iter().for_each(|word| put(&word.to_le_bytes()));
    put(&[0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    // One segment to read and run.
    put(&[1, 0, 0, 0, 5, 0, 0, 0]);
    [0, BASE, BASE, length, length, 0x1000].iter().for_each(|word: &u64| put(&word.to_le_bytes()));
    put(&code);
    program
}

/// Answers at the engine's socket with what the network answers as an engine.
pub(crate) struct Engine {
    listeners: Vec<UnixListener>,
}

impl Engine {
    pub(crate) fn new(named: Vec<OwnedFd>) -> Self {
        let listeners: Vec<UnixListener> = named.into_iter().map(UnixListener::from).collect();
        listeners.iter().for_each(|listener| {
            let _ = listener.set_nonblocking(true);
        });
        Self { listeners }
    }

    /// Takes who came, and joins each with the network through a socket of the guest's.
    pub(crate) fn take(&self, mut socket: impl FnMut() -> Option<OwnedFd>) {
        for listener in &self.listeners {
            while let Ok((guest, _)) = listener.accept() {
                let Some(socket) = socket() else { return };
                // They end with either side, and both sides end with the run.
                std::thread::spawn(move || join(guest, socket));
            }
        }
    }
}

fn join(guest: UnixStream, socket: OwnedFd) -> Option<()> {
    rustix::net::connect(&socket, &ANSWERED).ok()?;
    let network = TcpStream::from(socket);
    guest.set_nonblocking(false).ok()?;
    guest.set_read_timeout(Some(SILENCE)).ok()?;
    guest.set_write_timeout(Some(SILENCE)).ok()?;
    network.set_read_timeout(Some(SILENCE)).ok()?;
    network.set_write_timeout(Some(SILENCE)).ok()?;
    let (from, to) = (guest.try_clone().ok()?, network.try_clone().ok()?);
    let asks = std::thread::spawn(move || {
        pass(from, &to);
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
    pass(network, &guest);
    let _ = guest.shutdown(std::net::Shutdown::Both);
    asks.join().ok()
}

fn pass(mut from: impl Read, mut to: impl Write) {
    let mut bytes = [0; 8192];
    while let Ok(read) = from.read(&mut bytes) {
        let part = bytes.get(..read).unwrap_or_default();
        if part.is_empty() || to.write_all(part).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rival_s_program_is_whole() {
        let program = waiting_program();
        assert_eq!(program.len(), 129);
        assert_eq!(program.get(24..32), Some(&0x40_0078_u64.to_le_bytes()[..]));
    }
}
