//! No packet of a guest is ever on the host's own network: every card of the host is listened to meanwhile.

use crate::Test;
use crate::guest::{begin, finish, is_root, spec};
use crate::network::answer;
use rustix::fd::OwnedFd;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with,
    sockopt::set_socket_timeout,
};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) const TESTS: &[Test] = &[("no_packet_leaves", no_packet_leaves)];

/// The variable that tells the tests of an ordinary user which words root listens for.
pub(crate) const MARK: &str = "LAUNCH_MARK";

/// Every packet of every card, to and from it, in the order of the network's bytes.
const ALL: u32 = (libc::ETH_P_ALL as u16).to_be() as u32;

fn no_packet_leaves() {
    if let Some(mark) = std::env::var_os(MARK) {
        return spray(&mark.into_string().unwrap());
    }
    if !is_root() {
        println!(
            "skipped: only root may listen to the host's cards; run these tests as root, who runs them as a user too"
        );
        assert!(std::env::var_os("CI").is_none(), "CI runs these tests as root");
        return;
    }
    let ((), seen) = watched(spray);
    assert_eq!(seen, 0, "packets of a guest on the host's own network");
}

fn spray(mark: &str) {
    let run = begin(&spec(&format!("escapes spray '{mark}'")));
    let seen = answer(run.doors().unwrap());
    let ran = finish(&run);
    run.close().unwrap();
    assert_eq!(ran.text(), "sprayed\n", "{}", ran.errors());
    let seen = seen.lock().unwrap();
    assert!(seen.windows(mark.len()).any(|window| window == mark.as_bytes()), "the doors saw nothing either");
}

/// Does something that is given words to send, and counts the packets with these words that pass the host's cards.
pub(crate) fn watched<T>(sending: impl FnOnce(&str) -> T) -> (T, usize) {
    let mark = format!("packet of {}", std::process::id());
    let before = Listening::begin(&mark);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(mark.as_bytes(), "127.0.0.1:9").unwrap();
    assert!(
        before.end() > 0,
        "what is sent is not seen by who listens, so that seeing nothing proves nothing"
    );
    let listening = Listening::begin(&mark);
    let result = sending(&mark);
    (result, listening.end())
}

struct Listening {
    over: Arc<AtomicBool>,
    counting: std::thread::JoinHandle<usize>,
}

impl Listening {
    fn begin(mark: &str) -> Self {
        let kind = SocketType::RAW;
        let all = rustix::net::Protocol::from_raw(std::num::NonZeroU32::new(ALL).unwrap());
        let socket =
            socket_with(AddressFamily::PACKET, kind, SocketFlags::CLOEXEC, Some::<Protocol>(all)).unwrap();
        let often = Some(Duration::from_millis(50));
        set_socket_timeout(&socket, rustix::net::sockopt::Timeout::Recv, often).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (mark, ending) = (mark.as_bytes().to_vec(), Arc::clone(&over));
        let counting = std::thread::spawn(move || count(&socket, &mark, &ending));
        Self { over, counting }
    }

    /// How many were seen.
    fn end(self) -> usize {
        // What was sent last may still be on its way.
        std::thread::sleep(Duration::from_millis(200));
        self.over.store(true, Ordering::Relaxed);
        self.counting.join().unwrap()
    }
}

fn count(socket: &OwnedFd, mark: &[u8], over: &AtomicBool) -> usize {
    let (mut bytes, mut seen) = (vec![0; 70_000], 0);
    while !over.load(Ordering::Relaxed) {
        if let Ok((length, _)) = recv(socket, &mut bytes[..], RecvFlags::empty()) {
            seen += usize::from(bytes[..length].windows(mark.len()).any(|window| window == mark));
        }
    }
    seen
}
